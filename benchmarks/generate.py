"""Seeded captures with their truth beside them.

    python -m benchmarks.generate mtu1500 lossy --size 1G --folder bench-data

NAME.pcap        the capture; the same shape, size, seed and package give the same bytes
NAME.truth.json  sums: messages by letter, payload bytes, connections, sessions, frames
NAME.streams.jsonl  one line a connection: addresses, Greenplum segment, payload bytes and SHA-256, messages by letter
NAME.keys        shapes that speak TLS: the key log

Of a shape that speaks TLS the seed decides payload and sizes; keys and ciphertext are others each time (see `sealed`).

IPv4 checksums are right, TCP checksums are 0 (see `wire`).
"""

import argparse
import json
import random
import re
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.content import Rows, Truth
from benchmarks.sealed import Sealer
from benchmarks.shapes import SERVER, SHAPES, Scene
from benchmarks.wire import Writer

GENERATOR = 1  # goes up when the same arguments give other bytes
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True)
class Made:
    """A capture on disk and what is true of it."""

    path: Path
    truth: dict[str, Any]

    @property
    def streams(self) -> Path:
        return self.path.with_suffix(".streams.jsonl")

    @property
    def keylog(self) -> Path | None:
        """What opens its TLS; None where it speaks none."""
        return self.path.with_suffix(".keys") if self.truth.get("sealed_bytes") else None


def size_of(text: str) -> int:
    """Bytes from "100M", "1G", "4096"; units are powers of 1024.

    Raises:
        argparse.ArgumentTypeError: It is no size.
    """
    match = re.fullmatch(r"(\d+)([KMG]?)I?B?", text.upper())
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; wanted a number with K, M or G behind it, such as 100M")
    return int(match[1]) * UNITS[match[2]]


def generate(name: str, size: int, folder: Path, seed: int = 1, package: int = 0) -> Made:
    """Make a capture of about `size` bytes, or take the one that is there.

    Args:
        name: One of SHAPES.
        package: Largest D in bytes instead of the shape's; 0 keeps it.
    """
    shape = SHAPES[name] if not package else replace(SHAPES[name], package=(package, package))
    made_from = {"generator": GENERATOR, "shape": name, "size": size, "seed": seed, "package": list(shape.package)}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{size}-{seed}{f'-{package}' if package else ''}.pcap"
    beside = path.with_suffix(".truth.json")
    if path.exists() and beside.exists():
        truth = json.loads(beside.read_text())
        made = Made(path, truth)
        opens = made.keylog is None or made.keylog.exists()
        if truth["made_from"] == made_from and truth["capture_bytes"] == path.stat().st_size and opens:
            return made
    beside.unlink(missing_ok=True)
    rng = random.Random(f"{name} {seed}")
    sealer = Sealer(shape.suite, path.with_suffix(".keys")) if shape.suite else None
    with path.with_suffix(".streams.jsonl").open("w") as lines, Writer(path) as writer:
        sums = Truth(lines)
        scene = Scene(shape, writer, rng, Rows(rng), sums, size, sealer)
        for _ in shape.traffic(scene):
            pass
    truth = {
        "made_from": made_from,
        "about": shape.about,
        "suite": shape.suite.name if shape.suite else None,
        "ports": [SERVER[1]],
        "frames": writer.frames,
        "capture_bytes": writer.written,
        "sealed_bytes": sealer.sealed if sealer else 0,
        **sums.as_dict(),
    }
    beside.write_text(json.dumps(truth, indent=1) + "\n")
    return Made(path, truth)


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options that the benchmark shares with the generator."""
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"of {', '.join(SHAPES)}; all when none is named")
    parser.add_argument("--size", type=size_of, default=size_of("100M"), help="bytes of each capture: 100M (default), 1G, 10G")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--package", type=size_of, default=0, help="largest D in bytes instead of the shape's own")
    parser.add_argument("--folder", type=Path, default=Path("bench-data"), help="where captures are kept (default: bench-data)")


def wanted(parser: argparse.ArgumentParser, names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in SHAPES]
    if unknown:
        parser.error(f"no shape {unknown[0]!r}; there are {', '.join(SHAPES)}")
    return names or list(SHAPES)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate", description="Make captures with known truth.")
    arguments(parser)
    options = parser.parse_args()
    for name in wanted(parser, options.shapes):
        begun = time.perf_counter()
        made = generate(name, options.size, options.folder, options.seed, options.package)
        took, truth = time.perf_counter() - begun, made.truth
        print(
            f"{made.path}  {truth['capture_bytes'] / 1e6:,.0f} MB  {truth['frames']:,} frames  {truth['messages']:,} messages  "
            f"{truth['connections']:,} connections  {truth['capture_bytes'] / 1e6 / took:,.0f} MB/s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
