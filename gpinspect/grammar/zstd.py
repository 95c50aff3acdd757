"""Where a zstd frame and its blocks end, read from their headers; nothing is decompressed.

With compression the size of a frame is nowhere in the messages of protocol 1: only its own block headers say where the next message
starts. (RFC 8878, sections 3.1.1 and 3.1.1.2.)
"""

from typing import Final, NamedTuple

MAGIC: Final = b"\x28\xb5\x2f\xfd"
LARGEST_HEAD: Final = 18
"""Bytes of the longest frame head."""

BLOCK_HEAD: Final = 3
CHECKSUM: Final = 4
KINDS: Final = ("raw", "rle", "compressed", "reserved")

_DICTIONARY = (0, 1, 2, 4)
_CONTENT = (0, 2, 4, 8)


class FrameHead(NamedTuple):
    """What stands in front of the first block."""

    length: int  # bytes of this head, magic included
    has_checksum: bool  # four bytes follow the last block
    content_size: int | None  # decompressed bytes, None where the head does not say (gpfdist's frames do not)
    window: int  # bytes a decoder must remember


class BlockHead(NamedTuple):
    """The three bytes in front of a block."""

    last: bool
    kind: str  # one of KINDS
    size: int  # as the head says: decompressed bytes of raw and rle, bytes on the wire of compressed
    size_on_wire: int  # bytes that follow these three

    @property
    def reserved(self) -> bool:
        """Whether no decoder takes this block."""
        return self.kind == "reserved"


class NotZstd(NamedTuple):
    """Bytes that start no zstd frame, and why."""

    problem: str


def frame_head(data: bytes | bytearray | memoryview) -> FrameHead | NotZstd | None:
    """Read the head of a frame at the start of `data`; 18 bytes are always enough.

    Returns:
        The head, None when more bytes are wanted, or a `NotZstd`.

    Raises:
        Nothing.
    """
    magic = bytes(data[:4])
    if not MAGIC.startswith(magic):
        return NotZstd(f"starts with {magic.hex(' ')}, a frame starts with {MAGIC.hex(' ')}")
    if len(data) < 5:
        return None
    descriptor = data[4]
    if descriptor & 0x08:
        return NotZstd("the reserved bit of its descriptor is set")
    single = bool(descriptor & 0x20)
    dictionary = _DICTIONARY[descriptor & 3]
    content = _CONTENT[descriptor >> 6] or int(single)
    length = 5 + (not single) + dictionary + content
    if len(data) < length:
        return None
    size = int.from_bytes(data[length - content : length], "little") + (256 if content == 2 else 0) if content else None
    if single:
        assert size is not None
        window = size
    else:
        base = 1 << (10 + (data[5] >> 3))
        window = base + base // 8 * (data[5] & 7)
    return FrameHead(length, bool(descriptor & 0x04), size, window)


def block_head(data: bytes | bytearray | memoryview) -> BlockHead | None:
    """Read the head of a block from three bytes; None when there are fewer."""
    if len(data) < BLOCK_HEAD:
        return None
    value = int.from_bytes(data[:BLOCK_HEAD], "little")
    kind = KINDS[value >> 1 & 3]
    size = value >> 3
    return BlockHead(bool(value & 1), kind, size, 1 if kind == "rle" else 0 if kind == "reserved" else size)


def frame_length(data: bytes | bytearray | memoryview) -> int | NotZstd | None:
    """Bytes of the whole frame at the start of `data`; None when its end has not come.

    For content that is at hand as a whole. A stream is better walked block by block, so that nothing is kept.
    """
    head = frame_head(data)
    if not isinstance(head, FrameHead):
        return head
    position = head.length
    while True:
        block = block_head(data[position : position + BLOCK_HEAD])
        if block is None:
            return None
        if block.reserved:
            return NotZstd(f"block of the reserved kind at byte {position}")
        position += BLOCK_HEAD + block.size_on_wire
        if block.last:
            position += CHECKSUM if head.has_checksum else 0
            return position if position <= len(data) else None
