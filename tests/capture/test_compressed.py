"""Compressed captures, told by magic: whole, in members, cut and damaged."""

import gzip
from functools import partial
from itertools import repeat
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.capture.compressed import Decompressed
from gpinspect.capture.raw import BrokenInputError
from gpinspect.errors import CaptureError

from .build import Cuts, frame, pcap, pcap_header, read

FRAMES = [frame(i * 1000, bytes((i * 7 + j * j) % 251 for j in range(900))) for i in range(400)]
PLAIN = pcap(FRAMES)
PACK = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lz4": partial(lz4.frame.compress, content_checksum=True),
}


def unpack(data: bytes, piece: int) -> bytes:
    raw = Decompressed(Cuts(data, repeat(piece)))
    out, buffer = b"", bytearray(1000)
    while count := raw.readinto(memoryview(buffer)):
        out += buffer[:count]
    return out


@pytest.mark.parametrize("kind", PACK)
def test_a_compressed_capture_gives_the_same_frames(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "no-suffix"
    path.write_bytes(PACK[kind](PLAIN))
    result = read(path)
    assert (result.frames, result.notices) == (FRAMES, [])


@pytest.mark.parametrize("kind", PACK)
def test_members_that_follow_each_other_are_one_stream(kind: str) -> None:
    pack = PACK[kind]
    assert unpack(pack(PLAIN[:1000]) + pack(b"") + pack(PLAIN[1000:5000]) + pack(PLAIN[5000:]), 4096) == PLAIN


def test_members_of_different_kinds_and_padding_are_taken() -> None:
    data = b"".join(pack(kind.encode()) for kind, pack in PACK.items())
    assert unpack(data + bytes(600), 5) == "".join(PACK).encode()


def test_a_skippable_frame_in_front_is_skipped() -> None:
    skippable = bytes.fromhex("502a4d18") + (4).to_bytes(4, "little") + b"size"
    assert unpack(skippable + PACK["zstd"](b"content"), 3) == b"content"


@pytest.mark.parametrize("kind", PACK)
def test_byte_by_byte_gives_the_same(kind: str) -> None:
    assert unpack(PACK[kind](PLAIN[:3000]), 1) == PLAIN[:3000]


@given(st.sampled_from(sorted(PACK)), st.integers(1, 5000))
def test_random_pieces_give_the_same(kind: str, piece: int) -> None:
    assert unpack(PACK[kind](PLAIN[:30_000]), piece) == PLAIN[:30_000]


@pytest.mark.parametrize("kind", PACK)
def test_a_cut_compressed_capture_is_read_up_to_the_cut(tmp_path: Path, kind: str) -> None:
    pieces = [PACK[kind](PLAIN[at : at + 40_000]) for at in range(0, len(PLAIN), 40_000)]
    path = tmp_path / "cut"
    path.write_bytes(b"".join(pieces[:4]) + pieces[4][:-6])
    result = read(path)
    sure = 1 + (4 * 40_000 - 24 - 916) // 916
    assert len(result.frames) >= sure
    assert result.frames == FRAMES[: len(result.frames)]
    assert result.notices == [("GPI001", {"position": 24 + 916 * len(result.frames)})]


@pytest.mark.parametrize("kind", PACK)
def test_damaged_compressed_data_is_read_up_to_the_damage(tmp_path: Path, kind: str) -> None:
    pieces = [PACK[kind](PLAIN[at : at + 40_000]) for at in range(0, len(PLAIN), 40_000)]
    path = tmp_path / "damaged"
    path.write_bytes(b"".join(pieces[:4]) + bytes(range(1, 200)) + pieces[4])
    result = read(path)
    assert result.frames == FRAMES[: (4 * 40_000 - 24) // 916]
    assert [code for code, _ in result.notices] == ["GPI002"]


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("where", [0.02, 0.3, 0.6, 0.99])
def test_a_flipped_bit_raises_nothing_foreign(tmp_path: Path, kind: str, where: float) -> None:
    packed = bytearray(PACK[kind](PLAIN))
    packed[int(len(packed) * where)] ^= 0x10
    path = tmp_path / "flipped"
    path.write_bytes(packed)
    try:
        result = read(path)
    except CaptureError:
        return
    assert [code for code, _ in result.notices] in (["GPI001"], ["GPI002"])


def test_a_wrong_checksum_at_the_end_is_said(tmp_path: Path) -> None:
    packed = gzip.compress(PLAIN)
    path = tmp_path / "a"
    path.write_bytes(packed[:-8] + b"1234" + packed[-4:])
    result = read(path)
    assert [code for code, _ in result.notices] == ["GPI002"]
    assert result.frames == FRAMES[: len(result.frames)]


def test_cut_data_is_told_from_damaged_data() -> None:
    for pack in PACK.values():
        with pytest.raises(BrokenInputError) as cut:
            unpack(pack(PLAIN)[:-9], 4096)
        assert cut.value.cut
        with pytest.raises(BrokenInputError) as damaged:
            unpack(pack(PLAIN) + b"garbage", 4096)
        assert not damaged.value.cut


def test_packed_text_and_packed_nothing_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"hello, this is text\n" * 100))
    with pytest.raises(CaptureError, match="unpacked, this looks like text"):
        read(path)
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(CaptureError, match="nothing inside"):
        read(path)
    path.write_bytes(gzip.compress(gzip.compress(PLAIN)))
    with pytest.raises(CaptureError, match="unpacked, this looks like gzip"):
        read(path)


def test_a_file_cut_in_its_compressed_header_is_an_error(tmp_path: Path) -> None:
    for kind, pack in PACK.items():
        path = tmp_path / kind
        for length in range(4, 12):
            path.write_bytes(pack(pcap_header())[:length])
            with pytest.raises(CaptureError):
                read(path)


@pytest.mark.parametrize("kind", PACK)
def test_members_of_a_byte_each_are_taken_one_after_the_other(kind: str) -> None:
    assert unpack(PACK[kind](b"a") * 5000, 1 << 16) == b"a" * 5000
