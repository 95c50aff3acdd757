"""Looks at PEM files before anything starts: there, readable, whole, fitting together, in their time.

Each problem is one `TlsKeyError` that names the file, what is wrong and what to do. Nothing of a key is ever in a message.
"""

import os
import stat
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gpinspect.errors import TlsKeyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

ALARM_DAYS = 7
"""A certificate with less time left is worth an alarm (openGauss)."""

_LARGEST = 1 << 20


def read_pem(path: str, what: str) -> bytes:
    """The bytes of a PEM file.

    Raises:
        TlsKeyError: It is missing, not readable or no file.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - a pipe must not stop the start
            raise TlsKeyError(f"{path}: is no file; wanted {what} in PEM form")
        with open(path, "rb") as file:  # noqa: PTH123
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise TlsKeyError(f"{path}: is not there; wanted {what} in PEM form") from None
    except OSError as problem:
        raise TlsKeyError(f"{path}: {problem.strerror}; {what} must be readable for the user who starts this") from problem
    if len(data) > _LARGEST:
        raise TlsKeyError(f"{path}: more than {_LARGEST:,} bytes; wanted {what} in PEM form")
    if b"-----BEGIN " not in data:
        raise TlsKeyError(f"{path}: no PEM text in it; wanted {what}, a text that starts with -----BEGIN")
    return data


def certificates(path: str, what: str) -> "Sequence[Certificate]":
    """Every certificate of a file, in its order.

    Raises:
        TlsKeyError: The file cannot be read or holds no certificate.
    """
    from cryptography.x509 import load_pem_x509_certificates

    try:
        found = load_pem_x509_certificates(read_pem(path, what))
    except ValueError as problem:
        raise TlsKeyError(f"{path}: holds no certificate that can be read; wanted {what} in PEM form") from problem
    if not found:
        raise TlsKeyError(f"{path}: holds no certificate; wanted {what} in PEM form")
    return found


def private_key(path: str, what: str) -> "PrivateKeyTypes":
    """The private key of a file without passphrase.

    Raises:
        TlsKeyError: The file cannot be read, is protected, or holds no key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = read_pem(path, what)
    try:
        return load_pem_private_key(data, None)
    except TypeError:
        raise TlsKeyError(
            f"{path}: is protected by a passphrase, which gpfdist cannot ask for; write it without one: openssl pkey -in … -out …"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise TlsKeyError(f"{path}: holds no private key that can be read; wanted {what} in PEM form") from None


def check_pair(certificate_path: str, key_path: str, whose: str, now: datetime) -> tuple[str, ...]:
    """Check a certificate and its key, and the dates of the certificate.

    Returns:
        What is no error but should be known: a certificate that ends soon.

    Raises:
        TlsKeyError: A file is not usable, they do not belong together, or the certificate is not in its time.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    first = certificates(certificate_path, f"the certificate of the {whose}")[0]
    key = private_key(key_path, f"the private key of the {whose}")
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if first.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        raise TlsKeyError(f"{key_path}: is not the key of {certificate_path}; the two must be made together")
    return check_time(certificate_path, first, now)


def check_time(path: str, certificate: "Certificate", now: datetime) -> tuple[str, ...]:
    """Check that a certificate is in its time.

    Returns:
        A sentence when it ends within seven days.

    Raises:
        TlsKeyError: It is not valid yet, or not any more.
    """
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < start:
        raise TlsKeyError(f"{path}: valid from {start:%Y-%m-%d %H:%M:%S} UTC; look at the clock, or wait")
    if now > end:
        raise TlsKeyError(f"{path}: expired {end:%Y-%m-%d %H:%M:%S} UTC; make a new certificate")
    left = end - now
    if left < timedelta(days=ALARM_DAYS):
        return (f"{path}: expires {end:%Y-%m-%d %H:%M:%S} UTC, in under {ALARM_DAYS} days; make a new one",)
    return ()


def check_mode(path: str) -> None:
    """Check that only its owner may read a key, as libpq wants it.

    Raises:
        TlsKeyError: Others may, too.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except OSError as problem:
        raise TlsKeyError(f"{path}: {problem.strerror}; wanted a private key") from problem
    if mode & 0o077:
        raise TlsKeyError(f"{path}: mode is {mode & 0o777:04o}; only its owner may read it: chmod 0600")
