"""Every way a run can end, and the status it ends with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from views import samples
from views.samples import Found

from gpinspect.cli.status import Status
from gpinspect.errors import CaptureError, SourceError, TlsKeyError
from gpinspect.model import Severity

from .conftest import Run

TESTS = Path(__file__).resolve().parent.parent
ENVIRONMENT = {"PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}", "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False)


def test_statuses_are_those_of_the_contract() -> None:
    assert {status.name: int(status) for status in Status if status is not Status.DEFECT} == {
        "FINE": 0, "FINDINGS": 1, "USAGE": 2, "UNREADABLE": 3, "NOT_OURS": 4, "MISSING": 5, "INTERRUPTED": 130,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("problem", "status", "line"),
    [
        (CaptureError("x.pcap", "no capture\x1b[2J", 7), 3, "gpinspect: x.pcap, byte 7: no capture\\x1b[2J\n"),
        (SourceError("no right"), 5, "gpinspect: no right\n"),
        (TlsKeyError("no key"), 5, "gpinspect: no key\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 0, ""),
        (OSError(28, "No space left on device"), 5, "gpinspect: No space left on device\n"),
    ],
)
def test_what_reading_raises_becomes_one_line_and_a_status(run: Run, problem: BaseException, status: int, line: str) -> None:
    result = run(problem, "sessions", "x.pcap")
    assert (result.exit_code, result.stdout, result.stderr) == (status, "", line)


def test_a_defect_is_one_line_and_shows_its_traceback_only_on_demand(run: Run) -> None:
    result = run(RuntimeError("\x1bboom"), "sessions", "x.pcap")
    assert result.exit_code == 70
    assert result.stderr.count("\n") == 1 and "\\x1bboom" in result.stderr and "Traceback" not in result.stderr
    assert "Traceback" in run(RuntimeError("boom"), "sessions", "x.pcap", env={"GPINSPECT_DEBUG": "1"}).stderr


@pytest.mark.parametrize(
    "arguments",
    [[], ["sessions"], ["nonsense"], ["sessions", "x", "--nonsense"], ["sessions", "x", "--session", "0"],
     ["sessions", "x", "--fail-on", "doom"], ["sessions", "x", "--session", "2"], ["payload", "x"], ["sessions\x1b[31m"]],
)  # fmt: skip
def test_wrong_use_is_status_2_with_nothing_on_stdout(run: Run, arguments: list[str]) -> None:
    result = run(Found(), *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr and "\x1b" not in result.stderr


@pytest.mark.parametrize(
    ("level", "worst", "status"),
    [("error", Severity.ERROR, 1), ("error", Severity.WARNING, 0), ("warning", Severity.WARNING, 1), ("note", Severity.NOTE, 1),
     ("note", None, 0)],
)  # fmt: skip
def test_fail_on_ends_with_1_from_its_level_up(run: Run, level: str, worst: Severity | None, status: int) -> None:
    found = Found(findings=[] if worst is None else [samples.finding(worst)])
    for verb in ("sessions", "findings", "report", "packages"):
        assert run(found, verb, "x", "--fail-on", level).exit_code == status
    assert run(found, "sessions", "x").exit_code == 0


def test_fail_on_with_a_session_judges_that_session(run: Run) -> None:
    found = Found(sessions=[samples.session(1), samples.session(2)], findings=[samples.finding(session=2)])
    statuses = [run(found, "sessions", "x", "--fail-on", "error", "--session", n).exit_code for n in ("1", "2")]
    assert statuses == [0, 1]


@pytest.mark.parametrize("verb", ["sessions", "flows", "exchanges", "packages", "findings", "report", "payload"])
def test_a_capture_of_something_else_is_status_4_whatever_the_verb(run: Run, verb: str, tmp_path: Path) -> None:
    found = Found(
        exchanges=[], sessions=[], flows=[], frames=7, connections=[samples.connection(1, "other"), samples.connection(2, "http")]
    )
    extra = ["-o", str(tmp_path / "out")] if verb == "payload" else ["--session", "3", "--fail-on", "note"]
    result = run(found, verb, "x.pcap", *extra)
    assert result.exit_code == 4
    last = result.stderr.splitlines()[-1]
    assert last == (
        "gpinspect: load.pcapng: neither gpfdist nor TLS in it, but 7 frames, 2 connections: 1 other, 1 HTTP without gpfdist"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "connection",
    [samples.connection(1, "tls"), samples.connection(1, "postgres", preface="SSLRequest"), samples.connection(1, "gpfdist")],
)
def test_tls_or_a_request_for_it_is_not_status_4(run: Run, connection: object) -> None:
    found = Found(exchanges=[], sessions=[], flows=[], connections=[connection])  # type: ignore[list-item]
    assert run(found, "exchanges", "x.pcap", "--json").exit_code == 0


def test_plain_postgres_that_asked_for_no_tls_is_status_4(run: Run) -> None:
    found = Found(exchanges=[], sessions=[], flows=[], connections=[samples.connection(1, "postgres")])
    assert run(found, "sessions", "x.pcap").exit_code == 4


def test_version_loads_nothing_heavy() -> None:
    code = """
import sys, gpinspect.cli
try:
    gpinspect.cli.main(["--version"])
finally:
    heavy = {"rich", "construct", "textual", "scapy", "pyshark", "asyncio", "cryptography", "gpinspect.inspection"}
    print(sorted(heavy & set(sys.modules)))
"""
    assert python(code).stdout == "gpinspect 0.1.0\n[]\n"


MILLIONS = """
import sys, gpinspect.inspection
from views import samples
from gpinspect.cli import main
packages = samples.table(*[(b"/f", n, b"r") for n in range(50_000)])
gpinspect.inspection.inspect = lambda inputs, **options: samples.Found(exchanges=[samples.exchange(packages=packages)])
main(["packages", "x.pcap", *sys.argv[1:]])
"""


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_goes_away_ends_us_quietly(options: list[str]) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", MILLIONS, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    )
    assert writer.stdout is not None and writer.stderr is not None
    assert writer.stdout.readline()
    writer.stdout.close()
    assert writer.stderr.read() == b""
    writer.stderr.close()
    assert writer.wait(timeout=60) == 0


def test_a_full_disk_behind_stdout_is_one_line() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-c", MILLIONS, "--json"], stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, check=False
        )
    assert done.returncode == 5
    assert done.stderr == "gpinspect: No space left on device\n"


def test_a_locale_without_the_character_gets_an_escape() -> None:
    code = """
import gpinspect.inspection
from views import samples
from gpinspect.cli import main
gpinspect.inspection.inspect = lambda inputs, **options: samples.Found(sessions=[samples.session(path="/caf\\u00e9")])
main(["sessions", "x.pcap"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert done.returncode == 0 and b"/caf\\xe9" in done.stdout


def test_json_of_50_000_packages_keeps_their_order() -> None:
    done = subprocess.run([sys.executable, "-c", MILLIONS, "--json"], capture_output=True, env=ENVIRONMENT, check=True)
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    assert [value["offset"] for value in objects] == [*range(50_000), None]


@pytest.mark.parametrize("arguments", ["'sessions', 'x.pcap'", "'--version'", "'--help'"])
def test_a_reader_that_was_never_there_ends_us_quietly_even_if_all_fits_the_buffer(arguments: str) -> None:
    code = f"""
import gpinspect.inspection
from views import samples
from gpinspect.cli import main
gpinspect.inspection.inspect = lambda inputs, **options: samples.Found()
main([{arguments}])
"""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        done = subprocess.run([sys.executable, "-c", code], stdout=gone, stderr=subprocess.PIPE, env=ENVIRONMENT, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
