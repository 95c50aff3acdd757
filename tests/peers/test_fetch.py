"""The reference client against the reference server: every row once, and what a capture of it says."""

import asyncio
import hashlib
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from oracles.programs import Authority, tool

from gpinspect.inspection import Inspection, inspect
from gpinspect.peers.client import ReferenceClient
from gpinspect.peers.client.fetching import ReadOptions
from gpinspect.peers.client.sending import WriteOptions
from gpinspect.peers.server import ReferenceServer
from gpinspect.peers.tls import ClientTls, ServerTls

SEGMENTS = [1, 4, 16, 64]
TEXT = b"".join(b"%d|text of row %d\n" % (number, number) for number in range(30_000))
CSV_HEADER = b'"the\nid",what\n'
CSV = b"".join(b'%d,"two\nlines, ""quoted"" %d"\n' % (number, number) for number in range(15_000))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """`--ssl` of the server, `gpfdists` of the segments."""
    server, client = tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("client")
    for folder, file in ((server, "server"), (client, "client")):
        folder.chmod(0o700)
        authority = Authority(folder)
        (folder / "root.crt").write_bytes(authority.certificate.read_bytes())
        authority.issue(file, "localhost")
    ours, theirs = (server / "root.crt").read_bytes(), (client / "root.crt").read_bytes()
    (server / "root.crt").write_bytes(theirs)
    (client / "root.crt").write_bytes(ours)
    return str(server), str(client)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "t.txt").write_bytes(TEXT)
    (folder / "c.csv").write_bytes(CSV_HEADER + CSV)
    return folder


def tls_of(folders: tuple[str, str], secure: bool, **more: str) -> tuple[ServerTls | None, ClientTls | None]:
    if not secure:
        return None, None
    return ServerTls(directory=folders[0], least="1.2"), ClientTls.of_segment(folders[1], **more)


def location(server: ReferenceServer, path: str, secure: bool) -> str:
    return f"{'gpfdists' if secure else 'gpfdist'}://localhost:{server.port}/{path}"


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("gp_segments", SEGMENTS)
async def test_rows_that_are_read_have_the_hash_of_the_file(
    gp_segments: int, secure: bool, data: Path, folders: tuple[str, str]
) -> None:
    theirs, ours = tls_of(folders, secure)
    async with ReferenceServer(directory=str(data), port=0, tls=theirs) as server, ReferenceClient(gp_segments, tls=ours) as client:
        text = await client.fetch(location(server, "t.txt", secure))
        csv = await client.fetch(location(server, "c.csv", secure), csv=True, header=True)
    assert (text.ok, text.failures) == (True, ()) == (csv.ok, csv.failures)
    assert (text.rows, csv.rows) == (30_000, 15_000)
    assert hashlib.sha256(text.content).digest() == hashlib.sha256(TEXT).digest()
    assert hashlib.sha256(csv.content).digest() == hashlib.sha256(CSV).digest()


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("gp_segments", SEGMENTS)
async def test_rows_that_are_written_are_in_the_file_once(
    gp_segments: int, secure: bool, data: Path, folders: tuple[str, str]
) -> None:
    theirs, ours = tls_of(folders, secure)
    async with ReferenceServer(directory=str(data), port=0, tls=theirs) as server, ReferenceClient(gp_segments, tls=ours) as client:
        sent = await client.send(location(server, "out.txt", secure), TEXT, WriteOptions(bufsize=8192))
    assert sent.ok and sent.rows == 30_000 and {flow.outcome for flow in sent.flows} == {"accepted"}
    got = (data / "out.txt").read_bytes()
    assert len(got) == len(TEXT) and sorted(got.splitlines()) == sorted(TEXT.splitlines())


async def test_compressed_rows_are_the_same_rows(data: Path) -> None:
    serving = ReferenceServer(directory=str(data), port=0, compress=True, release="7")
    async with serving as server, ReferenceClient(4, release="7") as client:
        read = await client.fetch(location(server, "t.txt", False))
        sent = await client.send(location(server, "out.txt", False), TEXT, WriteOptions(bufsize=20_000))
    assert read.ok and read.content == TEXT
    assert sent.ok and sorted((data / "out.txt").read_bytes().splitlines()) == sorted(TEXT.splitlines())


async def test_a_server_of_another_authority_is_not_spoken_to(data: Path, folders: tuple[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    authority = Authority(other, "Other CA")
    authority.issue("client", "localhost")
    (other / "root.crt").write_bytes(authority.certificate.read_bytes())
    theirs, _ = tls_of(folders, True)
    ours = ClientTls.of_segment(str(other))
    async with ReferenceServer(directory=str(data), port=0, tls=theirs) as server, ReferenceClient(tls=ours) as client:
        result = await client.fetch(location(server, "t.txt", True))
    (failure,) = result.failures
    assert f'connection with gpfdist failed for "gpfdists://localhost:{server.port}/t.txt"' in failure.sentence
    assert f'effective url: "https://localhost:{server.port}/t.txt"' in failure.sentence and "certificate" in failure.sentence


@pytest.mark.parametrize(
    ("name", "verify", "ok"), [("127.0.0.1", True, False), ("127.0.0.1", False, True), ("localhost", True, True)]
)
async def test_the_name_of_the_server_counts_unless_nothing_is_verified(
    name: str, verify: bool, ok: bool, data: Path, folders: tuple[str, str]
) -> None:
    theirs, _ = tls_of(folders, True)
    ours = ClientTls.of_segment(folders[1], verify_cert=verify)
    async with ReferenceServer(directory=str(data), port=0, tls=theirs) as server, ReferenceClient(tls=ours) as client:
        assert (await client.fetch(f"gpfdists://{name}:{server.port}/t.txt")).ok is ok


async def test_prefer_goes_on_without_tls_and_require_does_not(data: Path) -> None:
    async with ReferenceServer(directory=str(data), port=0, head_timeout=1) as server:
        ends = {}
        for mode in ("allow", "prefer", "require"):
            tls = ClientTls.of_environment({"PGSSLMODE": mode})
            async with ReferenceClient(tls=tls) as client:
                ends[mode] = (await client.fetch(f"gpfdists://localhost:{server.port}/t.txt")).ok
    assert ends == {"allow": True, "prefer": True, "require": False}


@asynccontextmanager
async def recording(path: Path, port: int) -> AsyncIterator[None]:
    """tcpdump on the loopback interface, as long as the context lasts."""
    command = [
        tool("tcpdump"),
        "-i",
        "lo",
        "--immediate-mode",
        "-U",
        "-Z",
        "root",
        "-s",
        "0",
        "-B",
        "65536",
        "-w",
        str(path),
        f"port {port}",
    ]
    running = subprocess.Popen(command, stderr=subprocess.PIPE)
    assert running.stderr is not None
    for line in running.stderr:
        if b"listening on" in line:
            break
    else:
        pytest.fail("tcpdump does not listen: these tests capture on the loopback interface, as root")
    try:
        yield
        await asyncio.sleep(0.5)
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=10)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_a_capture_of_a_read_and_a_write_is_proven(
    secure: bool, data: Path, folders: tuple[str, str], tmp_path: Path
) -> None:
    keylog, capture = str(tmp_path / "keys.log"), tmp_path / "both.pcap"
    theirs, ours = tls_of(folders, secure, keylog=keylog)
    client = ReferenceClient(4, tls=ours)
    async with ReferenceServer(directory=str(data), port=0, tls=theirs) as server, recording(capture, server.port):
        read = await client.fetch(location(server, "t.txt", secure))
        sent = await client.send(location(server, "out.txt", secure), TEXT, WriteOptions(bufsize=8192))
    assert read.ok and sent.ok
    found: Inspection = inspect([str(capture)], keylogs=[keylog] if secure else [], hashes=True)
    assert [session.method for session in found.sessions] == ["GET", "POST"]
    assert [(session.delivery, session.delivery_reasons) for session in found.sessions] == [("proven", ()), ("proven", ())]
    assert [session.payload_bytes for session in found.sessions] == [len(TEXT), len(TEXT)]
    assert found.sessions[0].payload_sha256 == hashlib.sha256(TEXT).hexdigest()


async def test_limit_leaves_the_server_unharmed(data: Path) -> None:
    async with ReferenceServer(directory=str(data), port=0) as server, ReferenceClient(4) as client:
        some = await client.fetch(location(server, "t.txt", False), ReadOptions(limit=7))
        whole = await client.fetch(location(server, "t.txt", False))
    assert some.rows == 7 and some.limited and whole.content == TEXT
