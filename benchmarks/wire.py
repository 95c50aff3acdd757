"""Captures written fast: frames from templates that only get time, length and sequence numbers patched in.

Every IPv4 header checksum is right; every TCP checksum is 0, as it is in a capture taken where the network card fills it in.
Memory is one output buffer, whatever the size of the capture.
"""

import random
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

RECORD = struct.Struct("<IIII")
LENGTH = struct.Struct("!H")
NUMBERS = struct.Struct("!II")
FLAGS = struct.Struct("!BB")
HEAD: Final = 14 + 20 + 32  # Ethernet, IPv4, TCP with the time stamp option
IP_AT: Final = RECORD.size + 14
TCP_AT: Final = IP_AT + 20
FIN, SYN, PSH, ACK = 1, 2, 8, 16
MASK = 0xFFFFFFFF
FLUSH = 1 << 22
START_NS = 1_700_000_000_000_000_000

Address = tuple[str, int]


class Writer:
    """A pcap file with nanosecond times and a clock."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("wb", buffering=0)
        self.out: list[bytes | memoryview] = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)]
        self.pending = self.written = 24
        self.frames = 0
        self.now_ns = START_NS

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.flush()
        self.file.close()

    def flush(self) -> None:
        self.file.write(b"".join(self.out))
        self.out.clear()
        self.pending = 0


class Side:
    """One direction of a connection: its frame template, its place in the sequence, and what of it has arrived."""

    def __init__(self, source: Address, target: Address, isn: int) -> None:
        self.seq = isn
        self.due = 0  # TCP segments that the other side has not acknowledged yet
        self.held: list[tuple[int, int, bytes]] = []  # (segment count at which it is sent again, seq, data)
        self.segments = 0
        tcp = struct.pack("!HHIIBBHHH", source[1], target[1], 0, 0, 8 << 4, ACK, 64240, 0, 0) + b"\1\1\x08\x0a" + bytes(8)
        addresses = octets(source[0]) + octets(target[0])
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0x4000, 64, 6, 0) + addresses
        self.template = bytearray(RECORD.size) + mac(target[0]) + mac(source[0]) + b"\x08\0" + ip + tcp
        self.sum = sum(struct.unpack("!10H", ip))
        self.checksums: dict[int, int] = {}

    @property
    def arrived(self) -> int:
        return self.held[0][1] if self.held else self.seq

    def checksum(self, total: int) -> int:
        """Of the IPv4 header with this total length."""
        value = self.checksums.get(total)
        if value is None:
            value = self.checksums[total] = -(self.sum + total) % 0xFFFF
        return value


class Talk:
    """One TCP connection.

    Args:
        mss: Payload bytes of a frame at most.
        loss: Share of data frames that are missing where they were first sent; they follow 3 to 40 frames later.
    """

    def __init__(self, writer: Writer, rng: random.Random, client: Address, server: Address, mss: int, loss: float = 0.0) -> None:
        self.writer = writer
        self.rng = rng
        self.mss = mss
        self.loss = loss
        self.lost = 0
        self.burst = 0  # data frames left before others get their turn
        self.client = Side(client, server, start_of(rng))
        self.server = Side(server, client, start_of(rng))

    def frame(self, here: Side, there: Side, seq: int, flags: int, data: bytes | memoryview = b"") -> None:
        """One frame of `here`, acknowledging what arrived of `there`."""
        writer, template = self.writer, here.template
        size = HEAD + len(data)
        writer.now_ns += 1000 + size * 8 // 10
        RECORD.pack_into(template, 0, writer.now_ns // 1_000_000_000, writer.now_ns % 1_000_000_000, size, size)
        LENGTH.pack_into(template, IP_AT + 2, size - 14)
        LENGTH.pack_into(template, IP_AT + 10, here.checksum(size - 14))
        NUMBERS.pack_into(template, TCP_AT + 4, seq & MASK, there.arrived & MASK if flags & ACK else 0)
        template[TCP_AT + 13] = flags
        writer.out.append(bytes(template))
        if data:
            writer.out.append(data)
        writer.frames += 1
        writer.written += RECORD.size + size
        writer.pending += RECORD.size + size
        if writer.pending > FLUSH:
            writer.flush()

    def open(self) -> None:
        client, server = self.client, self.server
        self.frame(client, server, client.seq, SYN)
        client.seq += 1
        self.frame(server, client, server.seq, SYN | ACK)
        server.seq += 1
        self.frame(client, server, client.seq, ACK)

    def send(self, here: Side, data: bytes | memoryview) -> Iterator[None]:
        """One send() of `here`: cut in TCP segments, an ACK for every second one.

        Yields after every burst of 2 to 20 data frames, so that other connections get their turn.
        """
        there = self.server if here is self.client else self.client
        for start in range(0, len(data), self.mss):
            piece = data[start : start + self.mss]
            last = start + self.mss >= len(data)
            here.segments += 1
            if self.loss and len(here.held) < 8 and self.rng.random() < self.loss:
                here.held.append((here.segments + self.rng.randrange(3, 41), here.seq, bytes(piece)))
                self.lost += 1
            else:
                self.frame(here, there, here.seq, ACK | PSH if last else ACK, piece)
                here.due += 1
            here.seq += len(piece)
            if here.held:
                self.recover(here, there)
            if here.due > 1 or (here.held and here.due):
                here.due = 0
                self.frame(there, here, there.seq, ACK)
            self.burst -= 1
            if self.burst < 0:
                self.burst = self.rng.randrange(1, 20)
                yield

    def recover(self, here: Side, there: Side, everything: bool = False) -> None:
        """Send again what is due."""
        for piece in [piece for piece in here.held if everything or piece[0] <= here.segments]:
            _, seq, data = piece
            self.frame(here, there, seq, ACK, data)
            here.held.remove(piece)
            self.frame(there, here, there.seq, ACK)

    def close(self) -> None:
        """The server ends first."""
        for here, there in ((self.client, self.server), (self.server, self.client)):
            self.recover(here, there, everything=True)
        for here, there in ((self.server, self.client), (self.client, self.server)):
            self.frame(here, there, here.seq, FIN | ACK)
            here.seq += 1
        self.frame(self.server, self.client, self.server.seq, ACK)


def start_of(rng: random.Random) -> int:
    """An initial sequence number; every fourth one wraps within the first megabyte."""
    return MASK - rng.randrange(1, 1 << 20) if rng.random() < 0.25 else rng.randrange(MASK)


def octets(address: str) -> bytes:
    return bytes(map(int, address.split(".")))


def mac(address: str) -> bytes:
    return b"\x02\0" + octets(address)
