"""Heads of zstd frames and blocks, against frames that libzstd made and bytes put together by hand."""

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.grammar import zstd


@pytest.mark.parametrize(
    ("data", "head"),
    [
        ("28b52ffd 00 48", (6, False, None, 512 << 10)),  # gpfdist, level 1
        ("28b52ffd 00 60", (6, False, None, 4 << 20)),  # Cloudberry, level 9
        ("28b52ffd 04 48", (6, True, None, 512 << 10)),
        ("28b52ffd 00 49", (6, False, None, (512 << 10) + (64 << 10))),  # mantissa 1: an eighth more
        ("28b52ffd 20 05", (6, False, 5, 5)),
        ("28b52ffd 60 0001", (7, False, 512, 512)),  # two-byte sizes count from 256
        ("28b52ffd a0 00000100", (9, False, 65536, 65536)),
        ("28b52ffd e0 0000000001000000", (13, False, 1 << 32, 1 << 32)),
        ("28b52ffd 03 48 01020304", (10, False, None, 512 << 10)),  # dictionary of four bytes
    ],
)
def test_frame_heads_by_hand(data: str, head: tuple[object, ...]) -> None:
    raw = bytes.fromhex(data)
    assert zstd.frame_head(raw + b"rest") == head
    for cut in range(len(raw)):
        assert zstd.frame_head(raw[:cut]) is None


@pytest.mark.parametrize("data", [b"1,2\n", b"\x28\xb5\x2f\xfe", b"(x", b"\x28\xb5\x2f\xfd\x08"])
def test_bytes_that_are_no_frame_are_told_apart_from_bytes_that_are_missing(data: bytes) -> None:
    assert isinstance(zstd.frame_head(data), zstd.NotZstd)


@pytest.mark.parametrize(
    ("data", "block"),
    [
        ("010000", (True, "raw", 0, 0)),
        ("080000", (False, "raw", 1, 1)),
        ("03 0001", (True, "rle", 0x2000, 1)),
        ("05 0004", (True, "compressed", 0x8000, 0x8000)),
        ("070000", (True, "reserved", 0, 0)),
    ],
)
def test_block_heads_by_hand(data: str, block: tuple[object, ...]) -> None:
    assert zstd.block_head(bytes.fromhex(data)) == block
    assert zstd.block_head(bytes.fromhex(data)[:2]) is None


@given(st.binary(max_size=2000), st.integers(0, 200), st.booleans(), st.booleans())
def test_frames_of_libzstd_end_where_their_blocks_say(rows: bytes, times: int, checksum: bool, sized: bool) -> None:
    content = rows * times
    writer = zstandard.ZstdCompressor(level=1, write_checksum=checksum, write_content_size=sized)
    frame = writer.compress(content)
    head = zstd.frame_head(frame)
    assert isinstance(head, zstd.FrameHead)
    assert head.has_checksum == checksum
    assert head.content_size == (len(content) if sized else None)
    assert zstd.frame_length(frame + b"D\0\0\0\0") == len(frame)
    assert zstd.frame_length(frame[:-1]) is None


@given(st.binary(max_size=60))
def test_no_bytes_raise(data: bytes) -> None:
    for start in (data, zstd.MAGIC + data):
        length = zstd.frame_length(start)
        assert length is None or isinstance(length, zstd.NotZstd) or length <= len(start)
