"""HTTP as gpfdist and libcurl speak it: heads, and what follows them.

One request a connection is the rule; a server that keeps the connection open may answer more.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from gpinspect.engine.channel import ENDLESS, Buffer, Channel
from gpinspect.engine.content import Keep
from gpinspect.engine.exchange import STATUS_PAGE, ExchangeState, RequestFacts
from gpinspect.engine.inflate import MAGIC, Inflater
from gpinspect.engine.packages import PackageScanner
from gpinspect.grammar.headers import line_delimiter, number, proto_number
from gpinspect.grammar.http import RequestHead, ResponseHead, head_end, parse_request_head, parse_response_head
from gpinspect.grammar.layouts import END_PACKAGE

if TYPE_CHECKING:
    from gpinspect.engine.connection import Connection

NUMBERS = ("X-GP-SEGMENT-ID", "X-GP-SEGMENT-COUNT", "X-GP-SEQ", "Content-Length")
"""Headers of a request that must hold a decimal number."""
LONGEST_SHOWN = 300

LARGEST_HEAD = 1 << 16
"""Bytes of a head that are kept; gpfdist itself refuses 4096."""


_response_head = lru_cache(maxsize=64)(parse_response_head)  # a server's answers are alike to the byte


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


class ResponseReader:
    """Reads the server's side of a connection that speaks HTTP (a `Reader`): heads, and bodies that are no messages."""

    def __init__(self, channel: Channel, connection: "Connection") -> None:
        self.channel = channel
        self.connection = connection
        self.state: ExchangeState | None = None
        self.head = bytearray()
        self.searched = 0
        self.keep: Keep | None = None
        self.inflater: Inflater | None = None
        self.left_of_body: int | None = None
        self.keeps_open = False

    def feed(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> int:
        if self.inflater is not None:
            return self._inflate(buffer, start, end, frame, ns)
        had = len(self.head)
        if not had:
            self.state = self.connection.exchange_for_response(ns, frame)
        self.head += buffer[start:end]
        if self.head[:1] == b"D" and len(self.head) >= len(END_PACKAGE) and self.head.startswith(END_PACKAGE):
            return self._end_before_head(start, had)
        reached = head_end(self.head, self.searched)
        if reached < 0:
            self.searched = len(self.head)
            if len(self.head) > LARGEST_HEAD:
                self.connection.weird("GPI110", self.channel, frame, ns, bytes=len(self.head))
                self.head.clear()
                self.channel.pass_over(ENDLESS)
            return end
        raw = bytes(self.head[:reached])
        self.head.clear()
        self.searched = 0
        taken = start + reached - had
        assert self.state is not None
        self._response(self.state, _response_head(raw), self.channel.end + reached - had, ns, frame)
        return taken

    def _end_before_head(self, start: int, had: int) -> int:
        """Cloudberry sends the end package of a POST in front of the status line."""
        assert self.state is not None
        self.state.counts = [0, 0, 0, 1, 0]
        self.state.ended = True
        self.head.clear()
        return start + len(END_PACKAGE) - had

    def _response(self, state: ExchangeState, head: ResponseHead, position: int, ns: int, frame: int) -> None:
        self.connection.request_resolved()
        if head.status == 100:
            state.continued = True
            return
        state.head_whole = True
        self._facts(state, head, ns, frame)
        state.body_start = position
        self._body(state, head, ns, frame)

    def _facts(self, state: ExchangeState, head: ResponseHead, ns: int, frame: int) -> None:
        """What the complete lines of a head say."""
        share, get = self.connection.share, head.get
        state.http_version = share(head.version)
        state.status = head.status
        state.reason = share(head.reason)
        state.response_proto = number(get("X-GP-PROTO"))
        state.server_version = share(get("X-GPFDIST-VERSION"))
        state.foreign = state.server_version is None and get("X-GP-PROTO") is None
        state.response_zstd = number(get("X-GP-ZSTD")) not in (None, 0)
        for name in head.misspelt:
            self.connection.weird("GPI114" if name.lower() == "x-gp-proto" else "GPI111", self.channel, frame, ns, name=name)

    def _body(self, state: ExchangeState, head: ResponseHead, ns: int, frame: int) -> None:
        get = head.get
        length = number(get("Content-Length"))
        coding = (get("Transfer-Encoding") or "").strip().lower()
        connection = (get("Connection") or "").strip().lower()
        self.keeps_open = connection == "keep-alive" or (head.version == "HTTP/1.1" and connection != "close")
        if state.response_proto == 1:
            if coding and coding != "identity":  # the messages stand in chunks, which are not taken apart here
                self.connection.weird("GPI115", self.channel, frame, ns, what=f"Transfer-Encoding: {coding}")
                self.channel.pass_over(ENDLESS)
                return
            self.channel.reader = PackageScanner(self.channel, state, self.connection.keep(state), zstd=state.response_zstd)
        elif state.response_proto is None and length == 0:
            if self.keeps_open and state.foreign:
                self._finished(state)
            else:
                self.channel.reader = StrayReader(self.channel, state)
        elif (
            state.request.method == "POST"
            or (state.status or 0) != 200
            or (state.request.path == STATUS_PAGE and state.response_proto is None)
        ):
            self._unread(state, length)
        else:
            self._raw(state, length, coding)

    def _unread(self, state: ExchangeState, length: int | None) -> None:
        """A body that is no payload: error page, status page, reply to a POST."""
        if length is None:
            if state.request.method == "POST":
                self.channel.reader = StrayReader(self.channel, state)
            else:
                self.channel.pass_over(ENDLESS)
        elif length:
            self.left_of_body = length
            self.channel.pass_over(length)
        else:
            self._finished(state)

    def _raw(self, state: ExchangeState, length: int | None, coding: str) -> None:
        """A protocol 0 body: rows until the server closes, or as many bytes as it announced."""
        state.raw_body = True
        if coding and coding != "identity":
            self.connection.weird(
                "GPI115", self.channel, self.channel.last_frame, self.channel.last_ns, what=f"Transfer-Encoding: {coding}"
            )
        state.raw_length = length if not state.response_zstd else None
        self.keep = self.connection.keep(state)
        if state.response_zstd:
            self.inflater = Inflater(None)
        elif length is None:
            self.channel.pass_over(ENDLESS, True)
        elif length:
            self.left_of_body = length
            self.channel.pass_over(length, True)
        else:
            self._finished(state)

    def _finished(self, state: ExchangeState) -> None:
        state.finished = self.keeps_open
        state.body_end = max(self.channel.position, state.body_start) if state.body_start is not None else None
        state.last_ns, state.last_frame = self.channel.last_ns, self.channel.last_frame

    def content(self, buffer: Buffer, start: int, end: int) -> None:
        state = self.state
        assert state is not None and state.body_start is not None
        at = self.channel.position - state.body_start
        if not state.raw_body:
            return
        if state.first_byte_ns is None:
            state.first_byte_ns = self.channel.last_ns
        if at < 3:
            self.head += buffer[start : min(end, start + 3 - at)]
            if bytes(self.head) in (b"F\0\0", b"D\0\0") and state.response_proto is None:
                self.connection.weird("GPI114", self.channel, self.channel.last_frame, self.channel.last_ns)
        if self.keep is not None:
            self.keep.write(at, buffer, start, end)
        elif at + end - start >= 3:
            self.channel.wanted = False

    def content_end(self, ns: int, frame: int) -> None:
        self.head.clear()
        if self.left_of_body is not None and self.state is not None:
            self.left_of_body = None
            self._finished(self.state)

    def _inflate(self, buffer: Buffer, start: int, end: int, frame: int, ns: int) -> int:
        """Protocol 0 with zstd: frames back to back."""
        state, inflater = self.state, self.inflater
        assert state is not None and inflater is not None
        if state.first_byte_ns is None:
            state.first_byte_ns = ns
        before = inflater.given
        keep = self.keep
        used = inflater.feed(buffer, start, end, _Shifted(keep, state.body_bytes - before) if keep is not None else None)
        state.body_bytes += inflater.given - before
        if inflater.problem:
            self.connection.weird("GPI108", self.channel, frame, ns, problem=inflater.problem)
            self.inflater = None
            self.channel.pass_over(ENDLESS)
        elif inflater.done:
            self.inflater = Inflater(None)
        return start + used

    def cut_short(self, count: int) -> None:
        if self.state is not None and self.state.body_end is None:
            self.state.body_end = self.channel.position

    def lost(self, count: int) -> None:
        """Bytes of a head (or of a zstd frame) are missing."""
        if self.inflater is not None:
            self.inflater = None
            self.channel.pass_over(ENDLESS)
            return
        state = self.state or self.connection.exchange_for_response(self.channel.last_ns, self.channel.last_frame)
        self.connection.request_resolved()
        self._what_came(state)
        self.head.clear()
        state.body_start = None
        self.channel.reader = PackageScanner(self.channel, state, self.connection.keep(state), found=False)

    def _what_came(self, state: ExchangeState) -> None:
        """Keep what the complete lines of a head say that will not become whole."""
        if self.head and not state.answered:
            head = parse_response_head(bytes(self.head))
            if head.status is not None and head.status != 100:
                self._facts(state, head, self.channel.last_ns, self.channel.last_frame)

    def close(self) -> None:
        if self.state is not None and not self.state.raw_body:
            self._what_came(self.state)


class StrayReader:
    """What follows an answer that announced no body: nothing, or the five bytes of an end package, or an E (a `Reader`)."""

    def __init__(self, channel: Channel, state: ExchangeState) -> None:
        self.channel = channel
        self.state = state

    def feed(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> int:
        if buffer[start] not in b"DEFOL":
            self.state.connection.weird("GPI109", self.channel, frame, ns, bytes=end - start)
            self.channel.pass_over(ENDLESS)
            return end
        scanner = self.channel.reader = PackageScanner(self.channel, self.state, None)
        return scanner.feed(buffer, start, end, ns, frame, capture)

    def content(self, buffer: Buffer, start: int, end: int) -> None:
        """No content is announced here."""

    def content_end(self, ns: int, frame: int) -> None:
        """No content is announced here."""

    def cut_short(self, count: int) -> None:
        """No content is announced here."""

    def lost(self, count: int) -> None:
        """What was lost had no meaning for anybody."""

    def close(self) -> None:
        """Nothing followed, as it should be."""


class _Shifted(Keep):
    """A keep for frames that follow one another: positions go on from frame to frame."""

    __slots__ = ("_by", "_keep")

    def __init__(self, keep: Keep, by: int) -> None:
        self._keep = keep
        self._by = by

    def write(self, position: int, buffer: Buffer, start: int, end: int) -> None:
        self._keep.write(position + self._by, buffer, start, end)
