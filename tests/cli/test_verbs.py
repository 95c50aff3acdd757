import json
from pathlib import Path
from typing import Any

import pytest
from views import samples
from views.samples import Found

from gpinspect.cli.group import VERBS
from gpinspect.model import Notice, Severity

from .conftest import Run

LISTINGS = ["sessions", "flows", "exchanges", "packages", "findings"]


def hostile() -> Found:
    nasty = samples.NASTY
    return Found(
        exchanges=[
            samples.exchange(method=nasty, path=nasty, xid=nasty, reason=nasty, errors=(nasty,)),
            samples.exchange(2, packages=samples.table((nasty.encode("utf-8", "surrogateescape"), 0, b"x"))),
        ],
        sessions=[samples.session(path=nasty, method=nasty, xid=nasty, server_version=nasty, user=nasty)],
        flows=[samples.flow(host=nasty)],
        findings=[
            samples.finding(message=nasty, advice=nasty),
            samples.finding(message=nasty, session=None, exchange=None, connection=None),
        ],
        notices=[Notice("GPI999", nasty, {"x": nasty})],
        sources=(nasty,),
    )


@pytest.mark.parametrize("verb", [*LISTINGS, "report"])
def test_hostile_text_of_the_wire_reaches_neither_stdout_nor_stderr(run: Run, verb: str) -> None:
    for extra in ([], ["--json"]):
        result = run(hostile(), verb, "x.pcap", *extra)
        assert result.exit_code == 0
        assert result.stdout
        assert all(line.isprintable() for line in result.stdout.splitlines() + result.stderr.splitlines())
        assert "\x1b" not in result.output and "\x9b" not in result.output
        assert result.stdout.count("\n") == len(result.stdout.splitlines())


@pytest.mark.parametrize(("verb", "kind"), [(verb, verb.removesuffix("s")) for verb in LISTINGS])
def test_json_is_one_object_a_line_with_its_schema(run: Run, verb: str, kind: str) -> None:
    found = Found(findings=[samples.finding()], exchanges=[samples.exchange(packages=samples.table((b"/f", 0, b"r")))])
    lines = run(found, verb, "x.pcap", "--json", "--hash", "--no-progress").stdout.splitlines()
    assert lines
    assert {json.loads(line)["schema"] for line in lines} == {f"gpinspect.{kind}/1"}


def test_a_table_that_is_not_on_a_terminal_is_neither_cut_nor_coloured(run: Run) -> None:
    path = "/data/" + "x" * 300
    result = run(Found(sessions=[samples.session(path=path)]), "sessions", "x.pcap", env={"COLUMNS": "40", "FORCE_COLOR": "1"})
    header, row = result.stdout.splitlines()
    assert path in row and "\x1b" not in result.stdout
    assert header.index("Path") == row.index(path)


def test_options_reach_the_inspection(run: Run, calls: list[dict[str, Any]]) -> None:
    keys = ["--keylog", "k1", "--keylog", "k2", "--server-key", "s"]
    run(Found(), "sessions", "a.pcap", "b.pcap", *keys, "--hash", "--via", "tshark")
    assert callable(calls[0].pop("passphrase"))
    assert calls == [
        {
            "inputs": ("a.pcap", "b.pcap"),
            "keylogs": ("k1", "k2"),
            "server_keys": ("s",),
            "hashes": True,
            "again": False,
            "progress": None,
            "via_tshark": True,
        }
    ]


def test_via_tshark_is_only_said_when_it_was_asked_for(run: Run, calls: list[dict[str, Any]]) -> None:
    run(Found(), "flows", "a.pcap")
    assert "via_tshark" not in calls[0]
    assert calls[0]["hashes"] is False


def test_key_log_of_the_environment_is_the_default_and_an_option_replaces_it(
    run: Run, calls: list[dict[str, Any]], tmp_path: Path
) -> None:
    log = tmp_path / "keys"
    log.write_text("")
    run(Found(), "sessions", "x.pcap", env={"SSLKEYLOGFILE": str(log)})
    run(Found(), "sessions", "x.pcap", "--keylog", "mine", env={"SSLKEYLOGFILE": str(log)})
    gone = run(Found(), "sessions", "x.pcap", env={"SSLKEYLOGFILE": str(tmp_path / "gone")})
    assert [call["keylogs"] for call in calls] == [(str(log),), ("mine",), ()]
    assert gone.exit_code == 0 and "cannot be read" in gone.stderr


def test_session_option_leaves_only_what_belongs_to_it(run: Run) -> None:
    found = Found(
        sessions=[samples.session(1), samples.session(2)],
        exchanges=[samples.exchange(1), samples.exchange(2, session=2, packages=samples.table((b"/f", 0, b"r")))],
        flows=[samples.flow(), samples.flow(session=2)],
        findings=[samples.finding(), samples.finding(session=2)],
    )
    for verb, key in zip(LISTINGS, ["id", "session", "session", "exchange", "session"], strict=True):
        objects = [json.loads(line) for line in run(found, verb, "x", "--json", "--session", "2").stdout.splitlines()]
        assert {value[key] for value in objects} == {2}, verb


def test_exchange_option_leaves_only_its_packages(run: Run) -> None:
    found = Found(exchanges=[samples.exchange(n, packages=samples.table((b"/f", 0, b"r"))) for n in (1, 2)])
    lines = run(found, "packages", "x", "--json", "--exchange", "2").stdout.splitlines()
    assert [json.loads(line)["exchange"] for line in lines] == [2, 2]
    assert run(found, "packages", "x", "--exchange", "3").exit_code == 2


def test_findings_for_a_person_have_the_gravest_first_and_for_a_program_their_order(run: Run) -> None:
    found = Found(findings=[samples.finding(Severity.NOTE, code="GPI001"), samples.finding(Severity.ERROR)])
    assert [line.split()[0] for line in run(found, "findings", "x").stdout.splitlines()] == ["Level", "error", "note"]
    lines = run(found, "findings", "x", "--json").stdout.splitlines()
    assert [json.loads(line)["severity"] for line in lines] == ["note", "error"]


def test_a_cut_capture_is_said_on_stderr_and_quiet_silences_it(run: Run) -> None:
    cut = samples.finding(Severity.WARNING, session=None, exchange=None, connection=None, message="cut at byte 1,204")
    result = run(Found(findings=[cut]), "sessions", "x.pcap")
    assert result.stderr.splitlines() == [
        "gpinspect: cut at byte 1,204",
        "gpinspect: 1 warning: see `gpinspect findings`",
    ]
    assert result.exit_code == 0
    assert run(Found(findings=[cut]), "sessions", "x.pcap", "-q").stderr == ""


def test_notice_without_a_finding_is_said_in_the_words_of_the_catalogue(run: Run) -> None:
    result = run(Found(notices=[Notice("GPI001", "load.pcap", {"position": 1204})]), "sessions", "x.pcap")
    assert result.stderr == "gpinspect: load.pcap: the capture ends in the middle of a record at byte 1204\n"


def test_a_table_without_a_line_is_fine(run: Run) -> None:
    result = run(Found(), "findings", "x.pcap")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "gpinspect: no findings\n")


def test_every_verb_has_help(run: Run) -> None:
    for verb in VERBS:
        result = run(None, verb, "--help")
        assert result.exit_code == 0 and result.stdout.startswith(f"Usage: gpinspect {verb}"), verb


def test_doctor_lists_each_thing_it_looked_at(run: Run) -> None:
    result = run(None, "doctor", "--json")
    checks = {value["check"]: value for value in map(json.loads, result.stdout.splitlines())}
    assert result.exit_code == 0
    assert {"python", "tshark", "dumpcap", "tcpdump", "capture rights", "terminal", "locale", "SSLKEYLOGFILE"} <= set(checks)
    assert checks["package click"]["state"] == "ok"
    assert checks["SSLKEYLOGFILE"]["state"] == "missing"
    assert run(None, "doctor", env={"PATH": "/nowhere"}).exit_code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_calls_us(run: Run, shell: str) -> None:
    assert "_GPINSPECT_COMPLETE" in run(None, "completion", shell).stdout


def test_completion_offers_the_verbs(run: Run) -> None:
    env = {"_GPINSPECT_COMPLETE": "bash_complete", "COMP_WORDS": "gpinspect ses", "COMP_CWORD": "1"}
    assert run(None, env=env).stdout.split() == ["plain,sessions"]


def test_explain_says_what_it_knows_and_suggests_otherwise(run: Run) -> None:
    known = run(None, "explain", "GPI001")
    assert known.exit_code == 0 and "capture-cut" in known.stdout
    unknown = run(None, "explain", "X-GP-\x1b[31mXIDD")
    assert unknown.exit_code == 2 and unknown.stdout == "" and "\x1b" not in unknown.stderr


def test_tui_gets_inputs_and_options(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from gpinspect.tui import Left
    from gpinspect.tui.reading import Snapshot

    seen: list[Any] = []

    def leave(inputs: Any, **options: Any) -> Left:
        seen.append((inputs, options))
        return Left(Snapshot(sources=inputs), None, False)

    monkeypatch.setattr("gpinspect.tui.run", leave)
    assert run(None, "tui", "a.pcap", "--keylog", "k", "--utc").exit_code == 0
    assert seen[0][0] == ("a.pcap",) and seen[0][1]["keylogs"] == ("k",) and seen[0][1]["utc"] is True
