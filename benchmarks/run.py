"""gpinspect beside the tools people use today: `make bench`, or `python -m benchmarks.run --size 1G mtu1500`.

Each tool must give the right answer before its time counts. CPU time is user and system of the process; ratios are taken
within one round and the median over the rounds is told.
"""

import argparse
import statistics
import struct
import sys
import tempfile
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import generate, measure, provide, report
from benchmarks.contest import Series, contest
from benchmarks.tools import GPINSPECT, Tool, program, tools

EMPTY_PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description="Measure gpinspect beside other tools.")
    generate.arguments(parser)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each tool on each capture (default: 5)")
    parser.add_argument("--tool", action="append", default=[], help="only tools whose name holds this text; may be given again")
    parser.add_argument("--reference", default="gpinspect sessions", help="the row that ratios are taken to")
    parser.add_argument("--no-install", action="store_true", help="name missing tools and go on without them")
    parser.add_argument("--no-starts", action="store_true", help="leave out what starting costs")
    options = parser.parse_args()
    shapes = generate.wanted(parser, options.shapes)
    chosen = [tool for tool in tools() if not options.tool or any(word in tool.name for word in options.tool)]
    if not chosen or options.rounds < 1:
        parser.error("nothing to do: no tool has such a name, or no round was asked for")

    talk = Talk()
    for line in provide.provide(chosen, install=not options.no_install):
        talk.say(line)
    print("\n".join(provide.versions()))
    print(f"seed        {options.seed}")
    print(
        f"bound       {measure.BOUND_S} s of wall clock a run; page cache warmed; an idle process has a peak of {floor():.0f} MiB"
    )
    if options.size < 1 << 30:
        print("note        the targets are for 1 GB; below that, what starting costs weighs in the ratios")

    for name in shapes:
        talk.say(f"{name}: making {options.size:,} bytes")
        made = generate.generate(name, options.size, options.folder, options.seed, options.package)
        series = contest(made, [tool for tool in chosen if tool.fits(made)], options.rounds, tell=talk.say)
        talk.clear()
        print("\n".join(report.table(made, series, reference(series, options.reference), options.rounds)), flush=True)
    if not options.no_starts:
        print("\n".join(starting(chosen, options.rounds, talk)))
    return 0


def reference(series: list[Series], name: str) -> Series | None:
    return next((one for one in series if one.tool.name == name), None)


def floor() -> float:
    """Peak memory of a process that does nothing: what the launcher itself adds to small programs."""
    return measure.run(["true"]).peak_mib


def starting(chosen: list[Tool], rounds: int, talk: "Talk") -> list[str]:
    """Empty capture for all; `--version` and the first table of a small capture for gpinspect."""
    with tempfile.TemporaryDirectory(prefix="gpinspect-bench-") as folder:
        path = Path(folder, "empty.pcap")
        path.write_bytes(EMPTY_PCAP)
        empty = generate.Made(path, {"ports": [8080], "frames": 0})
        lines = report.starts(contest(empty, chosen, rounds, empty=True, tell=talk.say))
        if any(tool.kind == GPINSPECT for tool in chosen):
            small = generate.generate("mtu1500", 1 << 18, Path(folder), package=32768).path
            lines += [
                once("gpinspect --version", [program("gpinspect"), "--version"], report.VERSION_MS, rounds),
                once("first table", [program("gpinspect"), "sessions", str(small)], report.FIRST_TABLE_MS, rounds),
            ]
    talk.clear()
    return lines


def once(name: str, command: list[str], limit_ms: float, rounds: int) -> str:
    runs = [measure.run(command) for _ in range(rounds)]
    failed = next((run for run in runs if run.status or not run.finished), None)
    if failed:
        return f"  {name:<22}{'-':>9}  not runnable (status {failed.status}): {provide.last_line(failed.stderr)[:80]}"
    middle = statistics.median(run.cpu_s for run in runs) * 1000
    return f"  {name:<22}{middle:>9.0f}  {report.standing(middle, limit_ms, True)}"


class Talk:
    """What is going on, on stderr: one line that the next one replaces on a terminal, silent elsewhere."""

    def say(self, text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        self.say("")


if __name__ == "__main__":
    sys.exit(main())
