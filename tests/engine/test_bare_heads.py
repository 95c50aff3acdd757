"""Package heads whose content is not in the capture, and heads of requests and answers that a snap length cut."""

from pathlib import Path

import pytest
from craft import END, Capture, Conversation, blocks, ok_head, request

from gpinspect.inspection import Inspection, inspect
from gpinspect.model import Outcome

ROWS = b"".join(b"%05d,some text\n" % number for number in range(4000))


def look(capture: Capture, folder: Path) -> Inspection:
    inspection = inspect([str(capture.write(folder / "made.pcap"))])
    inspection.close()
    return inspection


@pytest.mark.parametrize("more", [0, 3])
def test_package_in_mid_stream_counts_although_its_content_is_missing(tmp_path: Path, more: int) -> None:
    """Nothing of the connection is known but what follows; of the first package `more` bytes of content were captured."""
    first, second, third, *_ = blocks("/data/rows.txt", ROWS, 2048)
    capture = Capture()
    talk = Conversation(capture)
    talk.server(b"end of a row\n" + first.head + first.data[:more])
    talk.gap("server", first.data[more:])
    talk.server(second.bytes + third.bytes + END)
    talk.close()
    (exchange,) = look(capture, tmp_path).exchanges
    assert [(package.offset, package.length, package.complete) for package in exchange.packages][:3] == [
        (first.offset, len(first.data), False),
        (second.offset, len(second.data), True),
        (third.offset, len(third.data), True),
    ]
    assert exchange.payload_bytes == more + len(second.data) + len(third.data)
    assert exchange.message_counts is not None and tuple(exchange.message_counts) == (3, 3, 3, 4, 0)


def test_hole_that_reaches_over_the_next_head_costs_that_package(tmp_path: Path) -> None:
    first, second, third, *_ = blocks("/data/rows.txt", ROWS, 2048)
    capture = Capture()
    talk = Conversation(capture)
    talk.server(b"x\n" + first.head)
    talk.gap("server", first.data + second.head + second.data[:10])
    talk.server(second.data[10:] + third.bytes + END)
    talk.close()
    (exchange,) = look(capture, tmp_path).exchanges
    assert [package.offset for package in exchange.packages][:2] == [first.offset, third.offset]


def test_head_at_the_very_end_of_a_stream_counts(tmp_path: Path) -> None:
    first, *_ = blocks("/data/rows.txt", ROWS, 2048)
    capture = Capture()
    talk = Conversation(capture)
    talk.server(b"x\n" + first.head)
    talk.rst("client")
    (exchange,) = look(capture, tmp_path).exchanges
    assert [(package.offset, package.length) for package in exchange.packages] == [(0, len(first.data))]
    assert exchange.payload_bytes == 0


@pytest.mark.parametrize("snap", [96, 110, 200])
def test_load_is_recognised_although_the_recorder_kept_no_header_of_it(tmp_path: Path, snap: int) -> None:
    capture = Capture(snaplen=snap)
    talk = Conversation(capture)
    talk.open()
    talk.client(request("/a.txt", count=1))
    talk.server(ok_head(1))
    for block in blocks("/data/a.txt", ROWS, 1 << 15):
        talk.server(block.head)
        talk.server(block.data)
    talk.server(END)
    talk.close()
    found = look(capture, tmp_path)
    (exchange,) = found.exchanges
    assert (exchange.method, exchange.path, exchange.status) == ("GET", "/a.txt", 200)
    assert exchange.outcome is not Outcome.PROBE
    assert {connection.kind for connection in found.connections} == {"gpfdist"}
