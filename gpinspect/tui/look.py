"""How things look on this terminal: text that keeps its place, colours by tone, small bars.

Everything that is drawn goes through a `Look`; nothing is ever parsed as markup. Colours are the eight that every terminal has, so
the person's own palette applies; what they say is always said by a character or a word as well.
"""

import locale
import unicodedata
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from gpinspect.views.tables import Tone
from gpinspect.views.text import cells, shorten

Part = tuple[str, Style]

PLAIN = Style()
BOLD = Style(bold=True)
REVERSE = Style(reverse=True)
DIM = Style(dim=True)
HIT = Style(bold=True, underline=True)
"""What a search has found."""
_COLORED: dict[Tone, Style] = {
    "": PLAIN,
    "good": Style(color="green"),
    "warn": Style(color="yellow"),
    "bad": Style(color="red", bold=True),
}
_UNCOLORED: dict[Tone, Style] = {"": PLAIN, "good": PLAIN, "warn": PLAIN, "bad": BOLD}

_CYCLE = tuple(
    Style(color=name)
    for name in ("cyan", "magenta", "blue", "green", "bright_cyan", "bright_magenta", "bright_blue", "bright_green")
)
"""Colours of Greenplum segments, again from the first behind the last: a letter always says the same."""

EIGHTHS = "▁▂▃▄▅▆▇█"
LEVELS = "12345678"
_ASCII = str.maketrans({"…": "~", **dict(zip(EIGHTHS, LEVELS, strict=True))})

MOST_MARKS = 2
"""Combining marks on one character that are drawn; piles of them reach into other lines."""


_MARKS = {"o": "●", "!": "▲", "x": "✖", ".": "○"}
"""Glyphs of the states where the terminal has more than ASCII."""


def terminal_is_unicode() -> bool:
    """Whether the locale's characters are UTF-8."""
    return locale.getencoding().lower().replace("-", "") == "utf8"


class Look:
    """Args:
    unicode: The terminal shows more than ASCII.
    color: Colours are wanted.
    """

    def __init__(self, *, unicode: bool = True, color: bool = True) -> None:
        self.unicode = unicode
        self._tones = _COLORED if color else _UNCOLORED
        self._cycle = _CYCLE if color else (PLAIN,)

    def style(self, tone: Tone) -> Style:
        return self._tones[tone]

    def member(self, number: int) -> Style:
        """The colour of one of many, by its place among them."""
        return self._cycle[number % len(self._cycle)]

    def text(self, text: str) -> str:
        """Printable text in which every character takes the room on this terminal that it is thought to take.

        Combining marks without a character to stand on or in piles, flags, and characters about whose width tables disagree are
        escaped; without Unicode everything beyond ASCII is.
        """
        if text.isascii():
            return text
        if not self.unicode:
            return "".join(map(_escaped, text.translate(_ASCII)))
        out: list[str] = []
        marks = MOST_MARKS
        for character in text:
            if unicodedata.category(character) == "Mn":
                marks += 1
                steady = marks <= MOST_MARKS
            else:
                marks = 0
                steady = _steady(character)
            out.append(character if steady else _escape(character))
        return "".join(out)

    def line(self, parts: Iterable[Part], width: int) -> Strip:
        """One line of the screen: exactly `width` cells, cut or filled with blanks."""
        segments: list[Segment] = []
        left = width
        for text, style in parts:
            if left <= 0:
                break
            text = self.text(text)
            size = cells(text)
            if size > left:
                text = shorten(text, left)
                if not self.unicode:
                    text = text.translate(_ASCII)
                size = cells(text)
            if text:
                segments.append(Segment(text, style))
            left -= size
        if left > 0:
            segments.append(Segment(" " * left))
        return Strip(segments, width)

    def mark(self, state: str) -> str:
        """The glyph of a state: good, to be watched, bad, nothing to say."""
        return _MARKS.get(state, state) if self.unicode else state

    def order(self, reverse: bool) -> str:
        """The sign of the column that rows are sorted by."""
        return ("↓" if reverse else "↑") if self.unicode else ("v" if reverse else "^")

    def fill(self, text: str, width: int, *, keep: str = "start") -> str:
        """Text that takes exactly `width` cells: cut, or with blanks behind it."""
        text = shorten(self.text(text), width, keep=keep)
        return text + " " * (width - cells(text))

    def bar(self, share: float, width: int) -> str:
        """A share from 0 to 1 as a bar of `#`; a little more than nothing shows as `.`."""
        share = min(max(share, 0.0), 1.0)
        full = round(share * width)
        return "#" * full if full or not share else "."

    def bars(self, shares: Sequence[float | None], room: int) -> str:
        """Shares from 0 to 1 as one character each, `_` for nothing at all and `-` for None (never seen).

        More shares than room: neighbours stand together, the largest of each group shows.
        """
        group = max(1, -(-len(shares) // max(room, 1)))
        groups = [shares[start : start + group] for start in range(0, len(shares), group)]
        levels = EIGHTHS if self.unicode else LEVELS
        marks = []
        for several in groups:
            known = [share for share in several if share is not None]
            if not known:
                marks.append("-")
                continue
            most = min(max(known), 1.0)
            marks.append("_" if most <= 0 else levels[min(int(most * len(levels)), len(levels) - 1)])
        return "".join(marks) + (f" ({group} segments each)" if group > 1 else "")


def _steady(character: str) -> bool:
    code = ord(character)
    if 0x1F1E6 <= code <= 0x1F1FF or 0x1F3FB <= code <= 0x1F3FF:  # flags and skin tones join their neighbours, or do not
        return False
    return unicodedata.category(character) not in ("Mc", "Me", "Cf", "Co") and cell_len(character) == cells(character) > 0


def _escaped(character: str) -> str:
    return character if character.isascii() else _escape(character)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
