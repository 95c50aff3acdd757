"""Segments that the capture does not have, with blocks as large as gpfdist makes them: nobody is told that a file is whole when it
may not be."""

import random
from pathlib import Path

from craft import END, Capture, Conversation, blocks, ok_head, request
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from gpinspect.inspection import inspect
from gpinspect.model import Delivery

NAME = "/data/big.txt"


@given(
    st.integers(0, 1 << 30),
    st.integers(40_000, 260_000),
    st.sampled_from([12, 80, 700]),
    st.integers(2, 4),
    st.integers(1, 3),
    st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_file_is_proven_only_where_nobody_else_can_have_got_rows(
    tmp_path: Path, seed: int, size: int, longest: int, count: int, absent: int, failing: bool
) -> None:
    """Blocks go to segments in turns of three; some segments are not in the capture, and may fail there."""
    choice = random.Random(seed)
    rows = bytearray()
    while len(rows) < size:
        rows += b"x" * choice.randrange(longest) + b"\n"
    absent = min(absent, count - 1)
    capture, elsewhere = Capture(), Capture()
    talks = []
    for number in range(count):
        talk = Conversation(capture if number < count - absent else elsewhere, ("10.0.0.1", 40000 + number))
        talk.open()
        talk.client(request("/big.txt", segment=number, count=count))
        talk.server(ok_head(1))
        talks.append(talk)
    got = [0] * count
    left = blocks(NAME, bytes(rows))
    reached = True
    while left and reached:
        number = choice.choice((0, 0, choice.randrange(count)))
        for block in left[:3]:
            talks[number].server(block.bytes)
            got[number] += len(block.data)
        del left[:3]
        if failing and number >= count - absent and choice.random() < 0.3:
            reached = False  # it leaves, and gpfdist ends the session for all
    for talk in talks:
        talk.server(END)
        talk.close()
    with inspect([str(capture.write(tmp_path / "made.pcap"))]) as found:
        (session,) = found.sessions
        event(session.delivery.value)
        seen = sum(got[: count - absent])
        if session.delivery is Delivery.PROVEN:
            assert seen == len(rows)
        if session.delivery is Delivery.REFUTED:
            assert not reached
