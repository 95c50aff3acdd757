"""What all screens share: the lines around the body, keys and how they become commands, the prompt, and the notice of a terminal
that is too small.

A new screen is a subclass in a file of its own: `place`, `groups` (of common commands), `own` commands with their `do_` methods,
`entry` and `opened_from` where a command leads to it, and its line in `gpinspect.tui.screens.SCREENS`.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Key, Paste, Resize
from textual.screen import Screen
from textual.widget import Widget

from gpinspect.model import Session
from gpinspect.tui.commands import GROWING, MOVING, WALK, Command, Press, key_named, method_of, readable
from gpinspect.tui.look import BOLD, PLAIN, Look, Part
from gpinspect.tui.prompt import Prompt, Question
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.virtual import Drawn, LineView
from gpinspect.views.fitting import wrap
from gpinspect.views.objects import Object

if TYPE_CHECKING:
    from gpinspect.tui.app import InspectApp

SMALLEST = (60, 15)
BROAD = 120
"""Columns from which panes stand side by side."""
WIDE = 160
"""Columns from which details stand at the side of a list."""
ALERT_LINES = 2
LATE = 0.6
"""Seconds after which a digit is a command and no number any more."""


class WalkScreen(Screen[None], inherit_bindings=False):
    """One level of the walk.

    From the top: the capture, the way here, an alert where there is one, the body, the prompt while something is asked for, and a
    line of keys.
    """

    AUTO_FOCUS = ""
    place: ClassVar[str] = ""
    groups: ClassVar[tuple[str, ...]] = (MOVING,)
    own: ClassVar[tuple[Command, ...]] = ()
    entry: ClassVar[Command | None] = None
    """The command that leads here, in the group of the screens that offer it; it needs no method."""

    def __init__(self) -> None:
        super().__init__()
        self._composed = False  # the lines around the body are there

    @property
    def walk(self) -> "InspectApp":
        return cast("InspectApp", self.app)

    @property
    def look(self) -> Look:
        return self.walk.look

    # what a screen says ---------------------------------------------------------------------------------------------------

    @classmethod
    def opened_from(cls, screen: "WalkScreen") -> "WalkScreen | str":
        """The screen that `entry` opens from another one; or a word why there is nothing to open."""
        return cls()

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

    def session_id(self) -> int | None:
        """The session that is looked at, by its id of today."""
        return None

    def chosen_sessions(self) -> tuple[Session, ...]:
        """The sessions that a command is about: those that are marked, or the one that is looked at."""
        number, sessions = self.session_id(), self.walk.snapshot.sessions
        return () if number is None or number > len(sessions) else (sessions[number - 1],)

    def exported_rows(self) -> Iterator[list[str]] | None:
        """What is shown as rows of cells, names of columns first; None where it is no table. Iterated in another thread."""
        return None

    def exported_objects(self) -> Iterator[Object] | None:
        """What is shown as JSON objects; None where there are none. Iterated in another thread."""
        return None

    def offers(self, command: Command) -> bool:
        """Whether a command of this screen's makes sense now."""
        return command.group != GROWING or self.walk.growing

    # frame ----------------------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        look = self.look
        self._small, self._head, self._way = Drawn(look, id="small"), Drawn(look, id="head"), Drawn(look, id="way")
        self._alert, self._foot = Drawn(look, id="alert"), Drawn(look, id="foot")
        self.prompt = Prompt(look, id="prompt")
        self._composed = True
        yield from (self._small, self._head, self._way, self._alert)
        yield Container(*self.body(), id="body")
        yield from (self.prompt, self._foot)

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
            return [(f"{pending}..." if pending else self.look.text(self.walk.words), BOLD)]
        parts: list[Part] = []
        for command in sorted(self.commands(), key=lambda command: (command.name != "help", command.group == WALK)):
            if not command.hint or not command.keys:
                continue
            key = readable(command.keys[0])
            size = len(key) + len(command.hint) + 1
            if size <= width:
                parts += [(key, BOLD), (f" {command.hint}  ", PLAIN)]
                width -= size + 2
        return parts

    # keys -----------------------------------------------------------------------------------------------------------------

    def commands(self) -> tuple[Command, ...]:
        """What can be done here and now."""
        return tuple(command for command in self.walk.table.of(type(self)) if self.offers(command))

    def on_key(self, event: Key) -> None:
        event.stop()
        event.prevent_default()
        if self.app.screen is not self and isinstance(self.app.screen, WalkScreen):
            self.app.screen.post_message(Key(event.key, event.character))  # typed ahead of a screen that was just opened
            return
        self.walk.reader.give_way()
        self.walk.words = ""
        if self._composed and self.prompt.active:
            self.prompt.feed(event.key, event.character)
            self.surround()
            return
        press = self.walk.keys.feed(key_named(event.key, event.character), self.commands())
        if press is not None:
            self.perform(press)
        elif self.walk.keys.late(self.commands()) is not None:
            self.set_timer(LATE, partial(self._late, self.walk.keys.typed))
        if self.is_current:
            self.surround()

    def _late(self, typed: int) -> None:
        """Nothing followed a digit."""
        keys = self.walk.keys
        press = keys.late(self.commands()) if keys.typed == typed and self.is_current else None
        if press is not None:
            keys.clear()
            self.perform(press)
            if self.is_current:
                self.surround()

    def on_paste(self, event: Paste) -> None:
        event.stop()
        if self._composed:
            self.prompt.paste(event.text)

    def ask(self, question: Question) -> None:
        """Ask the person something at the bottom."""
        self.prompt.ask(question)
        self.surround()

    def perform(self, press: Press) -> None:
        """Carry out a command."""
        command = press.command
        if command.group == MOVING:
            self.pane().move(command.name, press.count)
            return
        method = method_of(command)
        owner = self if hasattr(self, method) else self.walk
        if not hasattr(owner, method):
            self.walk.enter(command, self)
        elif command.letter:
            getattr(owner, method)(press.count, press.letter)
        else:
            getattr(owner, method)(press.count)

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        self.surround()

    def do_back(self, count: int | None) -> None:
        self.walk.go_back()

    def do_left(self, count: int | None) -> None:
        self.walk.go_back()
