"""Data on stdout: tables for people, JSON Lines for programs, lines of a report.

Colours only on a terminal that may have them (`rich` is loaded for nothing else); without a terminal nothing is shortened.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from gpinspect.cli.layout import Cell, table_lines
from gpinspect.cli.options import Options
from gpinspect.cli.talk import say
from gpinspect.views.objects import Object, json_line
from gpinspect.views.tables import Context, Table, Tone

if TYPE_CHECKING:
    from rich.console import Console

Item = TypeVar("Item")

STYLES: dict[Tone, str] = {"": "", "good": "green", "warn": "yellow", "bad": "bold red"}


def screen_width() -> int | None:
    """Cells across if stdout is a terminal, else None."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def may_colour(options: Options) -> bool:
    return options.color and sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in (None, "dumb")


def write_table(table: Table[Any], rows: Iterable[list[str]], options: Options) -> int:
    """Print rows; gives how many there were."""
    return max(0, write_lines(table_lines(table, rows, screen_width()), options, header=True) - 1)


def write_lines(lines: Iterable[list[Cell]], options: Options, *, header: bool = False) -> int:
    """Print lines of toned cells; gives how many there were. `header`: the first one stands out."""
    number = 0
    if may_colour(options):
        console = _console()
        for number, line in enumerate(lines, 1):
            _colour(console, line, bold=header and number == 1)
    else:
        for line in lines:
            sys.stdout.write("".join(text for text, _ in line).rstrip() + "\n")
            number += 1
    return number


def _console() -> "Console":
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _colour(console: "Console", line: list[Cell], *, bold: bool) -> None:
    from rich.text import Text

    console.print(Text.assemble(*((text, "bold" if bold else STYLES[tone]) for text, tone in line)))


def write_json(objects: Iterable[Object]) -> int:
    """Print one object a line; gives how many there were."""
    number = 0
    for value in objects:
        sys.stdout.write(json_line(value) + "\n")
        number += 1
    return number


def listing(
    options: Options,
    table: Table[Item],
    items: Iterable[Item],
    to_object: Callable[[Item], Object],
    context: Context | None = None,
) -> int:
    """Print items as the table or as JSON Lines, one at a time; gives how many there were."""
    if options.json:
        return write_json(map(to_object, items))
    number = write_table(table, table.rows(items, context or Context(utc=options.utc)), options)
    if not number and not options.quiet:
        say(f"no {table.kind}")
    return number


def write_report(lines: Iterable[tuple[str, Tone]], options: Options) -> None:
    """Print whole toned lines."""
    write_lines(_one_cell(lines), options)


def _one_cell(lines: Iterable[tuple[str, Tone]]) -> Iterator[list[Cell]]:
    for text, tone in lines:
        yield [(text, tone)]
