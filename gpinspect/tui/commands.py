"""Everything a key can do: one table, out of which keys are read and the help is made.

A command is carried out by a method `do_<name>` (with `_` for `-`) of the screen, or of the application.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LISTS = ("sessions", "flows", "exchanges", "packages", "findings")
MOVING = (*LISTS, "package", "help")
PLACES = MOVING

MOST = 999_999_999
"""Largest count that can be typed."""


@dataclass(frozen=True, slots=True)
class Command:
    """Args:
    keys: Names of keys as Textual gives them; two in a row with a blank between them.
    places: Where it works.
    counted: An example of what a number typed before it means, for the help.
    hint: The word for it on the last line of the screen, where it is worth one.
    """

    name: str
    keys: tuple[str, ...]
    help: str
    places: tuple[str, ...] = PLACES
    counted: str = ""
    hint: str = ""


COMMANDS: tuple[Command, ...] = (
    Command("down", ("j", "down"), "next line", MOVING, "5j: five lines"),
    Command("up", ("k", "up"), "line before", MOVING, "5k: five lines"),
    Command("page-down", ("pagedown", "ctrl+f", "space"), "a page down", MOVING),
    Command("page-up", ("pageup", "ctrl+b"), "a page up", MOVING),
    Command("half-down", ("ctrl+d",), "half a page down", MOVING),
    Command("half-up", ("ctrl+u",), "half a page up", MOVING),
    Command("top", ("g g", "home"), "first line", MOVING, "5gg: line 5"),
    Command("bottom", ("G", "end"), "last line", MOVING, "5G: line 5"),
    Command(
        "open",
        ("enter",),
        "go in: segments, exchanges, packages, one package; in the tree: fold or unfold",
        (*LISTS, "package"),
        hint="open",
    ),
    Command("right", ("l", "right"), "go in; in the tree: unfold; in the hex: next byte", (*LISTS, "package"), "5l: five bytes"),
    Command("left", ("h", "left"), "go back; in the tree: fold; in the hex: byte before", (*LISTS, "package"), "5h: five bytes"),
    Command("back", ("q", "escape"), "back one level", MOVING, hint="back"),
    Command("next-package", ("n", "N"), "next package", ("package",), "5n: five on", hint="next"),
    Command("previous-package", ("p", "P"), "package before", ("package",), "5p: five back", hint="prev"),
    Command("next-pane", ("tab",), "next pane", ("package", "findings"), hint="pane"),
    Command("previous-pane", ("shift+tab",), "pane before", ("package", "findings")),
    Command("view", ("v",), "fields or lines, where there is no room for both", ("package",), hint="lines"),
    Command("time", ("t",), "time since the start of the session, of day, since the one before", ("packages",), hint="time"),
    Command(
        "findings",
        ("d",),
        "findings, the cursor on the first of this session",
        ("sessions", "flows", "exchanges", "packages", "package"),
        hint="findings",
    ),
    Command("help", ("question_mark", "f1"), "this help", (*LISTS, "package"), hint="help"),
    Command("redraw", ("ctrl+l",), "draw everything again"),
    Command("suspend", ("ctrl+z",), "leave for a while (fg comes back)"),
    Command("interrupt", ("ctrl+c",), "stop reading and keep what is there; again: leave"),
    Command("quit", ("Q",), "leave", hint="leave"),
)

_READABLE = {
    "question_mark": "?",
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
    "space": "Space",
    "f1": "F1",
}


def readable(key: str) -> str:
    """A key as a person writes it: `^D`, `PgDn`, `gg`."""
    if " " in key:
        return "".join(map(readable, key.split(" ")))
    if key.startswith("ctrl+"):
        return f"^{key[5:].upper()}"
    return _READABLE.get(key, key)


def commands_of(place: str, table: Iterable[Command] = COMMANDS) -> Iterator[Command]:
    """What can be done at a place, in the order of the table."""
    return (command for command in table if place in command.places)


def method_of(command: Command) -> str:
    return f"do_{command.name.replace('-', '_')}"


@dataclass(frozen=True, slots=True)
class Press:
    """A command that was asked for; `count` None: no number was typed."""

    command: Command
    count: int | None


class Keys:
    """Puts keys together to commands: numbers in front, and commands of two keys."""

    def __init__(self, table: Iterable[Command] = COMMANDS) -> None:
        self._by_place: dict[str, dict[str, Command]] = {}
        table = tuple(table)
        for place in PLACES:
            self._by_place[place] = {key: command for command in commands_of(place, table) for key in command.keys}
        self._count: int | None = None
        self._first = ""

    @property
    def pending(self) -> str:
        """What has been typed of a command, for the screen to show."""
        return f"{'' if self._count is None else self._count}{self._first}"

    def clear(self) -> None:
        self._count, self._first = None, ""

    def feed(self, key: str, place: str) -> Press | None:
        """Take a key; gives a command once one is whole. What fits nothing is dropped, with what was typed before it."""
        known = self._by_place[place]
        if not self._first and len(key) == 1 and key.isascii() and key.isdigit() and (key != "0" or self._count):
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
        self.clear()
        return None if command is None else Press(command, count)
