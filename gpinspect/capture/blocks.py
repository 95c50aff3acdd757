"""pcapng blocks other than frames, and what a reader needs of them.

Options that do not fit their block are left out; a block is never refused because of them.
Source: draft-ietf-opsawg-pcapng, sections 3.5 and 4.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

SECTION = b"\n\r\r\n"
ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}

INTERFACE = 1
OBSOLETE_FRAME = 2
SIMPLE_FRAME = 3
STATISTICS = 5
ENHANCED_FRAME = 6
SECRETS = 10

TLS_KEY_LOG = 0x544C534B

END_OF_OPTIONS = 0
TIME_RESOLUTION = 9
TIME_OFFSET = 14
DROPPED_BY_INTERFACE = 5
DROPPED_BY_SYSTEM = 7

SECOND_NS = 1_000_000_000
NS_DIGITS = 9


class Interface(NamedTuple):
    """What frames of one interface mean. A tick of their clock is `tick_ns` / `divisor` ns, counted from `base_ns`."""

    link: int
    snap_length: int  # bytes, 0 = no limit
    tick_ns: int
    divisor: int
    base_ns: int

    def ns(self, ticks: int) -> int:
        """Nanoseconds since the epoch, rounded down."""
        return ticks * self.tick_ns // self.divisor + self.base_ns


def options(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Give number and value of each option of a block."""
    at = 0
    while at + 4 <= len(content):
        code, length = struct.unpack_from(f"{order}HH", content, at)
        value = content[at + 4 : at + 4 + length]
        if code == END_OF_OPTIONS or len(value) < length:
            return
        yield code, value
        at += 4 + (length + 3 & ~3)


def interface(content: bytes, order: str) -> Interface | None:
    """Read the content of an interface description; None where it is too short to be one."""
    if len(content) < 8:
        return None
    link, _, snap_length = struct.unpack_from(f"{order}HHI", content)
    tick_ns, divisor, base_ns = 1000, 1, 0
    for code, value in options(content[8:], order):
        if code == TIME_RESOLUTION and len(value) == 1:
            tick_ns, divisor = _resolution(value[0])
        elif code == TIME_OFFSET and len(value) == 8:
            base_ns = struct.unpack(f"{order}q", value)[0] * SECOND_NS
    return Interface(link, snap_length, tick_ns, divisor, base_ns)


def _resolution(value: int) -> tuple[int, int]:
    """Turn if_tsresol into a fraction of nanoseconds: negative powers of two with the high bit, else of ten."""
    power = value & 0x7F
    shared = min(power, NS_DIGITS)  # a second has nine factors two and nine factors five in nanoseconds
    if value & 0x80:
        return SECOND_NS >> shared, 1 << (power - shared)
    return 10 ** (NS_DIGITS - shared), 10 ** (power - shared)


def dropped(content: bytes, order: str) -> tuple[int, int] | None:
    """Read interface statistics: the interface, and the frames lost there since the start; None where they do not say."""
    if len(content) < 12:
        return None
    number = struct.unpack_from(f"{order}I", content)[0]
    count = sum(
        struct.unpack(f"{order}Q", value)[0]
        for code, value in options(content[12:], order)
        if code in (DROPPED_BY_INTERFACE, DROPPED_BY_SYSTEM) and len(value) == 8
    )
    return number, count


def tls_secret(content: bytes, order: str) -> bytes | None:
    """Read a decryption secrets block: the text of a TLS key log; None for other secrets."""
    if len(content) < 8:
        return None
    kind, length = struct.unpack_from(f"{order}II", content)
    return content[8 : 8 + length] if kind == TLS_KEY_LOG else None
