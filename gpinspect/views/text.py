"""Values as short text for a person, and text from the wire made safe to show.

Nothing here knows a screen; widths are counted in terminal cells.
"""

import time
import unicodedata

UNKNOWN_TEXT = "-"
"""What a person sees where the wire did not say."""

_SHORT = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r"}

# Characters that count as printable in Unicode and yet leave no mark, so that two different names look the same.
_INVISIBLE = frozenset(
    code
    for first, last in (
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x2800, 0x2800),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)


class _Escapes(dict[int, str]):
    """What `str.translate` asks for each character; nothing is kept, so hostile text cannot make it grow."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character.isprintable() and code not in _INVISIBLE:
            return character
        if 0xDC80 <= code <= 0xDCFF:  # one byte that was not UTF-8, as "surrogateescape" carries it
            return f"\\x{code - 0xDC00:02x}"
        if code <= 0xFF:
            return _SHORT.get(code) or f"\\x{code:02x}"
        return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


_ESCAPES = _Escapes()


def printable(text: str | bytes) -> str:
    r"""Text from the wire, safe for a terminal, on one line.

    Control characters (C0, C1, DEL), line ends, marks that turn the writing direction, characters without any mark, and bytes
    that are not UTF-8 come out as a visible escape such as `\x1b` or `\u202e`. Everything else stays as it is, so the result is
    for eyes: a backslash of the wire is not told from one of an escape.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_ESCAPES)


def cells(text: str) -> int:
    """Width on a terminal: wide East Asian characters take two cells, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_cell(character) for character in text)


def _cell(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shorten(text: str, width: int, *, keep: str = "start") -> str:
    """Cut to at most `width` cells, with an ellipsis where something is left out.

    Args:
        keep: Which end stays: "start", "end" (of a path the name counts), or "both".
    """
    if cells(text) <= width:
        return text
    if width <= 1:
        return "…" if width == 1 else ""
    room = width - 1
    tail_room = {"start": 0, "end": room}.get(keep, room // 2)
    tail = _head(text[::-1], tail_room)[::-1] if tail_room else ""
    return f"{_head(text, room - tail_room)}…{tail}"


def _head(text: str, width: int) -> str:
    taken = 0
    for index, character in enumerate(text):
        taken += _cell(character)
        if taken > width:
            return text[:index]
    return text


def count_text(number: int | None) -> str:
    """`153,728`; `-` for unknown."""
    return UNKNOWN_TEXT if number is None else f"{number:,}"


_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")


def bytes_text(number: int | None) -> str:
    """Bytes in decimal units: `1,156 B` below ten thousand, then three digits (`11.6 kB`, `387 kB`, `220 MB`)."""
    if number is None:
        return UNKNOWN_TEXT
    if number < 10_000:
        return f"{number:,} B"
    value = float(number)
    for unit in _UNITS:
        value /= 1000
        if value < 999.5 or unit == _UNITS[-1]:
            break
    return f"{_three_digits(value)} {unit}"


def _three_digits(value: float) -> str:
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def rate_text(number: int | None, ns: int | None) -> str:
    """Bytes over nanoseconds in MB/s (a million bytes a second), number only; `-` where no time passed or one is unknown."""
    if number is None or ns is None or ns <= 0:
        return UNKNOWN_TEXT
    return _three_digits(number * 1000 / ns)


def duration_text(ns: int | None) -> str:
    """Nanoseconds in the unit that reads best: `820 ns`, `0.40 ms`, `9.67 s`, `3m12s`, `4h31m`, `2d03h`."""
    if ns is None:
        return UNKNOWN_TEXT
    if ns < 0:
        return f"-{duration_text(-ns)}"
    if ns < 1000:
        return f"{ns} ns"
    if ns < 999_500_000:
        return f"{_three_digits(ns / 1e6)} ms"
    if ns < 59_950_000_000:
        return f"{_three_digits(ns / 1e9)} s"
    seconds = round(ns / 1e9)
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    minutes = seconds // 60
    if minutes < 1440:
        return f"{minutes // 60}h{minutes % 60:02d}m"
    return f"{minutes // 1440}d{minutes % 1440 // 60:02d}h"


def clock_text(ns: int | None, *, utc: bool = False, date: bool = False, digits: int = 3) -> str:
    """Time of day of nanoseconds since the epoch: `14:02:07.118`; with `date` `2026-11-21 14:02:07.118`.

    Args:
        utc: Universal time instead of that of this machine's time zone.
        digits: Of the fraction, 0 to 9; cut, never rounded up, so that order is kept.

    A time that no calendar has (a damaged frame) is shown as seconds since the epoch, `@99999999999999.000`.
    """
    if ns is None:
        return UNKNOWN_TEXT
    seconds, fraction = divmod(ns, 1_000_000_000)
    try:
        parts = (time.gmtime if utc else time.localtime)(seconds)
        whole = time.strftime("%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S", parts)
    except (OverflowError, OSError, ValueError):
        whole = f"@{seconds}"
    return f"{whole}.{f'{fraction:09d}'[:digits]}" if digits else whole


def plural(number: int, singular: str, more: str | None = None) -> str:
    """`1 error`, `2 errors`, `3 queries` (with `more` where an s does not do)."""
    return f"{number:,} {singular if number == 1 else more or singular + 's'}"
