"""Protocol 1: messages F O L D E, and the packages that gpfdist makes of them, in Construct.

A message is a letter, a length and so many bytes. A data package is F O L D in this order from every real server, but a Greenplum
segment takes F, O and L in any order or not at all; so `MESSAGE` is what a reader must use, and `DATA_PACKAGE` is what a server
builds. Heavier users take `struct` layouts from `gpinspect.grammar.layouts`.

Refuses to judge: a number of the wrong size or an unknown letter parses into a value that says so.
"""

from typing import Any, Final, NamedTuple

from construct import Bytes, Construct, ConstructError, Enum, Int8ub, Int32ub, Int64ub, StreamError, Struct, Switch, this

from gpinspect.errors import EncodeError
from gpinspect.grammar.notes import Note

LETTERS: Final = {"F": 0x46, "O": 0x4F, "L": 0x4C, "D": 0x44, "E": 0x45}

_WRITER = "gpfdist.c, session_get_block and gp1_send_header"
_READER = "url_curl.c, gp_proto1_read"
_IGNORED = "writes it, never reads it back"

TYPE_NOTE = Note(
    "Kind of the message.",
    unit="ASCII letter",
    source=f"{_WRITER}; {_READER}",
    server=_IGNORED,
    client="any other byte ends the query: `gpfdist error: unknown meta type N`, N being the byte as a decimal number",
)
LENGTH_NOTE = Note(
    "Bytes of content that follow. Big-endian and unsigned on the wire, but a segment reads it as signed: 2 GiB and more is "
    "refused. With zstd the length of D is that of the decompressed rows, and the compressed size is nowhere.",
    unit="bytes",
    source=f"{_WRITER}; {_READER}",
    server=_IGNORED,
    client="`gpfdist error: bad packet type T len N` when negative; a length that is too large ends in "
    "`gpfdist server closed connection`",
)
NAME_NOTE = Note(
    "Absolute path of the source file on the server's host, without terminator, in the server's locale. Names of more than "
    "255 bytes are cut by the server. With a transform that takes paths it names the temporary list of files.",
    unit="bytes of text",
    source=f"{_WRITER}; seen with 6.24.3",
    server=_IGNORED,
    client="more than 256 bytes: `gpfdist error: filename too long (N)`; else kept for error messages only",
)
OFFSET_NOTE = Note(
    "Where the first byte of the rows stands in the decompressed, transformed file. With a header row the first package of a "
    "file starts at the length of that row. The packages of all members of a session tile each file.",
    unit="bytes from the start of the file",
    source=f"{_WRITER}; tiling seen with 6.24.3",
    server=_IGNORED,
    client="content of another size than 8 bytes: `… not of length 8 (N)`; the value is skipped unread, so overlaps and gaps "
    "go unnoticed",
)
LINE_NOTE = Note(
    "Number of the first row in the package, from 1; 0 means that the server did not count. Text: only the first package of "
    "a file has it. CSV counts records (4.3: physical lines).",
    unit="rows from the start of the file",
    source=f"fstream.c, scan_csv_records; {_WRITER}",
    server=_IGNORED,
    client="content of another size than 8 bytes: `… not of length 8 (N)`; the value only decorates error messages",
)
ROWS_NOTE = Note(
    "Whole rows of one file, at most `-m` bytes of them. No content at all is the end of data. With zstd: one frame.",
    unit="bytes",
    source=f"fstream.c, fstream_read; {_WRITER}",
    server="a row longer than `-m` is answered with an E message",
    client="connection closed before the last byte: `gpfdist server closed connection`",
)
TEXT_NOTE = Note(
    "Why the server stops, without terminator. What a transform wrote to its standard error is sent the same way, 8192 bytes "
    "at most.",
    unit="bytes of text",
    source="gpfdist.c, gp1_send_error and gp1_send_errfile",
    server=_IGNORED,
    client="ends the query with `gpfdist error - TEXT`; without text: `gpfdist error: please check gpfdist log messages.`",
)
ODD_NOTE = Note(
    "Content that is not what its letter asks for; kept as bytes.",
    unit="bytes",
    source=_READER,
    releases="none: never seen from a real server",
    server="never sends it",
    client="ends the query",
)

LETTER: Final = Enum(Int8ub, **LETTERS)


def _type() -> Construct:
    return "type" / LETTER * TYPE_NOTE


def _length() -> Construct:
    return "length" / Int32ub * LENGTH_NOTE


def _odd(name: str) -> Construct:
    return Struct(name / Bytes(this._.length) * ODD_NOTE)


MESSAGE_HEAD: Final = Struct(_type(), _length())

F_MESSAGE: Final = Struct(_type(), _length(), "name" / Bytes(this.length) * NAME_NOTE)
O_MESSAGE: Final = Struct(_type(), _length(), "offset" / Int64ub * OFFSET_NOTE)
L_MESSAGE: Final = Struct(_type(), _length(), "line" / Int64ub * LINE_NOTE)
D_MESSAGE: Final = Struct(_type(), _length(), "rows" / Bytes(this.length) * ROWS_NOTE)
E_MESSAGE: Final = Struct(_type(), _length(), "text" / Bytes(this.length) * TEXT_NOTE)

DATA_PACKAGE: Final = Struct("file" / F_MESSAGE, "offset" / O_MESSAGE, "line" / L_MESSAGE, "rows" / D_MESSAGE)
END_MESSAGE: Final = MESSAGE_HEAD

MESSAGE: Final = Struct(
    _type(),
    _length(),
    "content"
    / Switch(
        this.type,
        {
            "F": Struct("name" / Bytes(this._.length) * NAME_NOTE),
            "O": Switch(this.length, {8: Struct("offset" / Int64ub * OFFSET_NOTE)}, default=_odd("wrong_size")),
            "L": Switch(this.length, {8: Struct("line" / Int64ub * LINE_NOTE)}, default=_odd("wrong_size")),
            "D": Struct("rows" / Bytes(this._.length) * ROWS_NOTE),
            "E": Struct("text" / Bytes(this._.length) * TEXT_NOTE),
        },
        default=_odd("unknown"),
    ),
)
"""Any message. An unknown letter gives `content.unknown`, a number that is not 8 bytes long `content.wrong_size`."""


class Message(NamedTuple):
    """One message as it was on the wire."""

    letter: int  # the byte
    length: int  # bytes of content, as the wire says
    field: str  # what `content` is: name, offset, line, rows, text; wrong_size or unknown when it fits no rule
    content: bytes | int  # a number for offset and line

    @property
    def known(self) -> bool:
        """Whether the letter is one of protocol 1."""
        return self.field != "unknown"

    @property
    def end(self) -> bool:
        """Whether this is the end of data: a D without content."""
        return self.field == "rows" and self.length == 0

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return 5 + self.length


class DataPackage(NamedTuple):
    """F O L D as every real server sends them."""

    file: bytes
    offset: int
    line: int
    rows: bytes


class NotThis(NamedTuple):
    """Bytes that are no data package: which field leaves the form, what it holds, and what should stand there."""

    field: str
    seen: int
    wanted: int


def parse_message(data: bytes) -> Message | None:
    """Read the message at the start of `data`.

    Returns:
        The message, or None when more bytes are wanted.

    Raises:
        Nothing.

    Source: url_curl.c, gp_proto1_read (6.24.3).
    """
    try:
        parsed = MESSAGE.parse(data)
    except StreamError:
        return None
    field, content = next((name, value) for name, value in parsed.content.items() if not name.startswith("_"))
    return Message(int(parsed.type), parsed.length, field, content)


def parse_data_package(data: bytes) -> DataPackage | NotThis | None:
    """Read F O L D in this order at the start of `data`; None when more bytes are wanted.

    Raises:
        Nothing: what is no data package is a `NotThis`.
    """
    position = 0
    contents: list[Any] = []
    for letter, field in zip("FOLD", DataPackage._fields, strict=True):
        if position < len(data) and data[position] != LETTERS[letter]:
            return NotThis(f"{field}.type", data[position], LETTERS[letter])
        message = parse_message(data[position:])
        if message is None:
            return None
        if message.field == "wrong_size":
            return NotThis(f"{field}.length", message.length, 8)
        contents.append(message.content)
        position += message.size
    return DataPackage._make(contents)


def build_message(letter: str, content: bytes | int) -> bytes:
    """The bytes of one message: a number for O and L, bytes for F, D and E.

    Raises:
        EncodeError: The letter is none of protocol 1, or the content does not fit it.
    """
    if letter not in LETTERS:
        raise EncodeError(f"message letter {letter!r}; protocol 1 has F, O, L, D and E")
    number = letter in "OL"
    if isinstance(content, int) != number:
        raise EncodeError(f"content of {letter} is {type(content).__name__}; O and L take a number, F, D and E take bytes")
    field = {"F": "name", "O": "offset", "L": "line", "D": "rows", "E": "text"}[letter]
    length = 8 if isinstance(content, int) else len(content)
    return _build(MESSAGE, {"type": letter, "length": length, "content": {field: content}})


def build_data_package(file: bytes, offset: int, line: int, rows: bytes) -> bytes:
    """The bytes of F O L D. `rows` must not be empty: that would be the end of data.

    Raises:
        EncodeError: A value does not fit its field.
    """
    if not 0 < len(file) <= 255:
        raise EncodeError(f"file name of {len(file)} bytes; a server sends 1 to 255")
    if not rows:
        raise EncodeError("a data package without rows; no content in D is the end of data: use build_end()")
    return _build(
        DATA_PACKAGE,
        {
            "file": {"type": "F", "length": len(file), "name": file},
            "offset": {"type": "O", "length": 8, "offset": offset},
            "line": {"type": "L", "length": 8, "line": line},
            "rows": {"type": "D", "length": len(rows), "rows": rows},
        },
    )


def build_end() -> bytes:
    """The five bytes of the end package."""
    return _build(END_MESSAGE, {"type": "D", "length": 0})


def build_error(text: bytes) -> bytes:
    """The bytes of an error package."""
    return _build(E_MESSAGE, {"type": "E", "length": len(text), "text": text})


def _build(construct: Construct, values: dict[str, Any]) -> bytes:
    try:
        built: bytes = construct.build(values)
    except ConstructError as error:
        raise EncodeError(f"a value does not fit its field: {error}") from error
    return built
