"""The head of a TCP segment as a tracer wants it: numbers, window, time stamps, and the number of the IPv4 packet.

Two ways, as in `gpinspect.engine.index`: the usual frame is taken apart with one unpack, any other by `Decoder`.
"""

import struct
from typing import NamedTuple

from gpinspect.engine.link import RST, SYN, Decoder, FastLayout, TcpSegment, fast_layout, plain_headers

_PLAIN_HEADERS = plain_headers(0)
_STAMP = struct.Struct(">II")
_U16 = struct.Struct(">H")
_USUAL = b"\1\1\x08\n"
"""How the options of nearly every segment begin: two fillers and the time stamps."""
_WINDOW_SCALE, _TIME_STAMP = 3, 8


class TcpHead(NamedTuple):
    """What of a TCP segment matters here."""

    key: bytes
    sequence: int
    acknowledgment: int
    flags: int
    window: int
    length: int
    ident: int  # of its IPv4 packet, -1: none
    stamp: int
    echo: int
    scale: int | None  # of a SYN


class HeadReader:
    """Reads heads; remembers fragments that wait for the rest of their packet."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._link = -1
        self._fast: FastLayout | None = None

    def read(self, link: int, data: bytes, original: int) -> TcpHead | None:
        """The head in a frame; None where there is none, or not yet.

        Args:
            data: The frame, of which nothing behind the headers is needed.
            original: Bytes that it had on the wire.
        """
        if link != self._link:
            self._link, self._fast = link, fast_layout(link, 4)
        fast = self._fast
        if fast is not None and len(data) >= fast.fields.size:
            tag, version, total, fragment, protocol, key, sequence, ack, control = fast.fields.unpack_from(data)
            header = _PLAIN_HEADERS[control]
            if protocol == 6 and tag == fast.tag and version == fast.version and fragment in (0, 0x4000) and header and total:
                at = fast.reach + 20
                length = total - 20 - header
                if length >= 0 and at + header <= len(data):
                    window, ident = _U16.unpack_from(data, at + 14)[0], _U16.unpack_from(data, fast.reach + 4)[0]
                    stamps = _STAMP.unpack_from(data, at + 24) if data[at + 20 : at + 24] == _USUAL else _stamps(data, at, header)
                    return TcpHead(key, sequence, ack, control & 0xFF, window, length, ident, stamps[0], stamps[1], None)
        tcp = self._decoder.decode(link, data, original)
        return None if tcp is None else _head(tcp)


def _head(tcp: TcpSegment) -> TcpHead:
    """A frame that the decoder had to take apart: the TCP header stands in front of the payload, the IPv4 header before that."""
    data, ports, end = bytes(tcp.data[: tcp.start]), tcp.key[-4:], tcp.start
    stamp, echo, scale, ident = -1, -1, 0, -1
    for header in range(20, 64, 4):
        at = end - header
        if at >= 0 and data[at : at + 4] == ports and data[at + 12] >> 2 & 60 == header:
            stamp, echo, scale = _read_options(data[at + 20 : end])
            break
    if len(tcp.key) == 12 and not tcp.flags & (SYN | RST):  # these come from no socket, and are not numbered
        at = data.find(tcp.key[:8]) - 12
        if at >= 0:
            ident = data[at + 4] << 8 | data[at + 5]
    opening = scale if tcp.flags & SYN else None
    return TcpHead(tcp.key, tcp.sequence, tcp.acknowledgment, tcp.flags, tcp.window, tcp.length, ident, stamp, echo, opening)


def _stamps(data: bytes, at: int, header: int) -> tuple[int, int]:
    """TSval and TSecr of the TCP header at `at`, -1 without."""
    return _read_options(data[at + 20 : at + header])[:2] if header > 20 else (-1, -1)


def _read_options(options: bytes) -> tuple[int, int, int]:
    """TSval, TSecr (-1 without) and window scale (0 without) in the options of a TCP header."""
    stamp, echo, scale, at = -1, -1, 0, 0
    while at + 1 < len(options) and options[at]:
        if options[at] == 1:
            at += 1
            continue
        kind, length = options[at], options[at + 1]
        if length < 2 or at + length > len(options):
            break
        if kind == _TIME_STAMP and length == 10:
            stamp, echo = _STAMP.unpack_from(options, at + 2)
        elif kind == _WINDOW_SCALE and length == 3:
            scale = min(options[at + 2], 14)
        at += length
    return stamp, echo, scale
