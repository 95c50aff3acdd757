"""Which byte of the payload goes to which byte of which file.

A *target* is one file to be. By file: content of protocol 1 by its offset, the first delivered byte at position 0; content without
an offset and bodies one after the other. What the capture lacks stays a hole and is listed. Pure but for the pieces it is handed.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from gpinspect.model import UNKNOWN, Address, Exchange, Outcome, Session
from gpinspect.model.packages import NO_FILE
from gpinspect.views.objects import wire_bytes

By = Literal["file", "segment", "exchange"]
Pieces = Callable[[int], Iterable[tuple[int | None, int, bytes]]]
"""Exchange id to (package index or None, position in its content or in the body, bytes) in wire order."""

WIDEST_HOLE = 1 << 40
"""Bytes that a file may be longer than the whole capture; offsets further off start another part."""

MOST_PARTS = 16
"""Parts of one file; more of them are no file but noise, and what lies beyond goes to the part for content without place."""

Key = tuple[str, bytes | int | None, int]


@dataclass(slots=True)
class Target:
    """One file to be, and what is known of it so far. Positions count bytes of the file on disk."""

    session: int | None
    server: Address
    name: bytes | None  # as on the wire
    label: bytes  # what its path is made from
    segment: int | None = None
    exchange: int | None = None
    first_offset: int | None = None  # byte of the source file that stands at position 0; None where offsets play no part
    captured: int = 0
    declared: int = 0  # bytes that the wire announced for it
    reach: int = 0  # end of the last byte written
    last_start: int = 0  # where the last package that is known of begins
    repeated: int = 0  # bytes that came again and were left out
    _starts: "array[int]" = field(default_factory=lambda: array("Q"))
    _ends: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, start: int, length: int) -> None:
        end = start + length
        self.reach = max(self.reach, end)
        if self._ends and self._ends[-1] == start:
            self._ends[-1] = end
        else:
            self._starts.append(start)
            self._ends.append(end)

    def written(self) -> list[tuple[int, int]]:
        """What was written, as [from, to) in order."""
        merged: list[tuple[int, int]] = []
        for start, end in sorted(zip(self._starts, self._ends, strict=True)):
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((start, end))
        return merged

    def gaps(self, written: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """What is missing up to the last byte or package that is known of, as [from, to)."""
        holes = []
        reached = 0
        for start, end in written:
            if start > reached:
                holes.append((reached, start))
            reached = end
        if self.last_start > reached:
            holes.append((reached, self.last_start))
        return holes


class Write(NamedTuple):
    """Put `data` at byte `position` of `target`."""

    target: Target
    position: int
    data: bytes


def delivering(exchanges: Iterable[Exchange]) -> list[Exchange]:
    """The exchanges whose payload counts, in the order in which it does.

    POST: accepted bodies by Greenplum segment, then SEQ (without it: order of connection). GET: order of connection.
    """
    kept = [exchange for exchange in exchanges if exchange.method != "POST" or exchange.outcome is Outcome.ACCEPTED]
    return sorted(kept, key=_order)


def _order(exchange: Exchange) -> tuple[int, int, int, int]:
    if exchange.method != "POST":
        return 0, 0, 0, exchange.id
    return 1, _first(exchange.segment), _first(exchange.seq), exchange.id


def _first(number: int | None) -> int:
    return -(1 << 70) if number is None else number


class _Spans:
    """The packages of one source file, as columns."""

    def __init__(self) -> None:
        self.offsets, self._lengths, self._exchanges, self._indexes = (array("Q") for _ in range(4))

    def add(self, offset: int, length: int, exchange: int, index: int) -> None:
        self.offsets.append(offset)
        self._lengths.append(length)
        self._exchanges.append(exchange)
        self._indexes.append(index)

    def in_order(self) -> Iterator[tuple[int, int, int, int]]:
        """By offset, equal ones as they came."""
        for at in sorted(range(len(self.offsets)), key=self.offsets.__getitem__):
            yield self.offsets[at], self._lengths[at], self._exchanges[at], self._indexes[at]


class Rebuild:
    """The targets of one session (or of one exchange that belongs to none).

    Args:
        size: Bytes of the capture; no file becomes longer than this and `WIDEST_HOLE`.
    """

    def __init__(self, session: Session | None, exchanges: Sequence[Exchange], by: By, size: int) -> None:
        self._session = session
        self._by = by
        self.exchanges = list(exchanges) if by == "exchange" else delivering(exchanges)
        self._limit = size + WIDEST_HOLE
        self._skip: dict[tuple[int, int], int] = {}  # exchange and package to bytes at its start that another one delivered
        self._parts = self._survey() if by == "file" else {}
        self.targets: dict[Key, Target] = {}
        self.crowded: list[bytes] = []  # names with more than MOST_PARTS parts

    def _survey(self) -> "dict[bytes, array[int]]":
        """Where the parts of each file begin (nearly always one, at its smallest offset); finds overlaps on the way."""
        files: dict[bytes, _Spans] = {}
        for number, exchange in enumerate(self.exchanges):
            names = exchange.packages.files
            for index, file, offset, length, _ in exchange.packages.spans():
                if offset != UNKNOWN:
                    files.setdefault(b"" if file == NO_FILE else names[file], _Spans()).add(offset, length, number, index)
        for spans in files.values():
            self._clip(spans)
        return {name: self._cut(spans.offsets) for name, spans in files.items()}

    def _clip(self, spans: "_Spans") -> None:
        """Of bytes that were delivered twice the package that begins first keeps them, as for the session's SHA-256."""
        reached = 0
        for offset, length, number, index in spans.in_order():
            if offset < reached:
                self._skip[self.exchanges[number].id, index] = min(reached - offset, length)
            if offset + length > reached and self.exchanges[number].packages[index].complete:
                reached = offset + length

    def _cut(self, offsets: "array[int]") -> "array[int]":
        low = min(offsets)
        parts = array("Q", [low])
        if max(offsets) - low > self._limit:
            for offset in sorted(offsets):
                if offset - parts[-1] > self._limit:
                    parts.append(offset)
        return parts

    def writes(self, pieces: Pieces) -> Iterator[Write]:
        """Every byte with its place; afterwards `targets` know what they hold."""
        for exchange in self.exchanges:
            yield from self._of_exchange(exchange, pieces(exchange.id))

    def _of_exchange(self, exchange: Exchange, pieces: Iterable[tuple[int | None, int, bytes]]) -> Iterator[Write]:
        places = self._declare(exchange)
        bases: dict[Key, int] = {}
        last: tuple[Key, int | None] | None = None
        for index, position, data in pieces:
            key, offset = places[index] if index is not None else (self._body_key(exchange), None)
            target = self._target(key, exchange)
            if offset is not None:
                start = offset - (target.first_offset or 0)
            else:
                if last != (key, index):
                    bases[key] = target.reach
                start = bases[key]
            last = key, index
            target.captured += len(data)
            again = 0
            if offset is not None and self._skip:
                again = min(max(self._skip.get((exchange.id, index or 0), 0) - position, 0), len(data))
                target.repeated += again
            if again < len(data):
                target.add(start + position + again, len(data) - again)
                yield Write(target, start + position + again, data[again:] if again else data)
        if exchange.missing_bytes and not len(exchange.packages) and self._body_key(exchange) in self.targets:
            self.targets[self._body_key(exchange)].declared += exchange.missing_bytes

    def _declare(self, exchange: Exchange) -> "_Places":
        """Tell the targets what the packages of this exchange announce."""
        places = _Places(self, exchange)
        for index, _, _, length, _ in exchange.packages.spans():
            key, offset = places[index]
            target = self._target(key, exchange)
            target.declared += length
            if offset is not None:
                target.last_start = max(target.last_start, offset - (target.first_offset or 0))
        return places

    def _place(self, exchange: Exchange, index: int) -> tuple[Key, int | None]:
        """Target of a package, and its offset if that decides where it goes."""
        if self._by != "file":
            return self._body_key(exchange), None
        row = exchange.packages[index]
        name = exchange.packages.file_name(row)
        parts = self._parts.get(name or b"")
        if row.offset == UNKNOWN or parts is None:
            return ("loose", name, 0), None
        part = bisect_right(parts, row.offset) - 1
        if part >= MOST_PARTS:
            if name is not None and name not in self.crowded:
                self.crowded.append(name)
            return ("loose", name, 0), None
        return ("placed", name, part), row.offset

    def _body_key(self, exchange: Exchange) -> Key:
        number = {"segment": exchange.segment, "exchange": exchange.id}.get(self._by)
        return (self._by, number, 0) if self._by != "file" else ("body", None, 0)

    def _target(self, key: Key, exchange: Exchange) -> Target:
        target = self.targets.get(key)
        if target is None:
            target = self.targets[key] = self._new(key, exchange)
        return target

    def _new(self, key: Key, exchange: Exchange) -> Target:
        kind, which, part = key
        session = None if self._session is None else self._session.id
        path = wire_bytes(exchange.path or "")
        made = Target(session, exchange.server, None, b"")
        if kind == "segment":
            made.segment = exchange.segment
            made.label = b"segment-%s" % ("unknown" if which is None else str(which)).encode()
        elif kind == "exchange":
            made.segment, made.exchange = exchange.segment, exchange.id
            made.label = b"exchange-%d" % exchange.id
        elif kind == "body":
            made.name = made.label = path
        else:
            made.name = which if isinstance(which, bytes) else None
            made.label = made.name if made.name is not None else path
            if kind == "placed":
                parts = self._parts[made.name or b""]
                made.first_offset = parts[part]
                made.label += b"@%d" % parts[part] if part else b""
        return made


class _Places:
    """Where the packages of one exchange go; asked for one package many times in a row, so the last answer is kept."""

    def __init__(self, rebuild: Rebuild, exchange: Exchange) -> None:
        self._rebuild = rebuild
        self._exchange = exchange
        self._index = -1
        self._place: tuple[Key, int | None] = ("", None, 0), None

    def __getitem__(self, index: int) -> tuple[Key, int | None]:
        if index != self._index:
            self._place = self._rebuild._place(self._exchange, index)
            self._index = index
        return self._place
