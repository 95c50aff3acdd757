"""Inputs that claim a lot: memory stays small, and it ends soon."""

import random
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

from gpinspect.capture import open_captures
from gpinspect.capture.intake import Intake
from gpinspect.capture.journal import Journal
from gpinspect.capture.pcapng import read_blocks
from gpinspect.capture.records import LARGEST_BLOCK
from gpinspect.errors import CaptureError

from .build import custom, drain, enhanced, frame, interface, pcap, pcap_header, read, secrets, section, simple

MIB = 1 << 20


@contextmanager
def memory_below(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def zeros_packed(head: bytes, mebibytes: int) -> bytes:
    """A gzip member of `head` and very many zeros; each 16 MiB of them is the same 16 KiB."""
    packer = zlib.compressobj(9, wbits=31)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    body = zlib.compressobj(9, wbits=-15)
    piece = body.compress(bytes(16 * MIB)) + body.flush(zlib.Z_FULL_FLUSH)
    return start + piece * (mebibytes // 16)


def test_ten_gib_of_zeros_in_ten_mb_are_no_capture(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(zeros_packed(b"", 10 << 10))
    assert path.stat().st_size > 10_000_000
    with memory_below(32 * MIB), pytest.raises(CaptureError, match="wanted a capture"):
        read(path)


def test_zeros_behind_a_good_header_are_no_capture(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(zeros_packed(pcap_header(), 1 << 10))
    with memory_below(32 * MIB), pytest.raises(CaptureError, match="in front of its first frame"):
        read(path)


def test_a_zstd_bomb_of_large_records_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zst"
    record = struct.pack("<IIII", 0, 0, 1 << 24, 1 << 24) + bytes(1 << 24)
    path.write_bytes(zstandard.ZstdCompressor().compress(pcap_header() + record * 8))
    with open_captures([str(path)]) as capture, memory_below(100 * MIB):
        frames = 0
        for window in capture.windows():
            window.start += 16 + (1 << 24)
            frames += 1
    assert frames == 8


def test_a_record_that_claims_4_gib_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(pcap([frame(0, b"abc")]) + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 0xFFFFFFFF) + bytes(3 * MIB))
    with memory_below(4 * MIB):
        result = read(path)
    assert (result.frames, [code for code, _ in result.notices]) == ([frame(0, b"abc")], ["GPI002"])


def test_a_cut_record_that_claims_16_mib_takes_no_more(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(pcap([frame(0, b"abc")]) + struct.pack("<IIII", 0, 0, 1 << 24, 1 << 24) + bytes(100))
    with memory_below(20 * MIB):
        result = read(path)
    assert result.notices == [("GPI001", {"position": 24 + 16 + 3})]


def test_ten_mb_of_chance_behind_a_good_header_end_at_the_first_nonsense(tmp_path: Path) -> None:
    for seed in range(5):
        chance = random.Random(seed).randbytes(10_000_000)
        for number, start in enumerate((pcap([frame(0, b"abc")]), section() + interface() + enhanced(0, 0, b"abc"))):
            path = tmp_path / f"{seed}-{number}"
            path.write_bytes(start + chance)
            with memory_below(40 * MIB):
                result = read(path)
            assert result.frames[0] == frame(0, b"abc")
            assert [code for code, _ in result.notices] in (["GPI001"], ["GPI002"])


def test_sections_without_end_are_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes((section() + interface() + simple(b"abcd")) * 20_000)
    with open_captures([str(path)]) as capture, memory_below(4 * MIB):
        count = 0
        for window in capture.windows():
            window.start = window.end
            count += 1
    assert count == 20_000


def test_secrets_without_end_are_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a"
    text = b"CLIENT_RANDOM 00 11\n" * 700_000
    path.write_bytes(section() + interface() + enhanced(0, 0, b"abc") + secrets(text) * 6 + enhanced(0, 0, b"def"))
    result = read(path)
    assert len(result.frames) == 2
    assert len(result.secrets) == 4  # of 14 MB each, 64 MiB are kept
    assert [code for code, _ in result.notices] == ["GPI002", "GPI006"]


def test_a_block_larger_than_any_that_is_believed_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    start = section() + interface() + enhanced(0, 0, b"abc")
    path.write_bytes(start + custom(bytes(LARGEST_BLOCK)) + start)
    with memory_below(8 * MIB):
        result = read(path)
    assert [code for code, _ in result.notices] == ["GPI002"]


def test_a_disk_that_fails_in_the_middle_is_said(tmp_path: Path) -> None:
    class Failing:
        consumed = 0

        def __init__(self) -> None:
            self.data = section() + interface() + enhanced(0, 0, b"abc") + enhanced(0, 0, b"cut")[:-1]

        def readinto(self, view: memoryview, /) -> int:
            if not self.data:
                raise OSError(5, "Input/output error")
            count = min(len(view), len(self.data))
            view[:count], self.data = self.data[:count], self.data[count:]
            return count

        def close(self) -> None:
            pass

    journal = Journal("disk")
    for window in read_blocks(Intake(Failing(), 1000), journal):
        window.start += len(enhanced(0, 0, b"abc"))
    (notice,) = journal.finish()
    assert (notice.code, "Input/output error" in str(notice.values["problem"])) == ("GPI002", True)


def test_letting_go_in_the_middle_closes_everything(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(pcap([frame(0, b"abc")] * 10))
    before = set(Path("/proc/self/fd").iterdir())
    with open_captures([str(path)]) as capture:
        windows = capture.windows()
        position = next(windows).base + 24
        assert next(capture.records_at(position)).captured == b"abc"
    windows.close()
    assert set(Path("/proc/self/fd").iterdir()) == before
    with open_captures([str(path)]) as capture:
        assert len(drain(capture).frames) == 10
