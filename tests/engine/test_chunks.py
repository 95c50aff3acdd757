"""Answers in chunks, as proxies and frameworks send them: what stands inside is read as if it stood alone."""

from pathlib import Path

import pytest
from craft import END, Capture, Conversation, blocks, head, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpinspect.inspection import Inspection, inspect
from gpinspect.model import Delivery, Outcome, Severity

ROWS = b"".join(b"%05d,some text\n" % number for number in range(400))
BODY = b"".join(block.bytes for block in blocks("/data/rows.txt", ROWS, 1024)) + END


def chunked_head(proto: int | None = 1, *, version: str = "HTTP/1.1", close: bool = True) -> bytes:
    proto_header = [("X-GP-PROTO", str(proto)), ("X-GPFDIST-VERSION", "6.24.3")] if proto is not None else []
    connection = [("Connection", "close")] if close else []
    return head(f"{version} 200 ok", [("Content-type", "text/plain"), *proto_header, ("Transfer-Encoding", "chunked"), *connection])


def chunks(body: bytes, sizes: list[int], *, extension: bytes = b"", trailer: bytes = b"", last: bool = True) -> bytes:
    out = bytearray()
    at = turn = 0
    while at < len(body):
        piece = body[at : at + max(1, sizes[turn % len(sizes)])]
        out += b"%x%s\r\n%s\r\n" % (len(piece), extension, piece)
        at += len(piece)
        turn += 1
    return bytes(out) + (b"0\r\n" + trailer + b"\r\n" if last else b"")


def look(capture: Capture, folder: Path) -> Inspection:
    return inspect([str(capture.write(folder / "made.pcap"))], hashes=True)


def asked(capture: Capture, port: int = 40000) -> Conversation:
    talk = Conversation(capture, ("10.0.0.1", port))
    talk.open()
    talk.client(request(count=1))
    return talk


@pytest.mark.parametrize("sizes", [[1], [5, 36, 1024], [100_000]])
@pytest.mark.parametrize("mss", [1, 7, 1448])
def test_packages_in_chunks_are_those_of_the_body(tmp_path: Path, sizes: list[int], mss: int) -> None:
    if mss == 1 and sizes == [1]:
        sizes = [3]
    capture = Capture()
    talk = asked(capture)
    talk.server(chunked_head())
    talk.server(chunks(BODY, sizes, extension=b";x=1", trailer=b"X-Sum: 1\r\n"), mss=mss)
    talk.close()
    with look(capture, tmp_path) as found:
        (exchange,) = found.exchanges
        (session,) = found.sessions
        assert (exchange.outcome, exchange.payload_bytes, exchange.packages.data) == (Outcome.COMPLETE, len(ROWS), 7)
        assert b"".join(data for _, _, data in found.payload(1)) == ROWS
        assert session.files[0].bytes == len(ROWS) and session.rows == 400
        assert session.delivery is Delivery.PROVEN
        assert {finding.code for finding in found.findings if finding.severity > Severity.NOTE} == {"GPI115"}


def test_package_in_chunks_can_be_read_again(tmp_path: Path) -> None:
    capture = Capture()
    talk = asked(capture)
    talk.server(chunked_head())
    talk.server(chunks(BODY, [50]))
    talk.close()
    with look(capture, tmp_path) as found:
        package = found.exchanges[0].packages[3]
        again = found.read_package(1, 3)
        content = again.data[package.head :]
        assert not again.missing and content == ROWS[package.offset : package.offset + package.length]


@given(st.integers(0, 2**30), st.integers(1, 3000), st.lists(st.integers(1, 900), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_missing_bytes_in_chunks_cost_what_they_hold(tmp_path: Path, where: int, size: int, sizes: list[int]) -> None:
    """No byte is invented, and nothing with a hole is proven."""
    capture = Capture()
    talk = asked(capture)
    talk.server(chunked_head())
    wire = chunks(BODY, sizes)
    at = where % len(wire)
    size = min(size, len(wire) - at)
    talk.server(wire[:at])
    talk.gap("server", wire[at : at + size])
    talk.server(wire[at + size :])
    talk.close()
    with look(capture, tmp_path) as found:
        (session,) = found.sessions
        for index, position, data in found.payload(1):
            assert index is not None
            offset = found.exchanges[0].packages[index].offset + position
            assert ROWS[offset : offset + len(data)] == data
        if session.payload_bytes < len(ROWS):
            assert session.delivery is Delivery.UNPROVABLE


def test_chunks_that_are_none_are_told_and_read_no_further(tmp_path: Path) -> None:
    capture = Capture()
    talk = asked(capture)
    talk.server(chunked_head())
    talk.server(chunks(BODY[:2000], [1000], last=False) + b"no chunk\r\n" + BODY[2000:])
    talk.close()
    with look(capture, tmp_path) as found:
        assert found.exchanges[0].payload_bytes < 2000
        assert found.sessions[0].delivery is Delivery.UNPROVABLE
        assert any("chunks that cannot be read" in finding.message for finding in found.findings)


def test_answer_that_ends_before_its_last_chunk_is_broken(tmp_path: Path) -> None:
    capture = Capture()
    talk = asked(capture)
    talk.server(chunked_head())
    talk.server(chunks(BODY[: -len(END)], [1000], last=False))
    talk.close()
    with look(capture, tmp_path) as found:
        assert found.exchanges[0].outcome is Outcome.BROKEN


@pytest.mark.parametrize(("last", "outcome"), [(True, Outcome.CLOSED), (False, Outcome.BROKEN)])
def test_rows_without_packages_in_chunks_are_counted_without_the_chunks(tmp_path: Path, last: bool, outcome: Outcome) -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(count=1, proto=0))
    talk.server(chunked_head(0))
    talk.server(chunks(ROWS, [777], last=last))
    talk.close()
    with look(capture, tmp_path) as found:
        (exchange,) = found.exchanges
        assert (exchange.outcome, exchange.payload_bytes) == (outcome, len(ROWS))
        assert b"".join(data for _, _, data in found.payload(1)) == ROWS


def test_two_answers_in_chunks_on_one_connection_are_two_exchanges(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    for number in range(2):
        talk.client(request(count=1, sn=str(number)))
        talk.server(chunked_head(close=False))
        talk.server(chunks(BODY, [600]))
    talk.close()
    with look(capture, tmp_path) as found:
        assert [exchange.payload_bytes for exchange in found.exchanges] == [len(ROWS), len(ROWS)]
        assert [exchange.outcome for exchange in found.exchanges] == [Outcome.COMPLETE, Outcome.COMPLETE]
        package = found.exchanges[1].packages[2]
        again = found.read_package(2, 2)
        assert again.data[package.head :] == ROWS[package.offset : package.offset + package.length]
