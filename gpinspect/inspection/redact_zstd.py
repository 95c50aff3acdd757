"""A zstd frame under a mask: block by block another that takes as many bytes on the wire and gives as many, all filler.

A block becomes empty raw blocks (3 bytes that give nothing), at most two bytes of a raw one, and a repeated byte (4 bytes that
give any number). A checksum cannot be made for the filler without its algorithm, so its flag goes and its four bytes join the last
block. (RFC 8878, section 3.1.1.)
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from gpinspect.engine.inflate import LARGEST_WINDOW
from gpinspect.grammar.zstd import BLOCK_HEAD, CHECKSUM, LARGEST_HEAD, MAGIC, FrameHead, block_head, frame_head
from gpinspect.inspection.redact_rows import RowCounter

RAW, RLE, COMPRESSED, RESERVED = range(4)
_CHECKSUM_FLAG: Final = 4
LARGEST_BLOCK: Final = 1 << 17
LONGEST_TAIL: Final = 16


class Block(NamedTuple):
    """One block on the wire: where its head stands, its bytes with the head, and the bytes that it gives (-1: it is broken)."""

    position: int
    size: int
    gives: int
    last: bool
    ends: int = 0  # row ends in what it gives
    tail: bytes = b""  # the row end that it ends with


class FrameReader:
    """Follows one frame in the bytes of a stream and tells what its blocks are.

    Args:
        rows: Counts the row ends in what the frame gives.
    """

    def __init__(self, rows: RowCounter | None = None) -> None:
        self._rows = rows
        self._head = bytearray()
        self._frame: FrameHead | None = None
        self._begun = 0  # position of the head
        self._told = False  # what stands for the head
        self._position = 0  # of the next byte
        self._block: Block | None = None
        self._left = 0  # bytes of the block that are still to come
        self._block_head = bytearray()
        self._checksum = 0
        self._decoder: Any = None
        self.started = False
        self.over = False
        self.problem = False  # it is no frame, or broken

    def feed(self, position: int, data: bytes) -> Iterator[tuple[int, bytes] | Block]:
        """Blocks as they become whole, and, behind the last one, the masked head with its position; `close` tells the rest."""
        if not self.started:
            self._position = position
            self.started = True
        elif position != self._position:
            self.problem = True  # a hole: what follows gives nothing
        at = 0
        while at < len(data) and not self.over and not self.problem:
            if self._frame is None:
                taken = data[at : at + LARGEST_HEAD - len(self._head)]
                had = len(self._head)
                self._head += taken
                head = frame_head(self._head)
                if head is None:
                    self._position += len(taken)
                    return
                if not isinstance(head, FrameHead):
                    self.problem = True
                    return
                self._frame = head
                at += head.length - had
                if not self._begin(position + at - head.length, head):
                    self.problem = True
                    yield self._masked_head(checksum=True)
            elif self._block is None:
                taken = data[at : at + BLOCK_HEAD - len(self._block_head)]
                self._block_head += taken
                at += len(taken)
                self._position += len(taken)
                if len(self._block_head) == BLOCK_HEAD:
                    self._open()
            elif self._left:
                taken = data[at : at + self._left]
                self._give(taken)
                at += len(taken)
                self._left -= len(taken)
                self._position += len(taken)
            else:
                taken = data[at : at + self._checksum]
                at += len(taken)
                self._checksum -= len(taken)
                self._position += len(taken)
            if self._block is not None and not self._left and not (self._block.last and self._checksum):
                block, self._block = self._block, None
                self._block_head.clear()
                self.over = block.last
                self.problem = self.problem or block.gives < 0
                yield block
                if self.over or self.problem:
                    yield self._masked_head(checksum=False)

    def _begin(self, position: int, head: FrameHead) -> bool:
        """Take the head; False where no decoder goes on behind it."""
        import zstandard

        self._begun = position
        del self._head[head.length :]
        self._position = position + head.length
        self._checksum = CHECKSUM if head.has_checksum else 0
        self._decoder = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).decompressobj()
        try:
            self._decoder.decompress(bytes(self._head))
        except zstandard.ZstdError:
            return False
        return True

    def _masked_head(self, *, checksum: bool) -> tuple[int, bytes]:
        self._told = True
        raw = bytes(self._head)
        return self._begun, raw if checksum else raw[:4] + bytes((raw[4] & ~_CHECKSUM_FLAG,)) + raw[5:]

    def _open(self) -> None:
        head = block_head(self._block_head)
        assert head is not None
        begin = self._position - BLOCK_HEAD
        size = BLOCK_HEAD + head.size_on_wire + (self._checksum if head.last else 0)
        broken = head.reserved or head.size > LARGEST_BLOCK
        self._left = 0 if broken else head.size_on_wire
        self._block = Block(begin, BLOCK_HEAD if broken else size, -1 if broken else 0, head.last)
        if broken:
            self._checksum = 0
        else:
            self._give(bytes(self._block_head))

    def _give(self, data: bytes) -> None:
        import zstandard

        block = self._block
        assert block is not None
        if block.gives < 0:
            return
        try:
            given = self._decoder.decompress(data)
        except zstandard.ZstdError:
            self._block = block._replace(gives=-1)
            return
        ends, tail = block.ends, block.tail
        if self._rows is not None and given:
            ends += self._rows.feed(given)
            tail = self._rows.row_end if self._rows.closed else b""
        self._block = block._replace(gives=block.gives + len(given), ends=ends, tail=tail)

    def close(self) -> Iterator[tuple[int, bytes] | Block]:
        """The frame ends here, whole or not: a block that is not whole gives what it gives with its last byte only."""
        block, self._block = self._block, None
        if self._frame is None or self._told:
            return
        unchecked = block is not None and block.last and not self._left and self._checksum > 0
        yield self._masked_head(checksum=unchecked)
        if block is not None and unchecked:
            yield block._replace(size=block.size - CHECKSUM)
        elif block is not None:
            yield block if block.gives < 0 else block._replace(gives=LARGEST_BLOCK)


def render(block: Block, filler: int) -> bytes:
    """A block of `block.size` bytes that gives `block.gives` bytes of `filler` and, where there is room, as many row ends.

    A broken one is broken again.
    """
    size, gives, last = block.size, block.gives, block.last
    if gives < 0:
        rest = size - BLOCK_HEAD
        return _head(COMPRESSED, rest, last) + b"\xff" * rest if rest else b"\x07\0\0"
    byte = bytes((filler,))
    tail = block.tail[-LONGEST_TAIL:]
    ends = min(block.ends - bool(tail), gives - len(tail) - 3)
    for parts in (_parts(gives, byte, ends, tail), _parts(gives, byte, 0, tail), _parts(gives, byte, 0, b"")):
        if (whole := _joined(parts, size, byte, last)) is not None:
            return whole
    if gives == size - BLOCK_HEAD:
        return _head(RAW, gives, last) + byte * (gives - len(tail)) + tail if gives >= len(tail) else byte * size
    return _head(RAW, size - BLOCK_HEAD, last) + byte * (size - BLOCK_HEAD)


class _Part(NamedTuple):
    kind: int
    content: bytes
    gives: int  # bytes


def _parts(gives: int, byte: bytes, ends: int, tail: bytes) -> list[_Part]:
    """Filler, then row ends, then the last of them."""
    ends = max(0, ends)
    wanted = (_Part(RLE, byte, gives - ends - len(tail)), _Part(RLE, b"\n", ends), _Part(RAW, tail, len(tail)))
    return [part for part in wanted if part.gives > 0]


def _joined(parts: list[_Part], size: int, byte: bytes, last: bool) -> bytes | None:
    """The parts as blocks with empty ones in front, `size` bytes in all; None where that cannot be."""
    if sum(part.gives for part in parts) < 0:
        return None
    for single in range(3):
        chosen = list(parts)
        if single:
            if not parts or parts[0].kind != RLE or parts[0].gives <= single:
                return None
            chosen = [_Part(RAW, byte * single, single), parts[0]._replace(gives=parts[0].gives - single), *parts[1:]]
        left = size - sum(BLOCK_HEAD + len(part.content) for part in chosen)
        if left >= 0 and not left % BLOCK_HEAD and (chosen or left):
            empty = [_Part(RAW, b"", 0)] * (left // BLOCK_HEAD)
            blocks = [*empty, *chosen]
            end = len(blocks) - 1
            return b"".join(_head(part.kind, part.gives, last and at == end) + part.content for at, part in enumerate(blocks))
    return None


def _head(kind: int, size: int, last: bool) -> bytes:
    return (size << 3 | kind << 1 | last).to_bytes(BLOCK_HEAD, "little")


def is_frame(data: bytes) -> bool:
    """Whether the first four bytes begin a frame."""
    return data[:4] == MAGIC
