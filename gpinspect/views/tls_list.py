"""TLS connections as a list, and all that is told of one of them."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from gpinspect.engine.secure import Secured
from gpinspect.engine.tls.alerts import meaning
from gpinspect.engine.tls.report import Certificate
from gpinspect.views.browse import Listing, span_ns, state_column
from gpinspect.views.report import Line
from gpinspect.views.secured import TLS
from gpinspect.views.tables import Column, Context, Tone
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, clock_text, duration_text, plural, printable, rate_text
from gpinspect.views.times import HEADINGS, TimeMode, time_column
from gpinspect.views.tls_section import what_helps

NAMES_SHOWN = 6
_TONES: dict[str, Tone] = {"full": "good", "partial": "warn", "none": "warn"}


def tls_tone(one: Secured) -> Tone:
    """Bad is what failed on the wire; what is only closed to us is to be looked at."""
    if any(alert.level == "fatal" for alert in one.report.alerts):
        return "bad"
    if one.preface is not None and not one.preface.tls:
        return ""
    return _TONES.get(one.report.decrypted, "")


def _start(one: Secured) -> int:
    return one.connection.start_ns


def tls_listing(
    found: Sequence[Secured], context: Context, mode: TimeMode = TimeMode.CLOCK, origin_ns: int | None = None
) -> Listing[Secured]:
    own = {column.name: column for column in TLS.columns}
    before = {one.connection.id: _start(earlier) for earlier, one in pairwise(found)}
    time = time_column(mode, _start, origin_ns, lambda one: before.get(one.connection.id), priority=5)
    names = ("Client", "Server", "Version", "Suite", "Opened", "Alerts", "SNI", "To server", "To client")
    columns: tuple[Column[Secured], ...] = (
        state_column(tls_tone),
        own["Conn"],
        time,
        *(own[name] for name in names),
        own["Why not"],
    )
    keys: dict[str, Callable[[Secured], Any]] = {
        HEADINGS[mode]: _start,
        "To server": lambda one: one.report.c2s_bytes,
        "To client": lambda one: one.report.s2c_bytes,
    }
    return Listing(columns, found, _key, "TLS connections", context, sort_keys=keys, time_of=_start, filter_kind="tls")


def _key(one: Secured) -> Hashable:
    return one.connection.id


def opened(found: Sequence[Secured]) -> int:
    """Connections of which something could be read."""
    return sum(one.report.decrypted != "none" for one in found)


def tls_details(one: Secured, *, utc: bool) -> Iterator[Line]:
    """Version, suite, certificates, alerts, and why it is closed; made to be wrapped."""
    report, connection = one.report, one.connection
    yield Line(f"client {connection.client}  server {connection.server}  {duration_text(span_ns(connection))}")
    if one.preface is not None:
        asked = "asked for TLS the PostgreSQL way" if one.preface.preface else "PostgreSQL without TLS"
        answer = f", answered {printable(one.preface.reply)}" if one.preface.reply else ""
        yield Line(f"{asked}{answer}")
        if not one.preface.tls:
            return
    yield from _opened_lines(one)
    secrecy = {True: "forward secret", False: "not forward secret", None: ""}[report.forward_secret]
    facts = (report.version, report.suite, f"key exchange {report.key_exchange}" if report.key_exchange else "", secrecy)
    yield Line(", ".join(printable(fact) for fact in facts if fact) or "no handshake was captured")
    names = [
        f"server name (SNI) {printable(report.sni)}" if report.sni else "",
        f"ALPN {printable(report.alpn)}" if report.alpn else "",
    ]
    names.append("resumed" if report.resumed else "")
    names.append(f"{plural(report.renegotiations, 'renegotiation')}" if report.renegotiations else "")
    if any(names):
        yield Line(", ".join(filter(None, names)))
    for alert in report.alerts:
        words = meaning(alert.sender, alert.description)
        when = clock_text(alert.ns, utc=utc)
        told = f"alert from the {alert.sender}: {alert.level} {alert.description}, frame {alert.frame:,} at {when}"
        yield Line(told + (f": {words}" if words else ""), "bad" if alert.level == "fatal" else "")
    yield from _certificate_lines("server", report.server_certificate)
    if report.client_certificate_empty:
        yield Line("client certificate: asked for, and the client has none", "warn")
    elif report.client_certificate is None and report.client_certificate_requested:
        yield Line("client certificate: asked for, not seen")
    yield from _certificate_lines("client", report.client_certificate)
    ends = ", ".join(report.close_notify)
    yield Line(f"close_notify from {ends}" if ends else "nobody said close_notify")


def _opened_lines(one: Secured) -> Iterator[Line]:
    report = one.report
    read = f"{bytes_text(report.c2s_bytes)} to the server, {bytes_text(report.s2c_bytes)} to the client"
    words = {"full": f"opened: {read}", "partial": f"opened in part: {read}", "none": "closed to us"}[report.decrypted]
    yield Line(words, _TONES[report.decrypted])
    if report.reason:
        yield Line(f"why: {printable(report.reason)}", "warn")
    helps = what_helps(one)
    if helps:
        yield Line(f"what helps: {helps}; a adds a file here")
    if report.decrypted == "none":
        sealed = report.client.data_bytes_sealed + report.server.data_bytes_sealed
        if sealed:
            ns = span_ns(one.connection)
            yield Line(f"{bytes_text(sealed)} in records all the same ({rate_text(sealed, ns)} MB/s)")


def _certificate_lines(side: str, certificate: Certificate | None) -> Iterator[Line]:
    """Whose it is, and whether it was valid when the frames were captured."""
    if certificate is None:
        return
    left = certificate.days_left
    tone: Tone = "" if left is None or left > 30 else "bad" if left < 0 else "warn"
    when = (
        ""
        if left is None
        else f"; {plural(left, 'day')} left at capture"
        if left >= 0
        else f"; expired {plural(-left, 'day')} before"
    )
    yield Line(f"{side} certificate: {printable(certificate.subject) or UNKNOWN_TEXT}")
    yield Line(f"  valid {certificate.not_before[:10]} to {certificate.not_after[:10]}{when}", tone)
    issuer = "itself" if certificate.self_signed else printable(certificate.issuer)
    key = " ".join(str(fact) for fact in (certificate.key_type, certificate.key_bits) if fact is not None)
    hashed = printable(certificate.signature_hash or UNKNOWN_TEXT)
    yield Line(f"  issued by {issuer}; key {printable(key) or UNKNOWN_TEXT}, signed with {hashed}")
    if certificate.san:
        shown = ", ".join(map(printable, certificate.san[:NAMES_SHOWN]))
        more = f" and {len(certificate.san) - NAMES_SHOWN:,} more" if len(certificate.san) > NAMES_SHOWN else ""
        yield Line(f"  for {shown}{more}")
