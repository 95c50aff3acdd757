"""The head of an answer, read as a Greenplum segment reads it: sans-io.

libcurl takes names in any case, but the segment looks for `X-GP-PROTO` with exactly these letters; without it the protocol is 0.
"""

from dataclasses import dataclass
from typing import Final

from gpinspect.grammar.headers import number
from gpinspect.grammar.http import ResponseHead, head_end, parse_response_head

LARGEST_HEAD: Final = 1 << 16
"""Bytes of a head after which a peer is no HTTP server for us."""

CONTINUE: Final = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer (not `100 Continue`)."""

    status: int
    status_line: str
    proto: int  # as the segment sees it: 0 without the header
    has_proto: bool
    length: int | None  # Content-Length
    zstd: int | None  # X-GP-ZSTD where it is not 0
    server: str  # X-GPFDIST-VERSION
    chunked: bool

    @property
    def fine(self) -> bool:
        return 200 <= self.status < 300

    @property
    def empty(self) -> bool:
        """The session is over: nothing for this segment, and a body is not taken."""
        return self.fine and not self.has_proto and self.length == 0


class HeadReader:
    """Collects bytes until the head of the final answer is there."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._searched = 0
        self.answer: Answer | None = None
        self.continued = False  # 100 Continue came
        self.problem = ""  # why this will never be an answer

    @property
    def begun(self) -> bool:
        return bool(self._held)

    def feed(self, data: bytes) -> bytes:
        """Take bytes; gives those that stand behind the head, once it is there."""
        self._held += data
        while self.answer is None and not self.problem:
            end = head_end(self._held, self._searched)
            if end < 0:
                self._searched = len(self._held)
                self._judge()
                return b""
            head = parse_response_head(bytes(self._held[:end]))
            del self._held[:end]
            self._searched = 0
            if head.status is None:
                self.problem = "the answer has no HTTP status line"
            elif head.status == CONTINUE:
                self.continued = True
            else:
                self.answer = _answer(head, head.status)
        rest = bytes(self._held)
        self._held.clear()
        return rest

    def _judge(self) -> None:
        if len(self._held) > LARGEST_HEAD:
            self.problem = f"the head of the answer has more than {LARGEST_HEAD} bytes"
        elif not b"HTTP/".startswith(bytes(self._held[:5])):
            self.problem = "the answer is not HTTP"


def _answer(head: ResponseHead, status: int) -> Answer:
    proto = number(head.get("X-GP-PROTO")) if head.spelling("X-GP-PROTO") == "X-GP-PROTO" else None
    length = number(head.get("Content-Length"))
    zstd = number(head.get("X-GP-ZSTD"))
    line = head.raw.partition(b"\n")[0].rstrip(b"\r").decode("latin-1")
    coding = (head.get("Transfer-Encoding") or "").strip().lower()
    return Answer(
        status=status,
        status_line=line,
        proto=proto or 0,
        has_proto=proto is not None,
        length=length if length is not None and length >= 0 else None,
        zstd=zstd or None,
        server=head.get("X-GPFDIST-VERSION") or "",
        chunked=coding == "chunked",
    )
