"""Frames whose record no layout can express, written again as canonical records.

A canonical record is that of a little-endian pcap file with one difference: its time is a count of nanoseconds in 64 bits,
high half first, so that it holds for every year. Each is handed out in a window of its own whose `base` makes its capture
position that of the record it stands for: reading again works the same for both.
"""

import struct

from gpinspect.capture.window import SLACK, RecordLayout, Window

HEAD = struct.Struct("<0s0s0sIIII")
FIRST_SIZE = 1 << 16


def canonical_layout(link: int) -> RecordLayout:
    return RecordLayout(HEAD, HEAD.size, b"", b"", False, 1 << 32, 1, 0, link)


class Transcoder:
    """Writes one canonical record at a time into a buffer of its own, which it reuses."""

    def __init__(self) -> None:
        self.window = Window(bytearray(FIRST_SIZE + SLACK), 0, 0, 0, canonical_layout(0))

    def write(self, position: int, link: int, ns: int, frame: memoryview, original: int) -> Window:
        """Put down one frame.

        Args:
            position: Capture position of the record that it was in.
            ns: Nanoseconds since the epoch, 0 to 2^63 - 1.
            frame: The captured bytes.
            original: Bytes that the frame had on the wire.
        """
        window = self.window
        end = HEAD.size + len(frame)
        if end + SLACK > len(window.buffer):
            window.buffer = bytearray(end + SLACK)
        HEAD.pack_into(window.buffer, 0, b"", b"", b"", ns >> 32, ns & 0xFFFFFFFF, len(frame), original)
        window.buffer[HEAD.size : end] = frame
        window.start, window.end, window.base = 0, end, position
        if window.layout.link != link:
            window.layout = canonical_layout(link)
        return window
