"""Which bytes of a source file went to which Greenplum segment: as ranges, and as a bar of characters.

Only packages that say where in a file they belong (protocol 1) are in it.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gpinspect.model import UNKNOWN, Exchange, FileCoverage

GAP, TWICE, SEVERAL, BEYOND = "_", "!", "*", " "
"""Cells of a bar: not captured, delivered twice, several Greenplum segments and none has more than half, behind the end."""
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
SOMEBODY = "?"
"""A Greenplum segment that is not known, or one of more than there are letters for."""
STEP = 2_000
"""Packages between two words about how far it is."""


class Piece(NamedTuple):
    """Bytes [start, end) of a file out of package `package` of the member `member`."""

    start: int
    end: int
    member: int
    package: int


@dataclass(slots=True)
class FileMap:
    """One file. Pieces are in order of offset; `members` are the exchanges that they speak of."""

    name: bytes
    members: Sequence[Exchange]
    starts: "array[int]" = field(default_factory=lambda: array("Q"))
    ends: "array[int]" = field(default_factory=lambda: array("Q"))
    owners: "array[int]" = field(default_factory=lambda: array("I"))
    packages: "array[int]" = field(default_factory=lambda: array("I"))
    longest: int = 0
    end: int = 0  # offset behind the last byte that was delivered
    parts: "list[SegmentPart]" = field(default_factory=list)  # what each Greenplum segment got, in order of its number

    def __len__(self) -> int:
        return len(self.starts)

    def piece(self, index: int) -> Piece:
        return Piece(self.starts[index], self.ends[index], self.owners[index], self.packages[index])

    @property
    def first(self) -> int:
        """Offset of the first byte that was delivered."""
        return self.starts[0] if self.starts else 0

    def segment(self, piece: Piece) -> int | None:
        return self.members[piece.member].segment

    def within(self, low: int, high: int) -> list[Piece]:
        """Every piece that has a byte in [low, high), in order of offset."""
        first, last = self.span(low, high)
        return [self.piece(index) for index in range(first, last) if self.ends[index] > low]

    def span(self, low: int, high: int) -> tuple[int, int]:
        """First piece that may have a byte in [low, high), and the one behind the last."""
        return max(0, bisect_right(self.starts, max(0, low - self.longest)) - 1), bisect_left(self.starts, high)


class SegmentPart(NamedTuple):
    """What one Greenplum segment got of a file; `letter` stands for it in bars."""

    segment: int | None
    letter: str
    bytes: int
    packages: int
    first: int
    end: int


def letter(number: int) -> str:
    """What stands for the Greenplum segment at a place in order of numbers."""
    return LETTERS[number] if number < len(LETTERS) else SOMEBODY


def file_map_steps(members: Sequence[Exchange], name: bytes) -> Generator[int, None, FileMap]:
    """Collect the packages of a file; gives how many it has seen, and the map in the end."""
    made = FileMap(name, members)
    rows: list[tuple[int, int, int, int]] = []
    seen = 0
    for number, member in enumerate(members):
        wanted = member.packages.known_files.get(name)
        if wanted is None:
            continue
        for index, file, offset, length, _ in member.packages.spans():
            seen += 1
            if file == wanted and offset != UNKNOWN and length:
                rows.append((offset, offset + length, number, index))
            if not seen % STEP:
                yield seen
    rows.sort()
    yield seen
    parts: dict[int | None, list[int]] = {}
    for done, (start, end, number, index) in enumerate(rows):
        made.starts.append(start)
        made.ends.append(min(end, (1 << 64) - 1))
        made.owners.append(number)
        made.packages.append(index)
        made.longest, made.end = max(made.longest, end - start), max(made.end, end)
        part = parts.setdefault(members[number].segment, [0, 0, start, end])
        part[0] += end - start
        part[1] += 1
        part[3] = max(part[3], end)
        if not done % STEP:
            yield seen
    ordered = sorted(parts.items(), key=lambda item: (item[0] is None, item[0] or 0))
    made.parts = [
        SegmentPart(segment, letter(number), size, count, first, end)
        for number, (segment, (size, count, first, end)) in enumerate(ordered)
    ]
    return made


def file_map(members: Sequence[Exchange], name: bytes) -> FileMap:
    """All of it at once."""
    steps = file_map_steps(members, name)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: FileMap = end.value
            return found


# bars ---------------------------------------------------------------------------------------------------------------------


def cell_range(low: int, high: int, width: int, cell: int) -> tuple[int, int]:
    """Bytes [from, to) that one of `width` cells on [low, high) stands for; at least one byte while there are any."""
    span = high - low
    start = low + span * cell // width
    return start, max(start + 1, low + span * (cell + 1) // width)


def _cells(start: int, end: int, width: int, span: int) -> tuple[int, int]:
    """First and last cell of `width` on `span` bytes that bytes [start, end) reach into."""
    return start * width // span, min((end * width - 1) // span, width - 1)


def coverage_bar(file: FileCoverage, width: int) -> str:
    """Delivered (`#`), not captured and delivered twice, from the first known byte to the last, without who got it."""
    low = file.first_offset
    high = max([low + file.bytes, *(end for _, end in (*file.gaps, *file.overlaps))])
    high = max(high, low + file.bytes + sum(end - start for start, end in file.gaps))
    if high <= low:
        return ""
    return _with_faults("#" * width, low, high, file.gaps, file.overlaps)


@dataclass(frozen=True, slots=True)
class Spread:
    """Bytes of [low, high) by Greenplum segment and cell: what bars are drawn of."""

    low: int
    high: int
    width: int
    end: int  # behind the last byte of the file
    held: dict[int | None, list[int]]

    @property
    def key(self) -> tuple[int, int, int]:
        return self.low, self.high, self.width


def spread_steps(found: FileMap, low: int, high: int, width: int) -> Generator[int, None, Spread]:
    """Count what each Greenplum segment got of each of `width` cells; gives how many pieces it has seen."""
    span = high - low
    members: list[list[int]] = []
    held: dict[int | None, list[int]] = {}
    for member in found.members:
        members.append(held.setdefault(member.segment, [0] * width))
    first, last = found.span(low, high)
    ends = [cell_range(low, high, width, cell)[1] for cell in range(width)]
    for begin in range(first, last, STEP):
        rows = slice(begin, min(begin + STEP, last))
        for start, end, owner in zip(found.starts[rows], found.ends[rows], found.owners[rows], strict=True):
            if end <= low:
                continue
            start, end = max(start, low), min(end, high)
            cells = members[owner]
            cell = (start - low) * width // span
            if end <= ends[cell]:
                cells[cell] += end - start
                continue
            for reached in range(cell, min(((end - low) * width - 1) // span, width - 1) + 1):
                floor = low + span * reached // width
                cells[reached] += min(end, ends[reached]) - max(start, floor)
        yield begin
    return Spread(low, high, width, found.end, {segment: cells for segment, cells in held.items() if any(cells)})


def spread(found: FileMap, low: int, high: int, width: int) -> Spread:
    """All of it at once."""
    steps = spread_steps(found, low, high, width)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: Spread = end.value
            return made


def owner_bar(made: Spread, letters: dict[int | None, str], file: FileCoverage) -> str:
    """Who got what: the letter of the Greenplum segment that has more than half of what is delivered of a cell."""
    cells = []
    for cell in range(made.width):
        total = sum(held[cell] for held in made.held.values())
        if not total:
            cells.append(BEYOND if cell_range(made.low, made.high, made.width, cell)[0] >= made.end else GAP)
            continue
        segment, most = max(((name, held[cell]) for name, held in made.held.items()), key=lambda item: item[1])
        cells.append(letters.get(segment, SOMEBODY) if most * 2 > total else SEVERAL)
    return _with_faults("".join(cells), made.low, made.high, file.gaps, file.overlaps)


def share_bar(made: Spread, segment: int | None) -> list[float]:
    """What part of each cell one Greenplum segment got, 0 to 1."""
    held = made.held.get(segment)
    if held is None:
        return [0.0] * made.width
    sizes = (cell_range(made.low, made.high, made.width, cell) for cell in range(made.width))
    return [min(size / (end - start), 1.0) for size, (start, end) in zip(held, sizes, strict=True)]


def _with_faults(bar: str, low: int, high: int, gaps: Sequence[tuple[int, int]], overlaps: Sequence[tuple[int, int]]) -> str:
    """What is missing hides what is there, however small it is: a person has to see it."""
    cells = list(bar)
    for ranges, sign in ((overlaps, TWICE), (gaps, GAP)):
        for start, end in ranges:
            begin, stop = max(start, low), min(end, high)
            if begin >= stop:
                continue
            span, width = high - low, len(cells)
            first, last = _cells(begin - low, stop - low, width, span)
            cells[first : last + 1] = sign * (last + 1 - first)
    return "".join(cells)
