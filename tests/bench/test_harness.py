"""The benchmark judges before it times: what is wrong, late or missing gets a word and no ratio."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import contest as contests
from benchmarks import report
from benchmarks.contest import Series, contest
from benchmarks.generate import Made, generate
from benchmarks.measure import rotations, run
from benchmarks.tools import (
    LIMIT,
    SAME,
    Answer,
    Tool,
    from_conversations,
    from_decrypted,
    from_exchanges,
    from_rate,
    from_sessions,
    nothing,
    tools,
)

TRUTH: dict[str, Any] = {"messages": 12_872, "payload_bytes": 1000, "connections": 8, "frames": 400}
SPIN = "sum(range(3_000_000))"


def python(name: str, code: str, kind: str = SAME, answer: Any = nothing, program: str = "python:sys") -> Tool:
    return Tool(name, kind, "", lambda made: [sys.executable, "-c", code], answer, program, "pip install it")


def messages(stdout: str, truth: dict[str, Any]) -> Answer:
    return Answer(messages=int(stdout))


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return generate("mtu1500", 100_000, tmp_path)


def test_a_wrong_count_is_told_with_the_right_one() -> None:
    assert Answer(messages=12_051).wrong(TRUTH) == "wrong (12,051 of 12,872 messages)"
    assert Answer(messages=12_872, payload_bytes=999).wrong(TRUTH) == "wrong (999 of 1,000 payload bytes)"
    assert Answer(messages=12_872, payload_bytes=1000, connections=8).wrong(TRUTH) == ""
    assert Answer().wrong(TRUTH) == ""
    assert Answer(sealed_bytes=9).wrong({"sealed_bytes": 10}) == "wrong (9 of 10 decrypted bytes)"


def test_only_right_answers_get_a_ratio(made: Made) -> None:
    right = made.truth["messages"]
    rows = [
        python("us", f"{SPIN}; print({right})", answer=messages),
        python("same", f"{SPIN}; print({right})", answer=messages),
        python("off by one", f"{SPIN}; print({right - 1})", answer=messages),
        python("babble", "print('hello')", answer=messages),
        python("broken", "raise SystemExit('no such option')", answer=messages),
        python("missing", "", program="python:no_such_module_here"),
    ]
    series = contest(made, rows, 2)
    verdicts = {one.tool.name: one.verdict for one in series}
    assert verdicts["us"] == verdicts["same"] == ""
    assert verdicts["off by one"] == f"wrong ({right - 1:,} of {right:,} messages)"
    assert verdicts["babble"].startswith("answer not understood: ValueError")
    assert verdicts["broken"] == "not runnable (status 1): no such option"
    assert verdicts["missing"] == "missing: pip install it"
    assert [len(one.ratios(series[0])) for one in series] == [0, 2, 0, 0, 0, 0]
    shown = "\n".join(report.table(made, series, series[0], 2))
    assert all(verdict in shown for verdict in verdicts.values())
    assert shown.count("x  ") == 1


def test_a_tool_past_the_bound_is_stopped_and_not_run_again(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    def bounded(command: list[str]) -> Any:
        started.append(1)
        return run(command, bound_s=1)

    monkeypatch.setattr(contests, "run", bounded)
    [one] = contest(made, [python("sleeper", "import time; time.sleep(60)")], 3)
    assert one.verdict == "did not finish in 100 s"
    assert (len(started), one.cpu_s) == (1, {})


def test_ratios_are_taken_within_a_round_and_turned_for_the_limit() -> None:
    us = Series(python("us", ""), {0: 2.0, 1: 1.0})
    slow = Series(python("slow", ""), {0: 8.0, 1: 5.0})
    limit = Series(python("dd", "", LIMIT), {0: 0.5, 1: 0.5})
    assert slow.ratios(us) == [4.0, 5.0]
    assert limit.ratios(us) == [4.0, 2.0]
    assert us.ratios(us) == []
    assert slow.ratios(replace(us, verdict="wrong (1 of 2 messages)")) == []


def test_every_round_has_every_tool_and_starts_with_another() -> None:
    assert rotations(3, 4) == [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]


def test_cpu_and_memory_are_those_of_the_command_and_not_of_its_parent() -> None:
    busy = run([sys.executable, "-c", f"{SPIN}; x = bytearray(64 << 20); print('done')"])
    idle = run(["true"])
    assert (busy.status, busy.finished, busy.stdout) == (0, True, "done\n")
    assert busy.peak_mib > 64
    assert idle.peak_mib < 30
    assert idle.cpu_s < busy.cpu_s
    assert run(["no-such-program-here"]).status == 127


def test_answers_are_read_as_the_tools_give_them() -> None:
    conversations = "TCP Conversations\nFilter:<No Filter>\n10.1.0.1:32768          <-> 10.0.0.9:8080          5 300 bytes\n"
    assert from_conversations(conversations, TRUTH) == Answer(connections=1)
    assert from_rate('{"frames": 100, "start_s": 0.5, "loop_s": 2.0, "payload_bytes": 1}', TRUTH).scaled == 8.5
    opened = "| Interval |    SUM |\n| 0.000 <> 0.185 | 97337712 |\n"
    assert from_decrypted(opened, TRUTH) == Answer(sealed_bytes=97337712)
    rows = '{"payload_bytes": 3, "connections": 2}\n{"payload_bytes": 4, "connections": 1}\n'
    assert from_sessions(rows, TRUTH) == Answer(None, 7, 3)
    rows = '{"connection": 1, "payload_bytes": 3, "message_counts": {"F": 1, "D": 2}}\n'
    rows += '{"connection": 2, "payload_bytes": 4, "message_counts": null}\n'
    assert from_exchanges(rows, TRUTH) == Answer(3, 7, 2)


@pytest.mark.parametrize(
    ("value", "target", "at_most", "words"), [(16, 15, False, "≥ 15: reached"), (12, 15, False, "≥ 15: missed by 20%")]
)
def test_a_standing_says_by_how_much(value: float, target: float, at_most: bool, words: str) -> None:
    assert report.standing(value, target, at_most) == words
    assert report.standing(12, 10, True) == "≤ 10: missed by 20%"


@pytest.mark.parametrize("shape", ["mtu1500", "lossy", "tiny", "many", "post"])
@pytest.mark.parametrize(
    "name", ["tshark, minimal Lua", "dpkt, package parse", "tshark conv,tcp", "tshark conv, defaults", "scapy PcapReader"]
)
def test_every_tool_we_compare_with_answers_rightly(tmp_path: Path, shape: str, name: str) -> None:
    """A rival that is wrong by our own doing would be no rival."""
    [tool] = [tool for tool in tools() if tool.name == name]
    [one] = contest(generate(shape, 3_000_000 if shape == "lossy" else 300_000, tmp_path), [tool], 1)
    assert one.verdict == ""
    assert one.cpu_s[0] > 0


@pytest.mark.parametrize("shape", ["tls-gcm", "tls-cbc"])
def test_every_tool_for_tls_answers_rightly_and_the_others_are_left_out(tmp_path: Path, shape: str) -> None:
    made = generate(shape, 300_000, tmp_path)
    fitting = [tool for tool in tools() if tool.fits(made)]
    assert {"gpinspect sessions", "tshark, minimal Lua", "tshark, decrypts only", "dd"} <= {tool.name for tool in fitting}
    assert "dpkt, package parse" not in {tool.name for tool in fitting}
    assert {one.tool.name: one.verdict for one in contest(made, fitting, 1)} == {tool.name: "" for tool in fitting}


def test_tshark_without_the_key_log_gets_no_ratio(tmp_path: Path) -> None:
    made = generate("tls-gcm", 300_000, tmp_path)
    [tool] = [tool for tool in tools() if tool.name == "tshark, decrypts only"]
    assert made.keylog is not None
    made.keylog.write_text("")
    [one] = contest(made, [tool], 1)
    assert one.verdict.startswith(("wrong (", "answer not understood"))
