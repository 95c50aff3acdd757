"""The bytes of one package, fetched from the capture again."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from gpinspect.capture.source import Record
from gpinspect.engine.exchange import ExchangeState
from gpinspect.engine.index import Index
from gpinspect.engine.inflate import Gathered, Inflater
from gpinspect.engine.link import Decoder
from gpinspect.engine.stream import HALF, MASK, WRAP, Stream
from gpinspect.model.packages import ZSTD, Package

SLACK_RECORDS = 4096
"""Records after the last frame of a package in which a piece of it may still stand (the frame number counts all inputs)."""
LARGEST_READ = 64 << 20
"""Bytes of one package that are fetched; a longer one is shown up to there."""


class Records(Protocol):
    """What frames are read from again: a capture."""

    def records_at(self, position: int) -> Iterator[Record]: ...


@dataclass(frozen=True, slots=True)
class MessageBytes:
    """The bytes of one package as they were on the wire (of a zstd package: its head, then the decompressed content).

    `pieces` are (position in `data`, length, frame number or 0 where it is not known), in order; bytes in no piece were not
    captured and stand as zeros in `data`.
    """

    data: bytes
    pieces: tuple[tuple[int, int, int], ...]

    @property
    def missing(self) -> int:
        return len(self.data) - sum(length for _, length, _ in self.pieces)


@dataclass(frozen=True, slots=True)
class HeadBytes:
    """The heads of one exchange as they were on the wire (inside TLS: in plaintext), as far as they came; None: none was seen.

    Frames are those in which the request began and the head of the answer ended; 0 where that is not known.
    """

    request: bytes | None
    answer: bytes | None
    request_frame: int = 0
    answer_frame: int = 0


def read_heads(capture: Records, state: ExchangeState, *, merged: bool) -> HeadBytes:
    """The heads of an exchange, read from the first frame of its connection on until both are there.

    Raises:
        SourceError: The input cannot be read twice.
    """
    connection = state.connection
    place = connection.exchanges.index(state) + 1
    found: dict[bool, tuple[bytes, int]] = {}

    def tap(other: ExchangeState, answer: bool, raw: bytes, frame: int) -> None:
        if len(other.connection.exchanges) == place and other is other.connection.exchanges[-1]:
            found[answer] = raw, frame

    again = Index(keys=lambda: connection.index.keys)
    again.head_tap = tap
    decoder = Decoder()
    keys = {stream.key for stream in connection.streams}
    most = connection.last_frame - connection.first_frame + SLACK_RECORDS
    wanted = 1 + (state.status is not None)
    for number, record in enumerate(islice(capture.records_at(connection.capture), most)):
        tcp = decoder.decode(record.link, record.captured, record.original)
        if tcp is None or tcp.key not in keys:
            continue
        frame = 0 if merged else connection.first_frame + number
        again.take(record.link, record.captured, record.original, record.ns, frame, record.position)
        if len(found) >= wanted:
            break
    else:
        again.finish()
    request, answer = found.get(False, (None, 0)), found.get(True, (None, 0))
    return HeadBytes(request[0], answer[0], request[1], answer[1])


def read_again(capture: Records, state: ExchangeState, index: int, *, merged: bool) -> MessageBytes:
    """Bytes of package `index` of an exchange.

    Reading begins at the frame of its first byte; what came early (out of order) is looked for further back.

    Raises:
        SourceError: The input cannot be read twice.
        IndexError: There is no such package.
    """
    table, channel = state.table, state.channel
    if table is None or channel is None or state.body_start is None:
        raise IndexError(index)
    package = table[index]
    start = state.body_start + package.position
    end = min(_end(state, index, package), channel.position)
    if isinstance(channel, Stream):
        found = _from_stream(capture, channel, start, end, state, index, merged)
    else:
        found = _from_plaintext(capture, state, start, end, merged)
    if package.flags & ZSTD and package.kind == 0:
        gather = Gathered()
        Inflater(package.length).feed(found.data, package.head, len(found.data), gather)
        pieces = tuple((at, min(length, package.head - at), frame) for at, length, frame in found.pieces if at < package.head)
        return MessageBytes(found.data[: package.head] + bytes(gather.out), pieces)
    return found


def _from_stream(
    capture: Records, stream: Stream, start: int, end: int, state: ExchangeState, index: int, merged: bool
) -> MessageBytes:
    table = state.table
    assert table is not None
    package = table[index]
    wanted = max(0, min(end - start, LARGEST_READ)) - sum(b - a for a, b in stream.missing.within(start, end))
    back = 0
    while True:
        first = table[max(0, index - back)]
        found = _gather(capture, stream, start, end, first, package, merged)
        if len(found.data) - found.missing >= wanted or back >= index:
            break
        back = back * 2 + 1
    return found


def _from_plaintext(capture: Records, state: ExchangeState, start: int, end: int, merged: bool) -> MessageBytes:
    """Open the connection once more from its first frame, up to the end of the package."""
    connection = state.connection
    size = max(0, min(end - start, LARGEST_READ))
    data = bytearray(size)
    holes = [(0, size)] if size else []
    pieces: list[tuple[int, int, int]] = []
    server = 1 - (connection.client_side or 0)

    def tap(side: int, position: int, plaintext: bytes, frame: int) -> None:
        if side == server:
            holes[:] = _fill(data, holes, position - start, plaintext, frame, pieces)

    def body_tap(other: ExchangeState, position: int, body: bytes, frame: int) -> None:
        if len(other.connection.exchanges) == place:
            holes[:] = _fill(data, holes, position - start, body, frame, pieces)

    again = Index(keys=lambda: connection.index.keys)
    if state.chunked is None:
        again.tap = tap
    else:
        place = connection.exchanges.index(state) + 1
        again.body_tap = body_tap
    decoder = Decoder()
    keys = {stream.key for stream in connection.streams}
    most = connection.last_frame - connection.first_frame + SLACK_RECORDS
    for number, record in enumerate(islice(capture.records_at(connection.capture), most)):
        tcp = decoder.decode(record.link, record.captured, record.original)
        if tcp is None or tcp.key not in keys:
            continue
        frame = 0 if merged else connection.first_frame + number
        again.take(record.link, record.captured, record.original, record.ns, frame, record.position)
        if not holes:
            break
    return MessageBytes(bytes(data), tuple(sorted(pieces)))


def _end(state: ExchangeState, index: int, package: Package) -> int:
    """Stream position behind the package."""
    table, body = state.table, state.body_start or 0
    assert table is not None
    if package.flags & ZSTD and package.kind == 0:
        return body + table[index + 1].position if index + 1 < len(table) else 1 << 62
    return body + package.position + package.head + package.length


def _gather(capture: Records, stream: Stream, start: int, end: int, first: Package, package: Package, merged: bool) -> MessageBytes:
    size = max(0, min(end - start, LARGEST_READ))
    data = bytearray(size)
    holes = [(0, size)] if size else []
    pieces: list[tuple[int, int, int]] = []
    decoder = Decoder()
    most = max(0, package.end_frame - first.frame) + SLACK_RECORDS
    base = (stream.origin + start) & MASK
    for number, record in enumerate(islice(capture.records_at(first.capture), most)):
        if not holes:
            break
        tcp = decoder.decode(record.link, record.captured, record.original)
        if tcp is None or tcp.key != stream.key or not tcp.captured:
            continue
        at = (tcp.sequence + (tcp.flags >> 1 & 1) - base) & MASK
        if at >= HALF:
            at -= WRAP
        frame = first.frame + number if not merged else (package.frame if record.position == package.capture else 0)
        holes = _fill(data, holes, at, tcp.data[tcp.start : tcp.start + tcp.captured], frame, pieces)
    return MessageBytes(bytes(data), tuple(sorted(pieces)))


def _fill(
    data: bytearray,
    holes: list[tuple[int, int]],
    at: int,
    payload: bytes | bytearray | memoryview,
    frame: int,
    pieces: list[tuple[int, int, int]],
) -> list[tuple[int, int]]:
    """Put what of a segment falls into holes there; what came first stays."""
    rest = []
    for low, high in holes:
        begin, stop = max(low, at), min(high, at + len(payload))
        if begin >= stop:
            rest.append((low, high))
            continue
        data[begin:stop] = payload[begin - at : stop - at]
        pieces.append((begin, stop - begin, frame))
        rest += [(a, b) for a, b in ((low, begin), (stop, high)) if a < b]
    return rest
