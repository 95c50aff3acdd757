"""A frame rewritten around a new payload: addresses masked in every layer, what nobody needs emptied, checksums repaired.

A checksum that was right is right again, one that was wrong is wrong by as much, one left to the network card (zero, or the sum of
the pseudo header alone) is left to it again. Ports, sequence numbers, windows, flags, options of the handshake and times stay.
"""

import struct
from typing import Final, NamedTuple

from gpinspect.engine.link import ETHERNET, SLL, SLL2, TCP, UDP, Decoder, TcpSegment
from gpinspect.views.redaction import Mask

_U16: Final = struct.Struct(">H")
_KEPT_OPTIONS: Final = frozenset((2, 3, 4, 5, 8))
"""TCP options that stay: segment size, window scale, SACK permitted, SACK, time stamps. The others may name somebody."""
_NO_OPTIONS: Final = 0x45
_NOTHING: Final = 1  # an option of IPv4 and TCP that says nothing
_ROUTING: Final = 43
_BEHIND_HEAD: Final = frozenset((0, 43, 60, 135, 139, 140))

_UPPER: Final = {TCP: "tcp", UDP: "udp"}

Bytes = bytes | bytearray | memoryview


class Layer(NamedTuple):
    """One header: `kind` is type (what follows Ethernet), ip4, ip6, tcp, udp or gre.

    `level` 0 is the frame itself, 1 the datagram put together of fragments.
    """

    kind: str
    level: int
    at: int
    end: int  # of what it carries


class Trail(Decoder):
    """A `Decoder` that remembers which headers it went through, and where the piece of a fragment stands in its frame."""

    def __init__(self) -> None:
        super().__init__()
        self.layers: list[Layer] = []
        self.level = 0
        self.piece: tuple[int, int, int] | None = None  # start in the frame, offset in the datagram, length
        self.whole: bytes | None = None
        self._end = 0

    def decode(self, link: int, data: Bytes, original: int) -> TcpSegment | None:
        self.layers = []
        self.level = 0
        self.piece = self.whole = None
        return super().decode(link, data, original)

    def _ethertype(self, data: Bytes, at: int, original: int, depth: int) -> TcpSegment | None:
        self.layers.append(Layer("type", self.level, at, original))
        return super()._ethertype(data, at, original, depth)

    def _ipv4(self, data: Bytes, at: int, original: int, depth: int) -> TcpSegment | None:
        total = _U16.unpack_from(data, at + 2)[0]
        self._end = at + min(total or original - at, original - at)
        self.layers.append(Layer("ip4", self.level, at, self._end))
        return super()._ipv4(data, at, original, depth)

    def _ipv6(self, data: Bytes, at: int, original: int, depth: int) -> TcpSegment | None:
        length = _U16.unpack_from(data, at + 4)[0]
        self._end = min(at + 40 + length, original) if length else original
        self.layers.append(Layer("ip6", self.level, at, self._end))
        return super()._ipv6(data, at, original, depth)

    def _join(self, name: bytes, offset: int, piece: bytes, length: int, more: bool) -> bytes | None:
        if not self.level:
            self.piece = (self._end - length, offset, len(piece))
        whole = super()._join(name, offset, piece, length, more)
        if whole is not None:
            self.level += 1
            self.whole = whole
        return whole

    def _upper(self, protocol: int, addresses: bytes, data: Bytes, at: int, end: int, depth: int) -> TcpSegment | None:
        if protocol in _UPPER:
            self.layers.append(Layer(_UPPER[protocol], self.level, at, end))
        return super()._upper(protocol, addresses, data, at, end, depth)

    def _gre(self, data: Bytes, at: int, end: int, depth: int) -> TcpSegment | None:
        self.layers.append(Layer("gre", self.level, at, end))
        return super()._gre(data, at, end, depth)


def rewrite_layers(mask: Mask, link: int, frame: bytearray, layers: list[Layer], level: int) -> None:
    """Mask the addresses of the link and of every IP header of one level, in place."""
    if not level:
        _link(mask, link, frame)
    size = len(frame)
    for layer in layers:
        if layer.level != level:
            continue
        if layer.kind == "type" and (layer.at != 12 or level) and link in (ETHERNET, SLL, SLL2) and layer.at >= 12:
            if not (link != ETHERNET and not level and layer.at in (14, 22)):
                _macs(mask, frame, layer.at - 12)
        elif layer.kind == "ip4" and layer.at + 20 <= size:
            _ip4(mask, frame, layer.at)
        elif layer.kind == "ip6" and layer.at + 40 <= size:
            _ip6(mask, frame, layer.at)


def _link(mask: Mask, link: int, frame: bytearray) -> None:
    if link == ETHERNET:
        _macs(mask, frame, 0)
    elif link == SLL and len(frame) >= 14:
        length = min(8, _U16.unpack_from(frame, 4)[0])
        frame[6:14] = (mask.mac(bytes(frame[6 : 6 + length])) if length else b"").ljust(8, b"\0")
    elif link == SLL2 and len(frame) >= 20:
        length = min(8, frame[11])
        frame[12:20] = (mask.mac(bytes(frame[12 : 12 + length])) if length else b"").ljust(8, b"\0")


def _macs(mask: Mask, frame: bytearray, at: int) -> None:
    for start in (at, at + 6):
        if start + 6 <= len(frame):
            frame[start : start + 6] = mask.mac(bytes(frame[start : start + 6]))


def _ip4(mask: Mask, frame: bytearray, at: int) -> None:
    old = bytes(frame[at + 12 : at + 20])
    new = mask.packed(old[:4]) + mask.packed(old[4:])
    frame[at + 12 : at + 20] = new
    before, after = sum16(old), sum16(new)
    if frame[at] != _NO_OPTIONS:
        end = min(at + (frame[at] & 15) * 4, len(frame))
        before += sum16(frame[at + 20 : end])
        frame[at + 20 : end] = bytes((_NOTHING,)) * (end - at - 20)
        after += sum16(frame[at + 20 : end])
    repair(frame, at + 10, before, after)


def _ip6(mask: Mask, frame: bytearray, at: int) -> None:
    frame[at + 8 : at + 24] = mask.packed(bytes(frame[at + 8 : at + 24]))
    frame[at + 24 : at + 40] = mask.packed(bytes(frame[at + 24 : at + 40]))
    kind, at = frame[at + 6], at + 40
    while kind in _BEHIND_HEAD and at + 8 <= len(frame):
        end = min(at + 8 + frame[at + 1] * 8, len(frame))
        if kind == _ROUTING:
            frame[at + 4 : end] = bytes(end - at - 4)
        elif kind not in (0, 60):
            frame[at + 8 : end] = bytes(end - at - 8)
        kind, at = frame[at], end


def rewrite_tcp(segment: bytearray, at: int, end: int, old: bytes, new: bytes, payload: bytes, start: int, wire: int) -> None:
    """Put a payload into a TCP segment and repair its checksum, in place.

    Args:
        segment: What holds it from `at` to `end` (as far as captured).
        old, new: Its addresses before and after masking, source and destination together.
        payload: As many bytes as were captured of the old one; they begin at `start`.
        wire: Bytes of header and payload on the wire.
    """
    if at + 20 > len(segment):
        segment[start : start + len(payload)] = payload
        return  # the recorder cut the header short
    given = _U16.unpack_from(segment, at + 16)[0]
    before = sum16(segment[at:end]) if given else 0
    segment[start : start + len(payload)] = payload
    if start > at + 20:
        _options(segment, at + 20, min(start, len(segment)))
    if not given:
        return
    if given in (fold(_pseudo(old, wire)), fold(_pseudo(old, 0))):
        length = wire if given == fold(_pseudo(old, wire)) else 0
        _U16.pack_into(segment, at + 16, fold(_pseudo(new, length)))
        return
    repair(segment, at + 16, before + sum16(old), sum16(segment[at:end]) + sum16(new))


def _pseudo(addresses: bytes, length: int) -> int:
    return sum16(addresses) + TCP + (length >> 16) + (length & 0xFFFF)


def _options(segment: bytearray, at: int, end: int) -> None:
    """Options that may name somebody are emptied."""
    while at < end:
        kind = segment[at]
        if kind == 0:
            segment[at:end] = bytes(end - at)
            return
        length = 1 if kind == _NOTHING else segment[at + 1] if at + 1 < end else 0
        if length < 1 or (kind != _NOTHING and length < 2) or at + length > end:
            segment[at:end] = bytes((_NOTHING,)) * (end - at)
            return
        if kind != _NOTHING and kind not in _KEPT_OPTIONS:
            segment[at : at + length] = bytes((_NOTHING,)) * length
        at += length


def repair_carriers(frame: bytearray, before: bytes, layers: list[Layer], level: int, old: list[bytes], new: list[bytes]) -> None:
    """Repair the checksums of UDP and GRE around what was rewritten."""
    for layer in layers:
        if layer.level != level or layer.kind not in ("udp", "gre"):
            continue
        end = min(layer.end, len(frame))
        addresses = 0
        if layer.kind == "udp":
            place = layer.at + 6
            addresses = sum(map(sum16, new)) - sum(map(sum16, old))
        elif frame[layer.at] & 0x80:
            place = layer.at + 4
        else:
            continue
        if place + 2 <= end:
            repair(frame, place, sum16(before[layer.at : end]), sum16(frame[layer.at : end]) + addresses)


def repair(data: bytearray, at: int, before: int, after: int) -> None:
    """Change the checksum at `at` as the sum of what it covers changed; a missing one (0) stays missing. (RFC 1624)"""
    given = _U16.unpack_from(data, at)[0]
    if given:
        # the checksum itself is in both sums and does not change what they differ by
        _U16.pack_into(data, at, 0xFFFF - (0xFFFF - given + after - before) % 0xFFFF)


def sum16(data: Bytes) -> int:
    """Sum of 16-bit words in one's complement; an odd byte counts as the upper one."""
    return int.from_bytes(bytes(data) + b"\0" if len(data) & 1 else data) % 0xFFFF


def fold(number: int) -> int:
    """A sum as it stands in 16 bits."""
    return number % 0xFFFF or (0xFFFF if number else 0)


def rewrite_icmp(mask: Mask, frame: bytearray, layers: list[Layer]) -> None:
    """An ICMP message that quotes the packet it is about: addresses in it are masked, of what it carried ports and number stay."""
    outer = [layer for layer in layers if layer.kind in ("ip4", "ip6")][-1]
    at = outer.at + ((frame[outer.at] & 15) * 4 if outer.kind == "ip4" else 40)
    end = min(outer.end, len(frame))
    before = sum16(frame[at:end])
    inside = at + 8
    four = frame[inside] >> 4 == 4
    length = (frame[inside] & 15) * 4 if four else 40
    if four and inside + 20 <= end:
        _ip4(mask, frame, inside)
    elif not four and inside + 40 <= end:
        _ip6(mask, frame, inside)
    behind = inside + length + 8
    if behind < end:
        frame[behind:end] = bytes(end - behind)
    repair(frame, at + 2, before, sum16(frame[at:end]))
