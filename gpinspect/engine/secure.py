"""TLS between the streams of a connection and what they say: ciphertext goes in, plaintext comes out in channels of its own."""

from typing import TYPE_CHECKING, NamedTuple

from gpinspect.engine.channel import Buffer, Channel, Reader
from gpinspect.engine.startup import Startup, StartupWatch
from gpinspect.engine.tls.connection import TlsConnection
from gpinspect.engine.tls.keys import KeyStore
from gpinspect.engine.tls.preface import PostgresPreface, PrefaceFacts, matrix_rows
from gpinspect.engine.tls.report import TlsReport
from gpinspect.model import Connection as ConnectionValue

if TYPE_CHECKING:
    from gpinspect.engine.connection import Connection
    from gpinspect.engine.stream import Stream


class Secured(NamedTuple):
    """What is told of one connection that speaks TLS, asked for it, or is a plain PostgreSQL one."""

    connection: ConnectionValue
    report: TlsReport
    preface: PrefaceFacts | None  # None: TLS from the first byte
    negotiation: tuple[int, ...] | None  # rows of the ssl/sslmode/require_ssl matrix that the connection can be
    startup: Startup | None = None  # of a PostgreSQL or openGauss client, where it can be read; not for everybody's eyes


class Secure:
    """The TLS stage of one connection. `channels` hold the plaintext, by side as the streams do."""

    def __init__(
        self, connection: "Connection", keys: KeyStore, client: int, postgres: bool, openings: tuple[Reader, Reader]
    ) -> None:
        self.client = client
        self._tap = connection.index.tap
        self._streams = connection.streams
        self.read_into((Channel(openings[0]), Channel(openings[1])))
        self.tls = TlsConnection(keys, self._deliver, self._lost, connection.index.hashed)
        self.preface = PostgresPreface(self.tls) if postgres else None
        self.stage = self.preface or self.tls
        self._clear, self._inside = StartupWatch(), StartupWatch()

    def clear(self, data: memoryview | None) -> None:
        """What the client says (None: it is missing); in front of TLS, or instead of it, that is in the clear."""
        if self.preface is None or self.preface.tls:
            return
        if data is None:
            self._clear.stop()
        else:
            self._clear.feed(data)

    def startup(self) -> Startup | None:
        """What the client asked the server for, in the clear or inside TLS."""
        return self._inside.startup() or self._clear.startup()

    def read_into(self, channels: tuple[Channel, Channel]) -> None:
        """Plaintext goes into these channels from now on, by side."""
        self.channels = channels
        self._by_role = (channels[self.client], channels[1 - self.client])

    def reader(self, side: int) -> "SecureReader":
        return SecureReader(self, side, self._streams[side])

    def _deliver(self, role: int, plaintext: bytes, ns: int, frame: int, capture: int) -> None:
        channel = self._by_role[role]
        if role == 0:
            self._inside.feed(plaintext)
        if self._tap is not None:
            self._tap(self.client if role == 0 else 1 - self.client, channel.position, plaintext, frame)
        length = len(plaintext)
        if length < channel.left and not channel.wanted:
            channel.left -= length
            channel.last_ns = ns
            channel.last_frame = frame
        else:
            channel.deliver(plaintext, 0, length, ns, frame, capture)

    def _lost(self, role: int, length: int | None, ns: int, frame: int, capture: int) -> None:
        channel = self._by_role[role]
        if role == 0:
            self._inside.stop()
        channel.last_ns, channel.last_frame = ns, frame
        if length is None:
            channel.lose_track()
        else:
            channel.lose(length)

    def finish(self, client_left: bool) -> None:
        """Nothing will be captured of the connection any more."""
        if self.preface is not None and client_left:
            self.preface.client_left()
        for role in (0, 1):
            self.stage.close(role)
        for channel in self.channels:
            channel.reader.close()


class SecureReader:
    """Takes one stream of a connection that speaks TLS (a `Reader`)."""

    __slots__ = ("_begun", "_feed", "_gathers", "_role", "_room", "_secure", "_stream")

    def __init__(self, secure: Secure, side: int, stream: "Stream") -> None:
        self._secure = secure
        self._role = 0 if side == secure.client else 1
        self._stream = stream
        self._feed = secure.stage.feed
        self._begun = secure.tls.begun
        self._gathers = secure.preface is None
        self._room = 0  # what the record that is not whole yet wanted when the stream was told

    def feed(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> int:
        data = memoryview(buffer)[start:end]
        role = self._role
        if role == 0:
            self._secure.clear(data)
        self._feed(role, data, ns, frame, capture)
        self._gather()
        return end

    def _gather(self) -> None:
        """Let the stream put together a record that is not whole. Where TLS was asked for first, every frame is looked at."""
        if self._gathers:
            record, self._room = self._begun(self._role)
            self._stream.gather(record, self._room)

    def _catch_up(self) -> None:
        if self._stream.room < self._room:
            self._secure.tls.reached(self._role, self._stream.last_ns, self._stream.last_frame)

    def content(self, buffer: Buffer, start: int, end: int) -> None:
        """No content is announced here."""

    def content_end(self, ns: int, frame: int) -> None:
        """No content is announced here."""

    def cut_short(self, count: int) -> None:
        """No content is announced here."""

    def lost(self, count: int) -> None:
        if self._role == 0:
            self._secure.clear(None)
        self._catch_up()
        self._secure.stage.lose(self._role, count)
        self._gather()

    def close(self) -> None:
        self._catch_up()
        self._secure.stage.close(self._role)
        self._gather()


def secured(connections: list["Connection"], values: list[ConnectionValue]) -> list[Secured]:
    """Everything about TLS, in order of connection; plain PostgreSQL connections among them."""
    found = [(connection.secure, value) for connection, value in zip(connections, values, strict=True) if connection.secure]
    asked: dict[tuple[str, int, str], list[int]] = {}
    for number, (secure, value) in enumerate(found):
        if secure.preface is not None:
            asked.setdefault((value.server.host, value.server.port, value.client.host), []).append(number)
    rows: dict[int, tuple[int, ...] | None] = {}
    for numbers in asked.values():
        prefaces = [found[number][0].preface for number in numbers]
        rows.update(zip(numbers, matrix_rows([preface.facts() for preface in prefaces if preface is not None]), strict=True))
    return [
        Secured(value, secure.tls.report(), secure.preface.facts() if secure.preface else None, rows.get(number), secure.startup())
        for number, (secure, value) in enumerate(found)
    ]
