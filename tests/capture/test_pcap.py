"""Classic capture files: every magic, every cut, and what can not be."""

import struct
from itertools import repeat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.capture.intake import Intake
from gpinspect.capture.journal import Journal
from gpinspect.capture.pcap import read_header, read_records
from gpinspect.errors import CaptureError

from .build import Cuts, Frame, Result, Sink, frame, pcap, pcap_header, pcap_record, read

FRAMES = [frame(1_600_000_000_123_456_000 + i * 1_000, bytes([i]) * (1 + 37 * i % 90), original=200) for i in range(40)]
HEADER = 24


def read_cut(data: bytes, sizes: list[int], size: int = 64, most: int | None = None) -> Result:
    """Read bytes that come in pieces, into a buffer that is too small for a record at first."""
    intake = Intake(Cuts(data, iter([*sizes[:-1], *repeat(sizes[-1], len(data) + 9)])), size)
    journal, sink = Journal("pieces"), Sink(most)
    for window in read_records(intake, journal, read_header(intake, "pieces")):
        sink.run(window)
    notices = [(notice.code, notice.values) for notice in journal.finish()]
    return Result(sink.frames, sink.positions, notices, [], sink.windows)


@pytest.mark.parametrize("nano", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_magic_gives_the_same_frames(tmp_path: Path, order: str, nano: bool) -> None:
    path = tmp_path / "any-name"
    path.write_bytes(pcap(FRAMES, order, nano))
    assert read(path).frames == FRAMES


def test_nanoseconds_are_kept(tmp_path: Path) -> None:
    frames = [frame(1_600_000_000_123_456_789, b"abc")]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(frames, nano=True))
    assert read(path).frames == frames


def test_bits_about_check_sequences_are_no_part_of_the_link_type(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([frame(0, b"abc")], link=0x5400_0071))
    assert read(path).frames[0].link == 0x71


def test_positions_are_those_of_records_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([frame(0, b"abc"), frame(0, b"defgh"), frame(0, b"i")]))
    assert read(path).positions == [24, 24 + 16 + 3, 24 + 16 + 3 + 16 + 5]


def test_a_frame_cut_by_the_recorder_says_how_long_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([frame(0, b"abc", original=9000)]))
    assert read(path).frames == [Frame(0, b"abc", 9000)]


def test_a_file_without_records_has_no_frames_and_nothing_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([]))
    assert read(path)[:3] == ([], [], [])


def test_byte_by_byte_gives_the_same_frames() -> None:
    result = read_cut(pcap(FRAMES), [1])
    assert (result.frames, result.notices) == (FRAMES, [])


@given(st.lists(st.integers(1, 200), min_size=1, max_size=30), st.integers(1, 400), st.sampled_from([None, 1, 3]))
def test_random_cuts_give_the_same_frames(sizes: list[int], size: int, most: int | None) -> None:
    result = read_cut(pcap(FRAMES), sizes, size, most)
    assert (result.frames, result.notices) == (FRAMES, [])


@given(st.integers(HEADER, HEADER + sum(16 + len(one.data) for one in FRAMES)), st.integers(1, 100))
def test_a_record_cut_by_the_end_is_read_up_to_it(length: int, piece: int) -> None:
    at, whole = HEADER, []
    for one in FRAMES:
        after = at + 16 + len(one.data)
        if after > length:
            break
        whole.append(one)
        at = after
    result = read_cut(pcap(FRAMES)[:length], [piece])
    assert result.frames == whole
    assert result.notices == ([] if at == length else [("GPI001", {"position": at})])


IMPOSSIBLE = {
    "4 GiB": struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 0xFFFFFFFF),
    "a byte too many": struct.pack("<IIII", 0, 0, (1 << 24) + 1, 1),
    "a million microseconds": struct.pack("<IIII", 0, 1_000_000, 1, 1) + b"a",
    "zeros": bytes(16),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_a_record_that_can_not_be_ends_the_reading(name: str, piece: int) -> None:
    data = pcap(FRAMES[:2]) + IMPOSSIBLE[name] + b"".join(map(pcap_record, FRAMES))
    result = read_cut(data, [piece])
    assert result.frames == FRAMES[:2]
    (code, values), *more = result.notices
    assert (code, values["position"], more) == ("GPI002", len(pcap(FRAMES[:2])), [])
    assert values["problem"]


def test_the_largest_record_that_is_believed_is_read(tmp_path: Path) -> None:
    frames = [frame(0, b"a"), frame(0, bytes(1 << 24)), frame(0, b"b")]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(frames))
    assert read(path).frames == frames


def test_nanosecond_files_may_count_beyond_a_million(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_header(nano=True) + struct.pack("<IIII", 0, 1_000_000, 1, 1) + b"a")
    assert [one.ns for one in read(path).frames] == [1_000_000]


def test_damage_before_the_first_frame_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_header() + bytes(1000))
    with pytest.raises(CaptureError, match="without bytes") as caught:
        read(path)
    assert (caught.value.path, caught.value.offset) == (str(path), HEADER)


@pytest.mark.parametrize("length", range(4, HEADER))
def test_a_cut_file_header_is_an_error(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_header()[:length])
    with pytest.raises(CaptureError, match=f"cut inside the pcap file header: {length} of 24"):
        read(path)


@pytest.mark.parametrize("version", [(2, 3), (2, 5), (1, 0), (543, 0)])
def test_another_version_is_refused_by_its_number(tmp_path: Path, version: tuple[int, int]) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_header(version=version) + pcap_record(FRAMES[0]))
    with pytest.raises(CaptureError, match=r"version {}\.{} .*wanted 2\.4".format(*version)):
        read(path)


def test_a_consumer_that_takes_nothing_ends_the_reading() -> None:
    intake = Intake(Cuts(pcap(FRAMES), repeat(99)), 64)
    journal = Journal("pieces")
    windows = sum(1 for _ in read_records(intake, journal, read_header(intake, "pieces")))
    assert (windows, [notice.code for notice in journal.finish()]) == (1, ["GPI002"])
