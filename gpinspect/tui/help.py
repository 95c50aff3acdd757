"""The help: made of the command table, for the screen that it was called from."""

from collections.abc import Iterable

from textual.events import Resize
from textual.widget import Widget

from gpinspect.tui.commands import commands_of, readable
from gpinspect.tui.look import BOLD, PLAIN, Part
from gpinspect.tui.screen import WalkScreen
from gpinspect.tui.virtual import LineView, TextView
from gpinspect.views.fitting import wrap

KEYS_WIDTH = 20


def help_lines(place: str, width: int) -> list[Part]:
    """A line for each command of a place: keys, what it does, what a number in front of it does."""
    lines: list[Part] = [(f"keys on this screen ({place})", BOLD)]
    for command in commands_of(place):
        words = command.help + (f" ({command.counted})" if command.counted else "")
        keys = " ".join(map(readable, command.keys)).ljust(KEYS_WIDTH)
        texts = list(wrap(words, max(20, width - KEYS_WIDTH)))
        lines += [((keys if number == 0 else " " * KEYS_WIDTH) + text, PLAIN) for number, text in enumerate(texts)]
    return [
        *lines,
        ("", PLAIN),
        ("o fine   ! look here   x wrong   . nothing to judge", BOLD),
        ("Columns that do not fit are left out; a wider terminal shows more of them.", PLAIN),
    ]


class HelpScreen(WalkScreen):
    """Args:
    of: The place whose keys are explained.
    """

    place = "help"

    def __init__(self, of: str) -> None:
        super().__init__()
        self.of = of
        self.text: TextView | None = None

    def body(self) -> Iterable[Widget]:
        self.text = TextView(self.look, id="help")
        return (self.text,)

    def pane(self) -> LineView:
        assert self.text is not None
        return self.text

    def on_resize(self, event: Resize) -> None:
        if self.text is not None:
            self.text.set_lines(help_lines(self.of, self.size.width - 2))
