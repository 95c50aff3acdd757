"""Hopping over record headers agrees with walking them and doubting each."""

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpinspect.capture import SLACK, RecordLayout, Window
from gpinspect.capture.records import LATEST_NS, doubt, hop, time_at, walk

from .build import enhanced, frame, pcap_record

PCAP = RecordLayout(struct.Struct("<0s0s0sIIII"), 16, b"", b"", False, 10**9, 1000, 0, 1)
ENHANCED = RecordLayout(struct.Struct("<4sI4sIIII"), 28, b"\6\0\0\0", bytes(4), True, 1000 << 32, 1000, -(10**9), 1)


def window_of(data: bytes, layout: RecordLayout) -> Window:
    return Window(bytearray(b"taken" + data + bytes(SLACK)), 5, 5 + len(data), 0, layout)


def by_walking(window: Window, until_ns: int) -> tuple[int, int | None]:
    layout, at = window.layout, window.start
    for step in walk(window, until_ns):
        at = step.frame + step.captured
        if layout.sized:
            at = step.at + struct.unpack_from("<4xI", window.buffer, step.at)[0]
    rest = Window(window.buffer, at, window.end, 0, layout)
    late = next(walk(rest), None)
    return at, None if late is None else late.ns


HEADS = st.tuples(st.integers(0, 4), st.sampled_from([0, 1, 999_999, 1_000_000]), st.integers(0, 9), st.integers(0, 9))


@given(st.lists(HEADS, max_size=8), st.integers(-1, 4), st.integers(0, 60))
def test_in_classic_records(heads: list[tuple[int, int, int, int]], until: int, cut: int) -> None:
    data = b"".join(struct.pack("<IIII", *head) + bytes(head[2]) for head in heads)
    window = window_of(data[: len(data) - cut], PCAP)
    assert hop(window, until * 10**9) == by_walking(window, until * 10**9)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(0, 1)), max_size=8),
    st.sampled_from([-1, 0, 1, 2, 3, 100_000]),
    st.integers(0, 60),
    st.integers(0, 400),
)
@example([(0, 1, 0)], 100_000, 0, 400)  # in front of 1970
def test_in_enhanced_blocks(blocks: list[tuple[int, int, int]], until: int, cut: int, damaged: int) -> None:
    data = bytearray(b"".join(enhanced(name, second * 10**6, bytes(length)) for second, length, name in blocks))
    if damaged < len(data):
        data[damaged] ^= 5
    window = window_of(bytes(data[: len(data) - cut]), ENHANCED)
    assert hop(window, until * 10**9) == by_walking(window, until * 10**9)


def test_the_time_of_the_record_in_front_is_known() -> None:
    assert time_at(window_of(pcap_record(frame(3_000_005_000, b"abc")), PCAP)) == 3_000_005_000


def test_a_record_of_the_last_believed_nanosecond_is_believed() -> None:
    layout = PCAP._replace(high_ns=1 << 32, low_ns=1)
    assert doubt(layout, 0, LATEST_NS >> 32, LATEST_NS & 0xFFFFFFFF, 1, 1) == ""
    assert "2262" in doubt(layout, 0, (LATEST_NS + 1) >> 32, 0, 1, 1)


@pytest.mark.parametrize("size", [32, 36])
def test_a_block_has_room_for_its_frame_and_its_second_length(size: int) -> None:
    assert (doubt(ENHANCED, size, 0, 10**6, 1, 1) == "") == (size == 36)
