"""The palette: every command of a screen, found by a few letters of its name."""

from collections.abc import Iterable, Sequence

from textual.events import Key, Paste
from textual.widget import Widget

from gpinspect.tui.commands import MOVING, Command, Press
from gpinspect.tui.look import BOLD, PLAIN, Look, Part
from gpinspect.tui.screens.base import WalkScreen
from gpinspect.tui.screens.help import keys_text
from gpinspect.tui.virtual import Drawn, LineView
from gpinspect.views.editing import Line
from gpinspect.views.fuzzy import ranked


class Commands(LineView):
    def __init__(self, look: Look) -> None:
        super().__init__(look, id="commands")
        self.commands: list[Command] = []

    def count(self) -> int:
        return len(self.commands)

    def parts(self, index: int) -> Sequence[Part]:
        command = self.commands[index]
        return [(command.name.ljust(18), BOLD), (keys_text(command).ljust(14), PLAIN), (command.help, PLAIN)]


class PaletteScreen(WalkScreen):
    """Args:
    of: The screen whose commands are offered.
    """

    place = "palette"
    groups = (MOVING,)
    own = (Command("open", ("enter",), "do it", hint="do it"),)

    def __init__(self, of: WalkScreen | None = None) -> None:
        super().__init__()
        self.of = of
        self.line = Line()
        self.list: Commands | None = None

    def body(self) -> Iterable[Widget]:
        self.written, self.list = Drawn(self.look, id="written"), Commands(self.look)
        return self.written, self.list

    def on_mount(self) -> None:
        self._narrow()

    def pane(self) -> LineView:
        assert self.list is not None
        return self.list

    def status(self) -> str:
        return f"{self.list.count()} commands" if self.list is not None else ""

    def _narrow(self) -> None:
        if self.list is None or self.of is None:
            return
        commands = [command for command in self.of.commands() if command.name != "palette"]
        self.list.commands = ranked(self.line.text, commands, lambda command: (command.name, command.help))
        self.list.cursor = 0
        self.list.changed()
        self.written.set_lines([[(":", BOLD), (self.line.text, PLAIN), ("_", BOLD)]])

    def on_key(self, event: Key) -> None:
        """What can be written is written; only keys that cannot move or choose."""
        edited = self.line.key(event.key) if event.key in ("backspace", "ctrl+h", "ctrl+u", "ctrl+w") else None
        if edited is None and event.character is not None and event.character.isprintable():
            edited = self.line.insert(event.character)
        if edited is None:
            steps = {"ctrl+n": "down", "ctrl+p": "up", "tab": "down", "shift+tab": "up"}
            if event.key in steps:
                self.pane().move(steps[event.key], None)
                return
            super().on_key(event)
            return
        event.stop()
        event.prevent_default()
        self.line = edited
        self._narrow()
        self.surround()

    def on_paste(self, event: Paste) -> None:
        event.stop()
        self.line = self.line.insert(event.text)
        self._narrow()

    def on_line_view_chosen(self, event: LineView.Chosen) -> None:
        self.do_open(None)

    def do_open(self, count: int | None) -> None:
        if self.list is None or not self.list.commands or self.of is None:
            return
        command, screen = self.list.commands[self.list.cursor], self.of
        self.app.pop_screen()
        if command.letter:
            self.walk.keys.expect(command)
        else:
            self.app.call_later(screen.perform, Press(command))
        self.app.call_later(screen.surround)
