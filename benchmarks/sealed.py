"""Conversations inside TLS, with handshakes and records that OpenSSL makes.

OpenSSL draws its own random numbers: payload and sizes follow the seed, keys and ciphertext do not.
"""

import datetime
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.wire import Side, Talk

DAYS = (datetime.datetime(2023, 1, 1), datetime.datetime(2033, 1, 1))  # round the time that captures show


@dataclass(frozen=True)
class Suite:
    """A cipher suite of TLS 1.2, as OpenSSL and as people name it."""

    name: str
    about: str


GCM = Suite("ECDHE-RSA-AES128-GCM-SHA256", "TLS 1.2 with AES-128-GCM (ECDHE)")
CBC = Suite("AES128-SHA", "TLS 1.2 with AES-128-CBC and HMAC-SHA1 (RSA key exchange, encrypt-then-MAC)")


@cache
def identity() -> bytes:
    """Private key and self-signed certificate of the server (PEM)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gpfdist.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    certificate = builder.not_valid_before(DAYS[0]).not_valid_after(DAYS[1]).sign(key, hashes.SHA256())
    coding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*coding) + certificate.public_bytes(serialization.Encoding.PEM)


class Sealer:
    """Both ends of TLS for all connections of a capture. `keylog` is begun anew."""

    def __init__(self, suite: Suite, keylog: Path) -> None:
        keylog.unlink(missing_ok=True)
        self.sealed = 0  # bytes of application data, both directions
        self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.client.check_hostname = False
        self.client.verify_mode = ssl.CERT_NONE
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        for context in (self.client, self.server):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(suite.name)
        self.client.keylog_filename = str(keylog)
        with tempfile.NamedTemporaryFile() as file:
            file.write(identity())
            file.flush()
            self.server.load_cert_chain(file.name)


@dataclass
class End:
    """TLS of one side: what it reads, what it wrote."""

    heard: ssl.MemoryBIO
    said: ssl.MemoryBIO
    tls: ssl.SSLObject
    ready: bool = False

    def shake(self) -> bytes:
        """Go on with the handshake; gives what is to be sent."""
        try:
            self.tls.do_handshake()
            self.ready = True
        except ssl.SSLWantReadError:
            pass
        return self.said.read()


class SealedTalk(Talk):
    """A TCP connection that speaks TLS from its first byte.

    Only its wire is wanted: after the handshake neither end opens what the other one sent.
    """

    def __init__(self, sealer: Sealer, *wire: Any) -> None:
        super().__init__(*wire)
        self.sealer = sealer
        self.ends = {id(side): self.end(context) for side, context in ((self.client, sealer.client), (self.server, sealer.server))}

    def end(self, context: ssl.SSLContext) -> End:
        heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
        return End(heard, said, context.wrap_bio(heard, said, server_side=context is self.sealer.server))

    def open(self) -> None:
        super().open()
        here, there = self.client, self.server
        while not (self.ends[id(here)].ready and self.ends[id(there)].ready):
            flight = self.ends[id(here)].shake()
            self.ends[id(there)].heard.write(flight)
            self.at_once(here, flight)
            here, there = there, here

    def send(self, here: Side, data: bytes | memoryview) -> Iterator[None]:
        end = self.ends[id(here)]
        self.sealer.sealed += len(data)
        while data:
            data = data[end.tls.write(data) :]  # one record at a time
        return super().send(here, end.said.read())

    def at_once(self, here: Side, data: bytes) -> None:
        for _ in super().send(here, data):
            pass

    def close(self) -> None:
        """The server says goodbye, as gpfdist does."""
        end = self.ends[id(self.server)]
        with suppress(ssl.SSLError):  # nobody answers
            end.tls.unwrap()
        self.at_once(self.server, end.said.read())
        super().close()
