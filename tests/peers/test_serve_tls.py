"""gpfdists: the same bytes inside TLS, client certificates, and files that cannot be used."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from gpinspect.errors import TlsKeyError
from gpinspect.peers import ClientTls, ReferenceServer, ServerTls
from tests.peers.asking import get, post, status, until_end
from tests.peers.papers import Authority

HOST = "127.0.0.1"
ROWS = b"".join(b"%05d\trow\n" % number for number in range(20_000))


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def served(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "t.txt").write_bytes(ROWS)
    return folder


def server(folder: Path, tls: ServerTls, **more: Any) -> ReferenceServer:
    return ReferenceServer(directory=str(folder), hosts=(HOST,), port=0, head_timeout=0.5, linger=0.5, tls=tls, **more)


async def secure(port: int, context: ssl.SSLContext, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context, server_hostname="localhost")
    writer.write(request)
    try:
        return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_rows_cross_tls_and_the_key_log_opens_them(version: str, authority: Authority, served: Path, tmp_path: Path) -> None:
    log = tmp_path / "keys"
    tls = ServerTls(directory=authority.folder(tmp_path / "s", "server"), least=version, most=version, keylog=str(log))
    client = ClientTls.of_segment(authority.folder(tmp_path / "c", "client"))
    async with server(served, tls) as running:
        assert running.url("t.txt").startswith("gpfdists://")
        answer = await secure(running.port, client.context(), get("/t.txt"))
        assert await secure(running.port, client.context(), post("/w", b"x\n", seq=None))
    async with ReferenceServer(directory=str(served), hosts=(HOST,), port=0) as plain:
        assert answer == await until_end(HOST, plain.port, get("/t.txt"))
    assert (served / "w").read_bytes() == b"x\n"
    assert ("CLIENT_RANDOM " if version == "1.2" else "CLIENT_TRAFFIC_SECRET_0 ") in log.read_text()


async def test_client_without_or_with_a_strange_certificate_is_sent_away(
    authority: Authority, served: Path, tmp_path: Path
) -> None:
    mine = authority.folder(tmp_path / "s", "server")
    strange = Authority("other").folder(tmp_path / "o", "client")
    own = authority.folder(tmp_path / "c", "client")
    revoked = authority.revoke(authority.last, tmp_path / "crl")
    none = ClientTls(root=f"{mine}/root.crt")
    foreign = ClientTls(certificate=f"{strange}/client.crt", key=f"{strange}/client.key", root=f"{mine}/root.crt")
    async with server(served, ServerTls(directory=mine, most="1.2", crl=revoked)) as running:
        for client in (none, foreign, ClientTls.of_segment(own)):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await secure(running.port, client.context(), get("/t.txt"))
    async with server(served, ServerTls(directory=mine, verify_peer=False)) as running:
        assert ROWS[:100] in await secure(running.port, none.context(), get("/t.txt"))


async def test_plain_http_garbage_and_silence_get_no_answer_and_harm_nobody(
    authority: Authority, served: Path, tmp_path: Path
) -> None:
    tls = ServerTls(directory=authority.folder(tmp_path / "s", "server"))
    client = ClientTls.of_segment(authority.folder(tmp_path / "c", "client"))
    async with server(served, tls) as running:
        silent = [await asyncio.open_connection(HOST, running.port) for _ in range(50)]
        answer = await asyncio.wait_for(secure(running.port, client.context(), get("/t.txt")), 2)
        assert answer.endswith(b"D\0\0\0\0")
        for garbage in (get("/t.txt"), b"\x16\x03\x01\xff\xff" + b"\0" * 70_000, b"\x16\x03\x01\x00\x05hello", b"\0" * 100):
            assert b"HTTP" not in await until_end(HOST, running.port, garbage)
        for reader, writer in silent:
            assert await asyncio.wait_for(reader.read(), 3) == b""
            writer.close()
        assert status(await secure(running.port, client.context(), get("/t.txt", xid="2"))) == "HTTP/1.0 200 ok"


async def test_client_hello_on_a_plain_port_times_out_in_clear(served: Path) -> None:
    async with ReferenceServer(directory=str(served), hosts=(HOST,), port=0, head_timeout=0.3) as running:
        answer = await until_end(HOST, running.port, b"\x16\x03\x01\x00\x10\x01\0\0\x0c\x03\x03" + bytes(11))
    assert status(answer) == "HTTP/1.0 408 time out"


def test_files_that_cannot_be_used_are_named_before_anything_starts(authority: Authority, tmp_path: Path) -> None:
    good = authority.folder(tmp_path / "good", "server")
    cases = {
        "missing": ("is not there", lambda folder: (folder / "server.crt").unlink()),
        "folder": ("is no file", lambda folder: ((folder / "root.crt").unlink(), (folder / "root.crt").mkdir())),
        "text": ("no PEM text", lambda folder: (folder / "server.crt").write_text("nothing")),
        "cut": ("holds no", lambda folder: (folder / "server.key").write_bytes((folder / "server.key").read_bytes()[:500])),
        "other key": (
            "is not the key of",
            lambda folder: (folder / "server.key").write_bytes(Path(good, "server.key").read_bytes()),
        ),
    }
    for name, (wanted, spoil) in cases.items():
        folder = Path(authority.folder(tmp_path / name, "server"))
        spoil(folder)
        with pytest.raises(TlsKeyError, match=rf"(?s)^[^\n]*{wanted}[^\n]*$"):
            ServerTls(directory=str(folder)).check()
    for days, wanted in ((-1, "expired"), (3, "in under 7 days")):
        folder = authority.folder(tmp_path / f"days{days}", "server", days=days)
        if days < 0:
            with pytest.raises(TlsKeyError, match=wanted):
                ServerTls(directory=folder).check()
        else:
            assert wanted in ServerTls(directory=folder).check()[0]
    protected = authority.folder(tmp_path / "protected", "server", password=b"word")
    with pytest.raises(TlsKeyError, match="passphrase"):
        ServerTls(directory=protected).check()
    assert ServerTls(directory=good).check() == ()


def test_versions_and_suites_that_cannot_be_agreed_on_are_refused(authority: Authority, tmp_path: Path) -> None:
    folder = authority.folder(tmp_path / "s", "server")
    for fields, wanted in (
        ({"least": "1.3", "most": "1.2"}, "no version"),
        ({"least": "2"}, "known are"),
        ({"ciphers": "X"}, "not"),
    ):
        with pytest.raises(TlsKeyError, match=wanted):
            ServerTls(directory=folder, **fields).context()
    assert ServerTls(directory=folder, least="1.0", most="1.0", ciphers="AES128-SHA").context().maximum_version.name == "TLSv1"
    with pytest.raises(TlsKeyError, match="key log"):
        ServerTls(directory=folder, keylog=f"{folder}/none/keys").context()


def test_libpq_habits_of_the_environment(authority: Authority, tmp_path: Path) -> None:
    folder = authority.folder(tmp_path / "c", "client")
    files = {"PGSSLCERT": f"{folder}/client.crt", "PGSSLKEY": f"{folder}/client.key", "PGSSLROOTCERT": f"{folder}/root.crt"}
    assert ClientTls.of_environment({"PGSSLMODE": "disable"}) is None
    verified = {
        mode: found.verify for mode in ("allow", "prefer", "require", "verify-ca", "verify-full")
        if (found := ClientTls.of_environment({"PGSSLMODE": mode, **files})) is not None
    }  # fmt: skip
    assert verified == {"allow": "none", "prefer": "none", "require": "ca", "verify-ca": "ca", "verify-full": "full"}
    for bad, wanted in (
        ({"PGSSLMODE": "maybe"}, "known are"),
        ({"PGSSLMODE": "verify-ca"}, "PGSSLROOTCERT is not set"),
        ({"PGSSLCERT": "client.crt"}, "absolute"),
    ):
        with pytest.raises(TlsKeyError, match=wanted):
            ClientTls.of_environment(bad)
    Path(folder, "client.key").chmod(0o644)
    with pytest.raises(TlsKeyError, match="chmod 0600"):
        ClientTls.of_environment({"PGSSLMODE": "verify-full", **files}).check()
