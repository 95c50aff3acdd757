"""Answers as gpfdist sends them: the head, and what follows it. Messages of protocol 1 are read by `packages`."""

from functools import lru_cache
from typing import TYPE_CHECKING

from gpinspect.engine.channel import ENDLESS, NOBODY, Buffer, Channel
from gpinspect.engine.content import Keep
from gpinspect.engine.exchange import LARGEST_HEAD, STATUS_PAGE, ExchangeState
from gpinspect.engine.inflate import Inflater
from gpinspect.engine.packages import PackageScanner
from gpinspect.grammar.headers import number
from gpinspect.grammar.http import ResponseHead, head_end, parse_response_head
from gpinspect.grammar.layouts import END_PACKAGE

if TYPE_CHECKING:
    from gpinspect.engine.connection import Connection

GPFDIST_OK = ("HTTP/1.0", 200, "ok")
"""Status line of gpfdist: where the headers behind it were not captured, its small letters tell who speaks."""
KEPT_OPEN = "a connection that is kept open for more requests"
"""How GPI115 calls an answer with keep-alive."""

UNENDED = -1
"""Length of a body in chunks while the last one is not here."""

_response_head = lru_cache(maxsize=64)(parse_response_head)  # a server's answers are alike to the byte


def _begins_a_message(head: bytearray) -> bool:
    """Whether three bytes can be the letter of F or D and a part of its length; text in UTF-16 has a letter in third place."""
    return len(head) == 3 and head[0] in b"FD" and head[1] == 0 and head[2] < 0x10


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
        tap = self.connection.index.head_tap
        if tap is not None:
            tap(state, True, head.raw, frame)
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
        if self.keeps_open and not state.foreign:
            self.connection.weird("GPI115", self.channel, frame, ns, what=KEPT_OPEN)
        if not coding or coding == "identity":
            self._plain_body(state, length)
            return
        if state.response_proto == 1 or (state.request.method != "POST" and state.status == 200):
            self.connection.weird("GPI115", self.channel, frame, ns, what=f"Transfer-Encoding: {coding}")
        if coding == "chunked":
            self._chunks(state)
        elif state.response_proto == 1:
            self.channel.pass_over(ENDLESS)
        else:
            self._plain_body(state, None)

    def _chunks(self, state: ExchangeState) -> None:
        """What stands in the chunks is the body, read from a channel of its own."""
        from gpinspect.engine.chunks import ChunkReader

        inside = Channel(NOBODY)
        state.chunked = inside
        state.body_start = 0
        within = ResponseReader(inside, self.connection)
        within.state = state
        inside.reader = within

        def over() -> None:
            state.body_end = inside.position
            if state.raw_body:
                state.raw_length = inside.position
            if self.keeps_open:
                state.finished = True
                state.last_ns, state.last_frame = self.channel.last_ns, self.channel.last_frame
                self.channel.reader = self
            else:
                self.channel.reader = NOBODY
                self.channel.pass_over(ENDLESS)

        self.channel.reader = ChunkReader(self.channel, inside, state, over)
        within._plain_body(state, None)
        if state.raw_body:
            state.raw_length = UNENDED

    def _plain_body(self, state: ExchangeState, length: int | None) -> None:
        if state.response_proto == 1:
            state.response_length = length
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
            self._raw(state, length)

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

    def _raw(self, state: ExchangeState, length: int | None) -> None:
        """A protocol 0 body: rows until the server closes, or as many bytes as it announced."""
        state.raw_body = True
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
            if _begins_a_message(self.head) and state.response_proto is None:
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
                if state.foreign and (head.version, head.status, head.reason) == GPFDIST_OK:
                    state.foreign = False

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
