"""Certificates for both sides of gpfdists, made on the spot."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM


class Authority:
    """Signs certificates; `root.crt` of both folders."""

    def __init__(self, name: str = "authority") -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self.name, self.key, 30, True)

    def _sign(self, subject: x509.Name, key: rsa.RSAPrivateKey, days: float, ca: bool, start: float = -1) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=min(start, days - 1)))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca, None), True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        )
        return builder.sign(self.key, hashes.SHA256())

    def folder(self, path: Path, side: str, days: float = 30, password: bytes | None = None) -> str:
        """SIDE.crt, SIDE.key and root.crt in `path`."""
        path.mkdir(exist_ok=True)
        key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, side)])
        self.last = self._sign(subject, key, days, False)
        protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        (path / f"{side}.crt").write_bytes(self.last.public_bytes(PEM))
        (path / f"{side}.key").write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, protection))
        (path / f"{side}.key").chmod(0o600)
        (path / "root.crt").write_bytes(self.certificate.public_bytes(PEM))
        return str(path)

    def revoke(self, certificate: x509.Certificate, path: Path) -> str:
        """A list of revoked certificates with this one."""
        now = datetime.now(UTC)
        entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(now).build()
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(now - timedelta(days=1))
        crl = builder.next_update(now + timedelta(days=9)).add_revoked_certificate(entry).sign(self.key, hashes.SHA256())
        path.write_bytes(crl.public_bytes(PEM))
        return str(path)
