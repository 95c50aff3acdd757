"""Half-open ranges of positions in ascending order, sixteen bytes each."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator


class Ranges:
    """Ranges [from, to) that are added in ascending order; neighbours that touch become one."""

    __slots__ = ("_ends", "_starts", "total")

    def __init__(self) -> None:
        self._starts = array("Q")
        self._ends = array("Q")
        self.total = 0  # positions in all of them

    def add(self, start: int, end: int) -> None:
        """Add [start, end), which must not begin before the last one ends."""
        self.total += end - start
        if self._ends and self._ends[-1] == start:
            self._ends[-1] = end
        else:
            self._starts.append(start)
            self._ends.append(end)

    def __len__(self) -> int:
        return len(self._starts)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self._starts, self._ends, strict=True))

    def within(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of the ranges that lie in [start, end)."""
        found = []
        index = bisect_right(self._ends, start)
        while index < len(self._starts) and self._starts[index] < end:
            found.append((max(start, self._starts[index]), min(end, self._ends[index])))
            index += 1
        return found
