"""What the grammar says, as Lua tables: headers, message letters, codes of findings, status lines, fields."""

import re
from collections.abc import Callable
from typing import Final

from gpinspect import __version__
from gpinspect.engine.exchange import LARGEST_HEAD, STATUS_PAGE
from gpinspect.grammar import findings, layouts, messages, outline, zstd
from gpinspect.grammar.csvopt import NEWLINES
from gpinspect.grammar.headers import HEADERS, HeaderField
from gpinspect.grammar.http import HEAD_LIMIT
from gpinspect.grammar.statuses import STATUSES
from gpinspect.model import Severity

CODES: Final = {
    "GPI020": "SEQUENCE",
    "GPI021": "SEQUENCE",
    "GPI023": "SEQUENCE",
    "GPI101": "REASSEMBLE",
    "GPI102": "REASSEMBLE",
    "GPI103": "MALFORMED",
    "GPI105": "MALFORMED",
    "GPI106": "MALFORMED",
    "GPI107": "MALFORMED",
    "GPI108": "MALFORMED",
    "GPI109": "PROTOCOL",
    "GPI110": "PROTOCOL",
    "GPI111": "PROTOCOL",
    "GPI113": "PROTOCOL",
    "GPI114": "PROTOCOL",
    "GPI115": "PROTOCOL",
    "GPI201": "RESPONSE_CODE",
    "GPI203": "RESPONSE_CODE",
}
"""Findings that the dissector can make, each with its expert group; the others need more than one connection, or the rows."""

SEVERITIES: Final = {Severity.NOTE: "NOTE", Severity.WARNING: "WARN", Severity.ERROR: "ERROR"}

_KINDS: Final = {"uint": "uint", "int": "int"}
_PREFIX = re.compile(r"^x-gp(?:fdist)?[-_]")
_HOLE = re.compile(r"\b(?:PATH|STRERROR|TEXT|NAME)\b")
_MAGIC = re.compile(r"[^A-Za-z0-9 ]")

OWN: Final = (
    ("request", "none", "Request", "Head of a request"),
    ("answer", "none", "Answer", "Head of an answer"),
    ("head_cut", "boolean", "Head not whole", "The end of the head was not captured"),
    ("method", "string", "Method", "GET or POST"),
    ("path", "string", "Path", "As on the request line, escapes and all"),
    ("http_version", "string", "HTTP version", ""),
    ("status", "uint16", "Status", "Code of the answer"),
    ("reason", "string", "Reason", "The rest of the status line"),
    ("cause", "string", "Cause", "What makes gpfdist answer so"),
    ("advice", "string", "What to do", ""),
    ("header", "string", "Header", "A header line; folds are joined"),
    ("answer_in", "framenum:RESPONSE", "Answer in frame", ""),
    ("request_in", "framenum:REQUEST", "Request in frame", ""),
    ("time", "relative_time", "Response time", "From the end of the request's head to that of the answer"),
    ("session", "string", "Session", "XID.CID.SN.PROTO:path, the name under which gpfdist keeps a session"),
    ("stream", "uint32", "TCP stream", "Number of the connection, as tshark counts"),
    ("exchange", "uint32", "Exchange", "Request and answer, counted from 1 in each connection"),
    ("gp_segment", "int64", "Greenplum segment", "X-GP-SEGMENT-ID of the exchange, in each of its frames"),
    ("message", "none", "Message", "Letter, length and content"),
    ("message_position", "uint64", "Position", "Byte of the body at which the message begins"),
    ("package", "none", "Package", "The messages up to a D or E"),
    ("package_index", "uint32", "Package number", "Counted from 0 in each answer"),
    ("package_kind", "string", "Kind", "data, end or error"),
    ("package_position", "uint64", "Position", "Byte of the body at which the package begins"),
    ("package_length", "uint32", "Length", "Bytes of content as D or E says"),
    ("package_file", "string", "File", "Name of the last F"),
    ("package_offset", "uint64", "Offset", "Of the first byte in the file"),
    ("package_line", "uint64", "Line", "Number of the first row; 0 when the server did not count"),
    ("package_first", "framenum:NONE", "Begins in frame", ""),
    ("package_last", "framenum:NONE", "Ends in frame", ""),
    ("package_missing", "uint64", "Missing", "Bytes of content that the capture does not have"),
    ("package_assumed", "boolean", "Assumed", "Found again after lost framing"),
    ("package_zstd", "boolean", "Compressed", "The content is a zstd frame; the length is that of the rows in it"),
    ("package_complete", "boolean", "Complete", "Its last byte was met and none is missing; known when the whole capture was read"),
    ("content", "none", "Content", "A piece of a body or of a message's content"),
    ("rows", "bytes", "Rows", "Bytes of payload in this frame"),
    ("rows_position", "uint64", "Position", "Byte of the body, or of the package's content, at which this piece begins"),
    ("rows_length", "uint32", "Bytes", "Bytes of this piece"),
    ("rows_package", "uint32", "Of package", "Number of the package that this piece belongs to"),
    ("lost", "uint64", "Lost bytes", "Bytes in front of this place that the capture does not have"),
    ("snapped", "uint64", "Bytes cut off", "Bytes of this frame that the recorder did not keep"),
    ("code", "string", "Finding", "Code of a finding; see `gpinspect explain CODE`"),
)
"""Fields that no declaration has: key, type, name, description. The key with dots is the name in filters."""

DOTTED: Final = ("message", "package", "rows", "header")
"""Keys that begin so have a dot behind this word."""


def quoted(text: str) -> str:
    """A Lua string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def escaped(data: bytes) -> str:
    """A Lua string of any bytes."""
    return '"' + "".join(f"\\{byte:03d}" for byte in data) + '"'


def header_key(name: str) -> str:
    """Name of a header as part of a field: `X-GP-SEGMENT-ID` gives `segment_id`, `X-GPFDIST-VERSION` gives `version`."""
    return _PREFIX.sub("", name.lower()).replace("-", "_")


def filter_name(key: str) -> str:
    """Name of a field in display filters."""
    for word in DOTTED:
        if key.startswith(f"{word}_"):
            return f"gpfdist.{word}.{key.removeprefix(word + '_')}"
    return f"gpfdist.{key}"


def headers_by_name() -> dict[str, HeaderField]:
    """Each name once, in lower case; where both directions have it, as a request's."""
    table: dict[str, HeaderField] = {}
    for header in HEADERS:
        table.setdefault(header.name.lower(), header)
    return table


def constants() -> str:
    """Limits and byte strings of the grammar."""
    newlines = ", ".join(f"[{number}] = {quoted(text)}" for number, text in NEWLINES.items())
    exact = ", ".join(f"[{quoted(name)}] = true" for name in ("Content-Length", "Expect"))
    return "\n".join(
        (
            f"local VERSION = {quoted(__version__)}",
            f"local STATUS_PAGE = {quoted(STATUS_PAGE)}",
            f"local END_PACKAGE = {escaped(layouts.END_PACKAGE)}",
            f"local ZSTD_MAGIC = {escaped(zstd.MAGIC)}",
            f"local LARGEST_NAME, LARGEST_LENGTH, LARGEST_BLOCK = "
            f"{layouts.LARGEST_NAME}, {layouts.LARGEST_LENGTH}, {layouts.LARGEST_BLOCK}",
            f"local HEAD_LIMIT, LARGEST_HEAD = {HEAD_LIMIT}, {LARGEST_HEAD}",
            "local DICTIONARY_BYTES, CONTENT_BYTES = {0, 1, 2, 4}, {0, 2, 4, 8}",
            f"local NEWLINES = {{{newlines}}}",
            f"local REQUEST_EXACT = {{{exact}}}",
        )
    )


def header_rows() -> str:
    """One row a header name."""
    return "\n".join(
        f"    [{quoted(lower)}] = {{{quoted(header.name)}, {quoted(header_key(header.name))}, {quoted(header.type)}}},"
        for lower, header in headers_by_name().items()
    )


def letter_rows() -> str:
    """One row a letter of protocol 1; the content is named as in the declaration."""
    contents = {"F": "file name", "O": "offset", "L": "line", "D": "rows", "E": "error text"}
    letters = next(field.values for field in outline.walk(messages.MESSAGE) if field.path == "type")
    return "\n".join(
        f"    [0x{number:02x}] = {{letter = {quoted(letter)}, title = {quoted(contents[letter])}}}," for number, letter in letters
    )


def code_rows() -> str:
    """One row a finding."""
    rows = []
    for code, group in CODES.items():
        kind = findings.kind(code)
        rows.append(f"    {code} = {{{quoted(kind.name)}, {quoted(group)}, {quoted(SEVERITIES[kind.severity])}}},")
    return "\n".join(rows)


def _lua_pattern(text: str) -> str:
    parts = (_MAGIC.sub(lambda found: "%" + found[0], part.lower()) for part in _HOLE.split(text))
    return "^" + ".*".join(parts) + "$"


def status_rows() -> str:
    """One row a status line, in the order in which they are tried."""
    return "\n".join(
        f"    {{{status.code}, {quoted(_lua_pattern(status.text))}, {quoted(status.cause)}, {quoted(status.advice)}}},"
        for status in STATUSES
    )


def _field(key: str, kind: str, name: str, text: str) -> str:
    kind, _, link = kind.partition(":")
    about = quoted(text) if text else "nil"
    abbreviation = f"{quoted(filter_name(key))}, {quoted(name)}"
    if kind == "framenum":
        return f"F.{key} = ProtoField.framenum({abbreviation}, base.NONE, frametype.{link}, {about})"
    if kind == "none":
        return f"F.{key} = ProtoField.none({abbreviation}, {about})"
    if kind == "boolean":
        return f"F.{key} = ProtoField.bool({abbreviation}, 0, nil, 0, {about})"
    if kind == "relative_time":
        return f"F.{key} = ProtoField.relative_time({abbreviation}, {about})"
    if kind == "string":
        return f"F.{key} = ProtoField.string({abbreviation}, base.UNICODE, {about})"
    if kind == "bytes":
        return f"F.{key} = ProtoField.bytes({abbreviation}, base.NONE, {about})"
    return f"F.{key} = ProtoField.{kind}({abbreviation}, base.DEC, nil, 0, {about})"


def _of_messages() -> list[str]:
    """Fields of the declaration of messages, each once."""
    lines: dict[str, str] = {}
    for field in outline.walk(messages.MESSAGE):
        name = field.path.rpartition(".")[2]
        if field.kind in ("struct", "switch") or name in lines:
            continue
        if field.kind == "enum":
            kind = "string"
        elif field.kind == "bytes":
            kind = "bytes" if name in ("wrong_size", "unknown") else "string"
        else:
            assert field.size is not None
            kind = f"{_KINDS[field.kind]}{field.size * 8}"
        if name == "rows":
            continue  # payload is shown by pieces, a frame's each
        lines[name] = _field(f"message_{name}", kind, name.replace("_", " ").capitalize(), str(field.doc))
    return list(lines.values())


def field_rows() -> str:
    """Declarations of all fields: the dissector's own, those of messages, and one for each header."""
    rows = [_field(*row) for row in OWN]
    rows += _of_messages()
    types = {"decimal": "int64", "number": "int64"}
    for header in headers_by_name().values():
        rows.append(_field(header_key(header.name), types.get(header.type, "string"), header.name, header.meaning))
    return "\n".join(rows)


FILLINGS: Final[dict[str, Callable[[], str]]] = {
    "constants": constants,
    "headers": header_rows,
    "letters": letter_rows,
    "codes": code_rows,
    "statuses": status_rows,
    "fields": field_rows,
}
