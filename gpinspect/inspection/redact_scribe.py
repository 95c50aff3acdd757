"""Watches the engine read and writes a plan: every byte that a reader takes as structure is masked and noted where it stood.

The engine decides what is what; nothing is interpreted twice. Content is not looked at: where rows stand, the package tables and
the exchanges say when the reading is over.
"""

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from gpinspect.engine.channel import Buffer, Channel, Reader
from gpinspect.engine.chunks import ChunkReader
from gpinspect.engine.connection import Opening
from gpinspect.engine.exchange import ExchangeState
from gpinspect.engine.packages import PackageScanner
from gpinspect.engine.request import RequestReader
from gpinspect.engine.response import ResponseReader, StrayReader
from gpinspect.grammar.layouts import AFTER_NAME, END_PACKAGE, MESSAGE_HEAD, D, F, L, O
from gpinspect.inspection.redact_heads import error_text, messages, request_head, response_head
from gpinspect.inspection.redact_plan import FILLER, Plan
from gpinspect.inspection.redact_rows import RowCounter, row_rule
from gpinspect.inspection.redact_zstd import Block, FrameReader, is_frame
from gpinspect.model import packages as rows
from gpinspect.model.packages import Package, PackageTable
from gpinspect.views.redaction import Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST_HELD: Final = 1 << 17
"""First bytes of a direction that are kept until it is known what is spoken."""
MOST_TEXT: Final = 1 << 17
_MISNAMED: Final = (b"F\0\0", b"D\0\0")
"""How messages begin that were announced as rows."""


class Extents:
    """Where the bytes of an inner channel stand in the stream around it."""

    def __init__(self) -> None:
        self._inner: list[int] = []
        self._outer: list[int] = []
        self._sizes: list[int] = []
        self.reached = 0

    def add(self, inner: int, outer: int, size: int) -> None:
        self.reached = inner + size
        if self._inner and (self._inner[-1] + self._sizes[-1], self._outer[-1] + self._sizes[-1]) == (inner, outer):
            self._sizes[-1] += size
        else:
            self._inner.append(inner)
            self._outer.append(outer)
            self._sizes.append(size)

    def split(self, start: int, end: int) -> "list[tuple[int, int, int]]":
        """Stretches [start, end) of the inner channel as (inner start, outer start, length)."""
        found = []
        at = max(0, bisect_right(self._inner, start) - 1)
        while at < len(self._inner) and self._inner[at] < end:
            low, high = max(start, self._inner[at]), min(end, self._inner[at] + self._sizes[at])
            if low < high:
                found.append((low, self._outer[at] + low - self._inner[at], high - low))
            at += 1
        return found


class Scribe:
    """Notes what the readers of one channel take.

    Args:
        extents: Where the channel's bytes stand in the stream; None: it is the stream.
    """

    def __init__(self, mask: Mask, plan: Plan, extents: Extents | None = None) -> None:
        self.mask = mask
        self.plan = plan
        self.extents = extents
        self.held: list[tuple[int, bytes]] = []  # what came before it was known what is spoken
        self._held_bytes = 0
        self._text = bytearray()
        self._text_at = 0
        self._text_mask: Callable[[Mask, bytes], bytes] = request_head
        self._frame = FrameReader()
        self._frame_of: object = None
        self._posted: FrameReader | None = None
        self._posted_of: ExchangeState | None = None
        self._front: tuple[ExchangeState | None, bytes] = (None, b"")
        self.zstd_posts: set[int] = set()  # ids of exchange states whose body is zstd
        self.inner: WatchedChannel | None = None  # what comes out of the chunks at hand
        self._around = (0, 0)  # position of the stream, and index in the buffer, where the present feed of chunks began
        self._handed: list[tuple[int, int]] = []  # indices in it of what was content

    # notes ------------------------------------------------------------------------------------------------------------

    def literal(self, position: int, data: bytes) -> None:
        if self.extents is None:
            self.plan.literal(position, data)
            return
        for inner, outer, size in self.extents.split(position, position + len(data)):
            self.plan.literal(outer, data[inner - position : inner - position + size])

    def area(self, start: int, end: int, csvopt: str | None, delimiter: bytes | None) -> None:
        """Rows stand there."""
        rule = row_rule(csvopt, delimiter)
        if self.extents is None:
            self.plan.rows(start, end, rule)
            return
        for _, outer, size in self.extents.split(start, end):
            self.plan.rows(outer, outer + size, rule)

    def text(self, position: int, data: bytes, mask: "Callable[[Mask, bytes], bytes]") -> None:
        """Structure that is masked when it is whole; `flush` says when."""
        if self._text and (self._text_mask is not mask or self._text_at + len(self._text) != position):
            self.flush()
        if not self._text:
            self._text_at, self._text_mask = position, mask
        if len(self._text) < MOST_TEXT:
            self._text += data

    def flush(self) -> None:
        if self._text:
            self.literal(self._text_at, self._text_mask(self.mask, bytes(self._text)))
            self._text = bytearray()

    # reading ----------------------------------------------------------------------------------------------------------

    def content(self, channel: Channel, reader: Reader, data: bytes) -> None:
        """Content that a reader wanted to see comes."""
        if isinstance(reader, PackageScanner):
            if reader.error_text is not None:
                self.text(channel.position, data, error_text)
        elif isinstance(reader, RequestReader) and reader.state is not None:
            self._post(channel.position, data, reader.state)
        elif isinstance(reader, ResponseReader) and reader.state is not None and reader.state.raw_body:
            self._misnamed(channel, reader.state, data)

    def _misnamed(self, channel: Channel, state: ExchangeState, data: bytes) -> None:
        begin = state.body_start or 0
        at = channel.position - begin
        known = self._front[1] if self._front[0] is state else b""
        if at == len(known) < 3:
            known += data[: 3 - at]
            self._front = (state, known)
            if known in _MISNAMED:
                self.literal(begin, known)

    def _post(self, position: int, data: bytes, state: ExchangeState) -> None:
        """The body of a write whose client may compress."""
        if not state.request.zstd_offered or state.posted_start is None:
            return
        if self._posted_of is not state:
            self._posted, self._posted_of = FrameReader(_counter(state)), state
        reader = self._posted
        if reader is not None:
            self._note(reader.feed(position, data))
            if reader.started and position == state.posted_start and is_frame(data):
                self.zstd_posts.add(id(state))

    def _note(self, told: "Iterable[tuple[int, bytes] | Block]") -> None:
        """What is told of a frame of zstd."""
        for found in told:
            if isinstance(found, Block):
                if self.extents is None:
                    self.plan.block(found)
            else:
                self.literal(found[0], found[1])

    def structure(self, channel: Channel, reader: Reader, buffer: Buffer, start: int, end: int, how: tuple[int, ...]) -> int:
        """Let a reader take structure, and note what it took.

        Args:
            how: Time, frame and capture position, for the reader.
        """
        position = channel.position
        before = self._state(reader, buffer[start])
        if isinstance(reader, Opening) and self._held_bytes < MOST_HELD:
            self.held.append((position, bytes(buffer[start:end])))
            self._held_bytes += end - start
        if isinstance(reader, ChunkReader) and self.inner is not None:
            return self._chunks(reader, buffer, start, end, how, position)
        inflater = getattr(reader, "inflater", None)
        reached = reader.feed(buffer, start, end, how[0], how[1], how[2])
        if before is None:
            return reached
        taken = bytes(buffer[start:reached])
        after = channel.reader
        if before == "post":
            self._tail(position, taken, reader)
        elif before == "zstd":
            self._inflated(position, taken, inflater, getattr(reader, "state", None))
        elif before == "messages":
            self.text(position, taken, messages)
            if not (isinstance(after, PackageScanner) and after.partial and not after.searching):
                self.flush()
        elif before == "request":
            self.text(position, taken, request_head)
            if isinstance(reader, RequestReader) and not reader.head:
                self.flush()
        elif before == "response":
            self.text(position, taken, response_head)
            if isinstance(reader, ResponseReader) and not reader.head:
                self.flush()
        if isinstance(after, ChunkReader) and self.inner is None:
            self._open_chunks(after)
        return reached

    def _state(self, reader: Reader, first: int) -> str | None:
        """What a reader would take next, None where it concerns nobody."""
        if isinstance(reader, PackageScanner):
            if reader.inflater is not None:
                return "zstd"
            return None if reader.over or reader.searching else "messages"
        if isinstance(reader, StrayReader):
            return "messages" if first in b"DEFOL" else None
        if isinstance(reader, ResponseReader):
            return "zstd" if reader.inflater is not None else "response"
        if isinstance(reader, RequestReader):
            state = reader.state
            if state is not None and reader.tail_length:
                return "post"
            return None if state is not None and state.request.whole and not state.finished else "request"
        return None

    def _inflated(self, position: int, taken: bytes, inflater: object, state: ExchangeState | None) -> None:
        if self._frame_of is not inflater:
            self._settle_frame()
            self._frame, self._frame_of = FrameReader(_counter(state) if state is not None else None), inflater
        self._note(self._frame.feed(position, taken))

    def _settle_frame(self) -> None:
        self._note(self._frame.close())

    def _tail(self, position: int, taken: bytes, reader: Reader) -> None:
        assert isinstance(reader, RequestReader)
        state = reader.state
        if state is None:
            return
        self._post(position, taken, state)
        if reader.tail_length:
            return
        delimiter = state.request.line_delimiter or b"\n"
        if reader.tail[-1:] == b"\n" or reader.tail == delimiter:
            kept = bytes(reader.tail) if reader.tail == delimiter else b"\n"
            self.literal(position + len(taken) - len(kept), kept)

    # chunks -----------------------------------------------------------------------------------------------------------

    def _open_chunks(self, reader: ChunkReader) -> None:
        """From here on the body comes out of chunks: watch the channel that it comes out to."""
        inner = watched(reader.inside, Scribe(self.mask, self.plan, Extents()))
        inner.place = self._place_chunk
        inside = inner.reader
        if isinstance(inside, ResponseReader | PackageScanner | StrayReader):
            inside.channel = inner
        reader.inside = inner
        reader.state.chunked = inner
        self.inner = inner

    def _place_chunk(self, extents: Extents, position: int, buffer: Buffer, start: int, end: int) -> None:
        around, begin = self._around
        self._handed.append((start, end))
        extents.add(position, around + start - begin, end - start)

    def _chunks(self, reader: ChunkReader, buffer: Buffer, start: int, end: int, how: tuple[int, ...], position: int) -> int:
        self._around, self._handed = (position, start), []
        reached = reader.feed(buffer, start, end, how[0], how[1], how[2])
        at = start
        for low, high in [*self._handed, (reached, reached)]:
            self.text(position + at - start, bytes(buffer[at:low]), chunk_lines)
            self.flush()
            at = high
        if not isinstance(reader.channel.reader, ChunkReader):
            self.inner = None
        return reached

    # the end ----------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        self.flush()
        self._settle_frame()
        if self._posted is not None:
            self._note(self._posted.close())

    def found_again(self, table: PackageTable, body_start: int) -> None:
        """Heads of packages that were found by searching: their place was not known when they came."""
        for package in table:
            if package.flags & rows.ASSUMED:
                self.literal(body_start + package.position, self._head(table, package))

    def _head(self, table: PackageTable, package: Package) -> bytes:
        if package.kind == rows.END or package.head == len(END_PACKAGE):
            return END_PACKAGE
        name = table.file_name(package) or b""
        after = AFTER_NAME.pack(O, 8, package.offset, L, 8, package.line, D, package.length)
        return MESSAGE_HEAD.pack(F, len(name)) + self.mask.encoded("path", name) + after


def _counter(state: ExchangeState) -> RowCounter:
    return RowCounter(state.request.csvopt, state.request.line_delimiter)


def chunk_lines(mask: Mask, raw: bytes) -> bytes:
    """Lines around chunks: lengths stay, everything else does not."""
    out = []
    for line in raw.splitlines(keepends=True):
        body = line.rstrip(b"\r\n")
        digits = len(body) - len(body.lstrip(b"0123456789abcdefABCDEF"))
        out.append(body[:digits] + bytes(byte if byte in b" ;:" else FILLER for byte in body[digits:]) + line[len(body) :])
    return b"".join(out)


def deliver(scribe: Scribe, channel: Channel, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> None:
    """`Channel.deliver` with a scribe beside it."""
    channel.last_ns = ns
    channel.last_frame = frame
    while start < end:
        left = channel.left
        if left:
            take = min(left, end - start)
            reader = channel.reader
            if channel.wanted:
                scribe.content(channel, reader, bytes(buffer[start : start + take]))
                reader.content(buffer, start, start + take)
            channel.left = left - take
            start += take
            if take == left:
                channel.reader.content_end(ns, frame)
        else:
            reached = scribe.structure(channel, channel.reader, buffer, start, end, (ns, frame, capture))
            channel.end += reached - start
            start = reached


class WatchedChannel(Channel):
    """A channel inside a stream: what comes out of chunks, or of TLS that hides nothing.

    `place` is told of new bytes before they are read: position in the channel, buffer, first and last index; it adds the extents.
    """

    __slots__ = ("place", "scribe")

    scribe: Scribe
    place: "Callable[[Extents, int, Buffer, int, int], None]"

    def deliver(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> None:
        extents = self.scribe.extents
        assert extents is not None
        if self.position >= extents.reached:  # else they come a second time, to another reader
            self.place(extents, self.position, buffer, start, end)
        deliver(self.scribe, self, buffer, start, end, ns, frame, capture)


def watched(old: Channel, scribe: Scribe) -> WatchedChannel:
    """A channel that stands in for another one, with a scribe beside it; its reader is told by the caller."""
    inner = WatchedChannel(old.reader)
    for name in ("left", "end", "wanted", "missing", "last_ns", "last_frame"):
        setattr(inner, name, getattr(old, name))
    inner.scribe = scribe
    return inner
