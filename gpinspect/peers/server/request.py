"""Requests as gpfdist reads them: a head of at most 4096 bytes, then what its headers say. Sans-io.

Refuses to look at files: whether a path exists is for the session that opens it.
"""

from dataclasses import dataclass
from typing import Final

from gpinspect.grammar import csvopt, refusals
from gpinspect.grammar.header_values import line_delimiter, number, proto_number
from gpinspect.grammar.http import HEAD_LIMIT, RequestHead, head_end, parse_request_head
from gpinspect.grammar.paths import ServerPath, server_path
from gpinspect.grammar.refusals import Refusal, refusal
from gpinspect.peers.server.settings import ServerSettings

TIME_OUT: Final = Refusal(408, "time out", "an empty line must end the head")
FORBIDDEN: Final = Refusal(400, "forbidden", f"request line and headers must fit in {HEAD_LIMIT} bytes")
CSVOPT_REASON: Final = "bad request, csvopt doesn't match the format"
_LARGEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Request:
    """One request that is answered from a session, or with the status page."""

    method: str  # GET or POST
    path: ServerPath
    proto: int  # effective: 0 or 1
    tid: str | None  # XID.CID.SN; None: a session of its own
    segment: int = 0
    segment_count: int = 0
    delimiter: bytes = b""  # of text rows; empty: LF
    options: str | None = None  # X-GP-CSVOPT as sent
    options_taken: bool = True  # it fits the form that this release wants
    seq: int | None = None
    done: bool = False
    zstd: int | None = None  # the offer, to be echoed; None: none that counts
    transform: str | None = None
    content_length: int = 0
    expects: bool = False

    @property
    def get(self) -> bool:
        return self.method == "GET"

    @property
    def csv(self) -> csvopt.CsvOptions | None:
        """How rows are written, where the request says so."""
        return csvopt.parse(self.options) if self.options else None


class HeadReader:
    """Takes bytes until the head is whole or cannot become so."""

    __slots__ = ("_buffer", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def __bool__(self) -> bool:
        """Whether any byte has come."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> tuple[RequestHead, bytes] | Refusal | None:
        """Take bytes.

        Returns:
            The head and what came behind it, a refusal, or None: more bytes please. A NUL hides what stands behind it, so that a
            head with one never ends.

        Source: gpfdist.c, do_read_request (6.24.3).
        """
        self._buffer += data
        end = head_end(self._buffer, self._searched)
        self._searched = len(self._buffer)
        if 0 < end <= HEAD_LIMIT and self._buffer.find(b"\0", 0, end) < 0:
            return parse_request_head(bytes(self._buffer[:end])), bytes(self._buffer[end:])
        return FORBIDDEN if len(self._buffer) >= HEAD_LIMIT else None


def read_request(head: RequestHead, settings: ServerSettings) -> Request | Refusal:
    """What a head asks for, or why it is refused.

    Raises:
        Nothing.

    Source: gpfdist.c, request_validate, request_parse_gp_headers (6.24.3).
    """
    broken = refusal(head, settings.rules)
    wrong = next((rule for rule in broken if rule.reason != CSVOPT_REASON and not (settings.files and _about_path(rule))), None)
    if wrong is not None:
        return wrong
    method, target, _ = head.tokens
    path = server_path(target, settings.rules)
    if path.status_page:
        return Request("GET", path, 0, None)
    headers = refusals.seen_by_server(head, settings.rules)
    names = [headers.get(name) for name in ("X-GP-XID", "X-GP-CID", "X-GP-SN")]
    tid = ".".join(name for name in names if name is not None) if names[0] is not None else None
    asked = proto_number(headers.get("X-GP-PROTO")) or 0
    offer = number(headers.get("X-GP-ZSTD"))
    length = headers.get("Content-Length")
    return Request(
        method=method,
        path=path,
        proto=asked if settings.forced_proto is None else settings.forced_proto,
        tid=tid,
        segment=number(headers.get("X-GP-SEGMENT-ID")) or 0,
        segment_count=number(headers.get("X-GP-SEGMENT-COUNT")) or 0,
        delimiter=line_delimiter(headers.get("X-GP-LINE-DELIM-STR"), headers.get("X-GP-LINE-DELIM-LENGTH")) or b"",
        options=headers.get("X-GP-CSVOPT") or None,
        options_taken=len(broken) == 0 or all(rule.reason != CSVOPT_REASON for rule in broken),
        seq=number(headers.get("X-GP-SEQ")),
        done="X-GP-DONE" in headers,
        zstd=offer if offer and settings.compress else None,
        transform=headers.get("X-GP-TRANSFORM") or path.transform,
        content_length=_content_length(length) if method == "POST" else 0,
        expects=headers.get("Expect") == "100-continue",
    )


def _content_length(text: str | None) -> int:
    """As C's atol: the digits in front, and the largest number where they are too many. Negative counts as none."""
    found = number(text)
    if found is not None:
        return max(found, 0)
    digits = (text or "").strip().removeprefix("+")
    return _LARGEST if digits[:19].isascii() and digits[:19].isdigit() and len(digits) >= 19 else 0


def _about_path(rule: Refusal) -> bool:
    """Whether a rule is about a path that `-f` replaces."""
    return rule.reason == "invalid request (unable to set path)"
