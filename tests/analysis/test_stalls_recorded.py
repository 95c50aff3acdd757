"""Stall attribution on recorded loads with arranged causes: cause, flows and time are those of the manifest."""

import json
from pathlib import Path
from typing import Any

import pytest

from gpinspect.inspection import inspect
from gpinspect.model import Cause, Severity

FOLDER = Path(__file__).parent.parent.parent / "captures" / "stalls"
MANIFEST: dict[str, dict[str, Any]] = {
    entry["file"].split(".")[0]: entry for entry in json.loads((FOLDER / "manifest.json").read_text())
}
LONG_NS = 400_000_000
"""Silences of all flows that have to be explained; a shorter one may be somebody's turn."""


@pytest.mark.parametrize("name", MANIFEST)
def test_only_what_was_arranged_is_blamed(name: str) -> None:
    truth = MANIFEST[name]
    with inspect([str(FOLDER / truth["file"])]) as found:
        causes = {stall.cause for stall in found.stalls}
        assert causes == ({Cause(truth["cause"])} if truth["cause"] != "none" else set())
        assert {stall.pattern for stall in found.stalls} == ({truth["pattern"]} if truth["cause"] != "none" else set())
        hit = {flow.segment for stall in found.stalls for flow in stall.flows}
        assert hit == {flow["segment"] for flow in truth["flows"]}
        for flow in found.flows:
            assert flow.stall_ns is not None
            assert sum(flow.stall_ns) <= flow.end_ns - flow.start_ns
            assert {cause for cause, ns in flow.stall_ns._asdict().items() if ns} == (
                {truth["cause"]} if flow.segment in hit else set()
            )


@pytest.mark.parametrize("name", MANIFEST)
def test_the_time_is_that_of_the_silences_in_the_file(name: str) -> None:
    truth = MANIFEST[name]
    with inspect([str(FOLDER / truth["file"])]) as found:
        for arranged in truth["stalls"]:
            for seen in arranged["visible"]:
                told = [
                    (flow.start_ns, flow.end_ns)
                    for stall in found.stalls
                    for flow in stall.flows
                    if flow.segment == seen["segment"]
                ]
                for start, end in seen.get("zero_window_of_client", ()):
                    assert sum(max(0, min(b, end) - max(a, start)) for a, b in told) > 0.95 * (end - start)
                for a, b in told:
                    if arranged["silence_visible"]:
                        assert any(start <= a and b <= end + 1_000_000 for start, end in _runs(seen["silent"]))
            for start, end in arranged["all_silent"]:
                if end - start > LONG_NS:
                    covered = [stall for stall in found.stalls if stall.start_ns <= start + 1_000_000 and stall.end_ns >= end]
                    assert covered


def _runs(silent: list[list[int]]) -> list[tuple[int, int]]:
    """Silences one soon after the other as one."""
    found: list[tuple[int, int]] = []
    for start, end in silent:
        if found and start - found[-1][1] < 1_000_000:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


@pytest.mark.parametrize("name", MANIFEST)
def test_the_recorder_stood_where_it_stood(name: str) -> None:
    truth = MANIFEST[name]
    with inspect([str(FOLDER / truth["file"])]) as found:
        assert found.vantage is not None
        assert found.vantage.vantage.value == truth["vantage"]
        assert not found.vantage.given


def test_frames_that_were_taken_out_are_missing_when_they_were_taken_out() -> None:
    truth = MANIFEST["cap-frames-removed"]
    with inspect([str(FOLDER / truth["file"])]) as found:
        told = sorted((stall.start_ns, stall.end_ns) for stall in found.stalls)
        assert len(told) == len(truth["intervals"])
        for (start, end), (first, last) in zip(told, sorted(map(tuple, truth["intervals"])), strict=True):
            assert abs(start - first) < 100_000_000
            assert abs(end - last) < 1_000_000


def test_an_even_load_has_no_finding_above_a_note() -> None:
    with inspect([str(FOLDER / MANIFEST["ok-steady"]["file"])]) as found:
        assert [finding.code for finding in found.findings if finding.severity > Severity.NOTE] == []
