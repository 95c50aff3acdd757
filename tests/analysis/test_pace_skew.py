"""Shares and why they are uneven: amounts and times chosen by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from views import samples

from analysis.test_pace import MS, T0, read
from gpinspect.analysis.skew import BELIEVED, evenness, session_skew
from gpinspect.model import Cause, Exchange, Flow, FlowStall, Outcome, Stall


def flow_of(member: Exchange, host: str = "sdw1") -> Flow:
    return samples.flow(
        segment=member.segment, host=host, payload_bytes=member.payload_bytes, start_ns=member.start_ns, end_ns=member.end_ns
    )


def stall(segment: int, start_ms: int, end_ms: int, cause: Cause = Cause.SEGMENT) -> Stall:
    part = FlowStall(segment + 1, segment + 1, segment, T0 + start_ms * MS, T0 + end_ms * MS)
    return Stall(1, cause, "one_full_window_stops_one_flow", part.start_ns, part.end_ns, (part,), "")


def test_an_even_load_has_max_over_mean_1_and_gini_0() -> None:
    assert evenness([5, 5, 5, 5]) == evenness([7])
    assert (evenness([5, 5]).max_mean, evenness([5, 5]).gini) == (1.0, 0.0)


def test_one_of_four_with_everything_has_max_over_mean_4_and_gini_three_quarters() -> None:
    found = evenness([0, 12, 0, 0])
    assert (found.max_mean, found.gini) == (4.0, 0.75)


def test_gini_is_half_the_mean_difference_of_all_pairs_over_the_mean() -> None:
    # pairs of 1, 3, 8: differences 2, 7, 5, twice each, nine pairs with themselves: 28/9; mean 4; half of 28/36
    assert evenness([3, 8, 1]).gini == pytest.approx(28 / 9 / 4 / 2)


def test_nothing_carried_is_not_uneven() -> None:
    assert (evenness([0, 0]).max_mean, evenness([]).gini) == (None, None)


def test_shortfall_is_split_into_never_came_joined_late_consumed_slower_and_served_less() -> None:
    # 8000 bytes over 4 segments: 2000 each. Segment 0 gets 1000 every 10 ms from 0 to 80 ms but what 1 gets.
    first = read(0, 0, 80, *[(at, at + 10, 1000) for at in (0, 10, 20, 40, 50, 60, 70)])
    # there from the beginning, stalled from 40 to 60 ms while 2000 went out: its share of those is 500
    second = read(1, 0, 80, (30, 40, 1000))
    # asked after 40 ms, when 4000 were gone: its share of those is 1000, and 1000 more it was not served
    third = read(2, 40, 80)
    members = [first, second, third]
    session = samples.session(start_ns=T0, end_ns=T0 + 80 * MS, segment_count=4, payload_bytes=8000)
    found = session_skew(session, members, map(flow_of, members), [stall(1, 40, 60), stall(0, 0, 80, Cause.NETWORK)])
    assert (found.expected, found.even_share, found.shortfall) == (4, 2000, 5000)
    assert (found.never_came, found.joined_late, found.consumed_slower, found.served_less) == (2000, 1000, 500, 1500)
    assert found.sent_less is None
    by_segment = {share.segment: share for share in found.shares}
    assert by_segment[0].shortfall == 0 and by_segment[0].share == 7 / 8
    assert (by_segment[1].consumed_slower, by_segment[1].served_less) == (500, 500)
    assert (by_segment[2].joined_late, by_segment[2].served_less) == (1000, 1000)
    assert (by_segment[3].never_came, by_segment[3].host) == (2000, None)


def test_without_a_look_at_stalls_consumed_slower_is_not_known_and_stays_in_served_less() -> None:
    members = [read(0, 0, 20, (0, 10, 900)), read(1, 0, 20, (10, 20, 100))]
    session = samples.session(start_ns=T0, end_ns=T0 + 20 * MS)
    found = session_skew(session, members, map(flow_of, members))
    assert (found.consumed_slower, found.served_less, found.shortfall) == (None, 400, 400)
    assert session_skew(session, members, map(flow_of, members), []).consumed_slower == 0


def test_who_came_after_the_end_lacks_all_because_it_joined_late() -> None:
    members = [read(0, 0, 20, (0, 10, 1000)), read(1, 15, 16, outcome=Outcome.LATE)]
    session = samples.session(start_ns=T0, end_ns=T0 + 20 * MS)
    found = session_skew(session, members, map(flow_of, members))
    assert (found.joined_late, found.served_less) == (500, 0)


def test_segments_that_the_scan_sent_elsewhere_are_not_waited_for() -> None:
    members = [read(0, 0, 20, (0, 10, 1000)), read(1, 0, 20, (10, 20, 1000))]
    session = samples.session(start_ns=T0, end_ns=T0 + 20 * MS, segment_count=4)
    assert session_skew(session, members, map(flow_of, members)).never_came == 1000
    found = session_skew(session, members, map(flow_of, members), elsewhere={2, 3})
    assert (found.expected, found.shortfall) == (2, 0)


def test_a_number_of_segments_that_nobody_believes_makes_no_rows() -> None:
    members = [read(0, 0, 20, (0, 10, 1000))]
    found = session_skew(samples.session(segment_count=10**9), members, map(flow_of, members))
    assert len(found.shares) == found.expected == 1
    assert len(session_skew(samples.session(segment_count=BELIEVED), members, map(flow_of, members)).shares) == BELIEVED


def test_in_a_write_those_with_fewer_rows_sent_less() -> None:
    members = [read(0, 0, 20, method="POST", payload_bytes=900), read(1, 0, 20, method="POST", payload_bytes=100)]
    session = samples.session(method="POST", proto=0, segment_count=2)
    found = session_skew(session, members, map(flow_of, members), [])
    assert (found.sent_less, found.served_less, found.joined_late, found.consumed_slower) == (400, None, None, None)


def test_hosts_are_added_up_and_compared_with_each_other() -> None:
    members = [read(number, 0, 20, (0, 10, amount)) for number, amount in enumerate((100, 200, 900))]
    flows = [flow_of(member, host) for member, host in zip(members, ("sdw1", "sdw1", "sdw2"), strict=True)]
    found = session_skew(samples.session(segment_count=3), members, flows)
    assert [(host.host, host.segments, host.payload_bytes, host.share) for host in found.by_host] == [
        ("sdw1", 2, 300, 0.25),
        ("sdw2", 1, 900, 0.75),
    ]
    assert (found.hosts.max_mean, found.segments.max_mean) == (1.5, 2.25)
    assert found.largest is not None and found.largest.segment == 2


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 90), st.integers(0, 10_000)), min_size=1, max_size=8), st.integers(0, 12)
)
def test_the_reasons_add_up_to_the_shortfall(rows: list[tuple[int, int, int]], count: int) -> None:
    members = [read(number, join, 200, (join, join + took, size)) for number, (join, took, size) in enumerate(rows)]
    session = samples.session(start_ns=T0, end_ns=T0 + 200 * MS, segment_count=count)
    found = session_skew(session, members, map(flow_of, members), [stall(0, 10, 50), stall(0, 30, 60)])
    parts = (found.never_came, found.joined_late, found.consumed_slower, found.served_less)
    assert all(part is not None and part >= 0 for part in parts)
    assert sum(part for part in parts if part is not None) == found.shortfall
    assert sum(share.payload_bytes for share in found.shares) == found.payload_bytes


def test_very_many_joiners_are_placed_to_within_the_fine_buckets() -> None:
    first = read(0, 0, 1000, (0, 1000, 1_000_000))
    others = [read(number, 2 * number, 1000) for number in range(1, 301)]
    members = [first, *others]
    session = samples.session(start_ns=T0, end_ns=T0 + 1000 * MS, segment_count=301)
    found = session_skew(session, members, map(flow_of, members))
    share = next(share for share in found.shares if share.segment == 250)
    # half of the time was over when it joined, so half of its even share of 3322 bytes had gone
    assert share.joined_late == pytest.approx(1661, abs=1_000_000 / 512 / 301)
