"""Pace, skew, stalls and settings in the report and in JSON."""

from dataclasses import replace

import pytest
from analysis.test_pace import MS, T0, read

from gpinspect.inspection.pace import Closer, look_closer
from gpinspect.model import Cause, FlowStall, Session, Severity, Stall
from gpinspect.views.objects import json_line
from gpinspect.views.pace import (
    flow_pace_cells,
    host_lines,
    pace_line,
    session_pace_object,
    settings_to_change,
    skew_line,
    skew_object,
    stalls_line,
)
from gpinspect.views.report import build_report
from gpinspect.views.text import cells
from views import samples

BLOCK = 3_000_000


def stall(cause: Cause, seconds: float, segment: int = 1) -> Stall:
    part = FlowStall(2, 2, segment, T0, T0 + int(seconds * 1e9))
    return Stall(1, cause, "one_full_window_stops_one_flow", part.start_ns, part.end_ns, (part,), "")


def a_load(**changed: object) -> samples.Found:
    """9 MB to segment 0 in three packages, nothing to segment 1; segments 2 and 3 never came."""
    members = [
        read(0, 0, 100, (10, 20, BLOCK), (30, 40, BLOCK), (80, 90, BLOCK), segment_count=4),
        read(1, 50, 100, segment_count=4, client=samples.SERVER._replace(host="10.0.0.77")),
    ]
    session = samples.session(start_ns=T0, end_ns=T0 + 100 * MS, payload_bytes=3 * BLOCK, segments=(0, 1), segment_count=4)
    flows = [
        samples.flow(segment=0, payload_bytes=3 * BLOCK, start_ns=T0, end_ns=T0 + 100 * MS),
        samples.flow(segment=1, payload_bytes=0, host="10.0.0.77", start_ns=T0 + 50 * MS, end_ns=T0 + 100 * MS),
    ]
    return samples.Found(exchanges=members, sessions=[session], flows=flows, **changed)  # type: ignore[arg-type]


class Bare:
    """An inspection in which nobody looked for stalls."""

    def __init__(self, found: samples.Found) -> None:
        self.exchanges, self.flows, self.sessions = found.exchanges, found.flows, found.sessions


def closer(found: samples.Found) -> Closer:
    return look_closer(Bare(found), found.sessions[0], buckets=10)


def test_pace_is_one_line() -> None:
    found = a_load()
    line = pace_line(found.sessions[0], closer(found).pace.pace)
    assert line == "first rows after 10.0 ms, pauses 10.0 ms p50, 40.0 ms p95, 40.0 ms max"


def test_skew_is_one_line_that_names_who_had_most_and_why_others_lack() -> None:
    # 2.25 MB each; two never came: half. Segment 1 came when 6 MB were gone: a quarter of them is 1.5 MB, and 0.75 MB it was not
    # served
    line = skew_line(closer(a_load()).skew)
    assert (
        line
        == "shares max/mean 2.00 (seg 0: 100 %), Gini 0.50, hosts 2.00; lacking: never came 50 %, joined late 17 %, served less 8 %"
    )


def test_chance_in_a_small_load_is_not_told_as_a_reason() -> None:
    members = [read(0, 0, 100, (10, 20, 9000)), read(1, 0, 100)]
    flows = [samples.flow(segment=0, payload_bytes=9000), samples.flow(segment=1, payload_bytes=0)]
    found = samples.Found(exchanges=members, flows=flows, sessions=[samples.session(start_ns=T0, end_ns=T0 + 100 * MS)])
    assert skew_line(closer(found).skew) == "shares max/mean 2.00 (seg 0: 100 %), Gini 0.50"


def test_stalls_are_added_up_by_cause() -> None:
    later = replace(stall(Cause.NETWORK, 0), start_ns=T0 + 4000 * MS, end_ns=T0 + 5000 * MS)
    stalls = [stall(Cause.NETWORK, 1.5), stall(Cause.SEGMENT, 2.5), stall(Cause.NETWORK, 2.0), later]
    assert stalls_line(stalls) == "stalled 4 times: network 3.00 s, segment 2.50 s (seg 1)"
    assert stalls_line([]) == ""


def test_settings_are_told_once_and_the_most_useful_first() -> None:
    notes = [samples.finding(Severity.NOTE, code=code, advice=f"set {code}") for code in ("GPI335", "GPI330", "GPI335", "GPI205")]
    assert list(settings_to_change(notes)) == ["set GPI330", "set GPI335"]


def test_hosts_and_flows_have_their_own_lines() -> None:
    seen = closer(a_load())
    assert list(host_lines(seen.skew)) == ["10.0.0.77  1 segment  0 B  0.0 %", "10.0.0.9  1 segment  9.00 MB  100.0 %"]
    assert flow_pace_cells(seen.pace.flows[0]) == ["0", "10.0.0.9", "9.00 MB", "90.0", "10.0 ms", "10.0 ms", "40.0 ms", "40.0 ms"]
    assert flow_pace_cells(seen.pace.flows[1])[4:] == ["-"] * 4


def test_objects_carry_bytes_nanoseconds_and_null_for_what_is_not_known() -> None:
    seen = closer(a_load())
    pace, skew = session_pace_object(seen.pace), skew_object(seen.skew)
    assert pace["between_packages_ns"] == {"p50": 10 * MS, "p95": 40 * MS, "max": 40 * MS}
    assert pace["rate"]["bytes"] == [0, BLOCK, 0, BLOCK, 0, 0, 0, 0, BLOCK, 0]
    assert pace["flows"][1]["to_first_package_ns"] is None and pace["bytes_per_second"] == 90_000_000
    assert (skew["shortfall"], skew["never_came"], skew["joined_late"], skew["served_less"]) == (
        6_750_000,
        4_500_000,
        1_500_000,
        750_000,
    )
    assert skew["consumed_slower"] is None and skew["sent_less"] is None
    assert skew["segments"] == {"max_mean": 2.0, "gini": 0.5}
    assert [share["segment"] for share in skew["shares"]] == [0, 1, 2, 3]
    assert json_line({**pace, **skew}).isascii()


def lines_of(found: samples.Found, width: int | None = 80, stalls: list[Stall] | None = None) -> list[str]:
    def look(session: Session) -> Closer:
        return look_closer(Bare(found), session, buckets=0)._replace(stalls=None if stalls is None else tuple(stalls))

    return [line.text for line in build_report(found, look=look, utc=True, screen=width is not None).lines(width)]


def test_the_report_tells_pace_skew_and_stalls_below_the_session() -> None:
    text = "\n".join(lines_of(a_load(), None, [stall(Cause.SEGMENT, 2.5)]))
    order = [
        text.index(words)
        for words in ("GET /a.csv", "first rows after 10.0 ms", "shares max/mean 2.00", "stalled 1 time: segment 2.50 s")
    ]
    assert order == sorted(order)


def test_a_report_with_everything_still_fits_a_screen_and_keeps_what_held_the_load_up() -> None:
    long = "the same words again and again, " * 9 + "end."
    findings = [samples.finding(code=f"GPI{n}", message=long, advice=long) for n in (210, 217, 230)]
    findings += [samples.finding(Severity.NOTE, code="GPI330", advice="Raise `gp_external_max_segs`.")]
    found = a_load(
        findings=findings,
        connections=[samples.connection(1), samples.connection(2, "other"), samples.connection(3, "tls")],
    )
    lines = lines_of(found, 80, [stall(Cause.SEGMENT, 2.5)])
    assert len(lines) <= 22
    assert all(cells(line) <= 80 for line in lines)
    assert any("stalled 1 time: segment 2.50 s (seg 1)" in line for line in lines)
    assert any("Raise `gp_external_max_segs`." in line for line in lines)


def test_the_gravest_finding_is_told_whole_while_there_is_room() -> None:
    advice = "Read the log of the server around this time, then look for middle boxes with an idle time-out, and load again."
    lines = lines_of(a_load(findings=[samples.finding(advice=advice)]))
    joined = " ".join(line.strip() for line in lines)
    assert f"do: {advice}" in joined and len(lines) <= 22


@pytest.mark.parametrize("screen", [True, False])
def test_hostile_hosts_and_advice_stay_harmless(screen: bool) -> None:
    found = a_load(findings=[samples.finding(Severity.NOTE, code="GPI330", advice=samples.NASTY)])
    found.flows[0] = samples.flow(segment=0, payload_bytes=3 * BLOCK, host=samples.NASTY)
    assert all(line.isprintable() for line in lines_of(found, 80 if screen else None))
    assert all(line.isprintable() for line in host_lines(closer(found).skew))
