"""Transforms as gpfdist's configuration describes them, and what a gpload control file says."""

import os
from pathlib import Path

import pytest

from gpinspect.errors import SourceError
from gpinspect.peers import ReferenceServer
from gpinspect.peers.server.gpload import read_gpload
from gpinspect.peers.server.transforms import read_transforms
from tests.peers.asking import body, get, post, status, until_end
from tests.peers.recorded import packages

HOST = "127.0.0.1"
CONFIG = """
TRANSFORMATIONS:
  up: {TYPE: input, COMMAND: "tr a-z A-Z", CONTENT: data}
  cat: {TYPE: input, COMMAND: "/bin/cat %FileName%", SAFE: "[.]txt$"}
  list: {TYPE: input, COMMAND: "/bin/cat %filename%", CONTENT: paths}
  noisy: {TYPE: input, COMMAND: "/bin/sh -c 'cat %filename%; echo trouble >&2'"}
  quiet: {TYPE: input, COMMAND: "/bin/sh -c 'cat %filename%; echo trouble >&2'", STDERR: console}
  sort: {TYPE: output, COMMAND: "/usr/bin/sort -o %filename%"}
  missing: {TYPE: input, COMMAND: "/no/such/program"}
  endless: {TYPE: input, COMMAND: "/bin/sleep 600"}
"""


def server(folder: Path) -> ReferenceServer:
    (folder / "c.yaml").write_text(CONFIG)
    return ReferenceServer(
        directory=str(folder), hosts=(HOST,), port=0, linger=0.3, transforms=read_transforms(str(folder / "c.yaml"))
    )


async def test_input_transforms_make_the_rows(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\n")
    (tmp_path / "b.txt").write_bytes(b"two\n")
    async with server(tmp_path) as running:

        async def read(path: str, **more: object) -> tuple[bytes, bytes]:
            answer = await until_end(HOST, running.port, get(path, **more))
            found, rest = packages(body(answer), False)
            return b"".join(package.rows for package in found), rest

        end = b"D\0\0\0\0"
        assert await read("/?.txt", transform="cat") == (b"one\ntwo\n", end)
        assert await read("/a.txt%23transform=cat") == (b"one\n", end)
        listed = os.fsencode(tmp_path)
        assert await read("/?.txt", transform="list", xid="l") == (listed + b"/a.txt\n" + listed + b"/b.txt\n", end)
        assert await read("/a.txt", transform="noisy", xid="n") == (b"one\n", b"E\0\0\0\x08trouble\n" + end)
        assert await read("/a.txt", transform="quiet", xid="q") == (b"one\n", end)


async def test_transforms_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\n")
    (tmp_path / "a.csv").write_bytes(b"one\n")
    (tmp_path / "out.txt").symlink_to("/etc/passwd")
    async with server(tmp_path) as running:
        for request, wanted in (
            (get("/a.txt", transform="none"), "400 invalid request (unsupported input #transform)"),
            (get("/a.txt", transform="sort"), "400 invalid request (unsupported input #transform)"),
            (post("/a.txt", transform="cat"), "400 invalid request (unsupported output #transform)"),
            (get("/a.csv", transform="cat"), "400 invalid request (path does not match safe regex)"),
            (get("/a.txt", transform="missing"), "500 subprocess_open: No such file or directory"),
            (get("/out.txt", transform="cat"), f"404 file open failure {tmp_path}/out.txt: Permission denied"),
        ):
            assert status(await until_end(HOST, running.port, request)) == f"HTTP/1.0 {wanted}"


async def test_output_transform_gets_the_rows(tmp_path: Path) -> None:
    async with server(tmp_path) as running:
        for request in (
            post("/sorted.txt", seq=1, transform="sort"),
            post("/sorted.txt", b"b\na\n", seq=2, transform="sort"),
            post("/sorted.txt", seq=2, done=True, transform="sort"),
        ):
            assert status(await until_end(HOST, running.port, request)) == "HTTP/1.0 200 ok"
    assert (tmp_path / "sorted.txt").read_bytes() == b"a\nb\n"


async def test_endless_transform_ends_with_the_server(tmp_path: Path) -> None:
    import asyncio

    (tmp_path / "a.txt").write_bytes(b"one\n")
    async with server(tmp_path) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port)
        writer.write(get("/a.txt", transform="endless"))
        await reader.readuntil(b"\r\n\r\n")
    writer.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- x", "no TRANSFORMATIONS"),
        ("TRANSFORMATIONS: {a: {COMMAND: x}}", "TYPE is ''"),
        ("TRANSFORMATIONS: {a: {TYPE: input}}", "COMMAND is missing"),
        ("TRANSFORMATIONS: {a: {TYPE: input, COMMAND: x, SAFE: '('}}", "cannot be read"),
        ("TRANSFORMATIONS: {a: {TYPE: input, COMMAND: x, WHAT: 1}}", "WHAT is unknown"),
        ("a: [", "no YAML"),
    ],
)
def test_bad_configuration_is_one_clear_line(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "c").write_text(text)
    with pytest.raises(SourceError, match=r"(?s)^[^\n]*$") as caught:
        read_transforms(str(tmp_path / "c"))
    assert told in str(caught.value)


GPLOAD = """
VERSION: 1.0.0.1
DATABASE: ops
GPLOAD:
  INPUT:
    - SOURCE:
        LOCAL_HOSTNAME: [etl1]
        PORT_RANGE: [8100, 8200]
        FILE: [{0}/data/*.txt, {0}/data/more/b]
        SSL: true
        CERTIFICATES_PATH: /certs
    - COLUMNS: [{{name: text}}, {{amount: float4}}]
    - FORMAT: text
    - MAX_LINE_LENGTH: 65536
  OUTPUT:
    - TABLE: t
"""


def test_gpload_input_is_read_and_the_rest_is_named(tmp_path: Path) -> None:
    (tmp_path / "f").write_text(GPLOAD.format(tmp_path))
    read = read_gpload(str(tmp_path / "f"))
    assert (read.first_port, read.last_port, read.certificates, read.max_line_length) == (8100, 8200, "/certs", 65536)
    assert read.columns == (("name", "text"), ("amount", "float4"))
    assert read.ignored == ("DATABASE", "GPLOAD.OUTPUT", "INPUT.FORMAT", "SOURCE.LOCAL_HOSTNAME")
    assert read.folder() == f"{tmp_path}/data"


@pytest.mark.parametrize("text", ["", "GPLOAD: 3", "GPLOAD: {INPUT: [{SOURCE: {PORT: x, FILE: [a]}}]}", "GPLOAD: {INPUT: []}"])
def test_bad_control_file_is_one_clear_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_text(text)
    with pytest.raises(SourceError, match=r"(?s)^[^\n]*$"):
        read_gpload(str(tmp_path / "f"))
