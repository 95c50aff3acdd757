"""The help: made of the table of commands as it is for this person, for the screen that it was called from."""

from collections.abc import Iterable

from textual.events import Resize
from textual.widget import Widget

from gpinspect.tui.commands import Command, readable
from gpinspect.tui.look import BOLD, PLAIN, Part
from gpinspect.tui.screens.base import WalkScreen
from gpinspect.tui.virtual import LineView, TextView
from gpinspect.views.fitting import wrap

KEYS_WIDTH = 20


def keys_text(command: Command) -> str:
    return " ".join(map(readable, command.keys)) or "(no key)"


def help_lines(place: str, commands: Iterable[Command], width: int) -> list[Part]:
    """A line for each command: keys, what it does, what a number in front of it does."""
    lines: list[Part] = [(f"keys on this screen ({place}); `:` finds commands by name", BOLD)]
    for command in commands:
        words = command.help + (f" ({command.counted})" if command.counted else "")
        keys = keys_text(command)
        texts = list(wrap(f"{words}  [{command.name}]", max(20, width - KEYS_WIDTH)))
        lines += [
            ((keys.ljust(KEYS_WIDTH) if number == 0 else " " * KEYS_WIDTH) + text, PLAIN) for number, text in enumerate(texts)
        ]
    return [
        *lines,
        ("", PLAIN),
        ("o fine   ! look here   x wrong   . nothing to judge", BOLD),
        ("Columns that do not fit are left out; a wider terminal shows more of them.", PLAIN),
        ("The names in brackets take other keys in [keys] of gpinspect/config.toml (docs/tui.md).", PLAIN),
    ]


class HelpScreen(WalkScreen):
    """Args:
    of: The screen whose keys are explained.
    """

    place = "help"

    def __init__(self, of: WalkScreen | None = None) -> None:
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
        if self.text is not None and self.of is not None:
            self.text.set_lines(help_lines(self.of.place, self.of.commands(), self.size.width - 2))
