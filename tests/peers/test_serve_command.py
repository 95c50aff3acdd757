"""`gpinspect serve` as a person starts it, asked with curl."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gpinspect.peers import ReferenceServer
from gpinspect.peers.server.hooks import Act, Hooks
from gpinspect.peers.server.request import Request
from tests.peers.asking import get, post, status, until_end

HEADERS = (
    "X-GP-XID: 1700000000-0000000042", "X-GP-CID: 3", "X-GP-SN: 0", "X-GP-SEGMENT-ID: 0", "X-GP-SEGMENT-COUNT: 1",
    "X-GP-PROTO: 1", "X-GP-CSVOPT: m0x 92q  0n0h0",
)  # fmt: skip


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-m", "gpinspect.cli", "serve", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert line.startswith("Serving HTTP"), process.stderr.read() if process.stderr else line
            yield process, int(line.split(" port ")[1].partition(",")[0])
        finally:
            process.terminate()


def refused(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "gpinspect.cli", "serve", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    return done.returncode, done.stderr


def test_curl_with_the_headers_of_a_segment_gets_a_package_and_the_end(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"1\trow\n")
    with serving(str(tmp_path), "-p", "0", "--shown-dir", "/data/etl", "--version-text", "9.9 build x") as (process, port):
        url = f"http://127.0.0.1:{port}/a.txt"
        done = subprocess.run(["curl", "-si", *[part for h in HEADERS for part in ("-H", h)], url], capture_output=True, timeout=10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert done.stdout == (
        b"HTTP/1.0 200 ok\r\nContent-type: text/plain\r\nExpires: 0\r\nX-GPFDIST-VERSION: 9.9 build x\r\nX-GP-PROTO: 1\r\n"
        b"Cache-Control: no-cache\r\nConnection: close\r\n\r\n"
        b"F\0\0\0\x0f/data/etl/a.txtO\0\0\0\x08\0\0\0\0\0\0\0\0L\0\0\0\x08\0\0\0\0\0\0\0\1D\0\0\0\x061\trow\nD\0\0\0\0"
    )


def test_gpload_control_file_says_what_is_served(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b c.txt").write_bytes(b"x\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    control = f"GPLOAD: {{INPUT: [{{SOURCE: {{FILE: ['{tmp_path}/data/*.txt'], PORT: {port}}}}}, {{FORMAT: text}}]}}\n"
    (tmp_path / "load.yaml").write_text(control)
    with serving("--gpload", str(tmp_path / "load.yaml")) as (process, used):
        assert used == port
        answer = subprocess.run(
            ["curl", "-s", "-H", "X-GP-PROTO: 0", f"http://127.0.0.1:{port}/whatever"], capture_output=True, timeout=10
        )
        process.terminate()
        assert process.stderr is not None
        assert "left alone: INPUT.FORMAT" in process.stderr.read()
    assert answer.stdout == b"x\n"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("/no/such/folder",), 5, "is no directory"),
        (("-t", "1"), 2, "too short"),
        (("-m", "1000"), 2, "range"),
        (("-p", "9000", "-P", "8000"), 2, "below"),
        (("--ssl", "/no/such/folder"), 5, "server.crt: is not there"),
        (("-c", "/no/such/file"), 5, "No such file"),
        (("--version-text", "a\nb"), 2, "line end"),
    ],
)
def test_what_cannot_be_served_is_one_line_on_stderr(arguments: tuple[str, ...], code: int, told: str) -> None:
    status_, text = refused(*arguments)
    assert status_ == code
    assert told in text
    assert "Traceback" not in text


async def test_target_is_closed_late_with_w_so_that_a_second_segment_joins(tmp_path: Path) -> None:
    async with ReferenceServer(directory=str(tmp_path), hosts=("127.0.0.1",), port=0, close_delay=0.5) as running:
        for segment in (0, 1):
            for request in (
                post("/w", seq=1, gp_segment=segment),
                post("/w", b"x\n", seq=2, gp_segment=segment),
                post("/w", seq=2, done=True, gp_segment=segment),
            ):
                assert b"X-GP-PROTO: 0" in await until_end("127.0.0.1", running.port, request)
        assert running._desk.table.made == 1
    assert (tmp_path / "w").read_bytes() == b"x\nx\n"


async def test_hooks_are_asked_at_their_places(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"x\n")
    places: list[str] = []

    class Faulty(Hooks):
        async def before_accept(self, peer: str) -> Act:
            places.append("accept")
            return Act()

        async def before_head(self, request: Request | None, head: bytes) -> Act:
            places.append("head")
            return Act(head.replace(b"X-GP-PROTO", b"x-gp-proto"))

        async def before_package(self, request: Request, number: int, head: bytes, rows: bytes) -> Act:
            places.append(f"package {number}")
            return Act()

        async def before_end(self, request: Request, end: bytes) -> Act:
            places.append("end")
            return Act(b"D\0\0", "fin")

    async with ReferenceServer(directory=str(tmp_path), hosts=("127.0.0.1",), port=0, hooks=Faulty(), linger=0.2) as running:
        answer = await until_end("127.0.0.1", running.port, get("/t"))
    assert places == ["accept", "head", "package 1", "end"]
    assert status(answer) == "HTTP/1.0 200 ok"
    assert b"x-gp-proto: 1\r\n" in answer
    assert answer.endswith(b"D\0\0\0\x02x\nD\0\0")


async def test_byte_n_can_be_the_last_with_a_reset(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"x\n")

    class Cut(Hooks):
        async def sending(self, request: Request | None, position: int, data: bytes) -> Act:
            return Act(data[: 20 - position], "rst") if position + len(data) > 20 else Act()

    async with ReferenceServer(directory=str(tmp_path), hosts=("127.0.0.1",), port=0, hooks=Cut(), linger=0.2) as running:
        answer = await until_end("127.0.0.1", running.port, get("/t"))
        assert len(answer) <= 20
