"""Chunked coding (RFC 9112, section 7.1), which gpfdist never sends and proxies and frameworks do: its frames taken off.

What stood in the chunks goes on in a channel of its own, which is read like any other. Where a chunk's length is not known any
more, nothing behind it is taken for content.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gpinspect.engine.channel import ENDLESS, Buffer, Channel

if TYPE_CHECKING:
    from gpinspect.engine.exchange import ExchangeState

LONGEST_LINE: Final = 4096
"""Bytes of a chunk's first line, or of the lines behind the last chunk."""
_SIZE: Final = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?\r?\n\Z", re.DOTALL)


class ChunkReader:
    """Reads the chunks of one answer (a `Reader`) and hands their content to `inside`.

    Args:
        over: Called behind the last chunk.
    """

    def __init__(self, channel: Channel, inside: Channel, state: "ExchangeState", over: Callable[[], None]) -> None:
        self.channel = channel
        self.inside = inside
        self.state = state
        self.over = over
        self.left = 0  # bytes of the chunk still to come
        self.between = False  # the line end behind a chunk is due
        self.ending = False  # the last chunk is here; an empty line ends the answer
        self.line = bytearray()

    def feed(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> int:
        while start < end:
            if self.left:
                take = min(self.left, end - start)
                self._hand_on(buffer, start, start + take, ns, frame, capture)
                self.left -= take
                self.between = not self.left
                start += take
                continue
            start = self._take_line(buffer, start, end)
            if not self.line.endswith(b"\n"):
                if len(self.line) > LONGEST_LINE:
                    self._give_up(ns, frame)
                    return end
                continue
            line = bytes(self.line)
            self.line.clear()
            if self.ending:
                if line in (b"\r\n", b"\n"):
                    self._end()
                    return start
            elif self.between and line in (b"\r\n", b"\n"):
                self.between = False
            else:
                size = None if self.between else _SIZE.match(line)
                if size is None:
                    self._give_up(ns, frame)
                    return end
                self.left = int(size[1], 16)
                self.ending = not self.left
        return start

    def _take_line(self, buffer: Buffer, start: int, end: int) -> int:
        room = LONGEST_LINE + 1 - len(self.line)
        piece = bytes(buffer[start : min(end, start + room)])
        at = piece.find(b"\n")
        if at >= 0:
            piece = piece[: at + 1]
        self.line += piece
        return start + len(piece)

    def _hand_on(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> None:
        tap = self.state.connection.index.body_tap
        if tap is not None:
            tap(self.state, self.inside.position, bytes(buffer[start:end]), frame)
        self.inside.deliver(buffer, start, end, ns, frame, capture)

    def _end(self) -> None:
        self.inside.reader.close()
        self.over()

    def _give_up(self, ns: int, frame: int) -> None:
        self.state.connection.weird("GPI115", self.channel, frame, ns, what="chunks that cannot be read")
        self._lose_track()

    def _lose_track(self) -> None:
        self.line.clear()
        self.left = 0
        self.state.framing = False
        self.inside.lose_track()
        self.channel.pass_over(ENDLESS)

    def content(self, buffer: Buffer, start: int, end: int) -> None:
        """What cannot be read is passed over."""

    def content_end(self, ns: int, frame: int) -> None:
        """What cannot be read is passed over."""

    def cut_short(self, count: int) -> None:
        """What cannot be read is passed over."""

    def lost(self, count: int) -> None:
        """Missing bytes of a chunk are missing inside; where they hold the length of a chunk, no chunk is known behind them."""
        if 0 < count <= self.left:
            self.inside.last_ns, self.inside.last_frame = self.channel.last_ns, self.channel.last_frame
            self.inside.lose(count)
            self.left -= count
            self.between = not self.left
        else:
            self._lose_track()

    def close(self) -> None:
        self.inside.reader.close()
