"""Sessions over real sockets: joining, late members, broken ones, expiry, and the order of writes."""

import asyncio
import bz2
import gzip
import os
from pathlib import Path
from typing import Any

import pytest
import zstandard

from gpinspect.peers import ReferenceServer
from tests.peers.asking import CSV, CSV_HEADER, TEXT, body, get, post, status, until_end
from tests.peers.recorded import Package, packages

HOST = "127.0.0.1"
LATE = b"Content-length: 0\r\n"
ROWS = b"".join(b"%05d\trow\n" % number for number in range(20_000))


def server(folder: Path, **more: Any) -> ReferenceServer:
    return ReferenceServer(directory=str(folder), hosts=(HOST,), port=0, linger=0.5, **more)


async def ask(running: ReferenceServer, request: bytes) -> bytes:
    return await until_end(HOST, running.port, request)


def found(answer: bytes) -> list[Package]:
    return packages(body(answer), b"X-GP-ZSTD" in answer)[0]


async def test_text_packages_hold_whole_rows_of_at_most_a_block(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(ROWS)
    async with server(tmp_path) as running:
        answer = await ask(running, get("/t.txt"))
    all_found = found(answer)
    assert b"".join(package.rows for package in all_found) == ROWS
    assert [package.line for package in all_found] == [1] + [0] * (len(all_found) - 1)
    assert all(package.rows.endswith(b"\n") and len(package.rows) <= 32768 for package in all_found)
    assert min(len(package.rows) for package in all_found[:-1]) > 32768 - 10
    assert [package.offset for package in all_found] == [0, *_sums(all_found)]
    assert {package.file for package in all_found} == {os.fsencode(tmp_path) + b"/t.txt"}


def _sums(all_found: list[Package]) -> list[int]:
    ends, total = [], 0
    for package in all_found[:-1]:
        total += len(package.rows)
        ends.append(total)
    return ends


async def test_csv_lines_count_records_and_headers_are_left_out_in_each_file(tmp_path: Path) -> None:
    record = b'1,"two\nlines ""quoted"", and more",x\n'
    data = b'"a\nb",c\n' + record * 2000
    (tmp_path / "1.csv").write_bytes(data)
    (tmp_path / "2.csv").write_bytes(data)
    async with server(tmp_path) as running:
        answer = await ask(running, get("/?.csv", options=CSV_HEADER))
    all_found = found(answer)
    fits = 32768 // len(record)
    assert [(package.file[-5:], package.offset, package.line) for package in all_found[:3]] == [
        (b"1.csv", 8, 2),
        (b"1.csv", 8 + fits * len(record), 2 + fits),
        (b"1.csv", 8 + 2 * fits * len(record), 2 + 2 * fits),
    ]
    assert b"".join(package.rows for package in all_found) == record * 4000


async def test_segments_share_a_session_and_get_every_row_once(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(ROWS * 20)
    async with server(tmp_path) as running:
        answers = await asyncio.gather(*[ask(running, get("/t.txt", segment=n, count=16)) for n in range(16)])
    all_found = sorted((package for answer in answers for package in found(answer)), key=lambda package: package.offset)
    assert b"".join(package.rows for package in all_found) == ROWS * 20
    assert all(answer.endswith(b"D\0\0\0\0") for answer in answers)


async def test_late_member_gets_five_bytes_behind_length_0_and_none_in_protocol_0(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"x\n")
    async with server(tmp_path) as running:
        for proto, stray in ((1, b"D\0\0\0\0"), (0, b"")):
            await ask(running, get("/t.txt", proto=proto))
            late = await ask(running, get("/t.txt", proto=proto, segment=1))
            assert LATE in late
            assert b"X-GP-PROTO" not in late
            assert body(late) == stray


async def test_path_protocol_and_scan_are_part_of_the_key(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"x\n")
    async with server(tmp_path) as running:
        assert LATE not in await ask(running, get("/t.txt"))
        assert LATE in await ask(running, get("//t.txt"))
        assert LATE not in await ask(running, get("/t*.txt"))
        assert LATE not in await ask(running, get("/t.txt").replace(b"SN: 0", b"SN: 1"))
        alone = b"GET /t.txt HTTP/1.1\r\nX-GP-PROTO: 1\r\n\r\n"
        assert LATE not in await ask(running, alone)
        assert LATE not in await ask(running, alone)


async def test_segment_after_expiry_gets_all_rows_again(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"x\n")
    async with server(tmp_path, keep=0.2) as running:
        await ask(running, get("/t.txt"))
        await asyncio.sleep(0.4)
        assert LATE in await ask(running, get("/t.txt", segment=1))
        await asyncio.sleep(0.4)
        await ask(running, get("/t.txt", xid="another"))
        assert found(await ask(running, get("/t.txt", segment=2)))[0].rows == b"x\n"


async def test_reset_in_mid_transfer_ends_the_session_cleanly_for_the_others(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(ROWS * 200)
    async with server(tmp_path) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port, limit=1024)
        writer.write(get("/t.txt"))
        await reader.readexactly(5000)
        other_reader, other = await asyncio.open_connection(HOST, running.port, limit=1024)
        other.write(get("/t.txt", segment=1))
        await other_reader.readexactly(5000)
        writer.transport.abort()
        rest = await other_reader.read()
        assert rest.endswith(b"D\0\0\0\0")
        assert len(rest) < len(ROWS) * 200
        assert LATE in await ask(running, get("/t.txt", segment=2))
        other.close()


async def test_csvopt_matters_only_for_who_opens(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"x\n")
    async with server(tmp_path) as running:
        await ask(running, get("/t.txt"))
        assert status(await ask(running, get("/t.txt", options="odd"))) == "HTTP/1.0 200 ok"
        assert "csvopt" in status(await ask(running, get("/t.txt", options="odd", xid="9")))


async def test_sequence_numbers_of_writes(tmp_path: Path) -> None:
    async with server(tmp_path) as running:
        told = [
            status(await ask(running, request))[9:]
            for request in (
                post("/w", b"ignored\n", seq=1),
                post("/w", b"a\n", seq=2),
                post("/w", b"again\n", seq=2),
                post("/w", b"gap\n", seq=4),
                post("/w", b"none\n", seq=None),
                post("/w", b"b\n", seq=3),
                post("/w", b"", seq=1),
                post("/w", b"c\n", seq=4),
                post("/w", b"c\n", seq=2),
                post("/w", seq=2, done=True),
                post("/w", seq=2, done=True),
                post("/w", b"late\n", seq=3),
            )
        ]
    wrong = "400 invalid request due to wrong sequence number"
    missing = "400 invalid request due to missing sequence number"
    assert told == ["200 ok"] * 3 + [wrong, missing, "200 ok", "200 ok", wrong, "200 ok", "200 ok", "200 ok", wrong]
    assert (tmp_path / "w").read_bytes() == b"a\nb\nc\n"
    assert (tmp_path / "w").stat().st_mode & 0o777 == 0o600


async def test_done_for_an_unknown_session_is_empty_and_makes_nothing(tmp_path: Path) -> None:
    async with server(tmp_path) as running:
        answer = await ask(running, post("/w", seq=2, done=True))
    assert LATE in answer
    assert b"X-GP-PROTO" not in answer
    assert not (tmp_path / "w").exists()


async def test_body_without_row_end_is_refused_and_a_tail_is_dropped(tmp_path: Path) -> None:
    async with server(tmp_path) as running:
        await ask(running, post("/tail", seq=1))
        await ask(running, post("/tail", b"whole\ntail", seq=2))
        assert status(await ask(running, post("/tail", b"rest\n", seq=3))) == "HTTP/1.0 200 ok"
        refused = "HTTP/1.0 500 no complete data row found for writing"
        assert status(await ask(running, post("/none", b"no end", seq=None, xid="3"))) == refused
        assert status(await ask(running, post("/long", b"x" * 32768 + b"\n", seq=None, xid="4"))) == refused
        assert status(await ask(running, post("/fits", b"x" * 32767 + b"\n", seq=None, xid="5"))) == "HTTP/1.0 200 ok"
    assert (tmp_path / "tail").read_bytes() == b"whole\nrest\n"


async def test_expect_is_answered_in_http_1_1_first(tmp_path: Path) -> None:
    async with server(tmp_path) as running:
        await ask(running, post("/w", seq=1))
        answer = await ask(running, post("/w", b"x\n", seq=2, expect=True))
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 ok\r\n")


async def test_post_in_protocol_1_gets_the_end_package_behind_or_before(tmp_path: Path) -> None:
    for release, starts, ends in (("6", b"HTTP", b"D\0\0\0\0"), ("cloudberry", b"D\0\0\0\0HTTP", b"\r\n\r\n")):
        async with server(tmp_path, release=release) as running:
            answer = await ask(running, post("/w", b"x\n", seq=None, proto=1))
            assert answer.startswith(starts)
            assert answer.endswith(ends)


async def test_get_and_post_of_one_key_exclude_each_other(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"")
    async with server(tmp_path) as running:
        await ask(running, post("/w", seq=1, xid="1"))
        answer = await ask(running, get("/w", proto=0, xid="1"))
    assert status(answer) == "HTTP/1.0 400 can't write to and read from the same gpfdist server simultaneously"


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("zst", zstandard.compress)])
async def test_compressed_source_is_read_as_its_rows(ending: str, pack: Any, tmp_path: Path) -> None:
    half = len(ROWS) // 2
    (tmp_path / f"t.txt.{ending}").write_bytes(pack(ROWS[:half]) + pack(ROWS[half:]))
    (tmp_path / f"cut.{ending}").write_bytes(pack(ROWS)[:-20])
    (tmp_path / f"empty.{ending}").write_bytes(pack(b""))
    async with server(tmp_path) as running:
        answer = await ask(running, get(f"/t.txt.{ending}"))
        assert b"".join(package.rows for package in found(answer)) == ROWS
        broken = await ask(running, get(f"/cut.{ending}"))
        assert b"cannot read file - " + os.fsencode(tmp_path) in broken
        assert not broken.endswith(b"D\0\0\0\0")
        assert body(await ask(running, get(f"/empty.{ending}"))) == b"D\0\0\0\0"


async def test_compressed_target_and_types_that_are_not_supported(tmp_path: Path) -> None:
    for name in ("a.z", "a.zip"):
        (tmp_path / name).write_bytes(b"x\n")
    async with server(tmp_path) as running:
        for seq, data, done in ((1, b"", False), (2, b"x\n", False), (2, b"", True)):
            for name in ("w.gz", "w.zst"):
                assert status(await ask(running, post(f"/{name}", data, seq, done))) == "HTTP/1.0 200 ok"
        for request in (get("/a.z"), get("/a.zip"), post("/a.bz2")):
            assert status(await ask(running, request)) == "HTTP/1.0 415 Unsupported File Type"
    assert gzip.decompress((tmp_path / "w.gz").read_bytes()) == b"x\n"
    packed = (tmp_path / "w.zst").read_bytes()
    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed) == b"x\n"


async def test_lists_patterns_and_directories(tmp_path: Path) -> None:
    for name in ("d/b", "d/a", "x", "mixed/f"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode() + b"\n")
    (tmp_path / "mixed/inner").mkdir()
    (tmp_path / "empty").mkdir()
    async with server(tmp_path) as running:

        async def rows(path: str) -> bytes:
            return b"".join(package.rows for package in found(await ask(running, get(path))))

        assert await rows("/d") == b"d/a\nd/b\n"
        assert await rows("/x%20/d/b") == b"x\nd/b\n"
        assert await rows("/d/[ab]") == b"d/a\nd/b\n"
        for path, wanted in {
            "/mixed": "403 Reading a directory is forbidden.",
            "/x%20d": "403 Reading a directory is forbidden.",
            "/empty": "404 No matching file(s) found",
            "/none*": "404 file not found",
            "/x%20none": "404 file not found",
        }.items():
            assert status(await ask(running, get(path))) == f"HTTP/1.0 {wanted}"
        several = "HTTP/1.0 404 More than 1 file found for writing. Unsupported operation."
        assert status(await ask(running, post("/d/*"))) == several


async def test_silent_pipe_keeps_nobody_waiting_and_has_one_session(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "t.txt").write_bytes(b"x\n")
    async with server(tmp_path) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port)
        writer.write(get("/pipe"))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
        assert head.startswith(b"HTTP/1.0 200 ok\r\n")
        for n in range(12):
            second = await ask(running, get("/pipe", xid=f"second-{n}"))
            assert status(second) == "HTTP/1.0 404 Multiple reader to a pipe is forbidden."
        assert await asyncio.wait_for(ask(running, get("/t.txt", xid="7")), 2)

        def feed() -> None:
            with (tmp_path / "pipe").open("wb") as pipe:
                pipe.write(ROWS)

        await asyncio.to_thread(feed)
        all_found, rest = packages(await reader.read(), False)
        writer.close()
    assert b"".join(package.rows for package in all_found) == ROWS
    assert rest == b"D\0\0\0\0"


async def test_server_with_a_silent_pipe_stops_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    async with server(tmp_path) as running:
        _, writer = await asyncio.open_connection(HOST, running.port)
        writer.write(get("/pipe"))
        await asyncio.sleep(0.1)
    writer.close()
    assert running.connections == 0


async def test_slow_reader_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "big.txt").write_bytes(ROWS * 100)
    async with server(tmp_path) as running:
        _, writer = await asyncio.open_connection(HOST, running.port, limit=1024)
        writer.write(get("/big.txt"))
        await asyncio.sleep(0.2)
        answer = await asyncio.wait_for(ask(running, get("/big.txt", options=CSV, xid="2")), 10)
        assert sum(len(package.rows) for package in found(answer)) == len(ROWS) * 100
        writer.close()


async def test_zstd_is_agreed_on_by_connection_and_echoed(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(ROWS)
    async with server(tmp_path, compress=True, release="7") as running:
        for offer, echo in ((1, b"1"), (2, b"2"), (-1, b"-1"), (0, None)):
            answer = await ask(running, get("/t.txt", zstd=offer, xid=f"z{offer}"))
            head = answer.partition(b"\r\n\r\n")[0]
            assert head.endswith(b"\r\nX-GP-ZSTD: " + echo if echo else b"\r\nConnection: close")
            assert b"".join(package.rows for package in found(answer)) == ROWS
    async with server(tmp_path) as running:
        assert b"X-GP-ZSTD" not in await ask(running, get("/t.txt", zstd=1))


async def test_zstd_bodies_that_are_damaged_cut_or_too_large(tmp_path: Path) -> None:
    frame = zstandard.compress(b"x\n" * 100)
    async with server(tmp_path, compress=True, release="7") as running:
        assert status(await ask(running, post("/w", seq=1, zstd=1))) == "HTTP/1.0 200 ok"
        bad = await ask(running, post("/w", b"no frame at all", seq=2, zstd=1))
        assert status(bad) == "HTTP/1.0 500 zstd decompression error, error is Unknown frame descriptor"
        assert status(await ask(running, post("/w", frame, seq=2, zstd=1))) == "HTTP/1.0 200 ok"
        assert status(await ask(running, post("/w", b"plain\n", seq=3))) == "HTTP/1.0 200 ok"
        assert await ask(running, post("/w", b"x" * 32769, seq=4, zstd=1)) == b""
    assert (tmp_path / "w").read_bytes() == b"x\n" * 100 + b"plain\n"


async def test_row_ends_that_the_request_declares(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"head|" + b"row;|" * 10_000)
    async with server(tmp_path) as running:
        answer = await ask(running, get("/t", line_delimiter=b";|", options=TEXT))
        assert all(package.rows.endswith(b";|") for package in found(answer))
        answer = await ask(running, get("/t", line_delimiter=b"|", options="m0x 92q  0n0h1", xid="2"))
        assert (found(answer)[0].offset, found(answer)[0].line) == (5, 2)


async def test_ipv6_and_ipv4_share_a_port(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"x\n")
    async with ReferenceServer(directory=str(tmp_path), port=0) as running:
        assert {address.host for address in running.addresses} == {"127.0.0.1", "::1"}
        for host in ("127.0.0.1", "::1"):
            assert status(await until_end(host, running.port, get("/t", xid=host))) == "HTTP/1.0 200 ok"
        port = running.port
        async with ReferenceServer(directory=str(tmp_path), port=port, last_port=port + 20) as second:
            assert port < second.port <= port + 20
