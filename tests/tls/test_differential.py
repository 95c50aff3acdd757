"""Fresh traffic of OpenSSL through Python's ssl, suite by suite: the plaintext is what the peers wrote."""

import random

import pytest

from gpinspect.engine.tls.keys import KeyStore

from .drive import drive
from .peers import Pair, identity

SUITES = {
    "1.0": ["AES128-SHA", "AES256-SHA", "DHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "CAMELLIA128-SHA"],
    "1.1": ["AES128-SHA", "ECDHE-RSA-AES128-SHA", "CAMELLIA256-SHA"],
    "1.2": [
        "AES128-SHA",
        "AES256-SHA256",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "AES128-CCM",
        "AES256-CCM8",
        "DHE-RSA-AES128-GCM-SHA256",
        "DHE-RSA-AES256-GCM-SHA384",
        "DHE-RSA-AES128-CCM",
        "DHE-RSA-AES256-CCM",
        "DHE-RSA-CHACHA20-POLY1305",
        "ECDHE-RSA-AES128-SHA256",
        "ECDHE-RSA-AES256-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CAMELLIA256-SHA384",
        "CAMELLIA128-SHA256",
        "NULL-SHA256",
        "ECDHE-RSA-NULL-SHA",
    ],
}
CASES = [(version, suite) for version, suites in SUITES.items() for suite in suites]


def talk(pair: Pair, seed: int) -> None:
    """Small, empty-looking, record-sized and larger writes in both directions."""
    chance = random.Random(seed)
    for size in (1, 300, 16384, 16385, 5, 40000, 17):
        pair.say(chance.randint(0, 1), chance.randbytes(size))
    pair.say(0, b"last of the client")
    pair.say(1, b"last of the server")
    pair.end()


def logged(pair: Pair) -> KeyStore:
    keys = KeyStore()
    keys.add_keylog(pair.keys)
    return keys


@pytest.mark.parametrize(("version", "suite"), CASES, ids=str)
def test_every_suite_is_opened_with_the_key_log(tmp_path, version, suite):
    pair = Pair(tmp_path, version, suite)
    talk(pair, 1)
    for how in ({}, {"seed": 2}):
        got = drive(pair.events, logged(pair), **how)
        assert got.plain == (bytes(pair.said[0]), bytes(pair.said[1]))
        assert (got.report.decrypted, got.report.authenticated, got.report.suite_openssl) == ("full", True, suite)
        assert sorted(got.report.close_notify) == ["client", "server"]


@pytest.mark.parametrize(("version", "suite"), [case for case in CASES if "DHE" not in case[1]], ids=str)
def test_rsa_key_exchange_is_opened_with_the_server_key(tmp_path, version, suite):
    pair = Pair(tmp_path, version, suite, client_certificate=True)
    talk(pair, 3)
    keys = KeyStore()
    keys.add_server_key(identity("rsa", "server.test")[0], None, "server.key")
    got = drive(pair.events, keys)
    assert got.plain == (bytes(pair.said[0]), bytes(pair.said[1]))
    assert got.report.client_certificate.serial == identity("rsa", "client.test")[2]
    assert got.report.client_certificate_requested is True


@pytest.mark.parametrize("group", [None, "secp384r1"])
@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_tls13_is_opened_with_certificates_of_both_sides(tmp_path, kind, group):
    pair = Pair(tmp_path, "1.3", kind=kind, client_certificate=True, group=group)
    talk(pair, 4)
    for how in ({}, {"seed": 5}):
        report = (got := drive(pair.events, logged(pair), **how)).report
        assert got.plain == (bytes(pair.said[0]), bytes(pair.said[1]))
        assert (report.version, report.suite, report.retried) == ("TLSv1.3", pair.suite, group is not None)
        assert report.server_certificate.serial == identity(kind, "server.test")[2]
        assert report.client_certificate.serial == identity("rsa", "client.test")[2]


def test_two_connections_of_one_analysis_do_not_mix(tmp_path):
    pairs, keys = [], KeyStore()
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        pairs.append(Pair(folder, "1.2", "AES128-GCM-SHA256"))
        talk(pairs[-1], number)
        keys.add_keylog(pairs[-1].keys, str(number))
    for pair in pairs:
        assert drive(pair.events, keys).plain == (bytes(pair.said[0]), bytes(pair.said[1]))
    count = keys.key_log_count()
    assert (count.lines, count.used, count.bad) == (2, 2, 0)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_keys_that_come_after_the_bytes_are_asked_for(tmp_path, version):
    pair = Pair(tmp_path, version)
    talk(pair, 6)
    keys = KeyStore()
    assert drive(pair.events, keys).report.needs_secrets
    before = keys.revision
    keys.add_keylog(pair.keys)
    assert keys.revision > before
    assert drive(pair.events, keys).report.decrypted == "full"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_keys_that_come_while_the_connection_is_read_open_the_rest(tmp_path, version):
    pair = Pair(tmp_path, version, "AES128-GCM-SHA256" if version == "1.2" else "")
    keys, got = KeyStore(), []
    from gpinspect.engine.tls.connection import TlsConnection

    connection = TlsConnection(keys, lambda side, data, *_: got.append((side, data)), lambda *_: None)
    pair.say(0, b"before the key")
    for _, side, data, ns, frame in pair.events:
        connection.feed(side, data, ns, frame, 0)
    keys.add_keylog(pair.keys)
    seen = len(pair.events)
    pair.say(0, b"after the key")
    for _, side, data, ns, frame in pair.events[seen:]:
        connection.feed(side, data, ns, frame, 0)
    assert got == [(0, b"after the key")]
    assert connection.report().decrypted == "partial"
