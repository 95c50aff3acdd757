"""tshark with the dissector, used as a person uses it."""

import json
from pathlib import Path

import pytest

from .lua_running import CAPTURES, LUA, damaged, rewritten, tshark

HEADER_4SEG = CAPTURES / "gp-get-csv-header-4seg.pcapng"
LOSS = CAPTURES / "gp-get-csv-loss.pcapng"


def fields(path: Path, wanted: str, *names: str, more: tuple[str, ...] = ()) -> list[list[str]]:
    shown = [word for name in names for word in ("-e", name)]
    return [line.split("\t") for line in tshark(path, *more, "-Y", wanted, "-T", "fields", *shown).splitlines()]


def test_a_filter_on_the_letter_finds_the_error_message() -> None:
    path = CAPTURES / "gp-get-line-too-long-s.pcapng"
    truth = json.loads(path.with_name(path.name + ".json").read_text())
    errors = sum(stream.get("package_counts", {}).get("E", 0) for stream in truth["streams"])
    assert errors == 1
    found = fields(path, 'gpfdist.message.type == "E"', "frame.number", "gpfdist.message.text", "gpfdist.code")
    assert len(found) == 1
    assert found[0][1].startswith("line too long in file /")
    assert found[0][2] == "GPI201"


def test_path_and_segment_of_each_request_are_fields() -> None:
    found = fields(HEADER_4SEG, "gpfdist.request", "gpfdist.path", "gpfdist.segment_id", "gpfdist.segment_count")
    assert sorted(found) == [["/gp-get-csv-header-4seg.csv", str(number), "4"] for number in range(4)]


def test_the_session_is_in_every_frame_with_payload_of_all_its_segments() -> None:
    with_payload = {row[0] for row in fields(HEADER_4SEG, "tcp.len > 0", "frame.number")}
    wanted = 'gpfdist.session == "23-0000000002.2.0.1:/gp-get-csv-header-4seg.csv"'
    found = fields(HEADER_4SEG, wanted, "frame.number", "gpfdist.gp_segment")
    assert {row[0] for row in found} == with_payload
    assert {row[1] for row in found} == {"0", "1", "2", "3"}


def test_the_column_reads_well() -> None:
    said = tshark(HEADER_4SEG)
    assert "gpfdist 541 GET /gp-get-csv-header-4seg.csv seg 2/4 ..0002/2/0\n" in said
    assert "Package #2 gp-get-csv-header-4seg.csv @163677 32738 B" in said
    assert "200 ok, protocol 1" in said
    assert "HTTP" not in said


def test_request_and_answer_point_at_each_other() -> None:
    asked = fields(HEADER_4SEG, "gpfdist.request", "frame.number", "gpfdist.answer_in", more=("-2",))
    answered = fields(HEADER_4SEG, "gpfdist.answer", "gpfdist.request_in", "frame.number", "gpfdist.time", more=("-2",))
    assert sorted(asked) == sorted(row[:2] for row in answered)
    assert len(asked) == 4
    assert all(0 < float(row[2]) < 1 for row in answered)


def test_one_package_as_a_tree() -> None:
    said = tshark(HEADER_4SEG, "-V", "-O", "gpfdist", "-Y", "frame.number == 32")
    for line in ("F file name, 36 B: /data/etl/gp-get-csv-header-4seg.csv", "O offset, 8 B: 163677", "D rows, 32738 B", "Type: D"):
        assert line in said


def test_statistics_name_sessions_and_segments() -> None:
    said = tshark(HEADER_4SEG, "-q", "-o", "gpfdist.statistics:sessions")
    truth = json.loads(HEADER_4SEG.with_name(HEADER_4SEG.name + ".json").read_text())
    assert "127.0.0.1:8080  23-0000000002.2.0.1:/gp-get-csv-header-4seg.csv" in said
    total = next(line.split() for line in said.splitlines() if line.startswith("all"))
    assert total == ["all", "4", "11", str(truth["payload_bytes"]), "0"]


@pytest.mark.parametrize("setting", ["TRUE", "FALSE"])
def test_segments_out_of_order_are_put_in_order_whatever_tshark_is_told(setting: str) -> None:
    truth = json.loads(LOSS.with_name(LOSS.name + ".json").read_text())
    said = tshark(LOSS, "-q", "-o", f"tcp.reassemble_out_of_order:{setting}", "-o", "gpfdist.statistics:sums")
    sums = json.loads(said)
    counted = {letter: sum(stream.get("package_counts", {}).get(letter, 0) for stream in truth["streams"]) for letter in "FOLDE"}
    late = sum(stream["status"] == "HTTP/1.0 200 ok" and stream["response_proto"] is None for stream in truth["streams"])
    counted["D"] += late  # an answer that comes too late is followed by an end package, which the truth does not count
    assert sums["message_counts"] == counted
    assert sums["payload_bytes"] == truth["payload_bytes"]


def test_two_passes_show_what_one_pass_shows() -> None:
    words = ("-Y", "gpfdist", "-T", "fields", "-e", "frame.number", "-e", "gpfdist.message.type", "-e", "gpfdist.rows.position")
    assert tshark(LOSS, *words) == tshark(LOSS, "-2", *words)


def test_two_passes_without_a_filter_have_the_column_too() -> None:
    assert tshark(HEADER_4SEG, "-2").count("Package #") == tshark(HEADER_4SEG).count("Package #")


def test_connections_are_found_on_ports_of_other_protocols(tmp_path: Path) -> None:
    def moved(records: list) -> list:
        return [
            record._replace(
                captured=record.captured.replace(b"\x1f\x90", b"\x00\x50", 1)
                if b"\x1f\x90" in record.captured[34:38]
                else record.captured
            )
            for record in records
        ]

    path = rewritten(HEADER_4SEG, tmp_path / "port80.pcapng", moved)
    assert len(fields(path, "gpfdist.request && tcp.dstport == 80", "frame.number")) == 4
    assert tshark(path, "-q", "-o", "gpfdist.statistics:sums") == tshark(HEADER_4SEG, "-q", "-o", "gpfdist.statistics:sums")


@pytest.mark.parametrize("name", ["pg_ssloff_prefer.pcap", "pg_sslon_hostssl_disable.pcap", "tls12_client_rejects_expired.pcap"])
def test_other_protocols_stay_what_they_are(name: str, tmp_path: Path) -> None:
    path = CAPTURES / "tls-findings" / name
    nothing = tmp_path / "nothing.lua"
    nothing.write_text("")
    postgres = () if name.startswith("tls") else ("-d", "tcp.port==55432,pgsql")
    assert tshark(path, *postgres) == tshark(path, *postgres, script=nothing)
    assert ("PGSQL" if postgres else "TLS") in tshark(path, *postgres)


def test_gpfdist_inside_tls_is_read_when_tshark_has_the_key() -> None:
    path = CAPTURES / "tls" / "tls12_rsa_null_sha256.pcap"
    keys = ("-o", f"tls.keylog_file:{CAPTURES / 'tls' / 'keys' / 'tls12_rsa_null_sha256.keylog'}")
    letters = [letter for row in fields(path, "gpfdist.message", "gpfdist.message.type", more=keys) for letter in row[0].split(",")]
    assert "".join(letters) == "FOLD" * 3 + "D"


def test_loading_it_twice_makes_no_error() -> None:
    assert "Package #" in tshark(HEADER_4SEG, "-X", f"lua_script:{LUA}")


@pytest.mark.parametrize("name", ["gp-get-csv-loss.pcapng", "curl-bad-requests.pcapng", "m7-get-zstd-csv-mtu1500-3seg.pcap"])
@pytest.mark.parametrize("seed", range(10))
def test_damaged_captures_make_neither_a_lua_error_nor_a_hang(name: str, seed: int, tmp_path: Path) -> None:
    path = rewritten(
        CAPTURES / name,
        tmp_path / "damaged.pcapng",
        lambda records: [record for part in range(5) for record in damaged(seed * 5 + part)(records)],
    )
    tshark(path, *(("-2", "-V", "-O", "gpfdist") if seed % 2 else ("-V", "-O", "gpfdist")))
