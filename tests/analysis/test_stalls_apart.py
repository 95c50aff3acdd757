"""Causes that look alike: a path that holds frames and a clock that jumps, a turn that has not come and a stopped server."""

from pathlib import Path

from craft import Capture, Conversation, post

from analysis.stall_hand import ROWS, Load, ns
from analysis.stall_loads import blackout_near_client
from gpinspect.inspection import inspect
from gpinspect.model import Cause, Stall


def stalls_of(load: Load, tmp_path: Path) -> list[Stall]:
    with inspect([str(load.write(tmp_path))]) as found:
        return found.stalls


def held() -> Load:
    """What the server sends from 0.8 s on comes to the recorder beside the clients at 2.3 s, with the stamps of its sending."""
    load = Load(near="client")
    load.begin()
    load.served(0.05, 0.8, 0.05)
    first: list[int] = []
    for number in load.flows:
        load.at(0.8 + 0.01 * number, lambda number=number: load.block(number, acked=False))
    load.at(0.79, lambda: first.append(len(load.capture.records)))

    def late() -> None:
        records = load.capture.records
        for index in range(first[0], len(records)):
            records[index] = records[index]._replace(time_ns=ns(2.3) + index)

    load.at(0.9, late)
    for number in load.flows:
        load.at(2.301 + 0.001 * number, lambda number=number: load.talks[number].ack("client"))
    load.served(2.32, 3.0, 0.05)
    load.ended(3.1)
    return load


def test_frames_that_were_sent_long_before_they_came_were_held_by_the_path(tmp_path: Path) -> None:
    found = stalls_of(held(), tmp_path)
    assert {stall.cause for stall in found} == {Cause.NETWORK}
    assert {flow.segment for stall in found for flow in stall.flows} == {0, 1, 2}
    assert max(flow.end_ns - flow.start_ns for stall in found for flow in stall.flows) > 1_400_000_000


def test_a_clock_that_jumps_between_two_posts_makes_no_stall(tmp_path: Path) -> None:
    """No connection is open at 1.12 s; the hosts' time stamps go on by some milliseconds, the recorder's clock by 3 s more."""
    load = Load().posting(3.0)

    def step() -> None:
        records = load.capture.records
        records[:] = [one._replace(time_ns=one.time_ns + 3_000_000_000 * (one.time_ns >= ns(1.12))) for one in records]

    load.at(5.0, step)
    with inspect([str(load.write(tmp_path))]) as found:
        assert found.stalls == []
        assert "GPI313" in {finding.code for finding in found.findings}


def queue(load: Load, *, moving: bool) -> Conversation:
    """Two posts find the server's window shut for 2 s, while a third one sends some of its body every 0.16 s, or nothing more."""
    for segment in (0, 2):
        load.post(0.7 + 0.01 * segment, segment, 10, ROWS, answer=2.0, window=True)
    talk = Conversation(load.capture, ("10.0.0.2", 47_000), scale=7, timestamps=True)
    whole = post(10, ROWS * 2, segment=1)
    load.at(0.65, lambda: load.opened(talk))
    pieces = [whole[start : start + 1400] for start in range(0, len(whole), 1400)]
    for number, piece in enumerate(pieces):
        when = 0.66 + (0.16 * number if moving else 0.001 * number)

        def say(piece: bytes = piece) -> None:
            talk.client(piece, ack=False, dt=1e-5)
            talk.ack("server", dt=1e-5)

        load.at(when, say)
    return talk


def test_posts_whose_turn_has_not_come_find_a_shut_window_and_nobody_is_to_blame(tmp_path: Path) -> None:
    load = Load().posting(3.2, without=((0.6, 2.85),))
    queue(load, moving=True)
    assert stalls_of(load, tmp_path) == []


def test_posts_that_find_a_shut_window_while_nothing_is_taken_from_anybody_wait_for_the_server(tmp_path: Path) -> None:
    load = Load().posting(3.2, without=((0.6, 2.85),))
    queue(load, moving=False)
    assert {stall.cause for stall in stalls_of(load, tmp_path)} == {Cause.SERVER}


def test_where_the_recorder_stood_is_found_for_each_server_of_a_merged_capture(tmp_path: Path) -> None:
    load = blackout_near_client()
    other = Load(near="server")
    other.talks = [
        Conversation(other.capture, (f"10.0.0.{number + 1}", 41_000 + number), ("10.0.9.9", 8080), scale=7, timestamps=True)
        for number in other.flows
    ]
    other.steady(3.0, every=0.02)
    other.write(tmp_path)
    load.at(9.0, lambda: _merge(load.capture, other.capture))
    found = stalls_of(load, tmp_path)
    assert {stall.cause for stall in found} == {Cause.NETWORK}
    assert {flow.segment for stall in found for flow in stall.flows} == {0, 1, 2}


def _merge(one: Capture, other: Capture) -> None:
    one.records[:] = sorted([*one.records, *other.records], key=lambda record: record.time_ns)


def test_posts_recorded_in_one_direction_that_stop_are_nobodys(tmp_path: Path) -> None:
    """Whether the server answered the last post cannot be seen, so no segment is blamed for not beginning another."""
    load = Load().posting(3.5, without=((0.75, 2.55),))
    path = load.write(tmp_path)
    load.capture.records[:] = [one for one in load.capture.records if bytes((10, 0, 0, 9)) != one.data[26:30]]
    load.capture.write(path)
    with inspect([str(path)]) as found:
        assert {stall.cause for stall in found.stalls} <= {Cause.UNKNOWN}
