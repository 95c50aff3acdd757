"""From a captured frame to a TCP segment.

Two ways through. `FastLayout` says how the usual frame of a link type looks (no options, no tags, no fragments) so that the loop in
`gpinspect.engine.index` can take it apart with one unpack. `Decoder` takes everything else: VLAN tags, tunnels, IP options,
fragments, extension headers, short captures. Both give the same answer for a frame that both can read; a test holds them together.
"""

import struct
from functools import cache
from typing import NamedTuple

ETHERNET, NULL, LOOP, SLL, SLL2 = 1, 0, 108, 113, 276
RAW = (12, 14, 101)
RAW_IPV4, RAW_IPV6 = 228, 229

IPV4, IPV6 = 0x0800, 0x86DD
VLAN_TAGS = (0x8100, 0x88A8, 0x9100)
TCP, IPIP, UDP, IPV6_IN_IP, GRE = 6, 4, 17, 41, 47
EXTENSIONS = (0, 43, 60, 135, 139, 140)  # IPv6 headers of type, length in 8 octets less one
FRAGMENT, AUTHENTICATION = 44, 51
VXLAN_PORT = 4789
UNDELIVERED = {1: (3, 4, (2, 4)), 58: (1, 6, (5, 6))}
"""ICMP and ICMPv6: type "destination unreachable", IP version inside, and codes that do not mean the host (protocol unknown, packet
too large; policies of source addresses)."""

FIN, SYN, RST, ACK = 1, 2, 4, 16

_PLAIN = bytes(flags & (FIN | SYN | RST | ACK) == ACK for flags in range(256))
DEEPEST_TUNNEL = 8
MOST_FRAGMENTS = 256
"""Packets whose fragments are held at once."""
MOST_PIECES = 2048
"""Fragments of one packet; the smallest link of IPv4 makes fewer of the longest packet."""
LARGEST_DATAGRAM = 65535


@cache
def plain_headers(before: int) -> tuple[int, ...]:
    """By data offset and flags of a TCP header: its bytes and `before` more; 0 where the segment opens, closes or resets, or the
    header is too short. A tuple, because nothing is looked up faster."""
    rows = (bytes((before + 4 * offset) * plain for plain in _PLAIN) * 16 if offset >= 5 else bytes(4096) for offset in range(16))
    return tuple(b"".join(rows))


class FastLayout(NamedTuple):
    """The usual frame of one link type and IP version.

    `fields` unpacks nine values: tag, version, total, fragment, protocol, key, sequence, acknowledgment, and data offset with flags
    as one number, the index into `plain_headers(base)`.
    """

    fields: struct.Struct
    tag: int | bytes  # what the link header says of an IP packet of this version
    version: int  # first byte of the IP header
    unfragmented: int | bytes  # value of the fragment field that needs no second look
    reach: int  # add to `total`: bytes of the frame up to the end of the IP packet
    base: int  # bytes that `total` counts before the TCP header


_IPV4 = "BxH2xHxB2x12sIIH"
_IPV6 = "B3xH0sBx36sIIH"
_FRONT: dict[int, tuple[str, int | bytes, int | bytes, int]] = {  # format of the link header, tag of IPv4, of IPv6, length
    ETHERNET: ("12xH", IPV4, IPV6, 14),
    SLL: ("14xH", IPV4, IPV6, 16),
    SLL2: ("H18x", IPV4, IPV6, 20),
    NULL: ("I", 0x02000000, 0x1E000000, 4),
    LOOP: ("I", 2, 30, 4),
    RAW_IPV4: ("0s", b"", b"", 0),
    RAW_IPV6: ("0s", b"", b"", 0),
    **dict.fromkeys(RAW, ("0s", b"", b"", 0)),
}
KNOWN_LINKS = frozenset(_FRONT)


def fast_layout(link: int, version: int) -> FastLayout | None:
    """The usual frame of a link type for IP version 4 or 6; None for a link type that is not known."""
    front = _FRONT.get(link)
    if front is None:
        return None
    text, tag4, tag6, length = front
    if version == 4:
        return FastLayout(struct.Struct(">" + text + _IPV4), tag4, 0x45, 0x4000, length, 20)
    return FastLayout(struct.Struct(">" + text + _IPV6), tag6, 0x60, b"", length + 40, 0)


class TcpSegment(NamedTuple):
    """A TCP segment out of a frame. Payload is `data[start:start + captured]`; `length` bytes of it were on the wire."""

    key: bytes  # source and destination address, source and destination port, as on the wire
    sequence: int
    acknowledgment: int
    flags: int
    window: int
    data: bytes | bytearray | memoryview
    start: int
    captured: int
    length: int


_PORTS = struct.Struct(">4sIIBBH")
_U16 = struct.Struct(">H")


class Decoder:
    """Takes frames of any known link type apart. Holds fragments of IPv4 and IPv6 packets until they are whole (bounded)."""

    def __init__(self) -> None:
        self._fragments: dict[bytes, dict[int, bytes]] = {}
        self._ends: dict[bytes, int] = {}
        self.unreachable: bytes | None = None
        """Stream key of the TCP segment that an ICMP message in the frame calls undeliverable; None for any other frame."""
        self.datagram: bytes | None = None
        """What the frame decoded last is a fragment of (a name that its other fragments share); None for a whole one."""

    def decode(self, link: int, data: bytes | bytearray | memoryview, original: int) -> TcpSegment | None:
        """The TCP segment in a frame, or None if there is none (or not yet: fragments).

        Args:
            data: What was captured of the frame.
            original: Bytes of the frame on the wire.
        """
        self.datagram = self.unreachable = None
        try:
            return self._link(link, data, max(original, len(data)))
        except (struct.error, IndexError):
            return None  # a header does not lie wholly in what was captured

    def _link(self, link: int, data: bytes | bytearray | memoryview, original: int) -> TcpSegment | None:
        if link == ETHERNET:
            return self._ethertype(data, 12, original, 0)
        if link == SLL:
            return self._ethertype(data, 14, original, 0)
        if link == SLL2:
            kind = _U16.unpack_from(data, 0)[0]
            return self._ip(data, 20, original, 0) if kind in (IPV4, IPV6) else self._tagged_sll2(data, kind, original)
        if link in (NULL, LOOP):
            return self._ip(data, 4, original, 0)
        return self._ip(data, 0, original, 0)

    def _tagged_sll2(self, data: bytes | bytearray | memoryview, kind: int, original: int) -> TcpSegment | None:
        return self._ethertype(data, 22, original, 0) if kind in VLAN_TAGS else None

    def _ethertype(self, data: bytes | bytearray | memoryview, at: int, original: int, depth: int) -> TcpSegment | None:
        kind = _U16.unpack_from(data, at)[0]
        while kind in VLAN_TAGS:
            at += 4
            kind = _U16.unpack_from(data, at)[0]
        if kind == 0x8864:  # PPPoE session: six bytes, then the PPP protocol
            return self._ip(data, at + 10, original, depth)
        return self._ip(data, at + 2, original, depth) if kind in (IPV4, IPV6) else None

    def _ip(self, data: bytes | bytearray | memoryview, at: int, original: int, depth: int) -> TcpSegment | None:
        if depth > DEEPEST_TUNNEL:
            return None
        version = data[at] >> 4
        if version == 4:
            return self._ipv4(data, at, original, depth)
        return self._ipv6(data, at, original, depth) if version == 6 else None

    def _ipv4(self, data: bytes | bytearray | memoryview, at: int, original: int, depth: int) -> TcpSegment | None:
        header = (data[at] & 15) * 4
        total = _U16.unpack_from(data, at + 2)[0]
        if header < 20:
            return None
        # 0 is segmentation offload: the packet ends with the frame, which it never exceeds
        total = min(total or original - at, original - at)
        if total < header:
            return None
        fragment = _U16.unpack_from(data, at + 6)[0]
        protocol = data[at + 9]
        addresses = bytes(data[at + 12 : at + 20])
        if fragment & 0x3FFF:
            name = b"\4" + addresses + bytes(data[at + 4 : at + 6]) + bytes((protocol,))
            piece = bytes(data[at + header : at + total])
            whole = self._join(name, (fragment & 0x1FFF) * 8, piece, total - header, bool(fragment & 0x2000))
            return self._upper(protocol, addresses, whole, 0, len(whole), depth) if whole is not None else None
        return self._upper(protocol, addresses, data, at + header, at + total, depth)

    def _ipv6(self, data: bytes | bytearray | memoryview, at: int, original: int, depth: int) -> TcpSegment | None:
        length = _U16.unpack_from(data, at + 4)[0]
        protocol = data[at + 6]
        addresses = bytes(data[at + 8 : at + 40])
        end = min(at + 40 + length, original) if length else original  # 0: jumbo payload or offload
        at += 40
        for _ in range(16):
            if protocol in EXTENSIONS:
                protocol, at = data[at], at + 8 + data[at + 1] * 8
            elif protocol == AUTHENTICATION:
                protocol, at = data[at], at + 8 + data[at + 1] * 4
            elif protocol == FRAGMENT:
                protocol, offset = data[at], _U16.unpack_from(data, at + 2)[0]
                name = b"\6" + addresses + bytes(data[at + 4 : at + 8])
                at += 8
                if offset & 0xFFF9:
                    whole = self._join(name, offset & 0xFFF8, bytes(data[at:end]), end - at, bool(offset & 1))
                    return self._upper(protocol, addresses, whole, 0, len(whole), depth) if whole is not None else None
            else:
                return self._upper(protocol, addresses, data, at, end, depth)
        return None

    def _join(self, name: bytes, offset: int, piece: bytes, length: int, more: bool) -> bytes | None:
        self.datagram = name
        if len(piece) < length or offset + length > LARGEST_DATAGRAM:
            return None  # cut by the snap length, or no packet that could exist
        if name not in self._fragments and len(self._fragments) >= MOST_FRAGMENTS:
            oldest = next(iter(self._fragments))
            del self._fragments[oldest]
            self._ends.pop(oldest, None)
        pieces = self._fragments.setdefault(name, {})
        pieces.setdefault(offset, piece)
        if len(pieces) > MOST_PIECES or sum(map(len, pieces.values())) > 2 * LARGEST_DATAGRAM:
            del self._fragments[name]  # overlaps on purpose
            self._ends.pop(name, None)
            return None
        if not more:
            self._ends[name] = offset + length
        end = self._ends.get(name)
        if end is None:
            return None
        whole = bytearray()
        for start in sorted(pieces):
            if start > len(whole):
                return None
            whole += pieces[start][len(whole) - start :]
        if len(whole) < end:
            return None
        del self._fragments[name]
        del self._ends[name]
        return bytes(whole[:end])

    def _upper(
        self, protocol: int, addresses: bytes, data: bytes | bytearray | memoryview, at: int, end: int, depth: int
    ) -> TcpSegment | None:
        if protocol == TCP:
            ports, sequence, acknowledgment, offset, flags, window = _PORTS.unpack_from(data, at)
            header = (offset >> 2) & 60
            if header < 20 or at + header > end:
                return None
            start = at + header
            captured = max(0, min(end, len(data)) - start)
            return TcpSegment(addresses + ports, sequence, acknowledgment, flags, window, data, start, captured, end - start)
        if protocol in (IPIP, IPV6_IN_IP):
            return self._ip(data, at, end, depth + 1)
        if protocol in UNDELIVERED:
            self.unreachable = _undelivered(protocol, data, at, end)
        if protocol == GRE:
            return self._gre(data, at, end, depth + 1)
        if protocol == UDP and _U16.unpack_from(data, at + 2)[0] == VXLAN_PORT:
            return self._ethertype(data, at + 8 + 8 + 12, end, depth + 1) if depth < DEEPEST_TUNNEL else None
        return None

    def _gre(self, data: bytes | bytearray | memoryview, at: int, end: int, depth: int) -> TcpSegment | None:
        bits, kind = struct.unpack_from(">HH", data, at)
        if bits & 0x4007:  # source routing, or a version other than 0
            return None
        at += 4 + (4 if bits & 0x8000 else 0) + (4 if bits & 0x2000 else 0) + (4 if bits & 0x1000 else 0)
        if kind == 0x6558:  # transparent Ethernet
            return self._ethertype(data, at + 12, end, depth) if depth <= DEEPEST_TUNNEL else None
        return self._ip(data, at, end, depth) if kind in (IPV4, IPV6) else None


def _undelivered(protocol: int, data: bytes | bytearray | memoryview, at: int, end: int) -> bytes | None:
    """Stream key of the TCP segment whose beginning an ICMP message "unreachable" quotes (RFC 792, RFC 4443); None for others."""
    kind, version, others = UNDELIVERED[protocol]
    inside = at + 8
    if data[at] != kind or data[at + 1] in others or data[inside] >> 4 != version:
        return None
    addresses, ports, upper = (
        (inside + 12, (data[inside] & 15) * 4, data[inside + 9]) if version == 4 else (inside + 8, 40, data[inside + 6])
    )
    length = 8 if version == 4 else 32
    if upper != TCP or inside + ports + 4 > min(end, len(data)):
        return None
    return bytes(data[addresses : addresses + length]) + bytes(data[inside + ports : inside + ports + 4])
