"""One zstd frame, decompressed piece by piece with bounded output, so that its end can be found."""

from typing import Any, Protocol

from gpinspect.engine.channel import Buffer

MAGIC = b"\x28\xb5\x2f\xfd"
STEP = 256
"""Compressed bytes given at a time: at most 64 zstd blocks, so at most 8 MiB come out at once."""
LARGEST_WINDOW = 1 << 25


class Taker(Protocol):
    """Takes decompressed bytes; a `Keep` is one."""

    def write(self, position: int, buffer: Buffer, start: int, end: int) -> None:
        """`buffer[start:end]` stands at `position` of what the frame gives."""


class Gathered:
    """Takes them into memory, in order."""

    def __init__(self) -> None:
        self.out = bytearray()

    def write(self, position: int, buffer: Buffer, start: int, end: int) -> None:
        self.out += buffer[start:end]


class Inflater:
    """Feeds a decompressor and counts what comes out; `limit` is how much may come out (None: any amount)."""

    __slots__ = ("_frame", "done", "given", "limit", "problem")

    def __init__(self, limit: int | None) -> None:
        import zstandard

        self._frame: Any = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).decompressobj()
        self.limit = limit
        self.given = 0  # decompressed bytes so far
        self.done = False  # the frame's end was reached
        self.problem = ""  # what was wrong with it

    def feed(self, buffer: Buffer, start: int, end: int, keep: Taker | None) -> int:
        """Take `buffer[start:end]` up to the end of the frame; returns how many bytes were taken."""
        import zstandard

        at = start
        while at < end and not self.done and not self.problem:
            piece = bytes(buffer[at : min(end, at + STEP)])
            try:
                out = self._frame.decompress(piece)
            except zstandard.ZstdError as error:
                self.problem = str(error)
                return end - start
            at += len(piece)
            if out:
                if self.limit is not None and self.given + len(out) > self.limit:
                    self.problem = f"the frame holds more than the {self.limit} bytes that D announced"
                    return at - start
                if keep is not None:
                    keep.write(self.given, out, 0, len(out))
                self.given += len(out)
            if self._frame.eof:
                self.done = True
                at -= len(self._frame.unused_data)
        return at - start
