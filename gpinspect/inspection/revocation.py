"""Certificate revocation lists from files, and whether a certificate is on one.

A list is taken at its word: its signature is not checked, because the certificate of its issuer need not be at hand.
"""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from gpinspect.engine.tls.report import Certificate
from gpinspect.errors import TlsKeyError

LARGEST_LIST = 256 << 20
"""Bytes of a file that are read as a revocation list."""
_PEM = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)


class Revocations:
    """What some lists say, by issuer."""

    def __init__(self) -> None:
        self._serials: dict[str, set[str]] = {}  # issuer as RFC 4514 -> serials in lower-case hex

    def __bool__(self) -> bool:
        return bool(self._serials)

    def add(self, data: bytes, name: str) -> None:
        """Take one file: PEM (any number of lists) or DER (one).

        Raises:
            TlsKeyError: There is no list in it that can be read.
        """
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.utils import CryptographyDeprecationWarning

        pems = _PEM.findall(data)
        if not pems and not data.startswith(b"\x30"):
            raise TlsKeyError(f"{name}: no certificate revocation list; wanted PEM (BEGIN X509 CRL) or DER")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            try:
                lists = [x509.load_pem_x509_crl(pem + b"\n") for pem in pems] or [x509.load_der_x509_crl(data)]
                for crl in lists:
                    serials = self._serials.setdefault(crl.issuer.rfc4514_string(), set())
                    serials.update(format(entry.serial_number, "x") for entry in crl)
            except (ValueError, TypeError, UnsupportedAlgorithm) as error:
                raise TlsKeyError(f"{name}: the certificate revocation list in it cannot be read; it is damaged or cut") from error

    def revoked(self, certificate: Certificate) -> bool | None:
        """Whether the certificate is on the list of its issuer; None where no list of that issuer was given."""
        serials = self._serials.get(certificate.issuer)
        return None if serials is None else certificate.serial in serials


def read_revocations(names: Sequence[str]) -> Revocations:
    """All lists of some files.

    Raises:
        TlsKeyError: A file cannot be read, or is no revocation list.
    """
    found = Revocations()
    for name in names:
        try:
            with Path(name).open("rb") as file:
                data = file.read(LARGEST_LIST + 1)
        except (OSError, ValueError) as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            raise TlsKeyError(f"{name}: {words}; wanted a certificate revocation list that this user may read") from error
        if len(data) > LARGEST_LIST:
            raise TlsKeyError(f"{name}: more than {LARGEST_LIST:,} bytes; wanted a certificate revocation list")
        found.add(data, name)
    return found
