"""Rate, first bytes and pauses: times chosen by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from views import samples

from gpinspect.analysis.pace import Track, members_of, rate, session_pace, silences, spread, tracks
from gpinspect.model import UNKNOWN, Exchange, Outcome, PackageTable
from gpinspect.model.packages import COMPLETE, DATA, END, ERROR, NO_FILE

MS = 1_000_000
T0 = samples.START


def packages(*times: tuple[float, float, int], flags: int = COMPLETE, end: bool = True) -> PackageTable:
    """Data packages of (first byte, last byte in milliseconds, length); then the end package."""
    table = PackageTable()
    for start, stop, length in times:
        table.append(0, 5, length, 0, 0, 1, T0 + int(start * MS), T0 + int(stop * MS), 1, 1, 0, DATA, flags)
    if end:
        table.append(0, 5, 0, NO_FILE, UNKNOWN, UNKNOWN, T0 + 10**12, T0 + 10**12, 1, 1, 0, END, COMPLETE)
    return table


def read(segment: int, start_ms: float, end_ms: float, *times: tuple[float, float, int], **changed: object) -> Exchange:
    known: dict[str, object] = {
        "segment": segment,
        "packages": packages(*times),
        "payload_bytes": sum(time[2] for time in times),
        "start_ns": T0 + int(start_ms * MS),
        "first_byte_ns": T0 + int(times[0][0] * MS) if times else None,
        "end_ns": T0 + int(end_ms * MS),
    }
    return samples.exchange(segment + 1, **{**known, **changed})


def track(*times: tuple[float, float, int]) -> Track:
    (made,) = tracks([read(0, 0, 1000, *times)])[0]
    return made


def test_bytes_of_a_package_are_spread_evenly_between_its_first_and_last_byte() -> None:
    found = rate([track((0, 40, 400))], T0, T0 + 100 * MS, 10)
    assert found.bytes == (100, 100, 100, 100, 0, 0, 0, 0, 0, 0)
    assert found.bucket_ns == 10 * MS and found.peak == 100


def test_a_package_of_one_frame_lies_in_one_bucket_and_one_on_the_last_nanosecond_in_the_last() -> None:
    found = rate([track((25, 25, 7), (100, 100, 5))], T0, T0 + 100 * MS, 4)
    assert found.bytes == (0, 7, 0, 5)


def test_a_package_over_a_border_is_shared_between_both_buckets() -> None:
    assert rate([track((5, 15, 100), (18, 20, 60))], T0, T0 + 40 * MS, 4).bytes == (50, 110, 0, 0)


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 300), st.integers(0, 50_000)), max_size=60),
    st.integers(1, 80),
)
def test_no_byte_is_lost_or_counted_twice_whatever_the_order_of_times(times: list[tuple[int, int, int]], buckets: int) -> None:
    rows = [(start, start + took, length) for start, took, length in times]
    made = track(*rows) if rows else Track(*[samples_array() for _ in range(2)], [])
    found = rate([made], T0, T0 + 800 * MS, buckets)
    assert sum(found.bytes) == sum(length for _, _, length in rows)
    assert all(amount >= 0 for amount in found.bytes)


def samples_array() -> "object":
    from array import array

    return array("Q")


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 999)), min_size=40, max_size=60), st.integers(2, 30)
)
def test_the_quick_way_and_the_plain_way_agree(steps: list[tuple[int, int, int]], buckets: int) -> None:
    rows, at = [], 0
    for pause, took, length in steps:
        rows.append((at + pause, at + pause + took, length))
        at += pause + took
    made = track(*rows)
    assert made.ordered
    bounds = [T0 + at * MS * number // buckets for number in range(1, buckets)]
    assert made.before(bounds) == pytest.approx(made._by_item(bounds))


def test_percentiles_are_of_nearest_rank() -> None:
    assert spread([40, 10, 20, 30]) == (20, 40, 40, 4)
    assert spread(list(range(1, 101))) == (50, 95, 100, 100)
    assert spread([]) is None


def test_pauses_count_from_last_byte_to_first_byte_and_the_longest_is_exact_among_very_many() -> None:
    assert track((0, 10, 1), (12, 20, 1), (50, 60, 1)).pauses == [2 * MS, 30 * MS]
    many = [(number * 2.0, number * 2.0 + 1, 1) for number in range(30_000)]
    many.append((70_000, 70_001, 1))
    found = spread(track(*many).pauses)
    assert found is not None
    assert (found.p50_ns, found.p95_ns, found.max_ns, found.number) == (MS, MS, (70_000 - 59_999) * MS, 30_000)


def test_a_silence_of_the_session_is_one_of_all_flows() -> None:
    one, other = track((0, 10, 1), (100, 110, 1)), track((8, 60, 1), (130, 140, 1))
    assert silences([one, other]) == [40 * MS, 20 * MS]
    assert silences([]) == []


def test_a_session_tells_first_byte_first_package_pauses_and_rate_of_each_flow() -> None:
    first = read(0, 0, 100, (10, 20, 1000), (30, 40, 1000), first_byte_ns=T0 + 5 * MS)
    second = read(1, 2, 100, (50, 60, 500))
    late = read(2, 95, 99, outcome=Outcome.LATE, payload_bytes=0)
    session = samples.session(start_ns=T0, end_ns=T0 + 100 * MS, payload_bytes=2500)
    flows = [
        samples.flow(segment=number, payload_bytes=amount, host=f"sdw{number}") for number, amount in enumerate((2000, 500, 0))
    ]
    found = session_pace(session, [first, second, late], flows, buckets=10, flow_buckets=2)
    pace = found.pace
    assert (pace.to_first_byte_ns, pace.to_first_package_ns, pace.silence_ns) == (5 * MS, 10 * MS, 10 * MS)
    assert pace.rate is not None and pace.rate.bytes == (0, 1000, 0, 1000, 0, 500, 0, 0, 0, 0)
    assert pace.bytes_per_second == 25_000
    assert pace.between == (10 * MS, 10 * MS, 10 * MS, 1)
    flow = found.flows[1].pace
    assert (found.flows[1].segment, found.flows[1].host) == (1, "sdw1")
    assert (flow.to_first_byte_ns, flow.to_first_package_ns, flow.between) == (48 * MS, 48 * MS, None)
    assert flow.rate is not None and flow.rate.bytes == (0, 500)
    nothing = found.flows[2].pace
    assert (nothing.to_first_byte_ns, nothing.to_first_package_ns, nothing.silence_ns, nothing.payload_bytes) == (
        None,
        None,
        None,
        0,
    )


def test_a_write_moves_while_its_requests_last_and_what_came_again_counts_once() -> None:
    def post(number: int, start: float, end: float, size: int, outcome: Outcome = Outcome.ACCEPTED) -> Exchange:
        return samples.exchange(
            number, segment=0, method="POST", proto=0, payload_bytes=size, outcome=outcome, packages=PackageTable(),
            start_ns=T0 + int(start * MS), end_ns=T0 + int(end * MS), first_byte_ns=None,
        )  # fmt: skip

    members = [post(1, 0, 1, 0), post(2, 10, 20, 100), post(3, 30, 40, 100, Outcome.DUPLICATE), post(4, 50, 60, 300)]
    session = samples.session(method="POST", proto=0, start_ns=T0, end_ns=T0 + 80 * MS, payload_bytes=400)
    pace = session_pace(session, members, [samples.flow(payload_bytes=400)], buckets=8).pace
    assert pace.rate is not None and pace.rate.bytes == (0, 100, 0, 0, 0, 300, 0, 0)
    assert (pace.to_first_byte_ns, pace.to_first_package_ns, pace.between) == (None, 10 * MS, (30 * MS, 30 * MS, 30 * MS, 1))


def test_a_body_of_protocol_0_moves_from_its_first_byte_to_its_end() -> None:
    one = read(0, 0, 50, payload_bytes=400, proto=0, response_proto=0, first_byte_ns=T0 + 10 * MS)
    session = samples.session(proto=0, start_ns=T0, end_ns=T0 + 50 * MS, payload_bytes=400)
    pace = session_pace(session, [one], [samples.flow(payload_bytes=400)], buckets=5).pace
    assert pace.rate is not None and pace.rate.bytes == (0, 100, 100, 100, 100)


def test_of_a_package_that_was_cut_only_what_came_moved_and_its_end_is_that_of_the_exchange() -> None:
    table = packages((0, 10, 1000), end=False)
    table.append(0, 5, 1000, 0, 0, 1, T0 + 20 * MS, UNKNOWN, 1, 1, 0, DATA, 0)
    one = read(0, 0, 40, packages=table, payload_bytes=1200, first_byte_ns=T0)
    session = samples.session(start_ns=T0, end_ns=T0 + 40 * MS, payload_bytes=1200)
    pace = session_pace(session, [one], [], buckets=4).pace
    assert pace.rate is not None and pace.rate.bytes == (1000, 0, 100, 100)


def test_error_packages_between_data_are_no_data() -> None:
    table = packages((0, 10, 100), end=False)
    table.append(0, 5, 70, NO_FILE, UNKNOWN, UNKNOWN, T0, T0, 1, 1, 0, ERROR, COMPLETE)
    table.append(0, 5, 50, 0, 0, 1, T0 + 20 * MS, T0 + 30 * MS, 1, 1, 0, DATA, COMPLETE)
    times = table.data_times()
    assert list(times.length) == [100, 50] and list(times.end_ns) == [T0 + 10 * MS, T0 + 30 * MS]
    assert list(PackageTable().data_times().length) == []


def test_members_are_those_of_the_session() -> None:
    exchanges = [samples.exchange(1), samples.exchange(2, session=2), samples.exchange(3, session=None)]
    assert [member.id for member in members_of(samples.session(2), exchanges)] == [2]


def test_without_members_there_is_no_pace_and_no_failure() -> None:
    pace = session_pace(samples.session(payload_bytes=0), [], []).pace
    assert (pace.silence_ns, pace.between, pace.to_first_package_ns, pace.bytes_per_second) == (None, None, None, None)
