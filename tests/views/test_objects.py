"""The JSON contract: keys typed from the document, values by hand."""

import json

from gpinspect.model import Severity
from gpinspect.views import objects
from views import samples

EXCHANGE = (
    "schema id session connection client server method path xid cid sn segment segment_count proto response_proto seq done status "
    "reason http_version message_counts payload_bytes payload_sha256 errors ended outcome reset_by start_ns first_byte_ns end_ns "
    "frames"
)
SESSION = (
    "schema id server tid xid cid sn proto path method server_version segments segments_with_data segment_count connections "
    "connections_reset exchanges payload_bytes payload_sha256 files errors delivery delivery_reasons start_ns end_ns findings"
)
FLOW = "schema session segment host exchanges packages payload_bytes payload_sha256 outcome start_ns end_ns stall_ns"
PACKAGE = "schema exchange index position file offset line length kind complete time_ns frames"
FINDING = "schema code name severity session segment exchange time_ns frames message advice"


def test_exchange_has_the_keys_of_the_contract() -> None:
    made = objects.exchange_object(samples.exchange())
    assert list(made) == EXCHANGE.split()
    assert made["schema"] == "gpinspect.exchange/1"
    assert made["message_counts"] == {"F": 1, "O": 1, "L": 1, "D": 2, "E": 0}
    assert (made["client"], made["outcome"], made["frames"]) == ("10.0.0.9:40001", "complete", [1, 9])


def test_what_the_request_did_not_say_is_null() -> None:
    unknown = dict.fromkeys(["method", "path", "xid", "cid", "sn", "segment", "segment_count", "proto", "status", "message_counts"])
    made = objects.exchange_object(samples.exchange(session=None, **unknown))
    assert {key: made[key] for key in ("session", *unknown)} == {"session": None, **unknown}


def test_session_has_the_keys_of_the_contract() -> None:
    made = objects.session_object(samples.session(), {"error": 1, "warning": 0, "note": 2})
    assert [key for key in made if key not in ("query", "rows", "query_delivery", "query_sessions")] == SESSION.split()
    assert (made["rows"], made["query_delivery"], made["query_sessions"]) == (None, "unprovable", 1)
    assert made["query"] == f"{made['xid']}.{made['cid']}"
    assert made["segments"] == [0, 1]
    assert made["findings"] == {"error": 1, "warning": 0, "note": 2}
    assert made["files"] == [
        {"name": "/data/a.csv", "first_offset": 47, "bytes": 8, "packages": 1, "gaps": [[50, 52]], "overlaps": [[48, 49]],
         "sha256": None}
    ]  # fmt: skip
    assert objects.session_object(samples.session())["findings"] == {"error": 0, "warning": 0, "note": 0}


def test_findings_are_counted_by_session_and_severity() -> None:
    found = [samples.finding(), samples.finding(Severity.NOTE), samples.finding(session=2), samples.finding(session=None)]
    assert objects.counts_by_session(found) == {
        1: {"error": 1, "warning": 0, "note": 1},
        2: {"error": 1, "warning": 0, "note": 0},
    }


def test_flow_has_the_keys_of_the_contract_and_no_stall_before_it_is_known() -> None:
    made = objects.flow_object(samples.flow())
    assert [key for key in made if key != "rows"] == FLOW.split()
    assert made["rows"] is None
    assert made["stall_ns"] is None


def test_package_has_the_keys_of_the_contract() -> None:
    exchange = samples.exchange(packages=samples.table((b"/data/a.csv", 47, b"1,x\n2,y\n"), (None, samples.UNKNOWN, b"z\n")))
    first, loose, end = objects.package_objects([exchange])
    assert list(first) == PACKAGE.split()
    assert [first[key] for key in ("index", "position", "file", "offset", "line", "length", "kind", "complete", "frames")] == [
        0, 0, "/data/a.csv", 47, 1, 8, "data", True, [4, 5],
    ]  # fmt: skip
    assert (loose["file"], loose["offset"], loose["line"]) == (None, None, None)
    assert (end["kind"], end["length"], end["index"]) == ("end", 0, 2)


def test_finding_has_the_keys_of_the_contract_and_its_connection() -> None:
    made = objects.finding_object(samples.finding())
    assert [key for key in made if key != "connection"] == FINDING.split()
    assert (made["severity"], made["frames"], made["connection"]) == ("error", [3, 9], 2)


def test_file_name_that_is_not_utf8_survives_any_json_reader() -> None:
    exchange = samples.exchange(packages=samples.table((b"/caf\xe9\x00", 0, b"x"), end=False))
    line = objects.json_line(next(objects.package_objects([exchange])))
    assert line.isascii()
    assert json.loads(line)["file"] == "/caf\\xe9\x00"


def test_text_that_was_read_with_surrogates_becomes_the_same_escape() -> None:
    assert objects.wire_text("/caf\udce9") == objects.wire_text(b"/caf\xe9") == "/caf\\xe9"
    assert objects.wire_text("\ud800é") == "\\ud800é"
    assert objects.wire_text(None) is None


def test_hostile_text_gives_one_ascii_line() -> None:
    hostile = samples.exchange(method=samples.NASTY, path=samples.NASTY, reason=samples.NASTY, errors=(samples.NASTY,))
    line = objects.json_line(objects.exchange_object(hostile))
    assert line.isascii() and line.isprintable() and "\\udcff" not in line
