"""Frames are read again from where windows said they are."""

import gzip
import os
import random
import threading
from pathlib import Path

import pytest

from gpinspect.capture import Record, open_captures
from gpinspect.errors import SourceError

from .build import Result, drain, enhanced, frame, interface, obsolete, option, pcap, section, simple
from .test_pcapng import MIXED

CLASSIC = pcap([frame(i * 1000, bytes([i % 256]) * (i % 50 + 1), original=99) for i in range(300)])


def sections_without_end() -> bytes:
    """Many sections, each with another clock, frames with and without a time: more changes than are remembered."""
    chance = random.Random(3)
    data = b""
    for number in range(150):
        order = "<>"[number % 2]
        data += section(order) + interface(order, link=number, resolution=chance.choice([3, 6, 9, 0x8A, 12]))
        for _ in range(chance.randrange(4)):
            kind = chance.choice([enhanced, obsolete])
            data += kind(0, chance.randrange(1 << 40), bytes(chance.randrange(1, 40)), order)
            if chance.random() < 0.4:
                data += simple(bytes(chance.randrange(1, 9)), order)
    return data


FILES = {
    "classic": CLASSIC,
    "mixed": MIXED,
    "sections": sections_without_end(),
    "interfaces": section() + interface() + enhanced(0, 1, b"a") + interface() * 3000 + enhanced(3000, 2, b"b"),
    "options": section() + interface() + enhanced(0, 1, b"a", options=option(1, b"note")) + enhanced(0, 2, b"b"),
}


def records_of(result: Result) -> list[Record]:
    pairs = zip(result.positions, result.frames, strict=True)
    return [Record(position, one.ns, one.link, one.data, one.original) for position, one in pairs]


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("packed", [False, True])
def test_every_frame_and_those_behind_it_are_read_again(tmp_path: Path, kind: str, packed: bool) -> None:
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(FILES[kind]) if packed else FILES[kind])
    with open_captures([str(path)], again=packed) as capture:
        records = records_of(drain(capture))
        assert records
        for index, record in enumerate(records):
            assert list(capture.records_at(record.position)) == records[index:]


def test_a_pipe_is_read_again_from_its_copy(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(MIXED,))
    writer.start()
    with open_captures([str(path)], again=True) as capture:
        records = records_of(drain(capture))
        writer.join()
        for index, record in enumerate(records):
            assert list(capture.records_at(record.position)) == records[index:]
    assert [entry.name for entry in tmp_path.iterdir()] == ["pipe"]


def test_frames_can_be_read_again_while_reading_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(CLASSIC)
    with open_captures([str(path)]) as capture:
        for window in capture.windows():
            record = next(capture.records_at(window.base + window.start))
            high, low, captured, _ = window.layout.head.unpack_from(window.buffer, window.start)[3:]
            assert (record.ns, len(record.captured)) == (high * 10**9 + low * 1000, captured)
            window.start += 16 + captured


def test_in_a_merged_capture_the_frames_of_the_same_input_follow(tmp_path: Path) -> None:
    names = []
    for number in range(3):
        path = tmp_path / str(number)
        path.write_bytes(pcap([frame((3 * i + number) * 1000, b"%d" % i) for i in range(20)]))
        names.append(str(path))
    with open_captures(names) as capture:
        records = records_of(drain(capture))
        for record in records:
            same = [other for other in records if other.position >> 48 == record.position >> 48]
            assert list(capture.records_at(record.position)) == same[same.index(record) :]


def test_what_can_be_read_only_once_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(CLASSIC))
    with open_captures([str(path)]) as capture:
        position = drain(capture).positions[0]
        with pytest.raises(SourceError, match=r"a\.gz.*only once.*again=True"):
            next(capture.records_at(position))


def test_a_position_in_no_input_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(CLASSIC)
    with open_captures([str(path)]) as capture:
        drain(capture)
        with pytest.raises(ValueError, match="input 5 of 1"):
            next(capture.records_at(5 << 48))


def test_a_copy_that_finds_no_room_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(CLASSIC))

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gpinspect.capture.spool.os.write", full)
    with open_captures([str(path)], again=True) as capture, pytest.raises(SourceError, match="No space left"):
        drain(capture)
