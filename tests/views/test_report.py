from gpinspect.model import Delivery, Outcome, Severity
from gpinspect.views.report import build_report, connections_text, locked_connections, outcomes_text
from gpinspect.views.text import cells
from views import samples


def text_of(found: samples.Found, width: int | None = None, screen: bool = True) -> str:
    return "\n".join(line.text for line in build_report(found, utc=True, screen=screen).lines(width))


def test_report_says_what_was_read_and_what_ran() -> None:
    text = text_of(samples.Found())
    assert "load.pcapng" in text
    assert "153,728 frames, 220 MB, 2023-11-14 22:13:20.000 to 22:16:32.000 (3m12s)" in text
    assert "1  GET /a.csv  on 10.0.0.5:8080 (gpfdist 6.24.3)" in text
    assert "proven, segments 2/2, 55 B in 1.00 s (0.00 MB/s), 2 complete" in text
    assert "query 1700000000-0000000042/3/0, db dw, user gpadmin" in text
    assert "nothing found" in text


def test_gravest_findings_come_first_with_advice_and_the_command_that_explains() -> None:
    found = samples.Found(findings=[samples.finding(Severity.NOTE, code="GPI001"), samples.finding(), samples.finding(exchange=3)])
    text = text_of(found)
    assert "2 errors, 1 note" in text
    assert "error GPI210 x2  session 1 seg 1 exch 2: stream ended without an end package" in text
    assert "do: look at the server log" in text
    assert "gpinspect explain GPI210" in text
    assert "1 other kind of finding" in text


def test_report_of_many_sessions_and_findings_fits_a_screen_of_80_by_24() -> None:
    long = "word " * 60
    found = samples.Found(
        sessions=[samples.session(n, path="/data/" + "x" * 200) for n in range(1, 40)],
        findings=[samples.finding(code=f"GPI{n}", message=long, advice=long) for n in range(100, 140)],
        connections=[samples.connection(1), samples.connection(2, "other"), samples.connection(3, "tls")],
        exchanges=[samples.exchange(1), samples.exchange(2, outcome=Outcome.PROBE, session=None)],
        sources=tuple("c" * 90 for _ in range(9)),
    )
    lines = list(build_report(found, utc=True).lines(80))
    assert len(lines) < 24
    assert all(cells(line.text) <= 80 for line in lines)
    assert any("and 36 more sessions" in line.text for line in lines)


def test_the_session_in_trouble_is_shown_before_the_large_ones() -> None:
    sessions = [samples.session(n, payload_bytes=10**9, path=f"/big{n}") for n in range(1, 9)]
    sessions.append(samples.session(9, payload_bytes=0, path="/bad", delivery=Delivery.REFUTED))
    assert "/bad" in text_of(samples.Found(sessions=sessions))


def test_without_a_screen_nothing_is_folded() -> None:
    found = samples.Found(sessions=[samples.session(n, path=f"/p{n}.csv") for n in range(1, 40)])
    text = text_of(found, screen=False)
    assert all(f"/p{n}.csv" in text for n in range(1, 40))


def test_what_was_not_gpfdist_is_counted() -> None:
    found = samples.Found(connections=[samples.connection(n, "other") for n in (1, 2)] + [samples.connection(3, "silent")])
    assert connections_text(found) == "3 connections: 2 other, 1 without payload"
    assert "3 connections: 2 other, 1 without payload" in text_of(found)


def test_tls_that_no_key_opens_asks_for_a_key() -> None:
    found = samples.Found(exchanges=[], sessions=[], connections=[samples.connection(1, "tls")])
    assert locked_connections(found) == 1
    assert "--keylog FILE" in text_of(found)
    assert "no gpfdist session" in text_of(found)


def test_outcomes_are_counted_most_frequent_first() -> None:
    assert outcomes_text([Outcome.LATE, Outcome.COMPLETE, Outcome.COMPLETE]) == "2 complete, 1 late"


def test_hostile_text_leaves_the_report_free_of_control_characters() -> None:
    nasty = samples.NASTY
    found = samples.Found(
        sessions=[samples.session(path=nasty, server_version=nasty, database=nasty, user=nasty, xid=nasty, method=nasty)],
        findings=[samples.finding(message=nasty, advice=nasty)],
        sources=(nasty,),
    )
    for screen in (True, False):
        assert text_of(found, screen=screen).replace("\n", "").isprintable()


def test_names_of_any_length_leave_the_report_readable() -> None:
    """Their ends are told: of a path 120 characters, of a role, a database and a transaction 64."""
    long = "A" * 20_000
    session = samples.session(path=f"/{long}/orders.tbl", database=long, user=long, xid=long)
    text = text_of(samples.Found(sessions=[session]), screen=False)
    assert max(map(len, text.splitlines())) < 300
    assert "orders.tbl" in text


def test_a_load_with_nothing_but_notes_has_nothing_wrong() -> None:
    assert "\nnoted  1 note" in text_of(samples.Found(findings=[samples.finding(Severity.NOTE)]))
    assert "\nwrong  1 error, 1 note" in text_of(samples.Found(findings=[samples.finding(), samples.finding(Severity.NOTE)]))
