"""TLS that did not come about, or ended before its time: alerts in words, and the ways to end without one."""

from collections.abc import Iterator
from typing import Final

from gpinspect.analysis.tls_seen import Rule, Seen, Told
from gpinspect.engine.tls.alerts import meaning
from gpinspect.engine.tls.report import Alert

SECOND: Final = 1_000_000_000
REJECTING: Final = frozenset(
    (
        *("bad_certificate", "unsupported_certificate", "certificate_revoked", "certificate_expired", "certificate_unknown"),
        *("unknown_ca", "decrypt_error", "unrecognized_name"),
    )
)
"""Alerts about the other side's certificate (decrypt_error: a signature that does not fit)."""
VERSIONS: Final = frozenset(("protocol_version", "inappropriate_fallback"))
SUITES: Final = frozenset(("handshake_failure", "insufficient_security"))
WANTS_CERTIFICATE: Final = frozenset(("handshake_failure", "bad_certificate", "certificate_required"))
"""What a server says to an empty Certificate."""
SEALED_ALERT: Final = {False: 2 + 1 + 16, True: 2 + 1 + 8}
"""Bytes of a TLS 1.3 record that holds an alert: alert, type, tag (True: suites with a tag of 8 bytes)."""


def alerts(seen: Seen) -> Iterator[Told]:
    """GPI510 to GPI515, GPI519: the alert that ended it; GPI549: alerts that end nothing."""
    for alert in seen.report.alerts:
        if alert.level == "warning" and alert.description != "close_notify":
            yield _told(seen, "GPI549", alert)
    fatal = seen.fatal
    if fatal is not None and not _after_bare_close(seen, fatal):
        yield _told(seen, alert_code(seen, fatal), fatal)


def alert_code(seen: Seen, alert: Alert) -> str:
    """The finding of a fatal alert."""
    server, name = alert.sender == "server", alert.description
    if seen.answered:
        return "GPI519"
    if server and (name == "certificate_required" or (seen.report.client_certificate_empty and name in WANTS_CERTIFICATE)):
        return "GPI513"
    if name in REJECTING and not (server and name == "unrecognized_name"):
        return "GPI512" if server else "GPI511"
    if name in VERSIONS:
        return "GPI514"
    return "GPI515" if name in SUITES else "GPI510"


def _told(seen: Seen, code: str, alert: Alert) -> Told:
    text = meaning(alert.sender, alert.description) or "its name says all that is known"
    values: dict[str, str | int] = {
        "sender": alert.sender,
        "alert": alert.description,
        "meaning": text.replace("segment", "client") if seen.postgres else text,
        "offered": ", ".join(seen.report.versions_offered) or "not known",
    }
    return Told(code, values, ns=alert.ns, frame=alert.frame)


def _after_bare_close(seen: Seen, alert: Alert) -> bool:
    """Whether it is only what a client's library says to a close without close_notify, which is a finding of its own."""
    return alert.sender == "client" and alert.description == "decode_error" and seen.connection.closed_by == "server"


def sealed_alert(seen: Seen) -> Iterator[Told]:
    """GPI516: in TLS 1.3 without keys, an alert in place of the client's Finished, told by its size."""
    report = seen.report
    if not seen.modern or seen.opened or seen.fatal is not None or not seen.whole or seen.connection.closed_by is None:
        return
    if report.client.data_bytes_sealed == SEALED_ALERT[(report.suite or "").endswith("_CCM_8_SHA256")]:
        yield Told("GPI516", ns=report.client.last_ns)


def unfinished(seen: Seen) -> Iterator[Told]:
    """GPI517: left in the middle; GPI518: left right after the handshake."""
    report, closer = seen.report, seen.connection.closed_by
    if closer is None or seen.fatal is not None or not seen.whole or not report.server.records or not report.versions_offered:
        return
    if seen.modern and not seen.opened:
        if not report.client.data_bytes_sealed:
            yield Told("GPI517", {"sender": closer})
    elif not report.client.data_bytes_sealed or seen.modern:
        if report.handshake_done_ns is None:
            yield Told("GPI517", {"sender": closer})
        elif not seen.asked and not seen.answered:
            yield Told("GPI518", {"sender": closer})


def unanswered(seen: Seen) -> Iterator[Told]:
    """GPI561: a ClientHello to a server without TLS; GPI563: one that nobody answered."""
    report, connection = seen.report, seen.connection
    if not report.versions_offered or report.server.records or report.alerts or seen.postgres:
        return
    opening = report.server.opening
    if opening.startswith(b"HTTP/"):
        line = opening.split(b"\r")[0].split(b"\n")[0].decode("latin-1")
        yield Told("GPI561", {"answer": f"the answer, in clear text, is {line!r}"}, ns=report.server.first_ns)
    elif opening:
        if not connection.missing_bytes:
            yield Told("GPI561", {"answer": "the answer is no TLS"}, ns=report.server.first_ns)
    elif seen.whole and connection.answered and _over(seen):
        if connection.server in seen.plain_servers:
            yield Told("GPI561", {"answer": "there was no answer, and other connections to it are plain HTTP"})
        else:
            yield Told("GPI563")


def _over(seen: Seen) -> bool:
    """Whether the server had time to answer."""
    said = seen.report.client.last_ns or seen.connection.start_ns
    end = seen.connection.end_ns if seen.connection.closed_by else seen.last_ns
    return end - said > SECOND or seen.connection.closed_by == "server"


RULES: Final[tuple[Rule, ...]] = (alerts, sealed_alert, unfinished, unanswered)
