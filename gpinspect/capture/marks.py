"""Where in an input the meaning of what follows changed, so that reading can start again in its middle."""

from bisect import bisect_right
from typing import Generic, NamedTuple, TypeVar

MOST_MARKS = 32
"""Marks kept of one input. Ordinary files have one or two; a file made of section headers must not fill the memory."""

State = TypeVar("State")


class Mark(NamedTuple, Generic[State]):
    """`state` holds from capture position `position` on; `exact`: up to the next mark."""

    position: int
    state: State
    exact: bool


class Marks(Generic[State]):
    """A short list in order of position. When it grows too long every second one is dropped and the rest are no longer exact."""

    def __init__(self) -> None:
        self._marks: list[Mark[State]] = []

    def add(self, position: int, state: State) -> None:
        if len(self._marks) >= MOST_MARKS:
            self._marks = [Mark(mark.position, mark.state, False) for mark in self._marks[::2]]
        self._marks.append(Mark(position, state, True))

    @property
    def first(self) -> int | None:
        """Capture position of the first record; None where nothing was read yet."""
        return self._marks[0].position if self._marks else None

    def start_for(self, position: int) -> tuple[int, State] | None:
        """Where to start reading, and how, to get at the record at `position`; None where nothing was read yet."""
        index = bisect_right(self._marks, position, key=lambda mark: mark.position) - 1
        if index < 0:
            return None
        mark = self._marks[index]
        return (position if mark.exact else mark.position, mark.state)
