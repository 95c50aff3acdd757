"""Who got a byte or a line of a file: the package that holds it, out of a map of the file."""

from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple, Protocol

from gpinspect.model import UNKNOWN
from gpinspect.views.file_map import FileMap, Piece
from gpinspect.views.report import Line
from gpinspect.views.text import UNKNOWN_TEXT, clock_text, plural


class Answer(NamedTuple):
    """One delivery. `offset` is that of the byte, or of the first byte of the line."""

    piece: Piece
    offset: int
    line: int | None = None
    frames: tuple[int, int] | None = None  # None: those of the package


def at_offset(found: FileMap, offset: int) -> list[Answer]:
    """Every delivery of a byte, in order of exchange."""
    pieces = sorted(found.within(offset, offset + 1), key=lambda piece: (piece.member, piece.package))
    return [Answer(piece, offset) for piece in pieces]


class _Counted(NamedTuple):
    """Where counting may begin: the piece at `place`, whose first byte begins line `line`."""

    place: int
    line: int


def _begin(found: FileMap, line: int) -> _Counted | None:
    """The last package up to a line of which the server said with which line it begins; else the beginning of the file."""
    best = _Counted(0, 1) if len(found) and found.starts[0] == 0 else None
    for index in range(len(found)):
        first = _line(found, found.piece(index))
        if first is not None and first <= line and (best is None or first > best.line):
            best = _Counted(index, first)
    return best


def _line(found: FileMap, piece: Piece) -> int | None:
    """L of a package, where the server knew it (it says 0 where not)."""
    first = found.members[piece.member].packages.line(piece.package)
    return None if first in (0, UNKNOWN) or piece.start != _offset(found, piece) else first


def _offset(found: FileMap, piece: Piece) -> int:
    return found.members[piece.member].packages[piece.package].offset


class Fetched(Protocol):
    """The bytes of a package; `missing` of them were not captured."""

    @property
    def data(self) -> bytes: ...
    @property
    def missing(self) -> int: ...


def line_offset(found: FileMap, line: int, fetch: Callable[[Piece], Fetched]) -> Generator[int, None, tuple[int | None, str]]:
    """Find the offset at which a line begins, counting line feeds from the last package whose number the server told.

    Gives how many packages it has read, and in the end the offset, or None with the reason.

    Args:
        fetch: Reads a package again; what it raises goes through.
    """
    begin = _begin(found, line)
    if begin is None:
        return None, f"the first delivered byte is at offset {found.first:,}, and nobody said which line that is"
    count, reached = begin.line, found.starts[begin.place]
    for index in range(begin.place, len(found)):
        piece = found.piece(index)
        if piece.end <= reached:
            continue
        if piece.start > reached:
            return (
                None,
                f"offsets {reached:,} to {piece.start:,} are not in the capture, so lines from {count:,} on cannot be counted",
            )
        if count == line:
            return reached, ""
        message = fetch(piece)
        if message.missing:
            return None, f"bytes of package {piece.package:,} were not captured, so lines from {count:,} on cannot be counted"
        package = found.members[piece.member].packages[piece.package]
        at = package.head + reached - piece.start
        feeds = message.data.count(b"\n", at)
        if count + feeds >= line:
            for _ in range(line - count):
                at = message.data.index(b"\n", at) + 1
            if at < len(message.data):
                return piece.start + at - package.head, ""
        count, reached = count + feeds, piece.end
        yield index - begin.place
    return None, f"nobody got line {line:,}: what was delivered ends in line {max(count - 1, 0):,}"


def answer_lines(found: FileMap, answers: list[Answer], *, utc: bool) -> Iterator[Line]:
    """What is told of deliveries, one a line."""
    for answer in answers:
        exchange = found.members[answer.piece.member]
        package = exchange.packages[answer.piece.package]
        first, last = answer.frames or (package.frame, package.end_frame)
        frames = f"frame {first:,}" if first == last else f"frames {first:,}-{last:,}"
        when = clock_text(None if package.end_ns == UNKNOWN else package.end_ns, utc=utc, digits=6)
        segment = UNKNOWN_TEXT if exchange.segment is None else str(exchange.segment)
        what = f"offset {answer.offset:,}" + (f", line {answer.line:,}" if answer.line is not None else "")
        who = f"segment {segment} ({exchange.client.host}) got {what}"
        yield Line(f"{who}: package {answer.piece.package:,} of exchange {exchange.id}, {frames}, {when}")
    if len(answers) > 1:
        yield Line(f"delivered {plural(len(answers), 'time')}", "bad")
