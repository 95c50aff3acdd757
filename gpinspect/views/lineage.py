r"""Which Greenplum segment got a byte, a line or a text of a file, and what a frame carries.

Bytes of a file are found by the offsets of the packages, so only in protocol 1; text is found in every payload. Lines are counted
by line feeds in the delivered bytes, in order of offset: a CSV row with line feeds inside is several lines, while the server's own
numbers (L) count it once and serve for the first line only.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from gpinspect.model import UNKNOWN, Exchange, Package
from gpinspect.model.packages import ZSTD
from gpinspect.views.places import Where

LF = b"\n"


class Carried(Protocol):
    """The bytes of a package: `pieces` are (position in `data`, length, frame or 0), first copies only."""

    @property
    def data(self) -> bytes: ...
    @property
    def pieces(self) -> tuple[tuple[int, int, int], ...]: ...


Fetch = Callable[[int, int], Carried]
"""Exchange id and package index to its bytes."""
Contents = Callable[[int], Iterable[tuple[int | None, int, bytes]]]
"""Exchange id to (package index or None, position in its content or in the body, bytes) in wire order."""


def named(name: bytes | None, wanted: bytes) -> bool:
    """Whether a file is meant: its whole name, or its last components."""
    return name is not None and (name == wanted or name.endswith(b"/" + wanted.lstrip(b"/")))


# by offset ----------------------------------------------------------------------------------------------------------------


def by_offset(exchanges: Iterable[Exchange], fetch: Fetch, lines: "Lines", file: bytes, offset: int) -> Iterator[Where]:
    """Every delivery of the byte at `offset` of a file, in order of exchange: more than one where it came again."""
    for exchange in exchanges:
        for index, number, start, length, _ in exchange.packages.spans():
            if start != UNKNOWN and start <= offset < start + length:
                package = exchange.packages[index]
                if number < len(exchange.packages.files) and named(exchange.packages.file_name(package), file):
                    yield carried(exchange, index, offset - start, 1, fetch, lines)


def carried(exchange: Exchange, index: int, position: int, length: int, fetch: Fetch, lines: "Lines") -> Where:
    """Bytes of the content of a package, with the frames that carried them where the capture tells."""
    package = exchange.packages[index]
    message = fetch(exchange.id, index)
    start, end = package.head + position, package.head + position + length
    held = list(_held(message, start, end))
    captured = end <= len(message.data) if _packed(package) else sum(b - a for a, b, _ in held) == length
    frames = {frame for _, _, frame in held}
    exact = captured and bool(frames) and 0 not in frames
    if not exact and captured and package.frame == package.end_frame:
        frames, exact = {package.frame}, True
    return Where(
        exchange,
        index,
        exchange.packages.file_name(package),
        None if package.offset == UNKNOWN else package.offset + position,
        lines.line(exchange, index, message, position),
        position,
        length,
        captured,
        (min(frames), max(frames)) if exact else (package.frame, max(package.frame, package.end_frame)),
        exact,
        *_times(package),
    )


def _packed(package: Package) -> bool:
    """The content was compressed on the wire: no piece of it can be tied to a frame."""
    return bool(package.flags & ZSTD)


def _times(package: Package) -> tuple[int | None, int | None]:
    return None if package.ns == UNKNOWN else package.ns, None if package.end_ns == UNKNOWN else package.end_ns


# by line ------------------------------------------------------------------------------------------------------------------


class _Stretch(NamedTuple):
    """Delivered bytes [start, end) of a file; those from `fresh` on had not come before and hold `feeds` line feeds."""

    start: int
    end: int
    fresh: int
    feeds: int
    exchange: int  # index into the exchanges of the session
    package: int


@dataclass(slots=True)
class _File:
    name: bytes
    stretches: list[_Stretch] = field(default_factory=list)


class Line(NamedTuple):
    """What is known of one line in one file of one session: where it is, or why that cannot be told."""

    session: int | None
    file: bytes
    where: Where | None
    problem: str


class Lines:
    """Numbers of the lines at which packages begin, worked out a session at a time."""

    def __init__(self, exchanges: Iterable[Exchange], contents: Contents) -> None:
        self._sessions = _by_session(exchanges)
        self._contents = contents
        self._known: dict[int | None, dict[tuple[int, int], int]] = {}
        self._last: tuple[int, int, int, int | None] = (
            0,
            0,
            0,
            None,
        )  # exchange, package, position, line: the next is often behind it

    def line(self, exchange: Exchange, index: int, message: Carried, position: int) -> int | None:
        """The line at a position of a package's content; None where lines in front of it are not in the capture."""
        package = exchange.packages[index]
        if exchange.session not in self._known:
            self._known[exchange.session] = self._begin(self._sessions.get(exchange.session, []))
        line, counted = self._known[exchange.session].get((exchange.id, index)), 0
        if self._last[:2] == (exchange.id, index) and self._last[2] <= position:
            counted, line = self._last[2:]
        start, end = package.head + counted, package.head + position
        if line is not None:
            line = None if not _packed(package) and _holes(message, start, end) else line + message.data.count(LF, start, end)
        self._last = (exchange.id, index, position, line)
        return line

    def _begin(self, members: list[Exchange]) -> dict[tuple[int, int], int]:
        known: dict[tuple[int, int], int] = {}
        for file in _files(members, self._contents, None):
            first = file.stretches[0]
            count, reached = _first_line(members[first.exchange].packages[first.package], first.start), first.start
            for stretch in file.stretches:
                if count is None or stretch.start > reached:
                    break
                exchange = members[stretch.exchange]
                if stretch.start == reached == exchange.packages[stretch.package].offset:
                    known[exchange.id, stretch.package] = count
                count += stretch.feeds
                reached = max(reached, stretch.end)
        return known


def _by_session(exchanges: Iterable[Exchange]) -> dict[int | None, list[Exchange]]:
    sessions: dict[int | None, list[Exchange]] = {}
    for exchange in exchanges:
        sessions.setdefault(exchange.session, []).append(exchange)
    return sessions


def by_line(
    exchanges: Sequence[Exchange], contents: Contents, fetch: Fetch, line: int, file: bytes | None = None
) -> Iterator[Line]:
    """Line `line` (from 1) of each file of each session.

    Args:
        file: Only files of this name, or that end with it.
    """
    lines = Lines(exchanges, contents)
    for session, members in _by_session(exchanges).items():
        for found in _files(members, contents, file):
            where, problem = _line_in(found, members, contents, fetch, lines, line)
            yield Line(session, found.name, where, problem)


def _files(members: list[Exchange], contents: Contents, wanted: bytes | None) -> list[_File]:
    """Files by name with their stretches by offset; what overlaps is read a second time, all of it at once."""
    files: dict[bytes, _File] = {}
    for number, index, name, start, data in _pieces(members, contents, wanted):
        stretch = _Stretch(start, start + len(data), start, data.count(LF), number, index)
        files.setdefault(name, _File(name)).stretches.append(stretch)
    again: dict[tuple[int, int, int, bytes], int] = {}
    for found in files.values():
        found.stretches.sort()
        reached = 0
        for place, stretch in enumerate(found.stretches):
            if stretch.start < reached:
                fresh = min(reached, stretch.end)
                found.stretches[place] = stretch._replace(fresh=fresh)
                again[stretch.exchange, stretch.package, stretch.start, found.name] = place
            reached = max(reached, stretch.end)
    if again:
        for number, index, name, start, data in _pieces(members, contents, wanted):
            at = again.get((number, index, start, name))
            if at is not None:
                stretch = files[name].stretches[at]
                files[name].stretches[at] = stretch._replace(feeds=data.count(LF, stretch.fresh - start))
    return [files[name] for name in sorted(files)]


def _pieces(members: list[Exchange], contents: Contents, wanted: bytes | None) -> Iterator[tuple[int, int, bytes, int, bytes]]:
    """Place of the exchange among the members, package index, file, offset and bytes of everything that has an offset."""
    for number, exchange in enumerate(members):
        if not len(exchange.packages):
            continue
        for index, position, data in contents(exchange.id):
            if index is None:
                continue
            package = exchange.packages[index]
            name = exchange.packages.file_name(package)
            if name is not None and package.offset != UNKNOWN and (wanted is None or named(name, wanted)):
                yield number, index, name, package.offset + position, data


def _line_in(
    file: _File, members: list[Exchange], contents: Contents, fetch: Fetch, lines: Lines, line: int
) -> tuple[Where | None, str]:
    first = file.stretches[0]
    count = _first_line(members[first.exchange].packages[first.package], first.start)
    if count is None:
        return None, f"the first delivered byte is at offset {first.start:,}, and nobody said which line that is"
    if line < count:
        return None, f"line {count:,} is the first that is known of; what comes before was not delivered, as a header row is not"
    reached, begins = first.start, line == count
    for stretch in file.stretches:
        if stretch.start > reached:
            lost = f"bytes [{reached:,}, {stretch.start:,}) are not in the capture"
            return None, f"{lost}, so lines from {count:,} on cannot be counted"
        if stretch.end <= reached:
            continue
        if begins:
            return _found(stretch, reached, members, contents, fetch, lines, line), ""
        if count + stretch.feeds >= line:
            at = reached + _after(_content(stretch, reached, stretch.end, members, contents), line - count)
            if at < stretch.end:
                return _found(stretch, at, members, contents, fetch, lines, line), ""
            begins = True
        count, reached = count + stretch.feeds, stretch.end
    return None, f"line {count:,} is where the delivered bytes end"


def _first_line(package: Package, start: int) -> int | None:
    """Number of the line at the first delivered byte: as the package says, else 1 at the beginning of the file."""
    if start == package.offset and package.line not in (0, UNKNOWN):
        return package.line
    return 1 if start == 0 else None


def _after(data: bytes, feeds: int) -> int:
    """Position behind so many line feeds."""
    at = 0
    for _ in range(feeds):
        at = data.index(LF, at) + 1
    return at


def _content(stretch: _Stretch, start: int, end: int, members: list[Exchange], contents: Contents) -> bytes:
    """Bytes [start, end) of the file out of one stretch."""
    exchange = members[stretch.exchange]
    offset = exchange.packages[stretch.package].offset
    found = bytearray()
    for index, position, data in contents(exchange.id):
        low, high = max(start, offset + position), min(end, offset + position + len(data))
        if index == stretch.package and low < high:
            found += data[low - offset - position : high - offset - position]
    return bytes(found)


def _found(stretch: _Stretch, at: int, members: list[Exchange], contents: Contents, fetch: Fetch, lines: Lines, line: int) -> Where:
    exchange = members[stretch.exchange]
    rest = _content(stretch, at, stretch.end, members, contents)
    length = rest.find(LF) + 1 or len(rest)
    place = carried(exchange, stretch.package, at - exchange.packages[stretch.package].offset, length, fetch, lines)
    return replace(place, line=line)


# by text ------------------------------------------------------------------------------------------------------------------


def by_text(exchanges: Sequence[Exchange], contents: Contents, fetch: Fetch, text: bytes) -> Iterator[Where]:
    """Every row (up to a line feed) that holds `text`, in order of exchange and wire; the place is that of the text."""
    lines = Lines(exchanges, contents)
    for exchange in exchanges:
        reader = _Reader(text)
        for index, position, data in contents(exchange.id):
            for at in reader.feed(index, position, data):
                yield _in_body(exchange, at, len(text)) if index is None else carried(exchange, index, at, len(text), fetch, lines)


class _Reader:
    """Finds a text in the pieces of contents; where pieces follow each other also across their border."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._package: int | None = -1
        self._end = 0
        self._tail = b""
        self._told = False  # the row that is being read was found already

    def feed(self, package: int | None, position: int, data: bytes) -> Iterator[int]:
        """Position of each row's first hit."""
        if package != self._package or position != self._end:
            self._tail, self._told = b"", False
        block = self._tail + data
        begin = position - len(self._tail)
        looked = at = 0  # rows were told apart up to `looked`
        while (hit := block.find(self._text, at)) >= 0:
            if not self._told or block.find(LF, looked, hit) >= 0:
                yield begin + hit
            self._told, looked, at = True, hit, hit + 1
        keep = max(len(block) - len(self._text) + 1, 0)
        if block.find(LF, looked, keep) >= 0:
            self._told = False
        self._tail, self._package, self._end = block[keep:], package, position + len(data)


def _in_body(exchange: Exchange, position: int, length: int) -> Where:
    """Bytes of a body without packages: which of its frames carried them is not kept."""
    first, last = exchange.frames
    return Where(
        exchange, None, None, None, None, position, length, True, exchange.frames, first == last, exchange.start_ns, exchange.end_ns
    )


# by frame -----------------------------------------------------------------------------------------------------------------


def by_frame(exchanges: Iterable[Exchange], fetch: Fetch, lines: Lines, frame: int) -> Iterator[Where]:
    """What of the packages a frame carried first; and bodies without packages that it may belong to."""
    for exchange in exchanges:
        if not exchange.frames[0] <= frame <= exchange.frames[1]:
            continue
        if not len(exchange.packages):
            if exchange.payload_bytes:
                yield _in_body(exchange, 0, exchange.payload_bytes)
            continue
        for index, package in enumerate(exchange.packages):
            if package.frame <= frame <= package.end_frame:
                yield from _of_frame(exchange, index, package, fetch, lines, frame)


def _of_frame(exchange: Exchange, index: int, package: Package, fetch: Fetch, lines: Lines, frame: int) -> Iterator[Where]:
    message = fetch(exchange.id, index)
    known = [(at, size) for at, size, number in message.pieces if number == frame]
    alone = package.frame == package.end_frame
    if not known and not alone and all(number for _, _, number in message.pieces):
        return
    start, end = (min(at for at, _ in known), max(at + size for at, size in known)) if known else (0, len(message.data))
    low, high = max(start - package.head, 0), max(end - package.head, 0)
    whole = not known and not alone
    yield Where(
        exchange,
        index,
        exchange.packages.file_name(package),
        None if package.offset == UNKNOWN else package.offset + low,
        lines.line(exchange, index, message, low),
        low,
        high - low,
        True if known or alone else None,
        (package.frame, package.end_frame) if whole else (frame, frame),
        not whole,
        *_times(package),
    )


def _holes(message: Carried, start: int, end: int) -> bool:
    """Whether a byte of [start, end) was not captured."""
    return sum(high - low for low, high, _ in _held(message, start, end)) < end - start


def _held(message: Carried, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """What of [start, end) was captured: from, to, frame."""
    for piece in range(bisect_right(message.pieces, start, key=_end), len(message.pieces)):
        at, size, frame = message.pieces[piece]
        if at >= end:
            return
        yield max(at, start), min(at + size, end), frame


def _end(piece: tuple[int, int, int]) -> int:
    return piece[0] + piece[1]
