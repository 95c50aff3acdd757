"""The exact bytes of the heads that segments and gpfdist send, release by release.

Used by the reference server and client and by tests. Refuses values that would break the line they stand in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gpinspect.errors import EncodeError

RELEASES: Final = ("4.3", "5", "6", "7")
CLIENT_HEADER_LIMIT: Final = 1024
"""Name, value and five bytes more must fit: a segment fails with an SQL error beyond that (url_curl.c, set_httpheader)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRequest:
    """What one request of a Greenplum segment says. Empty texts and None are left out on the wire, as libcurl does."""

    method: str = "GET"
    target: str = "/"
    host: str = ""
    xid: str = ""
    cid: str = ""
    sn: str = ""
    gp_segment: int | None = 0
    segment_count: int | None = 1
    line_delimiter: bytes = b""
    proto: int | None = 1  # None: not sent
    zstd: int | None = None
    seq: int | None = None
    done: bool = False
    content_length: int = 0  # of the body of a POST
    expect: bool = False
    csvopt: str = ""
    master_host: str = ""
    master_port: str = ""
    seg_pg_conf: str = ""
    seg_datadir: str = ""
    seg_logdir: str = ""
    database: str = ""
    user: str = ""
    seg_port: str = ""
    gp_session_id: str = ""
    transform: str = ""


_Source = Callable[[SegmentRequest], object]


def _text(attribute: str) -> _Source:
    def value(request: SegmentRequest) -> object:
        return getattr(request, attribute)

    return value


_KEY: tuple[tuple[str, _Source], ...] = (
    ("Host", _text("host")),
    ("Accept", lambda request: "*/*"),
    ("X-GP-XID", _text("xid")),
    ("X-GP-CID", _text("cid")),
    ("X-GP-SN", _text("sn")),
    ("X-GP-SEGMENT-ID", _text("gp_segment")),
    ("X-GP-SEGMENT-COUNT", _text("segment_count")),
    ("X-GP-LINE-DELIM-STR", lambda request: request.line_delimiter.hex().upper()),
    ("X-GP-LINE-DELIM-LENGTH", lambda request: len(request.line_delimiter) or -1),
    ("X-GP-ZSTD", _text("zstd")),
)
_PROTO = ("X-GP-PROTO", _text("proto"))
_MASTER = (("X-GP-MASTER_HOST", _text("master_host")), ("X-GP-MASTER_PORT", _text("master_port")))
_COORDINATOR = (("X-GP-COORDINATOR_HOST", _text("master_host")), ("X-GP-COORDINATOR_PORT", _text("master_port")))
_SEGMENT = (
    ("X-GP-CSVOPT", _text("csvopt")),
    ("X-GP_SEG_PG_CONF", _text("seg_pg_conf")),
    ("X-GP_SEG_DATADIR", _text("seg_datadir")),
    ("X-GP_SEG_LOGDIR", _text("seg_logdir")),
    ("X-GP-DATABASE", _text("database")),
    ("X-GP-USER", _text("user")),
    ("X-GP-SEG-PORT", _text("seg_port")),
    ("X-GP-SESSION-ID", _text("gp_session_id")),
)
_TRANSFORM = ("X-GP-TRANSFORM", _text("transform"))
_READ: dict[str, tuple[tuple[str, _Source], ...]] = {
    "7": (*_KEY, *_MASTER, _PROTO, *_COORDINATOR, *_SEGMENT, _TRANSFORM),
    **dict.fromkeys(RELEASES[:3], (*_KEY, _PROTO, *_MASTER, *_SEGMENT, _TRANSFORM)),
}
_WRITE: tuple[tuple[str, _Source], ...] = (
    *_KEY,
    _PROTO,
    ("X-GP-SEQ", _text("seq")),
    ("Content-Type", lambda request: "text/xml"),
    _TRANSFORM,
    ("X-GP-DONE", lambda request: "1" if request.done else None),
    ("Content-Length", _text("content_length")),
    ("Expect", lambda request: "100-continue" if request.expect else None),
)


def build_request(request: SegmentRequest, release: str = "6") -> bytes:
    """The head of a segment's request, headers in the order of that release ("4.3", "5", "6", "7").

    Raises:
        EncodeError: Unknown release, a value with a line end or NUL in it, characters beyond Latin-1, or a header that a segment
            could not send.

    Source: url_curl.c, url_curl_fopen; order seen on the wire with 6.24.3 and 7.
    """
    if release not in RELEASES:
        raise EncodeError(f"release {release!r}; known are {', '.join(RELEASES)}")
    table = _READ[release] if request.method == "GET" else _WRITE
    lines = []
    for name, source in table:
        value = source(request)
        if value is None or value == "":
            continue
        if len(name) + len(str(value)) + 5 > CLIENT_HEADER_LIMIT:
            raise EncodeError(f"{name} has {len(str(value))} characters; name, value and 5 must fit in {CLIENT_HEADER_LIMIT}")
        lines.append((name, str(value)))
    return build_head(f"{request.method} {request.target} HTTP/1.1", lines)


def build_response(
    kind: str,
    *,
    server_version: str = "6.24.3 build commit:0000000000000000000000000000000000000000",
    proto: int | None = None,
    zstd: int | None = None,
    status: int = 200,
    reason: str = "ok",
) -> bytes:
    """The head of a gpfdist answer; the same in all releases.

    Args:
        kind: "ok" (answer to GET or POST, needs `proto`), "empty" (session over), "error" (needs `status` and `reason`),
            "continue", or "status" (head of the status page).
        server_version: Text of X-GPFDIST-VERSION.
        zstd: X-GP-ZSTD, only in "ok" and only when compression is on.

    Raises:
        EncodeError: Unknown kind, "ok" without protocol, or a value with a line end or NUL in it.

    Source: gpfdist.c, http_ok, http_empty, http_error, http_continue (6.24.3); seen on the wire.
    """
    about = [("Expires", "0"), ("X-GPFDIST-VERSION", server_version)]
    tail = [("Cache-Control", "no-cache"), ("Connection", "close")]
    plain, nothing = ("Content-type", "text/plain"), ("Content-length", "0")
    if kind == "ok":
        if proto is None:
            raise EncodeError("an ok answer without protocol; give proto=0 or proto=1")
        level = [] if zstd is None else [("X-GP-ZSTD", str(zstd))]
        return build_head("HTTP/1.0 200 ok", [plain, *about, ("X-GP-PROTO", str(proto)), *tail, *level])
    if kind == "empty":
        return build_head("HTTP/1.0 200 ok", [plain, nothing, *about, *tail])
    if kind == "error":
        return build_head(f"HTTP/1.0 {status} {reason}", [nothing, *about, *tail])
    if kind == "continue":
        return build_head("HTTP/1.1 100 Continue", [])
    if kind == "status":
        return build_head("HTTP/1.0 200 ok", [plain, *about, *tail])
    raise EncodeError(f"answer {kind!r}; known are ok, empty, error, continue and status")


def build_head(first_line: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """Any head: first line, headers as given, empty line, all with CR LF.

    Raises:
        EncodeError: A part has a line end or NUL in it, or a character beyond Latin-1.
    """
    parts = [first_line, *(f"{name}: {value}" for name, value in headers)]
    for part in parts:
        if any(character in part for character in "\r\n\0"):
            raise EncodeError(f"{part[:60]!r}: a line end or NUL would break the head")
    try:
        return ("\r\n".join(parts) + "\r\n\r\n").encode("latin-1")
    except UnicodeEncodeError as error:
        raise EncodeError(f"{error.object[error.start : error.start + 1]!r} is no Latin-1 character") from error
