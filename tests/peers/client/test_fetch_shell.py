"""Segments that read over real sockets, from servers that share rows or misbehave."""

import asyncio

import pytest

from gpinspect.errors import EncodeError, TlsKeyError
from gpinspect.grammar.http import parse_request_head
from gpinspect.grammar.httpbuild import build_response
from gpinspect.grammar.messages import build_end, build_error
from gpinspect.peers.client import ReferenceClient
from gpinspect.peers.client.faults import Faults
from gpinspect.peers.client.fetching import ReadOptions
from gpinspect.peers.client.wire import Wire

from .little import LATE, OK, RAW, Sharing, free_port, little, package

QUICK = ReadOptions(refusal_pause=0)


def numbered(count: int) -> list[bytes]:
    """Blocks of five rows each."""
    return [b"".join(b"%d,row\n" % (5 * block + row) for row in range(5)) for block in range(count)]


@pytest.mark.parametrize("gp_segments", [1, 4, 16, 64])
async def test_every_row_comes_once_whatever_segment_got_it(gp_segments: int) -> None:
    blocks = numbered(40)
    async with little(Sharing(list(blocks), 40 // gp_segments + 1)) as server, ReferenceClient(gp_segments) as client:
        result = await client.fetch(server.url(), QUICK)
    assert result.ok and result.content == b"".join(blocks)
    assert (result.rows, result.payload_bytes, sum(flow.rows for flow in result.flows)) == (200, len(result.content), 200)


async def test_each_segment_says_its_own_id_and_port_and_the_count_of_all() -> None:
    async with little(LATE) as server, ReferenceClient(3, user="etl") as client:
        await client.fetch(server.url(), QUICK)
    heads = [parse_request_head(raw) for raw in server.heads]
    assert sorted((h.get("X-GP-SEGMENT-ID"), h.get("X-GP-SEG-PORT"), h.get("X-GP_SEG_DATADIR")) for h in heads) == [
        (str(n), str(6000 + n), f"/data/primary/gpseg{n}") for n in range(3)
    ]
    assert {h.get("X-GP-SEGMENT-COUNT") for h in heads} == {"3"} and {h.get("X-GP-USER") for h in heads} == {"etl"}
    assert {h.get("Host") for h in heads} == {f"127.0.0.1:{server.port}"}


async def test_two_statements_never_share_an_xid() -> None:
    async with little(LATE) as server, ReferenceClient() as client:
        await client.fetch(server.url(), QUICK)
        await client.fetch(server.url(), QUICK)
    first, second = (parse_request_head(raw).get("X-GP-XID") or "" for raw in server.heads)
    assert first != second and len(first) <= 21


async def test_the_name_of_a_host_becomes_its_address_in_host() -> None:
    async with little(LATE) as server, ReferenceClient() as client:
        await client.fetch(server.url(host="localhost").replace("localhost", "LOCALHOST"), QUICK)
    assert parse_request_head(server.heads[0]).get("Host") == f"127.0.0.1:{server.port}"


async def test_late_segments_have_no_rows_and_no_error() -> None:
    async with little(Sharing(numbered(2))) as server, ReferenceClient(4) as client:
        result = await client.fetch(server.url(), QUICK)
    assert result.ok and sorted(flow.outcome for flow in result.flows) == ["complete", "late", "late", "late"]
    assert server.resets == 0


async def test_a_lost_block_is_told_although_every_segment_ended_well() -> None:
    body = OK + package(b"1\n2\n") + package(b"5\n6\n", 8) + build_end()
    async with little(body, LATE) as server, ReferenceClient(2) as client:
        result = await client.fetch(server.url(), QUICK)
    assert not result.ok and not result.failures
    assert result.problems == (f"/data/a.txt on 127.0.0.1:{server.port}: 4 bytes from byte 4 on reached no segment",)


async def test_a_block_that_came_twice_is_told() -> None:
    body = OK + package(b"1\n2\n") + build_end()
    async with little(body) as server, ReferenceClient(2) as client:
        result = await client.fetch(server.url(), QUICK)
    assert result.problems == (f"/data/a.txt on 127.0.0.1:{server.port}: 4 bytes came more than once, from byte 0 on",)


@pytest.mark.parametrize(("header", "ok"), [(True, True), (False, False)])
async def test_a_file_begins_behind_its_header_row_only_if_there_is_one(header: bool, ok: bool) -> None:
    async with little(OK + package(b"1\n", 9) + build_end()) as server, ReferenceClient() as client:
        assert (await client.fetch(server.url(), QUICK, header=header)).ok is ok


async def test_an_error_of_one_segment_ends_the_others() -> None:
    def answer(server: object, head: object, body: bytes) -> bytes:
        return OK + build_error(b"line too long in file /data/a.txt near (0 bytes)")

    async with little(answer) as server, ReferenceClient(4) as client, little(OK, stays=True) as silent:
        result = await asyncio.wait_for(client.fetch([server.url(), silent.url()], QUICK), 10)
    assert not result.ok
    assert {one.sentence for one in result.failures} == {"gpfdist error - line too long in file /data/a.txt near (0 bytes)"}
    assert {flow.outcome for flow in result.flows if flow.url == silent.url()} == {"cancelled"}


async def test_a_refusal_is_the_sql_error_with_the_status_line() -> None:
    async with little(build_response("error", status=404, reason="file not found")) as server, ReferenceClient() as client:
        result = await client.fetch(server.url(), QUICK)
    assert [one.sentence for one in result.failures] == [
        f"http response code 404 from gpfdist ({server.url()}): HTTP/1.0 404 file not found"
    ]


async def test_nobody_listening_is_error_111() -> None:
    port = free_port()
    async with ReferenceClient() as client:
        result = await client.fetch(f"gpfdist://127.0.0.1:{port}/a", QUICK)
    url = f"127.0.0.1:{port}/a"
    assert [one.sentence for one in result.failures] == [
        f'connection with gpfdist failed for "gpfdist://{url}", effective url: "http://{url}": '
        "error code = 111 (Connection refused); (Connection refused)"
    ]


@pytest.mark.parametrize("wanted", [1, 5, 6, 12])
async def test_limit_gives_exactly_so_many_rows_and_leaves(wanted: int) -> None:
    body = OK + b"".join(package(rows, 0) for rows in numbered(40))
    async with little(body, stays=True) as server, ReferenceClient() as client:
        result = await asyncio.wait_for(client.fetch(server.url(), ReadOptions(limit=wanted)), 10)
    assert result.ok and result.limited and result.rows == wanted
    assert result.flows[0].outcome == "limited" and result.flows[0].rows == wanted


async def test_limit_with_rows_in_flight_resets_the_connection() -> None:
    rows = b"row\n" * 8000
    body = OK + b"".join(package(rows, len(rows) * number) for number in range(200))
    async with little(body) as server, ReferenceClient() as client:
        await client.fetch(server.url(), ReadOptions(limit=1))
        await asyncio.sleep(0.1)
    assert server.resets == 1


async def test_limit_within_quotes_counts_records_and_not_lines() -> None:
    body = OK + package(b'1,"a\nb"\n2,"c\nd"\n3,"e"\n') + build_end()
    async with little(body) as server, ReferenceClient(csv=True) as client:
        result = await client.fetch(server.url(), ReadOptions(limit=2))
    assert result.content == b'1,"a\nb"\n2,"c\nd"\n'


async def test_silence_beyond_the_timeout_asks_for_the_status_page_and_fails() -> None:
    page = build_response("status") + b"requst_time 2026-01-01 00:00:00\r\nread_bytes 0\r\n"
    async with little(OK, page, stays=True) as server, ReferenceClient() as client:
        result = await client.fetch(server.url(), ReadOptions(timeout=0.2, tick=0.1))
    assert [(one.sentence, one.detail) for one in result.failures] == [
        (
            "segment has not received data from gpfdist for long time, cancelling the query.",
            "gpfdist status: requst_time 2026-01-01 00:00:00, read_bytes 0",
        )
    ]
    assert server.heads[1] == f"GET /gpfdist/status HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAccept: */*\r\n\r\n".encode()


async def test_protocol_0_gives_the_bodies_of_all_segments() -> None:
    async with little(RAW + b"1\n2\n", RAW + b"3\n") as server, ReferenceClient(2, proto=0) as client:
        result = await client.fetch(server.url(), QUICK)
    assert result.rows == 3 and sorted(result.content.splitlines()) == [b"1", b"2", b"3"]
    assert {flow.outcome for flow in result.flows} == {"closed"}


async def test_urls_are_handed_out_in_turn() -> None:
    async with little(LATE) as one, little(LATE) as two, ReferenceClient(5) as client:
        result = await client.fetch([one.url(), two.url("/b.txt")], QUICK)
    assert [flow.url for flow in result.flows] == [one.url(), two.url("/b.txt"), one.url(), two.url("/b.txt"), one.url()]


async def test_max_segs_leaves_segments_out_but_not_their_count() -> None:
    async with little(LATE) as server, ReferenceClient(8) as client:
        result = await client.fetch(server.url(), ReadOptions(max_segs=3, seed=1))
    assert len(result.flows) == 3 == len({flow.gp_segment for flow in result.flows})
    assert {parse_request_head(raw).get("X-GP-SEGMENT-COUNT") for raw in server.heads} == {"8"}


async def test_gpfdists_without_files_is_said_before_anything_starts() -> None:
    async with ReferenceClient() as client:
        with pytest.raises(TlsKeyError, match=r"client\.crt"):
            await client.fetch("gpfdists://127.0.0.1:1/a")


async def test_a_value_that_breaks_its_line_is_refused_before_anything_starts() -> None:
    async with ReferenceClient(user="a\r\nX-GP-SEQ: 1") as client:
        with pytest.raises(EncodeError, match="line end"):
            await client.fetch("gpfdist://127.0.0.1:1/a")


async def test_faults_are_asked_at_their_places_and_may_reset_at_a_package() -> None:
    asked: list[str] = []

    class Leaving(Faults):
        async def connecting(self, gp_segment: int) -> None:
            asked.append("connecting")

        def head(self, gp_segment: int, head: bytes) -> bytes:
            asked.append("head")
            return head.replace(b"X-GP-XID", b"x-gp-xid")

        async def package(self, gp_segment: int, wire: Wire, number: int) -> None:
            asked.append(f"package {number}")
            if number == 2:
                wire.reset()

    body = OK + package(b"1\n") + package(b"2\n", 2)
    async with little(body, stays=True) as server, ReferenceClient(faults=Leaving()) as client:
        result = await asyncio.wait_for(client.fetch(server.url(), QUICK), 10)
    assert asked == ["connecting", "head", "package 1", "package 2"] and b"\r\nx-gp-xid: " in server.heads[0]
    assert not result.ok
