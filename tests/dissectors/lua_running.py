"""tshark with the Lua dissector, for tests: its output, and the captures it reads cut, thinned and damaged."""

import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from gpinspect.capture import open_captures
from gpinspect.capture.source import Record
from gpinspect.capture.write import PcapngWriter

ROOT = Path(__file__).resolve().parent.parent.parent
LUA = ROOT / "dissectors" / "wireshark" / "gpfdist.lua"
CAPTURES = ROOT / "captures"
SHIPPED = sorted(path.name for path in CAPTURES.iterdir() if path.suffix in (".pcap", ".pcapng"))


def tshark(path: Path, *words: str, script: Path = LUA) -> str:
    """What tshark prints; a Lua error anywhere fails."""
    found = shutil.which("tshark")
    assert found, "tshark is missing: tests/tools.sh installs it"
    command = [found, "-n", "-X", f"lua_script:{script}", "-r", str(path), *words]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    said = done.stdout.decode("utf-8", "replace")
    complaints = done.stderr.decode("utf-8", "replace")
    assert done.returncode in (0, 2), complaints  # 2: the capture is cut
    assert "Lua Error" not in said and "Lua:" not in complaints, (said[-2000:], complaints)
    return said


def rewritten(source: Path, target: Path, change: Callable[[list[Record]], list[Record]]) -> Path:
    """A capture with other frames in it."""
    with open_captures([str(source)]) as capture:
        records = list(capture.records())
    with target.open("wb") as sink:
        writer = PcapngWriter(sink, "tests")
        for record in change(records):
            writer.frame(record.link, record.ns, record.captured, record.original)
    return target


def without_ends(records: list[Record]) -> list[Record]:
    """No frame whose TCP flags have FIN or RST (Ethernet, IPv4 without options)."""
    return [record for record in records if not (record.captured[23] == 6 and record.captured[47] & 5)]


def thinned(seed: int, share: float) -> Callable[[list[Record]], list[Record]]:
    """Frames that the recorder lost, handshakes not among them."""

    def change(records: list[Record]) -> list[Record]:
        rng = random.Random(seed)
        return [record for record in records if record.captured[47] & 7 or rng.random() >= share]

    return change


def damaged(seed: int) -> Callable[[list[Record]], list[Record]]:
    """Changed bytes, frames lost, doubled, exchanged and cut short."""

    def change(records: list[Record]) -> list[Record]:
        rng = random.Random(seed)
        frames = records[:250]
        for _ in range(rng.randrange(3, 40)):
            at, kind = rng.randrange(len(frames)), rng.random()
            data = bytearray(frames[at].captured)
            if kind < 0.5 and len(data) > 60:
                data[rng.randrange(54, min(len(data), 500))] = rng.choice((0, 255, 70, 68, 10, rng.randrange(256)))
            elif kind < 0.6:
                data[rng.randrange(len(data))] = rng.randrange(256)
            elif kind < 0.7:
                data = data[: rng.randrange(1, len(data))]
            elif kind < 0.8:
                frames.insert(rng.randrange(len(frames)), frames[at])
            elif kind < 0.9 and len(frames) > 5:
                del frames[at]
                continue
            else:
                other = rng.randrange(len(frames))
                frames[at], frames[other] = frames[other], frames[at]
                continue
            frames[at] = frames[at]._replace(captured=bytes(data), original=max(len(data), 1))
        return frames

    return change
