"""Peers that mean harm or are broken: each gets the documented answer, and a segment beside them its rows."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gpinspect.peers import ReferenceServer
from tests.peers.asking import body, get, post, reset, status, until_end

HOST = "127.0.0.1"
NUMBERS = itertools.count()
ROWS = b"".join(b"%d\tof a file\n" % number for number in range(10))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ReferenceServer]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.txt").write_bytes(ROWS)
    (tmp_path / "secret.txt").write_bytes(b"secret\n")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    (folder / "in.txt").symlink_to(folder / "a.txt")
    async with ReferenceServer(directory=str(folder), hosts=(HOST,), port=0, head_timeout=0.3, linger=0.5) as running:
        yield running


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def healthy(server: ReferenceServer) -> None:
    answer = await until_end(HOST, server.port, get("/a.txt", xid=f"77-{next(NUMBERS)}"))
    assert status(answer) == "HTTP/1.0 200 ok"
    assert ROWS in answer
    assert answer.endswith(b"D\0\0\0\0")


REFUSED = {
    "dots": (get("/../secret.txt"), "400 invalid request due to relative path"),
    "dots within": (get("/x/../../secret.txt"), "400 invalid request due to relative path"),
    "dots in a name": (get("/a..b"), "400 invalid request due to relative path"),
    "escaped dots": (get("/%2e%2e/secret.txt"), "400 invalid request due to relative path"),
    "half escaped dots": (get("/.%2E%2fsecret.txt"), "400 invalid request due to relative path"),
    "twice escaped dots": (get("/%252e%252e/secret.txt"), "404 file not found"),
    "escaped backslash": (get("/a%5cb"), "400 invalid request, escape character backslash '\\' is not allowed."),
    "eaten backslash": (get("/n\\o"), "404 file not found"),
    "escaped NUL": (get("/no%00.txt"), "404 file not found"),
    "no path": (get("/"), "400 invalid request (unable to set path)"),
    "put": (get("/a.txt").replace(b"GET", b"PUT"), "400 invalid request"),
    "version 2": (get("/a.txt").replace(b"HTTP/1.1", b"HTTP/2"), "400 invalid request"),
    "words": (b"\r\n\r\n", "400 invalid request"),
    "blank in the path": (get("/a b").replace(b"%20", b" "), "400 invalid request"),
    "head of 4097 bytes": (
        get("/a.txt")[:-4] + b"\r\nA: " + b"x" * (4097 - len(get("/a.txt")) - 5) + b"\r\n\r\n",
        "400 forbidden",
    ),
    "endless head": (b"GET /a.txt HTTP/1.1\r\n" + b"A: b\r\n" * 5000, "400 forbidden"),
    "sequence 0": (post("/o", seq=0), "400 invalid sequence number"),
    "sequence below 0": (post("/o", seq=-1), "400 invalid sequence number"),
    "sequence of letters": (post("/o", seq=5).replace(b"SEQ: 5", b"SEQ: x"), "400 invalid sequence number"),
    "link to outside": (get("/out.txt"), "404 file open failure"),
    "folder link to outside": (get("/up/secret.txt"), "404 file open failure"),
    "nothing behind a link": (get("/up/none.txt"), "404 file open failure"),
    "folder behind a link": (get("/up"), "404 file open failure"),
    "write to a folder behind a link": (post("/up"), "404 file open failure"),
    "pattern over a link": (get("/up/sec*"), "404 file"),
    "write through a link": (post("/out.txt"), "404 file open failure"),
    "write below a link": (post("/up/new.txt"), "404 file open failure"),
    "no protocol": (get("/a.txt", proto=None), "400 invalid request (no gp-proto)"),
    "protocol 2": (get("/a.txt", proto=2), "400 invalid request (invalid gp-proto)"),
    "half a key": (get("/a.txt").replace(b"X-GP-SN: 0\r\n", b""), "400 invalid request (missing X-GP-* header)"),
    "odd row end": (get("/a.txt").replace(b"LENGTH: -1", b"STR: 0D0"), "400 invalid EOL encoding"),
    "row end too short": (get("/a.txt", line_delimiter=b"\r\n").replace(b"LENGTH: 2", b"LENGTH: 3"), "400 invalid EOL length"),
    "options of 4.3": (get("/a.txt", options="m1x34q34h1"), "400 bad request, csvopt doesn't match the format"),
    "long key": (get("/a.txt", xid="9" * 1010), "400 path too long"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_bad_request_gets_the_documented_answer(case: str, server: ReferenceServer, tmp_path: Path) -> None:
    request, wanted = REFUSED[case]
    answer = await until_end(HOST, server.port, request)
    assert status(answer).startswith(f"HTTP/1.0 {wanted}")
    assert b"secret\n" not in answer
    assert b"\r\nContent-length: 0\r\nExpires: 0\r\n" in answer
    assert (tmp_path / "secret.txt").read_bytes() == b"secret\n"
    assert not (tmp_path / "new.txt").exists()
    await healthy(server)


async def test_head_of_4096_bytes_is_taken(server: ReferenceServer) -> None:
    request = get("/a.txt")[:-4]
    request += b"\r\nA: " + b"x" * (4096 - len(request) - 9) + b"\r\n\r\n"
    assert len(request) == 4096
    assert status(await until_end(HOST, server.port, request)) == "HTTP/1.0 200 ok"


async def test_link_within_the_directory_is_followed(server: ReferenceServer) -> None:
    assert ROWS in await until_end(HOST, server.port, get("/in.txt"))


async def test_nul_in_the_head_hides_its_end(server: ReferenceServer) -> None:
    answer = await until_end(HOST, server.port, get("/a.txt").replace(b"Accept: */*", b"Accept: \0"))
    assert status(answer) == "HTTP/1.0 408 time out"


async def test_half_a_head_times_out_and_slow_ones_only_when_silent(server: ReferenceServer) -> None:
    half = get("/a.txt")[:60]
    assert status(await until_end(HOST, server.port, half)) == "HTTP/1.0 408 time out"
    request = get("/a.txt", xid="5-5")
    pieces = [request[at : at + 40] for at in range(0, len(request), 40)]
    assert ROWS in await until_end(HOST, server.port, *pieces, pause=0.1)


async def test_slowlorises_and_silence_keep_nobody_waiting(server: ReferenceServer) -> None:
    idle = [await asyncio.open_connection(HOST, server.port) for _ in range(100)]
    for _, writer in idle[:50]:
        writer.write(b"GET /a.txt HTTP/1.1\r\nX")
    await asyncio.wait_for(healthy(server), 1)
    for reader, writer in idle:
        assert status(await asyncio.wait_for(reader.read(), 3)) == "HTTP/1.0 408 time out"
        writer.close()


async def test_post_that_promises_more_than_64_bits_poisons_its_session_alone(server: ReferenceServer, tmp_path: Path) -> None:
    request = post("/w.txt", b"x\n", seq=None).replace(b"Content-Length: 2", b"Content-Length: 99999999999999999999999")
    _, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(request)
    await writer.drain()
    await asyncio.wait_for(healthy(server), 1)
    writer.close()
    await writer.wait_closed()
    answer = b""
    for _ in range(50):
        answer = await until_end(HOST, server.port, post("/w.txt", b"y\n", seq=None))
        if status(answer) == "HTTP/1.0 500 session error":
            break
        await asyncio.sleep(0.02)
    assert status(answer) == "HTTP/1.0 500 session error"
    await healthy(server)


async def test_chunked_body_is_ignored_and_answered_with_200(server: ReferenceServer, tmp_path: Path) -> None:
    request = post("/chunks.txt", seq=None).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"2\r\nx\n\r\n0\r\n\r\n"
    answer = await until_end(HOST, server.port, request)
    assert status(answer) == "HTTP/1.0 200 ok"
    assert (tmp_path / "served" / "chunks.txt").read_bytes() == b""
    lower = post("/lower.txt", b"x\n", seq=None).replace(b"Content-Length", b"content-length")
    assert status(await until_end(HOST, server.port, lower)) == "HTTP/1.0 200 ok"
    assert (tmp_path / "served" / "lower.txt").read_bytes() == b""


async def test_segment_numbers_beyond_every_array_are_taken(server: ReferenceServer, tmp_path: Path) -> None:
    for number in (2**31, 2**63, -(2**31), -1):
        answer = await until_end(HOST, server.port, get("/a.txt", segment=number, xid=f"key{number}"))
        assert ROWS in answer
        for request in (
            post("/w.txt", seq=1, gp_segment=number, xid=f"3-{number}"),
            post("/w.txt", b"r\n", seq=2, gp_segment=number, xid=f"3-{number}"),
            post("/w.txt", seq=2, done=True, gp_segment=number, xid=f"3-{number}"),
        ):
            assert status(await until_end(HOST, server.port, request)) == "HTTP/1.0 200 ok"
    assert (tmp_path / "served" / "w.txt").read_bytes() == b"r\n" * 4


async def test_second_request_in_a_connection_is_never_answered(server: ReferenceServer) -> None:
    answer = await until_end(HOST, server.port, get("/a.txt", xid="4-1") + get("/a.txt", xid="4-2"))
    assert answer.count(b"HTTP/1.0") == 1


async def test_names_with_line_ends_break_no_head(server: ReferenceServer) -> None:
    answer = await until_end(HOST, server.port, post("/no%0d%0aX-Evil:%201/x", seq=1))
    assert status(answer).startswith("HTTP/1.0 404 ")
    assert b"\nX-Evil" not in answer


async def test_thousand_connections_join_and_vanish_and_nothing_is_lost(server: ReferenceServer, tmp_path: Path) -> None:
    """Members that go away before they got a row take none with them; the others get every row once."""
    import random

    chance = random.Random(6)
    rows = b"".join(b"%06d row\n" % number for number in range(100_000))
    (tmp_path / "served" / "big.txt").write_bytes(rows)
    before = open_files()
    loop = asyncio.get_running_loop()

    async def vanish() -> None:
        import socket

        sock = socket.socket()
        sock.setblocking(False)
        await loop.sock_connect(sock, (HOST, server.port))
        kind = chance.randrange(4)
        if kind:
            await loop.sock_sendall(sock, get("/a.txt", xid=f"{chance.random()}")[: chance.randrange(400)])
        if kind == 1:
            await asyncio.sleep(chance.random() / 20)
        reset(sock) if kind == 3 else sock.close()

    async def vanish_many() -> None:
        for _ in range(20):
            await asyncio.gather(*[vanish() for _ in range(50)])

    readers = [until_end(HOST, server.port, get("/big.txt", segment=n, xid="8-8")) for n in range(8)]
    *answers, _ = await asyncio.gather(*readers, vanish_many())
    from tests.peers.recorded import told

    found = [package for answer in answers for package in told(answer).elements()]
    assert b"".join(package.rows for package in sorted(found, key=lambda package: package.offset)) == rows
    await healthy(server)
    for _ in range(60):
        if open_files() <= before + 2 and not server.connections:
            break
        await asyncio.sleep(0.05)
    assert server.connections == 0
    assert open_files() <= before + 2


async def test_status_page_needs_no_header(server: ReferenceServer) -> None:
    answer = await until_end(HOST, server.port, b"GET /gpfdist/status HTTP/1.1\r\n\r\n")
    names = [line.split(b" ")[0] for line in body(answer).split(b"\r\n")]
    assert names == [b"requst_time", b"read_bytes", b"total_bytes", b"total_sessions", b""]
    assert b"X-GP-PROTO" not in answer
