"""What a record has to be like to be believed, and how records are walked and timed.

The engine's sink is the fast twin of these rules. Both have to judge alike, or a damaged file gives other frames when it
arrives in other pieces: a sink leaves a record where it stands (and ends its run) when kind or interface differ from the
layout, when the record is not whole, or when `doubt` has something to say about it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from gpinspect.capture.window import LARGEST_RECORD, RecordLayout, Window

LARGEST_BLOCK = LARGEST_RECORD + (1 << 20)
"""Bytes of one pcapng block that are still believed: the largest record and a generous measure of options."""

LATEST_NS = (1 << 63) - 1
"""Last time stamp that is still believed, in nanoseconds since the epoch (the year 2262)."""


class Step(NamedTuple):
    """One whole record of a window. `at` is where it starts in the buffer, `frame` where its captured bytes start."""

    at: int
    frame: int
    captured: int
    original: int
    ns: int


def doubt(layout: RecordLayout, size: int, high: int, low: int, captured: int, original: int) -> str:
    """Say why a record header can not be one.

    Args: the integers that `layout.head` unpacks, `size` 0 where the layout is not `sized`.

    Returns:
        The problem in words, "" for a header that is believed.
    """
    limit = layout.high_ns // layout.low_ns
    if low >= limit:
        return f"a time with {low:,} parts of a second, where there are less than {limit:,}"
    if layout.sized:
        if size & 3:
            return f"a block of {size:,} bytes; lengths are multiples of 4"
        if size < layout.length + captured + 4:
            return f"a block of {size:,} bytes around {captured:,} captured bytes"
        if size > LARGEST_BLOCK:
            return f"a block of {size:,} bytes; at most {LARGEST_BLOCK:,} are believed"
    return doubt_frame(high * layout.high_ns + low * layout.low_ns + layout.base_ns, captured, original)


def doubt_frame(ns: int, captured: int, original: int) -> str:
    """Say why a frame can not be one, whatever record it came in; "" for a frame that is believed."""
    if captured > LARGEST_RECORD:
        return f"a record of {captured:,} captured bytes; at most {LARGEST_RECORD:,} are believed"
    if not captured and not original:
        return "a record of a frame without bytes"
    if not 0 <= ns <= LATEST_NS:
        return f"a time of {ns:,} ns since 1970; times up to the year 2262 are believed"
    return ""


def walk(window: Window, until_ns: int = LATEST_NS) -> Iterator[Step]:
    """Step over the records of a window from `window.start` on, which is left as it is.

    Ends in front of a record that is not whole, does not fit the layout, is doubted, or is later than `until_ns`. The
    buffer must not be refilled between two steps.
    """
    layout, buffer, end, at = window.layout, window.buffer, window.end, window.start
    unpack, length = layout.head.unpack_from, layout.length
    while at + length <= end:
        kind, size, interface, high, low, captured, original = unpack(buffer, at)
        if kind != layout.kind or interface != layout.interface:
            return
        if not layout.sized:
            size = 0
        after = at + (size or length + captured)
        ns = high * layout.high_ns + low * layout.low_ns + layout.base_ns
        if after > end or ns > until_ns or doubt(layout, size, high, low, captured, original):
            return
        yield Step(at, at + length, captured, original, ns)
        at = after


def hop(window: Window, until_ns: int) -> tuple[int, int | None]:
    """Find how far the records of a window go before one is later than `until_ns`.

    Returns:
        The place in the buffer of the first record that is not passed, and its time if it is its time that stopped the
        walk (None: it is not whole, does not fit the layout, or is doubted). Nothing is copied.
    """
    layout, buffer, end, at = window.layout, window.buffer, window.end, window.start
    unpack, length, sized = layout.head.unpack_from, layout.length, layout.sized
    wanted_kind, wanted_interface = layout.kind, layout.interface
    high_ns, low_ns, base_ns = layout.high_ns, layout.low_ns, layout.base_ns
    overhead = length + 4
    limit = high_ns // low_ns
    until_high = (until_ns - base_ns) // high_ns  # anything less is early enough without a closer look
    while at + length <= end:
        kind, size, interface, high, low, captured, original = unpack(buffer, at)
        if kind != wanted_kind or interface != wanted_interface:
            break
        if sized:
            if size < overhead + captured or size & 3:
                break
            after = at + size
        else:
            after = at + length + captured
        if after > end or low >= limit or captured > LARGEST_RECORD or not (captured or original):
            break
        if high >= until_high or base_ns < 0:
            ns = high * high_ns + low * low_ns + base_ns
            if ns > until_ns:
                return (at, None) if ns > LATEST_NS else (at, ns)
            if ns < 0:
                break
        at = after
    return at, None


def time_at(window: Window) -> int:
    """Time of the whole record at `window.start`, in nanoseconds since the epoch."""
    layout = window.layout
    _, _, _, high, low, _, _ = layout.head.unpack_from(window.buffer, window.start)
    return int(high * layout.high_ns + low * layout.low_ns + layout.base_ns)
