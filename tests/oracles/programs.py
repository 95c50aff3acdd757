"""Programs that are talked to through their standard input and output, and the certificates they use."""

import datetime
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

PATIENCE = 20.0
"""Seconds after which a program is taken to hang."""


def tool(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing: tests/tools.sh installs it"
    return found


class Program:
    """A running program. `said` is all of its output so far."""

    def __init__(self, *command: str | Path) -> None:
        self.said = b""
        self._fresh = threading.Condition()
        self.process = subprocess.Popen(
            [tool(str(command[0])), *map(str, command[1:])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def _listen(self) -> None:
        while data := self.process.stdout.read(1 << 16):
            with self._fresh:
                self.said += data
                self._fresh.notify_all()
        with self._fresh:
            self._fresh.notify_all()

    def type(self, text: bytes) -> None:
        self.process.stdin.write(text)

    def command(self, line: bytes, answer: bytes | None) -> None:
        """Type a line and wait until the program has said `answer` once more."""
        before = self.said.count(answer) if answer else 0
        self.type(line + b"\n")
        if answer:
            self.wait_for(answer, before + 1)

    def wait_for(self, text: bytes, times: int = 1) -> None:
        """Wait until the program has said something."""
        end = time.monotonic() + PATIENCE
        with self._fresh:
            while self.said.count(text) < times:
                assert self._fresh.wait(max(0.0, end - time.monotonic())), f"waited for {text!r} in {self.said!r}"

    def ended(self) -> bytes:
        """Wait for its end; gives all it said."""
        self.process.wait(PATIENCE)
        return self.said


DAY = datetime.timedelta(days=1)


@dataclass
class Authority:
    """A certificate authority in a folder: certificates and keys are files in it."""

    folder: Path
    name: str = "Test CA"

    @cached_property
    def key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def certificate(self) -> Path:
        path = self.folder / f"{self.name}.crt"
        path.write_bytes(
            self._signed(self.name, self.key, datetime.timedelta(days=3650), True).public_bytes(serialization.Encoding.PEM)
        )
        return path

    def _signed(self, name: str, key: object, left: datetime.timedelta, ca: bool) -> x509.Certificate:
        end = datetime.datetime.now(datetime.UTC) + left
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - max(left, DAY) - 400 * DAY)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if ca:
            usage = dict.fromkeys(
                ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
            )
            extension = x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False)
            builder = builder.add_extension(extension, critical=True)
        else:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, file: str, name: str, *, days: float = 365, curve: bool = False) -> tuple[Path, Path]:
        """A certificate with so many days left, and its key; gives both files."""
        key = ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        certificate = self._signed(name, key, datetime.timedelta(days=days), False)
        crt, pem = self.folder / f"{file}.crt", self.folder / f"{file}.key"
        crt.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            )
        )
        pem.chmod(0o600)
        return crt, pem

    def revoke(self, file: str, *certificates: Path, der: bool = False) -> Path:
        """A revocation list of these certificates."""
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
            .last_update(now - DAY)
            .next_update(now + 30 * DAY)
        )
        for path in certificates:
            serial = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - DAY).build()
            builder = builder.add_revoked_certificate(entry)
        encoding = serialization.Encoding.DER if der else serialization.Encoding.PEM
        out = self.folder / file
        out.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(encoding))
        return out
