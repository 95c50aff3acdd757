"""`--filter` on every verb that lists, and `why` with and without a capture."""

import json
from pathlib import Path
from typing import Any

import pytest
from views import samples
from views.samples import Found

from gpinspect.model import Severity
from gpinspect.views.filter import FIELDS

from .conftest import Run

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture
def found() -> Found:
    return Found(
        sessions=[samples.session(1), samples.session(2, path="/b.csv")],
        exchanges=[
            samples.exchange(1, packages=samples.table((b"/f", 0, b"row"))),
            samples.exchange(2, session=2, packages=samples.table((b"/g", 0, b"rows"))),
        ],
        flows=[samples.flow(), samples.flow(session=2, segment=5)],
        findings=[samples.finding(Severity.NOTE), samples.finding(session=2)],
    )


@pytest.mark.parametrize(
    ("verb", "expression", "key", "left"),
    [
        ("sessions", 'path ~ "b" && findings.error == 1', "id", {2}),
        ("flows", 'session.path ~ "b"', "session", {2}),
        ("exchanges", "session.id == 2", "id", {2}),
        ("packages", "length == 4", "exchange", {2}),
        ("findings", "severity >= warning", "session", {2}),
    ],
)
def test_only_what_fits_is_listed(run: Run, found: Found, verb: str, expression: str, key: str, left: set[int]) -> None:
    result = run(found, verb, "x.pcap", "--json", "--filter", expression)
    assert result.exit_code == 0 and {json.loads(line)[key] for line in result.stdout.splitlines()} == left


@pytest.mark.parametrize("verb", sorted(FIELDS))
def test_a_mistake_is_pointed_at_before_anything_is_read(run: Run, calls: list[dict[str, Any]], verb: str) -> None:
    result = run(Found(), verb, "x.pcap", "--filter", "duratoin > \x1b[31m")
    assert (result.exit_code, result.stdout, calls) == (2, "", [])
    first, expression, caret = result.stderr.splitlines()
    assert first.startswith("gpinspect: --filter: ") and "duratoin" in first
    assert expression == r"  duratoin > \x1b[31m" and caret == "  ^^^^^^^^" and "\x1b" not in result.stderr


def test_fail_on_looks_at_the_findings_that_are_left(run: Run, found: Found) -> None:
    assert run(found, "findings", "x", "--fail-on", "error", "--filter", "session == 1").exit_code == 0
    assert run(found, "findings", "x", "--fail-on", "error", "--filter", "session == 2").exit_code == 1


def test_tls_connections_are_chosen_by_version(run: Run) -> None:
    from click.testing import CliRunner

    from gpinspect.cli.group import gpinspect

    inputs = [str(CAPTURES / "tls" / name) for name in ("serverkeyonly_tls12_dhe.pcap", "tls13_keyupdate_client.pcap")]
    for version in ("TLSv1.2", "TLSv1.3"):
        lines = CliRunner().invoke(gpinspect, ["tls", *inputs, "--json", "--filter", f"version == {version}"]).stdout.splitlines()
        assert lines and {json.loads(line)["version"] for line in lines} == {version}


def test_why_says_what_the_capture_proves(run: Run) -> None:
    sentence = "gpfdist error: server closed connection  (seg1 slice1 10.0.0.9:6001 pid=7)"
    shown = run(Found(findings=[samples.finding()]), "why", sentence, "--in", "x.pcap")
    assert shown.exit_code == 0 and "GPI210 no-end-package, 1 time" in shown.stdout
    objects = [
        json.loads(line)
        for line in run(Found(findings=[samples.finding()]), "why", sentence, "--in", "x", "--json").stdout.splitlines()
    ]
    assert [one["in_capture"] for one in objects] == [{"GPI210": [1]}] and objects[0]["segment"] == 1


def test_why_without_a_capture_says_how_to_get_one(run: Run, calls: list[dict[str, Any]]) -> None:
    result = run(None, "why", "gpfdist", "error:", "unknown", "meta", "type", "108")
    assert result.exit_code == 0 and "GPI103" in result.stdout and "tcpdump" in result.stdout and not calls


def test_why_knows_when_it_does_not(run: Run) -> None:
    result = run(None, "why", "hello \x1b[31m there")
    assert result.exit_code == 2 and result.stdout == "" and "\x1b" not in result.stderr
