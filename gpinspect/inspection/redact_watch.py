"""Reads a capture once more with a scribe beside every stream, and gives the plan of each direction."""

from collections.abc import Collection
from functools import partial
from typing import Final

from gpinspect.engine.channel import ENDLESS, Buffer, Channel
from gpinspect.engine.connection import Connection, Opening
from gpinspect.engine.exchange import ExchangeState
from gpinspect.engine.index import Index
from gpinspect.engine.link import TcpSegment
from gpinspect.engine.secure import SecureReader
from gpinspect.engine.stream import HALF, MASK, WRAP, Stream
from gpinspect.inspection.redact_plan import Plan
from gpinspect.inspection.redact_rows import NULL
from gpinspect.inspection.redact_scribe import Extents, Scribe, WatchedChannel, deliver, watched
from gpinspect.inspection.redact_tls import TlsScribe
from gpinspect.model.packages import DATA, ZSTD
from gpinspect.views.redaction import Mask

_LONGEST_LEAD: Final = 4096


class WatchedStream(Stream):
    """A stream whose scribe sees what its readers take."""

    __slots__ = ("plan", "scribe", "watch")

    def __init__(self, reader: Opening, connection: Connection, side: int, watch: "_Watch") -> None:
        super().__init__(reader, connection, side)
        self.watch = watch
        self.plan = watch.plans[side]
        self.scribe = Scribe(watch.mask, self.plan)

    def deliver(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> None:
        if isinstance(self.reader, SecureReader):
            self.watch.secure(self.connection)
            self.watch.tls_bytes(self.side, self.position, bytes(buffer[start:end]))
        deliver(self.scribe, self, buffer, start, end, ns, frame, capture)
        if self.connection.secure is not None:
            self.watch.secure(self.connection)

    def gather(self, into: bytearray, room: int) -> None:
        """Every byte of a record is to pass by."""
        super().gather(into, 0)

    def arrive(
        self, sequence: int, buffer: Buffer, start: int, captured: int, length: int, ns: int, frame: int, capture: int
    ) -> None:
        first = bytes(buffer[start : start + min(captured, _LONGEST_LEAD)])
        lead = len(first) - len(first.lstrip(b"\\"))
        if first[lead : lead + 1] == bytes((NULL,)) and self.next is not None:
            ahead = (sequence - self.next) & MASK
            ahead -= WRAP if ahead >= HALF else 0
            if (ahead or self.early) and self.position + ahead + lead >= 0:
                self.plan.unsure(self.position + ahead + lead)
        super().arrive(sequence, buffer, start, captured, length, ns, frame, capture)

    def _stash(self, position: int, data: bytes, length: int, ns: int, frame: int, capture: int) -> None:
        for early in self.early:
            low, high = max(position, early.position), min(position + len(data), early.position + len(early.data))
            if low < high:
                known = early.data[low - early.position : high - early.position]
                other = data[low - position : high - position]
                if known != other:
                    self.plan.contested(low, high)
        super()._stash(position, data, length, ns, frame, capture)

    def _compare_again(self, sequence: int, buffer: Buffer, start: int, count: int) -> None:
        before = self.differing
        super()._compare_again(sequence, buffer, start, count)
        if self.differing > before and self.next is not None:
            ahead = (sequence - self.next) & MASK
            position = self.position + ahead - (WRAP if ahead >= HALF else 0)
            self.plan.contested(max(0, position), position + count)


class _Watch:
    """What is noted of one connection."""

    def __init__(self, mask: Mask, salt: bytes) -> None:
        self.mask = mask
        self.plans = (Plan(salt), Plan(salt))
        self.tls: TlsScribe | None = None
        self.client = 0
        self.streams: tuple[WatchedStream, ...] = ()

    def secure(self, connection: Connection) -> None:
        """The connection turned out to speak TLS: hand over what came until now."""
        if self.tls is not None or connection.secure is None:
            return
        self.client = connection.secure.client
        plans = (self.plans[self.client], self.plans[1 - self.client])
        self.tls = TlsScribe(self.mask, plans, connection.secure.preface is not None)
        for role, side in enumerate((self.client, 1 - self.client)):
            self.tls.take_over(self.streams[side].scribe, role)
        inside = [watched(old, Scribe(self.mask, self.plans[side], Extents())) for side, old in enumerate(connection.channels)]
        for side, channel in enumerate(inside):
            channel.place = partial(self._place, 0 if side == self.client else 1)
        connection.channels = (inside[0], inside[1])
        connection.secure.read_into((inside[0], inside[1]))

    def _place(self, role: int, extents: Extents, position: int, buffer: Buffer, start: int, end: int) -> None:
        """Plaintext of TLS comes although there is no key: its suite hides nothing."""
        outer = self.tls.place(role, bytes(buffer[start:end])) if self.tls is not None else None
        if outer is not None:
            extents.add(position, outer, end - start)

    def tls_bytes(self, side: int, position: int, data: bytes) -> None:
        if self.tls is not None:
            self.tls.feed(0 if side == self.client else 1, position, data)


class WatchedIndex(Index):
    """An index that makes plans for some of its connections. Keys are of no use to it: what is encrypted stays closed.

    Args:
        wanted: Ids of the connections; they are the same in every reading of one capture.
        salt: At least 16 secret bytes.
    """

    def __init__(self, mask: Mask, wanted: Collection[int], salt: bytes) -> None:
        super().__init__()
        self._mask = mask
        self._wanted = wanted
        self._salt = salt
        self._watches: dict[int, _Watch] = {}

    def _connection(self, key: bytes, ns: int, frame: int, capture: int, opener: bool = True) -> Connection:
        connection = super()._connection(key, ns, frame, capture, opener)
        if connection.id not in self._wanted:
            return connection
        watch = self._watches[connection.id] = _Watch(self._mask, self._salt)
        keys = [stream.key for stream in connection.streams]
        first, second = (WatchedStream(Opening(connection, side), connection, side, watch) for side in (0, 1))
        first.peer, second.peer = second, first
        watch.streams = first, second
        connection.streams = connection.channels = (first, second)
        for stream, name in zip(connection.streams, keys, strict=True):
            stream.key = name
            self._streams[name] = stream
        return connection

    def plans(self) -> dict[int, tuple[Plan, Plan]]:
        """The plans of both sides by id of the connection. Call it once, when everything was read."""
        self.finish()
        for connection in self.connections:
            watch = self._watches.get(connection.id)
            if watch is not None:
                self._settle(connection, watch)
        return {number: watch.plans for number, watch in self._watches.items()}

    def _settle(self, connection: Connection, watch: _Watch) -> None:
        watch.secure(connection)
        if watch.tls is not None:
            watch.tls.finish()
        for stream in watch.streams:
            if watch.tls is None:
                stream.scribe.finish()
                if stream.scribe.inner is not None:
                    stream.scribe.inner.scribe.finish()
            if stream.next is not None:
                stream.plan.origin = stream.origin
        if connection.client_side is not None:
            client, server = (connection.channels[side] for side in (connection.client_side, 1 - connection.client_side))
            for state in connection.exchanges:
                self._rows(state, client, server)
        if watch.tls is not None:
            for channel in connection.channels:
                _scribe(channel).finish()
        for plan in watch.plans:
            plan.settle()

    def _rows(self, state: ExchangeState, client: Channel, server: Channel) -> None:
        """Where the rows of an exchange stand."""
        csvopt, delimiter = state.request.csvopt, state.request.line_delimiter
        inside = server if state.chunked is None else state.chunked
        scribe, end = _scribe(inside), inside.position
        if state.table is not None and state.body_start is not None:
            scribe.found_again(state.table, state.body_start)
            if len(state.table) and not state.table[-1].complete and isinstance(inside, WatchedStream):
                inside.plan.finale = end
            for index, package in enumerate(state.table):
                if package.kind == DATA and not package.flags & ZSTD:
                    start = state.body_start + package.position + package.head
                    scribe.area(start, start + state.cut.get(index, package.length), csvopt, delimiter)
        elif state.raw_body and state.body_start is not None and not state.response_zstd and state.gpfdist:
            stop = state.body_end or end
            scribe.area(state.body_start, stop, csvopt, delimiter)
        if state.posted_start is not None and id(state) not in _scribe(client).zstd_posts:
            length = min(state.request.content_length or 0, ENDLESS)
            _scribe(client).area(state.posted_start, state.posted_start + length, csvopt, delimiter)


def _scribe(channel: Channel) -> Scribe:
    assert isinstance(channel, WatchedStream | WatchedChannel)
    return channel.scribe


def side_of(connection: Connection, segment: TcpSegment) -> int:
    """Which side sent a TCP segment."""
    return 0 if segment.key == connection.streams[0].key else 1
