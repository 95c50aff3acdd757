"""Schemes mixed up, frame by frame: gpfdist:// to a TLS port, gpfdists:// to a plain one, and clients that say nothing."""

import ssl

import pytest
from craft import END, Capture, Conversation, ok_head, package, request

from gpinspect.inspection import inspect

PLAIN = ("10.0.0.9", 8080)
TLS = ("10.0.0.9", 8443)
# a ServerHello of TLS 1.2 with ECDHE-RSA-AES256-GCM-SHA384 and a ServerHelloDone: enough to show what a port speaks
HELLO = bytes.fromhex("0303") + bytes(32) + b"\0" + bytes.fromhex("c03000")
SERVER_HELLO = b"\x16\x03\x03" + (4 + len(HELLO)).to_bytes(2, "big") + b"\x02" + len(HELLO).to_bytes(3, "big") + HELLO
FATAL = bytes.fromhex("15030300020228")


def client_hello():
    """A real ClientHello, by OpenSSL."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    talk = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="etl1.example.test")
    with pytest.raises(ssl.SSLWantReadError):
        talk.do_handshake()
    return outgoing.read()


def conversation(capture, port, server):
    talk = Conversation(capture, client=("10.0.0.1", port), server=server)
    talk.open()
    return talk


def secured(capture):
    """Another connection, which shows that the port speaks TLS."""
    talk = conversation(capture, 41_000, TLS)
    talk.client(client_hello())
    talk.server(SERVER_HELLO)
    return talk


def told(capture, tmp_path):
    path = tmp_path / "mixed.pcap"
    path.write_bytes(capture.pcap())
    with inspect([str(path)]) as found:
        return [
            (finding.code, finding.message, finding.connection)
            for finding in found.findings
            if "GPI560" <= finding.code <= "GPI569"
        ]


def test_plain_request_to_a_tls_port_is_reset_without_an_answer(tmp_path):
    capture = Capture()
    secured(capture)
    talk = conversation(capture, 42_000, TLS)
    talk.client(request(segment=0))
    talk.rst("server")
    ((code, message, connection),) = told(capture, tmp_path)
    assert (code, connection) == ("GPI560", 2) and "plain request" in message


def test_plain_request_to_a_tls_port_is_answered_with_an_alert(tmp_path):
    capture = Capture()
    secured(capture)
    talk = conversation(capture, 42_000, TLS)
    talk.client(request(segment=0))
    talk.server(FATAL)
    talk.close("server")
    assert [code for code, _, _ in told(capture, tmp_path)] == ["GPI560"]


def test_plain_request_to_a_plain_port_is_no_mix_up(tmp_path):
    capture = Capture()
    secured(capture)
    talk = conversation(capture, 42_000, PLAIN)
    talk.client(request(segment=0))
    talk.server(ok_head() + package("/data/a.csv", 0, 1, b"1\n") + END)
    talk.close("server")
    assert told(capture, tmp_path) == []


def test_client_hello_to_a_plain_port_is_answered_in_clear_text(tmp_path):
    capture = Capture()
    talk = conversation(capture, 42_000, PLAIN)
    talk.client(client_hello())
    talk.server(b"HTTP/1.0 408 time out\r\nContent-length: 0\r\n\r\n", dt=5.0)
    talk.close("server")
    ((code, message, _),) = told(capture, tmp_path)
    assert code == "GPI561" and "'HTTP/1.0 408 time out'" in message


def test_client_hello_that_a_plain_server_leaves_without_answer(tmp_path):
    capture = Capture()
    plain = conversation(capture, 41_000, PLAIN)
    plain.client(request(segment=0))
    plain.server(ok_head() + END)
    plain.close("server")
    talk = conversation(capture, 42_000, PLAIN)
    talk.client(client_hello())
    talk.fin("client", dt=3.0)
    ((code, message, connection),) = told(capture, tmp_path)
    assert (code, connection) == ("GPI561", 2) and "no answer" in message


def test_client_hello_without_an_answer_by_a_server_of_which_nothing_is_known(tmp_path):
    capture = Capture()
    talk = conversation(capture, 42_000, PLAIN)
    talk.client(client_hello())
    talk.fin("client", dt=3.0)
    assert [code for code, _, _ in told(capture, tmp_path)] == ["GPI563"]


def test_capture_that_ends_behind_the_client_hello_proves_nothing(tmp_path):
    capture = Capture()
    conversation(capture, 42_000, PLAIN).client(client_hello())
    assert told(capture, tmp_path) == []


def test_probe_that_connects_to_a_tls_port_and_says_nothing(tmp_path):
    capture = Capture()
    secured(capture)
    conversation(capture, 42_000, TLS).fin("client", dt=4.0)
    ((code, message, connection),) = told(capture, tmp_path)
    assert (code, connection) == ("GPI562", 2) and "4.0 s" in message


def test_probe_that_never_closes_is_measured_to_the_end_of_the_capture(tmp_path):
    capture = Capture()
    conversation(capture, 42_000, TLS)
    capture.wait(6.0)
    secured(capture)
    assert [code for code, _, _ in told(capture, tmp_path)] == ["GPI562"]


def test_short_probe_and_unanswered_syn_are_no_silent_clients(tmp_path):
    capture = Capture()
    secured(capture)
    conversation(capture, 42_000, TLS).fin("client", dt=0.5)
    Conversation(capture, client=("10.0.0.1", 43_000), server=TLS).syn("client", dt=5.0)
    assert told(capture, tmp_path) == []


def test_client_that_waits_before_its_hello_blocks_the_server_as_well(tmp_path):
    capture = Capture()
    talk = conversation(capture, 42_000, TLS)
    talk.client(client_hello(), dt=2.5)
    talk.server(SERVER_HELLO)
    ((code, message, _),) = told(capture, tmp_path)
    assert code == "GPI562" and "2.5 s" in message
