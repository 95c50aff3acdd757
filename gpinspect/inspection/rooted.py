"""Sessions held against the files on the server: sizes, and with kept payload every byte."""

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from gpinspect.engine import coverage
from gpinspect.engine.coverage import Span
from gpinspect.engine.sessions import Correlated, Member, carried
from gpinspect.grammar import csvopt
from gpinspect.inspection.content import SpooledContent
from gpinspect.inspection.hashes import payload
from gpinspect.inspection.root import CHUNK, NotComparedError, Place, Root, length, patterns
from gpinspect.model import FileCoverage, Outcome, Session
from gpinspect.model.root import RootFile, RootSession, RootTarget

MOST_UNREAD: Final = 64
"""Files that no package is of and that are named."""
LONGEST_HEADER: Final = 1 << 20
"""Bytes in which the end of a header row is looked for."""
HEAD: Final = 256
"""Bytes of a body that are kept to find it again."""
KEY: Final = 16
"""Bytes of a body under which it is looked up."""


def compare(root: Root, found: Correlated, content: SpooledContent | None) -> dict[int, RootSession]:
    """What the folder holds for each session, by its id."""
    seen = {}
    for session, members in zip(found.sessions, found.members, strict=True):
        if session.method == "POST":
            seen[session.id] = RootSession(target=_target(root, session, members, content))
        elif any(member.exchange.outcome not in (Outcome.REFUSED, Outcome.PROBE) for member in members):
            seen[session.id] = _read(root, session, members, content)
    return seen


# reads -------------------------------------------------------------------------------------------------------------------


def _read(root: Root, session: Session, members: list[Member], content: SpooledContent | None) -> RootSession:
    why = ""
    if any(member.exchange.transform for member in members) or (session.path or "").partition("#transform=")[1]:
        why = "a transform stands between it and its rows"
    elif session.proto != 1:
        why = "protocol 0 has no offsets"
    if why:
        return RootSession(tuple(RootFile(name, why=why) for name in _told(session)), listed=False)
    spans: dict[bytes | None, Iterator[Span]] = {}
    if content is not None:
        spans = {file.name: file.spans for file in coverage.source_files([member.state for member in members])}
    files = []
    places = set()
    for file in session.files:
        name = file.name.encode("utf-8", "surrogateescape")
        try:
            place = root.source(name, session.path)
            if place is None:
                files.append(RootFile(file.name, missing=True))
                continue
            places.add(place.path)
            files.append(_file(root, place, file, members, content, spans.get(name)))
        except NotComparedError as error:
            files.append(RootFile(file.name, why=str(error)))
    names = [file.name.encode("utf-8", "surrogateescape") for file in session.files]
    if names and all(root.relative(name, session.path) is None for name in names):
        return RootSession(tuple(files), listed=False)  # gpfdist was told to serve another file (-f)
    unread, listed = _unread(root, session, members, places)
    return RootSession(tuple(files), unread, listed)


def _told(session: Session) -> Sequence[str]:
    names = [file.name for file in session.files]
    return names or [session.path or "what was read"]


def _file(
    root: Root,
    place: Place,
    file: FileCoverage,
    members: list[Member],
    content: SpooledContent | None,
    spans: Iterator[Span] | None,
) -> RootFile:
    if content is None or spans is None:
        if not place.compressed:
            return RootFile(file.name, size=place.size)
        with root.open(place) as data:
            return RootFile(file.name, size=length(data))
    with root.open(place) as data:
        differs = None
        reached = 0
        for span in coverage.once(spans):
            reached = _skip(data, place, reached, span.start)
            key = members[span.exchange].state.content_key
            for piece in content.part(key, span.package, span.content, span.content + span.end - span.start):
                there = _exactly(data, len(piece))
                if there != piece:
                    differs = reached + _first_difference(there, piece)
                    if differs == reached + len(there):
                        differs = None  # it ends here; its size says so
                    break
                reached += len(piece)
            else:
                continue
            break
    size = place.size
    if place.compressed:
        with root.open(place) as data:
            size = length(data)
    return RootFile(file.name, size=size, differs_at=differs, content=True)


def _skip(data: IO[bytes], place: Place, here: int, to: int) -> int:
    """Go on to an offset; a file that ends before it stays at its end."""
    if not place.compressed:
        data.seek(min(to, place.size))
        return to
    while here < to:
        piece = data.read(min(CHUNK, to - here))
        if not piece:
            break
        here += len(piece)
    return to


def _exactly(data: IO[bytes], count: int) -> bytes:
    """So many bytes, or what is left."""
    parts = []
    while count:
        piece = data.read(count)
        if not piece:
            break
        parts.append(piece)
        count -= len(piece)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _first_difference(one: bytes, other: bytes) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:  # the longest beginning that both have
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _unread(root: Root, session: Session, members: list[Member], places: set[Path]) -> tuple[tuple[tuple[str, int], ...], bool]:
    """Files that the path names, that have rows, and that no package is of."""
    names, listed = root.named(session.path)
    text = next((member.exchange.csvopt for member in members if member.exchange.csvopt is not None), None)
    options = csvopt.parse(text) if text is not None else None
    unread: list[tuple[str, int]] = []
    for name in names:
        try:
            place = root.find(name)
            if place is None or place.path in places or not place.size:
                continue
            rows = _rows_bytes(root, place, options)
        except NotComparedError:
            listed = False
            continue
        if rows and len(unread) < MOST_UNREAD:
            unread.append((name.decode("utf-8", "surrogateescape"), rows))
    return tuple(unread), listed and bool(names)


def _rows_bytes(root: Root, place: Place, options: csvopt.CsvOptions | None) -> int:
    """Bytes behind the header row, or of all rows where there is none."""
    with root.open(place) as data:
        if options is None or not options.header:
            return length(data) if place.compressed else place.size
        first = _exactly(data, LONGEST_HEADER)
        return max(0, len(first) - header_length(first, options)) + length(data)


def header_length(first: bytes, options: csvopt.CsvOptions) -> int:
    """Bytes of the first row, its end among them; all if it does not end."""
    end = options.row_end if options.csv else b"\n"
    quote = bytes((options.quote & 255,)) if options.csv else b""
    at = first.find(end)
    while at >= 0 and quote and first.count(quote, 0, at) % 2:
        at = first.find(end, at + len(end))
    return len(first) if at < 0 else at + len(end)


# writes ------------------------------------------------------------------------------------------------------------------


def _target(root: Root, session: Session, members: list[Member], content: SpooledContent | None) -> RootTarget | None:
    taken = [member for member in members if carried(member.exchange) and member.exchange.outcome is Outcome.ACCEPTED]
    accepted = sum(member.exchange.payload_bytes for member in taken if not member.exchange.unread_body)
    name = session.path or "-"
    wanted = patterns(session.path)
    if not taken or len(wanted) != 1:
        return None
    if any(member.exchange.transform for member in members) or "#transform=" in name:
        return RootTarget(name, why="a transform stands between it and its rows")
    try:
        place = root.find(wanted[0])
        if place is None:
            return RootTarget(name, missing=True, accepted=accepted)
        if place.compressed:
            with root.open(place) as data:
                return RootTarget(name, size=length(data), accepted=accepted)
        if content is None or not place.size or any(member.exchange.missing_bytes for member in taken):
            return RootTarget(name, size=place.size, accepted=accepted)
        lacking, twice = _bodies(root, place, taken, content)
    except NotComparedError as error:
        return RootTarget(name, why=str(error))
    return RootTarget(name, size=place.size, accepted=accepted, lacking=lacking, twice=twice, content=True)


class _Body:
    """The rows of one accepted write that the target must hold."""

    __slots__ = ("_content", "head", "length", "member")

    def __init__(self, member: Member, content: SpooledContent) -> None:
        self.member = member
        self._content = content
        self.head = b""
        self.length = 0
        end = 0
        delimiter = member.exchange.line_delimiter or b"\n"
        for data in self._pieces():
            if len(self.head) < HEAD:
                self.head += data[: HEAD - len(self.head)]
            at = max(data.rfind(b"\n") + 1, data.rfind(delimiter) + len(delimiter) if delimiter in data else 0)
            if at:
                end = self.length + at
            self.length += len(data)
        if member.exchange.row_end is False and not member.exchange.zstd:
            self.length = end  # what follows the last row end is not written
        self.head = self.head[: self.length]

    def _pieces(self) -> Iterator[bytes]:
        for _, _, data in payload(self._content, self.member.state, self.member.exchange):
            yield data

    def stands_at(self, there: mmap.mmap, position: int) -> bool:
        if there[position : position + len(self.head)] != self.head or position + self.length > len(there):
            return False
        at, end = position, position + self.length
        for data in self._pieces():
            data = data[: end - at]
            if there[at : at + len(data)] != data:
                return False
            at += len(data)
        return True

    @property
    def told(self) -> tuple[int | None, int | None, int]:
        exchange = self.member.exchange
        return exchange.segment, exchange.seq, self.length

    @property
    def sum(self) -> tuple[int, str | None]:
        import hashlib

        digest = hashlib.sha256()
        left = self.length
        for data in self._pieces():
            digest.update(data[:left])
            left -= min(left, len(data))
        return self.length, digest.hexdigest()


Told = tuple[tuple[int | None, int | None, int], ...]


def _bodies(root: Root, place: Place, taken: list[Member], content: SpooledContent) -> tuple[Told, Told]:
    """Bodies that the target lacks, and those that it has once more than they were sent while it has others just as often."""
    groups: dict[tuple[int, str | None], list[_Body]] = {}
    for member in taken:
        body = _Body(member, content)
        if body.length:
            groups.setdefault(body.sum, []).append(body)
    keys: dict[int, dict[bytes, list[tuple[int, str | None]]]] = {}
    for name, bodies in sorted(groups.items(), key=lambda item: -item[0][0]):
        size = min(KEY, bodies[0].length)
        keys.setdefault(size, {}).setdefault(bodies[0].head[:size], []).append(name)
    counted = dict.fromkeys(groups, 0)
    delimiter = next((member.exchange.line_delimiter for member in taken if member.exchange.line_delimiter), None) or b"\n"
    with root.open(place) as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as there:
        at = 0
        while at < len(there):
            here = _which(there, at, keys, groups)
            if here is not None:
                counted[here] += 1
                at += here[0]
                continue
            end = there.find(delimiter, at)
            at = end + len(delimiter) if end >= 0 else len(there)
    lacking: list[_Body] = []
    often = {name: counted[name] - len(bodies) for name, bodies in groups.items()}
    usual = min(often.values(), default=0)
    twice: list[_Body] = []
    for name, bodies in groups.items():
        if often[name] < 0:
            lacking += bodies[often[name] :]
        elif often[name] > max(usual, 0):
            twice.append(bodies[-1])
    return tuple(body.told for body in lacking), tuple(body.told for body in twice)


def _which(
    there: mmap.mmap,
    at: int,
    keys: dict[int, dict[bytes, list[tuple[int, str | None]]]],
    groups: dict[tuple[int, str | None], list[_Body]],
) -> tuple[int, str | None] | None:
    """The longest body that stands at a place of the target."""
    best = None
    for size, by_key in keys.items():
        for name in by_key.get(there[at : at + size], ()):
            if (best is None or name[0] > best[0]) and groups[name][0].stands_at(there, at):
                best = name
    return best
