"""What all screens share: the lines around the body, keys, and the notice of a terminal that is too small."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Key, Resize
from textual.screen import Screen
from textual.widget import Widget

from gpinspect.tui.commands import Press, commands_of, method_of, readable
from gpinspect.tui.look import BOLD, PLAIN, Look, Part
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.virtual import Drawn, LineView
from gpinspect.views.fitting import wrap

if TYPE_CHECKING:
    from gpinspect.tui.app import InspectApp

SMALLEST = (60, 15)
BROAD = 120
"""Columns from which panes stand side by side."""
WIDE = 160
"""Columns from which details stand at the side of a list."""
ALERT_LINES = 2

MOVES = ("down", "up", "page-down", "page-up", "half-down", "half-up", "top", "bottom")


class WalkScreen(Screen[None], inherit_bindings=False):
    """One level of the walk.

    From the top: the capture, the way here, an alert where there is one, the body, and a line of keys.
    """

    AUTO_FOCUS = ""
    place: ClassVar[str] = ""
    _composed = False  # the lines around the body are there

    @property
    def walk(self) -> "InspectApp":
        return cast("InspectApp", self.app)

    @property
    def look(self) -> Look:
        return self.walk.look

    # what a screen says ---------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        raise NotImplementedError

    def crumb(self) -> str:
        """Its name in the way that leads here."""
        return self.place

    def status(self) -> str:
        """What stands at the end of the second line, such as where the cursor is."""
        return ""

    def pane(self) -> LineView:
        """Who gets the moves."""
        raise NotImplementedError

    def show(self, found: Snapshot) -> None:
        """There is more to show."""

    # frame ----------------------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        look = self.look
        self._small, self._head, self._way = Drawn(look, id="small"), Drawn(look, id="head"), Drawn(look, id="way")
        self._alert, self._foot = Drawn(look, id="alert"), Drawn(look, id="foot")
        self._composed = True
        yield from (self._small, self._head, self._way, self._alert)
        yield Container(*self.body(), id="body")
        yield self._foot

    def on_mount(self) -> None:
        self.surround()

    def on_screen_resume(self) -> None:
        self.show(self.walk.snapshot)
        self.surround()

    def on_resize(self, event: Resize) -> None:
        width, height = event.size
        small = width < SMALLEST[0] or height < SMALLEST[1]
        self.set_class(small, "small")
        self.set_class(width >= BROAD, "broad")
        self.set_class(width >= WIDE, "wide")
        if small:
            words = f"gpinspect needs {SMALLEST[0]}x{SMALLEST[1]}, this is {width}x{height}"
            self._small.set_lines([[(words, BOLD)]])
        self.surround()

    def surround(self) -> None:
        """Draw the lines around the body."""
        if not self._composed:
            return
        width = self.size.width
        self._head.set_lines([self.walk.head(width)])
        self._way.set_lines([self._way_parts(width)])
        words, style = self.walk.alert()
        lines = list(wrap(words, max(width, 20), "  "))[:ALERT_LINES] if words else []
        self._alert.display = bool(lines)
        self._alert.styles.height = max(1, len(lines))
        self._alert.set_lines([[(line, style)] for line in lines])
        self._foot.set_lines([self._foot_parts(width)])

    def _way_parts(self, width: int) -> list[Part]:
        crumbs = [screen.crumb() for screen in self.app.screen_stack if isinstance(screen, WalkScreen)]
        way = " > ".join(crumbs)
        status = self.look.text(self.status())
        room = max(0, width - len(status) - 2)
        return [(self.look.fill(way, room, keep="end"), BOLD), ("  " if status else "", PLAIN), (status, PLAIN)]

    def _foot_parts(self, width: int) -> list[Part]:
        """What is being typed, or a word to the person, or the keys that are worth one, as far as there is room."""
        pending = self.walk.keys.pending
        if pending or self.walk.words:
            return [(f"{pending}..." if pending else self.walk.words, BOLD)]
        parts: list[Part] = []
        for command in sorted(commands_of(self.place), key=lambda command: command.name != "help"):
            key = readable(command.keys[0])
            size = len(key) + len(command.hint) + 1
            if command.hint and size <= width:
                parts += [(key, BOLD), (f" {command.hint}  ", PLAIN)]
                width -= size + 2
        return parts

    # keys -----------------------------------------------------------------------------------------------------------------

    def on_key(self, event: Key) -> None:
        event.stop()
        event.prevent_default()
        self.walk.words = ""
        press = self.walk.keys.feed(event.key, self.place)
        if press is not None:
            self.perform(press)
        if self.is_current:
            self.surround()

    def perform(self, press: Press) -> None:
        """Carry out a command."""
        if press.command.name in MOVES:
            self.pane().move(press.command.name, press.count)
            return
        method = method_of(press.command)
        owner = self if hasattr(self, method) else self.walk
        getattr(owner, method)(press.count)

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        self.surround()

    def do_back(self, count: int | None) -> None:
        self.walk.go_back()

    def do_left(self, count: int | None) -> None:
        self.walk.go_back()
