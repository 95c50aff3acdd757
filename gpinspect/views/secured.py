"""TLS connections as JSON objects and as a table."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gpinspect.engine.secure import Secured
from gpinspect.engine.tls.report import Certificate
from gpinspect.views.objects import Object, wire_text
from gpinspect.views.tables import Column, Context, Table, Tone
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, clock_text, printable


def listed(found: list[Secured], everything: bool) -> list[Secured]:
    """Connections that speak TLS or asked for it; with `everything` also plain PostgreSQL ones."""
    return [one for one in found if everything or one.preface is None or one.preface.preface is not None]


def _never(certificate: Certificate) -> None:
    """Without a revocation list nothing is known."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person knows of the servers and clients, to be compared with what was seen.

    Args:
        expected: Rows of the matrix that the settings allow; None: nobody said.
        agrees: Whether rows that a connection can be agree with them.
        revoked: Whether a certificate is on a revocation list; None where nobody knows.
        reveal: Values of start-up parameters may be shown.
    """

    expected: tuple[int, ...] | None = None
    agrees: Callable[[tuple[int, ...], tuple[int, ...] | None], bool | None] = lambda expected, seen: None
    revoked: Callable[[Certificate], bool | None] = _never
    reveal: bool = False

    def verdict(self, one: Secured) -> bool | None:
        """Whether a connection is what was expected; None where nothing was, or nothing can be told."""
        return None if self.expected is None else self.agrees(self.expected, one.negotiation)


NOTHING_ASKED = Asked()
MASK = "***"
"""Stands for a value that nobody asked to see."""
_STARTUP_NAMES = frozenset(
    (
        "user",
        "database",
        "options",
        "replication",
        "application_name",
        "fallback_application_name",
        "client_encoding",
        "DateStyle",
        "TimeZone",
        "extra_float_digits",
        "search_path",
        "statement_timeout",
        "gp_session_role",
        "gp_role",
    )
)


def _startup(one: Secured, asked: Asked) -> Object | None:
    """Start-up parameters; of a name that comes twice the last one.

    Unless they may be shown values are masked, and unknown names left out: a client that counts wrongly has values there.
    """
    if one.startup is None:
        return None
    pairs = one.startup.parameters
    if asked.reveal:
        return {wire_text(name) or "": wire_text(value) for name, value in pairs}
    return {name: MASK for name, _ in pairs if name in _STARTUP_NAMES}


def _certificate(certificate: Certificate | None, asked: Asked) -> Object | None:
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
        "revoked": asked.revoked(certificate),
    }


def tls_object(one: Secured, asked: Asked = NOTHING_ASKED) -> Object:
    """One connection; hashes are null unless the inspection worked them out, or nothing was opened.

    `expected_rows` are those that the settings allow, `expected_row` the only one of them; `agrees`: `negotiation` has one of them.
    """
    report, preface, expected = one.report, one.preface, asked.expected
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
        "client_certificate": _certificate(report.client_certificate, asked),
        "server_certificate": _certificate(report.server_certificate, asked),
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
        "expected_row": expected[0] if expected is not None and len(expected) == 1 else None,
        "expected_rows": list(expected) if expected is not None else None,
        "agrees": asked.verdict(one),
        "startup": _startup(one, asked),
    }


def _text(value: str | None) -> str:
    return printable(value) if value else UNKNOWN_TEXT


def _bytes(value: int | None) -> str:
    return UNKNOWN_TEXT if value is None else bytes_text(value)


def _certificate_text(certificate: Certificate | None) -> str:
    if certificate is None:
        return UNKNOWN_TEXT
    left = (
        "" if certificate.days_left is None else f", {certificate.days_left} d left" if certificate.days_left >= 0 else ", expired"
    )
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


def rows_text(rows: tuple[int, ...]) -> str:
    """Rows of the matrix in few characters: `5-12`, `2,4,13-16`; `none` where there is none."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and runs[-1][1] == row - 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs) or "none"


def table(asked: Asked) -> Table[Secured]:
    """The table, with columns for what was asked."""

    def expected(one: Secured, _: Context) -> str:
        verdict = asked.verdict(one)
        return UNKNOWN_TEXT if verdict is None else "agrees" if verdict else "differs"

    def revoked(one: Secured, _: Context) -> str:
        sides = (("server", one.report.server_certificate), ("client", one.report.client_certificate))
        known = {name: asked.revoked(certificate) for name, certificate in sides if certificate is not None}
        on_list = [name for name, verdict in known.items() if verdict]
        return " and ".join(on_list) or ("no" if False in known.values() else UNKNOWN_TEXT)

    rows: Column[Secured] = Column(
        "Rows", lambda one, _: UNKNOWN_TEXT if one.negotiation is None else rows_text(one.negotiation), priority=2
    )
    more: tuple[Column[Secured], ...] = ()
    if asked.expected is not None:
        name = f"Expected {rows_text(asked.expected)}"
        more += (rows, Column(name, expected, tones={"agrees": "good", "differs": "bad"}))
    if asked.revoked is not _never:
        bad: dict[str, Tone] = dict.fromkeys(("server", "client", "server and client"), "bad")
        more += (Column("Revoked", revoked, tones=bad),)
    if asked.reveal:
        more += (Column("Start-up", lambda one, _: _startup_text(one), priority=3, least=16),)
    return replace(TLS, columns=TLS.columns + more)


def _startup_text(one: Secured) -> str:
    if one.startup is None:
        return UNKNOWN_TEXT
    return printable(" ".join(f"{name}={value}" for name, value in one.startup.parameters)) or UNKNOWN_TEXT
