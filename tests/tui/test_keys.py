"""Every key of every screen is pressed, and what it does is seen.

Each script is a walk over one screen: keys with blanks between them, and words that are on the screen afterwards (`!`: that are
not). A script that leaves out a key of the table fails.
"""

from dataclasses import replace

import pytest
from textual.events import Key
from textual.pilot import Pilot

from gpinspect.tui.app import InspectApp
from gpinspect.tui.commands import Keys, Press
from gpinspect.tui.screens import SCREENS
from gpinspect.tui.screens.base import WalkScreen
from tui import made
from tui.support import press, settled, text

Step = tuple[str, str]
PATIENCE = 40
"""Twentieths of a second that a screen is waited for on a busy machine."""

MOVES: list[Step] = [
    ("G", "{last} of {last}"),
    ("k", "{before} of {last}"),
    ("j", "{last} of {last}"),
    ("up", "{before} of {last}"),
    ("down", "{last} of {last}"),
    ("g g", "1 of {last}"),
    ("end", "{last} of {last}"),
    ("home", "1 of {last}"),
    ("pagedown", "{page} of {last}"),
    ("pageup", "1 of {last}"),
    ("shift+down", "{page} of {last}"),
    ("ctrl+b", "1 of {last}"),
    ("ctrl+d", "{half} of {last}"),
    ("ctrl+u", "1 of {last}"),
    ("2 G", "2 of {last}"),
    ("1 g g", "1 of {last}"),
]
EVERYWHERE: list[Step] = [
    ("?", "keys on this screen"),
    ("escape", "!keys on this screen"),
    ("f1", "keys on this screen"),
    ("q", "!keys on this screen"),
    (": r e d r a w", "draw everything again"),
    ("escape", "!draw everything again"),
    ("ctrl+p r e d r a w", "draw everything again"),
    ("escape", "!draw everything again"),
    ("ctrl+l", "gpinspect"),
    ("ctrl+z", "suspended"),
    ("e", "export to (.txt"),
    ("escape", "!export to"),
    ("ctrl+c", "left by ^C"),
    ("Q", "left by Q"),
]
LISTED: list[Step] = [
    ("/", "filter>"),
    ("x x enter", "xx stands here, which is no field"),
    ("escape", "!filter>"),
    ("ctrl+f", "search>"),
    ("z z q q enter", "no row shows zzqq"),
    ("ctrl+f {word_keys} enter", "!no row shows"),
    ("n", "!search for something first"),
    ("N", "!search for something first"),
    (">", "sorted by {first_column}"),
    ("<", "in the order of the capture"),
    ("G z", "1 of {last}"),
    ("z", "{last} of {last}"),
    ("g g", "1 of {last}"),
    ("c", "[x] {first_column}"),
    ("q", "![x] {first_column}"),
    ("space", "1 marked"),
    ("g g space", "!marked"),
    ("g g m a", "' a comes back here"),
    ("G ' a", "1 of {last}"),
    ("' b", "no row is remembered under b"),
    ("=", "mark two rows with Space"),
    ("y", "1 row copied"),
]
JUMPS: list[Step] = [
    ("[", "no stall before this in this list"),
    ("]", "no stall further on in this list"),
    ("G {", "{error}"),
    ("g g }", "{next_error}"),
    ("g g", ""),
]
SAVED: list[Step] = [("w", "save 1 session without secrets to"), ("escape", "!save 1 session")]
TIMED: list[Step] = [
    ("t", "time "),
    ("t", "time "),
    ("t", "time "),
    ("g g (", "nothing earlier"),
    ("G )", "nothing later"),
    ("M", "nothing later"),
    ("g g", "1 of {last}"),
]
FINDINGS: list[Step] = [
    ("d", "findings"), ("q", "!> findings"),
    ("W", "files of session"), ("q", "!files of session"), ("T", "no connection speaks TLS"),
    ("s", "statistics of session"), ("q", "!statistics of session"), ("H", " heads"), ("q", "! heads"),
]  # fmt: skip
OF_A_WRITE: list[Step] = [step for step in FINDINGS if "files of" not in step[1]] + [("W", "a write names no files")]

SCRIPTS: dict[str, tuple[str, list[Step], dict[str, object]]] = {
    "sessions": (
        "",
        [
            *MOVES, *LISTED, *JUMPS, *SAVED, *TIMED, *FINDINGS,
            ("f", "one row a query"), ("f", "one row a session"),
            ("enter", "Seg  Host"), ("q", "!Seg  Host"), ("l", "Seg  Host"), ("escape", "!Seg  Host"),
            ("right", "Seg  Host"), ("q", "!Seg  Host"), ("h", "!Seg  Host"), ("left", "!Seg  Host"), ("q", "Q leaves"),
            *EVERYWHERE,
        ],
        {"last": 2, "before": 1, "page": 2, "half": 2, "first_column": "Started", "word": "csv",
         "error": "GPI210", "next_error": "no error further on"},
    ),
    "flows": (
        "enter",
        [
            *MOVES, *LISTED, *JUMPS, *SAVED, *TIMED[:3],
            ("(", "no order of time"), (")", "no order of time"), ("M", "no order of time"), *FINDINGS,
            ("enter", "Offset"), ("q", "!Offset"), ("l", "Offset"), ("escape", "!Offset"), ("right", "Offset"),
            ("q", "!Offset"), ("h", "XID/CID/SN"), ("enter left", "XID/CID/SN"), ("enter", "Seg  Host"),
            ("v", "200 p1"), ("v v v", "Seg  Host"),
            *EVERYWHERE,
        ],
        {"last": 2, "before": 1, "page": 2, "half": 2, "first_column": "Seg", "word": "10.0.0",
         "error": "no error before", "next_error": "GPI210"},
    ),
    "exchanges": (
        "j enter enter",
        [
            *MOVES, *LISTED, *JUMPS, *SAVED, *TIMED, *OF_A_WRITE,
            ("enter", "a write has no packages"), ("l", "a write has no packages"), ("right", "a write has no packages"),
            ("h", "Seg  Host"), ("enter left", "Seg  Host"), ("enter q", "Seg  Host"), ("enter escape", "Seg  Host"),
            ("enter", "DONE"),
            *EVERYWHERE,
        ],
        {"last": 3, "before": 2, "page": 3, "half": 3, "first_column": "Id", "word": "DATA",
         "error": "no error before", "next_error": "no error further"},
    ),
    "packages": (
        "enter enter",
        [
            *MOVES, *LISTED, *JUMPS, *SAVED, *TIMED, *FINDINGS,
            ("enter", "F file name"), ("q", "!F file name"), ("l", "F file name"), ("escape", "!F file name"),
            ("right", "F file name"), ("q", "!F file name"), ("h", "Seg  Host"), ("enter left", "Seg  Host"), ("enter", "Offset"),
            *EVERYWHERE,
        ],
        {"last": 4, "before": 3, "page": 4, "half": 4, "first_column": "Index", "word": "rows.csv",
         "error": "no error before", "next_error": "no error further"},
    ),
    "findings": (
        "d",
        [
            *(step for step in MOVES if step[0] not in ("2 G", "1 g g")),
            *(step for step in LISTED if step[0] != "y"), ("y", "copied"), *JUMPS,
            ("t", "time since the one before"), ("t t", "time of day"), ("(", "time"), (")", "time"), ("M", "time"),
            ("1", "level: errors"), ("2", "level: warnings and errors"), ("4", "hidden ids too"), ("3", "!level:"),
            ("o", "groups: session"), ("o", "groups: id"), ("o", "groups: level"), ("o", "groups: none"),
            ("g g x", "GPI118 is hidden"), ("4 g g x", "GPI118 is shown again"), ("3", "!hidden"),
            ("E", "Known from"), ("E", "!Known from"),
            ("tab", "["), ("shift+tab", "Code"), ("\\", "!Means"), ("\\", "Means"), ("|", "Means"), ("|", "Means"),
            ("w", "no session is chosen here"),
            ("enter", "this is about the capture"), ("l", "this is about the capture"), ("right", "this is about the capture"),
            ("h", "Verdict"), ("d left", "Verdict"), ("d q", "Verdict"), ("d escape", "Verdict"), ("d", "> findings"),
            *EVERYWHERE,
        ],
        {"last": 3, "before": 2, "page": 3, "half": 3, "first_column": "Level", "word": "GPI",
         "error": "GPI210", "next_error": "GPI210"},
    ),
    "package": (
        "enter enter enter",
        [
            ("j", "F file name"), ("k", "data package"), ("down", "F file name"), ("up", "data package"),
            ("G", "at 0x"), ("g g", "at 0x0 (0)"), ("end", "at 0x"), ("home", "at 0x0 (0)"),
            ("pagedown", "at 0x"), ("pageup", "at 0x0 (0)"), ("shift+down", "at 0x"), ("ctrl+b", "at 0x0 (0)"),
            ("ctrl+d", "at 0x"), ("ctrl+u", "at 0x0 (0)"),
            ("j l", "- F file name"), ("h", "+ F file name"), ("right", "- F file name"), ("left", "+ F file name"),
            ("enter", "- F file name"), ("enter", "+ F file name"), ("k", "data package"),
            ("tab", "[hex]"), ("shift+tab", "[fields]"), ("v", "[rows]"), ("v", "[fields]"),
            ("\\", "!hex ---"), ("\\", "hex ---"), ("|", "side by side needs 104 columns"),
            ("N", "package 1"), ("P", "package 0"),
            ("n", "search for something first"), ("ctrl+f", "find>"), ("4 4 space 0 0 enter", "at 0x32 (50)"),
            ("n", "gone round"), ("p", "at 0x32 (50)"), ("y", "2 bytes as hexadecimal"),
            *SAVED, *FINDINGS,
            ("q", "Offset"), ("enter escape", "Offset"), ("enter", "F file name"),
            *EVERYWHERE,
        ],
        {},
    ),
    "help": (
        "?",
        [
            ("G", "x wrong"), ("g g", "keys on this screen"), ("end", "x wrong"), ("home", "keys on this screen"),
            ("j", "!keys on this screen"), ("k", "keys on this screen"),
            ("down", "!keys on this screen"), ("up", "keys on this screen"),
            ("pagedown", "!keys on this screen"), ("pageup", "keys on this screen"), ("shift+down", "!keys on this screen"),
            ("ctrl+b", "keys on this screen"), ("ctrl+d", "!keys on this screen"), ("ctrl+u", "keys on this screen"),
            ("?", "keys on this screen"), ("f1", "keys on this screen"), ("q", "Verdict"), ("? escape", "Verdict"),
            ("?", "keys on"),
            *(step for step in EVERYWHERE if step[0] not in ("?", "f1", "q") and "keys on" not in step[1]),
        ],
        {},
    ),
    "pick": (
        "c",
        [
            ("space", "[ ] Id"), ("x", "[x] Id"), ("G", "[x] Verdict"), ("space", "[ ] Verdict"), ("space", "[x] Verdict"),
            ("g g", ">[x] Id"), ("j", ">[x] Started"), ("k", ">[x] Id"), ("down", ">[x] Started"), ("up", ">[x] Id"),
            ("end", ">[x] Verdict"), ("home", ">[x] Id"), ("pagedown", ">[x] Verdict"), ("pageup", ">[x] Id"),
            ("shift+down", ">[x] Verdict"), ("ctrl+b", ">[x] Id"), ("ctrl+d", ">[x] "), ("ctrl+u", ">[x] Id"),
            ("enter", "Verdict"), ("c q", "![x]"), ("c escape", "![x]"), ("c", "[x] Id"),
            *EVERYWHERE,
        ],
        {},
    ),
}  # fmt: skip
ANYTHING_GOES = {"palette"}
"""Screens that are written in: a letter is a letter there."""


@pytest.fixture(autouse=True)
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would end the application, or leave the terminal, only says so."""
    monkeypatch.setattr(InspectApp, "action_suspend_process", lambda app: app.say("suspended"))
    monkeypatch.setattr(InspectApp, "exit", lambda app: app.say("left by ^C" if app.interrupted else "left by Q"))


def words_of(step: Step, facts: dict[str, object]) -> tuple[list[str], str]:
    keys = " ".join(str(facts.get("word", ""))).replace("word", "")
    pressed = [key for key in step[0].replace("{word_keys}", keys).split(" ") if key]
    expected = step[1]
    for name, value in facts.items():
        expected = expected.replace(f"{{{name}}}", str(value))
    return pressed, expected


@pytest.fixture
def pressed(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Commands with the keys that they were asked for by."""
    seen: set[tuple[str, str]] = set()
    feed = Keys.feed
    first: list[str] = [""]

    def watching(self: Keys, key: str, commands: object) -> Press | None:
        before, lettered = self._first, self._lettered
        press_ = feed(self, key, commands)  # type: ignore[arg-type]
        if lettered is None:
            first[0] = f"{before} {key}".strip()
        if press_ is not None:
            seen.add((press_.command.name, first[0]))
        return press_

    monkeypatch.setattr(Keys, "feed", watching)
    return seen


async def go(pilot: Pilot[None], keys: list[str]) -> None:
    await press(pilot, *keys)


@pytest.mark.parametrize("place", SCRIPTS)
async def test_every_key_of_a_screen_does_what_it_says(place: str, pressed: set[tuple[str, str]]) -> None:
    way, script, facts = SCRIPTS[place]
    app = InspectApp(made.reader(), utc=True)
    async with app.run_test(size=(80, 30)) as pilot:
        await settled(pilot)
        await go(pilot, way.split())
        assert isinstance(app.screen, WalkScreen) and app.screen.place == place
        pressed.clear()
        for step in script:
            keys, expected = words_of(step, facts)
            await go(pilot, keys)
            absent = expected.startswith("!")
            for _ in range(PATIENCE):
                shown = text(app)
                if (expected.removeprefix("!") in shown) != absent:
                    break
                await pilot.pause(0.05)
            assert (expected.removeprefix("!") in shown) != absent, f"after {step}: wanted {expected!r}\n{shown}"
        assert app.screen.place == place
        offered = {(command.name, key) for command in app.screen.commands() for key in command.keys if not command.late}
    assert offered <= pressed, f"not pressed: {sorted(offered - pressed)}"


def test_every_screen_has_a_script_or_is_written_in() -> None:
    ours = {screen.place for screen in SCREENS if screen.__module__.rpartition(".")[2] in {*SCRIPTS, "palette"}}
    assert ours == {*SCRIPTS, *ANYTHING_GOES}


async def test_a_source_that_grows_is_followed_and_the_picture_can_stand_still() -> None:
    source = made.reader(complete=False)
    source.growing, source.ended = True, None
    app = InspectApp(source, utc=True)
    async with app.run_test(size=(80, 30)) as pilot:
        await pilot.pause()
        await press(pilot, "F")
        assert "following" in text(app) and "2 of 2" in text(app)
        await press(pilot, "p")
        assert "the picture stands still" in text(app)
        assert source.tell is not None
        source.tell(replace(source.found, entries=source.found.entries[:1]))
        await pilot.pause()
        assert "/out.csv" in text(app)
        await press(pilot, "p")
        assert "going on" in text(app) and "/out.csv" not in text(app)
        source.growing = False
        assert not {"follow", "pause"} & {command.name for command in app.screen.commands()}  # type: ignore[attr-defined]


async def test_keys_that_were_typed_ahead_reach_the_screens_that_they_open() -> None:
    app = InspectApp(made.reader(), utc=True)
    async with app.run_test(size=(80, 30)) as pilot:
        await settled(pilot)
        for _ in range(3):
            app.post_message(Key("enter", "\r"))
        await settled(pilot)
        await pilot.pause()
        assert [screen.place for screen in app.screen_stack] == ["sessions", "flows", "packages", "package"]  # type: ignore[attr-defined]
