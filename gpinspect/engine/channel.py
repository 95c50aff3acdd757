"""One direction of bytes, in order, with known holes: what a reader reads from.

A TCP stream is a channel, and so is the plaintext of one direction of a TLS connection. A reader looks at structure (heads,
message headers) and tells the channel how many bytes after it are content; content is passed over by count, and shown to the reader
only if it wants it.
"""

from typing import Protocol

from gpinspect.model.ranges import Ranges

ENDLESS = 1 << 60
"""More content than any stream has: pass over everything that is still to come."""

NOTHING = Ranges()
"""Shared by all channels without a hole."""

Buffer = bytes | bytearray | memoryview


class Reader(Protocol):
    """Takes the bytes of a channel. Buffers are reused: what a reader keeps, it copies."""

    def feed(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> int:
        """Read structure in `buffer[start:end]`; return the index behind it: `end`, unless content was announced by `pass_over`."""

    def content(self, buffer: Buffer, start: int, end: int) -> None:
        """Bytes of the announced content (only while the channel's `wanted` is set)."""

    def content_end(self, ns: int, frame: int) -> None:
        """The last byte of the announced content has been reached."""

    def lost(self, count: int) -> None:
        """`count` bytes of structure are not in the capture (0: nobody knows how many)."""

    def cut_short(self, count: int) -> None:
        """The last `count` bytes of the announced content will not be seen as such."""

    def close(self) -> None:
        """No byte will follow: FIN, RST, or the end of the capture."""


class Channel:
    """Position keeping for one direction. `end - left` is the position of the next byte, counted from the first one."""

    __slots__ = ("end", "last_frame", "last_ns", "left", "missing", "reader", "wanted")

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.left = 0  # bytes of announced content still to come
        self.end = 0  # position behind the announced content
        self.wanted = False  # the reader wants to see the content
        self.missing = NOTHING  # positions that the capture does not have
        self.last_ns = 0
        self.last_frame = 0

    @property
    def position(self) -> int:
        return self.end - self.left

    def pass_over(self, count: int, wanted: bool = False) -> None:
        """Announce `count` bytes of content from where the reader stands."""
        self.end += count - self.left
        self.left = count
        self.wanted = wanted

    def refresh(self) -> None:
        """The reader was changed from outside."""

    def deliver(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> None:
        """Give the next bytes, `buffer[start:end]`, to the reader."""
        self.last_ns = ns
        self.last_frame = frame
        while start < end:
            left = self.left
            if left:
                take = min(left, end - start)
                if self.wanted:
                    self.reader.content(buffer, start, start + take)
                self.left = left - take
                start += take
                if take == left:
                    self.reader.content_end(ns, frame)
            else:
                reached = self.reader.feed(buffer, start, end, ns, frame, capture)
                self.end += reached - start
                start = reached

    def lose_track(self) -> None:
        """Bytes are missing here, nobody knows how many."""
        rest, self.left = self.left, 0
        self.end -= rest
        if rest:
            self.reader.cut_short(rest)
        self.reader.lost(0)

    def lose(self, count: int) -> None:
        """The next `count` bytes are not in the capture."""
        if count <= 0:
            return
        position = self.position
        if self.missing is NOTHING:
            self.missing = Ranges()
        self.missing.add(position, position + count)
        while count:
            if self.left:
                take = min(self.left, count)
                self.left -= take
                count -= take
                if not self.left:
                    self.reader.content_end(self.last_ns, self.last_frame)
            else:
                self.end += count
                self.reader.lost(count)
                count = 0


class Nobody:
    """The reader of a direction that concerns nobody (a `Reader`)."""

    def feed(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> int:
        return end

    def content(self, buffer: Buffer, start: int, end: int) -> None:
        """Passed over."""

    def content_end(self, ns: int, frame: int) -> None:
        """Passed over."""

    def lost(self, count: int) -> None:
        """Passed over."""

    def cut_short(self, count: int) -> None:
        """Passed over."""

    def close(self) -> None:
        """Passed over."""


NOBODY = Nobody()
