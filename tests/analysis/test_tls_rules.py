"""Findings about TLS, each with a connection that shows it and one that does not."""

import pytest

from gpinspect.analysis.tls_certificates import matches, names_of
from gpinspect.engine.tls import reasons
from gpinspect.grammar import findings
from gpinspect.model import Outcome, Severity

from .hand import SECOND, START, Address
from .tls_hand import DAY, NO_DATA, ROOT, START_S, YEAR, MadeTls, alert, certificate, codes, one_read, preface

LOCKED = {"decrypted": "none", "handshake_done_ns": None, "close_notify": (), "client_certificate_requested": None}
CLASSIC = {"version": "TLSv1.2", "suite": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "suite_id": 0xC030}
FAILED = {**CLASSIC, "decrypted": "none", "handshake_done_ns": None, "client": NO_DATA, "server": NO_DATA, "close_notify": ()}


def closed(code, **changed):
    return {**LOCKED, "reason_code": code, "reason": reasons.SENTENCES[code], "client": {"data_records": 0},
            "server": {"data_records": 0, "data_bytes_sealed": 5000}, **changed}  # fmt: skip


def test_healthy_read_over_tls_says_nothing_about_tls():
    assert codes() == []
    assert one_read().told() == []


# what stays closed


REASONS = {
    **dict.fromkeys(
        (
            *("NO_KEY", "NO_KEY_FORWARD_SECRET", "FORWARD_SECRET", "NO_KEY_LOG", "NOT_RSA", "NO_LINE", "MASTER_HASH"),
            *("NO_CLIENT_KEY_EXCHANGE", "FIRST_HANDSHAKE"),
        ),
        "GPI501",
    ),
    **dict.fromkeys(("KEY_MISMATCH", "PREMASTER", "DOES_NOT_FIT"), "GPI502"),
    "LOST": "GPI503",
    "AUTHENTICATION": "GPI504",
    **dict.fromkeys(("NO_HANDSHAKE", "NO_CLIENT_HELLO", "NO_SERVER_HELLO"), "GPI505"),
    **dict.fromkeys(("SUITE", "COMPRESSION", "SSL3"), "GPI506"),
    "EARLY_CLEAR": "GPI507",
}


@pytest.mark.parametrize("name", REASONS)
def test_each_reason_has_its_finding_with_the_reason_in_words(name):
    made = MadeTls()
    made.speaks(**closed(getattr(reasons, name)))
    (told,) = made.told()
    assert told.code == REASONS[name]
    assert reasons.SENTENCES[getattr(reasons, name)] in told.message


def test_reasons_that_say_why_nothing_could_be_there_are_told_by_what_failed():
    left = {value for name, value in vars(reasons).items() if name.isupper() and name != "SENTENCES"}
    known = {getattr(reasons, name) for name in REASONS}
    assert left - known == {reasons.HANDSHAKE_FAILED, reasons.NO_DATA}


def test_one_reason_on_one_server_is_one_note_and_another_server_is_another():
    made = MadeTls()
    for _ in range(4):
        made.speaks(**closed(reasons.NO_KEY))
    made.speaks(on={"server": Address("10.0.0.10", 8443)}, **closed(reasons.NO_KEY))
    first, second = made.told()
    assert first.severity is Severity.NOTE and "(4 connections)" in first.message and first.connection is None
    assert second.connection == 5 and "connections)" not in second.message


def test_postgres_client_is_told_another_way_to_its_secret():
    made = MadeTls()
    made.speaks(asked=preface(), **closed(reasons.FORWARD_SECRET, **CLASSIC))
    told = {finding.code: finding for finding in made.told()}
    assert set(told) == {"GPI508", "GPI550"} and "sslkeylogfile" in told["GPI508"].advice


def test_a_failed_handshake_is_not_said_to_want_a_key():
    assert codes(**closed(reasons.NO_KEY, alerts=(alert("unknown_ca", "client"),), server=NO_DATA)) == ["GPI511"]


def test_scan_with_ever_new_names_does_not_flood():
    made = MadeTls()
    for number in range(200):
        made.speaks(sni=f"host{number}.example.test")
    assert len(made.told()) <= 21


# alerts


ALERTS = [
    ("client", "unknown_ca", {}, "GPI511", "root.crt on the segment"),
    ("client", "bad_certificate", {}, "GPI511", "rejects the server's certificate"),
    ("client", "certificate_revoked", {}, "GPI511", "revocation list"),
    ("server", "unknown_ca", {}, "GPI512", "does not trust the client certificate"),
    ("server", "certificate_expired", {}, "GPI512", "out of date"),
    ("server", "certificate_required", {}, "GPI513", "certificate_required"),
    ("server", "handshake_failure", {"client_certificate_empty": True}, "GPI513", "handshake_failure"),
    ("server", "handshake_failure", {}, "GPI515", "handshake_failure"),
    ("server", "insufficient_security", {}, "GPI515", "insufficient_security"),
    ("server", "protocol_version", {}, "GPI514", "offered: TLSv1.3, TLSv1.2"),
    ("client", "protocol_version", {}, "GPI514", "the client refuses"),
    ("server", "unrecognized_name", {}, "GPI510", "no certificate for the name"),
    ("server", "internal_error", {}, "GPI510", "a fault inside the sender"),
    ("client", "unknown (77)", {}, "GPI510", "unknown (77)"),
]


@pytest.mark.parametrize(("sender", "name", "changed", "code", "says"), ALERTS)
def test_alert_is_told_with_who_sent_it_and_what_it_means(sender, name, changed, code, says):
    made = MadeTls()
    made.speaks(alerts=(alert(name, sender),), **{**FAILED, **changed})
    (told,) = made.told()
    assert (told.code, told.severity, told.frames) == (code, Severity.ERROR, (17, 17))
    assert says in told.message


def test_advice_names_the_file_to_look_at():
    assert "`gpfdists/root.crt`" in findings.kind("GPI511").advice and "server.crt" in findings.kind("GPI511").advice
    assert "root.crt in the directory of `--ssl`" in findings.kind("GPI512").advice
    assert "client.crt and client.key" in findings.kind("GPI513").advice
    assert "--ssl_verify_peer" in findings.kind("GPI513").explanation
    assert "verify_gpfdists_cert" in findings.kind("GPI511").advice


def test_alert_after_data_ended_a_transfer_and_not_a_handshake():
    assert codes(alerts=(alert("bad_record_mac", "client", encrypted=True),)) == ["GPI519"]


def test_alerts_after_close_notify_are_harmless():
    both = (alert("close_notify", level="warning", encrypted=True), alert("unexpected_message", "client", encrypted=True))
    assert codes(alerts=both) == []


def test_refused_renegotiation_is_a_note():
    assert codes(alerts=(alert("no_renegotiation", "client", "warning", encrypted=True),)) == ["GPI549"]


# ends without an alert


def test_tls13_alert_in_place_of_the_clients_finished_is_told_by_its_size():
    sealed = closed(reasons.NO_KEY_FORWARD_SECRET, client={"data_records": 0, "data_bytes_sealed": 2 + 1 + 16})
    assert codes(**sealed) == ["GPI501", "GPI516"]
    # a Finished with SHA-384: 4 + 48 + 1 + 16 bytes, then a request
    finished = closed(reasons.NO_KEY_FORWARD_SECRET, client={"data_records": 0, "data_bytes_sealed": 69 + 400})
    assert codes(**finished) == ["GPI501"]


def test_handshake_that_one_side_left_is_told_unless_the_capture_ends_first():
    assert codes(**FAILED) == ["GPI517"]
    assert codes(on={"closed_by": None}, **FAILED) == []
    assert codes(on={"missing_bytes": 5}, **FAILED) == []


def test_connection_that_nobody_used_after_the_handshake_is_told():
    unused = {**FAILED, "handshake_done_ns": START + 9}
    assert codes(**unused) == ["GPI518"]
    assert codes(**{**unused, "client": {}}) == []


# certificates


def dated(before, after, **changed):
    return certificate(not_before_s=START_S + before, not_after_s=START_S + after, **changed)


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (dated(-YEAR, -1), ["GPI520"]),
        (dated(-YEAR, 0), ["GPI522"]),
        (dated(-YEAR, 7 * DAY - 1), ["GPI522"]),
        (dated(-YEAR, 7 * DAY), []),
        (dated(60, YEAR), ["GPI521"]),
        (dated(0, YEAR), []),
        (certificate(key_bits=2047), ["GPI524"]),
        (certificate(key_type="EllipticCurve", key_bits=256), []),
        (certificate(key_type="EllipticCurve", key_bits=192), ["GPI524"]),
        (certificate(key_type="Ed25519", key_bits=None), []),
        (certificate(signature_hash="sha1"), ["GPI525"]),
        (certificate(signature_hash="md5"), ["GPI525"]),
        (certificate(signature_hash=None), []),
        (certificate(issuer="CN=Other CA"), ["GPI526"]),
    ],
)
def test_certificate_of_the_server_is_judged_at_the_time_of_the_capture(shown, told):
    assert codes(server_certificate=shown) == told


def test_days_left_and_date_are_in_the_message():
    made = MadeTls()
    made.speaks(server_certificate=dated(-YEAR, 3 * DAY + 5, not_after="2023-11-17T22:13:25+00:00"))
    (told,) = made.told()
    assert "3 days left" in told.message and "2023-11-17" in told.message and told.severity is Severity.WARNING


def test_client_certificates_are_judged_too_and_once_for_all_connections():
    made = MadeTls()
    for _ in range(3):
        made.speaks(client_chain=(dated(-YEAR, -DAY, subject="CN=gpseg0"), ROOT))
    (told,) = made.told()
    assert told.code == "GPI520" and "the client's certificate CN=gpseg0" in told.message and "(3 connections)" in told.message


def test_signature_of_a_root_under_itself_is_nothing():
    old_root = certificate(subject="CN=Example CA", issuer="CN=Example CA", self_signed=True, signature_hash="sha1")
    assert codes(server_chain=(certificate(), old_root)) == []


def test_certificate_that_cannot_be_read_is_told():
    assert codes(unreadable_certificates=1) == ["GPI527"]


def test_name_that_is_not_in_the_certificate_is_told_with_what_the_client_did():
    made = MadeTls()
    made.speaks(sni="etl2.example.test")
    (told,) = made.told()
    assert told.code == "GPI523" and told.severity is Severity.WARNING
    assert (
        "etl2.example.test" in told.message
        and "etl1.example.test" in told.message
        and "verify_gpfdists_cert is off" in told.message
    )
    made = MadeTls()
    made.speaks(sni="etl2.example.test", **{**FAILED, "handshake_done_ns": START + 9})
    assert [one.code for one in made.told()] == ["GPI518", "GPI523"]
    assert "sent no request" in made.told()[1].message


def test_postgres_clients_may_go_on_with_another_name():
    assert "GPI523" not in codes(asked=preface(), sni="db2")
    assert "GPI523" in codes(asked=preface(), sni="db2", **{**FAILED, "handshake_done_ns": START + 9})


@pytest.mark.parametrize(
    ("wanted", "candidate", "same"),
    [
        ("ETL1.example.test", "etl1.Example.test.", True),
        ("a.example.test", "*.example.test", True),
        ("a.b.example.test", "*.example.test", False),
        ("example.test", "*.example.test", False),
        ("etl1", "*", False),
        ("a.test", "*.test", False),
        ("etl1.example.test", "etl1", False),
    ],
)
def test_names_match_as_a_tls_client_matches_them(wanted, candidate, same):
    assert matches(wanted, candidate) is same


def test_common_name_counts_only_without_alternative_names():
    assert names_of(certificate(san=("127.0.0.1", "::1"))) == ("etl1.example.test",)
    assert names_of(certificate(san=("other",))) == ("other",)
    assert names_of(certificate(san=(), subject="O=Example")) == ()
    assert names_of(certificate(san=(), subject=r"O=Exa\,CN=no,CN=yes")) == ("yes",)


# what was agreed


@pytest.mark.parametrize(
    ("version", "suite", "number", "told"),
    [
        ("SSLv3", "TLS_RSA_WITH_AES_128_CBC_SHA", 0x002F, ["GPI534"]),
        ("TLSv1", "TLS_RSA_WITH_AES_128_CBC_SHA", 0x002F, ["GPI531"]),
        ("TLSv1", "TLS_RSA_WITH_AES_256_CBC_SHA", 0x0035, ["GPI530"]),
        ("TLSv1.1", "TLS_RSA_WITH_AES_128_CBC_SHA", 0x002F, ["GPI530"]),
        ("TLSv1.2", "TLS_RSA_WITH_AES_128_CBC_SHA", 0x002F, ["GPI531"]),
        ("TLSv1.2", "TLS_RSA_WITH_AES_256_GCM_SHA384", 0x009D, []),
        ("TLSv1.2", "TLS_RSA_WITH_NULL_SHA256", 0x003B, ["GPI533"]),
        ("TLSv1.2", "TLS_DH_anon_WITH_AES_128_GCM_SHA256", 0x00A6, ["GPI535"]),
        ("TLSv1.2", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0x000A, ["GPI535"]),
        ("TLSv1.2", "TLS_RSA_WITH_RC4_128_SHA", 0x0005, ["GPI535"]),
    ],
)
def test_versions_and_suites_that_should_not_be_there_are_told(version, suite, number, told):
    assert codes(version=version, suite=suite, suite_id=number) == told


def test_obsolete_versions_and_the_documented_suite_are_warnings():
    assert {findings.kind(code).severity for code in ("GPI530", "GPI531", "GPI534")} == {Severity.WARNING}


def test_server_that_takes_an_empty_certificate_is_told():
    empty = {"client_certificate_empty": True, "client_certificate": None, "client_chain": ()}
    assert codes(**empty) == ["GPI540"]
    assert codes(**empty, asked=preface(), **CLASSIC) == ["GPI550"]


def test_server_that_asks_for_no_certificate_is_a_note_unless_it_cannot_be_gpfdist():
    silent = {"client_certificate_requested": False, "client_certificate": None, "client_chain": ()}
    assert codes(**silent) == ["GPI541"]
    assert codes(**silent, alpn="h2") == []
    assert codes(**silent, resumed=True) == []
    assert codes(**{**silent, "client_certificate_requested": None}) == []


def test_close_without_notify_is_a_note_after_a_proven_end_and_a_warning_else():
    whole = one_read(close_notify=("client",))
    assert [one.code for one in whole.told()] == ["GPI545"] and whole.told()[0].session == 1
    made = MadeTls()
    made.read(Outcome.BROKEN)
    made.speaks(exchange=made.exchanges[0], close_notify=())
    assert [one.code for one in made.told()] == ["GPI546"]


def test_up_to_tls12_a_missing_notify_is_seen_without_keys_and_in_tls13_it_is_not():
    locked = {**LOCKED, **CLASSIC, "reason_code": reasons.NO_DATA, "handshake_done_ns": START + 9}
    assert codes(**locked, server={"data_records": 0}) == ["GPI546"]
    assert codes(**locked, server={"data_records": 0, "alert_records": 1}) == []
    assert (
        codes(**{**locked, "version": "TLSv1.3", "handshake_done_ns": None}, server={"data_records": 0}, client={"data_records": 0})
        == []
    )


def test_close_by_the_client_needs_no_notify_of_the_server():
    assert codes(on={"closed_by": "client"}, close_notify=("client",)) == []
    assert codes(on={"missing_bytes": 9}, close_notify=()) == []


# PostgreSQL and openGauss


@pytest.mark.parametrize(
    ("version", "suite", "number", "told"),
    [
        ("TLSv1.2", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", 0x009E, []),
        ("TLSv1.2", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", 0x009F, []),
        ("TLSv1.2", "TLS_DHE_RSA_WITH_AES_128_CCM", 0xC09E, []),
        ("TLSv1.2", "TLS_DHE_RSA_WITH_AES_256_CCM", 0xC09F, []),
        ("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xC030, ["GPI550"]),
        ("TLSv1.3", "TLS_AES_256_GCM_SHA384", 0x1302, ["GPI550", "GPI551"]),
    ],
)
def test_connection_that_is_not_as_opengauss_documents_is_noted(version, suite, number, told):
    assert codes(asked=preface(), version=version, suite=suite, suite_id=number) == told
    assert codes(version=version, suite=suite, suite_id=number) == []


NOTHING = {
    "version": None,
    "versions_offered": (),
    "suite": None,
    "suite_id": None,
    "sni": None,
    "server_certificate": None,
    "client_chain": (),
    "decrypted": "none",
    "handshake_done_ns": None,
    "close_notify": (),
    "client_certificate_requested": None,
    "client": {**NO_DATA, "records": 0},
    "server": {**NO_DATA, "records": 0},
    "reason_code": reasons.NO_DATA,
}


@pytest.mark.parametrize(
    ("said", "rows", "told"),
    [
        ({"reply": "N", "tls": False, "startup": True}, (17, 18), ["GPI553"]),
        ({"reply": "N", "tls": False, "client_closed": True}, (19, 20, 21, 22, 23, 24), ["GPI554"]),
        ({"reply": "N", "tls": False}, (17, 18, 19, 20, 21, 22, 23, 24), []),
        ({"preface": None, "reply": None, "tls": False, "startup": True, "accepted": False}, (1,), ["GPI555"]),
        ({"preface": None, "reply": None, "tls": False, "startup": True, "accepted": False}, (3,), []),
        ({"preface": None, "reply": None, "tls": False, "startup": True, "accepted": True}, (2, 4, 13, 14, 15, 16), []),
    ],
)
def test_outcome_of_the_negotiation_is_told(said, rows, told):
    assert codes(asked=preface(**said), rows=rows, **NOTHING) == told


@pytest.mark.parametrize("sender", ["client", "server"])
def test_bytes_between_the_answer_and_the_handshake_are_an_error(sender):
    dhe = {"version": "TLSv1.2", "suite": "TLS_DHE_RSA_WITH_AES_128_CCM", "suite_id": 0xC09E}
    made = MadeTls()
    made.speaks(asked=preface(**{f"early_{sender}_bytes": 12}), **dhe)
    (told,) = made.told()
    assert (told.code, told.severity) == ("GPI552", Severity.ERROR) and f"12 bytes of the {sender}" in told.message


# mixed-up schemes, as values; tests with frames stand beside


def plain_request(made, **on):
    return made.read(
        Outcome.BROKEN,
        status=None,
        reason=None,
        response_proto=None,
        ended=False,
        on={"kind": "http", "server_bytes": 0, "closed_by": "server", "reset_by": "server", **on},
    )


def test_plain_request_that_a_tls_port_resets_is_told():
    made = MadeTls()
    made.speaks()
    plain_request(made)
    (told,) = made.told()
    assert (told.code, told.connection, told.exchange) == ("GPI560", 2, 1)


@pytest.mark.parametrize(
    "on", [{"server": Address("10.0.0.9", 1)}, {"closed_by": "client", "reset_by": None}, {"missing_bytes": 4}]
)
def test_other_requests_without_an_answer_are_no_mix_up(on):
    made = MadeTls()
    made.speaks()
    plain_request(made, **on)
    assert made.told() == []


SILENT = {"kind": "silent", "client_bytes": 0, "server_bytes": 0, "answered": True, "closed_by": "client"}


def quiet(seconds, **changed):
    made = MadeTls()
    made.speaks()
    made.connection(**{**SILENT, "start_ns": START, "end_ns": START + seconds * SECOND, **changed})
    return [finding.code for finding in made.told()]


def test_probe_that_only_connects_to_a_tls_port_is_told_when_it_lasts():
    assert quiet(2) == ["GPI562"]
    assert quiet(1) == []
    assert quiet(2, answered=False) == []
    assert quiet(2, server=Address("10.0.0.9", 22)) == []


def test_client_that_says_hello_late_is_told_too():
    assert codes(client={"first_ns": START + 4 * SECOND}) == ["GPI562"]
