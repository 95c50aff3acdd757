# Made by: gpinspect export scapy. Change the grammar or the template, not this file.
# SPDX-License-Identifier: GPL-2.0-or-later
# ruff: noqa: RUF012 - scapy declares fields so
# scapy.contrib.description = gpfdist: external tables of Greenplum and Cloudberry
# scapy.contrib.status = loads
"""gpfdist for scapy: requests, responses, messages of protocol 1, and TCP streams put together.

    for packet in gpfdist_packets("load.pcap"): ...     whole packages, whatever the frames
    sniff(iface="lo", session=TCPSession)               the same, live
    GpfdistRequest(path="/a.csv", X_GP_XID="7-0000000002", X_GP_PROTO=1)
    GpfdistResponse(X_GP_PROTO=1) / gpfdist_package("/data/a.csv", 0, 1, b"1,x\n") / gpfdist_end()
    gpfdist_port(8081)                                  one more port; 8080 is there from the start

A header is a field by its name, `-` written `_`; None means that it is not there. Numbers are int where they can be read, all
else is bytes. What was dissected builds to the same bytes, spelling, folds and line ends included; a field that is changed changes
its own line.

Bytes that were not captured are not made up: behind such a hole a stream goes on as Raw. What is still open when the capture ends
without a FIN or RST of its sender is not shown.
"""

import io
import re
from collections.abc import Iterator
from typing import Any

from scapy.config import conf
from scapy.fields import (
    ByteEnumField,
    ConditionalField,
    Field,
    FieldLenField,
    IntField,
    LongField,
    PacketListField,
    StrField,
    StrLenField,
)
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import NoPayload, Packet, Raw, bind_top_down
from scapy.sessions import TCPSession
from scapy.utils import PcapReader

DEFAULT_PORT = 8080
TYPES = {70: "F", 79: "O", 76: "L", 68: "D", 69: "E"}
"""Letters of protocol 1."""

LARGEST_D = 268435456
"""Bytes of rows that a server can put in one message."""

LARGEST_OTHER = 1 << 16
LARGEST_HEAD = 1 << 16
MOST_WAITING = 1 << 20
"""Bytes kept behind a hole in a stream, in the hope that it is filled."""

LARGEST_FRAME = 1 << 18
NEAR_WRAP = 0xF0000000
"""Sequence numbers from here on are never left with TCPSession, which does not know that they begin again at 0."""

END = b"D\0\0\0\0"
HEAD_END = re.compile(rb"\n\r?\n")
OPENING = re.compile(rb"HTTP/|[A-Z]{1,16} [^\r\n]|D\0\0\0\0HTTP/")
MESSAGE = re.compile(rb"[FOLDE][\x00-\x10]", re.DOTALL)
BLANKS = b" \t\r"
DECIMAL = re.compile(rb"[ \t]*([+-]?[0-9]{1,18})(?![0-9])")
BASED = re.compile(rb"[ \t]*([+-]?)0([xX][0-9a-fA-F]{1,15}|[0-7]{1,20})(?![0-9a-fA-F])")


def _shown(value: Any) -> str:
    """Bytes of the wire as text without control characters."""
    return repr(value)[2:-1] if isinstance(value, bytes) else str(value)


# Heads


def _number(text: bytes, based: bool) -> int | None:
    """A number as C reads it: what stands behind the digits is left alone. None where there is none."""
    found = BASED.match(text) if based else None
    if found is not None:
        digits = found[2]
        value = int(digits[1:], 16) if digits[:1] in b"xX" else int(digits, 8)
        return -value if found[1] == b"-" else value
    found = DECIMAL.match(text)
    return None if found is None else int(found[1])


class GpfdistHeaderField(StrField):
    """One header. `header` is its exact spelling; `kind` is how its value is read: text, decimal, or base0 (`0x1` is 1)."""

    __slots__ = ["header", "kind"]

    def __init__(self, name: str, header: bytes, kind: str) -> None:
        super().__init__(name, None)
        self.header = header
        self.kind = kind

    def read(self, text: bytes) -> bytes | int:
        number = None if self.kind == "text" else _number(text, self.kind == "base0")
        return text if number is None else number

    def any2i(self, pkt: Packet | None, x: Any) -> Any:
        return x.encode("utf-8") if isinstance(x, str) else x

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        return _shown(x)

    def i2len(self, pkt: Packet | None, x: Any) -> int:
        return len(_written(x))


def _header(name: str, header: bytes, kind: str) -> ConditionalField:
    """A header field that is shown only where the head has it."""
    return ConditionalField(GpfdistHeaderField(name, header, kind), lambda pkt: pkt.getfieldval(name) is not None)


class GpfdistLinesField(Field[list[bytes], list[bytes]]):
    """Lines of a head as bytes."""

    islist = 1

    def __init__(self, name: str) -> None:
        super().__init__(name, [])

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        return f"<{len(x)} lines>" if self.name == "lines" else "[" + ", ".join(map(_shown, x)) + "]"


def _written(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8")


def _cut_lines(head: bytes) -> list[bytes]:
    """A head in its lines, line ends kept; a folded line is one with that before it."""
    lines: list[list[bytes]] = []
    for line in re.findall(rb"[^\n]*\n|[^\n]+", head):
        if line[:1] in (b" ", b"\t") and len(lines) > 1:
            lines[-1].append(line)
        else:
            lines.append([line])
    return [b"".join(parts) for parts in lines]


def _named(line: bytes) -> tuple[bytes, bytes]:
    """Name and value of a header line; without name where it is none, or was cut."""
    name, colon, value = line.partition(b":")
    if not colon or not line.endswith(b"\n"):
        return b"", line
    return name.strip(BLANKS), b" ".join(part.strip(BLANKS) for part in value.split(b"\n")).strip(BLANKS)


class _GpfdistHead(Packet):
    """What requests and responses have in common: a first line, headers, an empty line."""

    FIRST: tuple[str, str, str] = ("", "", "")

    def _first_line(self, line: bytes) -> tuple[Any, Any, Any]:
        raise NotImplementedError

    def _headers(self) -> list[GpfdistHeaderField]:
        fields: list[Any] = [field.fld for field in self.fields_desc if isinstance(field, ConditionalField)]
        return fields

    def do_dissect(self, s: bytes) -> bytes:
        found = HEAD_END.search(s)
        end = len(s) if found is None else found.end()
        lines = _cut_lines(s[:end])
        known = {field.header.lower(): field for field in self._headers()}
        self.fields.update(zip(self.FIRST, self._first_line(lines[0] if lines else b""), strict=True))
        self.fields.update({field.name: None for field in known.values()})
        unknown = []
        for line in lines[1:]:
            name, value = _named(line)
            field = known.get(name.lower())
            if field is not None:
                self.fields[field.name] = field.read(value)
            elif name:
                unknown.append(name + b": " + value)
        self.fields["unknown_headers"] = unknown
        self.fields["lines"] = lines
        return s[end:]

    def self_build(self) -> bytes:
        values = {field.header.lower(): (field, self.getfieldval(field.name)) for field in self._headers()}
        unknown = [_written(line) for line in self.getfieldval("unknown_headers")]
        sent = self.getfieldval("lines")
        first = tuple(self.getfieldval(name) for name in self.FIRST)
        line = b" ".join(_written(part) for part in first if part is not None) + b"\r\n"
        built = [sent[0] if sent and first == self._first_line(sent[0]) else line]
        last = {_named(line)[0].lower(): place for place, line in enumerate(sent) if place}
        tail = [] if sent else [b"\r\n"]
        for place, line in enumerate(sent[1:], 1):
            if line in (b"\n", b"\r\n"):
                tail.append(line)
                continue
            name, text = _named(line)
            if name.lower() in values:
                field, value = values[name.lower()]
                if value is None:
                    continue
                if place == last[name.lower()]:
                    line = line if value == field.read(text) else name + b": " + _written(value) + b"\r\n"
            elif name:
                if name + b": " + text not in unknown:
                    continue
                unknown.remove(name + b": " + text)
            built.append(line)
        for name, (field, value) in values.items():
            if name not in last and (value := self._default(field, value)) is not None:
                built.append(field.header + b": " + _written(value) + b"\r\n")
        return b"".join((*built, *(line + b"\r\n" for line in unknown), *tail))

    def _default(self, field: GpfdistHeaderField, value: Any) -> Any:
        return value

    def header(self, name: str) -> Any:
        """Value of any header, whatever the case of its name; None without it."""
        wanted = _written(name).lower()
        for field in self._headers():
            if field.header.lower() == wanted:
                return self.getfieldval(field.name)
        for line in reversed(self.getfieldval("unknown_headers")):
            there, value = _named(_written(line) + b"\n")
            if there.lower() == wanted:
                return value
        return None


class GpfdistRequest(_GpfdistHead):
    """A request of a Greenplum segment. A POST that is built counts its own Content-Length; b"" leaves it out."""

    name = "gpfdist request"
    FIRST = ("method", "path", "version")
    fields_desc = [
        StrField("method", b"GET"),
        StrField("path", b"/"),
        StrField("version", b"HTTP/1.1"),
        _header("Host", b"Host", "text"),
        _header("Accept", b"Accept", "text"),
        _header("X_GP_XID", b"X-GP-XID", "text"),
        _header("X_GP_CID", b"X-GP-CID", "text"),
        _header("X_GP_SN", b"X-GP-SN", "text"),
        _header("X_GP_SEGMENT_ID", b"X-GP-SEGMENT-ID", "decimal"),
        _header("X_GP_SEGMENT_COUNT", b"X-GP-SEGMENT-COUNT", "decimal"),
        _header("X_GP_LINE_DELIM_STR", b"X-GP-LINE-DELIM-STR", "text"),
        _header("X_GP_LINE_DELIM_LENGTH", b"X-GP-LINE-DELIM-LENGTH", "decimal"),
        _header("X_GP_ZSTD", b"X-GP-ZSTD", "decimal"),
        _header("X_GP_PROTO", b"X-GP-PROTO", "base0"),
        _header("X_GP_SEQ", b"X-GP-SEQ", "decimal"),
        _header("Content_Type", b"Content-Type", "text"),
        _header("X_GP_COORDINATOR_HOST", b"X-GP-COORDINATOR_HOST", "text"),
        _header("X_GP_COORDINATOR_PORT", b"X-GP-COORDINATOR_PORT", "decimal"),
        _header("X_GP_MASTER_HOST", b"X-GP-MASTER_HOST", "text"),
        _header("X_GP_MASTER_PORT", b"X-GP-MASTER_PORT", "decimal"),
        _header("X_GP_CSVOPT", b"X-GP-CSVOPT", "text"),
        _header("X_GP_SEG_PG_CONF", b"X-GP_SEG_PG_CONF", "text"),
        _header("X_GP_SEG_DATADIR", b"X-GP_SEG_DATADIR", "text"),
        _header("X_GP_SEG_LOGDIR", b"X-GP_SEG_LOGDIR", "text"),
        _header("X_GP_DATABASE", b"X-GP-DATABASE", "text"),
        _header("X_GP_USER", b"X-GP-USER", "text"),
        _header("X_GP_SEG_PORT", b"X-GP-SEG-PORT", "decimal"),
        _header("X_GP_SESSION_ID", b"X-GP-SESSION-ID", "decimal"),
        _header("X_GP_TRANSFORM", b"X-GP-TRANSFORM", "text"),
        _header("X_GP_DONE", b"X-GP-DONE", "decimal"),
        _header("Content_Length", b"Content-Length", "decimal"),
        _header("Expect", b"Expect", "text"),
        GpfdistLinesField("unknown_headers"),
        GpfdistLinesField("lines"),
    ]

    def _first_line(self, line: bytes) -> tuple[bytes, bytes, bytes]:
        method, _, rest = line.rstrip(b"\r\n").partition(b" ")
        path, blank, version = rest.rpartition(b" ")
        return (method, path, version) if blank and version.startswith(b"HTTP/") else (method, rest, b"")

    def _default(self, field: GpfdistHeaderField, value: Any) -> Any:
        if field.header == b"Content-Length" and value is None and self.method == b"POST" and not self.getfieldval("lines"):
            return len(self.payload)
        return None if value == b"" else value

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        return GpfdistRows if self.method == b"POST" and self.Content_Length else Raw

    def mysummary(self) -> str:
        words = [_shown(self.method), _shown(self.path)]
        if self.X_GP_SEGMENT_ID is not None:
            words.append(f"seg {_shown(self.X_GP_SEGMENT_ID)}/{_shown(self.X_GP_SEGMENT_COUNT)}")
        if self.X_GP_XID is not None:
            words.append("/".join(_shown(part) for part in (self.X_GP_XID, self.X_GP_CID, self.X_GP_SN)))
        return "gpfdist " + " ".join(words)


class GpfdistResponse(_GpfdistHead):
    """An answer of gpfdist, also `100 Continue`."""

    name = "gpfdist response"
    FIRST = ("version", "status", "reason")
    fields_desc = [
        StrField("version", b"HTTP/1.0"),
        GpfdistHeaderField("status", b"", "decimal"),
        StrField("reason", b"ok"),
        _header("Content_type", b"Content-type", "text"),
        _header("Content_length", b"Content-length", "decimal"),
        _header("Expires", b"Expires", "text"),
        _header("X_GPFDIST_VERSION", b"X-GPFDIST-VERSION", "text"),
        _header("X_GP_PROTO", b"X-GP-PROTO", "base0"),
        _header("Cache_Control", b"Cache-Control", "text"),
        _header("Connection", b"Connection", "text"),
        _header("X_GP_ZSTD", b"X-GP-ZSTD", "decimal"),
        GpfdistLinesField("unknown_headers"),
        GpfdistLinesField("lines"),
    ]

    def _first_line(self, line: bytes) -> tuple[bytes, Any, Any]:
        version, _, rest = line.rstrip(b"\r\n").partition(b" ")
        code, blank, reason = rest.partition(b" ")
        number = int(code) if re.fullmatch(rb"[1-9][0-9]{2}", code) else code
        return version, number, reason if blank else None

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        return _after_response(self, payload[:10], isinstance(self.underlayer, GpfdistResponse))

    def answers(self, other: Packet) -> int:
        return isinstance(other, GpfdistRequest)

    def mysummary(self) -> str:
        proto = "" if self.X_GP_PROTO is None else f" proto {_shown(self.X_GP_PROTO)}"
        return f"gpfdist {_shown(self.status)} {_shown(self.reason or b'')}{proto}"


GpfdistResponse.status.default = 200


def _after_response(head: GpfdistResponse, payload: bytes, continued: bool = False) -> type[Packet]:
    """What follows an answer."""
    if head.status == 100:
        return GpfdistResponse if payload.startswith(b"HTTP/") and not continued else Raw
    if head.status == 200 and head.X_GP_PROTO == 1:
        return GpfdistZstdMessages if isinstance(head.X_GP_ZSTD, int) and head.X_GP_ZSTD else GpfdistMessages
    if head.Content_length is not None or head.status != 200:
        return GpfdistMessages if payload.startswith(END) else Raw
    return GpfdistRows


class GpfdistRows(Packet):
    """Rows without framing: a body of protocol 0, or of a POST. In a TCPSession each piece as it came."""

    name = "gpfdist rows"
    fields_desc = [StrField("rows", b"")]

    def mysummary(self) -> str:
        return f"gpfdist rows, {len(self.rows)} B"


# Messages of protocol 1


class GpfdistMessage(Packet):
    """One message of protocol 1; dissecting with this class chooses the one that fits."""

    name = "gpfdist message"
    fields_desc = [
        ByteEnumField("type", 0x44, TYPES),
        FieldLenField("length", None, length_of="content", fmt="!I"),
        StrLenField("content", b"", length_from=lambda pkt: pkt.length),
    ]

    @classmethod
    def dispatch_hook(cls, _pkt: bytes | None = None, *args: Any, **kargs: Any) -> type[Packet]:
        return cls if _pkt is None else _message_class(bytes(_pkt), False)

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        return b"", s


class GpfdistF(GpfdistMessage):
    """Absolute path of the source file on the server's host, without terminator, in the server's locale."""

    name = "gpfdist F"
    fields_desc = [
        ByteEnumField("type", 70, TYPES),
        FieldLenField("length", None, length_of="file", fmt="!I"),
        StrLenField("file", b"", length_from=lambda pkt: pkt.length),
    ]


class GpfdistO(GpfdistMessage):
    """Where the first byte of the rows stands in the decompressed, transformed file."""

    name = "gpfdist O"
    fields_desc = [
        ByteEnumField("type", 79, TYPES),
        IntField("length", 8),
        LongField("offset", 0),
    ]


class GpfdistL(GpfdistMessage):
    """Number of the first row in the package, from 1; 0 means that the server did not count."""

    name = "gpfdist L"
    fields_desc = [
        ByteEnumField("type", 76, TYPES),
        IntField("length", 8),
        LongField("line", 0),
    ]


class GpfdistD(GpfdistMessage):
    """Whole rows of one file, at most `-m` bytes of them."""

    name = "gpfdist D"
    fields_desc = [
        ByteEnumField("type", 68, TYPES),
        FieldLenField("length", None, length_of="rows", fmt="!I"),
        StrLenField("rows", b"", length_from=lambda pkt: pkt.length),
    ]


class GpfdistE(GpfdistMessage):
    """Why the server stops, without terminator."""

    name = "gpfdist E"
    fields_desc = [
        ByteEnumField("type", 69, TYPES),
        FieldLenField("length", None, length_of="text", fmt="!I"),
        StrLenField("text", b"", length_from=lambda pkt: pkt.length),
    ]


class GpfdistZstdD(GpfdistMessage):
    """Rows as one zstd frame; `length` counts them decompressed, and nothing on the wire counts the frame."""

    name = "gpfdist D, zstd"
    fields_desc = [
        ByteEnumField("type", 0x44, TYPES),
        IntField("length", 0),
        StrField("frame", b""),
    ]

    @property
    def rows(self) -> bytes | None:
        """The rows, at most `length` bytes of them; None where the frame is damaged. Needs the package zstandard."""
        import zstandard

        try:
            return zstandard.ZstdDecompressor(max_window_size=1 << 25).stream_reader(io.BytesIO(self.frame)).read(self.length)
        except zstandard.ZstdError:
            return None


class GpfdistOdd(GpfdistMessage):
    """A message that fits no rule: an unknown letter, a number of another size, or one that was cut."""

    name = "gpfdist message, odd"


MESSAGE_CLASSES: dict[int, type[GpfdistMessage]] = {70: GpfdistF, 79: GpfdistO, 76: GpfdistL, 68: GpfdistD, 69: GpfdistE}
NUMBERS = frozenset({79, 76})
"""Letters whose content is a number of 8 bytes."""


def _message_class(data: bytes, zstd: bool) -> type[Packet]:
    if len(data) < 5:
        return Raw
    letter = data[0]
    if letter in NUMBERS and (data[1:5] != b"\0\0\0\x08" or len(data) < 13):
        return GpfdistOdd
    if zstd and letter == END[0] and data[:5] != END:
        return GpfdistZstdD
    return MESSAGE_CLASSES.get(letter, GpfdistOdd)


def _zstd_end(data: bytes | bytearray, start: int) -> int:
    """Where the zstd frame at `start` ends; 0 when more bytes are wanted, -1 when it is none. (RFC 8878, section 3.1.1)"""
    if data[start : start + 4] != b"\x28\xb5\x2f\xfd"[: len(data) - start]:
        return -1
    if len(data) < start + 6:
        return 0
    descriptor = data[start + 4]
    if descriptor & 0x08:
        return -1
    single = descriptor >> 5 & 1
    position = start + 6 - single + (0, 1, 2, 4)[descriptor & 3] + ((0, 2, 4, 8)[descriptor >> 6] or single)
    while position + 3 <= len(data):
        block = int.from_bytes(data[position : position + 3], "little")
        kind = block >> 1 & 3
        if kind == 3:
            return -1
        position += 3 + (1 if kind == 1 else block >> 3)
        if block & 1:
            position += 4 if descriptor & 4 else 0
            return position if position <= len(data) else 0
    return 0


def _message_end(data: bytes | bytearray, start: int, zstd: bool) -> int:
    """Where the message at `start` ends; 0 when more bytes are wanted, -1 when nothing can be framed here."""
    if len(data) < start + 5:
        return 0
    letter, length = data[start], int.from_bytes(data[start + 1 : start + 5], "big")
    if letter not in TYPES or length > (LARGEST_D if letter == END[0] else LARGEST_OTHER):
        return -1
    if zstd and letter == END[0] and length:
        return _zstd_end(data, start + 5)
    end = start + 5 + length
    return end if end <= len(data) else 0


class GpfdistMessagesField(PacketListField):
    """Messages one behind the other. The last one may be cut; where nothing can be framed, the rest is one `GpfdistOdd`."""

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, list[Any]]:
        zstd = isinstance(pkt, GpfdistZstdMessages)
        found: list[Any] = []
        position = 0
        while len(s) - position >= 5:
            end = _message_end(s, position, zstd)
            data = s[position : end if end > 0 else len(s)]
            kind = GpfdistOdd if end < 0 else _message_class(data, zstd)
            found.append(kind(data, _internal=1, _parent=pkt))
            position += len(data)
        return s[position:], found


class GpfdistMessages(Packet):
    """Messages of protocol 1: in a TCPSession the whole packages that a segment finished, else what is there."""

    name = "gpfdist messages"
    fields_desc = [GpfdistMessagesField("messages", [], GpfdistMessage)]

    def of(self, letter: str) -> list[Packet]:
        """The messages with this letter."""
        return [message for message in self.messages if message.type == ord(letter)]

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        return Raw

    def mysummary(self) -> str:
        rows = sum(message.length or 0 for message in self.of("D"))
        words = "".join(chr(message.type) if message.type in TYPES else "?" for message in self.messages[:12])
        return f"gpfdist {words}{'...' if len(self.messages) > 12 else ''}, {rows} B of rows"


class GpfdistZstdMessages(GpfdistMessages):
    """Messages whose rows are zstd frames."""

    name = "gpfdist messages, zstd"


def gpfdist_package(file: bytes | str, offset: int, line: int, rows: bytes) -> GpfdistMessages:
    """F O L D as a server sends them."""
    return GpfdistMessages(messages=[GpfdistF(file=file), GpfdistO(offset=offset), GpfdistL(line=line), GpfdistD(rows=rows)])


def gpfdist_end() -> GpfdistMessages:
    """The end of data: a D without content."""
    return GpfdistMessages(messages=[GpfdistD()])


# TCP streams


def _behind(seq: int, other: int) -> int:
    """How far `seq` is behind `other` in sequence numbers, -2^31 to 2^31 - 1."""
    return ((seq - other + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


class _Stream:
    """One direction of a connection: puts segments in order, and cuts them into heads, packages and rows."""

    def __init__(self) -> None:
        self.next: int | None = None  # sequence number of the next byte; None until an opening was seen
        self.waiting: dict[int, bytes] = {}
        self.final: int | None = None  # sequence number of a FIN
        self.hole: int | None = None  # where the captured part of a cut frame ended
        self.lost = False  # what waits has waited long enough
        self.fed = 0
        self.restart()

    def restart(self) -> None:
        self.buffer = bytearray()
        self.state = self.head
        self.zstd = False
        self.left = 0  # bytes of a counted body
        self.walked = 0  # bytes of the buffer that are whole messages
        self.whole = 0  # of these, bytes that are whole packages
        self.wanted = 0  # bytes the buffer must have before looking again
        self.ended = False
        self.continued = False
        self.broken = False  # a hole was given up

    def take(self, seq: int, data: bytes) -> None:
        """One TCP segment, in whatever order it comes."""
        if self.next is None:
            self.begin(seq, data)
            return
        if OPENING.match(data) and (self.ended or abs(_behind(seq, self.next)) > 1 << 24):
            self.waiting.clear()
            self.final = None
            self.restart()
            self.next = seq
        gap = _behind(seq, self.next)
        if gap > 0:
            if len(data) > len(self.waiting.get(seq, b"")):
                self.waiting[seq] = data
            self.lost = self.lost or sum(map(len, self.waiting.values())) > MOST_WAITING
            return
        self.push(data[-gap:])
        self.drain()

    def cut_frame(self, end: int) -> None:
        """A frame was not captured as a whole: what follows the sequence number `end` will not come again."""
        if self.next == end & 0xFFFFFFFF:
            self.hole = self.next

    def begin(self, seq: int, data: bytes) -> None:
        """Segments before the first that opens anything; the first of them may come late."""
        if len(data) > len(self.waiting.get(seq, b"")):
            self.waiting[seq] = data
        if not self.waiting:
            return
        anchor = next(iter(self.waiting))
        first = min(self.waiting, key=lambda one: _behind(one, anchor))
        if OPENING.match(self.waiting[first]):
            self.next = first
            self.drain()
        else:
            self.lost = len(self.waiting) > 64 or sum(map(len, self.waiting.values())) > LARGEST_HEAD

    def drain(self) -> None:
        """Append what waited for its turn."""
        assert self.next is not None
        while self.waiting:
            ready = [seq for seq in self.waiting if _behind(seq, self.next) <= 0]
            if not ready:
                return
            for seq in sorted(ready, key=lambda one: _behind(one, self.next or 0)):
                data = self.waiting.pop(seq)
                self.push(data[max(0, -_behind(seq, self.next)) :])

    def push(self, data: bytes) -> None:
        self.buffer += data
        if self.next is not None:
            self.next = (self.next + len(data)) & 0xFFFFFFFF

    def give_up(self) -> bytes:
        """Go on behind the hole, as raw bytes."""
        anchor = next(iter(self.waiting)) if self.next is None else self.next
        pieces = []
        for seq in sorted(self.waiting, key=lambda one: _behind(one, anchor)):
            data = self.waiting.pop(seq)
            behind = 0 if self.next is None else max(0, -_behind(seq, self.next))
            pieces.append(data[behind:])
            if behind < len(data):
                self.next = (seq + len(data)) & 0xFFFFFFFF
        self.lost, self.broken = False, True
        self.state = self.raw
        return b"".join(pieces)

    def packet(self, last: bool) -> Packet | None:
        """What is whole now, as one packet; None when nothing is. `last`: nothing more will come."""
        lost = bool(self.waiting) and (last or self.lost or self.broken or self.next == self.hole)
        found: list[Packet] = []
        while self.buffer:
            before = (self.state, len(self.buffer))
            one = self.state(last or lost)
            if one is not None:
                found.append(one)
            elif before == (self.state, len(self.buffer)):
                break
        if lost and (rest := self.give_up()):
            found.append(Raw(rest))
        self.ended = self.ended or last
        if not found:
            return None
        packet = found[0]
        for one in found[1:]:
            packet = packet / one
        return packet

    def cut(self, size: int) -> bytes:
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def head(self, last: bool) -> Packet | None:
        if self.buffer.startswith(END):
            return GpfdistMessages(self.cut(len(END)))  # Cloudberry: in front of the answer to a POST
        found = HEAD_END.search(self.buffer, max(0, self.wanted - 3))
        end = len(self.buffer) if found is None else found.end()
        self.wanted = end
        if end > LARGEST_HEAD or not OPENING.match(self.buffer):
            self.state = self.raw
            return None
        if found is None and not last:
            return None
        self.wanted = 0
        if not self.buffer.startswith(b"HTTP/"):
            request = GpfdistRequest(self.cut(end))
            length = request.Content_Length
            self.left = length if request.method == b"POST" and isinstance(length, int) and length > 0 else 0
            self.state = self.counted
            return request
        response = GpfdistResponse(self.cut(end))
        if response.status == 100 and not self.continued:
            self.continued = True
        else:
            self.state = self.answer
            self.reply = response
        return response

    def answer(self, last: bool) -> Packet | None:
        if len(self.buffer) < len(END) and not last and self.reply.Content_length is not None:
            return None
        kind = _after_response(self.reply, bytes(self.buffer[:10]), self.continued)
        self.zstd = kind is GpfdistZstdMessages
        self.state = self.rows if kind is GpfdistRows else self.raw if kind is Raw else self.messages
        return None

    def counted(self, last: bool) -> Packet | None:
        if not self.left:
            self.state = self.raw
            return None
        data = self.cut(self.left)
        self.left -= len(data)
        return GpfdistRows(data)

    def rows(self, last: bool) -> Packet | None:
        return GpfdistRows(self.cut(len(self.buffer)))

    def raw(self, last: bool) -> Packet | None:
        return Raw(self.cut(len(self.buffer)))

    def messages(self, last: bool) -> Packet | None:
        lost = False
        while len(self.buffer) >= self.wanted:
            end = _message_end(self.buffer, self.walked, self.zstd)
            lost = end < 0
            if end <= 0:
                break
            if self.buffer[self.walked] in b"DE":
                self.whole = end
            self.walked = end
        size = len(self.buffer) if last and not lost else self.walked if lost else self.whole
        if not lost and not self.zstd and len(self.buffer) >= self.walked + 5:
            self.wanted = self.walked + 5 + int.from_bytes(self.buffer[self.walked + 1 : self.walked + 5], "big")
        if lost:
            self.state = self.raw
        if not size:
            return None
        self.walked, self.whole, self.wanted = self.walked - size, 0, max(0, self.wanted - size)
        return (GpfdistZstdMessages if self.zstd else GpfdistMessages)(self.cut(size))


class Gpfdist(Packet):
    """Entry: chooses by what the bytes open with. Give this class to a StreamSocket, and to `bind_layers`."""

    name = "gpfdist"

    @classmethod
    def dispatch_hook(cls, _pkt: bytes | None = None, *args: Any, **kargs: Any) -> type[Packet]:
        data = bytes(_pkt or b"")
        if data.startswith(b"HTTP/"):
            return GpfdistResponse
        if MESSAGE.match(data) and len(data) >= 5:
            return GpfdistMessages
        return GpfdistRequest if re.match(rb"[A-Z]{1,16} [^\r\n]* HTTP/", data) else Raw

    @classmethod
    def tcp_reassemble(cls, data: bytes, metadata: dict[str, Any], session: dict[Any, Any]) -> Packet | None:
        """The next whole packages of a stream.

        TCPSession forgets a stream whenever all of it was given back, and fills holes with zeros. So segments are put in order
        here, and while something is open, one byte stays with TCPSession so that it also tells of a FIN without content.
        """
        original = metadata.get("original")
        if original is None:
            if "relative_seq" in metadata:
                return None  # asks about that one byte
            stream: _Stream = session.setdefault("gpfdist", _Stream())
            stream.push(data[stream.fed :])
            packet = stream.packet(bool(metadata.get("tcp_end")))
            stream.fed = 0 if packet else len(data)
            return packet
        stream = session.setdefault(("gpfdist", metadata["ident"]), _Stream())
        segment = original[TCP]
        payload = b"" if isinstance(segment.payload, NoPayload) else bytes(segment.payload.original)
        stream.take(segment.seq, payload)
        end = segment.seq + len(payload)
        if len(payload) < _payload_length(segment):
            stream.cut_frame(end)
        if segment.flags.F:
            stream.final = end & 0xFFFFFFFF
        ended = stream.final is not None and stream.next in (stream.final, stream.hole)
        packet = stream.packet(bool(segment.flags.R) or ended)
        pending = bool(stream.buffer) and end < NEAR_WRAP
        if packet is None:
            if stream.waiting or not payload:
                return None
            padding: Packet = conf.padding_layer(data[-1:] if pending else b"")
            return padding
        return packet / conf.padding_layer(data[-1:]) if pending and payload and not stream.waiting else packet


def _payload_length(segment: Packet) -> int:
    """Bytes of a TCP segment on the wire, captured or not; 0 where IP does not say."""
    ip = segment.underlayer
    head = 4 * (segment.dataofs or 0)
    if isinstance(ip, IP):
        return int(ip.len or 0) - 4 * (ip.ihl or 0) - head
    return int(ip.plen or 0) - head if isinstance(ip, IPv6) else 0


def gpfdist_packets(path: str) -> Iterator[Packet]:
    """What TCPSession makes of a capture file. Unlike `sniff` this does not cut frames of more than 65535 bytes, as recorders next
    to a server see them."""
    session = TCPSession()
    with PcapReader(path) as reader:
        while True:
            try:
                packet = session.process(reader.read_packet(size=LARGEST_FRAME))
            except EOFError:
                return
            if packet is not None:
                yield packet


def gpfdist_port(port: int) -> None:
    """Take TCP streams of this server port for gpfdist, before other layers do."""
    fields = [{"dport": port}, {"sport": port}]
    others = [(guess, layer) for guess, layer in TCP.payload_guess if not (guess in fields and layer is Gpfdist)]
    TCP.payload_guess = [(guess, Gpfdist) for guess in fields] + others


gpfdist_port(DEFAULT_PORT)
bind_top_down(TCP, GpfdistRequest, dport=DEFAULT_PORT)
bind_top_down(TCP, GpfdistResponse, sport=DEFAULT_PORT)
