"""How PostgreSQL and openGauss ask for TLS, and which settings lead there."""

import struct

import pytest

from gpinspect.engine.tls.preface import (
    GSS_REQUEST,
    MATRIX,
    SSL_REQUEST,
    PostgresPreface,
    likely_modes,
    matrix_rows,
    recognise_postgres,
)

HELLO = bytes.fromhex("16030100050100000101")
ENCRYPTED = (5, 6, 7, 8, 9, 10, 11, 12)
PLAIN = (2, 4, 13, 14, 15, 16)


def startup(**pairs: str) -> bytes:
    body = b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in pairs.items()) + b"\0"
    return struct.pack(">IHH", 8 + len(body), 3, 0) + body


def error(code: str) -> bytes:
    body = b"SFATAL\0C" + code.encode() + b"\0Mno pg_hba.conf entry\0\0"
    return b"E" + struct.pack(">I", 4 + len(body)) + body


START = startup(user="gpadmin", database="postgres")
ACCEPTED = b"R\0\0\0\x08\0\0\0\0"


class Behind:
    def __init__(self):
        self.bytes = (bytearray(), bytearray())

    def feed(self, side, data, ns, frame, capture):
        self.bytes[side].extend(data)

    def lose(self, side, count):
        self.bytes[side].extend(b"?" * count)

    def close(self, side):
        pass


def spoken(*turns: tuple[int, bytes], left: bool = True, cut: int = 0):
    """(facts, bytes handed on) of a connection; each turn is (side, bytes)."""
    behind = Behind()
    preface = PostgresPreface(behind)
    for side, data in turns:
        for at in range(0, len(data), cut or len(data)):
            preface.feed(side, data[at : at + (cut or len(data))], 1, 1, 1)
    if left:
        preface.client_left()
    return preface.facts(), behind.bytes


def rows(*connections) -> list:
    return matrix_rows([spoken(*turns)[0] for turns in connections])


@pytest.mark.parametrize("cut", [0, 1, 3])
def test_tls_begins_behind_the_answer(cut):
    facts, (client, server) = spoken((0, SSL_REQUEST), (1, b"S"), (0, HELLO), (1, HELLO), cut=cut)
    assert (facts.preface, facts.reply, facts.tls) == ("SSLRequest", "S", True)
    assert (bytes(client), bytes(server)) == (HELLO, HELLO)
    assert (facts.early_client_bytes, facts.early_server_bytes) == (0, 0)


def test_bytes_that_come_with_the_answer_are_flagged_and_kept():
    facts, (_, server) = spoken((0, SSL_REQUEST), (1, b"S" + error("XX000")), (0, HELLO), (1, HELLO))
    assert facts.early_server_bytes == len(error("XX000")) and bytes(server) == error("XX000") + HELLO


def test_bytes_that_the_client_sends_before_the_answer_are_flagged_and_kept():
    facts, (client, _) = spoken((0, SSL_REQUEST + b"inj"), (0, b"ected"), (1, b"S"), (0, HELLO))
    assert facts.early_client_bytes == 8 and bytes(client) == b"injected" + HELLO


def test_kerberos_may_be_asked_for_first():
    facts, _ = spoken((0, GSS_REQUEST), (1, b"N"), (0, SSL_REQUEST), (1, b"S"), (0, HELLO))
    assert (facts.gss_asked, facts.gss_reply, facts.preface, facts.reply, facts.tls) == (True, "N", "SSLRequest", "S", True)


def test_nothing_goes_to_tls_when_it_is_refused():
    facts, handed = spoken((0, SSL_REQUEST), (1, b"N"), (0, START), (1, ACCEPTED))
    assert (facts.reply, facts.tls, facts.startup, facts.accepted, handed) == ("N", False, True, True, (b"", b""))


def test_the_matrix_is_that_of_the_documentation():
    assert len(MATRIX) == 24
    for number, want in {1: (True, "disable", True), 2: (True, "disable", False), 3: (True, "allow", True)}.items():
        assert (MATRIX[number].ssl, MATRIX[number].sslmode, MATRIX[number].require_ssl) == want
    assert [MATRIX[n].sslmode for n in (5, 8, 9, 12, 13, 17, 20, 24)] == [
        "prefer",
        "require",
        "verify-ca",
        "verify-full",
        "disable",
        "prefer",
        "require",
        "verify-full",
    ]
    assert [MATRIX[n].ssl for n in (12, 13)] == [True, False]


def test_rows_of_single_connections():
    assert rows([(0, START), (1, ACCEPTED)]) == [PLAIN]
    assert rows([(0, START), (1, error("28000"))]) == [(1,)]
    assert rows([(0, START), (1, error("53300"))]) == [PLAIN]
    assert rows([(0, SSL_REQUEST), (1, b"S"), (0, HELLO)]) == [ENCRYPTED]
    assert rows([(0, SSL_REQUEST), (1, b"N"), (0, START), (1, ACCEPTED)]) == [(17, 18)]
    assert rows([(0, SSL_REQUEST), (1, b"N")]) == [(19, 20, 21, 22, 23, 24)]
    assert rows([(0, SSL_REQUEST), (1, b"E")]) == [()]
    assert rows([(0, struct.pack(">IIII", 16, 80877102, 1, 2))]) == [None]
    assert rows([(0, START)]) == [(1, *PLAIN[:1], 3, *PLAIN[1:])]


def test_a_capture_that_ends_behind_the_refusal_leaves_both_ways_open():
    facts, _ = spoken((0, SSL_REQUEST), (1, b"N"), left=False)
    assert matrix_rows([facts]) == [(17, 18, 19, 20, 21, 22, 23, 24)]


def test_a_refused_clear_start_and_tls_behind_it_are_one_story():
    refused, encrypted = [(0, START), (1, error("28000"))], [(0, SSL_REQUEST), (1, b"S"), (0, HELLO)]
    assert rows(refused, encrypted) == [(3,), (3,)]
    assert rows(encrypted, refused) == [ENCRYPTED, (1,)]
    assert likely_modes((3,)) == ("allow",) and likely_modes((17, 18)) == ("prefer",)


def test_postgresql_is_recognised_by_its_first_bytes():
    for head in (SSL_REQUEST, GSS_REQUEST, START):
        assert recognise_postgres(head) is True
        assert all(recognise_postgres(head[:size]) is None for size in range(8))
    for other in (b"GET / HTTP/1.0", HELLO, bytes(8), b"\xff" * 8):
        assert recognise_postgres(other) is False


@pytest.mark.parametrize(
    "turns",
    [[(1, b"S" * 50)], [(0, b"\0" * 50)], [(0, SSL_REQUEST), (1, b"\xff" * 9)], [(0, START), (1, b"E\xff\xff\xff\xff" * 2000)]],
)
def test_nonsense_gives_facts_and_no_more(turns):
    facts, handed = spoken(*turns)
    assert not facts.tls and handed == (b"", b"")
