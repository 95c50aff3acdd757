"""Everything a key can do: one table, from which keys are read, the help and the palette are made, and which `[keys]` changes.

A command is carried out by a method `do_<name>` (with `_` for `-`) of the screen, else of the application; it gets the number
typed before it, or None. A command that wants a letter gets that as well. A screen offers the groups of common commands that it
names, and commands of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpinspect.tui.screens.base import WalkScreen

MOST = 999_999_999
"""Largest count that can be typed."""

MOVING, ALWAYS, ROWS, SIDEWAYS, LISTED, TIMED, JUMPS, SESSION, WALK, PANES, GROWING = (
    "moving",  # lines and pages
    "always",  # on every screen
    "rows",  # in and out of what is under the cursor
    "sideways",  # the same with the keys to the left and right
    "listed",  # filter, order, columns and marks of a list
    "timed",  # steps in time
    "jumps",  # to stalls and errors
    "session",  # what is done with sessions
    "walk",  # to other screens about the same session
    "panes",  # several panes on one screen
    "growing",  # only while the source grows
)


@dataclass(frozen=True, slots=True)
class Command:
    """Args:
    keys: As `key_named` gives them; two in a row with a blank between them.
    group: Screens that name this group offer it; "" for a command that one screen has of its own.
    counted: An example of what a number typed before it means, for the help.
    hint: The word for it on the last line of the screen, where it is worth one.
    letter: One more key, any character, belongs to it.
    late: Its key is a digit, which may also begin a number: it is taken when nothing follows for a moment.
    """

    name: str
    keys: tuple[str, ...]
    help: str
    group: str = ""
    counted: str = ""
    hint: str = ""
    letter: bool = False
    late: bool = False


COMMON: tuple[Command, ...] = (
    Command("down", ("j", "down"), "next line", MOVING, "5j: five lines"),
    Command("up", ("k", "up"), "line before", MOVING, "5k: five lines"),
    Command("page-down", ("pagedown", "shift+down"), "a page down", MOVING),
    Command("page-up", ("pageup", "ctrl+b"), "a page up", MOVING),
    Command("half-down", ("ctrl+d",), "half a page down", MOVING),
    Command("half-up", ("ctrl+u",), "half a page up", MOVING),
    Command("top", ("g g", "home"), "first line", MOVING, "5gg: line 5"),
    Command("bottom", ("G", "end"), "last line", MOVING, "5G: line 5"),
    Command("open", ("enter",), "go in: what is under the cursor", ROWS, hint="open"),
    Command("right", ("l", "right"), "go in", SIDEWAYS),
    Command("left", ("h", "left"), "go back", SIDEWAYS),
    Command("back", ("q", "escape"), "back one level (Esc first takes back what is being typed)", ALWAYS, hint="back"),
    Command("filter", ("/",), "show only what fits a condition (docs/filter.md); nothing: all", LISTED, hint="filter"),
    Command("search", ("ctrl+f",), "search for text, not for conditions", LISTED),
    Command("next-hit", ("n",), "next line with the text that was searched for", LISTED, "3n: three hits on"),
    Command("previous-hit", ("N",), "line before with the text that was searched for", LISTED, "3N: three hits back"),
    Command("sort-left", ("<",), "sort by the column to the left", LISTED),
    Command("sort-right", (">",), "sort by the column to the right", LISTED),
    Command("reverse", ("z",), "the other way round", LISTED),
    Command("columns", ("c",), "choose the columns that are shown", LISTED),
    Command("mark", ("space",), "mark the row, or take its mark away", LISTED, "5 Space: five rows"),
    Command("set-mark", ("m",), "remember this row under a letter", LISTED, letter=True),
    Command("go-to-mark", ("'",), "back to the row of a letter", LISTED, letter=True),
    Command("copy", ("y",), "copy the marked rows, or the row, to the clipboard (OSC 52)", LISTED),
    Command("export", ("e",), "write what is shown to a file: .txt, .csv, .jsonl or .svg", ALWAYS),
    Command("save", ("w",), "write the marked sessions, or this one, to a capture of their own", SESSION),
    Command("time", ("t",), "time of day, since the start, since the one before", TIMED, hint="time"),
    Command("second-back", ("(",), "a second back in time", TIMED, "5(: five seconds"),
    Command("second-on", (")",), "a second on in time", TIMED, "5): five seconds"),
    Command("minute", ("M",), "to the next minute", TIMED, "3M: to minute 3 of the capture"),
    Command("previous-stall", ("[",), "stall before", JUMPS, "3[: three back"),
    Command("next-stall", ("]",), "next stall", JUMPS, "3]: three on"),
    Command("previous-error", ("{",), "error finding before", JUMPS, "3{: three back"),
    Command("next-error", ("}",), "next error finding", JUMPS, "3}: three on"),
    Command("to-sessions", ("1",), "to the sessions, where all begins (digits wait a moment: 1G is line 1)", WALK, late=True),
    Command("to-findings", ("2",), "to the findings", WALK, late=True),
    Command("to-files", ("3",), "to the files of this session", WALK, late=True),
    Command("to-tls", ("4",), "to the TLS connections", WALK, late=True),
    Command("to-statistics", ("5",), "to the statistics of this session", WALK, late=True),
    Command("follow", ("F",), "stay on the newest row while more comes in", GROWING),
    Command("pause", ("p",), "let the picture stand still, or go on", GROWING),
    Command("next-pane", ("tab",), "next pane", PANES, hint="pane"),
    Command("previous-pane", ("shift+tab",), "pane before", PANES),
    Command("maximise", ("\\",), "this pane alone, or all of them", PANES),
    Command("side", ("|",), "panes side by side, or below each other", PANES),
    Command("help", ("?", "f1"), "this help", ALWAYS, hint="help"),
    Command("palette", (":", "ctrl+p"), "every command of this screen by name", ALWAYS),
    Command("redraw", ("ctrl+l",), "draw everything again", ALWAYS),
    Command("suspend", ("ctrl+z",), "leave for a while (fg comes back)", ALWAYS),
    Command("interrupt", ("ctrl+c",), "stop what is running and keep what is there; again: leave", ALWAYS),
    Command("quit", ("Q",), "leave", ALWAYS, hint="leave"),
)


# keys and their names -------------------------------------------------------------------------------------------------------

_READABLE = {
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "escape": "Esc",
    "enter": "Enter",
    "home": "Home",
    "end": "End",
    "tab": "Tab",
    "shift+tab": "S-Tab",
    "shift+down": "S-Down",
    "shift+up": "S-Up",
    "space": "Space",
    "insert": "Ins",
    "delete": "Del",
    "backspace": "BS",
    **{f"f{number}": f"F{number}" for number in range(1, 13)},
}
_WRITTEN = {name.lower(): key for key, name in _READABLE.items()} | {key: key for key in _READABLE} | {"return": "enter"}


def key_named(key: str, character: str | None) -> str:
    """A key as this table writes it: a character as itself, everything else by its name (`enter`, `ctrl+d`, `space`)."""
    if character is not None and len(character) == 1 and character.isprintable() and not character.isspace():
        return character
    return key


def readable(key: str) -> str:
    """A key as a person writes it: `^D`, `PgDn`, `gg`."""
    if " " in key:
        return "".join(map(readable, key.split(" ")))
    if key.startswith("ctrl+"):
        return f"^{key[5:].upper()}"
    return _READABLE.get(key, key)


def written(text: str) -> str | None:
    """A key as a person writes it in a file, as this table writes it; None when there is no such key.

    Characters stand for themselves (`x`, `X`, `/`), `^X` or `ctrl+x` for control, names as in the help (`PgDn`, `F5`); two keys in
    a row are written with a blank between them, or as two characters (`gg`).
    """
    parts = text.split(" ") if " " in text.strip() else [text]
    if len(parts) == 1:
        single = _written(text)
        if single is not None or len(text) != 2:
            return single
        parts = list(text)
    keys = [_written(part) for part in parts]
    return None if len(keys) != 2 or None in keys else " ".join(filter(None, keys))


def _written(text: str) -> str | None:
    if len(text) == 1:
        return "space" if text == " " else text if text.isprintable() else None
    lowered = text.lower()
    control = lowered.removeprefix("^") if lowered.startswith("^") else lowered.removeprefix("ctrl+")
    if control != lowered:
        return f"ctrl+{control}" if len(control) == 1 and control.isascii() and control.isalpha() else None
    return _WRITTEN.get(lowered)


def method_of(command: Command) -> str:
    return f"do_{command.name.replace('-', '_')}"


# the table ------------------------------------------------------------------------------------------------------------------


class CommandTable:
    """What can be done where, with the keys of this person.

    Args:
        screens: All kinds of screens; their own commands, and those that lead to them, belong to the table.
        keys: Command to its keys, in place of those of the table. They win over keys that another command has by default.
    """

    def __init__(self, screens: "Iterable[type[WalkScreen]]", keys: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self._chosen = dict(keys or {})
        screens = tuple(screens)
        self.entries = {screen.entry.name: screen for screen in screens if screen.entry is not None}
        self._common = (*COMMON, *(screen.entry for screen in screens if screen.entry is not None))
        self._of: dict[type[WalkScreen], tuple[Command, ...]] = {screen: self._assigned(screen) for screen in screens}

    def _assigned(self, screen: "type[WalkScreen]") -> tuple[Command, ...]:
        offered = [command for command in self._common if command.group in (*screen.groups, ALWAYS)]
        offered = [next((own for own in screen.own if own.name == command.name), command) for command in offered]
        offered += [command for command in screen.own if command not in offered]
        taken = {key for command in offered for key in self._chosen.get(command.name, ())}
        return tuple(
            replace(
                command,
                keys=self._chosen.get(command.name)
                or tuple(key for key in command.keys if key not in taken and not any(one.startswith(f"{key} ") for one in taken)),
            )
            for command in offered
        )

    def of(self, screen: "type[WalkScreen]") -> tuple[Command, ...]:
        """What a screen can do, in the order of the table; own commands last."""
        if screen not in self._of:
            self._of[screen] = self._assigned(screen)
        return self._of[screen]

    def everything(self) -> Iterator[Command]:
        """Every command once, by name."""
        seen: set[str] = set()
        for commands in self._of.values():
            for command in commands:
                if command.name not in seen:
                    seen.add(command.name)
                    yield command

    def clashes(self) -> Iterator[tuple[str, str, str, str]]:
        """Keys that two commands of one screen have: place, key, and both names."""
        for screen, commands in self._of.items():
            known: dict[str, str] = {}
            for command in commands:
                for key in command.keys:
                    if known.setdefault(key, command.name) != command.name:
                        yield screen.place, key, known[key], command.name


@dataclass(frozen=True, slots=True)
class Press:
    """A command that was asked for; `count` None: no number was typed."""

    command: Command
    count: int | None = None
    letter: str = ""


class Keys:
    """Puts keys together to commands: numbers in front, commands of two keys, and letters behind."""

    def __init__(self) -> None:
        self._count: int | None = None
        self._first = ""
        self._lettered: Command | None = None
        self.typed = 0  # keys so far

    @property
    def pending(self) -> str:
        """What has been typed of a command, for the screen to show."""
        lettered = "" if self._lettered is None else readable(self._lettered.keys[0])
        return f"{'' if self._count is None else self._count}{self._first}{lettered}"

    def clear(self) -> None:
        self._count, self._first, self._lettered = None, "", None

    def expect(self, command: Command) -> None:
        """The next key is the letter of this command."""
        self.clear()
        self._lettered = command

    def late(self, commands: Iterable[Command]) -> Press | None:
        """The command that one digit alone stands for, in case nothing follows."""
        alone = "" if self._first or self._lettered is not None or self._count is None else str(self._count)
        return next((Press(command) for command in commands if command.late and alone in command.keys), None)

    def feed(self, key: str, commands: Iterable[Command]) -> Press | None:
        """Take a key; gives a command once one is whole. What fits nothing is dropped, with what was typed before it."""
        self.typed += 1
        if self._lettered is not None:
            press = Press(self._lettered, self._count, key) if len(key) == 1 else None
            self.clear()
            return press
        known = {one: command for command in commands for one in command.keys}
        digit = len(key) == 1 and key.isascii() and key.isdigit() and (key != "0" or self._count)
        if not self._first and digit and (key not in known or known[key].late or self._count):
            self._count = min((self._count or 0) * 10 + int(key), MOST)
            return None
        whole = f"{self._first} {key}" if self._first else key
        command = known.get(whole)
        if command is None and not self._first and any(name.startswith(f"{key} ") for name in known):
            self._first = key
            return None
        count = self._count
        if key == "escape" and (self._first or count is not None):
            command = None  # only takes back what was typed
        if command is not None and command.letter:
            self._lettered = command
            return None
        self.clear()
        return None if command is None else Press(command, count)
