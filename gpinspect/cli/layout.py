"""Which columns fit on a screen, how wide each is, and the padded lines that come out.

Works on rows as they come: widths are settled on a first stretch of rows, so a table of millions needs no memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from gpinspect.views.tables import Column, Table, Tone
from gpinspect.views.text import cells, shorten

SAMPLE = 500
"""Rows that settle the widths."""

GUTTER = 2

Cell = tuple[str, Tone]


@dataclass(frozen=True, slots=True)
class Layout:
    """Chosen columns: `places` in the row, and `widths` in cells."""

    columns: tuple[Column[Any], ...]
    places: tuple[int, ...]
    widths: tuple[int, ...]
    cut: bool  # cells that are too wide are shortened

    def line(self, row: Sequence[str]) -> list[Cell]:
        """A row as padded cells, gutters included; the last one is not padded on the right."""
        line: list[Cell] = []
        for at, (column, place, width) in enumerate(zip(self.columns, self.places, self.widths, strict=True)):
            text = row[place]
            tone = column.tone(text)
            if self.cut:
                text = shorten(text, width, keep=column.keep)
            last = at == len(self.columns) - 1
            line.append((_padded(text, width, column.align, last) + ("" if last else " " * GUTTER), tone))
        return line


def _padded(text: str, width: int, align: str, last: bool) -> str:
    blanks = " " * (width - cells(text))
    if align == "right":
        return blanks + text
    return text if last else text + blanks


def lay_out(table: Table[Any], sample: Sequence[Sequence[str]], screen: int | None) -> Layout:
    """Settle columns and widths.

    Args:
        sample: Rows to measure.
        screen: Cells across; None = no screen: every column, nothing shortened.
    """
    names = table.header
    natural = [max([cells(name), *(cells(row[place]) for row in sample)]) for place, name in enumerate(names)]
    places = list(range(len(names)))
    if screen is None:
        return _layout(table, places, natural, cut=False)
    while len(places) > 1 and _needed(table, places, natural) > screen:
        places.remove(max(places, key=lambda place: (table.columns[place].priority, place)))
    return _layout(table, places, _shrunk(table, places, natural, screen), cut=True)


def _layout(table: Table[Any], places: list[int], widths: list[int], *, cut: bool) -> Layout:
    return Layout(tuple(table.columns[at] for at in places), tuple(places), tuple(widths[at] for at in places), cut)


def _least(column: Column[Any], natural: int) -> int:
    return min(natural, max(column.least, cells(column.name))) if column.least else natural


def _needed(table: Table[Any], places: list[int], natural: list[int]) -> int:
    return sum(_least(table.columns[at], natural[at]) for at in places) + GUTTER * (len(places) - 1)


def _shrunk(table: Table[Any], places: list[int], natural: list[int], screen: int) -> list[int]:
    """Widths that fit: what the least widths leave over goes to the columns that may be shortened, in their order."""
    widths = list(natural)
    spare = screen - _needed(table, places, natural)
    for at in places:
        least = _least(table.columns[at], natural[at])
        given = min(natural[at] - least, max(spare, 0))
        widths[at] = least + given
        spare -= given
    if spare < 0:  # one column wider than the screen
        widths[places[0]] = max(1, widths[places[0]] + spare)
    return widths


def table_lines(table: Table[Any], rows: Iterable[Sequence[str]], screen: int | None) -> Iterator[list[Cell]]:
    """Header and rows as padded cells, made as they are asked for; nothing at all without a row."""
    stream = iter(rows)
    sample = list(islice(stream, SAMPLE))
    if not sample:
        return
    layout = lay_out(table, sample, screen)
    yield [(text, "") for text, _ in layout.line(table.header)]
    for row in chain(sample, stream):
        yield layout.line(row)
