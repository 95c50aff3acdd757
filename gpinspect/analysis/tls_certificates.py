"""Certificates at the time of the capture: dates, names, keys, signatures, chain."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import pairwise
from typing import Final

from gpinspect.analysis.tls_seen import Rule, Seen, Told
from gpinspect.engine.tls.report import Certificate

ALARM_DAYS: Final = 7
"""Days left below which a certificate is due for renewal (openGauss's alarm)."""
LEAST_BITS: Final = {"RSA": 2048, "DSA": 2048, "EllipticCurve": 224}
BROKEN_HASHES: Final = frozenset(("md2", "md4", "md5", "sha1"))
NAMES_SHOWN: Final = 4

_COMMON_NAME = re.compile(r"(?:^|(?<!\\)[,+])CN=((?:\\.|[^,+\\])*)")
_NANO: Final = 1_000_000_000


def certificates(seen: Seen) -> Iterator[Told]:
    """GPI520 to GPI522, GPI524, GPI525: each certificate of both chains, once a server."""
    for owner, chain in (("server", seen.report.server_chain), ("client", seen.report.client_chain)):
        for certificate in chain:
            for code, values in judged(certificate, seen.connection.start_ns):
                yield Told(code, {"owner": owner, "subject": certificate.subject, **values}, key=(owner, certificate.fingerprint))


def judged(certificate: Certificate, ns: int) -> Iterator[tuple[str, dict[str, str | int]]]:
    """What is wrong with one certificate at a time of the capture: code and values."""
    left = certificate.days_left
    if left is not None and left < 0:
        yield "GPI520", {"date": certificate.not_after[:10]}
    elif left is not None and left < ALARM_DAYS:
        yield "GPI522", {"days": left, "date": certificate.not_after[:10]}
    if certificate.not_before_s * _NANO > ns:
        yield "GPI521", {"date": certificate.not_before[:10]}
    bits = certificate.key_bits
    if bits is not None and bits < LEAST_BITS.get(certificate.key_type or "", 0):
        yield "GPI524", {"kind": certificate.key_type or "?", "bits": bits}
    # nobody looks at the signature that a root makes under itself
    if certificate.signature_hash in BROKEN_HASHES and not certificate.self_signed:
        yield "GPI525", {"hash": str(certificate.signature_hash).upper()}


def chains(seen: Seen) -> Iterator[Told]:
    """GPI526: the first place where a chain does not continue; GPI527: certificates that could not be read."""
    report = seen.report
    if report.unreadable_certificates:
        yield Told("GPI527", {"count": report.unreadable_certificates})
        return
    for owner, chain in (("server", report.server_chain), ("client", report.client_chain)):
        for certificate, following in pairwise(chain):
            if certificate.issuer != following.subject:
                values = {"owner": owner, "subject": certificate.subject, "issuer": certificate.issuer, "next": following.subject}
                yield Told("GPI526", values)
                break


def name(seen: Seen) -> Iterator[Told]:
    """GPI523. PostgreSQL clients compare names only with verify-full, so there it is told only where nothing followed."""
    report = seen.report
    certificate = report.server_certificate
    if certificate is None or not report.sni or (seen.postgres and seen.asked is not False):
        return
    names = names_of(certificate)
    if any(matches(report.sni, candidate) for candidate in names):
        return
    shown = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
    values = {"name": report.sni, "names": shown or "no name", "outcome": _OUTCOMES[seen.asked]}
    yield Told("GPI523", values, key=(report.sni, certificate.fingerprint, seen.asked))


_OUTCOMES: Final = {
    True: "it went on, so verify_gpfdists_cert is off there, or the client does not check",
    False: "it sent no request",
    None: "whether it went on cannot be seen",
}


def names_of(certificate: Certificate) -> tuple[str, ...]:
    """Host names a certificate is for: alternative names that are no addresses, else the common name (RFC 6125)."""
    alternatives = tuple(text for text in certificate.san if not _address(text))
    if alternatives:
        return alternatives
    found = _COMMON_NAME.search(certificate.subject)
    return (re.sub(r"\\(.)", r"\1", found[1]),) if found else ()


def matches(wanted: str, candidate: str) -> bool:
    """Whether a host name is a name of a certificate; `*` stands for one whole label, the first."""
    wanted, candidate = wanted.rstrip(".").lower(), candidate.rstrip(".").lower()
    if wanted == candidate:
        return True
    return candidate.startswith("*.") and "." in candidate[2:] and wanted.partition(".")[2] == candidate[2:]


def _address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


RULES: Final[tuple[Rule, ...]] = (certificates, chains, name)
