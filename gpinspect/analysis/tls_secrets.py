"""Why a TLS connection stays closed, and which secret would help."""

from collections.abc import Iterator
from typing import Final

from gpinspect.analysis.tls_seen import Rule, Seen, Told, what
from gpinspect.engine.tls import reasons

KEY_WANTED: Final = frozenset(
    (
        *(reasons.NO_KEY, reasons.NO_KEY_FORWARD_SECRET, reasons.NO_KEY_LOG, reasons.FORWARD_SECRET, reasons.NOT_RSA),
        *(reasons.NO_LINE, reasons.MASTER_HASH, reasons.NO_CLIENT_KEY_EXCHANGE, reasons.FIRST_HANDSHAKE),
    )
)
"""Reasons that other key material takes away."""

CODES: Final = {
    **dict.fromkeys(KEY_WANTED, "GPI501"),
    **dict.fromkeys((reasons.KEY_MISMATCH, reasons.PREMASTER, reasons.DOES_NOT_FIT), "GPI502"),
    reasons.LOST: "GPI503",
    reasons.AUTHENTICATION: "GPI504",
    **dict.fromkeys((reasons.NO_HANDSHAKE, reasons.NO_CLIENT_HELLO, reasons.NO_SERVER_HELLO), "GPI505"),
    **dict.fromkeys((reasons.SUITE, reasons.COMPRESSION, reasons.SSL3), "GPI506"),
    reasons.EARLY_CLEAR: "GPI507",
}
"""Finding of each reason; a failed or unfinished handshake is told by other rules."""
OF_POSTGRES: Final = {"GPI501": "GPI508"}
"""Where a PostgreSQL client gets its secret in another way than a Greenplum segment."""


def closed(seen: Seen) -> Iterator[Told]:
    """GPI501 to GPI508: the reason, in words, once for each server, suite and reason."""
    report = seen.report
    code = CODES.get(report.reason_code or "")
    if code is None or (seen.fatal is not None and not seen.fatal.encrypted):
        return
    if seen.postgres:
        code = OF_POSTGRES.get(code, code)
    lost = report.client.lost_records + report.server.lost_records
    values: dict[str, str | int] = {"what": what(seen), "reason": report.reason or "", "count": lost}
    yield Told(code, values, key=(report.version, report.suite_id, report.reason_code))


RULES: Final[tuple[Rule, ...]] = (closed,)
