"""Files, TLS, statistics, heads and comparisons: every key is pressed and what it does is seen; digits; hostile text."""

import os
from dataclasses import replace
from typing import Any

import pytest
from views.samples import NASTY, SECOND, START, connection

from gpinspect.engine.secure import Secured
from gpinspect.engine.tls.report import Alert, Certificate, SideReport, TlsReport
from gpinspect.inspection import HeadBytes
from gpinspect.model import Cause, FileCoverage, FlowStall, Stall
from gpinspect.tui.app import InspectApp
from gpinspect.tui.screens import SCREENS, base
from gpinspect.tui.screens.base import WalkScreen
from gpinspect.views.browse import entries
from tui import made
from tui.support import Still, press, settled, text
from tui.test_golden import GOLDEN
from tui.test_keys import EVERYWHERE, FINDINGS, JUMPS, LISTED, MOVES, SAVED, TIMED, go, pressed, watched, words_of  # noqa: F401

REQUEST = (
    b"GET /rows.csv HTTP/1.1\r\nHost: 10.0.0.5:8080\r\nx-gp-xid: 1700000000-0000000042\r\nX-GP-CID: 3\r\nX-GP-SN: 0\r\n"
    b"X-GP-SEGMENT-ID: two\r\nX-GP-PROTO: 1\r\nX-GP-CSVOPT: m1x 34q 34n0h0\r\n\r\n"
)
ANSWER = b"HTTP/1.0 200 ok\r\nContent-type: text/plain\r\nX-GPFDIST-VERSION: 6.24.3\r\nX-GP-PROTO: 1\r\nConnection: close\r\n\r\n"
STALLS = (
    Stall(1, Cause.SEGMENT, "one_full_window_stops_one_flow", START + SECOND // 2, START + SECOND,
          (FlowStall(1, 1, 0, START + SECOND // 2, START + SECOND),), "window 0 for 0.50 s", "GPI301"),
)  # fmt: skip
DAY = 86_400


def certificate(**changed: Any) -> Certificate:
    first = START // SECOND - 365 * DAY
    made_ = Certificate(
        "CN=etl1", "CN=Example Root", "2a", "2022-11-14T22:13:20+00:00", "2023-11-11T22:13:20+00:00", first, first + 362 * DAY,
        ("etl1", "10.0.0.5"), "RSA", 2048, "sha256", False, "ab" * 32, "cd" * 32, -3,
    )  # fmt: skip
    return replace(made_, **changed)


def side(sealed: int) -> SideReport:
    return SideReport(0, None, 9, 0, sealed, 0, 4, START, START + SECOND)


def secured(number: int, **changed: Any) -> Secured:
    """A connection that is closed to us; its server shows a certificate that had expired three days before."""
    report = TlsReport(
        version="TLSv1.2", versions_offered=("TLSv1.2",), suite="TLS_RSA_WITH_AES_128_GCM_SHA256",
        suite_openssl="AES128-GCM-SHA256",
        suite_id=0x9C, key_exchange="RSA", forward_secret=False, sni="etl1", alpn=None, resumed=False, resumption=None,
        extended_master_secret=True, encrypt_then_mac=None, secure_renegotiation=True, renegotiations=0,
        renegotiation_asked_by_server=False, retried=False, early_data=None, key_updates=0, handshake_done_ns=START + 5,
        client_certificate_requested=False, server_certificate=certificate(), client_certificate=None,
        server_chain=(certificate(),), client_chain=(), client_certificate_empty=False, unreadable_certificates=0,
        alerts=(), close_notify=("server",), authenticated=True, decrypted="none", reason="no key was given", reason_code="no key",
        needs_secrets=True, client=side(500), server=side(90_000),
    )  # fmt: skip
    return Secured(connection(number, kind="tls", tls=True), replace(report, **changed), None, None)


def reader(**changed: Any) -> Still:
    """Files with a gap and a byte that came twice, a stall, heads, and two TLS connections that belong to no exchange."""
    source = made.reader()
    read = source.found.sessions[0]
    files = (
        FileCoverage("/data/load/rows.csv", 0, 28, 3, (), ()),
        FileCoverage("/data/load/torn.csv", 100, 40, 4, ((120, 130),), ((110, 112),)),
    )
    sessions = (replace(read, files=files), *source.found.sessions[1:])
    alert = Alert("client", "fatal", "certificate_expired", False, START + 9, 12)
    tls = (secured(4), secured(5, alerts=(alert,), decrypted="none"))
    connections = (*source.found.connections, tls[0].connection, tls[1].connection)
    found = replace(source.found, sessions=sessions, stalls=STALLS, tls=tls, connections=connections, **changed)
    source.found = replace(found, entries=entries(found))
    source.heads_of = {1: HeadBytes(REQUEST, ANSWER, 4, 6)}
    return source


def without(steps: list[tuple[str, str]], *words: str) -> list[tuple[str, str]]:
    return [step for step in steps if not any(word in step[0].split() for word in words)]


# what all screens have, but for what leads to themselves and what this capture answers otherwise
WAYS = [
    ("T", "TLS: 2 connections"), ("q", "!TLS: 2"),
    *((keys, words) for keys, words in FINDINGS if keys != "T"),
]  # fmt: skip
UNFILTERED = [
    ("/", "takes no filter"),
    *(step for step in LISTED if step[0] not in ("/", "x x enter", "escape")),
]
BACK = [
    ("h", "Verdict"), ("{way}", ""), ("left", "Verdict"), ("{way}", ""),
    ("escape", "Verdict"), ("{way}", ""), ("q", "Verdict"), ("{way}", ""),
]  # fmt: skip

SCRIPTS: dict[str, tuple[str, list[tuple[str, str]], dict[str, object]]] = {
    "files": (
        "W",
        [
            *MOVES, *UNFILTERED, *SAVED,
            ("d", "findings"), ("q", "!> findings"), ("T", "TLS: 2"), ("q", "!TLS: 2"), ("s", "statistics of"), ("q",
            "!statistics"),
            ("H", " heads"), ("q", "! heads"), ("W", "files of session 1"), ("q", "Twice"),
            ("g g", "every byte between them once"), ("j", "not captured: 10 B, offsets 120 to 130"), ("k O", "who got offset:"),
            ("x enter", "wanted a number"), ("escape O 9 enter",
            "segment 0 (10.0.0.9) got offset 9: package 1 of exchange 1, frame 13"),
            ("q L 5 enter", "got offset 16, line 5: package 2"), ("q", "Twice"),
            ("enter", "segment     bytes"), ("q", "Twice"), ("l", "segment     bytes"), ("q", "Twice"), ("right",
            "segment     bytes"), ("q", "Twice"),
            *BACK, *EVERYWHERE,
        ],
        {"last": 2, "before": 1, "page": 2, "half": 2, "first_column": "File", "word": "rows"},
    ),
    "file": (
        "W enter",
        [
            ("G", "letter a"), ("k", "/data/load/rows.csv ---"), ("j", "letter a"), ("up", "rows.csv ---"), ("down", "letter a"),
            ("g g", "rows.csv ---"), ("end", "letter a"), ("home", "rows.csv ---"), ("pagedown", "letter a"), ("pageup",
            "rows.csv ---"),
            ("shift+down", "letter a"), ("ctrl+b", "rows.csv ---"), ("ctrl+d", "letter a"), ("ctrl+u", "rows.csv ---"),
            *SAVED, ("d", "findings"), ("q", "!> findings"), ("T", "TLS: 2"), ("q", "!TLS: 2"), ("s", "statistics"), ("q",
            "!statistics"),
            ("H", " heads"), ("q", "! heads"), ("W", "Twice"), ("q", "offset 0"),
            ("5 l", "!offset 0"), ("right", "offset"), ("5 h", "offset"), ("left", "offset 0"),
            ("+", "28 B shown"), ("-", "28 B shown"), ("0", "28 B shown"),
            ("O 2 8 enter", "nobody got offset 28"), ("O 2 7 enter", "got offset 27: package 2 of exchange 1, frame 17"),
            ("L 9 9 enter", "nobody got line 99: what was delivered ends in line 7"),
            ("L 2 enter", "got offset 4, line 2: package 0 of exchange 1, frame"),
            ("enter", "package 0"), ("q", "line 2: package 0"), ("j k enter", "package 0"), ("q", "rows.csv ---"),
            ("q", "Twice"), ("enter escape", "Twice"), ("enter", "segment     bytes"), *EVERYWHERE,
        ],
        {},
    ),
    "tls": (
        "T",
        [
            *MOVES, *LISTED, ("[", "no stall before"), ("]", "no stall further"), ("{", "no error before"), ("}",
            "no error further"),
            *TIMED[:4], ("G )", "nothing later"), ("M", "nothing later"), ("g g", "1 of 2"),
            ("w", "no session is chosen"), ("d", "findings"), ("q", "!> findings"), ("W", "belongs to no session"),
            ("s", "no session is chosen"), ("H", "no exchange is chosen"), ("T", "TLS: 2 connections"), ("q", "TLS: 2 connections"),
            ("enter", "closed to us: the reason is below"), ("l", "closed to us:"), ("right", "closed to us:"),
            ("g g", "expired 3 days before"), ("j", "fatal certificate_expired, frame 12"), ("g g tab", "[connection 4]"),
            ("shift+tab", "Version"),
            ("\\", "!why: no key"), ("\\", "why: no key"), ("|", "closed to us"), ("|", "closed to us"),
            ("a", "key log or PEM file:"), ("/ x enter", "no ordinary file; wanted a key log"),
            *BACK, *EVERYWHERE,
        ],
        {"last": 2, "before": 1, "page": 2, "half": 2, "first_column": "Conn", "word": "10.0.0"},
    ),
    "statistics": (
        "s",
        [
            *MOVES, *UNFILTERED, ("g g", ""), ("[", "no stall before"), ("]", "no stall further"), ("{", "no error before"),
            ("}", "GPI210"), ("g g", ""), *SAVED, ("d", "findings"), ("q", "!> findings"), ("T", "TLS: 2"), ("q", "!TLS: 2"),
            ("W", "files of session"), ("q", "!files of session"), ("H", " heads"), ("q", "! heads"), ("s", "statistics"),
            ("q", "p95"),
            ("g g", "stalled 1 time: segment 500 ms (seg 0)"), ("v", "by host"), ("enter", "nothing further in"),
            ("v", "one full window stops"), ("enter", "timeline"), ("q", "one full window"), ("v", "p95"),
            ("enter", "Outcome"), ("q", "p95"), ("l", "Outcome"), ("q", "p95"), ("right", "Outcome"), ("q", "p95"),
            *BACK, *EVERYWHERE,
        ],
        {"last": 2, "before": 1, "page": 2, "half": 2, "first_column": "Seg", "word": "10.0.0"},
    ),
    "heads": (
        "H",
        [
            ("G", "8 of 8"), ("k", "7 of 8"), ("j", "8 of 8"), ("up", "7 of 8"), ("down", "8 of 8"), ("g g", "1 of 8"), ("end",
            "8 of 8"),
            ("home", "1 of 8"), ("pagedown", " of 8"), ("pageup", "1 of 8"), ("shift+down", " of 8"), ("ctrl+b", "1 of 8"),
            ("ctrl+d", " of 8"), ("ctrl+u", "1 of 8"),
            ("2 j", "wrong: spelt x-gp-xid, wanted X-GP-XID"), ("3 j", "wrong: wanted a decimal number"), ("G",
            "quote \", escape \""),
            ("tab", "[answer  4 headers"), ("j", "Content-type"), ("shift+tab", "[request  7 headers"),
            ("\\", "!answer  4 headers"), ("\\", "answer  4 headers"), ("|", "answer  4"), ("|", "answer  4"), ("y", "copied"),
            *SAVED, ("d", "findings"), ("q", "!> findings"), ("T", "TLS: 2"), ("q", "!TLS: 2"), ("s", "statistics"), ("q",
            "!statistics"),
            ("W", "files of session"), ("q", "!files of session"), ("H", "of 8"), ("q", "of 8"),
            ("q", "Verdict"), ("H escape", "Verdict"), ("H", "of 8"), *EVERYWHERE,
        ],
        {},
    ),
    "compare": (
        "enter space j =",
        [
            *(step for step in MOVES if "{page}" not in step[1] and "{half}" not in step[1]), ("pagedown", ""), ("pageup", ""),
            ("shift+down", ""), ("ctrl+b", ""),
            ("ctrl+d", ""), ("ctrl+u", ""), ("g g", "1 of"), *(step for step in UNFILTERED if step[0] not in ("space",
            "g g space")),
            ("g g space", "1 marked"), ("g g space", "!marked"),
            ("d", "findings"), ("q", "!> findings"), ("T", "TLS: 2"), ("q", "!TLS: 2"), ("W", "belongs to no session"), ("s",
            "no session"),
            ("H", "no exchange"), ("o", "only what differs"), ("g g", "complete"), ("o", "everything"),
            ("x", "compare segments"), ("x", "compare segments"),
            ("q", "Seg  Host"), ("= escape", "Seg  Host"), ("=", "Differs"), *EVERYWHERE,
        ],
        {"last": 16, "before": 15, "first_column": "What", "word": "host"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])
@pytest.mark.parametrize("place", SCRIPTS)
async def test_every_key_of_a_screen_does_what_it_says(place: str, size: tuple[int, int], pressed: set[tuple[str, str]]) -> None:  # noqa: F811
    way, script, facts = SCRIPTS[place]
    app = InspectApp(reader(), utc=True)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await go(pilot, way.split())
        assert isinstance(app.screen, WalkScreen) and app.screen.place == place, text(app)
        pressed.clear()
        for step in script:
            keys, expected = words_of((step[0].replace("{way}", way), step[1]), facts)
            await go(pilot, keys)
            shown = flat(text(app))
            absent = expected.startswith("!")
            assert (flat(expected.removeprefix("!")) in shown) != absent, f"after {step}: wanted {expected!r}\n{text(app)}"
        assert app.screen.place == place
        offered = {(command.name, key) for command in app.screen.commands() for key in command.keys if not command.late}
    assert offered <= pressed, f"not pressed: {sorted(offered - pressed)}"


def flat(shown: str) -> str:
    """Text as if it had not been broken into lines."""
    return " ".join(shown.split())


# digits -------------------------------------------------------------------------------------------------------------------


TOPS = [("2", "> findings"), ("3", "files of session"), ("4", "TLS: 2"), ("5", "statistics of")]


@pytest.mark.parametrize(("digit", "words"), TOPS)
async def test_a_digit_alone_leads_to_a_screen_on_top(digit: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "LATE", 0.05)
    app = InspectApp(reader(), utc=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, digit)
        await pilot.pause(0.2)
        assert words in text(app)
        if digit != "2":  # there digits choose the level
            await press(pilot, "1")
            await pilot.pause(0.2)
        else:
            await press(pilot, "q")
        assert len(app.screen_stack) == 1


async def test_a_digit_that_something_follows_is_a_number() -> None:
    app = InspectApp(reader(), utc=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "2", "G")
        assert "2 of 2" in text(app) or "2 of 4" in text(app)
        await press(pilot, "3", "escape")
        assert len(app.screen_stack) == 1 and not app.keys.pending


async def test_going_to_a_screen_on_top_that_the_way_went_through_goes_back_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "LATE", 0.05)
    app = InspectApp(reader(), utc=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "W", "enter", "s")
        await press(pilot, "3")
        await pilot.pause(0.2)
        assert [screen.place for screen in app.screen_stack] == ["sessions", "files"]  # type: ignore[attr-defined]


# the text of others -------------------------------------------------------------------------------------------------------

HOSTILE = NASTY + "\0" + "e\u0301" * 3 + "\u0301" * 40 + "漢字" + "\u200f\u2067" + "[@click=app.bell]x[/]" + "n" * 10_000
ALLOWED_WIDE = {"漢", "字"}
ROADS = {
    "sessions": "", "flows": "enter", "ladder": "enter v", "timeline": "enter v v", "matrix": "enter v v v",
    "exchanges": "G enter enter",
    "packages": "enter enter", "package": "enter enter enter", "findings": "d", "files": "W", "file": "W enter", "tls": "T",
    "statistics": "s", "heads": "H", "compare": "enter enter q enter space j =", "help": "?", "palette": ":", "pick": "c",
}  # fmt: skip


def hostile() -> Still:
    """Everything that comes from the wire, and every name of a file, is what an attacker likes."""
    source = reader()
    found = source.found
    exchanges = tuple(
        replace(
            one, path=HOSTILE, reason=HOSTILE, errors=(HOSTILE,), database=HOSTILE, user=HOSTILE, server_version=HOSTILE,
            xid=HOSTILE, cid=HOSTILE, sn=HOSTILE, transform=HOSTILE, gp_session_id=HOSTILE,
        )
        for one in found.exchanges
    )  # fmt: skip
    for one in exchanges:
        one.packages.files[:] = [HOSTILE.encode("utf-8", "surrogateescape") for _ in one.packages.files]
        one.packages.known_files.clear()
        one.packages.known_files.update({name: at for at, name in enumerate(one.packages.files)})
    sessions = tuple(
        replace(
            one, path=HOSTILE, database=HOSTILE, user=HOSTILE, server_version=HOSTILE, xid=HOSTILE, cid=HOSTILE, sn=HOSTILE,
            errors=(HOSTILE,), gp_session_id=HOSTILE,
            files=tuple(replace(file, name=HOSTILE) for file in one.files[:1]),
        )
        for one in found.sessions
    )  # fmt: skip
    flows = tuple(replace(one, host=HOSTILE) for one in found.flows)
    findings = tuple(replace(one, message=HOSTILE, advice=HOSTILE) for one in found.findings)
    card = certificate(subject=HOSTILE, issuer=HOSTILE, san=(HOSTILE,), key_type=HOSTILE, signature_hash=HOSTILE)
    told = {"sni": HOSTILE, "alpn": HOSTILE, "reason": HOSTILE, "server_certificate": card}
    tls = tuple(one._replace(report=replace(one.report, **told)) for one in found.tls)
    stalls = tuple(replace(one, evidence=HOSTILE) for one in found.stalls)
    found = replace(
        found, exchanges=exchanges, sessions=sessions, flows=flows, findings=findings, tls=tls, stalls=stalls, sources=(HOSTILE,)
    )
    source.found = replace(found, entries=entries(found))
    raw = HOSTILE.encode("utf-8", "surrogateescape").replace(b"\r\n", b"")
    request = b"GET /" + raw + b" HTTP/1.1\r\nX-GP-" + raw + b": " + raw + b"\r\nX-GP-USER: " + raw + b"\r\n\r\n"
    source.heads_of = {1: HeadBytes(request, b"HTTP/1.0 200 " + raw)}
    return source


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])
@pytest.mark.parametrize("place", ROADS)
async def test_hostile_text_leaves_every_screen_intact(place: str, size: tuple[int, int]) -> None:
    app = InspectApp(hostile(), utc=True)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await press(pilot, *ROADS[place].split())
        assert isinstance(app.screen, WalkScreen) and app.screen.place == place, text(app)
        for key in ("j", "G"):
            await press(pilot, *(["down"] if place == "palette" else [key]))
            for strip in app.screen._compositor.render_strips():
                assert sum(segment.cell_length for segment in strip) == size[0]
                for segment in strip:
                    assert segment.text.isprintable() or not segment.text, segment.text
                    assert not {"\u202e", "\u200f", "\u2067", "\u200b", "\x1b", "\0"} & set(segment.text)
                    assert segment.style is None or not segment.style.meta.get("@click")
                    assert "\u0301\u0301\u0301" not in segment.text


def test_every_screen_has_a_road_that_hostile_text_was_sent_down() -> None:
    assert {screen.place for screen in SCREENS} == set(ROADS)


# pictures -----------------------------------------------------------------------------------------------------------------

SHOWN = {"files": "W j", "file": "W enter", "tls": "T j", "statistics": "s", "heads": "H 2 j", "compare": "enter space j ="}


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])
@pytest.mark.parametrize("name", SHOWN)
async def test_a_screen_reads_as_it_was_agreed(name: str, size: tuple[int, int]) -> None:
    app = InspectApp(reader(), utc=True)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await press(pilot, *SHOWN[name].split())
        await pilot.pause(0.1)
        shown = "\n".join(line.rstrip() for line in text(app).splitlines()) + "\n"
    path = GOLDEN / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("GOLDEN"):
        path.write_text(shown)
    assert shown == path.read_text()
