"""The traps that recorded traffic has set for decryptors, one test each."""

import hashlib
import itertools
import subprocess
import sys

from gpinspect.engine.tls.keys import KeyStore
from gpinspect.engine.tls.negotiation import Negotiation

from .drive import drive
from .museum import (
    CAPTURES,
    connections,
    events,
    first_of,
    flip,
    keylog,
    positions,
    recorded_events,
    recorded_keys,
    recorded_plain,
    records,
    sidecar,
    store,
)
from .peers import Pair, identity

ETM = "tls12_rsa_aes128sha_etm_ems"
PROFILE = "tls10_rsa_aes128sha_gpfdists_profile"


def with_log(name: str) -> KeyStore:
    return store(f"keys/{name}.keylog")


def test_01_a_record_header_may_lie_over_a_segment_border():
    want = drive(events(ETM), with_log(ETM)).plain
    borders = [at for _, at, _ in records(positions(events(ETM), 1))]
    for inside in range(1, 5):
        cut, at = [], 0
        for event in events(ETM):
            what, side, value, ns, frame = event
            if side != 1:
                cut.append(event)
                continue
            edges = sorted({0, len(value), *(b + inside - at for b in borders if 0 < b + inside - at < len(value))})
            cut += [(what, side, value[a:b], ns, frame) for a, b in itertools.pairwise(edges)]
            at += len(value)
        assert drive(cut, with_log(ETM)).plain == want


def test_02_ciphertext_before_a_seen_handshake_is_never_shown():
    name = "miss_handshake_tls12_rsa"
    got = drive(events(name), store(*sidecar(name)["keys"]))
    assert (got.plain, got.report.decrypted, got.report.alerts) == ((b"", b""), "none", ())
    assert got.report.server_certificate is None and got.report.version is None


def test_03_a_wrong_rsa_key_is_named_and_shows_nothing():
    got = drive(events("wrongkey_tls12_rsa"), store("keys/wrong.key"))
    assert got.plain == (b"", b"") and "wrong.key" in got.report.reason and "certificate" in got.report.reason


def test_03_a_wrong_rsa_key_fails_the_later_steps_too_when_the_certificate_cannot_be_compared():
    # the certificate is damaged in its key: what is left are length and version of the premaster, then the MAC
    wire = events(ETM)
    stream = positions(wire, 1)
    spki = bytes.fromhex("300d06092a864886f70d010101")
    got = drive(flip(wire, 1, stream.index(spki) + 4), store("keys/wrong.key"))
    assert got.plain == (b"", b"") and got.report.decrypted == "none" and "premaster" in got.report.reason


def test_04_a_record_that_does_not_authenticate_is_not_shown():
    stream = positions(events(ETM), 1)
    data = [at for kind, at, _ in records(stream) if kind == 23]
    for at in data:
        got = drive(flip(events(ETM), 1, at + 40), with_log(ETM))
        assert len(got.lost) == 1 and got.report.decrypted == "partial"


def test_04_a_secret_that_fails_from_the_first_record_on_is_called_unfit():
    log = keylog(ETM)
    line = next(line for line in log.splitlines() if line.startswith(b"CLIENT_RANDOM"))
    got = drive(events(ETM), store(text=line[:-2] + (b"00" if line[-2:] != b"00" else b"01") + b"\n"))
    assert got.plain == (b"", b"") and "does not fit" in got.report.reason


def test_05_what_the_client_only_offers_is_not_in_force(tmp_path):
    keys = KeyStore()
    keys.add_server_key(identity("rsa", "server.test")[0], None, "server.key")
    for suite, plain, want in (
        ("AES128-SHA", True, (False, False)),
        ("AES128-SHA", False, (True, True)),
        ("AES128-GCM-SHA256", False, (True, False)),
    ):
        pair = Pair(tmp_path, "1.2", suite, plain_server=plain)
        pair.say(0, b"request")
        assert b"\0\x16\0\0" in pair.events[0][2] and b"\0\x17\0\0" in pair.events[0][2]
        report = (got := drive(pair.events, keys)).report
        assert (report.extended_master_secret, report.encrypt_then_mac, got.plain[0]) == (*want, b"request")


def test_06_the_session_hash_covers_the_client_certificate_and_starts_again_at_a_renegotiation(tmp_path):
    keys = KeyStore()
    keys.add_server_key(identity("rsa", "server.test")[0], None, "server.key")
    for version, suite in (("1.0", "AES128-SHA"), ("1.2", "AES256-GCM-SHA384")):
        pair = Pair(tmp_path, version, suite, client_certificate=True)
        pair.say(1, b"under the extended master secret")
        report = (got := drive(pair.events, keys)).report
        assert report.extended_master_secret and got.plain[1] == b"under the extended master secret"
    name = "renegotiation_by_server_other_suite"
    from .museum import recording_server_key

    assert drive(recorded_events(name), recording_server_key()).plain == recorded_plain(name)


def test_07_empty_records_of_tls10_count_but_are_not_delivered():
    got = drive(events(PROFILE), with_log(PROFILE))
    sealed = [size for kind, _, size in records(positions(events(PROFILE), 0)) if kind == 23]
    assert got.report.client.data_records == len(sealed) > sum(1 for call in got.calls if call[:2] == ("data", 0))
    assert min(sealed) == 36  # a block of padding around nothing, and 20 bytes of MAC


def test_08_repeated_labels_of_key_updates_do_not_hide_the_first_secrets():
    log = keylog("tls13_keyupdate_client")
    labels = [line.split()[0] for line in log.splitlines() if not line.startswith(b"#")]
    assert len(labels) > len(set(labels)) or b"CLIENT_TRAFFIC_SECRET_N" in labels
    got = drive(events("tls13_keyupdate_client"), store(text=log))
    assert (got.report.decrypted, got.report.key_updates) == ("full", 2)


def test_09_a_retry_does_not_start_the_connection_over():
    got = drive(recorded_events("hello_retry"), recorded_keys("hello_retry"))
    assert got.plain == recorded_plain("hello_retry") and got.report.retried and got.report.renegotiations == 0


def test_10_sides_are_told_by_the_caller_and_not_by_who_sent_data_first():
    got = drive(recorded_events("early_data_first"), recorded_keys("early_data_first"))
    first_data = next(call for call in got.calls)
    assert first_data[1] == 0 and got.plain == recorded_plain("early_data_first")


def test_11_directions_swapped_by_the_recorder_do_not_stop_decryption():
    wire = events(ETM)
    second = first_of(wire, 1)
    # the server's flight is put behind everything the client said next
    later = [event for event in wire[second:] if event[1] == 0][:2]
    rest = [event for event in wire[second:] if event not in later]
    got = drive(wire[:second] + later + rest, with_log(ETM))
    assert got.plain == drive(wire, with_log(ETM)).plain and got.report.decrypted == "full"


def test_12_one_bad_key_log_line_costs_one_line():
    log = b"CLIENT_RANDOM 1234 zz\n\x00\x01\n" + keylog(ETM) + b"CLIENT_RANDOM 0011"
    assert drive(events(ETM), store(text=log)).report.decrypted == "full"


def test_13_an_alert_of_more_than_two_bytes_is_ciphertext():
    report = drive(events(ETM)).report
    assert report.alerts == () and report.close_notify == ()
    kinds = [kind for kind, _, _ in records(positions(events(ETM), 1))]
    assert 21 in kinds
    assert all(alert.encrypted for alert in drive(events(ETM), with_log(ETM)).report.alerts)


def test_14_a_client_may_have_sent_its_request_before_it_is_refused():
    name = "tls13_mtls_missing_client_cert"
    got = drive(events(name), with_log(name))
    assert got.plain[0].startswith(b"GET ") and got.plain[1] == b""
    assert [(a.sender, a.description) for a in got.report.alerts] == [("server", "certificate_required")]
    assert got.report.client_certificate_requested and got.report.client_certificate_empty


def test_15_certificates_are_judged_at_the_time_of_the_capture(tmp_path):
    pair = Pair(tmp_path, "1.2", "AES128-SHA")
    # the peers' wire carries 2027-01-15 08:00 UTC; the certificate ends on 2040-01-01 00:00
    report = drive(pair.events).report
    assert report.server_certificate.days_left == 4733
    late = [(what, side, value, 2_240_000_000 * 10**9, frame) for what, side, value, _, frame in pair.events]
    # the certificate ended at 2,208,988,800 s: 31,011,200 s are 358.9 days too late, rounded down
    assert drive(late).report.server_certificate.days_left == -359


def test_16_the_four_ccm_and_gcm_suites_of_opengauss_are_known(tmp_path):
    names = ("DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES128-CCM", "DHE-RSA-AES256-CCM")
    for name in names:
        pair = Pair(tmp_path, "1.2", name)
        pair.say(1, b"row")
        keys = KeyStore()
        keys.add_keylog(pair.keys)
        report = (got := drive(pair.events, keys)).report
        assert (got.plain[1], report.suite_openssl, report.forward_secret) == (b"row", name, True)


def test_17_framing_above_tls_has_to_run_over_joined_plaintext():
    name = "real_gpfdist_tls12_rsa_aes128sha"
    got = drive(events(name), with_log(name))
    sizes = [length for what, side, length in got.calls if what == "data" and side == 1]
    body = got.plain[1].index(b"\r\n\r\n") + 4
    assert got.plain[1][body : body + 1] == b"F"
    longest, at = 0, body
    while at + 5 <= len(got.plain[1]):
        size = int.from_bytes(got.plain[1][at + 1 : at + 5], "big")
        longest, at = max(longest, size), at + 5 + size
    # one message is longer than any record, and the messages join to exactly what was sent
    assert longest > 16384 >= max(sizes) and at == len(got.plain[1])


def test_18_two_analyses_in_one_process_share_nothing():
    opened, locked = with_log(ETM), KeyStore()
    assert drive(events(ETM), opened).report.decrypted == "full"
    assert drive(events(ETM), locked).report.decrypted == "none"
    name = "tls12_resume_sessionid_rsa"
    ports = [connection["client_port"] for connection in sidecar(name)["connections"]]
    first, second = KeyStore(), store("keys/server.key")
    first.add_server_key((CAPTURES / "keys/server.key").read_bytes(), None, "server.key")
    assert drive(connections(name)[ports[0]].events, first).report.decrypted == "full"
    assert drive(connections(name)[ports[1]].events, second).report.decrypted == "none"
    assert drive(connections(name)[ports[1]].events, first).report.decrypted == "full"


def test_a_null_suite_is_read_without_keys_and_said_to_be_unproven():
    name = "tls12_rsa_null_sha256"
    want = sidecar(name)["connections"][0]["s2c"]["sha256"]
    open_, proven = drive(events(name)), drive(events(name), with_log(name))
    assert hashlib.sha256(open_.plain[1]).hexdigest() == want and not open_.report.authenticated
    assert hashlib.sha256(proven.plain[1]).hexdigest() == want and proven.report.authenticated
    data = [at for kind, at, _ in records(positions(events(name), 1)) if kind == 23]
    assert len(drive(flip(events(name), 1, data[1] + 50), with_log(name)).lost) == 1


def test_ciphers_and_certificates_are_loaded_only_when_they_are_needed():
    code = "import sys; import gpinspect.engine.tls; print(sorted(m for m in sys.modules if m.split('.')[0] == 'cryptography'))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_flight_kept_for_the_session_hash_is_bounded():
    negotiation = Negotiation(KeyStore(), 0)
    for _ in range(100):
        negotiation.keep(1, 11, bytes(1 << 17))
    assert negotiation.flight_broken
