"""The walk from sessions to bytes, by keys."""

from dataclasses import replace
from pathlib import Path

import pytest
from views.samples import NASTY, START, connection, exchange, flow, session, table

from gpinspect.errors import CaptureError, SourceError
from gpinspect.inspection import MessageBytes
from gpinspect.model import Finding, Session, Severity
from gpinspect.tui.app import InspectApp
from gpinspect.tui.look import Look
from gpinspect.tui.reading import Ended, Progress, Snapshot
from gpinspect.tui.screens.package import PackageScreen
from gpinspect.tui.screens.packages import PackagesScreen
from gpinspect.tui.screens.sessions import SessionsScreen
from gpinspect.views.browse import entries
from tui.support import ROWS, Still, app_on, hostile_capture, lines, press, read_capture, settled, text, write_capture

HEAD = 5 + len(b"/data/rows.csv") + 13 + 13 + 5


def model(*, findings: tuple[Finding, ...] = (), complete: bool = True, **changed: object) -> Snapshot:
    """One read session by hand: segment 0 got a package of ten bytes, segment 1 nothing."""
    exchanges = (
        exchange(1, packages=table((b"/data/a.csv", 47, b"1,x\n2,yy\n\n"), (None, 57, b"3,z\n")), **changed),
        exchange(2, segment=1, packages=table()),
    )
    found = Snapshot(
        sources=("/captures/load.pcapng",),
        frames=9,
        bytes=900,
        total=900,
        first_ns=START,
        last_ns=START + 5,
        connections=(connection(1), connection(2)),
        exchanges=exchanges,
        sessions=(session(1),),
        flows=(flow(segment=0), flow(segment=1)),
        findings=findings,
        complete=complete,
    )
    return replace(found, entries=entries(found))


async def test_enter_leads_from_sessions_to_the_bytes_and_q_leads_back(tmp_path: Path) -> None:
    app = app_on(read_capture(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "read.pcap  1 session" in text(app)
        assert "GET" in text(app) and "/rows.csv" in text(app) and "2/2" in text(app)
        await press(pilot, "enter")
        assert "Seg  Host" in text(app) and "10.0.0.1" in text(app)
        await press(pilot, "enter")
        assert "Offset" in text(app) and "rows.csv" in text(app) and "end" in text(app)
        await press(pilot, "enter")
        shown = text(app)
        assert "F file name  /data/rows.csv" in shown
        assert "0000  46 00 00 00 0e 2f 64 61  74 61 2f 72 6f 77 73 2e  F..../data/rows." in shown
        for place in ("packages", "flows", "sessions", "sessions"):
            await press(pilot, "q")
            assert app.screen.place == place  # type: ignore[attr-defined]
        assert "Q leaves" in text(app)


async def test_what_is_selected_lights_its_bytes(tmp_path: Path) -> None:
    app = app_on(read_capture(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter", "enter", "enter", "j")
        screen = app.screen
        assert isinstance(screen, PackageScreen)
        assert screen.hex.lit == (0, 5 + 14)  # F: type, length, name
        await press(pilot, "j")
        assert screen.hex.lit == (19, 32) and screen.hex.position == 19
        lit = [segment.text for segment in screen.hex.render_line(1) if segment.style and segment.style.reverse]
        assert "4f" in lit and "O" in lit
        await press(pilot, "v", "G")  # the last line of the content
        last = screen.hex.lit
        assert screen.content is not None
        assert ROWS.find(screen.content.data[last[0] : last[1]]) >= 0 and last[1] == len(screen.content.data)
        await press(pilot, "tab", "g", "g", "l")
        assert screen.hex.position == (last[0] % 16) + 1


async def test_moving_in_the_hex_selects_the_field_that_holds_the_byte(tmp_path: Path) -> None:
    app = app_on(read_capture(tmp_path))
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        await press(pilot, "enter", "enter", "enter", "tab", "j", "1", "0", "l")
        screen = app.screen
        assert isinstance(screen, PackageScreen)
        node = screen.fields.node()
        assert screen.hex.position == 26 and node is not None and (node.label, node.start) == ("offset", 24)
        assert screen.hex.lit == (24, 32)
        assert "at 0x1a (26), 1 B  frame" in text(app)


async def test_capital_n_and_p_walk_through_the_packages_and_the_list_follows(tmp_path: Path) -> None:
    app = app_on(read_capture(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter", "enter", "enter", "P")
        assert "this is the first package" in text(app)
        await press(pilot, "2", "N")
        screen = app.screen
        assert isinstance(screen, PackageScreen) and screen.index == 2 and screen.content is not None
        table_ = screen.exchange.packages
        assert screen.content.data[HEAD:] == ROWS[table_[2].offset :][: table_[2].length]
        await press(pilot, "9", "9", "N")
        assert "end package" in text(app)
        await press(pilot, "N")
        assert "this is the last package" in text(app)
        await press(pilot, "q")
        assert isinstance(app.screen, PackagesScreen) and app.screen.pane().cursor == len(table_) - 1


async def test_a_write_shows_the_steps_of_a_segment(tmp_path: Path) -> None:
    app = app_on(write_capture(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter", "enter")
        steps = [line.split()[4] for line in lines(app) if " POST " in line and "accepted" in line]
        assert steps == ["OPEN", "DATA", "DATA", "DONE"]
        await press(pilot, "j", "enter")
        assert "a write has no packages: its body holds 4 bytes of rows" in text(app)


async def test_t_tells_time_in_three_ways() -> None:
    app = InspectApp(Still(model()), utc=True)
    async with app.run_test(size=(100, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter", "enter")
        assert "Since start" in text(app) and "0.000000" in text(app)
        await press(pilot, "t")
        assert "22:13:20.000000" in text(app)
        await press(pilot, "t")
        assert "Since last" in text(app)
        await press(pilot, "t")
        assert "Since start" in text(app)


async def test_d_lists_findings_and_enter_leads_to_the_package_of_the_frame() -> None:
    finding = Finding("GPI210", "no-end", Severity.ERROR, "the answer ended", "look at the log", 1, 0, 1, 1, START, (6, 6))
    app = InspectApp(Still(model(findings=(finding,))), utc=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "error GPI210 seg 0 the answer ended" in text(app)  # in the strip of the session
        await press(pilot, "d")
        shown = text(app)
        assert ">✖ error  GPI210" in shown and "Advice: look at the log" in shown and "22:13:20.000000" in shown
        await press(pilot, "enter")
        assert isinstance(app.screen, PackagesScreen)
        assert app.screen.item().index == 2  # the end package came in frame 6
        await press(pilot, "q", "q")
        assert isinstance(app.screen, SessionsScreen)


async def test_help_covers_the_screen_it_was_called_from_and_scrolls() -> None:
    app = InspectApp(Still(model()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "?")
        assert "keys on this screen (sessions)" in text(app)
        await press(pilot, "G")
        assert "x wrong" in text(app) and "keys on this screen" not in text(app)
        await press(pilot, "escape")
        assert isinstance(app.screen, SessionsScreen)


@pytest.mark.parametrize(("width", "height"), [(60, 15), (80, 24), (120, 30), (160, 50), (200, 60)])
async def test_every_screen_fits_every_size(tmp_path: Path, width: int, height: int) -> None:
    app = app_on(read_capture(tmp_path))
    async with app.run_test(size=(width, height)) as pilot:
        await settled(pilot)
        for keys in (("d", "q"), ("enter",), ("enter",), ("enter", "j", "v", "tab"), ("?",)):
            await press(pilot, *keys)
            drawn = lines(app)
            assert len(drawn) == height
            assert {len(line) for line in drawn} == {width}
            assert drawn[0].startswith("gpinspect  read.pcap")
            assert "? help" in drawn[-1] or "q back" in drawn[-1]


async def test_columns_are_dropped_and_never_wrapped() -> None:
    app = InspectApp(Still(model()))
    for width, shown in ((60, False), (160, True)):
        async with InspectApp(Still(model())).run_test(size=(width, 24)) as pilot:
            app = pilot.app  # type: ignore[assignment]
            await settled(pilot)
            heading = lines(app)[2]
            assert ("Findings" in heading) == shown
            assert "Path" in heading and "Verdict" in heading


async def test_a_terminal_that_is_too_small_is_told_the_size_needed() -> None:
    app = InspectApp(Still(model()))
    async with app.run_test(size=(59, 14)) as pilot:
        await settled(pilot)
        assert text(app).strip() == "gpinspect needs 60x15, this is 59x14"
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "sessions" in text(app)


async def test_a_hostile_sender_does_not_draw_on_the_screen(tmp_path: Path) -> None:
    name = "/d/\x1b[2J[bold]表e\u0301\u202e.csv".encode()
    app = app_on(hostile_capture(tmp_path, name, b"\x1b]0;owned\x07[red]no[/]"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for key in ("enter", "enter", "enter", "v", "n", "q", "d"):
            await press(pilot, key)
            for line in lines(app):
                assert line.isprintable() or "e\u0301" in line
                assert "\x1b" not in line and "\u202e" not in line
        await press(pilot, "q", "k")
        assert "file /d/\\x1b[2J[bold]表e\u0301\\u202e.csv" in text(app)


async def test_hostile_words_of_the_model_are_only_shown() -> None:
    entry = session(1, path=NASTY, server_version=NASTY, database=NASTY, user=NASTY, gp_session_id=NASTY, errors=(NASTY,))
    found = replace(model(), sessions=(entry,), sources=(f"/x/{NASTY.replace('/', '')}",))
    found = replace(found, entries=entries(found))
    app = InspectApp(Still(found))
    async with app.run_test(size=(100, 24)) as pilot:
        await settled(pilot)
        assert "\x1b" not in text(app) and "[bold]x[/]" in text(app)
        assert {len(line) for line in lines(app)} == {100}


async def test_a_segment_count_from_the_wire_makes_no_rows() -> None:
    entry: Session = session(1, segment_count=4_000_000_000)
    found = replace(model(), sessions=(entry,))
    found = replace(found, entries=entries(found))
    app = InspectApp(Still(found))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter")
        assert "1 of 2" in text(app)


async def test_segments_that_never_came_have_a_row_of_their_own() -> None:
    found = replace(model(), sessions=(session(1, segment_count=3),))
    found = replace(found, entries=entries(found))
    app = InspectApp(Still(found))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "never seen: 2" in text(app)
        await press(pilot, "enter", "G", "enter")
        assert ">○   2" in text(app) and "not seen" in text(app)
        assert "sent no request" in text(app)


async def test_results_appear_while_reading_goes_on_and_stay_after_a_cancel() -> None:
    reader = Still(model(complete=False), ended=None)
    app = InspectApp(reader)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert reader.tell is not None
        reader.tell(Progress(450, 900, 4, 1e8))
        await pilot.pause()
        assert "reading 50% 450 B of 900 B" in text(app) and "^C stops" in text(app)
        assert "/a.csv" in text(app)
        await press(pilot, "ctrl+c")
        assert reader.cancelled
        assert "reading was stopped at 100%" in text(app) and "/a.csv" in text(app)
        await press(pilot, "enter", "enter")
        assert isinstance(app.screen, PackagesScreen)
        await press(pilot, "ctrl+c")
    assert app.interrupted


async def test_q_capital_leaves_without_a_sign_of_interruption() -> None:
    app = InspectApp(Still(model()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter", "Q")
    assert not app.interrupted and app.return_code == 0


async def test_a_damaged_capture_shows_what_came_before_and_why_it_ended() -> None:
    problem = CaptureError("load.pcapng", "a block of 3 bytes; \x1b[31mwanted 12", 1204)
    app = InspectApp(Still(model(), ended=Ended(problem)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "x load.pcapng, byte 1,204: a block of 3 bytes" in text(app) and "/a.csv" in text(app)
        assert "\x1b" not in text(app)
    assert app.error is problem


async def test_a_capture_of_something_else_says_so() -> None:
    found = Snapshot(sources=("dns.pcap",), frames=7, bytes=700, total=700, complete=True)
    app = InspectApp(Still(found))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "neither gpfdist nor TLS in it, but 7 frames" in text(app)
        await press(pilot, "enter", "j", "G", "pagedown", "d", "enter", "q", "q")
        assert isinstance(app.screen, SessionsScreen)


async def test_a_package_that_cannot_be_read_again_says_why() -> None:
    class Gone(Still):
        def fetch(self, exchange: object, index: int) -> MessageBytes:
            raise SourceError("load.pcapng: this can not be opened: No such file or directory")

    app = InspectApp(Gone(model()))
    async with app.run_test(size=(100, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter", "enter", "enter", "j", "l", "tab", "l", "v", "enter")
        assert "this can not be opened: No such file" in text(app)


async def test_bytes_that_were_not_captured_show_as_question_marks() -> None:
    body = b"D\0\0\0\x04" + b"1,x\n"
    data = MessageBytes(body[:7] + b"\0\0", ((0, 7, 4),))
    found = model()
    app = InspectApp(Still(found, {(1, 1): data}))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter", "enter", "j", "enter")
        assert "44 00 00 00 04 31 2c ??  ??" in text(app) and "2 of them not captured" in text(app)
        await press(pilot, "v")
        assert "1,??" in text(app)


async def test_without_unicode_and_colours_a_screen_is_plain_ascii(tmp_path: Path) -> None:
    app = app_on(hostile_capture(tmp_path, "žluť/表.csv".encode(), b"no"), look=Look(unicode=False, color=False))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for key in ("enter", "enter", "enter", "q", "d", "?"):
            await press(pilot, key)
            assert text(app).isascii()
            for strip in app.screen._compositor.render_strips():
                colors = {segment.style.color for segment in strip if segment.style and segment.style.color}
                assert all(color.is_default for color in colors)


async def test_a_session_asked_for_is_open_at_once_and_a_wrong_one_is_named() -> None:
    app = InspectApp(Still(model()), session=1)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert app.screen.place == "flows"  # type: ignore[attr-defined]
    app = InspectApp(Still(model()), session=7)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "there is no session 7: the capture has 1" in text(app)


async def test_the_cursor_stays_on_its_session_when_others_come_in_front() -> None:
    reader = Still(model(complete=False), ended=None)
    app = InspectApp(reader)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        later = replace(reader.found, sessions=(session(1, path="/early.csv", start_ns=START - 5, tid="x"), session(2)))
        assert reader.tell is not None
        reader.tell(replace(later, entries=entries(later)))
        await pilot.pause()
        assert [line[:3] for line in lines(app) if ".csv" in line and "GET" in line][:2] == [" ● ", ">● "]


async def test_the_mouse_selects_and_opens() -> None:
    app = InspectApp(Still(model()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter")
        await pilot.click("#table", offset=(5, 2))
        await pilot.pause()
        assert "2 of 2" in text(app)
        await pilot.click("#table", offset=(5, 1), times=2)
        await pilot.pause()
        assert isinstance(app.screen, PackagesScreen)
