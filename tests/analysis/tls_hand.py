"""TLS connections by hand: a healthy gpfdists read over TLS 1.3, opened, and what a test changes of it."""

import dataclasses
from typing import Any

from gpinspect.engine.secure import Secured
from gpinspect.engine.tls.preface import PrefaceFacts
from gpinspect.engine.tls.report import Alert, Certificate, SideReport, TlsReport
from gpinspect.model import Exchange, Finding

from .hand import SECOND, START, Made, covered, packages

DAY = 86_400
YEAR = 365 * DAY
START_S = START // SECOND

NO_DATA: dict[str, Any] = {"data_records": 0, "bytes": 0, "data_bytes_sealed": 0}


def certificate(**changed: Any) -> Certificate:
    """Of etl1.example.test, by a CA of its own, from a year before the capture to a year after it."""
    known: dict[str, Any] = {
        "subject": "CN=etl1.example.test,O=Example",
        "issuer": "CN=Example CA",
        "serial": "1f",
        "not_before": "2022-11-14T22:13:20+00:00",
        "not_after": "2024-11-13T22:13:20+00:00",
        "not_before_s": START_S - YEAR,
        "not_after_s": START_S + YEAR,
        "san": ("etl1.example.test", "127.0.0.1"),
        "key_type": "RSA",
        "key_bits": 2048,
        "signature_hash": "sha256",
        "self_signed": False,
        "key_fingerprint": "ab" * 32,
        "fingerprint": "cd" * 32,
    }
    return Certificate(**{**known, **changed}).at(START)


ROOT = certificate(subject="CN=Example CA", issuer="CN=Example CA", self_signed=True, san=(), fingerprint="ef" * 32)


def side(**changed: Any) -> SideReport:
    known: dict[str, Any] = {
        "bytes": 100,
        "sha256": None,
        "records": 7,
        "data_records": 1,
        "data_bytes_sealed": 400,
        "lost_records": 0,
        "unread_records": 0,
        "first_ns": START + 1000,
        "last_ns": START + SECOND // 2,
    }
    return SideReport(**{**known, **changed})


def report(**changed: Any) -> TlsReport:
    """`client` and `server` may be dictionaries with what is changed of a side."""
    known: dict[str, Any] = {
        "version": "TLSv1.3",
        "versions_offered": ("TLSv1.3", "TLSv1.2"),
        "suite": "TLS_AES_256_GCM_SHA384",
        "suite_openssl": "TLS_AES_256_GCM_SHA384",
        "suite_id": 0x1302,
        "key_exchange": "(EC)DHE or PSK",
        "forward_secret": True,
        "sni": "etl1.example.test",
        "alpn": None,
        "resumed": False,
        "resumption": None,
        "extended_master_secret": None,
        "encrypt_then_mac": None,
        "secure_renegotiation": None,
        "renegotiations": 0,
        "renegotiation_asked_by_server": False,
        "retried": False,
        "early_data": None,
        "key_updates": 0,
        "handshake_done_ns": START + 5000,
        "client_certificate_requested": True,
        "server_certificate": certificate(),
        "client_certificate": certificate(subject="CN=gpseg0", san=(), fingerprint="01" * 32),
        "server_chain": (certificate(), ROOT),
        "client_chain": (certificate(subject="CN=gpseg0", san=(), fingerprint="01" * 32), ROOT),
        "client_certificate_empty": False,
        "unreadable_certificates": 0,
        "alerts": (),
        "close_notify": ("server", "client"),
        "authenticated": True,
        "decrypted": "full",
        "reason": None,
        "reason_code": None,
        "needs_secrets": False,
    }
    # keys that newer reports may have are left at what they are without a test's word
    for name in ("client", "server"):
        given = changed.get(name, {})
        changed[name] = side(**given) if isinstance(given, dict) else given
    if "server_certificate" in changed and "server_chain" not in changed:
        shown = changed["server_certificate"]
        changed["server_chain"] = (shown, ROOT) if shown is not None else ()
    return TlsReport(**{**known, **changed})


def alert(description: str, sender: str = "server", level: str = "fatal", *, encrypted: bool = False) -> Alert:
    return Alert(sender, level, description, encrypted, START + 7000, 17)


def preface(**changed: Any) -> PrefaceFacts:
    """A PostgreSQL client that asked for TLS and got it."""
    known: dict[str, Any] = {
        "preface": "SSLRequest",
        "reply": "S",
        "gss_asked": False,
        "gss_reply": None,
        "tls": True,
        "startup": False,
        "cancel": False,
        "accepted": None,
        "sqlstate": None,
        "early_client_bytes": 0,
        "early_server_bytes": 0,
        "client_closed": False,
    }
    return PrefaceFacts(**{**known, **changed})


class MadeTls(Made):
    """An inspection with TLS in the making."""

    def __init__(self) -> None:
        super().__init__()
        self.secured: list[Secured] = []

    def speaks(
        self,
        *,
        on: dict[str, Any] | None = None,
        asked: PrefaceFacts | None = None,
        rows: tuple[int, ...] | None = None,
        exchange: Exchange | None = None,
        **changed: Any,
    ) -> Secured:
        """A connection that speaks TLS: that of an exchange, or a new one (`on`: changes of it)."""
        if exchange is not None:
            value = dataclasses.replace(self.connections[exchange.connection - 1], tls=True, **(on or {}))
            self.connections[exchange.connection - 1] = value
        else:
            value = self.connection(**{"kind": "postgres" if asked else "tls", "tls": True, "answered": True, **(on or {})})
        made = Secured(value, report(**changed), asked, rows)
        self.secured.append(made)
        return made

    def told(self) -> list[Finding]:
        """Findings about TLS."""
        return [finding for finding in self.judged().findings if finding.code.startswith("GPI5")]

    def judged(self) -> Any:
        from gpinspect.analysis import judge

        return judge(self.sessions, self.exchanges, self.connections, self.weirds, self.notices, self.secured)


def one_read(**tls: Any) -> MadeTls:
    """A whole read of one segment over TLS, as a session."""
    made = MadeTls()
    exchange = made.read(segment_count=1, payload_bytes=100, packages=packages((0, 100, 1)))
    made.session(files=(covered(100),))
    made.speaks(exchange=made.exchanges[exchange.id - 1], **tls)
    return made


def codes(**changed: Any) -> list[str]:
    """Codes of what is told of one connection."""
    made = MadeTls()
    made.speaks(**changed)
    return [finding.code for finding in made.told()]
