"""What a screen shows as a file: text, CSV, JSON lines, or a picture (SVG); the ending of the name says which."""

import csv
import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gpinspect.errors import GpinspectError
from gpinspect.tui.files import ask_for_file, written
from gpinspect.views.objects import json_line
from gpinspect.views.text import bytes_text, printable

if TYPE_CHECKING:
    from gpinspect.tui.screens.base import WalkScreen

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings that a spreadsheet takes for a formula."""
ENDINGS = (".txt", ".csv", ".jsonl", ".svg")


class Exporter:
    """Args:
    screen: What it shows.
    """

    def __init__(self, screen: "WalkScreen") -> None:
        self._screen = screen

    def ask(self) -> None:
        forms = ", ".join(self._forms())
        ask_for_file(self._screen, f"export to ({forms}):", f"{self._screen.place}.txt", self._wrong, self._begin)

    def _forms(self) -> list[str]:
        rows, objects = self._screen.exported_rows() is not None, self._screen.exported_objects() is not None
        return [".txt", *([".csv"] if rows else []), *([".jsonl"] if objects else []), ".svg"]

    def _wrong(self, path: Path) -> str:
        if path.suffix in self._forms():
            return ""
        return f"{path.name}: this screen can be written as {', '.join(self._forms())}"

    def _begin(self, path: Path, replace: bool) -> None:
        screen = self._screen
        if path.suffix == ".svg":
            parts: Iterator[str] = iter((screen.app.export_screenshot(title="gpinspect"),))
        elif path.suffix == ".csv":
            parts = csv_lines(screen.exported_rows() or iter(()))
        elif path.suffix == ".jsonl":
            parts = (json_line(value) + "\n" for value in screen.exported_objects() or ())
        else:
            rows = screen.exported_rows()
            parts = text_lines(rows) if rows is not None else iter(drawn(screen))
        screen.run_worker(partial(self._write, path, replace, parts), thread=True, group="export")
        screen.walk.say(f"writing {path} ...")

    def _write(self, path: Path, replace: bool, parts: Iterator[str]) -> None:
        try:
            size = 0
            with written(path, replace=replace) as file:
                for part in parts:
                    size += file.write(part.encode("utf-8", "backslashreplace"))
            words = f"{path} written, {bytes_text(size)}"
        except GpinspectError as problem:
            words = str(problem)
        self._screen.app.call_from_thread(self._screen.walk.say, printable(words))


def drawn(screen: "WalkScreen") -> list[str]:
    """The lines that are on the screen."""
    strips = screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() + "\n" for strip in strips]


def text_lines(rows: Iterator[list[str]]) -> Iterator[str]:
    """Rows as columns of text; as wide as the first thousand rows need."""
    known: list[list[str]] = []
    for row in rows:
        known.append(row)
        if len(known) == 1000:
            break
    widths = [max(len(cell) for cell in column) for column in zip(*known, strict=True)]

    def line(row: list[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"

    yield from map(line, known)
    yield from map(line, rows)


def csv_lines(rows: Iterator[list[str]]) -> Iterator[str]:
    """Rows as CSV that no spreadsheet takes for formulas."""
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(
            f"'{cell}" if cell.startswith(FORMULA) and len(cell) > 1 else cell for cell in row
        )
        yield line.getvalue()
