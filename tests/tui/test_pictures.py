"""Ladder, timeline and matrix of a session: every key is pressed and what it does is seen; at both sizes; with many segments."""

from dataclasses import replace
from typing import Any

import pytest
from views.samples import SECOND, START, exchange, session

from gpinspect.model import Cause, FlowStall, Outcome, PackageTable, Stall
from gpinspect.model.packages import COMPLETE, DATA
from gpinspect.tui.app import InspectApp
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.base import WalkScreen
from gpinspect.tui.screens.ladder import LadderScreen
from gpinspect.tui.screens.timeline import MatrixScreen, TimelineScreen
from gpinspect.views.browse import entries
from tui import made
from tui.support import Still, press, settled, text
from tui.test_keys import EVERYWHERE, FINDINGS, SAVED, go, pressed, watched, words_of  # noqa: F401 - fixtures among them

STALL = Stall(
    1, Cause.SEGMENT, "one_full_window_stops_one_flow", START + SECOND // 2, START + SECOND,
    (FlowStall(1, 1, 0, START + SECOND // 2, START + SECOND),), "window 0 for 0.50 s", "GPI301",
)  # fmt: skip

MOVES = [
    ("G", "{last} of {last}"), ("k", "{before} of {last}"), ("j", "{last} of {last}"), ("up", "{before} of {last}"),
    ("down", "{last} of {last}"), ("g g", "1 of {last}"), ("end", "{last} of {last}"), ("home", "1 of {last}"),
    ("pagedown", "{page} of {last}"), ("pageup", "1 of {last}"), ("shift+down", "{page} of {last}"), ("ctrl+b", "1 of {last}"),
    ("ctrl+d", "of {last}"), ("ctrl+u", "1 of {last}"), ("2 G", "2 of {last}"), ("1 g g", "1 of {last}"),
]  # fmt: skip

SCRIPTS: dict[str, tuple[str, list[tuple[str, str]], dict[str, object]]] = {
    "ladder": (
        "enter v",
        [
            *MOVES, *SAVED, *FINDINGS,
            ("f", "every package is shown"), ("f", "runs of packages are folded"),
            ("]", "stalled 500 ms by segment"), ("]", "no stall further on"), ("[", "no stall before this"),
            ("g g }", "GPI210"), ("}", "no error further on"), ("{", "no error before this"), ("G {", "GPI210"),
            ("g g t", "time of day"), ("t", "time since the one before"), ("t", "time since start"),
            (")", "of {last}"), ("(", "1 of {last}"), ("M", "{last} of {last}"), ("g g", "1 of {last}"),
            ("l", "[00-01]/2"), ("h", "[00-01]/2"), ("right", "[00-01]/2"), ("left", "[00-01]/2"),
            ("a", "[00-01]/2"),
            ("] enter", "timeline"), ("q", "!timeline"), ("v", "timeline"), ("v v v", "[00-01]/2"),
            ("q", "XID/CID/SN"), ("enter v escape", "XID/CID/SN"), ("enter v", "seg00"),
            *EVERYWHERE,
        ],
        {"last": 12, "before": 11, "page": 12},
    ),
    "timeline": (
        "enter v v",
        [
            *MOVES, *SAVED, *FINDINGS,
            ("+", "1.00 s shown"), ("-", "2.00 s shown"), ("=", "1.00 s shown"), ("0", "2.00 s shown"),
            ("+ l", "1.00 s shown"), ("h", "1.00 s shown"), ("right", "1.00 s shown"), ("left", "1.00 s shown"),
            ("0", "2.00 s shown"),
            ("]", "stall of 500 ms, held up by segment"), ("]", "no stall further on"), ("[", "no stall before this"),
            ("g g }", "GPI210"), ("}", "no error further on"), ("{", "no error before this"),
            ("t", "shown: 22:13:20.000 to 22:13:22.000"), (")", "2.00 s shown"), ("(", "2.00 s shown"), ("M", "2.00 s shown"),
            ("g g space", "1 picked: v shows the ladder of these"), ("g g space", "none picked"),
            ("g g enter", "Offset"), ("q", "2.00 s shown"),
            ("v", "matrix"), ("v v v", "timeline"), ("q", "XID/CID/SN"),
            ("enter v v escape", "XID/CID/SN"), ("enter v v", "timeline"),
            *EVERYWHERE,
        ],
        {"last": 2, "before": 1, "page": 2},
    ),
}  # fmt: skip
SCRIPTS["matrix"] = (
    "enter v v v",
    [
        (keys.replace("enter v v", "enter v v v"), words.replace("timeline", "matrix") if keys != "v" else "Seg  Host")
        for keys, words in SCRIPTS["timeline"][1]
    ],
    SCRIPTS["timeline"][2],
)


def reader(**changed: Any) -> Still:
    still = made.reader()
    return replace(still, found=replace(still.found, stalls=(STALL,), **changed))


@pytest.mark.parametrize("place", SCRIPTS)
async def test_every_key_of_a_picture_does_what_it_says(place: str, pressed: set[tuple[str, str]]) -> None:  # noqa: F811
    way, script, facts = SCRIPTS[place]
    app = InspectApp(reader(), utc=True)
    async with app.run_test(size=(80, 30)) as pilot:
        await settled(pilot)
        await go(pilot, way.split())
        assert isinstance(app.screen, WalkScreen) and app.screen.place == place
        pressed.clear()
        for step in script:
            keys, expected = words_of(step, facts)
            await go(pilot, keys)
            shown = text(app)
            absent = expected.startswith("!")
            assert (expected.removeprefix("!") in shown) != absent, f"after {step}: wanted {expected!r}\n{shown}"
        offered = {(command.name, key) for command in app.screen.commands() for key in command.keys if not command.late}
    assert offered <= pressed, f"not pressed: {sorted(offered - pressed)}"


def many(number: int, packages: int = 3) -> Still:
    """A read of many Greenplum segments of which number 37 is held up for half of the time."""
    members = []
    for segment in range(number):
        table = PackageTable()
        file = table.file_index(b"/data/a.csv")
        for at in range(packages):
            ns = START + at * SECOND // packages + segment
            table.append(1048 * at, 48, 1000, file, 1000 * at, at + 1, ns, ns + 10, 4, 5, 0, DATA, COMPLETE)
        members.append(exchange(segment + 1, segment_count=number, packages=table, payload_bytes=1000 * packages))
    told = session(segments=tuple(range(number)), segment_count=number, members=tuple(range(1, number + 1)), exchanges=number)
    stall = Stall(
        1, Cause.SEGMENT, "one_full_window_stops_one_flow", START + SECOND // 2, START + SECOND,
        (FlowStall(38, 38, 37, START + SECOND // 2, START + SECOND),), "window 0 for 0.50 s",
    )  # fmt: skip
    found = Snapshot(
        sources=("many.pcap",), exchanges=tuple(members), sessions=(told,), stalls=(stall,), complete=True,
        first_ns=START, last_ns=START + SECOND,
    )  # fmt: skip
    return Still(replace(found, entries=tuple(entries(found))))


async def test_session_of_a_thousand_segments_opens_as_a_matrix_that_fits_the_screen() -> None:
    app = InspectApp(many(1000), utc=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter")
        assert isinstance(app.screen, MatrixScreen)
        shown = text(app)
        assert "000" not in shown.splitlines()[0]
        view = app.screen.view
        assert view is not None and view.count() <= view.page
        assert "g" in "".join(view.strip(37 // view.group).cells)
        await press(pilot, "right_square_bracket")
        assert "held up by segment" in text(app)
        assert "one full window stops one flow. window 0 for 0.50 s" in " ".join(text(app).split())
        await press(pilot, "enter")
        assert isinstance(app.screen, TimelineScreen)


async def test_picked_segments_are_the_lanes_of_the_ladder() -> None:
    app = InspectApp(many(20), utc=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter", "v", "v", "space", "j", "space", *"vvv")
        assert isinstance(app.screen, LadderScreen)
        assert "seg00       seg02" in text(app)
        assert "[00-02]/2" in text(app)
        await press(pilot, "a")
        assert "]/20" in text(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 50)])
@pytest.mark.parametrize("views", [1, 2, 3])
async def test_pictures_fill_their_screen_and_no_more(size: tuple[int, int], views: int) -> None:
    app = InspectApp(many(20), utc=True)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await press(pilot, "enter", *("v" for _ in range(views)))
        rows = text(app).splitlines()
        assert all(len(row) <= size[0] for row in rows)
        assert any("seg" in row for row in rows)


async def test_ladder_of_a_hundred_thousand_packages_is_sorted_beside_the_keys() -> None:
    app = InspectApp(many(4, packages=25_000), utc=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter", "v", "f", "G")
        assert "every package is shown" in text(app) or "100,0" in text(app)
        screen = app.screen
        assert isinstance(screen, LadderScreen) and screen.view is not None
        assert (
            screen.view.count() == 100_000 + 3 * 4 + 1
        )  # each request, answer and end; and the stall of a segment that is not there


async def test_refused_member_shows_its_reason_in_the_ladder() -> None:
    still = reader()
    refused = replace(still.found.exchanges[1], status=404, reason="file not found", outcome=Outcome.REFUSED, first_byte_ns=None)
    found = replace(still.found, exchanges=(still.found.exchanges[0], refused, *still.found.exchanges[2:]))
    app = InspectApp(replace(still, found=found), utc=True)
    async with app.run_test(size=(80, 30)) as pilot:
        await settled(pilot)
        await press(pilot, "enter", "v")
        assert "404" in text(app) and "file not found" in text(app)
