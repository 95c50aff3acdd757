"""The record layer of one direction: a stream of bytes with holes is cut into records, and found again after a hole.

A record header may be split anywhere and a record may come in any number of pieces; pieces are put together once. A hole whose
size is known costs the record it lies in. A hole over a header is bridged by looking for the next two headers that chain.
"""

import re
import struct
from typing import Protocol

from gpinspect.engine.tls.protection import TAIL

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = range(20, 25)

HEADER_LENGTH = 5
LARGEST_FRAGMENT = 16384 + 2048
"""What TLS 1.2 allows in a record (RFC 5246, section 6.2.3); TLS 1.3 allows less."""

_FIELDS = struct.Struct(">BBBH").unpack_from
_HEADER = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")


class RecordSink(Protocol):
    """Who takes the records of a direction. `position` of the stream is that of the record's header."""

    def record(self, kind: int, minor: int, fragment: memoryview) -> None:
        """A whole record; `fragment` is only good during the call."""

    def damaged(self, kind: int, minor: int, size: int, tail: bytes) -> None:
        """A record of `size` bytes whose header is known and of which bytes are missing; `tail`: its last bytes, if they came."""

    def astray(self, count: int, tail: bytes) -> None:
        """`count` bytes are in no record that is known: at least one header is missing. `tail`: the last of them that came."""


class RecordStream:
    """One direction. `began_*` say where the first byte of the present record came from, `now_*` its last.

    `buffer` holds a record that is not whole yet, which wants at least `wants` more bytes (0: nothing may be added). A caller may
    add bytes to it, as long as they are fewer, instead of feeding them.

    Memory: one record and what is left of one feed.
    """

    def __init__(self, sink: RecordSink) -> None:
        self._sink = sink
        self.buffer = bytearray()
        self.wants = 0
        self._need = HEADER_LENGTH  # bytes that the buffer must hold before there is something to do
        self._skip = 0  # bytes of a damaged record still to come
        self._broken: tuple[int, int, int] | None = None  # kind, minor, size of the damaged record
        self._tail = b""
        self._searching = False
        self._unknown = 0  # bytes passed while searching
        self._suspect = False  # what is passed is no hole but bytes that do not belong there
        self.position = 0
        self.began_ns = self.began_frame = self.began_capture = 0
        self.now_ns = self.now_frame = self.now_capture = 0

    def feed(self, data: bytes | memoryview, ns: int, frame: int, capture: int) -> None:
        """Take the next bytes of the stream; they are copied if they have to be kept."""
        self.now_ns, self.now_frame, self.now_capture = ns, frame, capture
        if self._skip:
            data = self._pass(data)
        if not data:
            return
        buffer = self.buffer
        if not buffer:
            self._begin()
            self._work(memoryview(data), last=False)
            return
        buffer += data
        self.wants = self._need - len(buffer)
        if self.wants <= 0 or self._searching:
            self.buffer = bytearray()
            self._work(memoryview(buffer), last=False)

    def lose(self, count: int) -> None:
        """The next `count` bytes of the stream are not there."""
        if count <= 0:
            return
        if self._searching and self.buffer:
            self._work_buffer(last=True)
        if not self._skip and not self._searching and len(self.buffer) >= HEADER_LENGTH:
            self._give_up_record()
        if self._skip:
            inside = min(count, self._skip)
            self._skip -= inside
            self._tail = b""
            count -= inside
            if not self._skip:
                self._finish_damaged()
            if not count:
                return
        self._searching = True
        self._unknown += len(self.buffer) + count
        self._tail = b""
        self._drop()

    def close(self) -> None:
        """The stream ends here; what stands unfinished is told."""
        if self._searching and self.buffer:
            self._work_buffer(last=True)
        if not self._skip and len(self.buffer) >= HEADER_LENGTH and not self._searching:
            self._give_up_record()
        if self._skip:
            self._skip = 0
            self._tail = b""
            self._finish_damaged()
        self._unknown += len(self.buffer)
        self._drop()
        if self._unknown:
            self._searching = True
            count, self._unknown = self._unknown, 0
            self.position += count
            self._sink.astray(count, b"")

    def _begin(self) -> None:
        self.began_ns, self.began_frame, self.began_capture = self.now_ns, self.now_frame, self.now_capture

    def _work_buffer(self, last: bool) -> None:
        whole, self.buffer = self.buffer, bytearray()
        self._work(memoryview(whole), last)

    def _work(self, view: memoryview, last: bool) -> None:
        """Hand out the whole records of `view`, in step or found again; keep the rest."""
        at = self._search(view, 0, last) if self._searching else 0
        while not self._searching:
            at = self._cut(view, at)
            if not self._searching:
                break
            at = self._search(view, at, last)
        self.wants = 0
        if at < len(view):
            self.buffer = rest = bytearray(view[at:])
            if not self._searching:
                self.wants = self._need - len(rest)

    def _cut(self, view: memoryview, at: int) -> int:
        """Hand out records from `at` on; gives where the first one begins that is not whole or no record."""
        size = len(view)
        self._need = HEADER_LENGTH
        while size - at >= HEADER_LENGTH:
            kind, major, minor, length = _FIELDS(view, at)
            if not CHANGE_CIPHER_SPEC <= kind <= HEARTBEAT or major != 3 or minor > 4 or length > LARGEST_FRAGMENT:
                self._searching = self._suspect = True
                break
            whole = HEADER_LENGTH + length
            end = at + whole
            if end > size:
                self._need = whole
                break
            self._sink.record(kind, minor, view[at + HEADER_LENGTH : end])
            self.position += whole
            at = end
            self.began_ns, self.began_frame, self.began_capture = self.now_ns, self.now_frame, self.now_capture
        return at

    def _drop(self) -> None:
        self.buffer.clear()
        self.wants = 0

    def _give_up_record(self) -> None:
        """The record in the buffer will not become whole."""
        kind, _, minor, high, low = self.buffer[:HEADER_LENGTH]
        size = high << 8 | low
        self._skip = HEADER_LENGTH + size - len(self.buffer)
        self._broken = kind, minor, size
        self._drop()

    def _pass(self, data: bytes | memoryview) -> memoryview:
        view = memoryview(data)
        part = view[: self._skip]
        self._skip -= len(part)
        self._tail = (self._tail + bytes(part[-TAIL:]))[-TAIL:]
        if not self._skip:
            self._finish_damaged()
        return view[len(part) :]

    def _finish_damaged(self) -> None:
        if self._broken:
            kind, minor, size = self._broken
            tail, self._broken, self._tail = self._tail, None, b""
            self._sink.damaged(kind, minor, size, tail)
            self.position += HEADER_LENGTH + size
            self._need = HEADER_LENGTH

    def _search(self, view: memoryview, start: int, last: bool) -> int:
        """Look for a header that chains to a second one; `last`: no byte follows `view`.

        Gives where to go on; the search is over when `_searching` is False then.
        """
        at, size, found = start, len(view), False
        while not found:
            header = _HEADER.search(view, at)
            if header is None or header.start() + HEADER_LENGTH > size:
                # the last two bytes may be the start of a header, or the last four one whose length is not here yet
                at = size if last else header.start() if header else max(at, size - 2)
                break
            at = header.start()
            length = view[at + 3] << 8 | view[at + 4]
            end = at + HEADER_LENGTH + length
            if not 0 < length <= LARGEST_FRAGMENT:
                at += 1
            elif end + 3 <= size:
                found = _HEADER.match(view, end) is not None and view[end + 2] == view[at + 2]
                at += not found
            elif last:
                found = end <= size or view[at] >= HANDSHAKE
                at += not found
            else:
                break
        self._unknown += at - start
        self._tail = (self._tail + bytes(view[max(start, at - TAIL) : at]))[-TAIL:]
        if found:
            count, self._unknown = self._unknown, 0
            tail, self._tail = b"" if self._suspect else self._tail, b""
            self._searching = self._suspect = False
            self.position += count
            self._sink.astray(count, tail)
        return at
