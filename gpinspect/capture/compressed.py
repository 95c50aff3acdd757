"""Compressed captures as a stream of bytes: gzip, zstd and lz4, told by magic, one member after the other.

Memory is bounded by the size of the pieces that a decoder is fed with: none of them can grow beyond about 32 MiB. What stands
in front of damage is given out, short of what shares the damaged piece.
"""

import re
import zlib
from collections.abc import Callable
from typing import NamedTuple, Protocol

from gpinspect.capture.raw import BrokenInputError, Primed, Raw, first_bytes

LARGEST_WINDOW = 1 << 27
"""Bytes that a zstd frame may want to look back; the zstd tool refuses more, too, unless it is told otherwise."""

CHUNK = 1 << 16
MAGIC = 4
NO_PADDING = re.compile(rb"[^\0]")


class Decoder(Protocol):
    """One member, as zlib, lz4 and zstandard agree on it."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes | None: ...

    def decompress(self, data: bytes, /) -> bytes: ...


class Compression(NamedTuple):
    """`piece`: bytes to feed at once, so that what comes out stays small (gzip grows up to 1032 times, lz4 255, zstd 32768)."""

    name: str
    piece: int
    decoder: Callable[[], Decoder]
    errors: Callable[[], tuple[type[Exception], ...]]


def _gzip() -> Decoder:
    return zlib.decompressobj(wbits=31)


def _zstd() -> Decoder:
    import zstandard

    decoder: Decoder = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).decompressobj(write_size=CHUNK)
    return decoder


def _zstd_errors() -> tuple[type[Exception], ...]:
    import zstandard

    return (zstandard.ZstdError,)


def _lz4() -> Decoder:
    import lz4.frame

    decoder: Decoder = lz4.frame.LZ4FrameDecompressor()
    return decoder


GZIP = Compression("gzip", 1 << 12, _gzip, lambda: (zlib.error,))
ZSTD = Compression("zstd", 1 << 10, _zstd, _zstd_errors)
LZ4 = Compression("lz4", 1 << 14, _lz4, lambda: (RuntimeError,))

MAGICS = {b"\x1f\x8b\x08": GZIP, b"\x28\xb5\x2f\xfd": ZSTD, b"\x04\x22\x4d\x18": LZ4}
SKIPPABLE = b"\x2a\x4d\x18"
"""Bytes 1 to 3 of a frame without content, the same for zstd and lz4; the low half of byte 0 is free, the high half is 5."""


def compression_of(head: bytes) -> Compression | None:
    """Which compression starts like this (4 bytes wanted)."""
    for magic, compression in MAGICS.items():
        if head.startswith(magic):
            return compression
    return ZSTD if len(head) >= MAGIC and head[0] >> 4 == 5 and head[1:4] == SKIPPABLE else None


class Decompressed:
    """Raw source of what is inside a compressed one; members may follow each other, also of different kinds."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self._input = b""
        self._at = 0  # of the input: what is not fed yet
        self._output = memoryview(b"")
        self._decoder: Decoder | None = None
        self._kind = GZIP

    @property
    def consumed(self) -> int:
        return self._raw.consumed

    def readinto(self, view: memoryview, /) -> int:
        while not self._output:
            if not self._next_output():
                return 0
        count = min(len(view), len(self._output))
        view[:count] = self._output[:count]
        self._output = self._output[count:]
        return count

    def close(self) -> None:
        self._raw.close()

    def _next_output(self) -> bool:
        """Decompress one piece; False at a proper end."""
        decoder = self._decoder or self._next_member()
        if decoder is None:
            return False
        if self._at == len(self._input) and not self._refill():
            raise BrokenInputError(f"the {self._kind.name} data is cut", cut=True)
        piece = self._input[self._at : self._at + self._kind.piece]
        try:
            self._output = memoryview(decoder.decompress(piece))
        except self._kind.errors() as error:
            raise BrokenInputError(f"the {self._kind.name} data is damaged ({error})") from error
        self._at += len(piece)
        self._decoder = decoder
        if decoder.eof:
            self._at -= len(decoder.unused_data or b"")
            self._decoder = None
        return True

    def _next_member(self) -> Decoder | None:
        """Start on what follows the last member: another one, nothing, or padding with zeros as tapes have it."""
        while (found := NO_PADDING.search(self._input, self._at)) is None:
            if not self._refill():
                return None
        self._at = found.start()
        missing = MAGIC - (len(self._input) - self._at)
        if missing > 0:
            self._input, self._at = self._input[self._at :] + first_bytes(self._raw, missing), 0
        kind = compression_of(self._input[self._at : self._at + MAGIC])
        if kind is None:
            raise BrokenInputError(f"bytes behind the {self._kind.name} data that are no further member")
        self._kind = kind
        return kind.decoder()

    def _refill(self) -> bool:
        """Read on where all input is fed; False at its end."""
        buffer = bytearray(CHUNK)
        with memoryview(buffer) as view:
            count = self._raw.readinto(view)
        self._input, self._at = bytes(buffer[:count]), 0
        return bool(count)


def decompressed(raw: Raw) -> tuple[Raw, Compression | None]:
    """Look at the first bytes: the same source where they are not compressed, else a source of what is inside."""
    head = first_bytes(raw, MAGIC)
    kind = compression_of(head)
    primed = Primed(head, raw)
    return (primed, None) if kind is None else (Decompressed(primed), kind)
