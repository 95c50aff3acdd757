"""How PostgreSQL and openGauss ask for TLS: a request of eight bytes, an answer of one, then TLS or a clear start.

The preface stands in front of the TLS stage and has its shape: feed, lose, close. What comes after an `S` is handed on.
Bytes that a peer sends before it may (the server between `S` and the ClientHello, the client before the answer) are counted:
nobody should send any, and a client that reads them as if they had come through TLS can be tricked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
GSS_REQUEST = bytes.fromhex("0000000804d21630")
_CANCEL_CODE = 80877102
_LONGEST_STARTUP = 10_000
"""What the server takes as a startup packet (PostgreSQL, MAX_STARTUP_PACKET_LENGTH)."""

_MOST_HELD = 1 << 16


class Stage(Protocol):
    """What comes after the preface; `TlsConnection` is one."""

    def feed(self, side: int, data: bytes | memoryview, ns: int, frame: int, capture: int) -> None: ...

    def lose(self, side: int, count: int) -> None: ...

    def close(self, side: int) -> None: ...


@dataclass(frozen=True, slots=True)
class PrefaceFacts:
    """What one connection said before TLS or instead of it."""

    preface: str | None  # "SSLRequest"
    reply: str | None  # the byte to SSLRequest: "S", "N", "E"
    gss_asked: bool
    gss_reply: str | None  # "G", "N", "E"
    tls: bool  # TLS was agreed: what follows went to the next stage
    startup: bool  # a StartupMessage in the clear
    cancel: bool  # a CancelRequest in the clear
    accepted: bool | None  # what the server answered to the clear start: go on, or an error
    sqlstate: str | None  # of that error
    early_client_bytes: int  # sent before the answer to the request had come
    early_server_bytes: int  # sent after S and before the client's first TLS byte
    client_closed: bool  # `client_left` was called


def recognise_postgres(data: bytes | bytearray | memoryview) -> bool | None:
    """Whether the first bytes of a client open a PostgreSQL connection, TLS or not; None wants more bytes."""
    head = bytes(data[:8])
    if len(head) < 8:
        return (
            None if head == SSL_REQUEST[: len(head)] or (len(head) > 3 and head[:2] == b"\0\0") or not head.strip(b"\0") else False
        )
    if head in (SSL_REQUEST, GSS_REQUEST):
        return True
    length, code = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")
    return (code >> 16 == 3 and code & 0xFFFF < 64 and 9 <= length <= _LONGEST_STARTUP) or (code == _CANCEL_CODE and length == 16)


class PostgresPreface:
    """Both directions of a connection whose client was recognised as a PostgreSQL one."""

    def __init__(self, tls: Stage) -> None:
        self._tls = tls
        self._asked: str | None = None  # request that waits for its answer
        self._client = bytearray()
        self._server = bytearray()
        self._over = False  # the clear way was taken, or bytes are missing: nothing more to learn but the first answer
        self._client_tls = False
        self._preface: str | None = None
        self._reply: str | None = None
        self._gss_reply: str | None = None
        self._gss_asked = self._started = self._cancel = self._client_closed = False
        self._accepted: bool | None = None
        self._sqlstate: str | None = None
        self._early = [0, 0]
        self.tls = False

    def feed(self, side: int, data: bytes | memoryview, ns: int, frame: int, capture: int) -> None:
        """The next bytes of a direction, in the order of the capture."""
        if not data:
            return
        if self.tls:
            self._client_tls |= side == 0
            if side == 1 and not self._client_tls:
                self._early[1] += len(data)
            self._tls.feed(side, data, ns, frame, capture)
            return
        if side == 0:
            if self._asked:
                self._early[0] += len(data)
            if not self._over and len(self._client) < _MOST_HELD:
                self._client += data
                self._requests()
            return
        if self._asked:
            rest = bytes(data[1:])
            self._answer(chr(data[0]))
            if self.tls and self._client:
                early, self._client = bytes(self._client), bytearray()
                self._client_tls = True
                self._tls.feed(0, early, ns, frame, capture)
            if rest:
                self.feed(1, rest, ns, frame, capture)
        elif self._started and self._accepted is None and len(self._server) < 4096:
            self._server += data
            self._first_answer()

    def lose(self, side: int, count: int) -> None:
        """Bytes are missing; before TLS that ends what can be said."""
        if self.tls:
            self._tls.lose(side, count)
        else:
            self._over = True

    def close(self, side: int) -> None:
        """The direction ends, or the capture does."""
        if self.tls:
            self._tls.close(side)

    def client_left(self) -> None:
        """The client closed the connection (its FIN or RST was captured)."""
        self._client_closed = True

    def facts(self) -> PrefaceFacts:
        return PrefaceFacts(
            self._preface,
            self._reply,
            self._gss_asked,
            self._gss_reply,
            self.tls,
            self._started,
            self._cancel,
            self._accepted,
            self._sqlstate,
            self._early[0],
            self._early[1],
            self._client_closed,
        )

    def _requests(self) -> None:
        while not self._asked and not self._over and len(self._client) >= 8:
            head = bytes(self._client[:8])
            if head == SSL_REQUEST:
                self._asked = self._preface = "SSLRequest"
                self._take_request()
            elif head == GSS_REQUEST:
                self._asked, self._gss_asked = "GSSENCRequest", True
                self._take_request()
            else:
                self._cancel = int.from_bytes(head[4:], "big") == _CANCEL_CODE
                self._started = not self._cancel and recognise_postgres(head) is True
                self._over = True
                self._client.clear()

    def _take_request(self) -> None:
        del self._client[:8]
        self._early[0] += len(self._client)

    def _answer(self, reply: str) -> None:
        known = reply if reply in "SNEG" else None
        asked, self._asked = self._asked, None
        if asked == "SSLRequest":
            self._reply = known
            self.tls = known == "S"
        else:
            self._gss_reply = known
        if known != "N":
            self._over = True
        else:
            self._requests()

    def _first_answer(self) -> None:
        kind = bytes(self._server[:1])
        if kind in (b"R", b"v"):
            self._accepted = True
        elif kind == b"E" and len(self._server) >= 5:
            if len(self._server) < min(1 + int.from_bytes(self._server[1:5], "big"), 4096):
                return
            self._accepted = False
            for field in bytes(self._server[5:]).split(b"\0"):
                if field[:1] == b"C":
                    self._sqlstate = field[1:6].decode("ascii", "replace")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the matrix of settings: the server's `ssl` and `require_ssl`, the client's `sslmode`."""

    ssl: bool
    sslmode: str
    require_ssl: bool


SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
MATRIX = {
    1 + 12 * off + 2 * place + calm: Row(not off, mode, not calm)
    for off in (0, 1)
    for place, mode in enumerate(SSL_MODES)
    for calm in (0, 1)
}
"""The 24 combinations by number, in the order of openGauss's documentation."""

_PLAIN = (2, 4, 13, 14, 15, 16)
_REFUSED = (1,)
_ALLOWED = (3,)
_ENCRYPTED = tuple(range(5, 13))
_DENIED_THEN_PLAIN = (17, 18)
_DENIED_THEN_CLOSED = tuple(range(19, 25))
_NO_SUCH_ENTRY = "28000"


def matrix_rows(connections: Sequence[PrefaceFacts]) -> list[tuple[int, ...] | None]:
    """Rows of the matrix that each connection can be; None where nothing was negotiated.

    Args:
        connections: Those of one client host with one server address, in order of time: a refused clear start followed by a
            request for TLS is one story.
    """
    rows: list[tuple[int, ...] | None] = []
    for index, facts in enumerate(connections):
        before = connections[index - 1] if index else None
        after = connections[index + 1] if index + 1 < len(connections) else None
        rows.append(_rows(facts, before, after))
    return rows


def _rows(facts: PrefaceFacts, before: PrefaceFacts | None, after: PrefaceFacts | None) -> tuple[int, ...] | None:
    if facts.preface:
        if facts.reply == "S":
            return _ALLOWED if before and before.startup and not before.preface and before.accepted is False else _ENCRYPTED
        if facts.reply == "N":
            if facts.startup:
                return _DENIED_THEN_PLAIN
            return _DENIED_THEN_CLOSED if facts.client_closed else _DENIED_THEN_PLAIN + _DENIED_THEN_CLOSED
        return () if facts.reply == "E" else tuple(sorted(_ALLOWED + _ENCRYPTED + _DENIED_THEN_PLAIN + _DENIED_THEN_CLOSED))
    if not facts.startup:
        return None
    if facts.accepted is None:
        return tuple(sorted(_REFUSED + _ALLOWED + _PLAIN))
    if facts.accepted:
        return _PLAIN
    if after and after.preface and after.reply == "S":
        return _ALLOWED
    return _REFUSED if facts.sqlstate == _NO_SUCH_ENTRY else _PLAIN


def likely_modes(rows: tuple[int, ...]) -> tuple[str, ...]:
    """The `sslmode` settings that rows of the matrix stand for, weakest first."""
    modes = {MATRIX[row].sslmode for row in rows}
    return tuple(mode for mode in SSL_MODES if mode in modes)
