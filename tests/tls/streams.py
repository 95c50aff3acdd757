"""A small TCP reassembler for tests of the TLS stage, apart from the engine's: dpkt reads the frames, this orders the bytes.

It gives, for each connection, events in the order in which the bytes became readable: ("bytes", side, data, ns, frame) and
("hole", side, count). Side 0 is client to server; the client is told by the server's port.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dpkt

Event = tuple[str, int, bytes | int, int, int]


@dataclass
class Half:
    next: int | None = None
    early: dict[int, tuple[bytes, int, int, int]] = field(default_factory=dict)  # seq -> bytes, length on the wire, ns, frame


@dataclass
class Stream:
    client_port: int
    events: list[Event] = field(default_factory=list)
    halves: tuple[Half, Half] = field(default_factory=lambda: (Half(), Half()))

    def take(self, side: int, seq: int, data: bytes, length: int, ns: int, frame: int) -> None:
        half = self.halves[side]
        if half.next is None:
            half.next = seq
        ahead = (seq - half.next + (1 << 31)) % (1 << 32) - (1 << 31)
        if ahead > 0:
            half.early.setdefault(seq, (data, length, ns, frame))
            return
        if length + ahead <= 0:
            return
        data = data[-ahead:]
        if data:
            self.events.append(("bytes", side, data, ns, frame))
        missing = length + ahead - len(data)
        if missing:
            self.events.append(("hole", side, missing, ns, frame))
        half.next = (half.next + length + ahead) % (1 << 32)
        for later in sorted(half.early):
            if (later - half.next) % (1 << 32) == 0 or (half.next - later) % (1 << 32) < 1 << 31:
                self.take(side, later, *half.early.pop(later))
                break

    def finish(self) -> None:
        for side, half in enumerate(self.halves):
            while half.early:
                seq = min(half.early, key=lambda s: (s - half.next) % (1 << 32))
                gap = (seq - half.next) % (1 << 32)
                self.events.append(("hole", side, gap, 0, 0))
                half.next = seq
                self.take(side, seq, *half.early.pop(seq))


def embedded_secrets(path: Path) -> bytes:
    """Key log text of the Decryption Secrets Blocks of a little-endian pcapng file."""
    data, at, out = path.read_bytes(), 0, b""
    while data[:4] == b"\x0a\x0d\x0d\x0a" and at + 12 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == 10:
            _, length = struct.unpack_from("<II", data, at + 8)
            out += data[at + 16 : at + 16 + length]
        at += size
    return out


def ip_packet(link: int, frame: bytes) -> object:
    if link == 276:
        family, packet = int.from_bytes(frame[:2], "big"), frame[20:]
    elif link == 113:
        family, packet = int.from_bytes(frame[14:16], "big"), frame[16:]
    else:
        family, packet = int.from_bytes(frame[12:14], "big"), frame[14:]
    return packet if family in (0x0800, 0x86DD) else None


def segments(path: Path) -> Iterator[tuple[int, int, int, int, int, bytes, int, bool]]:
    """(frame, ns, source port, destination port, seq, captured payload, payload length on the wire, SYN) of each frame with TCP."""
    with path.open("rb") as file:
        reader = dpkt.pcap.UniversalReader(file)
        for number, (seconds, frame) in enumerate(reader, 1):
            packet = ip_packet(reader.datalink(), frame)
            if packet is None:
                continue
            if packet[0] >> 4 == 4:
                head = (packet[0] & 15) * 4
                total, protocol = int.from_bytes(packet[2:4], "big"), packet[9]
            else:
                head, protocol = 40, packet[6]
                total = 40 + int.from_bytes(packet[4:6], "big")
            if protocol != 6 or len(packet) < head + 20:
                continue
            tcp = packet[head:total]
            source, destination, seq = struct.unpack_from(">HHI", tcp)
            offset, flags = (tcp[12] >> 4) * 4, tcp[13]
            syn = bool(flags & 2)
            yield number, int(seconds * 1e9), source, destination, seq + syn, tcp[offset:], max(0, total - head - offset), syn


def streams(path: Path, server_port: int) -> dict[int, Stream]:
    """Connections by client port."""
    found: dict[int, Stream] = {}
    for frame, ns, source, destination, seq, data, length, syn in segments(path):
        side = 1 if source == server_port else 0
        port = destination if side else source
        stream = found.setdefault(port, Stream(port))
        if syn:
            stream.halves[side].next = seq % (1 << 32)
        elif length:
            stream.take(side, seq, data, length, ns, frame)
    for stream in found.values():
        stream.finish()
    return found
