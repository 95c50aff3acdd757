"""Long work beside the keys: steps taken in a thread, told about now and then, and stopped when nobody wants the result."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from gpinspect.tui.screens.base import WalkScreen

TELL_EVERY = 0.2
REST = 0.0005
"""Seconds that the thread sleeps between two steps, so that keys are answered."""


class Work(Protocol):
    """What ^C stops; `word` says what is being done."""

    word: str
    running: bool

    def stop(self) -> None: ...


class Task:
    """Args:
    screen: Who wants it; nothing is told when it has gone.
    steps: The work; the value it returns is the result, the numbers it gives say how far it is.
    word: What is being done, for the status.
    done: Told the result.
    subject: What it was asked for, to compare with what is wanted now.
    """

    def __init__(
        self, screen: "WalkScreen", steps: Iterator[int], word: str, done: Callable[[Any], None], *, subject: object
    ) -> None:
        self._screen = screen
        self._steps = steps
        self._finish = done
        self._stopped = threading.Event()
        self.word = word
        self.subject = subject
        self.done = 0
        self.running = False

    def run(self) -> None:
        """All of it at once."""
        while True:
            try:
                next(self._steps)
            except StopIteration as end:
                self._finish(end.value)
                return

    def start(self) -> None:
        self.running = True
        self._screen.walk.busy(self)
        self._screen.run_worker(self._work, thread=True, group="task")

    def stop(self) -> None:
        self._stopped.set()
        self.running = False

    def _work(self) -> None:
        told = time.monotonic()
        while not self._stopped.is_set() and self._screen.is_attached:
            try:
                self.done = next(self._steps)
            except StopIteration as end:
                self._screen.app.call_from_thread(self._over, end.value)
                return
            time.sleep(REST)
            if time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                self._screen.app.call_from_thread(self._tell)

    def _tell(self) -> None:
        if self._screen.is_current:
            self._screen.surround()

    def _over(self, result: Any) -> None:
        if not self.running or not self._screen.is_mounted:
            return
        self.running = False
        self._finish(result)
        self._tell()
