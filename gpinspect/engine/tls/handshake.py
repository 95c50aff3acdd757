"""Handshake messages: put together from fragments, and the few that matter read into values.

A message that does not parse gives None; what the peer did wrong with it shows in the connection's outcome.
Source: RFC 5246 section 7.4, RFC 8446 section 4.
"""

from collections.abc import Iterator
from dataclasses import dataclass

HELLO_REQUEST, CLIENT_HELLO, SERVER_HELLO, NEW_SESSION_TICKET, END_OF_EARLY_DATA = 0, 1, 2, 4, 5
ENCRYPTED_EXTENSIONS, CERTIFICATE, SERVER_KEY_EXCHANGE, CERTIFICATE_REQUEST = 8, 11, 12, 13
SERVER_HELLO_DONE, CERTIFICATE_VERIFY, CLIENT_KEY_EXCHANGE, FINISHED = 14, 15, 16, 20
CERTIFICATE_STATUS, KEY_UPDATE = 22, 24

KNOWN_TYPES = frozenset((0, 1, 2, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25, 254))

LARGEST_MESSAGE = 1 << 18
"""Longer messages are passed over without being kept."""
LARGEST_CERTIFICATE = 1 << 16
LONGEST_CHAIN = 16

SERVER_NAME, ALPN, ENCRYPT_THEN_MAC, EXTENDED_MASTER_SECRET, SESSION_TICKET = 0, 16, 22, 23, 35
PRE_SHARED_KEY, EARLY_DATA, SUPPORTED_VERSIONS, RENEGOTIATION_INFO = 41, 42, 43, 0xFF01
RENEGOTIATION_SCSV = 0x00FF

RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""Random of a ServerHello that is a HelloRetryRequest (RFC 8446, section 4.1.3)."""


class MessageReader:
    """Cuts handshake messages out of the fragments of one direction; memory is one message of at most LARGEST_MESSAGE bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0
        self._astray = False
        self.oversized = 0

    @property
    def idle(self) -> bool:
        """True between messages."""
        return not self._buffer and not self._skip

    def feed(self, fragment: bytes | memoryview) -> Iterator[tuple[int, bytes]]:
        """Messages that are whole now, as (type, message with its four bytes of header)."""
        if self._skip:
            part = min(self._skip, len(fragment))
            self._skip -= part
            fragment = fragment[part:]
        if self._astray and fragment:
            if not plausible_message(fragment):
                return
            self._astray = False
        self._buffer += fragment
        while len(self._buffer) >= 4:
            size = 4 + int.from_bytes(self._buffer[1:4], "big")
            if size > LARGEST_MESSAGE:
                self.oversized += 1
                self._skip = max(0, size - len(self._buffer))
                del self._buffer[:size]
                continue
            if len(self._buffer) < size:
                return
            message = bytes(self._buffer[:size])
            del self._buffer[:size]
            yield message[0], message

    def lose(self) -> None:
        """A record with handshake bytes is missing: go on at the next record that begins like a message."""
        self._buffer.clear()
        self._skip = 0
        self._astray = True


def plausible_message(fragment: bytes | memoryview) -> bool:
    """Whether a fragment begins like a handshake message."""
    return len(fragment) >= 4 and fragment[0] in KNOWN_TYPES and int.from_bytes(fragment[1:4], "big") <= LARGEST_MESSAGE


class _Reader:
    """Reads vectors from the front; running out raises IndexError, which the parsers below turn into None."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise IndexError
        part = self.data[self.at : end]
        self.at = end
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        return self.take(self.number(size))

    @property
    def more(self) -> bool:
        return self.at < len(self.data)


def _extensions(reader: _Reader) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    if not reader.more:
        return found
    inner = _Reader(reader.vector(2))
    while inner.more:
        number = inner.number(2)
        found.setdefault(number, inner.vector(2))
    return found


@dataclass(frozen=True, slots=True)
class ClientHello:
    version: int
    random: bytes
    session_id: bytes
    suites: tuple[int, ...]
    extensions: dict[int, bytes]

    @property
    def versions(self) -> tuple[int, ...]:
        """Versions offered, highest first, without reserved numbers."""
        offered = self.extensions.get(SUPPORTED_VERSIONS)
        if not offered:
            return (self.version,)
        pairs = {int.from_bytes(offered[i : i + 2], "big") for i in range(1, len(offered) - 1, 2)}
        return tuple(sorted((v for v in pairs if v >> 8 == 3), reverse=True))

    @property
    def server_name(self) -> str | None:
        body = self.extensions.get(SERVER_NAME, b"")
        size = int.from_bytes(body[3:5], "big")
        if len(body) < 5 or body[2] != 0 or not size or len(body) < 5 + size:
            return None
        return body[5 : 5 + size].decode("ascii", "backslashreplace")

    @property
    def secure_renegotiation(self) -> bool:
        return RENEGOTIATION_INFO in self.extensions or RENEGOTIATION_SCSV in self.suites


@dataclass(frozen=True, slots=True)
class ServerHello:
    version: int  # as negotiated, also in TLS 1.3
    random: bytes
    session_id: bytes
    suite: int
    compression: int
    extensions: dict[int, bytes]

    @property
    def retry(self) -> bool:
        return self.random == RETRY_RANDOM


def parse_client_hello(message: bytes) -> ClientHello | None:
    reader = _Reader(message[4:])
    try:
        version, random, session_id = reader.number(2), reader.take(32), reader.vector(1)
        listed = reader.vector(2)
        reader.vector(1)
        if version >> 8 != 3 or len(session_id) > 32:
            return None
        numbers = tuple(int.from_bytes(listed[i : i + 2], "big") for i in range(0, len(listed) - 1, 2))
        return ClientHello(version, random, session_id, numbers, _extensions(reader))
    except IndexError:
        return None


def parse_server_hello(message: bytes) -> ServerHello | None:
    reader = _Reader(message[4:])
    try:
        version, random, session_id = reader.number(2), reader.take(32), reader.vector(1)
        suite, compression = reader.number(2), reader.number(1)
        extensions = _extensions(reader)
        if len(chosen := extensions.get(SUPPORTED_VERSIONS, b"")) == 2:
            version = int.from_bytes(chosen, "big")
        if version >> 8 != 3 or len(session_id) > 32:
            return None
        return ServerHello(version, random, session_id, suite, compression, extensions)
    except IndexError:
        return None


def parse_certificates(message: bytes, modern: bool) -> tuple[bytes, ...] | None:
    """DER of a Certificate message in the order sent; () when the list is empty. `modern`: TLS 1.3."""
    reader = _Reader(message[4:])
    try:
        if modern:
            reader.vector(1)
        inner = _Reader(reader.vector(3))
        chain: list[bytes] = []
        while inner.more:
            der = inner.vector(3)
            if modern:
                inner.vector(2)
            if len(der) <= LARGEST_CERTIFICATE and len(chain) < LONGEST_CHAIN:
                chain.append(der)
        return tuple(chain)
    except IndexError:
        return None


def parse_encrypted_extensions(message: bytes) -> dict[int, bytes] | None:
    try:
        return _extensions(_Reader(message[4:]))
    except IndexError:
        return None


def parse_protocol_name(body: bytes) -> str | None:
    """The first name of an ALPN extension."""
    try:
        name = _Reader(_Reader(body).vector(2)).vector(1)
    except IndexError:
        return None
    return name.decode("utf-8", "backslashreplace")


def parse_ticket(message: bytes) -> bytes | None:
    """The ticket of a NewSessionTicket up to TLS 1.2 (RFC 5077)."""
    reader = _Reader(message[8:])
    try:
        return reader.vector(2) or None
    except IndexError:
        return None


def parse_encrypted_premaster(message: bytes) -> bytes | None:
    """The ciphertext of an RSA ClientKeyExchange."""
    try:
        return _Reader(message[4:]).vector(2)
    except IndexError:
        return None
