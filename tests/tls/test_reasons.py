"""One clear sentence for each way in which a connection stays closed."""

import struct

import pytest

from gpinspect.engine.tls.keys import KeyStore
from gpinspect.engine.tls.reasons import SENTENCES

from .drive import drive
from .museum import (
    connections,
    events,
    flip,
    keylog,
    positions,
    punch,
    recorded_events,
    recorded_keys,
    recording_server_key,
    records,
    sidecar,
    store,
)

ETM = "tls12_rsa_aes128sha_etm_ems"


def told(wire, keys=None) -> tuple[str, str]:
    report = drive(wire, keys or KeyStore()).report
    assert report.reason
    return report.decrypted, report.reason_code


def record(kind: int, body: bytes, minor: int = 3) -> bytes:
    return struct.pack(">BBBH", kind, 3, minor, len(body)) + body


def hello(version: int, suite: int, compression: int = 0) -> list:
    """ClientHello, ServerHello and both ChangeCipherSpec with a record behind, as two events."""
    client = struct.pack(">H", version) + bytes(32) + b"\0" + struct.pack(">HH", 2, suite) + b"\1\0"
    server = struct.pack(">H", version) + bytes(32) + b"\0" + struct.pack(">HB", suite, compression)
    one = record(22, struct.pack(">I", 1 << 24 | len(client)) + client)
    two = record(22, struct.pack(">I", 2 << 24 | len(server)) + server + b"\x0e\0\0\0")
    rest = record(22, b"\x10\0\0\2\0\0") + record(20, b"\1") + record(22, bytes(range(40))) + record(23, bytes(range(64)))
    return [("bytes", 0, one, 1, 1), ("bytes", 1, two, 1, 2), ("bytes", 0, rest, 1, 3), ("bytes", 1, rest[11:], 1, 4)]


def resumed() -> list:
    name = "tls12_resume_sessionid_rsa"
    return connections(name)[sidecar(name)["connections"][1]["client_port"]].events


def data_at(wire, side: int, index: int) -> int:
    return [at for kind, at, _ in records(positions(wire, side)) if kind == 23][index]


def without_key_exchange() -> list:
    wire = events(ETM)
    client = [at for _, at, _ in records(positions(wire, 0))]
    return punch(wire, 0, client[1], client[2])


CASES = {
    "no key": lambda: told(events(ETM)),
    "no key, forward secret": lambda: told(events("serverkeyonly_tls12_dhe")),
    "no key, not RSA": lambda: told(recorded_events("psk_suite")),
    "forward secret": lambda: told(events("serverkeyonly_tls12_dhe"), store("keys/server.key")),
    "key exchange is not RSA": lambda: told(recorded_events("psk_suite"), recording_server_key()),
    "no key log line": lambda: told(events(ETM), store("keys/tls13_keyupdate_client.keylog")),
    "key is not that of the certificate": lambda: told(events("wrongkey_tls12_rsa"), store("keys/wrong.key")),
    "ClientKeyExchange not captured": lambda: told(without_key_exchange(), store("keys/server.key")),
    "first handshake absent": lambda: told(resumed(), store("keys/server.key")),
    "handshake not captured": lambda: told(events("miss_handshake_tls12_rsa"), store("keys/server.key")),
    "ServerHello not captured": lambda: told([e for e in events(ETM) if e[1] == 0], store(f"keys/{ETM}.keylog")),
    "ClientHello not captured": lambda: told([e for e in events(ETM) if e[1] == 1], store("keys/tls13_keyupdate_client.keylog")),
    "suite not supported": lambda: told(recorded_events("aria_suite"), recorded_keys("aria_suite")),
    "compression not supported": lambda: told(hello(0x0303, 0x2F, 1), store("keys/server.key")),
    "SSL 3.0 not supported": lambda: told(hello(0x0300, 0x2F), store("keys/server.key")),
    "secret does not fit": lambda: told(hello(0x0303, 0x2F), store(text=b"CLIENT_RANDOM " + b"0" * 64 + b" " + b"1" * 96)),
    "authentication failed": lambda: told(flip(events(ETM), 1, data_at(events(ETM), 1, 1) + 30), store(f"keys/{ETM}.keylog")),
    "record lost": lambda: told(events("gap_tls12_rsa"), store("keys/gap_tls12_rsa.keylog")),
    "handshake failed": lambda: told([hello(0x0303, 0x2F)[0], ("bytes", 1, record(21, b"\2\x28"), 1, 2)]),
    "handshake not finished": lambda: told(hello(0x0303, 0x2F)[:1]),
    "data before ChangeCipherSpec": lambda: told([*hello(0x0303, 0x2F)[:2], ("bytes", 0, record(23, b"GET /"), 1, 3)]),
    "handshake message missing for the master secret": lambda: told(punch(events(ETM), 1, 90, 93), store("keys/server.key")),
    "key does not decrypt the premaster secret": lambda: told(
        flip(events(ETM), 1, positions(events(ETM), 1).index(bytes.fromhex("300d06092a864886f70d010101")) + 4),
        store("keys/wrong.key"),
    ),
}


def test_every_reason_has_a_case():
    assert set(CASES) == set(SENTENCES)


@pytest.mark.parametrize("code", CASES)
def test_reason(code):
    decrypted, told_code = CASES[code]()
    assert told_code == code
    assert decrypted == ("partial" if code in ("authentication failed", "record lost") else "none")


@pytest.mark.parametrize("name", [ETM, "tls13_keyupdate_client"])
def test_a_key_log_of_another_session_is_no_line_for_this_one(name):
    other = {ETM: "tls13_keyupdate_client", "tls13_keyupdate_client": ETM}[name]
    report = drive(events(name), store(text=keylog(other))).report
    assert (report.decrypted, report.reason_code) == ("none", "no key log line")


def test_tls13_with_a_wrong_secret_is_called_unfit():
    log = keylog("tls13_keyupdate_client")
    wrong = b"\n".join(b" ".join([*line.split()[:2], b"77" * 32]) for line in log.splitlines() if not line.startswith(b"#"))
    got = drive(events("tls13_keyupdate_client"), store(text=wrong))
    assert (got.report.reason_code, got.plain) == ("secret does not fit", (b"", b""))


def test_a_key_of_another_server_beside_the_right_one_does_no_harm():
    assert drive(events(ETM), store("keys/wrong.key", "keys/server.key")).report.decrypted == "full"


def test_unsupported_suites_are_named():
    assert "TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256" in drive(recorded_events("aria_suite")).report.reason
    assert "0x9a9a" in drive(hello(0x0303, 0x9A9A)).report.reason


def test_a_clear_alert_in_tls13_means_that_no_data_was_sent():
    wire = recorded_events("hello_retry")
    first = [i for i, event in enumerate(wire) if event[1] == 1]
    refused = [*wire[: first[1] + 1], ("bytes", 0, record(21, b"\2\x30"), 1, 9)]
    report = drive(refused).report
    assert (report.decrypted, report.reason_code) == ("none", "handshake failed") and "unknown_ca from the client" in report.reason
