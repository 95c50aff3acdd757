"""Block-structured capture files: sections, interfaces, clocks, every kind of frame block, and damage."""

import struct
from itertools import repeat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.capture.intake import Intake
from gpinspect.capture.journal import Journal
from gpinspect.capture.pcapng import check_header, read_blocks
from gpinspect.errors import CaptureError

from .build import (
    Cuts,
    Frame,
    Result,
    Sink,
    block,
    custom,
    end_of_options,
    enhanced,
    frame,
    interface,
    names,
    obsolete,
    option,
    read,
    secrets,
    section,
    simple,
    statistics,
)

COMMENT = option(1, b"seen by a person") + end_of_options()

MIXED = b"".join(
    [
        section("<"),
        interface("<", link=1),  # microseconds
        interface("<", link=113, resolution=9),
        names("<"),
        enhanced(0, 1_000_000, b"first"),
        enhanced(0, 1_000_001, b"second", options=COMMENT),
        enhanced(1, 1_000_002_500, b"cooked", original=60),
        custom(),
        simple(b"no time"),
        obsolete(1, 1_000_003_000, b"old"),
        statistics(0, by_interface=3, by_system=2),
        section(">", options=option(1, b"other end", ">") + end_of_options(">")),
        interface(">", link=101, resolution=0x80 | 20, offset=100),  # 2^-20 s, 100 s later
        enhanced(0, 5 << 20 | 1 << 19, b"power of two", ">"),
        enhanced(0, 6 << 20, b"another", ">"),
        names(">"),
        statistics(0, ">", by_interface=4),
        statistics(0, ">", by_interface=7),
        secrets(b"CLIENT_RANDOM 00 11\n", ">"),
        custom(b"", ">"),
    ]
)
MIXED_FRAMES = [
    Frame(1_000_000_000, b"first", 5, 1),
    Frame(1_000_001_000, b"second", 6, 1),
    Frame(1_000_002_500, b"cooked", 60, 113),
    Frame(1_000_002_500, b"no time", 7, 1),
    Frame(1_000_003_000, b"old", 3, 113),
    Frame(105_500_000_000, b"power of two", 12, 101),
    Frame(106_000_000_000, b"another", 7, 101),
]
MIXED_NOTICES = [("GPI004", {"count": 3 + 2 + 7}), ("GPI006", {"count": 1})]


def blocks_of(data: bytes) -> list[int]:
    """Where blocks start, and the end; every block here says its length in its section's byte order."""
    at, starts, order = 0, [], "<"
    while at < len(data):
        starts.append(at)
        if data[at : at + 4] == b"\n\r\r\n":
            order = "<" if data[at + 8] == 0x4D else ">"
        at += int(struct.unpack_from(f"{order}I", data, at + 4)[0])
    return [*starts, at]


def read_cut(data: bytes, sizes: list[int], size: int = 64, most: int | None = None) -> Result:
    intake = Intake(Cuts(data, iter([*sizes[:-1], *repeat(sizes[-1], len(data) + 9)])), size)
    found: list[bytes] = []
    journal, sink = Journal("pieces", found), Sink(most)
    check_header(intake, "pieces")
    for window in read_blocks(intake, journal):
        sink.run(window)
    notices = [(notice.code, notice.values) for notice in journal.finish()]
    return Result(sink.frames, sink.positions, notices, found, sink.windows)


def test_a_file_of_everything_gives_all_frames_with_their_times_and_links(tmp_path: Path) -> None:
    path = tmp_path / "mixed"
    path.write_bytes(MIXED)
    result = read(path)
    assert result.frames == MIXED_FRAMES
    assert result.notices == MIXED_NOTICES
    assert result.secrets == [b"CLIENT_RANDOM 00 11\n"]


def test_rewritten_frames_stand_where_their_blocks_stand(tmp_path: Path) -> None:
    path = tmp_path / "mixed"
    path.write_bytes(MIXED)
    positions = read(path).positions
    kinds = [int.from_bytes(MIXED[at : at + 4], "little" if at < MIXED.index(b"other end") else "big") for at in positions]
    assert kinds == [6, 6, 6, 3, 2, 6, 6]
    assert set(positions) < set(blocks_of(MIXED))


def test_byte_by_byte_gives_the_same() -> None:
    result = read_cut(MIXED, [1])
    assert (result.frames, result.notices) == (MIXED_FRAMES, MIXED_NOTICES)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=30), st.integers(1, 600), st.sampled_from([None, 1]))
def test_random_cuts_give_the_same(sizes: list[int], size: int, most: int | None) -> None:
    result = read_cut(MIXED, sizes, size, most)
    assert (result.frames, result.notices) == (MIXED_FRAMES, MIXED_NOTICES)


def test_a_file_cut_at_any_byte_gives_what_is_whole() -> None:
    starts = blocks_of(MIXED)
    frame_ends = [starts[starts.index(at) + 1] for at in read_cut(MIXED, [999]).positions]
    for length in range(24, len(MIXED)):
        result = read_cut(MIXED[:length], [100])
        assert result.frames == MIXED_FRAMES[: sum(end <= length for end in frame_ends)]
        cut = [values["position"] for code, values in result.notices if code == "GPI001"]
        assert cut == [] if length in starts else cut == [max(at for at in starts if at < length)]
        assert "GPI002" not in dict(result.notices)


@pytest.mark.parametrize("length", range(4, 24))
def test_a_cut_file_header_is_an_error(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(MIXED[:length])
    with pytest.raises(CaptureError, match="cut inside the pcapng file header"):
        read(path)


def test_an_unknown_version_or_byte_order_of_the_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(section(version=(2, 0)))
    with pytest.raises(CaptureError, match=r"version 2 .*wanted 1"):
        read(path)
    path.write_bytes(section().replace(bytes.fromhex("4d3c2b1a"), b"abcd"))
    with pytest.raises(CaptureError, match="byte-order mark 61626364"):
        read(path)


RESOLUTIONS = {  # if_tsresol, ticks, nanoseconds
    "seconds": (0, 7, 7_000_000_000),
    "tenths": (1, 7, 700_000_000),
    "milliseconds": (3, 7, 7_000_000),
    "nanoseconds": (9, 7, 7),
    "hundredths of nanoseconds": (11, 799, 7),
    "picoseconds, rounded down": (12, 7_999, 7),
    "10^-127": (127, (1 << 64) - 1, 0),
    "2^0": (0x80, 3, 3_000_000_000),
    "2^-1": (0x81, 3, 1_500_000_000),
    "2^-9": (0x89, 1, 1_953_125),
    "2^-10": (0x8A, 1, 976_562),
    "2^-32": (0xA0, 3 << 32 | 1 << 31, 3_500_000_000),
    "2^-127": (0xFF, (1 << 64) - 1, 0),
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", RESOLUTIONS)
def test_every_clock_is_counted_in_nanoseconds(tmp_path: Path, name: str, order: str) -> None:
    resolution, ticks, ns = RESOLUTIONS[name]
    path = tmp_path / "a"
    path.write_bytes(
        section(order)
        + interface(order, resolution=resolution)
        + enhanced(0, ticks, b"abc", order)
        + interface(order, resolution=resolution, offset=2)
        + obsolete(1, ticks, b"def", order)
    )
    assert read(path).frames == [frame(ns, b"abc"), frame(ns + 2_000_000_000, b"def")]


def test_a_simple_frame_is_limited_by_the_snap_length_and_timed_by_the_last_frame(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(
        section()
        + interface(snap=4)
        + simple(b"abcd", original=100)
        + enhanced(0, 2, b"x")
        + enhanced(0, 3, b"y", options=COMMENT)
        + simple(b"ab")
        + simple(b"abc")
    )
    times = [(one.ns, one.data, one.original) for one in read(path).frames]
    assert times == [(0, b"abcd", 100), (2000, b"x", 1), (3000, b"y", 1), (3000, b"ab", 2), (3000, b"abc", 3)]


def test_runs_of_one_interface_come_in_one_window(tmp_path: Path) -> None:
    path = tmp_path / "a"
    runs = [enhanced(number, tick, b"data") for number in (0, 1, 0) for tick in range(1000)]
    path.write_bytes(section() + interface() + interface(link=113) + b"".join(runs))
    result = read(path)
    assert (len(result.frames), result.windows) == (3000, 3)


def test_options_that_do_not_fit_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a"
    described = block(1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HH", 9, 500) + b"\x09")
    path.write_bytes(section() + described + enhanced(0, 1, b"a"))
    assert read(path).frames == [frame(1000, b"a")]


def test_an_empty_value_of_a_clock_option_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a"
    described = block(1, struct.pack("<HHI", 1, 0, 0) + option(9, b"") + option(14, b"1234") + end_of_options())
    path.write_bytes(section() + described + enhanced(0, 1, b"a"))
    assert read(path).frames == [frame(1000, b"a")]


def test_secrets_behind_the_frames_are_kept_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(
        section()
        + interface()
        + secrets(b"# comment\nCLIENT_RANDOM aa bb\nSERVER_TRAFFIC_SECRET_0 cc dd\n")
        + enhanced(0, 1, b"a")
        + secrets(b"other kind", kind=0x57474B4C)
        + secrets(b"CLIENT_RANDOM ee ff\n")
    )
    result = read(path)
    assert result.secrets == [
        b"# comment\nCLIENT_RANDOM aa bb\nSERVER_TRAFFIC_SECRET_0 cc dd\n",
        b"CLIENT_RANDOM ee ff\n",
    ]
    assert result.notices == [("GPI006", {"count": 3})]
    assert "aa bb" not in str(result.notices)


def test_a_long_block_in_between_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(section() + interface() + enhanced(0, 1, b"a") + custom(bytes(5_000_000)) + enhanced(0, 2, b"b"))
    assert read(path).frames == [frame(1000, b"a"), frame(2000, b"b")]


START = section() + interface() + enhanced(0, 1, b"a")
IMPOSSIBLE = {
    "too short": struct.pack("<II", 0xBAD, 8) + bytes(8),
    "zeros": bytes(16),
    "odd": struct.pack("<II", 0xBAD, 13) + bytes(16),
    "4 GiB": struct.pack("<II", 0xBAD, 0xFFFFFFFC) + bytes(16),
    "ends with another length": struct.pack("<III", 0xBAD, 16, 0) + struct.pack("<I", 20),
    "frame of an unknown interface": enhanced(1, 1, b"a"),
    "old frame of an unknown interface": obsolete(1, 1, b"a"),
    "frame larger than its block": enhanced(0, 1, b"a")[:20] + struct.pack("<I", 5) + enhanced(0, 1, b"a")[24:],
    "frame of 4 GiB": enhanced(0, 1, b"a")[:20] + b"\xff\xff\xff\xff" + enhanced(0, 1, b"a")[24:],
    "frame block of 4 GiB": struct.pack("<IIIIIII", 6, 0xFFFFFFF0, 0, 0, 1, 0xFFFFFF00, 1),
    "frame block of an odd length": struct.pack("<IIIIIII", 6, 35, 0, 0, 1, 1, 1) + bytes(40),
    "frame block without a length": struct.pack("<IIIIIII", 6, 0, 0, 0, 1, 1, 1) + bytes(40),
    "frame without bytes": enhanced(0, 1, b""),
    "year 300000": enhanced(0, (1 << 63), b"a"),
    "simple frame larger than its block": simple(b"a", original=50),
    "section of unknown byte order": block(0x0A0D0D0A, b"abcd" + bytes(16)),
    "section of unknown version": section(version=(9, 0)),
    "short interface": block(1, b"1234"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_a_block_that_can_not_be_ends_the_reading(name: str, piece: int) -> None:
    result = read_cut(START + IMPOSSIBLE[name] + START, [piece])
    assert result.frames == [frame(1000, b"a")]
    (code, values), *more = result.notices
    assert (code, values["position"], more) == ("GPI002", len(START), [])
    assert values["problem"]


@pytest.mark.parametrize("kind", [enhanced, obsolete])
def test_a_rewritten_block_is_doubted_like_any_other(kind: object) -> None:
    assert callable(kind)
    start = section() + interface(resolution=0xA0) + kind(0, 1 << 32, b"a")
    good = kind(0, 1 << 32, b"a")
    for bad in (good[:20] + struct.pack("<I", 5) + good[24:], good[:-4] + b"1234", kind(0, 1, b"")):
        result = read_cut(start + bad, [1 << 20])
        assert result.frames == [frame(1_000_000_000, b"a")]
        assert [(code, values["position"]) for code, values in result.notices] == [("GPI002", len(start))]


def test_a_simple_frame_without_an_interface_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(section() + simple(b"abc"))
    with pytest.raises(CaptureError, match="without an interface") as caught:
        read(path)
    assert caught.value.offset == len(section())


def test_interfaces_without_end_are_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(START + interface() * 5000)
    result = read(path)
    assert result.frames == [frame(1000, b"a")]
    assert [code for code, _ in result.notices] == ["GPI002"]


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_bytes_behind_a_good_start_raise_nothing(tail: bytes, piece: int) -> None:
    result = read_cut(START + tail, [piece])
    assert result.frames[0] == frame(1000, b"a")
    assert result == read_cut(START + tail, [1 << 20])._replace(windows=result.windows)


@given(st.data())
def test_a_flipped_byte_gives_the_same_in_whatever_pieces(data: st.DataObject) -> None:
    at = data.draw(st.integers(24, len(MIXED) - 1))
    bad = MIXED[:at] + bytes([MIXED[at] ^ data.draw(st.integers(1, 255))]) + MIXED[at + 1 :]
    results = []
    for piece in (1, 50, 1 << 20):
        try:
            results.append(read_cut(bad, [piece])[:4])
        except CaptureError as error:
            results.append(([], [], [(str(error), {})], []))
    assert results[0] == results[1] == results[2]
