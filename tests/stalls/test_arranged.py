"""Stall attribution against causes arranged in network namespaces: each recording, its truth, and what gpinspect says."""

import contextlib
import json
from pathlib import Path

import pytest
from lab.plan import Scenario
from lab.scenarios import SCENARIOS
from lab.shipped import KEPT, Entry, recordings, shared_folder
from lab.verdict import LEAST, Answer, answers_of, judge, shown, total

QUICK = [one for one in SCENARIOS if one.quick]
S = 10**9


Case = tuple[Path, Path | None, Entry]


def by_name(folder: Path, entries: list[Entry]) -> dict[str, Case]:
    named = {}
    for entry in entries:
        keylog = folder / entry["keylog"] if entry["keylog"] else None
        named[entry["file"].removesuffix(".gz").removesuffix(".pcap")] = (folder / entry["file"], keylog, entry)
    return named


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """Recorded now; the kept ones, with a warning, where there are no namespaces to be had."""
    return by_name(*recordings(shared_folder(tmp_path_factory)))


@pytest.fixture(scope="session")
def kept() -> dict[str, Case]:
    return by_name(KEPT, json.loads((KEPT / "manifest.json").read_text()))


def complaints(scenario: Scenario, case: Case) -> str:
    path, keylog, entry = case
    answers = answers_of(path, keylog)
    wrong = judge(entry, answers)
    found = [f"{a.cause} {a.pattern} {(a.end - a.start) / 1e9:.2f} s of {sorted(a.segments, key=str)}" for a in answers]
    return f"{scenario.arranged}: {'; '.join(wrong)}; found {found}" if wrong else ""


@pytest.mark.parametrize("scenario", QUICK, ids=lambda one: one.name)
def test_the_cause_that_was_arranged_is_the_cause_that_is_named(scenario: Scenario, kept: dict[str, Case]):
    assert complaints(scenario, kept[scenario.name]) == ""


@pytest.mark.parametrize("scenario", QUICK, ids=lambda one: one.name)
def test_the_cause_is_named_in_a_load_of_this_minute_too(scenario: Scenario, fresh: dict[str, Case]):
    assert complaints(scenario, fresh[scenario.name]) == ""


@pytest.mark.parametrize("scenario", QUICK, ids=lambda one: one.name)
def test_the_judge_finds_nothing_wrong_with_the_truth(scenario: Scenario, kept: dict[str, Case]):
    _, _, entry = kept[scenario.name]
    truth = [
        Answer(stall["cause"], entry["pattern"], start, end, frozenset(flow["segment"] for flow in stall["flows"]))
        for stall in entry["stalls"]
        for start, end in shown(stall)
    ]
    assert judge(entry, truth) == []
    if any(total(shown(stall)) >= LEAST for stall in entry["stalls"]) and not (entry["throughout"] and entry["cause"] == "network"):
        assert judge(entry, []) != []


@pytest.mark.parametrize(
    ("name", "cause"), [("srv-fifo-pause", "server"), ("seg-sigstop", "segment"), ("net-blackout-both-near-server", "network")]
)
def test_flows_as_json_carry_the_time_of_the_cause_and_of_no_other(
    name: str, cause: str, kept: dict[str, Case], capsys: pytest.CaptureFixture[str]
):
    from gpinspect.cli import main

    path, _, entry = kept[name]
    with contextlib.suppress(SystemExit):
        main(["flows", "--json", str(path)])
    flows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    hit = {flow["segment"] for flow in entry["flows"]}
    for flow in flows:
        lost = flow["stall_ns"]
        assert all(nanos == 0 for other, nanos in lost.items() if other != cause), flow
        if cause == "segment" and flow["segment"] not in hit:
            assert lost[cause] == 0
    assert max(flow["stall_ns"][cause] for flow in flows if flow["segment"] in hit) >= S


def one_entry(**more: object) -> Entry:
    """Truth of a load whose segment 2 was stopped from second 1 to 3; its window is shut from 1.5 to 3."""
    flow = {"segment": 2, "client_port": 4000}
    seen = {**flow, "silent": [[15 * S // 10, 3 * S]], "zero_window_of_client": [[15 * S // 10, 3 * S]]}
    stall = {"cause": "segment", "interval": [S, 3 * S], "flows": [flow], "scope": "some"}
    stall |= {"visible": [seen], "silence_visible": True, "all_silent": []}
    entry = {"cause": "segment", "stalls": [stall], "must_not_be_blamed": "server, network", "also_right": [], "throughout": False}
    return json.loads(json.dumps(entry | more))


RIGHT = Answer("segment", "p", 15 * S // 10, 3 * S, frozenset({2}))


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ([RIGHT], None),
        ([Answer("segment", "p", 2 * S, 3 * S, frozenset({2}))], None),
        ([], "covers 0.00 s of 1.50 s"),
        ([Answer("segment", "p", 4 * S, 5 * S, frozenset({2}))], "covers"),
        ([Answer("segment", "p", 15 * S // 10, 2 * S, frozenset({2}))], "covers 0.50 s"),
        ([RIGHT, Answer("server", "p", 0, S, frozenset())], "blames server"),
        ([Answer("segment", "p", 15 * S // 10, 3 * S, frozenset({1}))], "names segments [1], not [2]"),
        ([Answer("unknown", "p", 15 * S // 10, 3 * S, frozenset({2}))], "covers"),
    ],
)
def test_the_judge_knows_a_right_answer_from_a_wrong_one(answers: list[Answer], complaint: str | None):
    wrong = judge(one_entry(), answers)
    assert bool(wrong) == bool(complaint)
    assert complaint is None or any(complaint in each for each in wrong)


def test_any_stall_in_a_healthy_load_is_wrong():
    entry = one_entry(cause="none", stalls=[], must_not_be_blamed="anything; a flow that waits for its turn is no stall")
    assert judge(entry, []) == []
    assert judge(entry, [RIGHT])
    assert judge(entry, [Answer("unknown", "p", 0, S)])
