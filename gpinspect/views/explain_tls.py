"""What an alert or a cipher suite means, as rows for `explain`."""

import re
from collections.abc import Iterator

Page = tuple[str, list[tuple[str, str]]]

_ALERT = re.compile(r"(?:(?:tls|ssl) +)?alert +(.+)", re.IGNORECASE)


def alert_pages(text: str) -> list[Page]:
    """An alert by name (`unknown_ca`, `unknown ca`) or, with the word in front, by number (`alert 48`)."""
    from gpinspect.engine.tls.alerts import NAMES, meaning

    found = _ALERT.fullmatch(text)
    wanted = re.sub(r"[ -]+", "_", (found[1] if found else text).strip().lower())
    numbers = {name: number for number, name in NAMES.items()}
    if found and wanted.isascii() and wanted.isdigit() and len(wanted) < 4:
        wanted = NAMES.get(int(wanted), "")
    if wanted not in numbers:
        return []
    client, server = meaning("client", wanted), meaning("server", wanted)
    rows = [("means", client or "")] if client == server else [("by client", client or ""), ("by server", server or "")]
    rows += [
        ("seen", "as it is during the handshake up to TLS 1.2; later, and nearly always in TLS 1.3, only with a key"),
        ("findings", ", ".join(_findings(wanted))),
        ("known from", "RFC 8446, section 6; RFC 5246, section 7.2"),
    ]
    return [(f"{wanted} (TLS alert {numbers[wanted]})", rows)]


_FINDINGS = {
    "close_notify": ("GPI545", "GPI546"),
    "handshake_failure": ("GPI513", "GPI515"),
    "certificate_required": ("GPI513",),
    "protocol_version": ("GPI514",),
    "inappropriate_fallback": ("GPI514",),
    "insufficient_security": ("GPI515",),
    "no_renegotiation": ("GPI549",),
    "bad_record_mac": ("GPI519",),
    **dict.fromkeys(
        (
            *("bad_certificate", "unsupported_certificate", "certificate_revoked", "certificate_expired", "certificate_unknown"),
            *("unknown_ca", "decrypt_error", "unrecognized_name"),
        ),
        ("GPI511", "GPI512"),
    ),
}


def _findings(name: str) -> Iterator[str]:
    from gpinspect.grammar import findings

    for code in _FINDINGS.get(name, ("GPI510",)):
        yield f"{code} {findings.kind(code).name}"


def suite_pages(text: str) -> list[Page]:
    """A cipher suite by registered name, OpenSSL name, or number."""
    from gpinspect.engine.tls.suites import CBC, UNSUPPORTED, find

    suite = find(text)
    if suite is None:
        return []
    if suite.iana is None:
        return [
            (f"cipher suite 0x{suite.id:04X}", [("problem", "no suite with this number is registered, as far as is known here")])
        ]
    cipher = f"{suite.cipher} {suite.key_length * 8} bits" if suite.key_length else suite.cipher
    rows = [
        ("OpenSSL", suite.openssl or "no name there"),
        ("key from", _EXCHANGES.get(suite.key_exchange, suite.key_exchange)),
        ("cipher", "" if suite.mode == UNSUPPORTED else f"{cipher}, {suite.mode}" if suite.cipher != suite.mode else cipher),
        ("record MAC", f"HMAC-{suite.mac.upper()}" if suite.mode == CBC else ""),
        ("opened by", _opened_by(suite.mode == UNSUPPORTED, suite.cipher == "NULL", suite.forward_secret, suite.key_exchange)),
        ("where", _PLACES.get(suite.id, "")),
    ]
    return [(f"{suite.iana} (0x{suite.id:04X})", rows)]


_EXCHANGES = {
    "RSA": "RSA: the client encrypts it for the key of the server's certificate; not forward secret",
    "DHE_RSA": "Diffie-Hellman, signed with RSA; forward secret",
    "ECDHE_RSA": "Diffie-Hellman over elliptic curves, signed with RSA; forward secret",
    "ECDHE_ECDSA": "Diffie-Hellman over elliptic curves, signed with ECDSA; forward secret",
    "any": "TLS 1.3: (EC)DHE or a resumed session; forward secret",
}
_PLACES = {
    0x002F: "the suite of the gpfdists manual and the only one of 4.3 clients",
    **dict.fromkeys((0x009E, 0x009F, 0xC09E, 0xC09F), "one of the four suites of openGauss"),
    0x1302: "what gpfdist 6.17.1 and later agrees on with a segment when nothing is limited (TLS 1.3)",
    0xC030: "what gpfdist 6.17.1 and later agrees on with a segment when TLS 1.2 is the limit",
}


def _opened_by(unsupported: bool, clear: bool, forward_secret: bool, exchange: str) -> str:
    if unsupported:
        return "nothing here: its arithmetic is not supported"
    if clear:
        return "nothing needed: it does not encrypt"
    if forward_secret or exchange != "RSA":
        return "a key log (`--keylog`); the server's private key cannot help"
    return "a key log (`--keylog`) or the server's private key (`--server-key`)"
