"""Rarer turns of the protocol, recorded from OpenSSL's own client and server; the plaintext is what was typed."""

import pytest

from gpinspect.engine.tls.keys import KeyStore

from .drive import drive
from .museum import RECORDED, recorded_events, recorded_keys, recorded_plain, recording_server_key

OPENED = [name for name in RECORDED if name != "aria_suite"]


@pytest.mark.parametrize("how", [{}, {"cut": 1}, {"seed": 5}], ids=str)
@pytest.mark.parametrize("name", OPENED)
def test_typed_text_comes_out(name, how):
    got = drive(recorded_events(name), recorded_keys(name), **how)
    assert (got.plain, got.report.decrypted, got.report.reason) == (recorded_plain(name), "full", None)


def test_retry_keeps_the_connection_and_is_told():
    assert drive(recorded_events("hello_retry"), recorded_keys("hello_retry")).report.retried


def test_eight_key_updates_are_derived_and_counted():
    # the client sent three, two of them asking for an answer; the server two, one of them asking: 3 + 2 and 2 + 1 answers
    report = drive(recorded_events("key_updates_on_both_sides"), recorded_keys("key_updates_on_both_sides")).report
    assert report.key_updates == 8


def test_accepted_early_data_is_part_of_the_plaintext():
    got = drive(recorded_events("early_data_accepted"), recorded_keys("early_data_accepted"))
    assert (got.report.early_data, got.report.resumption) == ("accepted", "psk")
    assert got.plain[0].startswith(b"EARLY DATA FROM CLIENT\n" * 30)


@pytest.mark.parametrize("name", ["early_data_refused", "early_data_refused_by_retry"])
def test_refused_early_data_is_no_loss_and_no_plaintext(name):
    got = drive(recorded_events(name), recorded_keys(name))
    assert (got.report.early_data, got.report.decrypted, got.lost) == ("rejected", "full", [])
    assert b"EARLY" not in got.plain[0]


@pytest.mark.parametrize("name", ["renegotiation_tls10_other_suite", "renegotiation_by_server_other_suite"])
def test_server_key_alone_opens_both_handshakes_of_a_renegotiation(name):
    got = drive(recorded_events(name), recording_server_key())
    assert (got.plain, got.report.renegotiations) == (recorded_plain(name), 1)


def test_renegotiation_asked_by_the_server_is_told():
    report = drive(recorded_events("renegotiation_by_server"), recorded_keys("renegotiation_by_server")).report
    assert (report.renegotiations, report.renegotiation_asked_by_server) == (1, True)


def test_server_key_opens_up_to_the_renegotiation_that_went_forward_secret():
    got = drive(recorded_events("renegotiation_to_ecdhe"), recording_server_key())
    assert got.plain == (b"one from client\n", b"one from server\n")
    assert (got.report.decrypted, got.report.suite) == ("partial", "TLS_RSA_WITH_AES_128_CBC_SHA")
    assert "forward secret" in got.report.reason and "renegotiation 1" in got.report.reason


def test_client_certificate_asked_for_after_the_handshake_is_seen():
    report = drive(recorded_events("client_certificate_asked_late"), recorded_keys("client_certificate_asked_late")).report
    assert report.client_certificate_requested is True
    assert report.client_certificate.subject == "CN=etl.test,O=Test"


def test_ticket_leads_back_to_the_first_handshake_with_the_server_key_alone():
    keys = recording_server_key()
    assert drive(recorded_events("ticket_first"), keys).plain == recorded_plain("ticket_first")
    got = drive(recorded_events("ticket_resumed"), keys)
    assert (got.plain, got.report.resumption) == (recorded_plain("ticket_resumed"), "ticket")


def test_tls13_facts_that_stand_under_encryption_are_unknown_without_keys():
    report = drive(recorded_events("client_certificate_asked_late"), KeyStore()).report
    assert report.server_certificate is None and report.client_certificate_requested is None
