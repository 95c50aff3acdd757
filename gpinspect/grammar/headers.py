"""Every header that means something between a Greenplum segment and gpfdist, and how its value is read."""

from dataclasses import dataclass
from typing import Final

from gpinspect.grammar.header_values import line_delimiter as line_delimiter
from gpinspect.grammar.header_values import line_delimiter_problem as line_delimiter_problem
from gpinspect.grammar.header_values import number as number
from gpinspect.grammar.header_values import proto_number as proto_number

ALL = "4.3, 5, 6, 7, Cloudberry"
_CLIENT = "url_curl.c, url_curl_fopen; seen with 6.24.3"
_KEYS = "gpfdist.c, request_parse_gp_headers (6.24.3)"
_ANSWER = "gpfdist.c, http_ok, http_empty, http_error (6.24.3); seen on the wire"


@dataclass(frozen=True, slots=True)
class HeaderField:
    """One header. `direction` is "read" (GET), "write" (POST), "both" (GET and POST) or "answer"."""

    name: str  # exact spelling
    direction: str
    type: str  # "text", "decimal", "hex", "hex bytes", "number" (C base 0), "flag", "csvopt", "constant"
    releases: str
    required: str  # what happens without it
    wrong: str  # what each side does when the value is wrong
    meaning: str
    example: str
    source: str = _CLIENT


_IGNORED = "gpfdist never looks at it"
_ALL_OR_NONE = (
    "XID, CID and SN go together: one or two of them is answered with `400 invalid request (missing X-GP-* header)`; "
    "none gives the request a session of its own"
)
_OPAQUE = "gpfdist compares it as text; a wrong one makes the request join another session or none"

HEADERS: Final = (
    HeaderField(
        "X-GP-XID",
        "both",
        "text",
        ALL,
        _ALL_OR_NONE,
        _OPAQUE,
        "Transaction. `<session>-<command count>` for a plain SELECT or INSERT, `<start time>-<distributed transaction>` "
        "inside an explicit transaction, the second number padded to ten digits.",
        "23-0000000002",
        _KEYS,
    ),
    HeaderField(
        "X-GP-CID",
        "both",
        "hex",
        ALL,
        _ALL_OR_NONE,
        _OPAQUE,
        "Command within the transaction or session, lower-case hexadecimal without prefix.",
        "2",
        _KEYS,
    ),
    HeaderField(
        "X-GP-SN",
        "both",
        "hex",
        ALL,
        _ALL_OR_NONE,
        _OPAQUE,
        "Scan counter, hexadecimal, from 0. Counts external scans of a database session; tells the two sides of a self join apart.",
        "0",
        _KEYS,
    ),
    HeaderField(
        "X-GP-SEGMENT-ID",
        "both",
        "decimal",
        ALL,
        "taken as 0",
        "gpfdist uses it as an array index without checking: a negative one, or one that is not below the count, damages its "
        "memory",
        "Content id of the Greenplum segment, from 0; -1 is the coordinator.",
        "3",
        _KEYS,
    ),
    HeaderField(
        "X-GP-SEGMENT-COUNT",
        "both",
        "decimal",
        ALL,
        "taken as 0",
        "the first request of a session sizes gpfdist's arrays with it",
        "Primaries of the cluster. Not the number of segments that will connect: gp_external_max_segs may leave some out.",
        "4",
        _KEYS,
    ),
    HeaderField(
        "X-GP-LINE-DELIM-STR",
        "both",
        "hex bytes",
        ALL,
        "optional; not on the wire when it is empty",
        "gpfdist: odd number of digits or no hex is `400 invalid EOL encoding`",
        "Row end of text rows as hex digits, from NEWLINE or a custom formatter.",
        "0D0A",
        _KEYS,
    ),
    HeaderField(
        "X-GP-LINE-DELIM-LENGTH",
        "both",
        "decimal",
        ALL,
        "optional, taken as -1",
        "gpfdist: above 0 and not the number of bytes in X-GP-LINE-DELIM-STR is `400 invalid EOL length`",
        "Bytes of the row end; -1 leaves it to the server.",
        "-1",
        _KEYS,
    ),
    HeaderField(
        "X-GP-PROTO",
        "both",
        "number",
        ALL,
        "5 and later: `400 invalid request (no gp-proto)`; 4.3 takes 0",
        "gpfdist: neither 0 nor 1 is `400 invalid request (invalid gp-proto)`; `0x1` is 1 and text without digits is 0",
        "Protocol of the body: 1 for reads (messages F O L D E), 0 for writes and raw rows.",
        "1",
        _KEYS,
    ),
    HeaderField(
        "X-GP-SEQ",
        "write",
        "decimal",
        "later builds of 4.3, 5, 6, 7, Cloudberry",
        "optional until one was sent; then `400 invalid request due to missing sequence number`",
        "gpfdist: 0, negative or text is `400 invalid sequence number`; a gap or a step back is `400 invalid request due to "
        "wrong sequence number`; the last one again is taken for a retry, answered with 200 and its body dropped",
        "Place of this request among the writes of its segment: 1 opens, then one more for each accepted body; DONE repeats "
        "the last.",
        "2",
        "gpfdist.c, handle_post_request (6.24.3)",
    ),
    HeaderField(
        "X-GP-DONE",
        "write",
        "flag",
        ALL,
        "optional; without it the session stays until it is cleaned up",
        "the value is not looked at, presence counts",
        "Last request of a writing segment.",
        "1",
        _KEYS,
    ),
    HeaderField(
        "Content-Length",
        "write",
        "decimal",
        ALL,
        "the body of a POST without it is ignored and answered with 200: rows are lost",
        "compared with exact case by every release: `content-length` counts as missing",
        "Bytes of the body of this POST, compressed ones with zstd.",
        "65512",
        _KEYS,
    ),
    HeaderField("Content-Type", "write", "constant", ALL, "optional", _IGNORED, "Always `text/xml`; means nothing.", "text/xml"),
    HeaderField(
        "Expect",
        "write",
        "constant",
        ALL,
        "optional; libcurl adds it for large bodies",
        "compared with exact case by every release; else no `HTTP/1.1 100 Continue` comes and the client waits before it sends",
        "Asks for `HTTP/1.1 100 Continue` before the body.",
        "100-continue",
        _KEYS,
    ),
    HeaderField(
        "X-GP-MASTER_HOST", "read", "text", ALL, "optional", _IGNORED, "Host of the coordinator. Mind the underscore.", "127.0.0.1"
    ),
    HeaderField(
        "X-GP-MASTER_PORT", "read", "decimal", ALL, "optional", _IGNORED, "Port of the coordinator. Mind the underscore.", "5432"
    ),
    HeaderField(
        "X-GP-COORDINATOR_HOST",
        "read",
        "text",
        "7",
        "optional",
        _IGNORED,
        "The same as X-GP-MASTER_HOST under its newer name.",
        "127.0.0.1",
        "url_curl.c, url_curl_fopen (7)",
    ),
    HeaderField(
        "X-GP-COORDINATOR_PORT",
        "read",
        "decimal",
        "7",
        "optional",
        _IGNORED,
        "The same as X-GP-MASTER_PORT under its newer name.",
        "5432",
        "url_curl.c, url_curl_fopen (7)",
    ),
    HeaderField(
        "X-GP-CSVOPT",
        "read",
        "csvopt",
        ALL,
        "optional",
        "gpfdist, only in the request that opens the session: `400 bad request, csvopt doesn't match the format`; a 4.3 "
        "server does not see `h` behind `n`, so header rows are loaded as data",
        "How rows are written: m CSV, x escape byte, q quote byte, n row end (0 not declared, 1 LF, 2 CR, 3 CR LF), h header row.",
        "m1x 34q 34n0h1",
        "gpfdist.c, session_attach (6.24.3)",
    ),
    HeaderField(
        "X-GP_SEG_PG_CONF",
        "read",
        "text",
        ALL,
        "optional",
        _IGNORED,
        "Configuration file of the segment. Underscores behind GP and SEG. Shows the host's layout to anyone who listens.",
        "/data/primary/gpseg0/postgresql.conf",
    ),
    HeaderField(
        "X-GP_SEG_DATADIR",
        "read",
        "text",
        ALL,
        "optional",
        _IGNORED,
        "Data directory of the segment. Underscores behind GP and SEG.",
        "/data/primary/gpseg0",
    ),
    HeaderField(
        "X-GP_SEG_LOGDIR",
        "read",
        "text",
        "7 (one recorded head)",
        "optional",
        _IGNORED,
        "Log directory of the segment.",
        "log",
        "a recorded head of a 7-era segment",
    ),
    HeaderField("X-GP-DATABASE", "read", "text", ALL, "optional", _IGNORED, "Database of the query.", "etl"),
    HeaderField("X-GP-USER", "read", "text", ALL, "optional", _IGNORED, "Role of the query.", "gpadmin"),
    HeaderField("X-GP-SEG-PORT", "read", "decimal", ALL, "optional", _IGNORED, "Port of the segment's postmaster.", "6000"),
    HeaderField(
        "X-GP-SESSION-ID",
        "read",
        "decimal",
        ALL,
        "optional",
        _IGNORED,
        "gp_session_id of the database session; not part of gpfdist's session key.",
        "23",
    ),
    HeaderField(
        "X-GP-TRANSFORM",
        "both",
        "text",
        "builds with transforms",
        "optional",
        "gpfdist: a name that its `-c` file does not have is `400 invalid request (unsupported input #transform)` or `(… "
        "output …)`",
        "Transform to run; goes before `#transform=` in the path.",
        "up",
        "gpfdist.c, request_set_transform (6.24.3)",
    ),
    HeaderField(
        "X-GP-ZSTD",
        "both",
        "decimal",
        "6.27 and later, 7, Cloudberry",
        "optional; without it the payload stays plain",
        "gpfdist: 0 or text counts as no offer; any other number is echoed",
        "The segment can take zstd; used only when gpfdist runs with `--compress`.",
        "1",
        "url_curl.c, url_curl_fopen (7)",
    ),
    HeaderField(
        "X-GPFDIST-VERSION",
        "answer",
        "text",
        ALL,
        "always there",
        "a segment ignores it; gppinggpfdist looks for nothing else",
        "Build of the server, opaque text.",
        "6.24.3 build commit:25d3498a400ca5230e81abb94861f23389315213",
        _ANSWER,
    ),
    HeaderField(
        "X-GP-PROTO",
        "answer",
        "number",
        ALL,
        "absent in errors, in the empty answer of a session that is over, and on the status page; a segment then takes protocol 0",
        "a segment compares exact case: misspelt or missing in front of messages, it loads letters and lengths as rows",
        "Protocol that the body really has; it decides, whatever was asked for.",
        "1",
        _ANSWER,
    ),
    HeaderField(
        "X-GP-ZSTD",
        "answer",
        "decimal",
        "6.27 and later, 7, Cloudberry",
        "absent means plain",
        "present and not 0: payload is zstd frames, and D lengths count decompressed bytes",
        "Echo of the offer, when the server runs with `--compress`; last header of a 200 answer that has X-GP-PROTO.",
        "1",
        "gpfdist.c, http_ok (7, Cloudberry); seen on the wire",
    ),
    HeaderField(
        "Content-type", "answer", "constant", ALL, "absent in errors", "ignored", "Always `text/plain`.", "text/plain", _ANSWER
    ),
    HeaderField(
        "Content-length",
        "answer",
        "decimal",
        ALL,
        "absent where a body or the answer to a POST follows: the close ends it",
        "a segment believes it: what stands behind is ignored",
        "Always 0, in errors and in the empty answer of a session that is over. For protocol 1 five bytes `44 00 00 00 00` "
        "follow the empty answer all the same.",
        "0",
        _ANSWER,
    ),
    HeaderField("Expires", "answer", "constant", ALL, "always there", "ignored", "Always 0.", "0", _ANSWER),
    HeaderField("Cache-Control", "answer", "constant", ALL, "always there", "ignored", "Always `no-cache`.", "no-cache", _ANSWER),
    HeaderField(
        "Connection",
        "answer",
        "constant",
        ALL,
        "always there",
        "ignored; one request a connection",
        "Always `close`.",
        "close",
        _ANSWER,
    ),
)

_REQUEST: Final = {field.name.lower(): field for field in HEADERS if field.direction != "answer"}
_RESPONSE: Final = {field.name.lower(): field for field in HEADERS if field.direction == "answer"}

EXACT: Final = {
    **{lower: field.name for lower, field in _RESPONSE.items()},
    **{lower: field.name for lower, field in _REQUEST.items()},
}
"""Exact spelling of a name, by its lower-case form; of a request where both directions have the name."""


def lookup(name: str) -> tuple[HeaderField, ...]:
    """What is known of a header, whatever the case of its name: as a request's, then as an answer's. Empty when unknown."""
    lower = name.strip().lower()
    return tuple(table[lower] for table in (_REQUEST, _RESPONSE) if lower in table)
