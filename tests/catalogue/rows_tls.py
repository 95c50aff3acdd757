"""Rows about TLS, and about schemes that were mixed up (section 6.3 of the protocol)."""

from craft import Capture, Conversation, error_head, request

from .row import Recorded, Row
from .stories import healthy, refuse
from .tls_wire import RSA_AES128_CBC, RSA_AES256_CBC, SERVER, V10, certificate, client_hello, secured

REAL = Recorded("tls/serverkeyonly_tls12_dhe.pcap")
PROFILE = Recorded("tls/tls10_rsa_aes128sha_gpfdists_profile.pcap")


def failed(name: str) -> Recorded:
    return Recorded(f"tls-findings/{name}")


NO_NOTIFY = failed("tls12_close_fin_no_notify.pcap")


def plain_to_tls(capture: Capture) -> None:
    secured(capture)
    talk = Conversation(capture, ("10.0.0.1", 42000), SERVER)
    talk.open()
    talk.client(request(host="10.0.0.9:8443"))
    talk.rst("server")


def tls_to_plain(capture: Capture) -> None:
    healthy(capture)
    talk = Conversation(capture, ("10.0.0.1", 42000), ("10.0.0.9", 8080))
    talk.open()
    talk.client(client_hello(0x0303, 0x009D))
    capture.wait(5)
    talk.server(error_head(408, "time out"))
    talk.close()


def expiring(capture: Capture, year: int) -> None:
    """The capture is of November 2023."""
    secured(capture, server=certificate(year=year))


ROWS_TLS = (
    Row("45a", "TLS below 1.2", "W", ("GPI530",), lambda c: secured(c, version=V10, suite=RSA_AES256_CBC), secured, ("TLSv1",)),
    Row("45b", "suite 0x002F", "W", ("GPI531",), PROFILE, REAL, ("6.17.1",)),
    Row("45c", "suite 0x002F in TLS 1.2", "W", ("GPI531",), lambda c: secured(c, suite=RSA_AES128_CBC), secured),
    Row(
        "45d",
        "key of less than 2048 bits",
        "W",
        ("GPI524",),
        lambda c: secured(c, server=certificate(bits=1024)),
        secured,
        ("1024",),
    ),
    Row("45e", "signed with SHA-1", "W", ("GPI525",), lambda c: secured(c, server=certificate(sha1=True)), secured, ("SHA1",)),
    Row(
        "46a",
        "unknown_ca by the client",
        "E",
        ("GPI511",),
        failed("gp-gpfdists-wrong-ca-s.pcapng"),
        REAL,
        ("root.crt", "server.crt"),
    ),
    Row("46b", "no client certificate", "E", ("GPI513",), failed("real_gpfdist_no_client_cert.pcap"), REAL, ("client.crt",)),
    Row("46c", "no suite in common", "E", ("GPI515",), failed("fail_no_shared_cipher.pcap"), REAL),
    Row("46d", "certificate expired", "E", ("GPI520",), failed("tls12_client_rejects_expired.pcap"), REAL, ("server.crt",)),
    Row(
        "46e", "certificate expired, and nobody minded", "E", ("GPI520",), lambda c: expiring(c, 2023), lambda c: expiring(c, 2024)
    ),
    Row("46f", "less than seven days left", "W", ("GPI522",), failed("pg_cert_soon_verifyfull.pcap"), secured, ("Renew",)),
    Row(
        "47",
        "empty client certificate accepted",
        "W",
        ("GPI540",),
        lambda c: secured(c, client=None),
        secured,
        ("--ssl_verify_peer",),
    ),
    Row(
        "48",
        "name not in the certificate",
        "W",
        ("GPI523",),
        lambda c: secured(c, server=certificate("other.example.test")),
        secured,
        ("verify_gpfdists_cert", "it went on"),
    ),
    Row("49a", "plain request to a TLS port", "E", ("GPI560",), plain_to_tls, secured, ("gpfdists://",)),
    Row("49b", "ClientHello to a plain port", "E", ("GPI561",), tls_to_plain, lambda c: refuse(c, 408, "time out"), ("--ssl",)),
    Row("50", "closed without close_notify", "W", ("GPI546",), lambda c: secured(c, notify=False), secured, ("empty D",)),
    Row(
        "50b",
        "closed without close_notify, but the end is proven",
        "I",
        ("GPI545",),
        Recorded("tls-findings/tls12_close_fin_no_notify.pcap", ("tls-findings/tls12_close_fin_no_notify.keylog",)),
        REAL,
    ),
    Row("6.3a", "gpfdist:// to a server with --ssl", "E", ("GPI560",), plain_to_tls, healthy, ("gpfdists://",)),
    Row("6.3b", "gpfdists:// to a server without --ssl", "E", ("GPI561",), tls_to_plain, healthy, ("408", "--ssl")),
)
