"""The recorded captures: what is known of each is what the verdict says, and what went well is not alarming."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gpinspect.inspection import Inspection, inspect
from gpinspect.model import Delivery, Session, Severity

CAPTURES = Path(__file__).parents[2] / "captures"
SIDECARS = sorted(path for path in CAPTURES.glob("*.json") if "streams" in json.loads(path.read_text()))
PROVEN, REFUTED, UNPROVABLE = Delivery.PROVEN, Delivery.REFUTED, Delivery.UNPROVABLE

TOLD: dict[str, tuple[list[Delivery], set[str]]] = {
    "curl-bad-requests.pcapng": ([REFUTED], {"GPI117", "GPI203"}),
    "curl-get-p0-text-1seg.pcapng": ([UNPROVABLE], set()),
    "gp-cut-file-s.pcap": ([UNPROVABLE], {"GPI001"}),
    "gp-get-404.pcapng": ([REFUTED], {"GPI203"}),
    "gp-get-cursor-close.pcapng": ([UNPROVABLE], set()),
    "gp-get-killed-server.pcapng": ([REFUTED], {"GPI210"}),
    "gp-get-line-too-long-s.pcapng": ([REFUTED], {"GPI201", "GPI203"}),
    "gp-post-cancelled-s.pcapng": ([UNPROVABLE], {"GPI404"}),
}
"""Verdicts in order of sessions, and all codes from warning on. What is not listed went well: proven, notes only.

Refused, failed and killed loads did not deliver their rows. Of one that somebody cancelled, of protocol 0, and of a file that was
cut nobody can tell.
"""


def opened(sidecar: Path) -> tuple[Inspection, dict[str, Any]]:
    facts = json.loads(sidecar.read_text())
    with inspect([str(CAPTURES / facts["file"])], hashes=True) as found:
        return found, facts


@pytest.mark.parametrize("sidecar", SIDECARS, ids=lambda path: path.name.removesuffix(".json"))
def test_verdict_is_what_is_known_of_the_recording(sidecar: Path) -> None:
    found, facts = opened(sidecar)
    verdicts, grave = TOLD.get(facts["file"], (None, set()))
    if verdicts is None:
        verdicts = [PROVEN] * len(found.sessions)
    assert found.sessions and [session.delivery for session in found.sessions] == verdicts
    assert {finding.code for finding in found.findings if finding.severity > Severity.NOTE} == grave
    assert all(session.query_delivery is session.delivery for session in found.sessions)


@pytest.mark.parametrize("sidecar", SIDECARS, ids=lambda path: path.name.removesuffix(".json"))
def test_only_a_file_that_was_read_whole_and_without_error_is_proven(sidecar: Path) -> None:
    found, facts = opened(sidecar)
    known = {(one["tid"], one["path"]): one for one in facts["sessions_detail"]}
    for session in found.sessions:
        detail = known.get((session.tid or "", session.path or ""))
        if session.delivery is not PROVEN:
            continue
        assert detail is not None
        assert not detail["errors"] and not detail["truncated"]
        if session.method == "GET":
            assert all(file["whole_file"] is not False and not file["gaps"] for file in detail["files"])


@pytest.mark.parametrize("sidecar", SIDECARS, ids=lambda path: path.name.removesuffix(".json"))
def test_rows_are_those_that_were_loaded(sidecar: Path) -> None:
    found, facts = opened(sidecar)
    told = re.search(r"(\d+)[- ](?:row|record)", facts["what"])
    if told is not None and len(found.sessions) == 1 and found.sessions[0].delivery is PROVEN:
        assert found.sessions[0].rows == int(told[1])
    flows: dict[int, list[int | None]] = {session.id: [] for session in found.sessions}
    for flow in found.flows:
        flows[flow.session].append(flow.rows)
    for session in found.sessions:
        if session.rows is not None:
            assert sum(number or 0 for number in flows[session.id]) == session.rows


def test_lines_tell_the_rows_of_flows_without_looking_at_content() -> None:
    """CSV has the number of its first row in every package, so only the flow with the last one stays open."""
    path = str(CAPTURES / "gp-get-csv-header-4seg.pcapng")
    with inspect([path]) as bare, inspect([path], hashes=True) as counted:
        known = [(one.rows, other.rows) for one, other in zip(bare.flows, counted.flows, strict=True)]
        assert sum(one is None for one, _ in known) == 1
        assert all(one in (None, other) for one, other in known)
        assert _session(bare).rows is None and _session(counted).rows == 5500


def _session(found: Inspection) -> Session:
    (session,) = found.sessions
    return session
