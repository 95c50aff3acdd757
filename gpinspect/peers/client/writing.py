"""One segment's write: which POST comes next, and what its answer means. Sans-io; bodies are given by the caller.

    OPEN (SEQ 1, empty)  ->  DATA (SEQ 2, 3, …)  ->  DONE (SEQ of the last DATA, empty)

A segment without rows sends nothing. A POST that failed on the way, or was answered 408, goes again with the same SEQ.

Source: url_curl.c, gp_proto0_write, url_curl_fflush, url_curl_fclose (6.24.3; zstd: 7).
"""

from dataclasses import dataclass
from typing import Final

from gpinspect.peers.client import sayings
from gpinspect.peers.client.answer import Answer
from gpinspect.peers.client.backoff import RETRIED
from gpinspect.peers.client.place import Place
from gpinspect.peers.client.statement import EXPECT_ABOVE, Statement

OPEN_SEQ: Final = 1


@dataclass(frozen=True, slots=True)
class Post:
    """One request of a write, ready to be sent; the same value again for a retry."""

    kind: str  # open, data, done
    seq: int
    head: bytes
    body: bytes
    expect: bool  # the body waits for 100 Continue


@dataclass(frozen=True, slots=True)
class Taken:
    """The server took the POST."""

    discarded: bool = False  # an empty reply to rows: they went nowhere, and a real segment does not notice


@dataclass(frozen=True, slots=True)
class Again:
    """The same POST goes again after a wait."""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The segment's SQL error."""

    sentence: str


class SegmentWrite:
    """Makes the POSTs of a segment in order.

    Args:
        expect_above: Bytes of a body above which 100 Continue is asked for; None: as libcurl at the time of the release.
    """

    def __init__(
        self, statement: Statement, place: Place, gp_segment: int, address: str | None = None, *, expect_above: int | None = None
    ) -> None:
        self._statement = statement
        self._place = place
        self._gp_segment = gp_segment
        self.address = address
        self._expect_above = EXPECT_ABOVE[statement.release] if expect_above is None else expect_above
        self._seq = 0
        self._level: int | None = None  # of compression, once the server agreed

    @property
    def opened(self) -> bool:
        return self._seq > 0

    def open(self) -> Post:
        """The first POST."""
        self._seq = OPEN_SEQ
        return self._post("open", b"")

    def data(self, rows: bytes) -> Post:
        """Whole rows; compressed if the server agreed to that."""
        self._seq += 1
        if self._level is not None:
            import zstandard

            rows = zstandard.ZstdCompressor(level=min(self._level, 22)).compress(rows)
        return self._post("data", rows)

    def done(self) -> Post:
        """The last POST; it repeats the last SEQ."""
        return self._post("done", b"")

    def _post(self, kind: str, body: bytes) -> Post:
        expect = len(body) > self._expect_above
        head = self._statement.write_head(
            self._place, self._gp_segment, self.address, seq=self._seq, done=kind == "done", length=len(body), expect=expect
        )
        return Post(kind, self._seq, head, body, expect)

    def answered(self, post: Post, answer: Answer) -> Taken | Again | Refused:
        """What an answer means. Other statuses than 2xx and 408 are final."""
        if answer.status in RETRIED:
            return Again(answer.status_line)
        if not answer.fine:
            return Refused(sayings.refused(self._place, answer.status, answer.status_line))
        if self._statement.zstd is not None and answer.zstd is not None:
            self._level = answer.zstd
        return Taken(discarded=post.kind == "data" and not answer.has_proto)
