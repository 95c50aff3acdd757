"""Whose fault a silence was: loads with one arranged cause each, put together frame by frame, and loads that only look slow."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from craft import Conversation

from analysis.stall_hand import Load, ns, recorded
from analysis.stall_loads import (
    acks_lost_near_client,
    all_windows,
    blackout,
    blackout_near_client,
    clock_back,
    doubled,
    early_end,
    everything_missing,
    frames_missing,
    full_window,
    late_client,
    late_start,
    lost_request,
    lost_syn,
    nobody_posts,
    pause,
    server_owes_answer,
    server_window,
    short_zero_windows,
    slow_body,
    slow_pipe,
    swapped,
    timer_of_one,
    without_acks,
)
from gpinspect.inspection import Inspection, inspect
from gpinspect.model import Cause, Severity, Stall, Vantage

Span = tuple[float, float]


class Arranged(NamedTuple):
    """A load, and what must be said of it."""

    make: Callable[[], Load]
    cause: Cause
    pattern: str
    span: Span  # what the stall has to cover at least
    within: Span  # and must not go beyond
    segments: frozenset[int]  # flows that are hit, each for most of the span


CASES = {
    "the writer of the source rests": Arranged(
        pause, Cause.SERVER, "one_blocked_source_stops_all_flows", (0.8, 2.8), (0.7, 2.9), frozenset({0, 1, 2})
    ),
    "the writer of the source rests, seen near the clients": Arranged(
        lambda: pause("client"), Cause.SERVER, "one_blocked_source_stops_all_flows", (0.8, 2.8), (0.7, 2.9), frozenset({0, 1, 2})
    ),
    "a slow pipe": Arranged(
        slow_pipe, Cause.SERVER, "one_blocked_source_stops_all_flows", (0.1, 5.4), (0.0, 6.1), frozenset({0, 1, 2})
    ),
    "the server does not answer posts": Arranged(
        server_owes_answer, Cause.SERVER, "stopped_server_stops_all_flows", (0.75, 2.15), (0.6, 2.3), frozenset({0, 1, 2})
    ),
    "the server takes no more of posts": Arranged(
        server_window, Cause.SERVER, "stopped_server_stops_all_flows", (0.75, 2.15), (0.6, 2.3), frozenset({0, 1, 2})
    ),
    "a full window": Arranged(
        full_window, Cause.SEGMENT, "one_full_window_stops_one_flow", (0.55, 2.45), (0.45, 2.55), frozenset({1})
    ),
    "all windows full": Arranged(
        all_windows, Cause.SEGMENT, "all_full_windows_stop_all_flows", (0.55, 1.95), (0.45, 2.1), frozenset({0, 1, 2})
    ),
    "nobody posts": Arranged(
        nobody_posts, Cause.SEGMENT, "one_stopped_segment_starves_the_rest", (0.9, 2.5), (0.5, 2.8), frozenset({0, 1, 2})
    ),
    "a blackout, seen near the server": Arranged(
        blackout, Cause.NETWORK, "path_blackout_stops_all_flows", (0.65, 1.9), (0.45, 2.1), frozenset({0, 1, 2})
    ),
    "a blackout, seen near the clients": Arranged(
        blackout_near_client, Cause.NETWORK, "path_blackout_stops_all_flows", (0.7, 2.4), (0.5, 2.6), frozenset({0, 1, 2})
    ),
    "acknowledgments that are lost, seen near the clients": Arranged(
        acks_lost_near_client, Cause.NETWORK, "path_blackout_stops_all_flows", (0.7, 2.0), (0.5, 2.2), frozenset({0, 1, 2})
    ),
    "one flow waits for its timer": Arranged(
        timer_of_one, Cause.NETWORK, "loss_stops_one_flow", (0.85, 1.35), (0.75, 1.45), frozenset({2})
    ),
    "a lost SYN": Arranged(
        lost_syn, Cause.NETWORK, "lost_opening_delays_one_flow", (0.05, 0.95), (0.0, 1.05), frozenset({2})
    ),
    "a lost request": Arranged(
        lost_request, Cause.NETWORK, "lost_opening_delays_one_flow", (0.05, 1.4), (0.0, 1.6), frozenset({2})
    ),
    "frames that were not recorded": Arranged(
        frames_missing, Cause.CAPTURE, "frames_missing_in_recording", (0.699, 0.7), (0.3, 0.8), frozenset({1})
    ),
    "nothing recorded for a while": Arranged(
        everything_missing, Cause.CAPTURE, "frames_missing_in_recording", (0.9, 1.5), (0.5, 1.9), frozenset({0, 1, 2})
    ),
}  # fmt: skip


def look(load: Load, tmp_path: Path) -> Inspection:
    return inspect([str(load.write(tmp_path))])


def covered(stalls: list[Stall], segment: int, span: Span) -> float:
    """Seconds of a span in which a flow was held up."""
    moments = sorted(
        (max(flow.start_ns, ns(span[0])), min(flow.end_ns, ns(span[1])))
        for stall in stalls
        for flow in stall.flows
        if flow.segment == segment
    )
    total, at = 0, ns(span[0])
    for start, end in moments:
        total += max(0, end - max(start, at))
        at = max(at, end)
    return total / 1e9


@pytest.mark.parametrize("name", CASES)
def test_the_cause_the_pattern_the_flows_and_the_time_are_those_that_were_arranged(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    found = look(case.make(), tmp_path)
    assert {stall.cause for stall in found.stalls} - {case.cause} <= ({Cause.SEGMENT} if "body" in name else set()), found.stalls
    assert {stall.pattern for stall in found.stalls} == {case.pattern}, found.stalls
    assert {flow.segment for stall in found.stalls for flow in stall.flows} == case.segments
    for segment in case.segments:
        assert covered(found.stalls, segment, case.span) > 0.7 * (case.span[1] - case.span[0]), segment
    assert min(stall.start_ns for stall in found.stalls) >= ns(case.within[0])
    assert max(stall.end_ns for stall in found.stalls) <= ns(case.within[1])
    found.close()


@pytest.mark.parametrize("name", CASES)
def test_shares_name_the_same_cause_and_never_exceed_the_time_of_the_flow(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    with look(case.make(), tmp_path) as found:
        for flow in found.flows:
            shares = flow.stall_ns
            assert shares is not None
            hit = flow.segment in case.segments
            assert (shares._asdict()[case.cause.value] > 0) == hit, flow
            assert sum(shares) <= flow.end_ns - min(flow.start_ns, min(stall.start_ns for stall in found.stalls))


@pytest.mark.parametrize("name", CASES)
def test_every_stall_is_a_finding_with_its_figures(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    with look(case.make(), tmp_path) as found:
        codes = {finding.code: finding for finding in found.findings}
        for stall in found.stalls:
            finding = codes[stall.finding]
            assert "?" not in finding.message
            assert stall.evidence[:40] in " ".join(one.message for one in found.findings if one.code == stall.finding)


def test_a_body_that_stops_half_way_is_the_fault_of_its_segment_and_the_others_wait_for_the_server(tmp_path: Path) -> None:
    with look(slow_body(), tmp_path) as found:
        assert {stall.pattern for stall in found.stalls} == {"slow_post_body_stops_all_flows"}
        blamed = {flow.segment: stall.cause for stall in found.stalls for flow in stall.flows}
        assert blamed == {0: Cause.SERVER, 1: Cause.SEGMENT, 2: Cause.SERVER}


# loads that are well ------------------------------------------------------------------------------------------------------


WELL: dict[str, Callable[[], Load]] = {
    "as fast as it goes": lambda: Load().steady(0.5, every=0.002),
    "50 blocks a second": lambda: Load().steady(2.0, every=0.02),
    "12 blocks a second": lambda: Load(4).steady(3.0, every=0.08),
    "three blocks a turn": lambda: Load(4).steady(4.0, every=0.08, turns=3),
    "3 blocks a second": lambda: Load().steady(5.0, every=0.3),
    "posts": lambda: Load().posting(3.0),
    "posts with pauses of half a second": lambda: Load().posting(4.0, every=0.5),
    "posts of one segment that rests": lambda: Load(1).posting(4.0, every=0.5),
    "short zero windows": short_zero_windows,
    "every frame twice": doubled,
    "neighbours that changed places": swapped,
    "bare acknowledgments lost": lambda: without_acks(Load().steady(3.0)),
    "a late start": late_start,
    "an early end": early_end,
    "one direction": lambda: Load(only="server").steady(2.0),
    "the other direction": lambda: Load(only="client").steady(2.0),
    "a clock that is set back": clock_back,
    "a late client": late_client,
    "no time stamps": lambda: Load(timestamps=False).steady(2.0),
}


@pytest.mark.parametrize("name", WELL)
def test_a_load_that_is_well_has_no_stall(name: str, tmp_path: Path) -> None:
    with look(WELL[name](), tmp_path) as found:
        assert found.flows
        assert found.stalls == []
        assert not [finding for finding in found.findings if finding.code.startswith("GPI30") and finding.severity > Severity.NOTE]
        expected = None if "direction" in name else (0, 0, 0, 0, 0)
        assert {flow.stall_ns for flow in found.flows} == {expected}


def test_a_clock_that_jumps_ahead_is_a_note_and_no_stall(tmp_path: Path) -> None:
    load = Load().steady(2.0)

    def step() -> None:
        records = load.capture.records
        half = len(records) // 2
        records[half:] = [record._replace(time_ns=record.time_ns + 2_000_000_000) for record in records[half:]]

    load.at(5.0, step)
    with look(load, tmp_path) as found:
        assert found.stalls == []
        (note,) = [finding for finding in found.findings if finding.code == "GPI313"]
        assert "by 2.000 s" in note.message


def test_where_one_direction_was_recorded_a_pause_that_could_be_anything_is_nobodys(tmp_path: Path) -> None:
    load = Load(only="server", timestamps=False).steady(3.5, without=((0.8, 2.8),))
    with look(load, tmp_path) as found:
        assert {stall.cause for stall in found.stalls} == {Cause.UNKNOWN}
        assert {flow.stall_ns.unknown > 1_900_000_000 for flow in found.flows if flow.stall_ns is not None} == {True}


def test_a_pause_while_one_window_is_full_is_the_segments_for_one_flow_and_the_servers_for_the_rest(tmp_path: Path) -> None:
    """Causes that mask each other: segment 1 holds its window shut, and the source rests as well."""
    load = Load()
    load.begin()
    load.served(0.05, 0.6, 0.05)
    load.at(0.62, lambda: load.block(1))
    load.at(0.63, lambda: load.talks[1].zero_window("client"))
    load.at(2.6, lambda: load.talks[1].window_update("client"))
    load.served(2.61, 3.0, 0.05)
    load.ended(3.1)
    with look(load, tmp_path) as found:
        blamed = {(flow.segment, stall.cause) for stall in found.stalls for flow in stall.flows}
        assert blamed == {(1, Cause.SEGMENT), (0, Cause.SERVER), (2, Cause.SERVER)}


@pytest.mark.parametrize(("near", "vantage"), [("server", Vantage.NEAR_SERVER), ("client", Vantage.NEAR_CLIENT)])
def test_the_side_that_answers_at_once_is_the_one_beside_the_recorder(near: str, vantage: Vantage, tmp_path: Path) -> None:
    with look(Load(near=near).steady(1.0), tmp_path) as found:
        assert found.vantage is not None
        assert found.vantage.vantage is vantage
        assert "handshake" in found.vantage.words


def test_a_vantage_that_is_told_by_hand_stands(tmp_path: Path) -> None:
    path = Load().steady(1.0).write(tmp_path)
    with inspect([str(path)], vantage=Vantage.NEAR_CLIENT) as found:
        assert found.vantage is not None
        assert found.vantage.vantage is Vantage.NEAR_CLIENT
        assert found.vantage.given


def test_a_flow_that_waits_while_others_move_is_only_waiting_for_its_turn(tmp_path: Path) -> None:
    load = Load()
    load.begin()
    load.served(0.05, 3.0, 0.08, 0, 1)
    load.ended(3.05)
    with look(load, tmp_path) as found:
        assert found.stalls == []


def test_a_close_that_is_not_answered_for_a_minute_is_found(tmp_path: Path) -> None:
    load = Load(2)
    load.begin()
    load.served(0.05, 1.0, 0.05)
    load.at(1.1, lambda: load.talks[0].fin("server"))
    load.ended(1.2, 1)
    load.at(75.0, lambda: load.talks[0].segment("client"))
    with look(load, tmp_path) as found:
        (finding,) = [finding for finding in found.findings if finding.code == "GPI314"]
        assert finding.segment == 0


def test_a_close_that_is_answered_after_a_second_is_none(tmp_path: Path) -> None:
    load = Load(2)
    load.begin()
    load.served(0.05, 1.0, 0.05)
    load.ended(1.2, 1)
    load.at(1.1, lambda: load.talks[0].fin("server"))
    load.at(2.1, lambda: load.talks[0].fin("client"))
    with look(load, tmp_path) as found:
        assert "GPI314" not in {finding.code for finding in found.findings}
        assert found.stalls == []


def test_segments_that_ask_for_the_status_page_and_leave_had_waited_for_the_server(tmp_path: Path) -> None:
    load = Load(2)
    load.begin()
    load.served(0.05, 0.5, 0.05)
    for number in (0, 1):
        status = Conversation(load.capture, (f"10.0.0.{number + 1}", 45_000 + number), scale=7, timestamps=True)
        load.at(5.5 + 0.01 * number, lambda status=status: load.opened(status))
        load.at(
            5.501 + 0.01 * number,
            lambda status=status: status.client(b"GET /gpfdist/status HTTP/1.1\r\nHost: a:8080\r\nAccept: */*\r\n\r\n"),
        )
        load.at(5.6 + 0.01 * number, lambda number=number: load.talks[number].rst("client"))
    with look(load, tmp_path) as found:
        (finding,) = [finding for finding in found.findings if finding.code == "GPI315"]
        assert finding.severity is Severity.ERROR
        assert "segments 0 and 1" in finding.message
        assert Cause.SERVER in {stall.cause for stall in found.stalls}


def test_no_segment_asks_for_the_status_page_in_a_load_that_is_well(tmp_path: Path) -> None:
    with look(Load().steady(1.0), tmp_path) as found:
        assert not {"GPI314", "GPI315"} & {finding.code for finding in found.findings}


# captures that go by too fast to be traced as a whole -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a full window", "one flow waits for its timer"])
def test_a_flow_that_stops_in_the_middle_of_something_is_followed_in_a_fast_capture(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the first 16 KiB are looked at; then nothing but what the engine says does not move."""
    monkeypatch.setattr("gpinspect.capture.capture.WINDOW_SIZE", 1 << 14)
    monkeypatch.setattr("gpinspect.inspection.stalls.FAST", 1)
    monkeypatch.setattr("gpinspect.inspection.stalls.LONG_NS", 1 << 60)
    case = CASES[name]
    with look(case.make(), tmp_path) as found:
        assert {stall.cause for stall in found.stalls} == {case.cause}
        assert {flow.segment for stall in found.stalls for flow in stall.flows} == case.segments
        (segment,) = case.segments
        assert covered(found.stalls, segment, case.span) > 0.5 * (case.span[1] - case.span[0])


@pytest.mark.parametrize("name", ["the writer of the source rests", "a blackout, seen near the server", "all windows full"])
def test_a_silence_of_all_flows_is_seen_in_a_fast_capture(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of the capture in which no time passes are not looked at."""
    monkeypatch.setattr("gpinspect.capture.capture.WINDOW_SIZE", 1 << 16)
    monkeypatch.setattr("gpinspect.inspection.stalls.FAST", 1)
    monkeypatch.setattr("gpinspect.inspection.stalls.LONG_NS", 300_000_000)
    case = CASES[name]
    with look(case.make(), tmp_path) as found:
        assert {stall.cause for stall in found.stalls} == {case.cause}


@pytest.mark.parametrize("name", WELL)
def test_a_load_that_is_well_has_no_stall_in_small_pieces_either(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpinspect.capture.capture.WINDOW_SIZE", 1 << 14)
    monkeypatch.setattr("gpinspect.inspection.stalls.FAST", 300_000)
    with look(WELL[name](), tmp_path) as found:
        assert found.stalls == []


# recordings of the laboratory that the craft cannot make ---------------------------------------------------------------------


def test_a_client_that_never_begins_its_handshake_stops_all_flows(tmp_path: Path) -> None:
    path, keys, truth = recorded("srv-silent-tls", tmp_path)
    with inspect([str(path)], keylogs=[str(keys)]) as found:
        (stall,) = found.stalls
        assert (stall.cause, stall.pattern) == (Cause.SERVER, "silent_tls_client_stops_all_flows")
        assert {flow.segment for flow in stall.flows} == {0, 1, 2}
        assert truth["cause"] == "server"


def test_tls_that_nobody_opened_still_tells_that_the_server_was_silent(tmp_path: Path) -> None:
    path, _, _ = recorded("srv-silent-tls", tmp_path)
    with inspect([str(path)]) as found:
        assert not found.flows
        assert {(stall.cause, stall.session) for stall in found.stalls} == {(Cause.SERVER, None)}
