"""Sets of moments: half-open intervals [from, to) in ascending order, none touching another."""

from collections.abc import Iterable

Interval = tuple[int, int]


def union(intervals: Iterable[Interval], slack: int = 0) -> list[Interval]:
    """All moments of these, as few intervals; gaps of at most `slack` are closed."""
    found: list[Interval] = []
    for start, end in sorted(interval for interval in intervals if interval[0] < interval[1]):
        if found and start <= found[-1][1] + slack:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def without(intervals: Iterable[Interval], others: Iterable[Interval]) -> list[Interval]:
    """The moments of `intervals` that are in none of `others`; both are made sets first."""
    left: list[Interval] = []
    taken = union(others)
    at = 0
    for start, end in union(intervals):
        while at < len(taken) and taken[at][1] <= start:
            at += 1
        index = at
        while index < len(taken) and taken[index][0] < end:
            if taken[index][0] > start:
                left.append((start, taken[index][0]))
            start = max(start, taken[index][1])
            index += 1
        if start < end:
            left.append((start, end))
    return left


def common(intervals: Iterable[Interval], start: int, end: int) -> list[Interval]:
    """The parts of them within [start, end)."""
    return [(max(a, start), min(b, end)) for a, b in intervals if a < end and b > start]


def length(intervals: Iterable[Interval]) -> int:
    return sum(end - start for start, end in intervals)


def overlap(first: Interval, second: Interval) -> int:
    """How long both last."""
    return max(0, min(first[1], second[1]) - max(first[0], second[0]))
