"""A capture as scapy's TCPSession and our layer have it, in the shape of `gpinspect packages --json` and `exchanges --json`."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from gpinspect.export.scapy import gpfdist as layer


@dataclass
class Side:
    """One direction of a connection, everything the layer gave for it."""

    packets: list[Any] = field(default_factory=list)

    def __getitem__(self, kind: type[Any]) -> list[Any]:
        return [packet for packet in self.packets if type(packet) is kind]

    @property
    def messages(self) -> list[Any]:
        return [one for packet in self.packets if isinstance(packet, layer.GpfdistMessages) for one in packet.messages]

    @property
    def bytes(self) -> bytes:
        """What the packets build to without what scapy remembers of how they came."""
        for packet in self.packets:
            packet.clear_cache()
            packet.remove_payload()
        return b"".join(bytes(packet) for packet in self.packets)


def address(packet: Any, host: str, port: int) -> str:
    return f"[{host}]:{port}" if IPv6 in packet else f"{host}:{port}"


def read(path: Path) -> dict[tuple[str, str], Side]:
    """Every direction (from, to) in which something was said."""
    sides: dict[tuple[str, str], Side] = {}

    def take(packet: Any) -> None:
        if TCP not in packet:
            return
        tcp = packet[TCP]
        if (tcp.payload and not isinstance(tcp.payload, Raw)) or type(tcp.payload) is Raw:
            ip = packet[IPv6] if IPv6 in packet else packet[IP]
            side = sides.setdefault((address(packet, ip.src, tcp.sport), address(packet, ip.dst, tcp.dport)), Side())
            one = tcp.payload
            while one:
                side.packets.append(one)
                one = one.payload

    for packet in layer.gpfdist_packets(str(path)):
        take(packet)
    return sides


def packages(side: Side) -> list[dict[str, Any]]:
    """Packages as the JSON has them."""
    found: list[dict[str, Any]] = []
    position = start = 0
    file = offset = line = None
    for message in side.messages:
        letter = chr(message.type)
        size = len(bytes(message))
        if letter == "F":
            file = message.file.decode()
        elif letter == "O":
            offset = message.offset
        elif letter == "L":
            line = message.line
        position += size
        if letter in "DE":
            length = message.length
            kind = "error" if letter == "E" else "data" if length else "end"
            complete = type(message) is layer.GpfdistZstdD or size == 5 + length
            found.append({"position": start, "file": file, "offset": offset, "line": line, "length": length, "kind": kind})
            found[-1]["complete"] = complete
            file = offset = line = None
            start = position
    return found


def rows_of(message: Any) -> bytes:
    return message.rows or b"" if chr(message.type) == "D" else b""


def rows_hash(side: Side) -> str:
    """SHA-256 of everything that is rows."""
    digest = hashlib.sha256()
    for message in side.messages:
        digest.update(rows_of(message))
    for rows in side[layer.GpfdistRows]:
        digest.update(rows.rows)
    return digest.hexdigest()
