"""TLS under a mask: record headers and handshakes stay, names in them are masked, and every encrypted byte becomes filler.

So nobody who gets hold of a key later can open the rows, and what can be told without keys stays the same. Keys, serial numbers and
signatures of certificates are not touched: they name nobody by themselves, but who has the certificate recognises it.
What PostgreSQL says in front of TLS or instead of it is masked here as well.
"""

import re
from collections import deque
from typing import TYPE_CHECKING, Final

from gpinspect.engine.tls import handshake as hs
from gpinspect.engine.tls import suites
from gpinspect.engine.tls.preface import GSS_REQUEST, SSL_REQUEST
from gpinspect.engine.tls.records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER_LENGTH, RecordStream
from gpinspect.inspection.redact_heads import FILLER, error_response, response_head, startup
from gpinspect.inspection.redact_plan import Plan
from gpinspect.views.redaction import Mask

if TYPE_CHECKING:
    from gpinspect.inspection.redact_scribe import Scribe

_HARMLESS: Final = frozenset(
    (
        *(hs.HELLO_REQUEST, hs.SERVER_HELLO, hs.NEW_SESSION_TICKET, hs.SERVER_KEY_EXCHANGE, hs.SERVER_HELLO_DONE),
        *(hs.CERTIFICATE_VERIFY, hs.CLIENT_KEY_EXCHANGE),
    )
)
_WITH_NAMES: Final = frozenset((hs.CERTIFICATE, hs.CERTIFICATE_STATUS))
_DEEPEST: Final = 32
MOST_WAITING: Final = 64
"""Records of a suite that hides nothing which wait until the engine has read them."""
_LONGEST_STARTUP: Final = 10_000
_CANCEL: Final = 80877102

_CONSTRUCTED: Final = 0x20
_OCTET_STRING, _BMP_STRING, _UNIVERSAL_STRING = 0x04, 0x1E, 0x1C
_STRINGS: Final = frozenset((0x0C, 0x12, 0x13, 0x14, 0x16, 0x19, 0x1A, 0x1B))
_MAIL, _DNS, _URI, _IP = 0x81, 0x82, 0x86, 0x87
_PRINTABLE: Final = re.compile(rb"[\x20-\x7e\x80-\xff]+")
_SAN: Final = bytes.fromhex("0603551d11")
"""OID of the alternative names: only behind it are these context tags names."""


class TlsScribe:
    """Both directions of a connection that speaks TLS, or PostgreSQL. Roles are those of the engine: 0 client, 1 server."""

    def __init__(self, mask: Mask, plans: tuple[Plan, Plan], postgres: bool) -> None:
        base = None if postgres else 0
        self.open: list[bool] = []  # not empty: the suite hides nothing
        self.sides = (_Side(mask, plans[0], base, self.open), _Side(mask, plans[1], base, self.open))
        self._postgres = _Postgres(mask, self.sides) if postgres else None

    def feed(self, role: int, position: int, data: bytes) -> None:
        """The next bytes of a direction; a jump of the position is a hole."""
        if self._postgres is not None:
            self._postgres.feed(role, position, data)
        else:
            self.sides[role].feed(position, data)

    def take_over(self, scribe: "Scribe", role: int) -> None:
        """What came before it was known that this is TLS."""
        for position, data in scribe.held:
            self.feed(role, position, data)
        scribe.held.clear()

    def place(self, role: int, plaintext: bytes) -> int | None:
        """Where the plaintext of the next record stands in the stream, of a suite that hides nothing."""
        waiting = self.sides[role].waiting
        while waiting:
            position, fragment = waiting.popleft()
            if fragment.startswith(plaintext):
                return position
        return None

    def finish(self) -> None:
        if self._postgres is not None:
            self._postgres.finish()
        for side in self.sides:
            side.finish()


class _Side:
    """The records of one direction (a `RecordSink`).

    Args:
        base: Position of the first byte that is TLS; None: of the first that comes.
        open_suite: Shared by both sides; not empty when the server chose a suite without encryption.
    """

    def __init__(self, mask: Mask, plan: Plan, base: int | None, open_suite: list[bool]) -> None:
        self._open = open_suite
        self.waiting: deque[tuple[int, bytes]] = deque()  # position and bytes of records that hide nothing, for `TlsScribe.place`
        self.mask = mask
        self.plan = plan
        self.base = base
        self._next = 0
        self._records = RecordStream(self)
        self._sealed = False  # ChangeCipherSpec was sent: what follows is encrypted
        self._message = bytearray()
        self._places: list[tuple[int, int]] = []  # position and length of the pieces that the message stands in
        self._opening = b""

    def feed(self, position: int, data: bytes) -> None:
        if self.base is None:
            self.base = self._next = position
        if len(self._opening) < 5 and position == self.base + len(self._opening):
            self._opening += data[: 5 - len(self._opening)]
            if self._opening == b"HTTP/":
                self.plan.literal(self.base, response_head(self.mask, data[: data.find(b"\r\n\r\n") + 1 or None]))
        if position > self._next:
            self._records.lose(position - self._next)
        self._next = position + len(data)
        self._records.feed(data, 0, 0, 0)

    def finish(self) -> None:
        self._records.close()
        self._cut()

    def record(self, kind: int, minor: int, fragment: memoryview) -> None:
        at = (self.base or 0) + self._records.position
        self._header(at, kind, minor, len(fragment))
        data = bytes(fragment)
        at += HEADER_LENGTH
        if kind == CHANGE_CIPHER_SPEC and len(data) == 1:
            self.plan.literal(at, data)
            self._cut()
            self._sealed = True
        elif kind == ALERT and (self._open or (len(data) == 2 and (not self._sealed or data[0] in (1, 2)))):
            self.plan.literal(at, data[:2])
        elif kind == HANDSHAKE and self._clear(data):
            self._handshake(at, data)
        elif self._sealed and self._open:
            if kind == APPLICATION_DATA:
                self.waiting.append((at, data))
                if len(self.waiting) > MOST_WAITING:
                    self.waiting.popleft()
            else:
                self.plan.literal(at, data[:4])

    def damaged(self, kind: int, minor: int, size: int, tail: bytes) -> None:
        self._header((self.base or 0) + self._records.position, kind, minor, size)
        self._cut()

    def astray(self, count: int, tail: bytes) -> None:
        self._cut()

    def _header(self, at: int, kind: int, minor: int, size: int) -> None:
        self.plan.literal(at, bytes((kind, 3, minor)) + size.to_bytes(2, "big"))

    def _clear(self, data: bytes) -> bool:
        """Whether a handshake record can be read: until ChangeCipherSpec, and the second hello of TLS 1.3 behind one."""
        if not self._sealed:
            return True
        return data[0] in (hs.CLIENT_HELLO, hs.SERVER_HELLO) and len(data) == 4 + int.from_bytes(data[1:4], "big")

    def _handshake(self, at: int, data: bytes) -> None:
        self._message += data
        self._places.append((at, len(data)))
        while len(self._message) >= 4:
            size = 4 + int.from_bytes(self._message[1:4], "big")
            if len(self._message) < size:
                if size > hs.LARGEST_MESSAGE:
                    self._cut()
                return
            message = bytes(self._message[:size])
            if message[0] == hs.SERVER_HELLO and (hello := hs.parse_server_hello(message)) is not None:
                suite = suites.suite(hello.suite)
                self._open[:] = [True] if suite.mode == suites.NULL else []
            self._put(handshake_message(self.mask, message))
            del self._message[:size]

    def _cut(self) -> None:
        """The message will not become whole: its head stays, the rest does not."""
        if self._message:
            self._put(bytes(self._message[:4]) + FILLER * max(0, len(self._message) - 4))
        self._message.clear()
        self._places.clear()

    def _put(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            position, length = self._places[0]
            piece = data[at : at + length]
            self.plan.literal(position, piece)
            at += len(piece)
            if len(piece) == length:
                del self._places[0]
            else:
                self._places[0] = (position + len(piece), length - len(piece))


def handshake_message(mask: Mask, message: bytes) -> bytes:
    """A handshake message in the clear with its names masked; of kinds that are not known only the head stays."""
    kind = message[0]
    if kind == hs.CLIENT_HELLO:
        return _client_hello(mask, message)
    if kind in _WITH_NAMES:
        return _certificates(mask, message)
    if kind == hs.CERTIFICATE_REQUEST:
        return _names_in(mask, message)
    return message if kind in _HARMLESS else message[:4] + FILLER * (len(message) - 4)


def _client_hello(mask: Mask, message: bytes) -> bytes:
    """The name of the server that is asked for is masked."""
    made = bytearray(message)
    try:
        at = 4 + 2 + 32
        at += 1 + message[at]
        at += 2 + int.from_bytes(message[at : at + 2], "big")
        at += 1 + message[at]
        end = min(len(message), at + 2 + int.from_bytes(message[at : at + 2], "big"))
        at += 2
        while at + 4 <= end:
            number, size = int.from_bytes(message[at : at + 2], "big"), int.from_bytes(message[at + 2 : at + 4], "big")
            body = message[at + 4 : at + 4 + size]
            if number == hs.SERVER_NAME and len(body) > 5:
                made[at + 9 : at + 4 + len(body)] = b""
                made[at + 9 : at + 9] = mask.encoded("host", body[5:])
            at += 4 + size
    except IndexError:
        return message[:4] + FILLER * (len(message) - 4)
    return bytes(made)


def _certificates(mask: Mask, message: bytes) -> bytes:
    """Certificates one behind the other, each with its length in front."""
    made = bytearray(message)
    start = 7 if message[0] == hs.CERTIFICATE else 8
    at = start
    if message[0] == hs.CERTIFICATE_STATUS:
        made[at:] = mask_der(mask, bytes(message[at:]))
        return bytes(made)
    while at + 3 <= len(message):
        size = int.from_bytes(message[at : at + 3], "big")
        end = min(len(message), at + 3 + size)
        made[at + 3 : end] = mask_der(mask, bytes(message[at + 3 : end]))
        at = at + 3 + size
    return bytes(made)


def _names_in(mask: Mask, message: bytes) -> bytes:
    """Distinguished names at the end of a CertificateRequest (RFC 5246, section 7.4.4)."""
    for start in _name_lists(message):
        made, at = bytearray(message), start
        while at + 2 <= len(message):
            size = int.from_bytes(message[at : at + 2], "big")
            made[at + 2 : at + 2 + size] = mask_der(mask, bytes(message[at + 2 : at + 2 + size]))
            at += 2 + size
        return bytes(made)
    return message[:4] + FILLER * (len(message) - 4)


def _name_lists(message: bytes) -> list[int]:
    """Where the names begin: behind the kinds of certificate and, from TLS 1.2 on, of signature."""
    if len(message) < 6:
        return []
    first = 5 + message[4]
    second = first + 2 + int.from_bytes(message[first : first + 2], "big")
    return [at + 2 for at in (second, first) if at + 2 + int.from_bytes(message[at : at + 2], "big") == len(message)]


def mask_der(mask: Mask, data: bytes) -> bytes:
    """Every text in a DER value is masked in place: names, hosts, addresses, mail, links. What cannot be read becomes filler."""
    made = bytearray(data)
    if not _walk(mask, data, made, 0, len(data), 0, alternatives=False):
        made[:] = FILLER * len(data)
    return bytes(made)


def _walk(mask: Mask, data: bytes, made: bytearray, at: int, end: int, depth: int, *, alternatives: bool) -> bool:
    if depth > _DEEPEST:
        return False
    while at < end:
        begin = at
        tag = data[at]
        if tag & 0x1F == 0x1F or at + 2 > end:
            return False
        length, at = data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4 or at + count > end:
                return False
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        stop = at + length
        if stop > end:
            return False
        alternatives = alternatives or data[begin:stop] == _SAN
        if tag & _CONSTRUCTED:
            if not _walk(mask, data, made, at, stop, depth + 1, alternatives=alternatives):
                return False
        elif tag == _OCTET_STRING and length > 2 and data[at] in (0x30, 0x31, *_STRINGS):
            inner = bytearray(data)
            if _walk(mask, data, inner, at, stop, depth + 1, alternatives=alternatives):
                made[at:stop] = inner[at:stop]
        elif alternatives and tag == _IP and length in (4, 16):
            made[at:stop] = mask.packed(data[at:stop])
        elif tag in _STRINGS or tag == _URI or (alternatives and tag in (_MAIL, _DNS)):
            made[at:stop] = mask.encoded("host" if tag == _DNS else "name", data[at:stop])
        elif tag in (_BMP_STRING, _UNIVERSAL_STRING):
            width = 2 if tag == _BMP_STRING else 4
            text = mask.encoded("name", data[at + width - 1 : stop : width])
            made[at:stop] = b"".join(bytes(width - 1) + text[n : n + 1] for n in range(len(text)))[:length].ljust(length, b"\0")
        at = stop
    return True


class _Postgres:
    """Requests, answers and a clear start in front of TLS; what follows a clear start is filler."""

    def __init__(self, mask: Mask, sides: tuple[_Side, _Side]) -> None:
        self._mask = mask
        self._sides = sides
        self._held = (bytearray(), bytearray())
        self._at = [0, 0]  # position of what is held
        self._asked = False
        self._started = False
        self._over = [False, False]
        self._tls = False

    def feed(self, role: int, position: int, data: bytes) -> None:
        if self._tls:
            self._sides[role].feed(position, data)
            return
        held = self._held[role]
        if self._over[role] or (held and position != self._at[role] + len(held)):
            self._over[role] = True
            return
        if not held:
            self._at[role] = position
        held += data[: 1 << 16]
        if role == 0:
            self._client()
        else:
            self._server()

    def _take(self, role: int, made: bytes) -> None:
        self._sides[role].plan.literal(self._at[role], made)
        del self._held[role][: len(made)]
        self._at[role] += len(made)

    def _client(self) -> None:
        held = self._held[0]
        while not self._asked and len(held) >= 8:
            if bytes(held[:8]) in (SSL_REQUEST, GSS_REQUEST):
                self._asked = True
                self._take(0, bytes(held[:8]))
                continue
            length, code = int.from_bytes(held[:4], "big"), int.from_bytes(held[4:8], "big")
            if code == _CANCEL:
                self._take(0, bytes(held[:8]))
                self._over[0] = True
                return
            if not 8 <= length <= _LONGEST_STARTUP:
                self._over[0] = True
            elif len(held) >= length:
                self._start(length)
            return

    def _start(self, length: int) -> None:
        self._take(0, startup(self._mask, bytes(self._held[0][: min(length, len(self._held[0]))])))
        self._over[0] = self._started = True

    def _server(self) -> None:
        held = self._held[1]
        if self._asked and held:
            reply = bytes(held[:1])
            self._take(1, reply)
            self._asked = False
            if reply == b"S":
                self._tls = True
                for role in (0, 1):
                    rest = bytes(self._held[role])
                    self._held[role].clear()
                    if rest:
                        self._sides[role].feed(self._at[role], rest)
                return
            self._client()
        if len(held) >= 5 and not self._asked:
            size = 1 + int.from_bytes(held[1:5], "big")
            kind = bytes(held[:1])
            if kind in (b"R", b"v"):
                self._take(1, bytes(held[: 9 if kind == b"R" else 5]))
                self._over[1] = True
            elif kind == b"E" and (len(held) >= size or len(held) > 4096):
                self._take(1, error_response(self._mask, bytes(held[:size])))
                self._over[1] = True

    def finish(self) -> None:
        if self._tls:
            return
        if len(self._held[0]) >= 8 and not self._over[0] and not self._asked:
            self._start(len(self._held[0]))
