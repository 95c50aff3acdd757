"""Ports that are used again, where the capture has no SYN of the second connection (and perhaps none of the first)."""

from pathlib import Path

import pytest
from craft import END, Capture, Conversation, blocks, ok_head, request

from gpinspect.inspection import Inspection, inspect
from gpinspect.model import Outcome

ROWS = b"".join(b"%05d,some text\n" % number for number in range(400))


def look(capture: Capture, folder: Path) -> Inspection:
    inspection = inspect([str(capture.write(folder / "made.pcap"))])
    inspection.close()
    return inspection


def load(capture: Capture, number: int, *, opened: bool, closed: bool, jump: int) -> None:
    talk = Conversation(capture, client_isn=(1_000 + jump) % 2**32, server_isn=(5_000_000 + jump) % 2**32)
    if opened:
        talk.open()
    talk.client(request(f"/file{number}.txt", count=1, sn=str(number)))
    talk.server(ok_head(1) + blocks(f"/data/file{number}.txt", ROWS, 1 << 16)[0].bytes + END)
    if closed:
        talk.close()


@pytest.mark.parametrize("jump", [2**31 + 12345, 2**32 - 3_000_000, 2**30 + 7, 300_000_000, 2**30 - 5])
@pytest.mark.parametrize("first_opened", [False, True])
@pytest.mark.parametrize("closed", [False, True])
def test_second_connection_with_the_same_ports_and_no_syn_is_one_of_its_own(
    tmp_path: Path, jump: int, first_opened: bool, closed: bool
) -> None:
    capture = Capture()
    load(capture, 1, opened=first_opened, closed=closed, jump=0)
    load(capture, 2, opened=False, closed=True, jump=jump)
    found = look(capture, tmp_path)
    assert [(one.path, one.outcome, one.payload_bytes) for one in found.exchanges] == [
        ("/file1.txt", Outcome.COMPLETE, len(ROWS)),
        ("/file2.txt", Outcome.COMPLETE, len(ROWS)),
    ]
    assert len(found.connections) == 2
    assert [connection.missing_bytes for connection in found.connections] == [0, 0]


def test_connection_that_follows_a_fin_at_a_small_distance_is_one_of_its_own(tmp_path: Path) -> None:
    capture = Capture()
    load(capture, 1, opened=True, closed=True, jump=0)
    load(capture, 2, opened=False, closed=True, jump=500_000)
    assert [one.outcome for one in look(capture, tmp_path).exchanges] == [Outcome.COMPLETE, Outcome.COMPLETE]


def test_rows_that_look_like_a_request_begin_no_connection(tmp_path: Path) -> None:
    """A web server's log is loaded, and the recorder loses much of it."""
    line = b"GET /index.html HTTP/1.1\r\n"
    rows = line * 100_000
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(count=1))
    block = blocks("/data/web.log", rows, 1 << 22)[0]
    talk.server(ok_head(1) + block.head)
    talk.server(block.data[: len(line) * 10])
    talk.gap("server", block.data[len(line) * 10 : len(line) * 60_000])
    talk.server(block.data[len(line) * 60_000 :], mss=len(line) * 40)
    talk.server(END)
    talk.close()
    found = look(capture, tmp_path)
    assert len(found.connections) == 1
    assert found.exchanges[0].payload_bytes == len(rows) - len(line) * 59_990


def test_late_copy_of_a_request_begins_no_connection(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    (piece,) = talk.client(request(count=1))
    talk.server(ok_head(1) + blocks("/d", ROWS, 1 << 16)[0].bytes + END)
    talk.close()
    talk.retransmit(piece)
    assert len(look(capture, tmp_path).connections) == 1
