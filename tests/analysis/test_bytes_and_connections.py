"""Judgements about the capture, its connections and their bytes, from values made by hand."""

import pytest

from gpinspect.grammar import findings as catalogue
from gpinspect.model import Address, Delivery, Notice, Outcome, Severity

from .hand import SERVER, START, Made, whole_read

UNPROVABLE, REFUTED, PROVEN = Delivery.UNPROVABLE, Delivery.REFUTED, Delivery.PROVEN


@pytest.mark.parametrize(
    ("code", "values", "said"),
    [
        ("GPI001", {"position": 69098}, "byte 69,098"),
        ("GPI002", {"position": 5, "problem": "length 0"}, "length 0"),
        ("GPI003", {"link": 147, "frames": 3}, "147"),
        ("GPI004", {"count": 1234}, "1,234"),
        ("GPI005", {"frames": 7, "bytes": 9000}, "9,000"),
        ("GPI006", {"count": 2}, "2 TLS secrets"),
        ("GPI007", {"problem": "empty"}, "empty"),
        ("GPI008", {"frames": 2}, "2"),
    ],
)
def test_notice_becomes_a_finding_of_the_capture(code: str, values: dict[str, str | int], said: str) -> None:
    made = Made()
    made.notices.append(Notice(code, "a.pcapng", values, frame=9, time_ns=START))
    found = made.one(code)
    assert said in found.message and "(a.pcapng)" in found.message
    assert (found.session, found.connection, found.frames, found.time_ns) == (None, None, (9, 9), START)
    assert found.severity is catalogue.kind(code).severity
    assert whole_read().findings(code) == []


def test_finding_without_time_comes_first() -> None:
    made = whole_read()
    made.notices.append(Notice("GPI008", "", {"frames": 2}))
    assert made.codes()[0] == "GPI008"
    assert made.one("GPI008").time_ns is None


@pytest.mark.parametrize("code", ["GPI020", "GPI021", "GPI022", "GPI023", "GPI109"])
def test_bytes_are_added_up_over_a_session_and_forbid_a_proof(code: str) -> None:
    made = whole_read()
    for exchange in made.exchanges[:3]:
        made.weird(code, exchange, bytes=1000)
    found = made.one(code)
    assert "3,000 bytes" in found.message and "(segments 0, 1 and 2)" in found.message
    assert (found.session, found.segment, found.frames) == (1, None, (11, 31))
    assert made.verdict() == (UNPROVABLE, (code,))
    assert whole_read().findings(code) == []


def test_position_of_the_first_stands_for_all() -> None:
    made = whole_read()
    made.weird("GPI101", made.exchanges[1], position=500)
    made.weird("GPI101", made.exchanges[0], position=70, more=5)
    found = made.one("GPI101")
    assert "byte 70 " in found.message and "and 6 more like this" in found.message
    assert made.verdict() == (UNPROVABLE, ("GPI101",))


def test_single_weird_has_all_its_ids() -> None:
    made = whole_read()
    made.weird("GPI102", made.exchanges[2], position=5, skipped=1)
    found = made.one("GPI102")
    assert (found.session, found.segment, found.exchange, found.connection, found.frames) == (1, 2, 3, 3, (31, 31))


@pytest.mark.parametrize("code", ["GPI103", "GPI105", "GPI106", "GPI107", "GPI108"])
def test_what_stops_a_segment_refutes_where_the_capture_has_every_byte(code: str) -> None:
    made = whole_read()
    made.weird(code, made.exchanges[0], letter="X", position=5, length=3, problem="checksum")
    assert made.verdict() == (REFUTED, (code,))
    lossy = Made()
    lossy.read(segment_count=1, on={"missing_bytes": 1})
    lossy.session()
    lossy.weird(code, lossy.exchanges[0], letter="X", position=5, length=3, problem="checksum")
    assert lossy.verdict() == (UNPROVABLE, (code,))


def test_names_are_listed_once_each() -> None:
    made = whole_read()
    for exchange in made.exchanges[:2]:
        for name in ("x-gp-xid", "x-gp-cid"):
            made.weird("GPI111", exchange, "client", name=name)
    assert "x-gp-xid, x-gp-cid (segments 0 and 1)" in made.one("GPI111").message
    assert made.verdict() == (PROVEN, ())


def test_answer_that_misspells_the_protocol_header_proves_nothing() -> None:
    made = whole_read()
    made.weird("GPI111", made.exchanges[0], name="x-gp-proto")
    assert made.verdict() == (UNPROVABLE, ("GPI111",))


def test_odd_values_of_different_headers_stay_apart() -> None:
    made = whole_read()
    made.weird("GPI113", made.exchanges[0], "client", name="X-GP-SEQ", value="abc")
    made.weird("GPI113", made.exchanges[1], "client", name="X-GP-SEGMENT-COUNT", value="many")
    assert len(made.findings("GPI113")) == 2
    assert made.verdict() == (PROVEN, ())


def test_messages_without_the_protocol_header_are_loaded_as_rows() -> None:
    made = whole_read()
    made.weird("GPI114", made.exchanges[0])
    assert made.verdict() == (REFUTED, ("GPI114",))


def test_foreign_framing_proves_nothing() -> None:
    made = whole_read()
    made.weird("GPI115", made.exchanges[0], what="Transfer-Encoding: gzip")
    assert made.verdict() == (UNPROVABLE, ("GPI115",))


def test_unreadable_csvopt_is_said_once_a_session() -> None:
    made = Made()
    for _ in range(3):
        made.read(csvopt="m1,x34", segment_count=3)
    made.session()
    assert "'m1,x34'" in made.one("GPI112").message
    good = Made()
    good.read(csvopt="m1x 34q 34n0h1")
    good.session()
    assert good.findings("GPI112") == []


def test_segment_number_beyond_the_cluster_is_odd() -> None:
    made = Made()
    made.read(segment=4, segment_count=4)
    made.session()
    assert "X-GP-SEGMENT-ID 4 with X-GP-SEGMENT-COUNT 4" in made.one("GPI116").message
    below = Made()
    below.read(segment=-1, segment_count=4)
    below.session()
    assert below.one("GPI116").severity is Severity.ERROR
    assert whole_read().findings("GPI116") == []


def test_cluster_that_changes_its_size_within_a_session_is_odd() -> None:
    made = Made()
    made.read(segment=0, segment_count=4)
    made.read(segment=1, segment_count=8)
    made.session()
    assert "X-GP-SEGMENT-COUNT is 4 and 8 in one session" in made.one("GPI116").message


def test_weird_of_a_kept_connection_belongs_to_the_exchange_that_had_begun() -> None:
    made = Made()
    first = made.read(segment_count=2)
    made.read(segment_count=2, connection=first.connection, frames=(100, 110))
    made.session([first])
    made.session([made.exchanges[1]])
    made.weird("GPI101", made.exchanges[1], position=1)
    made.weirds[-1] = made.weirds[-1].__class__("GPI101", first.connection, "server", made.weirds[-1].place, {"position": 1})
    assert made.one("GPI101").session == 2


def test_weird_without_exchange_names_the_connection_if_it_may_be_ours() -> None:
    made = Made()
    exchange = made.read()
    made.weird("GPI020", exchange, bytes=5)
    made.exchanges.clear()
    found = made.one("GPI020")
    assert (found.session, found.exchange, found.connection) == (None, None, 1)
    foreign = Made()
    exchange = foreign.read(on={"kind": "other"})
    foreign.weird("GPI020", exchange, bytes=5)
    foreign.exchanges.clear()
    assert foreign.codes() == []


def test_connection_older_than_the_capture_forbids_a_proof() -> None:
    made = Made()
    made.read(segment_count=2, on={"opened": False})
    made.read(segment_count=2)
    made.session()
    found = made.one("GPI024")
    assert (found.severity, found.segment) == (Severity.NOTE, 0)
    assert made.verdict() == (UNPROVABLE, ("GPI024",))
    assert whole_read().findings("GPI024") == []


def refusing(**changed: object) -> dict[str, object]:
    return {"kind": "silent", "reset_by": "server", "closed_by": "server", "client_bytes": 0, "server_bytes": 0, **changed}


def test_refused_connections_to_a_gpfdist_server_are_one_warning() -> None:
    made = whole_read()
    for _ in range(5):
        made.connection(**refusing())
    found = made.one("GPI027")
    assert (found.severity, found.session, found.frames) == (Severity.WARNING, None, (50, 99))
    assert "(5 connections)" in found.message
    assert made.verdict() == (PROVEN, ())


@pytest.mark.parametrize(
    "changed",
    [
        {"server": Address("10.0.0.77", 80)},
        {"reset_by": "client", "closed_by": "client"},
        {"reset_by": None},
        {"opened": False},
        {"client": Address("192.0.2.1", 5), "server": Address(SERVER.host, 22)},
    ],
)
def test_other_silent_connections_are_not_refused_by_gpfdist(changed: dict[str, object]) -> None:
    made = whole_read()
    made.connection(**refusing(**changed))
    assert made.findings("GPI027") == []


def test_segment_that_tries_another_port_of_the_server_is_refused() -> None:
    made = whole_read()
    made.connection(**refusing(server=Address(SERVER.host, 8081)))
    assert made.one("GPI027").connection == 5


def test_scan_of_all_ports_does_not_flood() -> None:
    made = whole_read()
    for port in range(1000, 2000):
        made.connection(**refusing(server=Address(SERVER.host, port)))
    assert len(made.findings("GPI027")) <= 21


def test_probes_are_one_note_a_server() -> None:
    made = Made()
    for _ in range(3):
        made.read(Outcome.PROBE, path="/gpfdist/status", segment=None)
    assert "(3 requests)" in made.one("GPI213").message
    assert whole_read().findings("GPI213") == []


def test_refusal_of_a_request_that_names_no_session_is_told() -> None:
    made = Made()
    made.refused(400, "invalid request (no gp-proto)")
    found = made.one("GPI203")
    assert (found.session, found.exchange) == (None, 1)


def test_findings_stand_in_order_of_time_then_session() -> None:
    made = Made()
    late = made.read(Outcome.BROKEN, segment_count=1)
    early = made.read(Outcome.BROKEN, segment=0, segment_count=1, on={"end_ns": START + 5})
    made.session([late])
    made.session([early])
    assert [finding.session for finding in made.judged().findings] == [2, 1]


def test_nothing_gives_nothing() -> None:
    assert Made().judged() == ([], [])


def test_session_without_members_is_not_proven() -> None:
    made = Made()
    made.session([])
    assert made.verdict() == (UNPROVABLE, ())


def test_every_way_to_end_is_judged() -> None:
    for outcome in Outcome:
        made = Made()
        made.read(outcome, segment_count=1)
        made.session()
        delivery, reasons = made.verdict()
        assert (delivery is PROVEN) == (outcome is Outcome.COMPLETE), outcome
        assert bool(reasons) == (delivery is not PROVEN and outcome not in WRITE_OUTCOMES), outcome


WRITE_OUTCOMES = {
    Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.DISCARDED, Outcome.UNANSWERED, Outcome.PROBE,
}  # fmt: skip
"""Ends that a read of protocol 1 does not have; they prove nothing without a reason."""
