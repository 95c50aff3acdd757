"""Structure under a mask: heads of HTTP, messages of protocol 1, what PostgreSQL says in the clear. Same length, same meaning.

What is not known to be harmless is masked: a header that nobody listed loses its value, and its name too.
"""

import re
from collections.abc import Callable
from typing import Final

from gpinspect.grammar.headers import EXACT
from gpinspect.grammar.layouts import END_PACKAGE, LARGEST_LENGTH, LARGEST_NAME, MESSAGE_HEAD, D, E, F, L, O
from gpinspect.views.redaction import Mask

FILLER: Final = b"X"
"""Stands for every byte that is neither structure nor a name."""

Policy = Callable[[Mask, bytes], bytes]

_METHODS: Final = frozenset((b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT"))
_VERSION: Final = re.compile(rb"HTTP/\d(?:\.\d)?")
_LINES: Final = re.compile(rb"[^\n]*\n?")
_WORDS: Final = re.compile(rb"[0-9A-Za-z\x80-\xff]+")

_BUILDS: Final = frozenset(
    (
        *(b"build", b"commit", b"gpfdist", b"greenplum", b"cloudberry", b"apache", b"database", b"db"),
        *(b"warehousepg", b"greengage"),
        *(b"version", b"dev", b"alpha", b"beta", b"rc", b"release", b"unknown", b"spring", b"xd", b"dataflow", b"open", b"source"),
        *(b"curl", b"libcurl", b"wget", b"python", b"java", b"go", b"http", b"client", b"jetty", b"okhttp", b"mozilla"),
    )
)
_NUMBERED: Final = re.compile(rb"[0-9]{1,4}[a-z]?|[0-9a-f]{7,40}")


def _kept(pattern: bytes) -> Policy:
    """A value stays if it is of the form that it should have."""
    compiled = re.compile(pattern)
    return lambda mask, value: value if compiled.fullmatch(value) else mask.encoded("name", value)


def _masked(kind: str) -> Policy:
    return lambda mask, value: mask.encoded(kind, value)


def _product(mask: Mask, value: bytes) -> bytes:
    """Name and number of a program."""

    def word(found: re.Match[bytes]) -> bytes:
        text = found[0]
        return text if text.lower() in _BUILDS or _NUMBERED.fullmatch(text) else mask.encoded("name", text)

    return _WORDS.sub(word, value)


def _filled(mask: Mask, value: bytes) -> bytes:
    return _WORDS.sub(lambda found: FILLER * len(found[0]), value)


_NUMBER: Final = _kept(rb"[-+]?[0-9]{1,20}")
_HEX: Final = _kept(rb"[0-9A-Fa-fx-]{0,64}")
_MEDIA: Final = _kept(rb"(?i)(?:text|application)/(?:plain|xml|html|json|octet-stream)(?:; ?charset=(?:utf-8|us-ascii))?|\*/\*")
_SWITCH: Final = _kept(rb"(?i)[0-9]{0,10}|chunked|identity|gzip|close|keep-alive|no-cache|100-continue|bytes|none|-1")

POLICIES: Final[dict[bytes, Policy]] = {
    **dict.fromkeys((b"x-gp-segment-id", b"x-gp-segment-count", b"x-gp-seq", b"content-length", b"x-gp-session-id"), _NUMBER),
    **dict.fromkeys((b"x-gp-master_port", b"x-gp-coordinator_port", b"x-gp-seg-port", b"x-gp-line-delim-length"), _NUMBER),
    **dict.fromkeys((b"x-gp-xid", b"x-gp-cid", b"x-gp-sn", b"x-gp-proto", b"x-gp-line-delim-str"), _HEX),
    **dict.fromkeys((b"x-gp-master_host", b"x-gp-coordinator_host", b"host"), _masked("authority")),
    **dict.fromkeys((b"x-gp_seg_pg_conf", b"x-gp_seg_datadir", b"x-gp_seg_logdir"), _masked("path")),
    **dict.fromkeys((b"x-gp-user", b"x-gp-database", b"x-gp-transform"), _masked("name")),
    **dict.fromkeys((b"x-gp-done", b"x-gp-zstd", b"expect", b"transfer-encoding", b"connection", b"cache-control"), _SWITCH),
    **dict.fromkeys((b"expires", b"pragma", b"accept-encoding", b"accept-ranges", b"keep-alive"), _SWITCH),
    **dict.fromkeys((b"content-type", b"accept"), _MEDIA),
    **dict.fromkeys((b"x-gpfdist-version", b"user-agent", b"server"), _product),
    b"x-gp-csvopt": _kept(rb"[mxqnh0-9 ]{0,40}"),
    b"date": _kept(rb"(?:[A-Z][a-z]{2}, )?[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} [A-Z]{3}"),
}
"""By name in small letters. Every header that means something between a segment and gpfdist is here; a test holds that."""

_KNOWN: Final = frozenset(POLICIES) | frozenset(name.encode() for name in EXACT)


def request_head(mask: Mask, raw: bytes) -> bytes:
    """A request head, or the beginning of one."""
    return _head(mask, raw, _request_line)


def response_head(mask: Mask, raw: bytes) -> bytes:
    """A response head, or the beginning of one. An end package in front of it stays."""
    front = len(END_PACKAGE) if raw.startswith(END_PACKAGE) else 0
    return raw[:front] + _head(mask, raw[front:], _status_line)


def _head(mask: Mask, raw: bytes, first: Policy) -> bytes:
    out = []
    policy: Policy = _filled
    for number, found in enumerate(_LINES.finditer(raw)):
        line = found[0]
        body = line.rstrip(b"\r\n")
        end = line[len(body) :]
        if number == 0:
            body = first(mask, body)
        elif body[:1] in (b" ", b"\t"):
            body = _value(mask, body, policy)
        elif body:
            name, colon, value = body.partition(b":")
            small = name.strip(b" \t\r").lower()
            policy = POLICIES.get(small, _filled) if colon else _filled
            body = (name if colon and small in _KNOWN else _name(name)) + colon + _value(mask, value, policy)
        out.append(body + end)
    return b"".join(out)


def _name(name: bytes) -> bytes:
    """The name of a header that nobody listed; whether it is one of Greenplum's can still be seen."""
    front = 4 if name.lower().startswith(b"x-gp") else 0
    return name[:front] + _WORDS.sub(lambda found: FILLER * len(found[0]), name[front:])


def _value(mask: Mask, value: bytes, policy: Policy) -> bytes:
    inner = value.strip(b" \t\r")
    if not inner:
        return value
    at = value.index(inner)
    return value[:at] + policy(mask, inner) + value[at + len(inner) :]


def _request_line(mask: Mask, line: bytes) -> bytes:
    method, blank, rest = line.partition(b" ")
    target, gap, version = rest.rpartition(b" ")
    if not gap or not _VERSION.fullmatch(version):
        target, gap, version = rest, b"", b""
    if method not in _METHODS:
        method = mask.encoded("name", method)
    return method + blank + mask.encoded("path", target) + gap + version


def _status_line(mask: Mask, line: bytes) -> bytes:
    version, blank, rest = line.partition(b" ")
    if not _VERSION.fullmatch(version):
        return mask.encoded("sentence", line)
    code, gap, reason = rest.partition(b" ")
    if not re.fullmatch(rb"[0-9]{1,3}", code):
        code = mask.encoded("sentence", code)
    return version + blank + code + gap + mask.encoded("sentence", reason)


def error_text(mask: Mask, text: bytes) -> bytes:
    """The text of an E message."""
    return mask.encoded("sentence", text)


def messages(mask: Mask, raw: bytes) -> bytes:
    """Messages of protocol 1 as they stand between the contents of D and E: letters, lengths, names, numbers.

    Fewer bytes come back than went in where framing is lost: of the rest nothing is known.
    """
    out: list[bytes] = []
    at = 0
    while len(raw) - at >= MESSAGE_HEAD.size:
        letter, length = MESSAGE_HEAD.unpack_from(raw, at)
        head, content = raw[at : at + MESSAGE_HEAD.size], at + MESSAGE_HEAD.size
        if letter not in (F, O, L, D, E):
            return b"".join(out) + FILLER  # framing is lost: what stands behind may be the head of another message
        if length > LARGEST_LENGTH:
            out.append(head[:1] + b"\xff" * 4)
            at = content
        elif letter == F and length <= LARGEST_NAME:
            out += [head, mask.encoded("path", raw[content : content + length])]
            at = content + length
        elif letter in (O, L) and length == 8:
            out += [head, raw[content : content + 8]]
            at = content + 8
        else:
            out.append(head)
            at = content
    out.append(raw[at:] if raw[at : at + 1] in (b"F", b"O", b"L", b"D", b"E") else FILLER * len(raw[at:]))
    return b"".join(out)[: len(raw)]


# PostgreSQL -----------------------------------------------------------------------------------------------------------------

_PARAMETERS: Final = frozenset(
    (
        *(b"user", b"database", b"application_name", b"client_encoding", b"options", b"replication", b"DateStyle", b"TimeZone"),
        *(b"extra_float_digits", b"search_path", b"fallback_application_name", b"gp_session_role"),
    )
)
_SAID: Final = (b"S", b"V", b"C", b"L")
"""Fields of an ErrorResponse that stay: severity, SQLSTATE, line."""


def startup(mask: Mask, raw: bytes) -> bytes:
    """A StartupMessage: length and version stay, names of parameters that are usual stay."""
    parts = raw[8:].split(b"\0")
    masked = [part if not at % 2 and part in _PARAMETERS else mask.encoded("name", part) for at, part in enumerate(parts)]
    return raw[:8] + b"\0".join(masked)


def error_response(mask: Mask, raw: bytes) -> bytes:
    """An ErrorResponse: letter and length, then fields of one letter and a text."""
    parts = raw[5:].split(b"\0")
    return raw[:5] + b"\0".join(part if part[:1] in _SAID else part[:1] + mask.encoded("sentence", part[1:]) for part in parts)
