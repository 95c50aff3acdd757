"""Shipped captures with bytes flipped, records dropped, doubled and swapped, and the rest cut off.

Whatever comes in, an inspection comes out, or one of the few exceptions; and no more payload than bytes that were captured.
"""

import random
import struct
import time
from functools import cache
from pathlib import Path

import pytest

from gpinspect.errors import GpinspectError
from gpinspect.inspection import inspect

FOLDER = Path(__file__).resolve().parent.parent.parent / "captures"
SMALL = 130_000
SHIPPED = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".pcap", ".pcapng") and path.stat().st_size < SMALL)
SEEDS = 360
BATCH = 20
PATIENCE = 10.0
"""Seconds of processor time for one small capture: far more than it takes, far less than for ever."""


@cache
def records_of(name: str) -> tuple[bytes, tuple[bytes, ...]]:
    """What stands in front of the first record (or block), and the records."""
    data = (FOLDER / name).read_bytes()
    records = []
    if name.endswith(".pcapng"):
        at = 0
        while at < len(data):
            size = struct.unpack_from("<I", data, at + 4)[0]
            records.append(data[at : at + size])
            at += size
        return b"".join(records[:2]), tuple(records[2:])
    at = 24
    while at + 16 <= len(data):
        size = 16 + struct.unpack_from("<I", data, at + 8)[0]
        records.append(data[at : at + size])
        at += size
    return data[:24], tuple(records)


def mutated(name: str, seed: int) -> bytes:
    chance = random.Random(f"{name} {seed}")
    head, whole = records_of(name)
    records = list(whole)
    kind = chance.randrange(6)
    if kind in (0, 5):  # frames lost
        records = [record for record in records if chance.random() > 0.05]
    if kind in (1, 5):  # frames doubled and in another order
        for _ in range(20):
            at = chance.randrange(len(records) - 1)
            records[at], records[at + 1] = records[at + 1], records[at]
            records.insert(chance.randrange(len(records)), chance.choice(records))
    if kind in (2, 5):  # the middle of it
        start = chance.randrange(len(records))
        records = records[start : start + chance.randrange(1, 400)]
    data = bytearray(head + b"".join(records))
    if kind in (3, 5):  # bits flipped anywhere
        for _ in range(chance.choice((1, 10, 200))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    if kind == 4:  # cut, and other bytes behind it
        del data[chance.randrange(len(data)) :]
        data += chance.randbytes(chance.randrange(300))
    return bytes(data)


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_damaged_captures_end_in_an_inspection_or_in_one_of_the_few_errors(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + BATCH):
        name = SHIPPED[seed % len(SHIPPED)]
        data = mutated(name, seed)
        path = tmp_path / f"{seed}-{name}"
        path.write_bytes(data)
        began = time.process_time()
        try:
            with inspect([str(path)], hashes=seed % 2 == 0) as inspection:
                exchanges, sessions = inspection.exchanges, inspection.sessions
                assert sum(e.payload_bytes for e in exchanges if not e.zstd) <= len(data), (name, seed)
                assert all(e.payload_bytes >= 0 and e.missing_bytes >= 0 for e in exchanges), (name, seed)
                assert sum(s.payload_bytes for s in sessions) <= sum(e.payload_bytes for e in exchanges), (name, seed)
                members = [e.session for e in exchanges if e.session is not None]
                assert sorted(set(members)) == [s.id for s in sessions]
                if seed % 2 == 0:
                    for exchange in exchanges:
                        kept = sum(len(part) for _, _, part in inspection.payload(exchange.id))
                        assert kept == exchange.payload_bytes, (name, seed, exchange)
        except GpinspectError as error:
            assert str(error)
        assert time.process_time() - began < PATIENCE, (name, seed)


def test_an_empty_file_and_noise_are_told_as_such(tmp_path: Path) -> None:
    for number, data in enumerate((b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", random.Random(1).randbytes(5000))):
        path = tmp_path / str(number)
        path.write_bytes(data)
        with pytest.raises(GpinspectError):
            inspect([str(path)])
