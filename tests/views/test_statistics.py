"""Statistics of a session as tables: who carried how much, and who held it up."""

from gpinspect.analysis.pace import session_pace
from gpinspect.analysis.skew import session_skew
from gpinspect.inspection.pace import Closer
from gpinspect.model import Cause, Flow, FlowStall, Stall, StallShares
from gpinspect.views.statistics import (
    cause_listing,
    cause_rows,
    held_text,
    host_listing,
    numbers_text,
    segment_listing,
    segment_rows,
    summary,
)
from gpinspect.views.tables import Context
from views.samples import SECOND, START, exchange, flow, session

FLOWS = [
    flow(segment=0, host="sdw1", payload_bytes=30, stall_ns=StallShares()),
    flow(segment=1, host="sdw2", payload_bytes=10, stall_ns=StallShares(segment=SECOND // 2, network=SECOND // 10)),
]


def stall(cause: Cause, start: int, end: int, segment: int) -> Stall:
    part = FlowStall(1, 1, segment, START + start * SECOND, START + end * SECOND)
    return Stall(1, cause, "one_full_window_stops_one_flow", part.start_ns, part.end_ns, (part,), "window 0", "GPI301")


def closer(stalls: tuple[Stall, ...] | None = (), flows: list[Flow] = FLOWS, count: int = 4) -> Closer:
    read = session(segment_count=count, payload_bytes=40)
    members = [exchange(1), exchange(2)]
    return Closer(session_pace(read, members, flows), session_skew(read, members, flows, stalls), stalls)


def rows(found: Closer) -> dict[str, dict[str, str]]:
    listing = segment_listing(segment_rows(found, FLOWS), Context(), lambda share, width: "#" * round(share * width))
    names = [column.name for column in listing.columns]
    cells = (dict(zip(names, listing.cells(index), strict=True)) for index in range(len(listing)))
    return {row["Seg"]: row for row in cells}


def test_every_segment_of_the_cluster_has_a_row_with_its_share() -> None:
    found = rows(closer())
    assert [(name, row["Share"]) for name, row in found.items()] == [
        ("0", "75.0 %"), ("1", "25.0 %"), ("2", "0.0 %"), ("3", "0.0 %"),
    ]  # fmt: skip
    assert found["2"]["MB/s"] == "-" and found["2"][""] == "!"


def test_who_held_a_segment_up_is_named_longest_first() -> None:
    assert rows(closer())["1"]["Held up"] == "segment 500 ms, network 100 ms"
    assert rows(closer())["1"][""] == "x"
    assert held_text(None) == held_text(flow(stall_ns=None)) == "-"


def test_hosts_carry_what_their_segments_do() -> None:
    listing = host_listing(closer().skew.by_host, Context(), lambda share, width: "")
    assert [listing.cells(index)[:4] for index in range(2)] == [["sdw1", "1", "30 B", "75.0 %"], ["sdw2", "1", "10 B", "25.0 %"]]


def test_silences_that_overlap_count_once() -> None:
    found = cause_rows([stall(Cause.NETWORK, 0, 3, 0), stall(Cause.NETWORK, 2, 4, 1), stall(Cause.SEGMENT, 0, 1, 5)])
    listing = cause_listing(found, Context())
    assert listing.cells(0)[:5] == ["network", "2", "4.00 s", "3.00 s", "0-1"]
    assert listing.cells(1)[:5] == ["segment", "1", "1.00 s", "1.00 s", "5"]


def test_the_summary_says_what_held_the_session_up_or_that_nothing_did() -> None:
    read = session(segment_count=4, payload_bytes=40)
    assert "nothing held it up" in [line.text for line in summary(read, closer(), ())]
    held = [line.text for line in summary(read, closer((stall(Cause.SEGMENT, 0, 1, 5),)), ())]
    assert "stalled 1 time: segment 1.00 s (seg 5)" in held
    assert "nobody looked for what held it up" in [line.text for line in summary(read, closer(None), ())]


def test_numbers_in_a_row_are_told_as_ranges() -> None:
    assert numbers_text([0, 1, 2, 7]) == "0-2, 7" and numbers_text([]) == "-"
