"""The hot loop and its slow twin: the same answers for every shape of capture, however the bytes are handed over."""

import random

import pytest
from craft import ETHERNET, Capture

from engine.feeding import Kept, feed, one, record_ends, told
from engine.shapes import ROWS, SHAPES

TWO_PACKAGES = len(ROWS) + 900
"""Bytes of rows in the plain dialogue of `shapes`."""

WHOLE = [
    name
    for name in SHAPES
    if name.split(" ")[0]
    in ("ethernet", "vlan", "qinq", "sll", "sll2", "null,", "null", "loop", "raw", "gre", "gre-ethernet", "ipip")
    or name in ("vxlan", "ip options", "fragments", "offload", "padding", "trailer", "time stamps", "wrap", "doubled")
    or (name.startswith("ipv6") and "snapped" not in name)
]


@pytest.mark.parametrize("name", SHAPES)
def test_the_fast_path_says_what_the_slow_one_says(name: str) -> None:
    capture = SHAPES[name]()
    fast, slow = Kept(), Kept()
    assert told(feed(capture, store=fast)) == told(feed(capture, slow=True, store=slow))
    assert {key: fast.joined(key) for key in fast.pieces} == {key: slow.joined(key) for key in slow.pieces}
    assert told(feed(capture)) == told(feed(capture, slow=True))


@pytest.mark.parametrize("name", SHAPES)
def test_payload_that_is_kept_changes_no_answer(name: str) -> None:
    capture = SHAPES[name]()
    assert told(feed(capture)) == told(feed(capture, store=Kept()))


@pytest.mark.parametrize("name", SHAPES)
def test_windows_of_any_size_give_the_same(name: str) -> None:
    capture = SHAPES[name]()
    whole = told(feed(capture))
    assert told(feed(capture, record_ends(capture))) == whole
    size = record_ends(capture)[-1]
    for seed in range(3):
        chance = random.Random(seed)
        cuts = [chance.randrange(size) for _ in range(chance.choice((1, 10, 200)))]
        assert told(feed(capture, cuts)) == whole


@pytest.mark.parametrize("name", WHOLE)
def test_every_way_to_carry_a_dialogue_gives_its_rows(name: str) -> None:
    kept = Kept()
    exchange = one(SHAPES[name](), store=kept)
    assert exchange.outcome == "complete" and exchange.ended
    assert (exchange.payload_bytes, exchange.missing_bytes) == (TWO_PACKAGES, 0)
    assert exchange.message_counts == (2, 2, 2, 3, 0)
    assert kept.joined(1) == ROWS + ROWS[:900]
    assert exchange.packages[0].complete and exchange.packages[1].complete


def test_a_link_type_that_nobody_knows_is_counted_and_no_more() -> None:
    capture = SHAPES["ethernet"]()
    capture.link = 147
    index = feed(capture, record_ends(capture))
    assert index.frames == len(capture)
    assert [(notice.code, notice.values) for notice in index.notices()] == [("GPI003", {"link": 147, "frames": len(capture)})]


def test_frames_that_are_no_tcp_are_passed_over() -> None:
    capture = SHAPES["ethernet"]()
    frames = [b"", b"\0" * 13, b"\xff" * 60, bytes(12) + b"\x08\x06" + bytes(28), bytes(12) + b"\x08\x00" + b"\x45" + bytes(40)]
    for at, frame in enumerate(frames):
        capture.records.insert(at * 2, capture.records[0]._replace(data=frame, original=max(len(frame), 60)))
    assert one(capture).payload_bytes == TWO_PACKAGES


def test_a_tcp_header_that_is_too_short_brings_no_bytes() -> None:
    assert one(SHAPES["short tcp header"]()).payload_bytes == TWO_PACKAGES


def test_a_request_that_is_captured_before_the_syn_is_of_that_connection() -> None:
    index = feed(SHAPES["request before syn"]())
    assert len(index.connections) == 1
    assert index.connections[0].opened


def test_an_ip_length_beyond_the_frame_makes_no_missing_bytes() -> None:
    """The frame is doubled in front with a length of 60,000; it says nothing that was not captured."""
    exchange = one(SHAPES["lying length"]())
    assert (exchange.payload_bytes, exchange.missing_bytes) == (TWO_PACKAGES, 0)


def test_the_fast_path_is_taken_at_all() -> None:
    """Else the twins would be one."""
    calls = {True: 0, False: 0}
    capture = Capture(link=ETHERNET)
    capture.records = SHAPES["ethernet"]().records
    import gpinspect.engine.index as module

    for slow in calls:
        original = module.Index._slow

        def counted(self: object, *values: object, slow: bool = slow, original: object = original) -> None:
            calls[slow] += 1
            original(self, *values)  # type: ignore[operator]

        module.Index._slow = counted  # type: ignore[method-assign]
        try:
            feed(capture, slow=slow)
        finally:
            module.Index._slow = original  # type: ignore[method-assign]
    assert calls[True] == len(capture)
    assert calls[False] <= 6  # two SYNs, two FINs, and what could not be known before
