"""What the page of a report says, before it is HTML."""

from dataclasses import replace
from typing import Any

import pytest

from gpinspect.model import Cause, FileCoverage, FlowStall, Outcome, Severity, Stall
from gpinspect.model.packages import COMPLETE, DATA, PackageTable
from gpinspect.views.page import Page, build_page
from views import samples
from views.samples import SECOND, START, Found


def busy(number: int, first: float, last: float, **changed: Any) -> Any:
    table = PackageTable()
    table.append(0, 48, 1000, 0, 0, 0, START + round(first * SECOND), START + round(last * SECOND), 1, 2, 0, DATA, COMPLETE)
    return samples.exchange(number, packages=table, payload_bytes=1000, **{"end_ns": START + 10 * SECOND, **changed})


def page(*members: Any, **more: Any) -> Page:
    session = samples.session(
        end_ns=START + 10 * SECOND,
        payload_bytes=1000 * len(members),
        files=more.pop("files", ()),
        query_sessions=more.pop("query_sessions", 1),
    )
    return build_page(Found(exchanges=list(members), sessions=[session], findings=more.pop("findings", [])), utc=True, **more)


def test_lane_tells_when_payload_moved_as_shares_of_the_session() -> None:
    (lane,) = page(busy(1, 2, 4)).sessions[0].lanes
    (span,) = lane.busy
    assert span == pytest.approx((0.2, 0.4), abs=0.01)
    assert (lane.name, lane.percent, lane.ended) == ("0", "100.0 %", "whole")


def test_stall_stands_on_the_lanes_of_its_flows_and_in_the_list() -> None:
    stall = Stall(
        1, Cause.NETWORK, "path_blackout_stops_all_flows", START + 5 * SECOND, START + 7 * SECOND,
        (FlowStall(2, 2, 1, START + 5 * SECOND, START + 7 * SECOND),), "12 retransmissions", "GPI308",
    )  # fmt: skip
    entry = page(busy(1, 0, 1), busy(2, 0, 1), stalls=[stall]).sessions[0]
    assert entry.lanes[0].stalls == ()
    assert entry.lanes[1].stalls[0].span == pytest.approx((0.5, 0.7))
    (told,) = entry.stalls
    assert (told.cause, told.pattern, told.duration, told.who) == (
        "network",
        "path blackout stops all flows",
        "2.00 s",
        "segments 1",
    )


def test_many_segments_are_a_matrix_and_the_troubled_ones_have_lanes() -> None:
    members = [busy(number, 0, 1) for number in range(1, 101)]
    members[76] = replace(members[76], outcome=Outcome.BROKEN)
    entry = page(*members).sessions[0]
    assert "76" in {lane.name for lane in entry.lanes}
    assert len(entry.lanes) + entry.lanes_left == 100
    assert (len(entry.matrix), entry.grouped) == (100, 1)


def test_page_over_many_sessions_takes_no_more_room_than_it_has() -> None:
    members = [busy(number, 0, 1, session=1 + number % 50) for number in range(1, 5001)]
    sessions = [samples.session(number, end_ns=START + 10 * SECOND) for number in range(1, 51)]
    made = build_page(Found(exchanges=members, sessions=sessions))
    assert sum(len(row.levels) for one in made.sessions for row in one.matrix) <= 240_000
    assert sum(len(one.lanes) for one in made.sessions) <= 1_600


def test_file_is_drawn_from_byte_0_with_gaps_and_overlaps() -> None:
    file = FileCoverage("/data/a.csv", 20, 60, 3, ((50, 70),), ((30, 40),))
    (bar,) = page(busy(1, 0, 1), files=(file,)).sessions[0].files
    assert [(kind, span) for span, kind, _ in bar.pieces] == [
        ("before", (0.0, 0.2)),
        ("delivered", (0.2, 0.5)),
        ("gap", (0.5, 0.7)),
        ("delivered", (0.7, 1.0)),
        ("overlap", (0.3, 0.4)),
    ]
    assert bar.text == "60 B in 3 packages, offsets 20 to 100, 1 gap, 20 B, 1 overlap"


def test_thousands_of_gaps_are_drawn_together_where_they_cannot_be_told_apart() -> None:
    gaps = tuple((10 * at, 10 * at + 5) for at in range(1, 5000))
    (bar,) = page(busy(1, 0, 1), files=(FileCoverage("/a", 0, 25_005, 9, gaps, ()),)).sessions[0].files
    assert len(bar.pieces) < 10
    assert any("4,999 gaps" in text for _, _, text in bar.pieces)


def test_findings_of_one_code_are_one_entry_and_what_to_do_is_said_once() -> None:
    findings = [samples.finding(Severity.ERROR, segment=number) for number in range(12)]
    made = page(busy(1, 0, 1), findings=findings)
    (entry,) = made.sessions[0].findings
    assert (entry.count, entry.more, len(entry.messages)) == (12, 4, 8)
    assert [(code, text) for code, _, text in made.advice] == [("GPI210", "look at the server log")]
    assert made.levels == (("error", 12),)


def test_statement_of_several_sessions_has_its_own_verdict() -> None:
    assert page(busy(1, 0, 1)).sessions[0].query_verdict == ""
    assert page(busy(1, 0, 1), query_sessions=2).sessions[0].query_verdict == "unprovable"
