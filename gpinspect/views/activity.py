"""When bytes moved: payload by stretches of time, for one Greenplum segment or many."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from gpinspect.model import UNKNOWN, Exchange

Span = tuple[float, float]
"""From and to, as shares of the whole between 0 and 1."""

FINE = 240
"""Stretches of time of a lane that is drawn."""


def activity(exchanges: Iterable[Exchange], start_ns: int, end_ns: int, count: int) -> list[float]:
    """Payload bytes in each of `count` equal stretches of [start_ns, end_ns].

    A package is spread over the time from its first byte to its last; what has no packages (protocol 0, a write) over the time
    from the first byte of payload to the end of its exchange.
    """
    moved = [0.0] * count
    step = max(1, end_ns - start_ns) / count
    for exchange in exchanges:
        if len(exchange.packages):
            times = exchange.packages.data_times()
            for length, first, last in zip(times.length, times.ns, times.end_ns, strict=True):
                if length:
                    _spread(moved, (first - start_ns) / step, ((first if last == UNKNOWN else last) - start_ns) / step, length)
        elif exchange.payload_bytes:
            first = exchange.start_ns if exchange.first_byte_ns is None or exchange.method == "POST" else exchange.first_byte_ns
            _spread(moved, (first - start_ns) / step, (exchange.end_ns - start_ns) / step, exchange.payload_bytes)
    return moved


def _spread(moved: list[float], first: float, last: float, amount: int) -> None:
    """Put an amount where [first, last] reaches into the stretches."""
    top = len(moved)
    if last < 0 or first > top:
        return
    if int(first) == int(last) or last <= first:
        moved[min(top - 1, int(first))] += amount
        return
    dense = amount / (last - first)
    for index in range(max(0, int(first)), min(top, int(last) + 1)):
        moved[index] += dense * (min(last, index + 1) - max(first, index))


def runs(moved: Sequence[float]) -> tuple[Span, ...]:
    """Stretches in which bytes moved, neighbours joined, as shares of the whole."""
    found: list[Span] = []
    count = len(moved)
    begun: int | None = None
    for index, amount in enumerate((*moved, 0.0)):
        if amount and begun is None:
            begun = index
        elif not amount and begun is not None:
            found.append((begun / count, index / count))
            begun = None
    return tuple(found)


def coarser(moved: Sequence[float], count: int) -> list[float]:
    """The same in fewer stretches; `count` divides their number or is larger."""
    if count >= len(moved):
        return list(moved)
    size = len(moved) // count
    return [sum(moved[at : at + size]) for at in range(0, size * count, size)]


def levels(rows: Sequence[Sequence[float]]) -> list[array[int]]:
    """Shades 0 to 4 of rows of amounts: quarters of the largest amount that is not an outlier."""
    amounts = sorted(amount for row in rows for amount in row if amount)
    top = amounts[int(len(amounts) * 0.95)] if amounts else 1.0
    return [array("b", (min(4, 1 + int(4 * amount / top)) if amount else 0 for amount in row)) for row in rows]
