"""pcapng out: frames as they were captured, with their times in nanoseconds, and the TLS secrets that open them.

One section in little-endian order; one interface for each link type, described when its first frame comes.
Source: draft-ietf-opsawg-pcapng, sections 4.1, 4.2, 4.3, 4.6 and 4.7.
"""

import struct
from typing import Protocol

from gpinspect.capture import blocks

_MAGIC = 0x1A2B3C4D
_UNKNOWN_LENGTH = -1  # of the section: it is written front to back
_APPLICATION = 4  # shb_userappl
_NANOSECONDS = 9  # if_tsresol: a power of ten
_NO_SNAP_LENGTH = 0


class Sink(Protocol):
    """Where the file goes: anything that takes all bytes it is given, or raises OSError."""

    def write(self, data: bytes, /) -> object: ...


class PcapngWriter:
    """Writes one capture. Secrets come in front of the frames that they open, so `secrets` is called first.

    Args:
        sink: Takes the bytes; what it raises goes through.
        application: What made the file, for its header.
    """

    def __init__(self, sink: Sink, application: str) -> None:
        self._sink = sink
        self._interfaces: dict[int, int] = {}  # link type -> number of its interface
        self._last_ns = 0
        self.frames = 0
        self.bytes = 0  # of the file so far
        header = struct.pack("<IHHq", _MAGIC, 1, 0, _UNKNOWN_LENGTH)
        self._block(int.from_bytes(blocks.SECTION, "little"), header + _options((_APPLICATION, application.encode())))

    def secrets(self, key_log: bytes) -> None:
        """Embed the text of a TLS key log (Decryption Secrets Block); nothing for an empty one."""
        if key_log:
            self._block(blocks.SECRETS, struct.pack("<II", blocks.TLS_KEY_LOG, len(key_log)) + _padded(key_log))

    def frame(self, link: int, ns: int, captured: bytes, original: int) -> None:
        """Add one frame.

        Args:
            link: LINKTYPE_* number.
            ns: Nanoseconds since the epoch, from 0 up.
            captured: Its bytes as they are in the capture.
            original: Bytes that it had on the wire.
        """
        number = self._interfaces.get(link)
        if number is None:
            number = self._interfaces[link] = len(self._interfaces)
            resolution = _options((blocks.TIME_RESOLUTION, bytes((_NANOSECONDS,))))
            self._block(blocks.INTERFACE, struct.pack("<HHI", link, 0, _NO_SNAP_LENGTH) + resolution)
        self._last_ns = ns
        head = struct.pack("<IIIII", number, ns >> 32, ns & 0xFFFFFFFF, len(captured), original)
        self._block(blocks.ENHANCED_FRAME, head + _padded(captured))
        self.frames += 1

    def end(self, *, dropped: int = 0, unfinished: bool = False) -> None:
        """What is known of the recording that no frame tells.

        Args:
            dropped: Frames that the recorder says it lost (interface statistics of the first interface).
            unfinished: The recording broke off in mid record; so does the file, as readers of captures expect it.
        """
        if dropped and self._interfaces:
            lost = _options((blocks.DROPPED_BY_INTERFACE, struct.pack("<Q", dropped)))
            self._block(blocks.STATISTICS, struct.pack("<III", 0, self._last_ns >> 32, self._last_ns & 0xFFFFFFFF) + lost)
        if unfinished and self._interfaces:
            start = struct.pack("<II", blocks.ENHANCED_FRAME, 36)
            self._sink.write(start)
            self.bytes += len(start)

    def _block(self, kind: int, content: bytes) -> None:
        length = struct.pack("<I", 12 + len(content))
        self._sink.write(b"".join((struct.pack("<I", kind), length, content, length)))
        self.bytes += 12 + len(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(*options: tuple[int, bytes]) -> bytes:
    parts = [struct.pack("<HH", number, len(value)) + _padded(value) for number, value in options]
    return b"".join(parts) + struct.pack("<HH", blocks.END_OF_OPTIONS, 0)
