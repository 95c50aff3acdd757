"""The museum of captures against the facts beside each of them: real traffic, and what a correct reader must find in it."""

import hashlib
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gpinspect.inspection import Inspection, inspect
from gpinspect.model import Exchange, Outcome, Session

FOLDER = Path(__file__).resolve().parent.parent / "captures"
FACTS = sorted(FOLDER.glob("*.json"))
NOTHING = hashlib.sha256(b"").hexdigest()
NAMES = [path.name.removesuffix(".json") for path in FACTS]


@cache
def facts_of(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return facts


@cache
def inspected(name: str) -> Inspection:
    with inspect([str(FOLDER / name)], hashes=True) as inspection:
        return inspection


def number(text: str | None) -> int | None:
    return None if text in (None, "") else int(text)  # type: ignore[arg-type]


def status_of(stream: dict[str, Any]) -> tuple[str | None, int | None, str | None]:
    if not stream["status"]:
        return None, None, None
    version, code, reason = stream["status"].split(" ", 2)
    return version, int(code), reason


def allowed_outcomes(stream: dict[str, Any]) -> set[Outcome]:
    """What the contract lets `outcome` be, from what was on the wire."""
    _, status, _ = status_of(stream)
    bare = stream["method"] and not (stream["xid"] or stream["segment_id"] or stream["request_proto"])
    if status == 408:
        return {Outcome.REFUSED}
    if stream["method"] not in ("GET", "POST", None) or stream["path"] == "/gpfdist/status" or bare:
        return {Outcome.PROBE}
    if status and status >= 400:
        return {Outcome.REFUSED}
    if stream["method"] == "POST":
        if status is None:
            return {Outcome.UNANSWERED, Outcome.OPEN}
        if not stream.get("data_bytes"):
            return {Outcome.ACCEPTED}
        return {Outcome.ACCEPTED, Outcome.DUPLICATE} if stream["response_proto"] else {Outcome.DISCARDED}
    if stream.get("errors"):
        return {Outcome.ERROR}
    if stream.get("eof"):
        return {Outcome.COMPLETE}
    if stream["response_proto"] is None and stream["response_body_bytes"] in (0, 5):
        return {Outcome.LATE}
    if stream["response_proto"] in (None, "0") and not stream["reset_by"]:
        return {Outcome.CLOSED}
    return {Outcome.CANCELLED} if stream["reset_by"] == "client" else {Outcome.BROKEN, Outcome.OPEN, Outcome.CANCELLED}


def by_ports(inspection: Inspection) -> dict[tuple[int, int], list[Exchange]]:
    found: dict[tuple[int, int], list[Exchange]] = {}
    for exchange in inspection.exchanges:
        found.setdefault((exchange.client.port, exchange.server.port), []).append(exchange)
    return found


def test_every_capture_has_its_facts_and_its_line_in_the_readme() -> None:
    captures = {path.name for path in FOLDER.iterdir() if path.suffix in (".pcap", ".pcapng")}
    assert captures >= set(NAMES)
    assert len(NAMES) >= 14
    readme = (FOLDER / "README.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in readme] == []


@pytest.mark.parametrize("name", NAMES)
def test_each_connection_carries_the_exchange_that_was_on_it(name: str) -> None:
    found = by_ports(inspected(name))
    for place, stream in enumerate(facts_of(name)["streams"], 1):
        got = found.pop((stream["client_port"], stream["server_port"]), [])
        if not (stream["method"] or stream["status"] or stream.get("packages")):
            assert got == []
            continue
        (exchange,) = got
        assert exchange.connection == place
        assert (exchange.method, exchange.path) == (stream["method"], stream["path"])
        assert (exchange.xid, exchange.cid, exchange.sn) == tuple(stream[key] or None for key in ("xid", "cid", "sn"))
        assert (exchange.segment, exchange.segment_count) == (number(stream["segment_id"]), number(stream["segment_count"]))
        assert (exchange.seq, exchange.done) == (number(stream["seq"]), stream["done"] is not None)
        assert (exchange.http_version, exchange.status, exchange.reason) == status_of(stream)
        assert exchange.response_proto == number(stream["response_proto"])
        assert exchange.reset_by == stream["reset_by"]
        assert exchange.outcome in allowed_outcomes(stream), exchange.outcome
    assert found == {}


@pytest.mark.parametrize("name", NAMES)
def test_each_exchange_carries_its_messages_and_its_payload(name: str) -> None:
    found = by_ports(inspected(name))
    for stream in facts_of(name)["streams"]:
        for exchange in found.get((stream["client_port"], stream["server_port"]), []):
            stray = stream["response_body_bytes"] == 5 and stream["response_proto"] != "0"
            counts = stream.get("package_counts") or {"F": 0, "O": 0, "L": 0, "D": int(stray), "E": 0}
            got = exchange.message_counts._asdict() if exchange.message_counts else dict.fromkeys("FOLDE", 0)
            assert got == counts
            assert exchange.ended == stream.get("eof", stray)
            assert list(exchange.errors) == stream.get("errors", [])
            wanted = (stream.get("data_bytes", 0), stream.get("data_sha256", NOTHING))
            assert (exchange.payload_bytes, exchange.payload_sha256) == wanted


def matches(session: Session, facts: dict[str, Any]) -> bool:
    files = [(f.name, f.first_offset, f.bytes, f.packages, [list(gap) for gap in f.gaps], f.sha256) for f in session.files]
    theirs = [(f["name"], f["first_offset"], f["bytes"], f["blocks"], f["gaps"], f["sha256"]) for f in facts.get("files", [])]
    return (
        (session.method, session.payload_bytes, session.payload_sha256)
        == (facts["method"], facts["payload_bytes"], facts["payload_sha256"])
        and list(session.segments) == sorted(map(int, facts["segments"]))
        and list(session.segments_with_data) == sorted(map(int, facts["segments_with_data"]))
        and (session.connections, session.connections_reset) == (facts["connections"], facts["connections_reset"])
        and set(facts["errors"]) <= set(session.errors)
        and sorted(files) == sorted(theirs)
    )


@pytest.mark.parametrize("name", NAMES)
def test_sessions_have_the_names_files_and_rows_that_were_sent(name: str) -> None:
    left = list(inspected(name).sessions)
    for facts in facts_of(name)["sessions_detail"]:
        same = [session for session in left if (session.tid, session.path) == (facts["tid"], facts["path"])]
        fitting = [session for session in same if matches(session, facts)]
        assert fitting, (facts["tid"], facts["path"], same)
        left.remove(fitting[0])
    # what is left was only refused, and carried nothing
    assert [session for session in left if session.payload_bytes or not session.errors] == []
    if facts_of(name)["payload_bytes"] is not None:
        assert sum(session.payload_bytes for session in inspected(name).sessions) == facts_of(name)["payload_bytes"]


@pytest.mark.parametrize("name", NAMES)
def test_exchanges_point_at_their_sessions(name: str) -> None:
    inspection = inspected(name)
    members = Counter(exchange.session for exchange in inspection.exchanges if exchange.session is not None)
    assert dict(members) == {session.id: session.exchanges for session in inspection.sessions}
    assert [exchange.id for exchange in inspection.exchanges] == list(range(1, len(inspection.exchanges) + 1))
    assert [session.id for session in inspection.sessions] == list(range(1, len(inspection.sessions) + 1))
    for exchange in inspection.exchanges:
        assert exchange.start_ns <= (exchange.first_byte_ns or exchange.end_ns) <= exchange.end_ns
        assert 1 <= exchange.frames[0] <= exchange.frames[1] <= inspection.frames
