"""What the laboratory says is true can be seen in its files, with its own eyes and not those of the product."""

import gzip
import hashlib
import itertools
import json

import pytest

from lab import edits, pcap, shipped, truth
from lab.plan import SERVER, Scenario
from lab.scenarios import SCENARIOS
from lab.shipped import Entry, recordings, shared_folder
from lab.space import NoNamespacesError

QUICK = [one for one in SCENARIOS if one.quick]
SECOND = 10**9


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Entry]:
    _, entries = recordings(shared_folder(tmp_path_factory))
    return {entry["file"].removesuffix(".gz").removesuffix(".pcap"): entry for entry in entries}


def covered(spans: list[list[int]], interval: list[int]) -> float:
    """Share of the interval that the spans fill together."""
    total, reached = 0, interval[0]
    for start, end in sorted(spans):
        start, end = max(start, reached), min(end, interval[1])
        total, reached = total + max(0, end - start), max(reached, end)
    return total / (interval[1] - interval[0])


def test_the_table_has_the_causes_that_are_promised():
    kinds = {one.kind for one in QUICK if one.cause != "none"}
    healthy = [one for one in QUICK if one.cause == "none"]
    assert len(kinds) >= 16
    assert len(healthy) >= 5
    assert {one.cause for one in QUICK} == {"server", "segment", "network", "capture", "none"}
    assert len({one.name for one in SCENARIOS}) == len(SCENARIOS) >= 24


@pytest.mark.parametrize("scenario", QUICK, ids=lambda one: one.name)
def test_an_arranged_event_is_seen_as_silence_or_shut_window_at_its_time(scenario: Scenario, manifest: dict[str, Entry]):
    entry = manifest[scenario.name]
    assert bool(entry["stalls"]) == bool(scenario.truth)
    for stall in entry["stalls"]:
        assert entry["capture_start_ns"] <= stall["interval"][1], "the event lies before the capture"
        if scenario.throughout or scenario.cause == "capture":
            continue
        assert stall["silence_visible"]
        spans = [span for flow in stall["visible"] for span in flow["silent"]]
        spans += [span for flow in stall["visible"] for span in flow.get("zero_window_of_client", [])]
        assert covered(spans, stall["interval"]) >= 0.4, "buffers and turns hide the first second at most"
        if scenario.cause == SERVER:
            assert covered(stall["all_silent"], stall["interval"]) >= 0.5, "a blocked source stops all flows"


@pytest.mark.parametrize("scenario", [one for one in QUICK if one.cause == "none"], ids=lambda one: one.name)
def test_a_healthy_load_moves_all_the_time(scenario: Scenario, manifest: dict[str, Entry]):
    entry = manifest[scenario.name]
    longest = max((end - start for start, end in entry["all_flows_silent"]), default=0)
    assert longest < (0.7 if scenario.method == "POST" else 0.25) * SECOND
    assert entry["intervals"] == []


@pytest.mark.parametrize("scenario", [one for one in QUICK if one.edit is None], ids=lambda one: one.name)
def test_every_row_that_was_fed_travelled(scenario: Scenario, manifest: dict[str, Entry]):
    flows = manifest[scenario.name]["all_flows"]
    if scenario.method == "GET":
        assert sum(flow["server_bytes"] for flow in flows) >= scenario.source.total
    else:
        writers = [one for one in scenario.segments if one.kind == "writer"]
        rows = sum(one.posts * one.size for one in writers)
        assert sum(flow["client_bytes"] for flow in flows) >= 0.99 * rows
        assert len(flows) >= sum(one.posts + 2 for one in writers)


def test_connections_have_ports_of_their_own(manifest: dict[str, Entry]):
    for entry in manifest.values():
        ports = [flow["client_port"] for flow in entry["all_flows"]]
        assert len(ports) == len(set(ports))


def frame(time: int, source: int, target: int, seq: int, size: int, flags: int = 16, window: int = 500) -> pcap.Record:
    """A frame as a recorder with a snap length of 54 bytes keeps it."""
    head = bytes(12) + b"\x08\x00" + b"\x45\x00" + (40 + size).to_bytes(2, "big") + bytes(4) + b"\x40\x06" + bytes(10)
    tcp = source.to_bytes(2, "big") + target.to_bytes(2, "big") + seq.to_bytes(4, "big") + bytes(4)
    return pcap.Record(time, 54 + size, head + tcp + bytes([0x50, flags]) + window.to_bytes(2, "big") + bytes(4))


def test_the_scan_takes_repeated_bytes_for_no_progress():
    records = [frame(0, 8080, 4000, 1, 100), frame(SECOND, 8080, 4000, 1, 100), frame(2 * SECOND, 8080, 4000, 101, 100)]
    assert truth.look(records, 8080)[4000].silent == [(0, 2 * SECOND)]


def test_the_scan_measures_a_shut_window_from_its_first_to_the_frame_that_opens_it():
    windows = zip(itertools.count(), [500, 0, 0, 300], strict=False)
    records = [frame(n * SECOND, 4000, 8080, 1, 0, window=window) for n, window in windows]
    assert truth.look(records, 8080)[4000].windows("client") == [[SECOND, 3 * SECOND]]


def test_a_sequence_number_that_wraps_is_progress():
    records = [frame(0, 8080, 4000, 2**32 - 50, 50), frame(100, 8080, 4000, 0, 50)]
    assert truth.look(records, 8080)[4000].bytes["server"] == 100


def test_edits_take_nothing_but_what_they_say(tmp_path):
    records = [frame(n * SECOND // 10, 8080, 4000, 1 + n * 100, 100) for n in range(30)]
    kept, facts = edits.lose(runs=1, length=6)(records, 8080, 0)
    assert len(kept) == 24 and len(facts["removed"]) == 6
    moved, _ = edits.step(1.0, 2.0)(records, 8080, 0)
    assert [b.time - a.time for a, b in zip(records, moved, strict=True)] == [0] * 10 + [2 * SECOND] * 20
    pcap.write(tmp_path / "a.pcap", kept, 54)
    assert pcap.read(tmp_path / "a.pcap") == kept


def test_without_namespaces_the_kept_recordings_are_looked_at_and_it_is_said(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> dict[str, str]:
        raise NoNamespacesError("no right to build namespaces")

    monkeypatch.setattr(shipped, "run", refuse)
    with pytest.warns(UserWarning, match="no right to build namespaces"):
        folder, entries = recordings(tmp_path)
    assert folder == shipped.KEPT
    assert {entry["file"] for entry in entries} == {f"{one.name}.pcap.gz" for one in QUICK}


def test_kept_recordings_are_the_files_that_their_manifest_speaks_of():
    for entry in json.loads((shipped.KEPT / "manifest.json").read_text()):
        content = gzip.decompress((shipped.KEPT / entry["file"]).read_bytes())
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert entry["keylog"] is None or (shipped.KEPT / entry["keylog"]).exists()
