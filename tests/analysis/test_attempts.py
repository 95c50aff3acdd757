"""Connections that did not come about, from values made by hand."""

import pytest

from gpinspect.model import Address, Severity

from .hand import SECOND, SERVER, START, Made, whole_read


def tried(made: Made, at: float, *, port: int = SERVER.port, host: str = "10.0.0.1", unreachable: int = 1) -> None:
    """One SYN at a second of the capture, answered by ICMP (or by RST)."""
    ended = {} if unreachable else {"reset_by": "server", "closed_by": "server"}
    known = {
        "kind": "silent",
        "closed_by": None,
        "unreachable": unreachable,
        "client": Address(host, 50_000 + len(made.connections)),
    }
    when = START + round(at * SECOND)
    made.connection(**{**known, **ended, "server": Address(SERVER.host, port), "start_ns": when, "end_ns": when + 1000})


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ((0, 1, 3, 7), True),  # waits of 1, 2, 4
        ((0, 1.4, 4.3), True),  # the attempts themselves take time
        ((0, 4, 12), True),  # the capture starts late
        ((0, 1, 2, 3), False),  # a monitor that asks every second
        ((0, 10, 11), False),
        ((0,), False),
    ],
)
def test_pauses_that_double_are_a_segment_that_backs_off(times: tuple[float, ...], told: bool) -> None:
    made = Made()
    for at in times:
        tried(made, at, unreachable=0)
    assert bool(made.findings("GPI028")) is told
    assert made.one("GPI027").severity is Severity.WARNING


def test_segments_of_one_host_that_try_together_are_one_round() -> None:
    made = Made()
    for at in (0, 1, 3):
        for segment in range(4):
            tried(made, at + segment * 0.01)
    assert "12 times" in made.one("GPI028").message and "1.0, 2.0 s" in made.one("GPI028").message
    assert "(12 connections)" in made.one("GPI029").message


def test_server_that_is_reached_in_the_end_is_no_warning() -> None:
    made = Made()
    tried(made, 0)
    made.connection(start_ns=START + SECOND, answered=True)
    assert made.codes() == ["GPI028"]
    assert "then it succeeded" in made.one("GPI028").message


def test_attempts_of_programs_that_are_not_ours_are_left_alone() -> None:
    made = whole_read()
    made.connection(kind="silent", closed_by=None, unreachable=2, server=Address("192.0.2.9", 443), client=Address("10.0.0.1", 5))
    made.connection(
        kind="silent", reset_by="server", closed_by="server", server=Address("192.0.2.9", 22), client=Address("10.0.0.1", 6)
    )
    assert made.codes(Severity.WARNING) == []


def test_without_gpfdist_in_the_capture_its_usual_ports_count() -> None:
    made = Made()
    tried(made, 0, unreachable=0, port=8080)
    assert made.one("GPI027").connection == 1
    elsewhere = Made()
    tried(elsewhere, 0, unreachable=0, port=5432)
    assert elsewhere.codes() == []
