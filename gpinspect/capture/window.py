"""What capture hands to the engine: a stretch of whole records in a reused buffer, and how they are cut.

One source fills one buffer again and again. The engine walks the records of a window, moves `start` to the first byte it did not
take, and hands the window back; the source then looks at what stands there (an incomplete record: more bytes are wanted; something
else: a block that is no frame, or a frame of another interface).
"""

import struct
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, Protocol

SLACK = 256
"""Bytes that a window's buffer has beyond `end`, so that reading the fields of a short record never leaves the buffer."""

LARGEST_RECORD = 1 << 24
"""Captured bytes of one record that are believed; more means damage. libpcap writes 256 KiB at most, offloads reach 512 KiB."""


class RecordLayout(NamedTuple):
    """How the records of one interface of one file are cut.

    `head` unpacks seven values: kind, size, interface, high, low, captured, original. In classic pcap the first three are empty
    bytes (`0s` fields). A record holds only when kind and interface are as here. Time in nanoseconds is
    high * high_ns + low * low_ns + base_ns.
    """

    head: struct.Struct
    length: int  # bytes from the start of the record to the first byte of the frame
    kind: bytes
    interface: bytes
    sized: bool  # `size` is the length of the whole record; else it ends with the captured bytes
    high_ns: int
    low_ns: int
    base_ns: int
    link: int  # link type (LINKTYPE_* number)


@cache
def classic_head(layout: str) -> struct.Struct:
    """The `head` of a `RecordLayout` without its empty fields, by its format: four values in classic pcap."""
    return struct.Struct(layout.replace("0s", ""))


@dataclass(slots=True)
class Window:
    """Records in `buffer[start:end]`; the last one may be incomplete. `base` is the capture position of `buffer[0]`."""

    buffer: bytearray
    start: int
    end: int
    base: int
    layout: RecordLayout


class FrameSink(Protocol):
    """What the engine is to a source."""

    def run(self, window: Window) -> None:
        """Take every whole record that fits the layout; move `window.start` behind them."""
