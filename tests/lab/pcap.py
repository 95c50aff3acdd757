"""Classic pcap with nanoseconds, read and written with nothing but struct, and the few header fields that the truth needs.

On purpose not the product's reader: what the laboratory says about a file must not come from what is tested with it.
"""

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

FIN, SYN, RST, ACK = 1, 2, 4, 16
_MAGIC = 0xA1B23C4D


class Record(NamedTuple):
    time: int  # ns since the epoch
    length: int  # on the wire
    data: bytes

    @property
    def tcp(self) -> "Tcp":
        at = 14 + (self.data[14] & 15) * 4
        source, target, seq, ack, offset, flags, window = struct.unpack_from("!HHIIBBH", self.data, at)
        total = struct.unpack_from("!H", self.data, 16)[0]
        return Tcp(source, target, seq, ack, flags, window, total - (self.data[14] & 15) * 4 - (offset >> 4) * 4)


class Tcp(NamedTuple):
    source: int
    target: int
    seq: int
    ack: int
    flags: int
    window: int  # as written, without scale
    size: int  # payload bytes


def read(path: Path) -> list[Record]:
    content = path.read_bytes()
    if struct.unpack_from("<I", content)[0] != _MAGIC:
        raise ValueError(f"{path}: not a little-endian pcap with nanoseconds")
    records, at = [], 24
    while at + 16 <= len(content):
        seconds, nanos, kept, length = struct.unpack_from("<IIII", content, at)
        if at + 16 + kept > len(content):
            break
        records.append(Record(seconds * 10**9 + nanos, length, content[at + 16 : at + 16 + kept]))
        at += 16 + kept
    return records


def write(path: Path, records: Iterable[Record], snaplen: int) -> None:
    out = [struct.pack("<IHHiIII", _MAGIC, 2, 4, 0, 0, snaplen, 1)]
    for time, length, data in records:
        out += [struct.pack("<IIII", time // 10**9, time % 10**9, len(data), length), data]
    path.write_bytes(b"".join(out))
