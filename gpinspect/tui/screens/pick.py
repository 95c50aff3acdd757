"""Several things to choose from, each on or off."""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.widget import Widget

from gpinspect.tui.commands import MOVING, ROWS, Command
from gpinspect.tui.look import PLAIN, Look, Part
from gpinspect.tui.screens.base import WalkScreen
from gpinspect.tui.virtual import LineView


class Choices(LineView):
    """Lines with a box in front."""

    def __init__(self, look: Look, names: Sequence[str], chosen: frozenset[str]) -> None:
        super().__init__(look, id="choices")
        self.names = names
        self.chosen = set(chosen)

    def count(self) -> int:
        return len(self.names)

    def parts(self, index: int) -> Sequence[Part]:
        name = self.names[index]
        return [(f"[{'x' if name in self.chosen else ' '}] ", PLAIN), (self.look.text(name), PLAIN)]

    def turn(self) -> None:
        if self.names:
            self.chosen ^= {self.names[self.cursor]}
            self.refresh()


class PickScreen(WalkScreen):
    """Args:
    title: What is chosen.
    names: What there is.
    chosen: What is on at first.
    picked: Told what is on, at every change.
    """

    place = "pick"
    groups: ClassVar[tuple[str, ...]] = (MOVING, ROWS)
    own = (Command("turn", ("space", "x"), "on, or off", hint="on/off"),)

    def __init__(
        self,
        title: str = "",
        names: Sequence[str] = (),
        chosen: frozenset[str] = frozenset(),
        picked: Callable[[frozenset[str]], None] = lambda chosen: None,
    ) -> None:
        super().__init__()
        self._title, self._names, self._first, self._picked = title, names, chosen, picked
        self.choices: Choices | None = None

    def crumb(self) -> str:
        return self._title

    def body(self) -> Iterable[Widget]:
        self.choices = Choices(self.look, self._names, self._first)
        return (self.choices,)

    def on_mount(self) -> None:
        self.pane().changed()

    def pane(self) -> LineView:
        assert self.choices is not None
        return self.choices

    def do_turn(self, count: int | None) -> None:
        assert self.choices is not None
        self.choices.turn()
        self._picked(frozenset(self.choices.chosen))

    def do_open(self, count: int | None) -> None:
        self.walk.go_back()

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        self.surround()

    def on_line_view_chosen(self, event: LineView.Chosen) -> None:
        self.do_turn(None)
