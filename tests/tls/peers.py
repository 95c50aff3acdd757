"""A TLS client and a TLS server of Python's ssl module in memory: what they say, what crossed between them, and their key log."""

import contextlib
import datetime
import ssl
import warnings
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dh, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, ParameterFormat, PrivateFormat
from cryptography.x509.oid import NameOID

VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
NS = 1_800_000_000_000_000_000


@cache
def identity(kind: str, common_name: str) -> tuple[bytes, bytes, str]:
    """(private key PEM, certificate PEM, serial in hex) of a self-signed certificate, kind "rsa" or "ec"."""
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Peers"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, start.replace(year=2040))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(common_name)]), False)
    certificate = builder.add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, certificate.public_bytes(Encoding.PEM), format(certificate.serial_number, "x")


@cache
def diffie_hellman() -> bytes:
    """Parameters ffdhe2048 in PEM, by their formula (RFC 7919, appendix A.1)."""
    scale, term, e = 1 << 2100, 1 << 2100, 0
    for n in range(1, 400):
        e += term
        term //= n
    prime = (1 << 2048) - (1 << 1984) + (((e << 1918) // scale + 560316) << 64) - 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dh.DHParameterNumbers(prime, 2).parameters().parameter_bytes(Encoding.PEM, ParameterFormat.PKCS3)


class Pair:
    """Client and server with the wire between them. `events` are those that `drive` takes."""

    def __init__(self, folder: Path, version: str, suites: str = "", kind: str = "rsa", client_certificate: bool = False, **more):
        self.keylog = folder / "keys.log"
        self.events, self.said = [], (bytearray(), bytearray())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            server = self._context(folder, ssl.PROTOCOL_TLS_SERVER, version, suites, identity(kind, "server.test"))
            client_identity = identity("rsa", "client.test") if client_certificate else None
            client = self._context(folder, ssl.PROTOCOL_TLS_CLIENT, version, suites, client_identity)
        (folder / "dh.pem").write_bytes(diffie_hellman())
        server.load_dh_params(folder / "dh.pem")
        server.keylog_filename = str(self.keylog)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        if client_certificate:
            server.load_verify_locations(cadata=identity("rsa", "client.test")[1].decode())
            server.verify_mode = ssl.CERT_REQUIRED
        # what the client offers and the server does not take: NO_EXTENDED_MASTER_SECRET, NO_ENCRYPT_THEN_MAC
        server.options |= (1 | 1 << 19) if more.get("plain_server") else 0
        if more.get("unsplit"):
            # TLS 1.0 without an empty record in front of each write
            server.options |= 0x800
        if more.get("group"):
            server.set_ecdh_curve(more["group"])
        self._wires = [ssl.MemoryBIO() for _ in range(4)]  # into client, out of client, into server, out of server
        self.peers = (
            client.wrap_bio(self._wires[0], self._wires[1], server_hostname="server.test", session=None),
            server.wrap_bio(self._wires[2], self._wires[3], server_side=True),
        )
        self._shake()

    def _context(self, folder, protocol, version, suites, who):
        context = ssl.SSLContext(protocol)
        context.set_ciphers((suites or "ALL") + ":@SECLEVEL=0")
        context.minimum_version = context.maximum_version = VERSIONS[version]
        if who:
            (folder / "key.pem").write_bytes(who[0])
            (folder / "cert.pem").write_bytes(who[1])
            context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        return context

    def _carry(self) -> None:
        for side, (source, target) in enumerate(((1, 2), (3, 0))):
            data = self._wires[source].read()
            if data:
                self.events.append(("bytes", side, data, NS + len(self.events), len(self.events) + 1))
                self._wires[target].write(data)

    def _shake(self) -> None:
        done = [False, False]
        for _ in range(12):
            for side, peer in enumerate(self.peers):
                if not done[side]:
                    try:
                        peer.do_handshake()
                        done[side] = True
                    except ssl.SSLWantReadError:
                        pass
                self._carry()
        assert done == [True, True]

    def say(self, side: int, data: bytes) -> None:
        """One peer writes, the other one reads it."""
        self.peers[side].write(data)
        self.said[side].extend(data)
        self._carry()
        heard = bytearray()
        while len(heard) < len(data):
            heard += self.peers[1 - side].read(65536)
        assert heard == data

    def end(self) -> None:
        """close_notify by both."""
        for _ in range(2):
            for peer in self.peers:
                with contextlib.suppress(ssl.SSLError):
                    peer.unwrap()
                self._carry()

    @property
    def keys(self) -> bytes:
        return self.keylog.read_bytes()

    @property
    def suite(self) -> str:
        return self.peers[0].cipher()[0]
