"""Bytes as lines of sixteen: offset, hexadecimal in two groups of eight, text."""

from collections.abc import Iterator
from typing import NamedTuple

WIDTH = 16


class HexLine(NamedTuple):
    """One line. `digits` holds one entry a byte, `??` where the byte was not captured; `characters` one character a byte."""

    start: int
    digits: tuple[str, ...]
    characters: str

    @property
    def hex_text(self) -> str:
        """48 columns: two groups of eight, padded on the right where the line is short."""
        groups = (" ".join(self.digits[at : at + 8]).ljust(23) for at in (0, 8))
        return "  ".join(groups)

    def text(self, digits: int = 4) -> str:
        return f"{self.start:0{digits}x}  {self.hex_text}  {self.characters}"


def hexdump(data: bytes, start: int = 0, length: int | None = None, missing: tuple[tuple[int, int], ...] = ()) -> Iterator[HexLine]:
    """Lines of `data[start:start + length]`; each begins at a multiple of sixteen from `start`.

    Args:
        missing: Stretches [from, to) of `data` that were not captured, in order.
    """
    end = len(data) if length is None else min(len(data), start + length)
    holes = list(missing)
    for at in range(start, end, WIDTH):
        stop = min(at + WIDTH, end)
        while holes and holes[0][1] <= at:
            holes.pop(0)
        lost = {byte for low, high in holes if low < stop for byte in range(max(low, at), min(high, stop))}
        digits = tuple("??" if byte in lost else f"{data[byte]:02x}" for byte in range(at, stop))
        characters = "".join(
            "?" if byte in lost else chr(data[byte]) if 0x20 <= data[byte] < 0x7F else "." for byte in range(at, stop)
        )
        yield HexLine(at, digits, characters)
