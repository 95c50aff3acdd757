"""`gpinspect fetch` and `gpinspect send` as a person calls them: where rows go, what is said, how it ends."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gpinspect.cli.group import gpinspect
from gpinspect.peers.server import ReferenceServer

ROWS = b"".join(b"%d|some row\n" % number for number in range(5000))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_bytes(ROWS)
    (folder / "b.txt").write_bytes(b"x|y\n")
    return folder


@pytest.fixture
def url(data: Path) -> Iterator[str]:
    """A server in a thread of its own, as the command line has its own loop."""
    loop = asyncio.new_event_loop()
    stop, ready = asyncio.Event(), threading.Event()
    port: list[int] = []

    async def serve() -> None:
        async with ReferenceServer(directory=str(data), port=0) as server:
            port.append(server.port)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield f"gpfdist://127.0.0.1:{port[0]}"
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def run(*arguments: str, rows: bytes | None = None, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(gpinspect, list(arguments), input=rows, env=env)


def test_rows_go_to_stdout_and_the_summary_to_stderr(url: str) -> None:
    result = run("fetch", f"{url}/a.txt", "--segments", "3")
    assert result.exit_code == 0 and sorted(result.stdout_bytes.splitlines()) == sorted(ROWS.splitlines())
    assert result.stderr.startswith("gpinspect: 5,000 rows, ") and "segment 2: " in result.stderr


def test_one_file_gets_all_rows_in_the_order_of_the_source(url: str, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    assert run("fetch", f"{url}/a.txt", "--segments", "4", "-o", str(out)).exit_code == 0
    assert out.read_bytes() == ROWS
    again = run("fetch", f"{url}/a.txt", "-o", str(out))
    assert again.exit_code == 2 and "--force" in again.stderr


def test_a_folder_gets_a_file_for_each_source_or_segment(url: str, tmp_path: Path) -> None:
    assert run("fetch", f"{url}/*.txt", "--segments", "2", "-o", str(tmp_path / "files"), "--by", "file").exit_code == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "files").iterdir()} == {"a.txt": ROWS, "b.txt": b"x|y\n"}
    assert run("fetch", f"{url}/a.txt", "--segments", "2", "-o", str(tmp_path / "each"), "--by", "segment").exit_code == 0
    parts = [path.read_bytes() for path in (tmp_path / "each").iterdir()]
    assert sorted(b"".join(parts).splitlines()) == sorted(ROWS.splitlines())


def test_a_refused_read_says_the_sql_error_and_leaves_no_file(url: str, tmp_path: Path) -> None:
    result = run("fetch", f"{url}/nothing", "-o", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert f"segment 0: ERROR: http response code 404 from gpfdist ({url}/nothing): HTTP/1.0 404 file not found" in result.stderr
    assert not (tmp_path / "out").exists()


def test_json_is_one_object_with_every_segment(url: str) -> None:
    result = run("fetch", f"{url}/a.txt", "--segments", "40", "--discard", "--json")
    found = json.loads(result.stdout)
    assert (found["schema"], found["ok"], found["rows"], found["payload_bytes"]) == ("gpinspect.load/1", True, 5000, len(ROWS))
    assert [one["segment"] for one in found["segments"]] == list(range(40)) and sum(
        one["rows"] for one in found["segments"]
    ) == 5000


def test_limit_ends_with_status_0(url: str) -> None:
    result = run("fetch", f"{url}/a.txt", "--segments", "2", "--limit", "3", "-q")
    assert (result.exit_code, result.stdout_bytes.count(b"\n"), result.stderr) == (0, 3, "")


def test_rows_of_a_file_are_written_once(url: str, data: Path, tmp_path: Path) -> None:
    source = tmp_path / "rows"
    source.write_bytes(ROWS)
    result = run("send", f"{url}/out.txt", str(source), "--segments", "4", "--bufsize", "1000")
    assert result.exit_code == 0 and "5,000 rows" in result.stderr and result.stdout == ""
    assert sorted((data / "out.txt").read_bytes().splitlines()) == sorted(ROWS.splitlines())


def test_rows_of_a_pipe_are_written_as_they_come(url: str, data: Path) -> None:
    command = [sys.executable, "-m", "gpinspect.cli", "send", f"{url}/out.txt", "-", "--segments", "2"]
    sending = subprocess.run(command, input=b"1\n2\n3", capture_output=True, timeout=30, check=False)
    assert (sending.returncode, b"no row end" in sending.stderr) == (0, True)
    assert sorted((data / "out.txt").read_bytes().splitlines()) == [b"1", b"2", b"3"]


def test_an_idle_pipe_does_not_keep_a_stopped_program(url: str) -> None:
    command = [sys.executable, "-m", "gpinspect.cli", "send", f"{url}/out.txt", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as sending:
        time.sleep(1.5)
        sending.send_signal(signal.SIGINT)
        assert sending.wait(10) == 130


def test_a_file_that_cannot_be_read_is_status_3(url: str, data: Path) -> None:
    for name in ("missing", "."):
        result = run("send", f"{url}/out.txt", str(data / name))
        assert result.exit_code == 3 and "wanted" in result.stderr
    assert not (data / "out.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("fetch", "ftp://h/a"), "wanted gpfdist://"),
        (("fetch", "gpfdist://h:1/a b"), "%20"),
        (("fetch", "gpfdist://h:1/a", "gpfdist://h:2/a"), "name fewer URLs"),
        (("fetch", "gpfdist://h:1/a", "--by", "file"), "-o OUT"),
        (("fetch", "gpfdist://h:1/a", "--quote", "ab"), "one character"),
        (("fetch", "gpfdists://h:1/a"), "--certs DIR"),
        (("send", "gpfdist://h:1/a"), "URL... FILE"),
    ],
)
def test_a_wrong_call_is_status_2_and_says_what_was_wanted(arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments, env={"PGDATA": ""})
    assert result.exit_code == 2 and told in result.stderr.replace("\n", " ")


def test_missing_certificates_are_status_5_before_anything_starts(tmp_path: Path) -> None:
    result = run("fetch", "gpfdists://localhost:1/a", "--certs", str(tmp_path))
    assert result.exit_code == 5 and "client.crt" in result.stderr


def test_libpq_variables_are_looked_at() -> None:
    relative = run("fetch", "gpfdists://localhost:1/a", "--libpq", env={"PGSSLMODE": "verify-ca", "PGSSLROOTCERT": "root.crt"})
    assert relative.exit_code == 5 and "absolute" in relative.stderr
    off = run("fetch", "gpfdists://localhost:1/a", "--libpq", env={"PGSSLMODE": "disable"})
    assert off.exit_code == 2 and "gpfdist://" in off.stderr
