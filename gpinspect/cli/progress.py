"""The bar on stderr for long work: how far, how fast, how long to go. Only on a terminal, only when it takes a while."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from gpinspect.inspection import Progress

PATIENCE = 0.5
"""Seconds of work before a bar appears; most captures are read by then."""

REPAINT = 0.1
"""Seconds between two paints."""


class Bar:
    """Takes the calls of `gpinspect.inspection.Progress`; draws nothing, and loads nothing, before `PATIENCE` is over."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PATIENCE
        self._drawn: tuple[RichProgress, TaskID] | None = None

    def __call__(self, done: int, total: int | None, frames: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + REPAINT
        bar, task = self._drawn or self._draw()
        bar.update(task, completed=done, total=total, frames=f"{frames:,} frames")
        bar.refresh()

    def _draw(self) -> "tuple[RichProgress, TaskID]":
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[frames]}"))
        bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
        bar.start()
        self._drawn = bar, bar.add_task("reading", total=None, frames="")
        return self._drawn

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._drawn is not None:
            self._drawn[0].stop()


@contextmanager
def progress_bar(wanted: bool) -> "Iterator[Progress | None]":
    """A `Progress` that draws, or None where nobody would see it."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    bar = Bar()
    try:
        yield bar
    finally:
        bar.close()
