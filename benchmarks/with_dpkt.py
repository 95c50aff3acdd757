"""What one writes with dpkt in an afternoon: a dictionary of streams, reassembly, a walk over the messages.

python with_dpkt.py FILE PORT        prints one line of JSON
"""

import json
import sys
from pathlib import Path
from typing import Any

import dpkt

DATA = ord("D")


class Body:
    """Walks heads and messages of one direction; content of D is counted and let go."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.counts = counts
        self.pending = bytearray()
        self.skip = 0
        self.payload = 0
        self.in_head = True

    def feed(self, data: bytes) -> None:
        while data:
            if self.skip:
                taken = min(self.skip, len(data))
                self.skip -= taken
                self.payload += taken
                data = data[taken:]
                continue
            self.pending += data
            data = b""
            if self.in_head:
                end = self.pending.find(b"\r\n\r\n")
                if end < 0:
                    return
                self.skip = declared(self.pending[:end])
                data, self.pending, self.in_head = bytes(self.pending[end + 4 :]), bytearray(), False
                continue
            data = self.walk()

    def walk(self) -> bytes:
        place, size, pending = 0, len(self.pending), self.pending
        while size - place >= 5:
            kind, length = pending[place], int.from_bytes(pending[place + 1 : place + 5], "big")
            if kind == DATA:
                self.skip = length
            elif size - place < 5 + length:
                break
            letter = chr(kind)
            self.counts[letter] = self.counts.get(letter, 0) + 1
            place += 5
            if kind == DATA and length:
                rest = bytes(pending[place:])
                self.pending = bytearray()
                return rest
            place += length
        del pending[:place]
        return b""


class Stream:
    """One direction of a connection, put in order."""

    def __init__(self, seq: int, body: Body) -> None:
        self.seq = seq
        self.body = body
        self.ahead: dict[int, bytes] = {}

    def segment(self, seq: int, data: bytes) -> None:
        behind = (self.seq - seq) & 0xFFFFFFFF
        if behind >= 0x80000000:
            self.ahead[seq] = data
            return
        data = data[behind:]
        while data:
            self.seq = (self.seq + len(data)) & 0xFFFFFFFF
            self.body.feed(data)
            data = self.ahead.pop(self.seq, b"") if self.ahead else b""


def declared(head: bytearray) -> int:
    """Bytes of a request's body: the one in POST counts as payload."""
    if not head.startswith(b"POST"):
        return 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def main(path: str, port: int) -> dict[str, Any]:
    counts = dict.fromkeys("FOLDE", 0)
    streams: dict[tuple[bytes, int, bytes, int], Stream] = {}
    payload = connections = 0
    with Path(path).open("rb") as file:
        for _, frame in dpkt.pcap.Reader(file):
            ip = dpkt.ethernet.Ethernet(frame).data
            if not isinstance(ip, dpkt.ip.IP) or not isinstance(ip.data, dpkt.tcp.TCP):
                continue
            tcp = ip.data
            if port not in (tcp.sport, tcp.dport):
                continue
            key = (ip.src, tcp.sport, ip.dst, tcp.dport)
            if tcp.flags & dpkt.tcp.TH_SYN:
                if key in streams:
                    payload += streams[key].body.payload
                streams[key] = Stream((tcp.seq + 1) & 0xFFFFFFFF, Body(counts))
                connections += tcp.dport == port
            elif tcp.data and key in streams:
                streams[key].segment(tcp.seq, tcp.data)
    payload += sum(stream.body.payload for stream in streams.values())
    return {"message_counts": counts, "payload_bytes": payload, "connections": connections}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
