"""TLS between the streams of a connection and what they say: ciphertext goes in, plaintext comes out in channels of its own."""

from typing import TYPE_CHECKING, NamedTuple

from gpinspect.engine.channel import Buffer, Channel, Reader
from gpinspect.engine.tls import KeyStore, PostgresPreface, PrefaceFacts, TlsConnection, TlsReport, matrix_rows
from gpinspect.model import Connection as ConnectionValue

if TYPE_CHECKING:
    from gpinspect.engine.connection import Connection


class Secured(NamedTuple):
    """What is told of one connection that speaks TLS, asked for it, or is a plain PostgreSQL one."""

    connection: ConnectionValue
    report: TlsReport
    preface: PrefaceFacts | None  # None: TLS from the first byte
    negotiation: tuple[int, ...] | None  # rows of the ssl/sslmode/require_ssl matrix that the connection can be


class Secure:
    """The TLS stage of one connection. `channels` hold the plaintext, by side as the streams do."""

    def __init__(
        self, connection: "Connection", keys: KeyStore, client: int, postgres: bool, openings: tuple[Reader, Reader]
    ) -> None:
        self.client = client
        self._tap = connection.index.tap
        self.channels = (Channel(openings[0]), Channel(openings[1]))
        self.tls = TlsConnection(keys, self._deliver, self._lost, connection.index.hashed)
        self.preface = PostgresPreface(self.tls) if postgres else None
        self.stage = self.preface or self.tls

    def reader(self, side: int) -> "SecureReader":
        return SecureReader(self, side)

    def _channel(self, role: int) -> Channel:
        return self.channels[self.client if role == 0 else 1 - self.client]

    def _deliver(self, role: int, plaintext: bytes, ns: int, frame: int, capture: int) -> None:
        channel = self._channel(role)
        if self._tap is not None:
            self._tap(self.client if role == 0 else 1 - self.client, channel.position, plaintext, frame)
        channel.deliver(plaintext, 0, len(plaintext), ns, frame, capture)

    def _lost(self, role: int, length: int | None, ns: int, frame: int, capture: int) -> None:
        channel = self._channel(role)
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

    __slots__ = ("_role", "_secure")

    def __init__(self, secure: Secure, side: int) -> None:
        self._secure = secure
        self._role = 0 if side == secure.client else 1

    def feed(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> int:
        self._secure.stage.feed(self._role, memoryview(buffer)[start:end], ns, frame, capture)
        return end

    def content(self, buffer: Buffer, start: int, end: int) -> None:
        """No content is announced here."""

    def content_end(self, ns: int, frame: int) -> None:
        """No content is announced here."""

    def cut_short(self, count: int) -> None:
        """No content is announced here."""

    def lost(self, count: int) -> None:
        self._secure.stage.lose(self._role, count)

    def close(self) -> None:
        self._secure.stage.close(self._role)


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
        Secured(value, secure.tls.report(), secure.preface.facts() if secure.preface else None, rows.get(number))
        for number, (secure, value) in enumerate(found)
    ]
