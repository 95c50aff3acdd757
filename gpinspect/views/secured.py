"""TLS connections as JSON objects and as a table."""

from gpinspect.engine.secure import Secured
from gpinspect.engine.tls import Certificate
from gpinspect.views.objects import Object, wire_text
from gpinspect.views.tables import Column, Context, Table
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, clock_text, printable


def listed(found: list[Secured], everything: bool) -> list[Secured]:
    """Connections that speak TLS or asked for it; with `everything` also plain PostgreSQL ones."""
    return [one for one in found if everything or one.preface is None or one.preface.preface is not None]


def _certificate(certificate: Certificate | None) -> Object | None:
    if certificate is None:
        return None
    return {
        "subject": wire_text(certificate.subject),
        "issuer": wire_text(certificate.issuer),
        "serial": certificate.serial,
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "san": [wire_text(name) for name in certificate.san],
        "days_left": certificate.days_left,
        "key_type": certificate.key_type,
        "key_bits": certificate.key_bits,
        "signature_hash": certificate.signature_hash,
        "self_signed": certificate.self_signed,
        "fingerprint": certificate.fingerprint,
    }


def tls_object(one: Secured) -> Object:
    """One connection; hashes are null unless the inspection worked them out, or nothing was opened."""
    report, preface = one.report, one.preface
    return {
        "schema": "gpinspect.tls/1",
        "connection": one.connection.id,
        "client": str(one.connection.client),
        "server": str(one.connection.server),
        "preface": preface.preface if preface else None,
        "preface_reply": preface.reply if preface else None,
        "version": report.version,
        "versions_offered": list(report.versions_offered),
        "suite": report.suite,
        "suite_openssl": report.suite_openssl,
        "key_exchange": report.key_exchange,
        "forward_secret": report.forward_secret,
        "sni": wire_text(report.sni),
        "alpn": wire_text(report.alpn),
        "resumed": report.resumed,
        "resumption": report.resumption,
        "renegotiations": report.renegotiations,
        "client_certificate_requested": report.client_certificate_requested,
        "client_certificate_empty": report.client_certificate_empty,
        "client_certificate": _certificate(report.client_certificate),
        "server_certificate": _certificate(report.server_certificate),
        "alerts": [
            {"from": alert.sender, "level": alert.level, "description": alert.description, "encrypted": alert.encrypted}
            for alert in report.alerts
        ],
        "close_notify": list(report.close_notify),
        "decrypted": report.decrypted,
        "reason": report.reason,
        "c2s_bytes": report.c2s_bytes,
        "s2c_bytes": report.s2c_bytes,
        "c2s_sha256": report.c2s_sha256,
        "s2c_sha256": report.s2c_sha256,
        "negotiation": list(one.negotiation) if one.negotiation is not None else None,
    }


def _text(value: str | None) -> str:
    return printable(value) if value else UNKNOWN_TEXT


def _bytes(value: int | None) -> str:
    return UNKNOWN_TEXT if value is None else bytes_text(value)


def _certificate_text(certificate: Certificate | None) -> str:
    if certificate is None:
        return UNKNOWN_TEXT
    left = "" if certificate.days_left is None else f", {certificate.days_left} d left" if certificate.days_left >= 0 else ", expired"
    return printable(certificate.subject) + left


def _client_certificate(one: Secured, _: Context) -> str:
    report = one.report
    if report.client_certificate_empty:
        return "empty"
    if report.client_certificate is None and report.client_certificate_requested is not None:
        return "asked, none seen" if report.client_certificate_requested else "not asked"
    return _certificate_text(report.client_certificate)


def _alerts(one: Secured, _: Context) -> str:
    return ", ".join(f"{alert.sender}: {alert.description}" for alert in one.report.alerts) or UNKNOWN_TEXT


def _preface(one: Secured, _: Context) -> str:
    if one.preface is None:
        return UNKNOWN_TEXT
    return f"{one.preface.preface or 'plain'} {one.preface.reply or ''}".strip()


TLS: Table[Secured] = Table(
    "TLS connections",
    (
        Column("Conn", lambda one, _: str(one.connection.id), "right"),
        Column("Started", lambda one, c: clock_text(one.connection.start_ns, utc=c.utc, digits=3), priority=5),
        Column("Client", lambda one, _: str(one.connection.client), priority=3),
        Column("Server", lambda one, _: str(one.connection.server), priority=2),
        Column("Version", lambda one, _: _text(one.report.version)),
        Column("Suite", lambda one, _: _text(one.report.suite_openssl or one.report.suite), priority=2, least=12),
        Column("SNI", lambda one, _: _text(one.report.sni), priority=6, least=8),
        Column("Asked", _preface, priority=7),
        Column("Server certificate", lambda one, _: _certificate_text(one.report.server_certificate), priority=8, least=12),
        Column("Client certificate", _client_certificate, priority=9, least=12),
        Column("To server", lambda one, _: _bytes(one.report.c2s_bytes), "right", priority=4),
        Column("To client", lambda one, _: _bytes(one.report.s2c_bytes), "right", priority=4),
        Column("Alerts", _alerts, priority=3, least=12),
        Column("Opened", lambda one, _: one.report.decrypted, tones={"full": "good", "partial": "warn", "none": "warn"}),
        Column("Why not", lambda one, _: _text(one.report.reason), priority=2, least=20),
    ),
)
