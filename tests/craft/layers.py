"""From a TCP segment down to the frame: IP with options, extension headers and fragments, tunnels, link layers.

Checksums are right (IPv4 header, TCP); the outer UDP checksum of VXLAN is 0, as RFC 7348 asks.
"""

import ipaddress
import struct
from dataclasses import dataclass

NULL, ETHERNET, RAW, LOOP, SLL, SLL2 = 0, 1, 101, 108, 113, 276
"""LINKTYPE_* numbers of the pcap formats."""

TCP = 6
ETHERTYPE = {4: 0x0800, 6: 0x86DD}
FAMILY = {4: 2, 6: 30}  # AF_INET, AF_INET6 of macOS: what stands in front of a frame of NULL and LOOP
DONT_FRAGMENT, MORE_FRAGMENTS = 0x4000, 0x2000
PADDING = b"\x44"  # not zero and a letter of the protocol, so that padding read as payload does harm


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071): a sum in one's complement is a remainder by 0xFFFF."""
    return -int.from_bytes(data + b"\0" * (len(data) % 2), "big") % 0xFFFF


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def version_of(address: str) -> int:
    return 6 if ":" in address else 4


def pseudo_header(source: str, target: str, protocol: int, length: int) -> bytes:
    """What the TCP checksum covers in front of the segment."""
    tail = struct.pack("!II" if version_of(source) == 6 else "!HH", *((length, protocol) if ":" in source else (protocol, length)))
    return packed(source) + packed(target) + tail


def tcp_segment(
    source: tuple[str, int],
    target: tuple[str, int],
    seq: int,
    ack: int,
    flags: int,
    window: int,
    data: bytes,
    options: bytes = b"",
) -> bytes:
    """Header and data of one TCP segment with its checksum. `options` are padded to whole words."""
    options += b"\0" * (-len(options) % 4)
    words = (20 + len(options)) // 4
    parts = (source[1], target[1], seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, words << 4, flags, window)
    bare = struct.pack("!HHIIBBHHH", *parts, 0, 0) + options + data
    value = checksum(pseudo_header(source[0], target[0], TCP, len(bare)) + bare)
    return bare[:16] + value.to_bytes(2, "big") + bare[18:]


@dataclass(frozen=True)
class Carriage:
    """How TCP segments of one conversation are carried."""

    link: int = ETHERNET
    byteorder: str = "little"  # of the machine that recorded; matters for NULL alone
    vlan: tuple[int, ...] = ()  # one id = 802.1Q, two = QinQ, outer first
    tunnel: str = ""  # "gre", "gre-ethernet", "ipip", "vxlan"
    ip_options: bytes = b""  # IPv4; padded to whole words
    extensions: tuple[tuple[int, bytes], ...] = ()  # IPv6: (type, content after "next header" and "length")
    fragment: int = 0  # largest IP payload of one frame in bytes, a multiple of 8; 0 = whole
    offloaded: bool = False  # IP length field 0, as segmentation offload leaves it
    padding: bool = False  # Ethernet: fill up to 60 bytes
    trailer: bytes = b""  # Ethernet: more bytes behind the IP datagram, such as a frame check sequence

    def frames(self, source: str, target: str, segment: bytes, ident: int) -> list[bytes]:
        """The frames that carry `segment`; more than one only with `fragment`."""
        datagrams = self._ipv6(source, target, segment, ident) if ":" in source else self._ipv4(source, target, segment, ident)
        return [self._framed(source, target, datagram) for datagram in datagrams]

    def _ipv4(self, source: str, target: str, segment: bytes, ident: int) -> list[bytes]:
        options = self.ip_options + b"\0" * (-len(self.ip_options) % 4)
        return [
            ipv4(source, target, TCP, piece, ident, place // 8 | more if self.fragment else DONT_FRAGMENT, options, self.offloaded)
            for place, piece, more in pieces(segment, self.fragment)
        ]

    def _ipv6(self, source: str, target: str, segment: bytes, ident: int) -> list[bytes]:
        if not self.fragment:
            return [ipv6(source, target, self.extensions, TCP, segment, self.offloaded)]
        return [
            ipv6(source, target, (*self.extensions, (44, struct.pack("!HI", place | bool(more), ident))), TCP, piece, False)
            for place, piece, more in pieces(segment, self.fragment)
        ]

    def _framed(self, source: str, target: str, datagram: bytes) -> bytes:
        if not self.tunnel:
            return self._linked(source, target, datagram)
        near, far = ("10.255.0.1", "10.255.0.2") if packed(source) < packed(target) else ("10.255.0.2", "10.255.0.1")
        return self._linked(near, far, TUNNELS[self.tunnel](near, far, source, target, datagram))

    def _linked(self, source: str, target: str, datagram: bytes) -> bytes:
        family = datagram[0] >> 4
        if self.link == ETHERNET:
            frame = ethernet(source, target, datagram, self.vlan)
            return frame + PADDING * (60 - len(frame) if self.padding else 0) + self.trailer
        if self.link == RAW:
            return datagram
        if self.link == NULL:
            return FAMILY[family].to_bytes(4, "little" if self.byteorder == "little" else "big") + datagram
        if self.link == LOOP:
            return FAMILY[family].to_bytes(4, "big") + datagram
        tags, ethertype = tagged(self.vlan, ETHERTYPE[family])
        address = mac(source) + b"\0\0"
        if self.link == SLL:
            return struct.pack("!HHH8sH", 0, 1, 6, address, ethertype) + tags + datagram
        if self.link == SLL2:
            return struct.pack("!HHIHBB8s", ethertype, 0, 1, 1, 0, 6, address) + tags + datagram
        raise ValueError(f"link type {self.link} is not built here")


def pieces(segment: bytes, size: int) -> list[tuple[int, bytes, int]]:
    """(place, bytes, flag for "more follow") of each fragment."""
    step = size or max(len(segment), 1)
    return [
        (place, segment[place : place + step], MORE_FRAGMENTS if place + step < len(segment) else 0)
        for place in range(0, len(segment), step)
    ]


def ipv4(
    source: str, target: str, protocol: int, body: bytes, ident: int, fragment: int, options: bytes = b"", offloaded: bool = False
) -> bytes:
    size = 20 + len(options)
    total = 0 if offloaded else size + len(body)
    fields = (0x40 | size // 4, 0, total, ident & 0xFFFF, fragment, 64, protocol)
    bare = struct.pack("!BBHHHBBH", *fields, 0) + packed(source) + packed(target) + options
    return bare[:10] + checksum(bare).to_bytes(2, "big") + bare[12:] + body


def ipv6(
    source: str, target: str, extensions: tuple[tuple[int, bytes], ...], protocol: int, body: bytes, offloaded: bool = False
) -> bytes:
    following = [number for number, _ in extensions] + [protocol]
    chain = b""
    for (number, content), after in zip(extensions, following[1:], strict=True):
        if number == 44:  # the fragment header has no length field
            chain += bytes((after, 0)) + content
            continue
        content += b"\0" * (-(2 + len(content)) % 8)
        chain += bytes((after, (2 + len(content)) // 8 - 1)) + content
    length = 0 if offloaded else len(chain) + len(body)
    return struct.pack("!IHBB", 0x60000000, length, following[0], 64) + packed(source) + packed(target) + chain + body


def mac(address: str) -> bytes:
    """A locally administered address that follows from the IP address."""
    return b"\x02\0" + packed(address)[-4:]


def tagged(vlan: tuple[int, ...], ethertype: int) -> tuple[bytes, int]:
    """(tags behind the first Ethertype, first Ethertype)."""
    kinds = [0x88A8] * (len(vlan) - 1) + [0x8100] if vlan else []
    following = [*kinds[1:], ethertype]
    tags = b"".join(struct.pack("!HH", number, after) for number, after in zip(vlan, following, strict=bool(vlan)))
    return tags, kinds[0] if kinds else ethertype


def ethernet(source: str, target: str, datagram: bytes, vlan: tuple[int, ...] = ()) -> bytes:
    tags, ethertype = tagged(vlan, ETHERTYPE[datagram[0] >> 4])
    return mac(target) + mac(source) + struct.pack("!H", ethertype) + tags + datagram


def gre(near: str, far: str, source: str, target: str, datagram: bytes) -> bytes:
    return ipv4(near, far, 47, struct.pack("!HH", 0, ETHERTYPE[datagram[0] >> 4]) + datagram, 0, DONT_FRAGMENT)


def gre_ethernet(near: str, far: str, source: str, target: str, datagram: bytes) -> bytes:
    return ipv4(near, far, 47, struct.pack("!HH", 0, 0x6558) + ethernet(source, target, datagram), 0, DONT_FRAGMENT)


def ipip(near: str, far: str, source: str, target: str, datagram: bytes) -> bytes:
    return ipv4(near, far, {4: 4, 6: 41}[datagram[0] >> 4], datagram, 0, DONT_FRAGMENT)


def vxlan(near: str, far: str, source: str, target: str, datagram: bytes) -> bytes:
    inner = struct.pack("!II", 0x08000000, 42 << 8) + ethernet(source, target, datagram)
    return ipv4(near, far, 17, struct.pack("!HHHH", 50000, 4789, 8 + len(inner), 0) + inner, 0, DONT_FRAGMENT)


TUNNELS = {"gre": gre, "gre-ethernet": gre_ethernet, "ipip": ipip, "vxlan": vxlan}
