"""Frames collected with a clock, and written as pcap or pcapng in any byte order and resolution."""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from craft.layers import ETHERNET

START_NS = 1_700_000_000_000_000_000


class Record(NamedTuple):
    time_ns: int
    data: bytes  # captured bytes
    original: int  # bytes on the wire
    interface: int = 0


@dataclass
class Capture:
    """Frames in capture order.

    Args:
        link: LINKTYPE_* number of interface 0.
        nanoseconds: Magic of classic pcap; microseconds cut the time.
        byteorder: Of the file.
        snaplen: Captured bytes of a frame at most.
        now_ns: The clock; every frame that a `Conversation` adds moves it on. May be set back.

    `records` is an ordinary list: drop, double or reorder what is in it.
    """

    link: int = ETHERNET
    nanoseconds: bool = True
    byteorder: Literal["little", "big"] = "little"
    snaplen: int = 262144
    now_ns: int = START_NS
    records: list[Record] = field(default_factory=list)
    links: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.links.append(self.link)

    def __len__(self) -> int:
        return len(self.records)

    def interface(self, link: int) -> int:
        """Add an interface (pcapng only); its number is what `frame` takes."""
        self.links.append(link)
        return len(self.links) - 1

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)

    def frame(self, data: bytes, original: int | None = None, interface: int = 0) -> None:
        """Add a frame at the present time, cut at the snap length."""
        self.records.append(Record(self.now_ns, data[: self.snaplen], len(data) if original is None else original, interface))

    def pcap(self) -> bytes:
        order = "<" if self.byteorder == "little" else ">"
        magic, unit = (0xA1B23C4D, 1) if self.nanoseconds else (0xA1B2C3D4, 1000)
        out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, self.snaplen, self.link)]
        for time_ns, data, original, _ in self.records:
            seconds, rest = divmod(time_ns, 1_000_000_000)
            out += struct.pack(order + "IIII", seconds, rest // unit, len(data), original), data
        return b"".join(out)

    def pcapng(self, resolution: int = 9) -> bytes:
        """One section. `resolution` is if_tsresol: a power of ten, or of two with the top bit set; 6 leaves the option out.

        Two of these behind each other are a file of two sections.
        """
        order = "<" if self.byteorder == "little" else ">"
        option = struct.pack(order + "HHB3xHH", 9, 1, resolution, 0, 0) if resolution != 6 else b""
        out = [block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
        out += [block(order, 1, struct.pack(order + "HHI", link, 0, self.snaplen) + option) for link in self.links]
        for time_ns, data, original, interface in self.records:
            ticks = (time_ns << (resolution & 0x7F)) // 10**9 if resolution & 0x80 else time_ns * 10**resolution // 10**9
            fixed = struct.pack(order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data), original)
            out.append(block(order, 6, fixed + data))
        return b"".join(out)

    def write(self, path: Path) -> Path:
        """Write to `path`, as pcapng if it ends so."""
        path.write_bytes(self.pcapng() if path.suffix == ".pcapng" else self.pcap())
        return path


def block(order: str, kind: int, body: bytes) -> bytes:
    """One pcapng block."""
    body += b"\0" * (-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size
