"""Requests as libcurl in a Greenplum segment sends them: the head, and the body of a write.

One request a connection is the rule; a server that keeps the connection open may answer more.
"""

from typing import TYPE_CHECKING

from gpinspect.engine.channel import ENDLESS, Buffer, Channel
from gpinspect.engine.content import Keep
from gpinspect.engine.exchange import LARGEST_HEAD, ExchangeState, RequestFacts
from gpinspect.engine.inflate import MAGIC, Inflater
from gpinspect.grammar.headers import line_delimiter, number, proto_number
from gpinspect.grammar.http import HEAD_LIMIT, RequestHead, head_end, parse_request_head

if TYPE_CHECKING:
    from gpinspect.engine.connection import Connection

NUMBERS = ("X-GP-SEGMENT-ID", "X-GP-SEGMENT-COUNT", "X-GP-SEQ", "Content-Length")
"""Headers of a request that must hold a decimal number."""
LONGEST_SHOWN = 300


def _unread_body(head: RequestHead, whole: bool) -> str | None:
    """Why gpfdist does not read the body of a POST with this head (gpfdist.c, gnet_parse_request, handle_post_request)."""
    coding = (head.get("Transfer-Encoding") or "").strip().lower()
    if coding and coding != "identity":
        return "it is chunked"
    length = number(head.get("Content-Length"))
    if length and head.spelling("Content-Length") != "Content-Length":
        return f"its length stands in `{head.spelling('Content-Length')}`, which is not the spelling that gpfdist looks for"
    if length and whole and b"\r\n\r\n" not in head.raw:
        return "its head does not end with CR LF CR LF, so bytes that come with it are not found"
    return None


class RequestReader:
    """Reads the client's side of a connection that speaks HTTP (a `Reader`)."""

    def __init__(self, channel: Channel, connection: "Connection") -> None:
        self.channel = channel
        self.connection = connection
        self.state: ExchangeState | None = None
        self.head = bytearray()
        self.searched = 0
        self.inflater: Inflater | None = None
        self.keep: Keep | None = None
        self.body = False
        self.tail = bytearray()  # the last bytes of the body
        self.tail_length = 0  # bytes of it that are still to come

    def feed(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> int:
        state = self.state
        if state is not None and self.tail_length:
            return self._tail(state, buffer, start, min(end, start + self.tail_length))
        if state is not None and state.request.whole:
            if not state.finished:  # gpfdist answers one request a connection; what comes now is not read
                self._beyond(state)
                self.channel.pass_over(ENDLESS)
                return end
            state = None
        if state is None:
            state = self.state = self.connection.exchange_for_request(ns, frame)
            self.head.clear()
            self.searched = 0
        had = len(self.head)
        self.head += buffer[start:end]
        reached = head_end(self.head, self.searched)
        if reached < 0:
            self.searched = len(self.head)
            if len(self.head) > LARGEST_HEAD:
                self.connection.weird("GPI110", self.channel, frame, ns, bytes=len(self.head))
                self.resolve()
                self.channel.pass_over(ENDLESS)
            return end
        del self.head[reached:]
        if reached > HEAD_LIMIT:
            self.connection.weird("GPI110", self.channel, frame, ns, bytes=reached)
        self._request(state, parse_request_head(bytes(self.head)), whole=True)
        self.head.clear()
        taken = start + reached - had
        self._announce(state, self.channel.end + reached - had)
        return taken

    def resolve(self) -> None:
        """The head will not become whole (or the answer came first): keep what its complete lines say."""
        state = self.state
        if state is not None and not state.request.whole and self.head:
            self._request(state, parse_request_head(bytes(self.head)), whole=False)

    def _announce(self, state: ExchangeState, position: int) -> None:
        request = state.request
        length = request.content_length or 0
        if request.method != "POST" or length <= 0:
            return
        state.posted_start = position
        self.keep = self.connection.keep(state)
        self.inflater = None
        self.body = True
        self.tail.clear()
        self.tail_length = min(length, max(1, len(request.line_delimiter or b"")))
        wanted = self.keep is not None or request.zstd_offered
        if length > self.tail_length:
            self.channel.pass_over(length - self.tail_length, wanted)

    def _tail(self, state: ExchangeState, buffer: Buffer, start: int, end: int) -> int:
        """The last bytes of a body: they should end a row."""
        position = self.channel.end - (state.posted_start or 0)
        self._content(state, position, buffer, start, end)
        self.tail += buffer[start:end]
        self.tail_length -= end - start
        if not self.tail_length:
            state.posted = state.request.content_length or 0
            state.posted_end = (state.posted_start or 0) + state.posted
            state.row_end = self.tail[-1:] == b"\n" or self.tail == (state.request.line_delimiter or b"\n")
            self.body = False
        return end

    def _beyond(self, state: ExchangeState) -> None:
        """Bytes after what the head of a POST announced."""
        if state.request.method == "POST" and state.unread_body is None:
            announced = state.request.content_length
            state.unread_body = "it has no Content-Length" if announced is None else f"it goes on after its {announced} bytes"

    def content(self, buffer: Buffer, start: int, end: int) -> None:
        state = self.state
        assert state is not None
        self._content(state, self.channel.position - (state.posted_start or 0), buffer, start, end)

    def _content(self, state: ExchangeState, at: int, buffer: Buffer, start: int, end: int) -> None:
        if self.keep is not None:
            self.keep.write(at, buffer, start, end)
        if state.request.zstd_offered:
            self._inflate(state, at, buffer, start, end)

    def _inflate(self, state: ExchangeState, at: int, buffer: Buffer, start: int, end: int) -> None:
        """Count what a body gives if it is a zstd frame; whether it was meant as one, the answer tells."""
        if at < 4:
            self.head += buffer[start : min(end, start + 4 - at)]
            if len(self.head) < 4:
                return
            start += 4 - at
            if self.head == MAGIC:
                self.inflater = Inflater(None)
                self.inflater.feed(MAGIC, 0, 4, None)
                state.posted_zstd = 0
            self.head.clear()
        if self.inflater is not None and not self.inflater.problem and not self.inflater.done:
            if self.channel.missing and self.channel.missing.within(state.posted_start or 0, self.channel.position):
                self.inflater = None  # a frame with a hole gives nothing more
                return
            self.inflater.feed(buffer, start, end, None)
            state.posted_zstd = self.inflater.given

    def content_end(self, ns: int, frame: int) -> None:
        """All of the body but its tail."""

    def cut_short(self, count: int) -> None:
        self.body = False
        self.tail_length = 0

    def lost(self, count: int) -> None:
        """Bytes of a head are missing: what the lines before them say is all that is known. Or the tail of a body is."""
        self.tail_length = 0
        self.resolve()
        if self.state is not None:
            self.channel.pass_over(ENDLESS)

    def close(self) -> None:
        state = self.state
        if state is not None and self.body and state.posted_start is not None:
            state.posted = self.channel.position - state.posted_start

    def _request(self, state: ExchangeState, head: RequestHead, *, whole: bool) -> None:
        tap = self.connection.index.head_tap
        if tap is not None:
            tap(state, False, head.raw, state.first_frame)
        facts = RequestFacts()
        facts.whole = whole
        share = self.connection.share
        if head.complete_line:
            facts.method = share(head.method)
            facts.path = share(head.target)
        get = head.get
        facts.xid = share(get("X-GP-XID"))
        facts.cid = share(get("X-GP-CID"))
        facts.sn = share(get("X-GP-SN"))
        facts.segment = number(get("X-GP-SEGMENT-ID"))
        facts.segment_count = number(get("X-GP-SEGMENT-COUNT"))
        facts.proto = proto_number(get("X-GP-PROTO"))
        facts.seq = number(get("X-GP-SEQ"))
        facts.done = get("X-GP-DONE") is not None
        facts.content_length = number(get("Content-Length"))
        facts.csvopt = share(get("X-GP-CSVOPT"))
        facts.line_delimiter = line_delimiter(get("X-GP-LINE-DELIM-STR"), get("X-GP-LINE-DELIM-LENGTH"))
        facts.database = share(get("X-GP-DATABASE"))
        facts.user = share(get("X-GP-USER"))
        facts.gp_session_id = share(get("X-GP-SESSION-ID"))
        facts.transform = share(get("X-GP-TRANSFORM"))
        facts.zstd_offered = get("X-GP-ZSTD") not in (None, "")
        facts.data_directory = share(get("X-GP_SEG_DATADIR"))
        facts.coordinator = any(get(f"X-GP-COORDINATOR_{part}") is not None for part in ("HOST", "PORT"))
        if facts.method == "POST":
            state.unread_body = _unread_body(head, whole)
        facts.bare = not any(name.lower().startswith("x-gp") for name, _ in head.headers)
        state.request = facts
        for name in head.misspelt:
            self.connection.weird("GPI111", self.channel, state.first_frame, state.start_ns or 0, name=name)
        for name in NUMBERS:
            value = get(name)
            if value is not None and number(value) is None:
                shown = value[:LONGEST_SHOWN]
                self.connection.weird("GPI113", self.channel, state.first_frame, state.start_ns or 0, name=name, value=shown)
