"""Segments that write over real sockets: OPEN, DATA, DONE, tried again where the real one does, and every row once."""

import asyncio
import io

import pytest

from gpinspect.grammar import sentences
from gpinspect.grammar.http import parse_request_head
from gpinspect.grammar.httpbuild import build_response
from gpinspect.peers.client import ReferenceClient
from gpinspect.peers.client.faults import Faults
from gpinspect.peers.client.sending import WriteOptions
from gpinspect.peers.client.wire import Wire
from gpinspect.peers.client.writing import Post

from .little import LATE, RAW, Taking, free_port, little

ROWS = b"".join(b"%d|row\n" % number for number in range(1000))
ONCE = WriteOptions(retry_timeout=0.3)


def posts(heads: list[bytes]) -> list[tuple[str | None, str | None, str | None]]:
    """SEQ, DONE and length of each request."""
    read = [parse_request_head(raw) for raw in heads]
    return [(head.get("X-GP-SEQ"), head.get("X-GP-DONE"), head.get("Content-Length")) for head in read]


@pytest.mark.parametrize("gp_segments", [1, 4, 16, 64])
async def test_every_row_is_taken_once_whatever_segment_sends_it(gp_segments: int) -> None:
    taking = Taking()
    async with little(taking) as server, ReferenceClient(gp_segments) as client:
        result = await client.send(server.url("/out.txt"), ROWS, WriteOptions(bufsize=100))
    got = [row for bodies in taking.rows.values() for body in bodies for row in body.splitlines()]
    assert result.ok and sorted(got) == sorted(ROWS.splitlines())
    assert len(taking.rows) == gp_segments == len(taking.done)
    assert (result.rows, result.payload_bytes) == (1000, len(ROWS))


async def test_one_row_makes_open_data_and_done_with_the_same_seq() -> None:
    async with little(Taking()) as server, ReferenceClient() as client:
        await client.send(server.url("/out.txt"), b"1|x\n")
    assert posts(server.heads) == [("1", None, "0"), ("2", None, "4"), ("2", "1", "0")]
    assert server.bodies == [b"", b"1|x\n", b""]


async def test_a_segment_without_rows_says_nothing() -> None:
    async with little(Taking()) as server, ReferenceClient(4) as client:
        result = await client.send(server.url("/out.txt"), b"1|x\n2|y\n")
    assert [flow.outcome for flow in result.flows] == ["accepted", "accepted", "idle", "idle"]
    assert {parse_request_head(raw).get("X-GP-SEGMENT-ID") for raw in server.heads} == {"0", "1"}


async def test_no_rows_make_no_connection() -> None:
    async with little(Taking()) as server, ReferenceClient(4) as client:
        assert (await client.send(server.url("/out.txt"), b"")).ok
    assert server.heads == []


async def test_a_last_row_without_end_gets_one_because_the_server_would_drop_it() -> None:
    async with little(Taking()) as server, ReferenceClient(newline="CRLF") as client:
        result = await client.send(server.url("/out.txt"), b"1\r\n2")
    assert server.bodies[1] == b"1\r\n2\r\n" and result.ok and "no row end" in result.notes[0]
    assert parse_request_head(server.heads[0]).get("X-GP-LINE-DELIM-STR") == "0D0A"


@pytest.mark.parametrize(("release", "size", "asks"), [("6", 1 << 20, False), ("6", (1 << 20) + 1, True), ("4.3", 1025, True)])
async def test_large_bodies_wait_for_100_continue(release: str, size: int, asks: bool) -> None:
    rows = b"x" * (size - 1) + b"\n"
    async with little(Taking()) as server, ReferenceClient(release=release) as client:
        result = await client.send(server.url("/out.txt"), rows, WriteOptions(bufsize=2 << 20))
    assert result.ok and server.bodies[1] == rows and server.continues == asks
    assert server.heads[1].endswith(b"Expect: 100-continue\r\n\r\n") is asks


async def test_a_lost_answer_and_a_408_are_tried_again_with_the_same_seq() -> None:
    taking = Taking()

    def lost(server: object, head: object, body: bytes) -> None:
        """The rows are taken, the answer never comes."""
        taking(server, head, body)  # type: ignore[arg-type]

    late = build_response("error", status=408, reason="time out")
    async with little(late, taking, lost, taking) as server, ReferenceClient() as client:
        result = await asyncio.wait_for(client.send(server.url("/out.txt"), b"1\n", WriteOptions(retry_timeout=20)), 15)
    assert result.ok and [seq for seq, _, _ in posts(server.heads)] == ["1", "1", "2", "2", "2"]
    assert b"".join(taking.rows["0"]) == b"1\n"
    assert result.notes == (
        "segment 0: OPEN with SEQ 1 goes again: HTTP/1.0 408 time out",
        "segment 0: DATA with SEQ 2 goes again: Empty reply from server",
    )


async def test_nobody_listening_is_given_up_after_the_retry_timeout() -> None:
    async with ReferenceClient() as client:
        result = await client.send(f"gpfdist://127.0.0.1:{free_port()}/out", b"1\n", ONCE)
    (failure,) = result.failures
    assert failure.sentence.startswith("error when connecting to gpfdist http://127.0.0.1:")
    assert failure.sentence.endswith("quit after 2 tries") and sentences.lookup(failure.sentence) is not None


async def test_other_statuses_are_final_and_nobody_sends_done() -> None:
    refused = build_response("error", status=500, reason="cannot write into file")
    async with little(RAW, refused) as server, ReferenceClient() as client:
        result = await client.send(server.url("/out"), b"1\n")
    assert [one.sentence for one in result.failures] == [
        f"http response code 500 from gpfdist ({server.url('/out')}): HTTP/1.0 500 cannot write into file"
    ]
    assert len(server.heads) == 2 and result.flows[0].outcome == "failed"


async def test_rows_that_got_an_empty_answer_are_told_as_thrown_away() -> None:
    async with little(RAW, LATE, RAW) as server, ReferenceClient() as client:
        result = await client.send(server.url("/out"), b"1\n2\n")
    assert not result.failures and not result.ok and "threw them away" in result.problems[0]


async def test_bodies_are_compressed_once_the_server_agreed() -> None:
    taking = Taking(zstd=1)
    async with little(taking) as server, ReferenceClient(release="7") as client:
        result = await client.send(server.url("/out"), ROWS)
    assert result.ok and b"".join(taking.rows["0"]) == ROWS
    assert server.bodies[1][:4] == b"\x28\xb5\x2f\xfd" and server.bodies[1][4] in (0x60, 0xA0)
    assert posts(server.heads)[1][2] == str(len(server.bodies[1])) and server.bodies[0] == server.bodies[2] == b""


async def test_bodies_stay_plain_where_the_server_does_not_agree() -> None:
    async with little(Taking()) as server, ReferenceClient(release="7") as client:
        await client.send(server.url("/out"), b"1\n")
    assert server.bodies[1] == b"1\n" and b"X-GP-ZSTD: 1\r\n" in server.heads[1]


async def test_csv_records_are_never_split_between_segments() -> None:
    records = [b'%d,"a\nb ""q""\nc"\n' % number for number in range(50)]
    taking = Taking()
    async with little(taking) as server, ReferenceClient(4, csv=True) as client:
        result = await client.send(server.url("/out"), io.BytesIO(b"".join(records)), WriteOptions(bufsize=30))
    got = [body for bodies in taking.rows.values() for body in bodies if body]
    assert result.rows == 50 and sorted(b"".join(got).split(b'c"\n')) == sorted(b"".join(records).split(b'c"\n'))
    assert all(body.endswith(b'c"\n') and body[:1].isdigit() for body in got)


async def test_urls_of_a_write_go_by_segment_number() -> None:
    async with little(Taking()) as one, little(Taking()) as two, ReferenceClient(3) as client:
        await client.send([one.url("/o"), two.url("/o")], b"1\n2\n3\n")
    ids = [{parse_request_head(raw).get("X-GP-SEGMENT-ID") for raw in server.heads} for server in (one, two)]
    assert ids == [{"0", "2"}, {"1"}]


async def test_faults_may_leave_a_post_out_or_lose_its_answer() -> None:
    class Skipping(Faults):
        def post(self, gp_segment: int, post: Post) -> Post | None:
            return None if post.kind == "data" and post.seq == 2 else post

        async def sent(self, gp_segment: int, wire: Wire, post: Post) -> None:
            assert post.head

    async with little(Taking()) as server, ReferenceClient(faults=Skipping()) as client:
        result = await client.send(server.url("/out"), b"1\n2\n", WriteOptions(bufsize=2))
    assert [one.sentence.rpartition(": ")[2] for one in result.failures] == [
        "HTTP/1.0 400 invalid request due to wrong sequence number"
    ]
