"""How PostgreSQL and openGauss agree on TLS: the request in front of it, its one-byte answer, and the start-up message.

gpfdist itself never speaks this; captures next to it do. (PostgreSQL documentation, "Message Formats" and "SSL Session
Encryption".)
"""

from typing import Any, Final, NamedTuple

from construct import Bytes, Construct, ConstructError, Enum, Int8ub, Int16ub, Int32ub, Struct, this

from gpinspect.errors import EncodeError
from gpinspect.grammar.notes import Note

_SOURCE = 'PostgreSQL documentation, "Message Formats"'
_RELEASES = "PostgreSQL, Greenplum, openGauss"
CODES: Final = {"SSLRequest": 80877103, "GSSENCRequest": 80877104, "CancelRequest": 80877102}
REPLIES: Final = {
    0x53: ("S", "yes: the client starts TLS at once"),
    0x4E: ("N", "no: the client goes on in clear text or leaves"),
    0x45: ("E", "an ErrorResponse of a server that does not know the request"),
}
LARGEST_STARTUP: Final = 10_000
"""Bytes of a start-up message that a server takes (MAX_STARTUP_PACKET_LENGTH)."""


def _length(meaning: str) -> Construct:
    return (
        "length"
        / Int32ub
        * Note(
            meaning,
            unit="bytes, itself included",
            source=_SOURCE,
            releases=_RELEASES,
            server="closes the connection",
            client="never reads it",
        )
    )


NEGOTIATION: Final = Struct(
    _length("8 for SSLRequest and GSSENCRequest."),
    "code"
    / Enum(Int32ub, **CODES)
    * Note(
        "Which encryption is asked for; chosen so that no protocol version looks like it.",
        unit="number",
        source=_SOURCE,
        releases=_RELEASES,
        server="takes another number for a protocol version",
        client="never reads it",
    ),
)

REPLY: Final = Struct(
    "answer"
    / Enum(Int8ub, yes=0x53, no=0x4E, error=0x45)
    * Note(
        "One byte: S, N, or E where an error message follows. More bytes in front of the TLS handshake are a sign of injection.",
        unit="ASCII letter",
        source=_SOURCE,
        releases=_RELEASES,
        server="never reads it",
        client="gives up on any other byte",
    )
)

STARTUP: Final = Struct(
    _length("Whole message."),
    "major"
    / Int16ub
    * Note(
        "3 since PostgreSQL 7.4.",
        unit="number",
        source=_SOURCE,
        releases=_RELEASES,
        server="refuses another",
        client="never reads it",
    ),
    "minor"
    / Int16ub
    * Note(
        "0; openGauss has its own.",
        unit="number",
        source=_SOURCE,
        releases=_RELEASES,
        server="refuses or negotiates",
        client="never reads it",
    ),
    "parameters"
    / Bytes(this.length - 8)
    * Note(
        "Names and values, each ended by a zero byte, one zero byte more at the end.",
        unit="bytes of text",
        source=_SOURCE,
        releases=_RELEASES,
        server="answers with an ErrorResponse",
        client="never reads it",
    ),
)


class Startup(NamedTuple):
    """A start-up message in the clear."""

    major: int
    minor: int
    parameters: tuple[tuple[str, str], ...]
    size: int  # bytes on the wire


def request_name(data: bytes) -> str | None:
    """`SSLRequest`, `GSSENCRequest` or `CancelRequest` when `data` starts with one, else None."""
    size, code = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
    for name, number in CODES.items():
        if len(data) >= 8 and code == number and size == (16 if name == "CancelRequest" else 8):
            return name
    return None


def parse_startup(data: bytes) -> Startup | None:
    """Read a start-up message at the start of `data`; None when it is none, or cut.

    Raises:
        Nothing.
    """
    if not 9 <= int.from_bytes(data[:4], "big") <= LARGEST_STARTUP or data[4:6] != b"\0\3":
        return None
    try:
        parsed = STARTUP.parse(data)
    except ConstructError:
        return None
    texts = [text.decode("utf-8", "backslashreplace") for text in parsed.parameters.split(b"\0")]
    pairs = tuple((name, value) for name, value in zip(texts[::2], texts[1::2], strict=False) if name)
    return Startup(parsed.major, parsed.minor, pairs, parsed.length)


def build_startup(parameters: dict[str, str], major: int = 3, minor: int = 0) -> bytes:
    """The bytes of a start-up message.

    Raises:
        EncodeError: A name is empty, or a text has a zero byte in it.
    """
    if "" in parameters or any("\0" in text for pair in parameters.items() for text in pair):
        raise EncodeError("a start-up parameter with an empty name or a zero byte; texts end at the first zero byte")
    body = b"".join(text.encode() + b"\0" for pair in parameters.items() for text in pair) + b"\0"
    return _build(STARTUP, {"length": 8 + len(body), "major": major, "minor": minor, "parameters": body})


def _build(construct: Construct, values: dict[str, Any]) -> bytes:
    try:
        built: bytes = construct.build(values)
    except ConstructError as error:
        raise EncodeError(f"a value does not fit its field: {error}") from error
    return built


SSL_REQUEST: Final = _build(NEGOTIATION, {"length": 8, "code": "SSLRequest"})
GSSENC_REQUEST: Final = _build(NEGOTIATION, {"length": 8, "code": "GSSENCRequest"})
