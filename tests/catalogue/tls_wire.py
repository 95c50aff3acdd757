"""A TLS connection up to 1.2 as who has no keys sees it: hand-made hellos and certificates, sealed bytes after them."""

import datetime
from functools import cache

from craft import Capture, Conversation
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

SERVER = ("10.0.0.9", 8443)
NAME = "etl1.example.test"
SHA256, SHA1 = bytes.fromhex("06092a864886f70d01010b"), bytes.fromhex("06092a864886f70d010105")
V10, V12 = 0x0301, 0x0303
RSA_AES256_GCM, RSA_AES256_CBC, RSA_AES128_CBC = 0x009D, 0x0035, 0x002F
HANDSHAKE, CHANGE, ALERT, DATA = 22, 20, 21, 23
SEALED = bytes(range(40))


@cache
def certificate(common_name: str = NAME, bits: int = 2048, *, sha1: bool = False, year: int = 2033) -> bytes:
    """DER, valid from 2020 to `year`, by an issuer of its own. Nobody checks the signature."""
    key = rsa.generate_private_key(65537, bits)
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (common_name, "Example CA"))
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), 17, start, start.replace(year=year))
    der = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    return der.replace(SHA256, SHA1) if sha1 else der


def record(kind: int, version: int, body: bytes) -> bytes:
    return bytes((kind,)) + version.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def handshake(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def listed(size: int, body: bytes) -> bytes:
    return len(body).to_bytes(size, "big") + body


def client_hello(version: int, suite: int, name: str = NAME) -> bytes:
    sni = bytes(2) + listed(2, listed(2, b"\0" + listed(2, name.encode())))
    body = version.to_bytes(2, "big") + bytes(range(32)) + b"\0" + listed(2, suite.to_bytes(2, "big")) + b"\1\0" + listed(2, sni)
    return record(HANDSHAKE, V10, handshake(1, body))


def certificates(*chain: bytes) -> bytes:
    return handshake(11, listed(3, b"".join(listed(3, der) for der in chain)))


def secured(
    capture: Capture,
    *,
    port: int = 41000,
    version: int = V12,
    suite: int = RSA_AES256_GCM,
    server: bytes | None = None,
    client: bytes | None = b"",
    notify: bool = True,
) -> None:
    """One connection that went well, and whose content nobody can read.

    Args:
        server: Its certificate.
        client: That of the client; empty bytes: a good one; None: an empty list.
    """
    talk = Conversation(capture, ("10.0.0.1", port), SERVER)
    talk.open()
    talk.client(client_hello(version, suite))
    hello = version.to_bytes(2, "big") + bytes(range(32, 64)) + b"\0" + suite.to_bytes(2, "big") + b"\0"
    asked = b"\1\1" + (listed(2, bytes.fromhex("0401")) if version == V12 else b"") + bytes(2)
    flight = handshake(2, hello) + certificates(server or certificate()) + handshake(13, asked) + handshake(14, b"")
    talk.server(record(HANDSHAKE, version, flight))
    own = b"" if client is None else client or certificate("gpseg0")
    shown = certificates(own) if own else certificates()
    exchange = handshake(16, listed(2, bytes(256))) + (handshake(15, b"\4\1" + listed(2, bytes(256))) if own else b"")
    talk.client(record(HANDSHAKE, version, shown + exchange) + record(CHANGE, version, b"\1") + record(HANDSHAKE, version, SEALED))
    talk.server(record(CHANGE, version, b"\1") + record(HANDSHAKE, version, SEALED))
    talk.client(record(DATA, version, bytes(600)))
    talk.server(record(DATA, version, bytes(900)))
    if notify:
        talk.server(record(ALERT, version, bytes(26)))
    talk.close()
