"""Certificates in the few words a person asks for. Loaded only when a certificate is looked at; a broken one gives None."""

import ipaddress
import warnings
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning

from gpinspect.engine.tls.keys import public_fingerprint
from gpinspect.engine.tls.report import Certificate

# what reading fields of a damaged or exotic certificate can raise
_FAILURES = (ValueError, TypeError, KeyError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion)


def read_certificate(der: bytes) -> Certificate | None:
    """Read one certificate. A field that cannot be read is None or empty; None when the whole cannot be read."""
    import hashlib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        try:
            certificate = x509.load_der_x509_certificate(der)
            subject, issuer = certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
            not_before, not_after = _times(certificate)
            serial = format(certificate.serial_number, "x")
        except _FAILURES:
            return None
        key_type, key_bits, key_fingerprint = _key(certificate)
        return Certificate(
            subject=subject,
            issuer=issuer,
            serial=serial,
            not_before=not_before.isoformat(),
            not_after=not_after.isoformat(),
            not_before_s=int(not_before.timestamp()),
            not_after_s=int(not_after.timestamp()),
            san=_alternative_names(certificate),
            key_type=key_type,
            key_bits=key_bits,
            signature_hash=_signature_hash(certificate),
            self_signed=subject == issuer,
            key_fingerprint=key_fingerprint,
            fingerprint=hashlib.sha256(der).hexdigest(),
        )


def _times(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    return certificate.not_valid_before_utc.astimezone(UTC), certificate.not_valid_after_utc.astimezone(UTC)


def _key(certificate: x509.Certificate) -> tuple[str | None, int | None, str | None]:
    try:
        key: Any = certificate.public_key()
        kind = type(key).__name__.removesuffix("PublicKey").lstrip("_")
        return kind, getattr(key, "key_size", None), public_fingerprint(key)
    except _FAILURES:
        return None, None, None


def _signature_hash(certificate: x509.Certificate) -> str | None:
    try:
        algorithm = certificate.signature_hash_algorithm
    except _FAILURES:
        return None
    return algorithm.name if algorithm else None


def _alternative_names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (*_FAILURES, x509.ExtensionNotFound, x509.DuplicateExtension):
        return ()
    out: list[str] = []
    for name in names:
        value: Any = getattr(name, "value", None)
        if isinstance(value, x509.Name):
            value = value.rfc4514_string()
        elif isinstance(value, x509.ObjectIdentifier):
            value = value.dotted_string
        elif isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
            value = str(value)
        if value is not None:
            out.append(str(value))
    return tuple(out)
