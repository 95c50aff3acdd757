"""What was read so far: rows counted, and the stretches of each source file, so that a row that is missing or came twice shows.

A real segment looks at neither: only all segments together can, and only where the server says offsets.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from gpinspect.grammar.rows import CsvRows, EitherRows, TextRows, counter
from gpinspect.peers.client.counting import whole_counter
from gpinspect.peers.client.events import Rows

SourceFile = tuple[str, bytes]
"""Server address and name of F: two servers may have files of one name."""

SHOWN = 5


class Stretches:
    """Byte ranges of one file, in any order."""

    __slots__ = ("_ends", "_starts", "twice", "twice_at")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.twice = 0  # bytes that came more than once
        self.twice_at: int | None = None  # the first such place

    def add(self, start: int, end: int) -> None:
        """Add [start, end)."""
        starts, ends = self._starts, self._ends
        if ends and ends[-1] == start:
            ends[-1] = end
            return
        low = bisect_left(ends, start)
        high = bisect_right(starts, end)
        for index in range(low, high):
            shared = min(end, ends[index]) - max(start, starts[index])
            if shared > 0:
                self.twice += shared
                at = max(start, starts[index])
                self.twice_at = at if self.twice_at is None else min(self.twice_at, at)
        if low < high:
            start, end = min(start, starts[low]), max(end, ends[high - 1])
        starts[low:high] = [start]
        ends[low:high] = [end]

    @property
    def first(self) -> int:
        return self._starts[0]

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Between the first and the last byte."""
        return list(zip(self._ends[:-1], self._starts[1:], strict=True))


@dataclass(slots=True)
class FileCount:
    """One source file."""

    bytes: int = 0
    stretches: Stretches = field(default_factory=Stretches)
    unplaced: int = 0  # bytes without an offset


class Ledger:
    """Counts what all segments of one statement take.

    Args:
        csvopt, delimiter: How rows end.
        header: The first row of each file is not sent, so a file does not begin at 0.
        limit: Rows that are enough; None: all.
    """

    def __init__(self, csvopt: str, delimiter: bytes, *, header: bool, limit: int | None = None) -> None:
        self._csvopt = csvopt
        self._delimiter = delimiter
        self._whole = whole_counter(csvopt, delimiter)
        self._header = header
        self._limit = limit
        self._counters: dict[int, TextRows | CsvRows | EitherRows] = {}
        self._settled: dict[int, int] = {}  # rows of each segment, without those of its open D
        self.rows = 0
        self.bytes = 0
        self.files: dict[SourceFile, FileCount] = {}

    @property
    def enough(self) -> bool:
        return self._limit is not None and self.rows >= self._limit

    def rows_of(self, gp_segment: int) -> int:
        running = self._counters.get(gp_segment)
        return self._settled.get(gp_segment, 0) + (0 if running is None else running.total() or 0)

    def take(self, gp_segment: int, server: str, rows: Rows) -> Rows:
        """Count a piece; gives it back, cut where it holds more rows than are wanted."""
        if rows.first and rows.last and (self._limit is None or self._limit - self.rows > len(rows.data)):
            count = self._whole(rows.data)
            self.rows += count
            self._settle(gp_segment)
            self._settled[gp_segment] = self._settled.get(gp_segment, 0) + count
            self.bytes += len(rows.data)
            self._place(server, rows)
            return rows
        if rows.first or gp_segment not in self._counters:
            self._settle(gp_segment)
            self._counters[gp_segment] = counter(self._csvopt, self._delimiter)
        running = self._counters[gp_segment]
        before = running.total() or 0
        if self._limit is not None:
            rows = self._cut(gp_segment, rows)
            running = self._counters[gp_segment]
        else:
            running.feed(rows.data)
        self.rows += (running.total() or 0) - before
        self.bytes += len(rows.data)
        self._place(server, rows)
        if rows.last:
            self._settle(gp_segment)
        return rows

    def _settle(self, gp_segment: int) -> None:
        running = self._counters.pop(gp_segment, None)
        if running is not None:
            self._settled[gp_segment] = self._settled.get(gp_segment, 0) + (running.total() or 0)

    def _cut(self, gp_segment: int, rows: Rows) -> Rows:
        """The longest start of a piece that does not go beyond the limit; the counter stands behind it."""
        from copy import copy

        assert self._limit is not None
        running = self._counters[gp_segment]
        wanted = self._limit - self.rows + (running.total() or 0)
        low, high = 0, len(rows.data)
        best = copy(running)
        best.feed(rows.data)
        if (best.total() or 0) > wanted:
            while low < high:
                middle = (low + high + 1) // 2
                tried = copy(running)
                tried.feed(rows.data[:middle])
                if (tried.total() or 0) <= wanted:
                    low = middle
                else:
                    high = middle - 1
            best = copy(running)
            best.feed(rows.data[:low])
            rows = rows._replace(data=rows.data[:low])
        self._counters[gp_segment] = best
        return rows

    def _place(self, server: str, rows: Rows) -> None:
        if rows.file is None and rows.offset is None:
            return
        found = self.files.setdefault((server, rows.file or b""), FileCount())
        found.bytes += len(rows.data)
        if rows.offset is None:
            found.unplaced += len(rows.data)
        elif rows.data:
            found.stretches.add(rows.offset, rows.offset + len(rows.data))

    def problems(self) -> list[str]:
        """What a whole read cannot look like, in words: bytes missing between others, or more than once."""
        found = []
        for (server, name), file in self.files.items():
            shown = name.decode("utf-8", "replace") or "rows without a file name"
            stretches = file.stretches
            if file.unplaced or not file.bytes:
                continue
            if stretches.twice:
                twice = f"{stretches.twice:,} bytes came more than once, from byte {stretches.twice_at:,} on"
                found.append(f"{shown} on {server}: {twice}")
            gaps = ([(0, stretches.first)] if stretches.first and not self._header else []) + stretches.gaps
            for start, end in gaps[:SHOWN]:
                found.append(f"{shown} on {server}: {end - start:,} bytes from byte {start:,} on reached no segment")
            if len(gaps) > SHOWN:
                found.append(f"{shown} on {server}: and {len(gaps) - SHOWN:,} more such places")
        return found
