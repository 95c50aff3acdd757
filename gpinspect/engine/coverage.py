"""What of each source file a session delivered: interval arithmetic over (file, offset, length).

Packages are worked through in order of offset; those of one exchange nearly always come in that order already.
"""

import heapq
from array import array
from collections.abc import Iterator
from itertools import chain, islice
from operator import le
from typing import NamedTuple

from gpinspect.engine.exchange import ExchangeState
from gpinspect.model import UNKNOWN, FileCoverage
from gpinspect.model.packages import NO_FILE


class Span(NamedTuple):
    """Captured content of one package, or a part of it. Offsets count bytes of the file."""

    start: int
    end: int  # == start where nothing of the package was captured
    exchange: int  # index into the session's exchanges
    package: int  # index into its table
    content: int  # position of `start` in the content of the package


class SourceFile(NamedTuple):
    """The packages of one file (name None: no F said which)."""

    name: bytes | None
    packages: int
    spans: Iterator[Span]  # by offset; without offsets in wire order


class _Column:
    """The packages of one file in one exchange."""

    __slots__ = ("contents", "lengths", "number", "offsets", "packages", "state")

    def __init__(self, state: ExchangeState, number: int) -> None:
        self.state = state
        self.number = number
        self.packages = array("I")
        self.offsets = array("Q")
        self.lengths = array("I")
        self.contents = array("Q")

    def in_order(self) -> Iterator[tuple[int, int, int, int]]:
        """Offset, package, length and body position, by offset."""
        rows = zip(self.offsets, self.packages, self.lengths, self.contents, strict=True)
        if all(map(le, self.offsets, islice(self.offsets, 1, None))):
            return rows
        return iter(sorted(rows))

    def __iter__(self) -> Iterator[Span]:
        state, number = self.state, self.number
        server = state.channel
        if server is None or state.body_start is None:
            return
        body = state.body_start
        now = server.position - body
        missing = server.missing
        parts: list[Span] = []  # of packages with holes: they may reach beyond the start of the next package
        for offset, package, length, content in self.in_order():
            while parts and parts[0].start < offset:
                yield heapq.heappop(parts)
            captured = state.cut.get(package, length)
            if not state.response_zstd:
                captured = min(captured, max(0, now - content))
            if not missing or state.response_zstd:
                yield Span(offset, offset + captured, number, package, 0)
                continue
            at = 0
            for lost, found in missing.within(body + content, body + content + captured):
                lost -= body + content
                if lost > at or not at:
                    heapq.heappush(parts, Span(offset + at, offset + lost, number, package, at))
                at = found - body - content
            if at < captured or not at:
                heapq.heappush(parts, Span(offset + at, offset + captured, number, package, at))
        while parts:
            yield heapq.heappop(parts)


def source_files(states: list[ExchangeState]) -> list[SourceFile]:
    """All files that the exchanges read, with the captured content of their packages."""
    files: dict[bytes | None, list[_Column]] = {}
    for number, state in enumerate(states):
        if state.table is None:
            continue
        columns: dict[int, _Column] = {}
        for index, file, offset, length, content in state.table.spans():
            if offset == UNKNOWN:
                file, offset = NO_FILE, content
            column = columns.get(file)
            if column is None:
                column = columns[file] = _Column(state, number)
            column.packages.append(index)
            column.offsets.append(offset)
            column.lengths.append(length)
            column.contents.append(content)
        for file, column in columns.items():
            files.setdefault(None if file == NO_FILE else state.table.files[file], []).append(column)
    found = []
    for name, several in files.items():
        spans = chain.from_iterable(several) if name is None else heapq.merge(*several, key=_start)
        found.append(SourceFile(name, sum(len(column.packages) for column in several), spans))
    return found


def _start(span: Span) -> int:
    return span.start


def once(ordered: Iterator[Span]) -> Iterator[Span]:
    """Spans cut so that no byte of the file comes twice; the one that begins first wins."""
    reached = 0
    for span in ordered:
        start = max(span.start, reached)
        if span.end > start:
            yield Span(start, span.end, span.exchange, span.package, span.content + start - span.start)
            reached = span.end


def cover(file: SourceFile) -> FileCoverage:
    """Sum up one file."""
    first: int | None = None
    reached = total = 0
    gaps: list[tuple[int, int]] = []
    overlaps: list[tuple[int, int]] = []
    for span in file.spans:
        if first is None:
            first = reached = span.start
        if span.start > reached:
            if gaps and gaps[-1][1] == reached:
                gaps[-1] = (gaps[-1][0], span.start)
            else:
                gaps.append((reached, span.start))
            reached = span.start
        elif span.start < reached and span.end > span.start:
            again = (span.start, min(reached, span.end))
            if overlaps and overlaps[-1][1] >= again[0]:
                overlaps[-1] = (overlaps[-1][0], max(overlaps[-1][1], again[1]))
            else:
                overlaps.append(again)
        if span.end > reached:
            total += span.end - reached
            reached = span.end
    name = (file.name or b"").decode("utf-8", "surrogateescape")
    return FileCoverage(name, first or 0, total, file.packages, tuple(gaps), tuple(overlaps))
