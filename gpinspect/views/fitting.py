"""Room on a line: which columns fit and how wide each is, and text broken into lines. Widths in terminal cells."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from gpinspect.views.tables import Column
from gpinspect.views.text import cells, shorten

GUTTER = 2
"""Blanks between two columns."""


class Fitted(NamedTuple):
    """A column that is shown: its place in the table, and its width."""

    place: int
    width: int


def fit(columns: Sequence[Column[Any]], natural: Sequence[int], room: int) -> tuple[Fitted, ...]:
    """Choose columns for `room` cells.

    Columns go by falling priority until the least widths fit; what is left over goes to those that may be shortened,
    in their order. One column always stays.

    Args:
        natural: Width of each column at which nothing of it is cut.
    """
    places = list(range(len(columns)))
    least = [_least(column, width) for column, width in zip(columns, natural, strict=True)]

    def needed() -> int:
        return sum(least[place] for place in places) + GUTTER * (len(places) - 1)

    while len(places) > 1 and needed() > room:
        places.remove(max(places, key=lambda place: (columns[place].priority, place)))
    spare = room - needed()
    fitted = []
    for place in places:
        given = min(natural[place] - least[place], max(spare, 0))
        spare -= given
        fitted.append(Fitted(place, least[place] + given))
    if spare < 0:
        fitted[0] = Fitted(places[0], max(1, fitted[0].width + spare))
    return tuple(fitted)


def _least(column: Column[Any], natural: int) -> int:
    return min(natural, max(column.least, cells(column.name))) if column.least else natural


def padded(text: str, width: int, column: Column[Any]) -> str:
    """A cell of exactly `width`: cut where it is too long, blanks on the side that its column leaves free."""
    text = shorten(text, width, keep=column.keep)
    blanks = " " * (width - cells(text))
    return blanks + text if column.align == "right" else text + blanks


def packed(texts: Iterable[str], room: int) -> str:
    """As many of these texts, from the first one on, as stand whole in `room` cells."""
    line = ""
    for text in filter(None, texts):
        longer = f"{line}{' ' * GUTTER}{text}" if line else text
        if cells(longer) > room:
            break
        line = longer
    return line


def wrap(text: str, width: int, indent: str = "") -> Iterator[str]:
    """Break printable text at blanks into lines of at most `width` cells; all but the first begin with `indent`.

    A word that is wider than a line is broken inside.
    """
    width = max(width, cells(indent) + 2)
    line, used = "", 0
    for word in text.split(" "):
        for part in _parts(word, width - cells(indent)):
            size = cells(part)
            if line.strip() and used + 1 + size > width:
                yield line
                line, used = indent, cells(indent)
            elif line.strip():
                line, used = f"{line} ", used + 1
            line, used = line + part, used + size
    yield line


def _parts(word: str, width: int) -> Iterator[str]:
    """A word cut so that no part is wider than `width`."""
    part, used = "", 0
    for character in word:
        size = cells(character)
        if part and used + size > width:
            yield part
            part, used = "", 0
        part, used = part + character, used + size
    yield part
