"""One conversation at two points: offset, delays and lost frames are those that were put in."""

from pathlib import Path

import pytest
from craft import Capture, Conversation, ok_head, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpinspect.inspection import Inspection, inspect
from gpinspect.inspection.compare_clock import Delta, clock_of
from gpinspect.inspection.compare_ends import compare_ends, find_clock, is_copy
from gpinspect.model.comparison import Clock, Ends, Way
from inspection.wires import OFFSET_NS, derive, from_server, load, payload_of

MS = 1_000_000


def both(near: Path, far: Path) -> tuple[Inspection, Inspection]:
    return inspect([str(near)]), inspect([str(far)])


def compared(near: Path, far: Path) -> Ends:
    a, b = both(near, far)
    clock = find_clock(a, b)
    assert clock is not None
    return compare_ends(a, b, clock)


def the_load() -> tuple[Capture, list[int]]:
    """A load, and the indices of its frames that carry at least 1,000 bytes to the client."""
    capture = Capture()
    load(capture)
    return capture, [index for index, one in enumerate(capture.records) if from_server(one) and payload_of(one) >= 1000]


def way(ends: Ends, name: str) -> Way:
    return next(one for one in ends.ways if one.name == name)


def test_the_offset_is_found_to_the_nanosecond_when_both_ways_take_equally_long(tmp_path: Path) -> None:
    ends = compared(*derive(the_load()[0], tmp_path, to_server_ns=400_000, to_client_ns=400_000))
    assert (ends.clock.offset_ns, ends.clock.bound_ns, ends.clock.near_client, ends.clock.steady) == (OFFSET_NS, 400_000, "a", True)
    for one in ends.ways:
        assert (one.lost_frames, one.unrecorded_frames, one.unseen_frames, one.bare_lost) == (0, 0, 0, 0)
        assert one.frames == one.frames_received > 0
        assert one.delay is not None and one.delay[:3] == (400_000,) * 3
    assert ends.packages == (400_000, 400_000, 400_000, 12)
    assert (ends.connections, ends.only_a, ends.only_b, ends.holds) == (2, 0, 0, ())


def test_ways_of_different_length_put_the_offset_off_by_half_of_it_and_the_bound_covers_that(tmp_path: Path) -> None:
    clock = compared(*derive(the_load()[0], tmp_path, to_server_ns=200_000, to_client_ns=900_000)).clock
    assert (clock.offset_ns, clock.bound_ns) == (OFFSET_NS - 350_000, 550_000)
    assert clock.bound_ns is not None and abs(clock.offset_ns - OFFSET_NS) <= clock.bound_ns


def test_given_the_other_way_round_the_offset_has_the_other_sign(tmp_path: Path) -> None:
    near, far = derive(the_load()[0], tmp_path)
    ends = compared(far, near)
    assert (ends.clock.offset_ns, ends.clock.near_client) == (-OFFSET_NS, "b")
    assert way(ends, "server_to_client").sender == "a" and ends.packages == (400_000, 400_000, 400_000, 12)


def test_a_frame_that_is_sent_again_was_lost_between_the_points(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture, dt=0.002)
    talk.open()
    talk.client(request("/a.txt", count=1))
    talk.server(ok_head(1))
    lost = len(capture.records)
    piece = talk.segment("server", b"D" * 1000)
    talk.sides["server"].sent += 1000
    capture.wait(0.25)
    talk.retransmit(piece)
    talk.server(b"x" * 500)
    talk.close()
    ends = compared(*derive(capture, tmp_path, lost=[lost]))
    back = way(ends, "server_to_client")
    assert (back.lost_frames, back.lost_bytes, back.unrecorded_frames, back.sender) == (1, 1000, 0, "b")
    assert [(one.length, one.frame) for one in back.examples] == [(1000, lost + 1)]
    assert back.delay is not None and back.delay.max_ns == 400_000  # what was sent again is matched with its own sending
    assert way(ends, "client_to_server").lost_frames == 0


def test_a_silence_that_retransmission_ends_is_held_by_the_network(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture, dt=0.002)
    talk.open()
    talk.client(request("/a.txt", count=1, segment=0))
    talk.server(ok_head(1))
    lost = len(capture.records)
    piece = talk.segment("server", b"D" * 1000)
    talk.sides["server"].sent += 1000
    capture.wait(1.5)
    talk.retransmit(piece)
    talk.close()
    (hold,) = compared(*derive(capture, tmp_path, lost=[lost])).holds
    assert (hold.held_by, hold.way, hold.segment) == ("network", "server_to_client", 0)
    # the head came at 8 ms and 0.4, the piece was sent at 12 ms, again 1.502 s later, and took 0.4 ms
    assert hold.between_ns == 1_502 * MS + 400_000
    assert hold.duration_ns == hold.between_ns + hold.unsent_ns


@pytest.mark.parametrize(("closed", "held_by"), [(False, "server"), (True, "segment")])
def test_a_silence_of_the_sender_is_the_servers_unless_the_window_was_closed(tmp_path: Path, closed: bool, held_by: str) -> None:
    capture = Capture()
    talk = Conversation(capture, dt=0.002)
    talk.open()
    talk.client(request("/a.txt", count=1, segment=3))
    talk.server(ok_head(1))
    if closed:
        talk.zero_window("client")
    capture.wait(3)
    if closed:
        talk.window_update("client")
    talk.server(b"D" * 1000)
    talk.close()
    (hold,) = compared(*derive(capture, tmp_path)).holds
    assert (hold.held_by, hold.segment) == (held_by, 3)
    assert hold.unsent_ns > 2_990 * MS and hold.between_ns == 400_000


def test_waiting_while_the_server_serves_others_is_no_stall(tmp_path: Path) -> None:
    capture = Capture()
    load(capture, packages=1, segments=2)
    waiting = Conversation(capture, ("10.0.0.1", 40100), dt=0.002)
    busy = Conversation(capture, ("10.0.0.1", 40101), dt=0.002)
    for talk in (waiting, busy):
        talk.open()
        talk.client(request("/a.txt"))
        talk.server(ok_head(1))
    for _ in range(300):
        busy.server(b"D" * 1000, dt=0.005)
    waiting.server(b"D" * 1000)
    assert compared(*derive(capture, tmp_path)).holds == ()


def test_a_server_that_stops_holds_up_all_its_connections_at_once(tmp_path: Path) -> None:
    capture = Capture()
    talks = load(capture, packages=0)
    talks = [Conversation(capture, ("10.0.0.1", 40200 + number), dt=0.001) for number in range(3)]
    for pause in (0, 2.5):
        capture.wait(pause)
        for number, talk in enumerate(talks):
            if not pause:
                talk.open()
                talk.client(request("/b.txt", segment=number))
                talk.server(ok_head(1))
            talk.server(b"D" * 1000)
    holds = compared(*derive(capture, tmp_path)).holds
    assert [hold.held_by for hold in holds] == ["server"] * 3
    assert {hold.segment for hold in holds} == {0, 1, 2}


def test_acknowledged_frames_without_a_second_sending_were_missed_by_the_recorder(tmp_path: Path) -> None:
    capture, data = the_load()
    ends = compared(*derive(capture, tmp_path, unseen_far=data[5:7]))
    back = way(ends, "server_to_client")
    assert (back.lost_frames, back.unrecorded_frames) == (0, 2)
    assert back.unrecorded_bytes == sum(payload_of(capture.records[index]) for index in data[5:7])


def test_frames_that_only_the_receiving_end_has_were_missed_by_the_recorder_at_the_other(tmp_path: Path) -> None:
    capture, data = the_load()
    ends = compared(*derive(capture, tmp_path, unseen_near=[data[8]]))
    back = way(ends, "server_to_client")
    assert (back.lost_frames, back.unseen_frames, back.unseen_bytes) == (0, 1, payload_of(capture.records[data[8]]))
    assert ends.packages is not None and ends.packages.number == 11  # the one with a hole has no time to compare


def test_segments_that_an_adapter_joins_at_the_receiving_end_are_matched_by_their_bytes(tmp_path: Path) -> None:
    """The same bytes in large segments near the client, in small ones near the server."""
    near, far = Capture(), Capture()
    for capture, mss, late_ns in ((near, 8000, 300_000), (far, 1000, 0)):
        talk = Conversation(capture, dt=0)
        start = capture.now_ns
        for step in (talk.open, lambda talk=talk: talk.client(request("/a.txt", count=1))):
            step()
            capture.wait(0.001)
        capture.now_ns = start + 10 * MS + late_ns
        talk.server(ok_head(1) + b"x" * 16000, mss=mss, ack=False)
        capture.now_ns = start + 20 * MS - late_ns
        talk.ack("client")
        capture.wait(0.001)
        talk.close()
    ends = compared(near.write(tmp_path / "n.pcap"), far.write(tmp_path / "f.pcap"))
    back = way(ends, "server_to_client")
    assert back.bytes == back.bytes_received and (back.lost_frames, back.unseen_frames, back.unrecorded_frames) == (0, 0, 0)
    assert back.frames > back.frames_received


def test_clocks_that_drift_apart_are_told_from_delay(tmp_path: Path) -> None:
    capture = Capture()
    load(capture, packages=400, gap=0.2)
    ends = compared(*derive(capture, tmp_path, drift_ppb=50_000, to_server_ns=100_000, to_client_ns=100_000))
    clock = ends.clock
    assert clock.steady and clock.near_client == "a"
    assert clock.drift_ppb == pytest.approx(50_000, abs=2_000)
    assert clock.bound_ns is not None and clock.bound_ns < 200_000
    assert ends.packages is not None and ends.packages.max_ns < 400_000


def test_other_loads_on_the_same_ports_are_not_the_same_wire(tmp_path: Path) -> None:
    paths = []
    for name, isn in (("one", 1000), ("two", 77_000)):
        capture = Capture()
        talk = Conversation(capture, client_isn=isn, server_isn=isn * 5)
        talk.open()
        talk.client(request("/a.txt"))
        talk.close()
        paths.append(capture.write(tmp_path / f"{name}.pcap"))
    assert find_clock(*both(*paths)) is None


def test_a_capture_and_its_copy_are_at_one_place(tmp_path: Path) -> None:
    path = the_load()[0].write(tmp_path / "one.pcap")
    clock = find_clock(*both(path, path))
    assert clock is not None and is_copy(clock)
    ends = compare_ends(*both(path, path), clock)
    assert all(one.lost_frames == one.unseen_frames == 0 for one in ends.ways)


def test_a_recorder_that_began_later_and_stopped_earlier_lost_nothing(tmp_path: Path) -> None:
    capture = Capture()
    load(capture, packages=60)
    near, _ = derive(capture, tmp_path)
    total = len(capture.records)
    outside = set(range(total // 3)) | set(range(total * 2 // 3, total))
    own = tmp_path / "short"
    own.mkdir()
    _, far = derive(capture, own, unseen_far=[i for i in outside if not from_server(capture.records[i])],
                    unseen_near=[i for i in outside if from_server(capture.records[i])])  # fmt: skip
    ends = compared(near, far)
    assert [(one.lost_frames, one.unrecorded_frames, one.unseen_frames) for one in ends.ways] == [(0, 0, 0)] * 2
    assert 0 < way(ends, "server_to_client").frames < 80


def test_one_direction_alone_has_an_offset_without_a_bound() -> None:
    assert clock_of([Delta(0, 700), Delta(1, 500)], []) == Clock(500, None, True, "", 2)
    assert clock_of([], []) is None


def test_times_that_no_offset_explains_are_said_to_be_unsteady() -> None:
    jumping = [Delta(number, 1000 if number % 2 else -1000) for number in range(64)]
    back = [Delta(number, 900 if number % 2 else -1100) for number in range(64)]
    clock = clock_of(jumping, back)
    assert clock is not None and not clock.steady and clock.bound_ns is None


def test_sequence_numbers_that_wrap_are_followed(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture, server_isn=2**32 - 5000, dt=0.002)
    talk.open()
    talk.client(request("/a.txt", count=1))
    talk.server(ok_head(1) + b"x" * 20_000)
    talk.close()
    back = way(compared(*derive(capture, tmp_path)), "server_to_client")
    assert back.bytes == back.bytes_received > 20_000 and back.lost_frames == back.unseen_frames == 0


def test_a_pair_of_ports_that_is_used_again_begins_anew(tmp_path: Path) -> None:
    capture = Capture()
    for isn in (1000, 3_000_000_000):
        talk = Conversation(capture, client_isn=isn, server_isn=isn + 99, dt=0.002)
        talk.open()
        talk.client(request("/a.txt", count=1))
        talk.server(ok_head(1) + b"x" * 5000)
        talk.close()
        capture.wait(0.5)
    ends = compared(*derive(capture, tmp_path))
    assert [(one.lost_frames, one.unseen_frames, one.unrecorded_frames) for one in ends.ways] == [(0, 0, 0)] * 2
    assert all(one.frames == one.frames_received for one in ends.ways)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_lost_doubled_or_out_of_order_is_counted_and_never_fails(tmp_path: Path, data: st.DataObject) -> None:
    capture = Capture()
    load(capture, packages=6, size=3000)
    frames = st.lists(st.integers(0, len(capture.records) - 1), max_size=12, unique=True)
    for index in data.draw(frames):
        capture.records.append(capture.records[index]._replace(time_ns=capture.records[index].time_ns + 1000))
    capture.records.sort(key=lambda record: record.time_ns)
    lost, unseen_far, unseen_near = data.draw(frames), data.draw(frames), data.draw(frames)
    near, far = derive(capture, tmp_path, lost=lost, unseen_far=unseen_far, unseen_near=unseen_near, jitter_ns=500_000)
    a, b = both(near, far)
    clock = find_clock(a, b)
    if clock is None:
        return
    ends = compare_ends(a, b, clock)
    for one in ends.ways:
        assert one.lost_frames + one.unrecorded_frames <= one.frames
        assert one.lost_bytes + one.unrecorded_bytes <= one.bytes
        assert one.unseen_frames <= one.frames_received
        assert one.bare_lost <= one.bare
