"""Puts the page together: totals, a part for each session, findings that belong to none, TLS, settings to change."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from gpinspect.grammar import findings as catalogue
from gpinspect.grammar.sentences import of_finding
from gpinspect.model import Delivery, Exchange, Finding, Severity, Stall
from gpinspect.views.inspected import Inspected
from gpinspect.views.page.session import Material, Room, session_entry
from gpinspect.views.page.values import Fact, FindingEntry, Page, SessionEntry, TlsEntry
from gpinspect.views.tables import place_text
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, clock_text, duration_text, plural, printable
from gpinspect.views.tls_section import tls_lines

if TYPE_CHECKING:
    from gpinspect.engine.secure import Secured

LARGEST_GRID: Final = 240_000
"""Cells of all matrices of a page together."""
MOST_LANES: Final = 1_600
"""Lanes that are drawn on a page."""
MESSAGES_SHOWN: Final = 8
TLS_SHOWN: Final = 400
ADVICE_SHOWN: Final = 12


def build_page(
    found: Inspected,
    *,
    title: str = "gpfdist load",
    stalls: Sequence[Stall] = (),
    skew: Mapping[int, Sequence[str]] | None = None,
    tls: "Sequence[Secured]" = (),
    utc: bool = False,
    masked: bool = False,
) -> Page:
    """Everything that a page shows.

    Args:
        stalls: Silences with their causes.
        skew: Of sessions by id, sentences about how evenly the load was shared.
        tls: Connections that speak TLS or asked for it.
        utc: Times in universal time instead of this machine's zone.
        masked: `found` and `tls` are under a mask already (`gpinspect.views.masked`); names in certificates are then left out.
    """
    members: dict[int, list[Exchange]] = {session.id: [] for session in found.sessions}
    for exchange in found.exchanges:
        if exchange.session in members:
            members[exchange.session].append(exchange)
    told: dict[int | None, list[Finding]] = defaultdict(list)
    for finding in found.findings:
        told[finding.session].append(finding)
    silences: dict[int | None, list[Stall]] = defaultdict(list)
    for stall in stalls:
        silences[stall.session].append(stall)
    room = Room(LARGEST_GRID // max(1, len(found.sessions)), MOST_LANES // max(1, len(found.sessions)))
    sessions = tuple(
        session_entry(
            Material(session, members[session.id], silences[session.id], (skew or {}).get(session.id, ())),
            finding_entries(told[session.id], f"s{session.id}", utc),
            room,
            utc=utc,
        )
        for session in found.sessions
    )
    general = finding_entries(told[None], "c", utc)
    spoken = [one for one in tls if one.preface is None or one.preface.tls]
    return Page(
        title=title,
        facts=tuple(_facts(found, utc)),
        verdicts=tuple(_verdicts(found)),
        levels=levels(found.findings),
        sessions=sessions,
        findings=general,
        advice=tuple(_advice(sessions, general)),
        tls=tuple(_tls_entry(one, masked) for one in spoken[:TLS_SHOWN]),
        tls_left=max(0, len(spoken) - TLS_SHOWN),
        tls_lines=tuple(text for text, _ in tls_lines(tls, found.notices, screen=False)),
        masked=masked,
    )


def _facts(found: Inspected, utc: bool) -> Iterable[Fact]:
    shown = ", ".join(printable(source) for source in found.sources[:4])
    left = len(found.sources) - 4
    yield Fact("Captures", f"{shown or UNKNOWN_TEXT}{f' and {left:,} more' if left > 0 else ''}")
    yield Fact("Read", f"{plural(found.frames, 'frame')}, {bytes_text(found.bytes)}")
    if found.first_ns is not None and found.last_ns is not None:
        first, last = clock_text(found.first_ns, utc=utc, date=True), clock_text(found.last_ns, utc=utc)
        zone = "universal time" if utc else "local time"
        yield Fact("Time", f"{first} to {last} ({duration_text(found.last_ns - found.first_ns)}), {zone}")
    yield Fact("Carried", f"{plural(len(found.connections), 'connection')}, {plural(len(found.exchanges), 'request')}")


def _verdicts(found: Inspected) -> Iterable[tuple[str, int]]:
    """Verdicts and how many sessions have them, the worst first."""
    counts = Counter(session.delivery for session in found.sessions)
    for delivery in (Delivery.REFUTED, Delivery.UNPROVABLE, Delivery.PROVEN):
        if counts[delivery]:
            yield delivery.value, counts[delivery]


def levels(findings: Iterable[Finding]) -> tuple[tuple[str, int], ...]:
    """How many findings there are of each level, gravest first; levels without one are left out."""
    counts = Counter(finding.severity for finding in findings)
    return tuple((level.word, counts[level]) for level in sorted(Severity, reverse=True) if counts[level])


def finding_entries(findings: Sequence[Finding], prefix: str, utc: bool) -> tuple[FindingEntry, ...]:
    """Findings of one code together, gravest first, then by time."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.code, []).append(finding)
    ordered = sorted(groups.values(), key=lambda group: (-max(one.severity for one in group), group[0].time_ns or 0))
    return tuple(_finding_entry(group, f"{prefix}-{group[0].code}", utc) for group in ordered)


def _finding_entry(group: Sequence[Finding], anchor: str, utc: bool) -> FindingEntry:
    first = max(group, key=lambda finding: finding.severity)
    kind = catalogue.kind(first.code)
    single = len(group) == 1
    told = dict.fromkeys((*([kind.sql] if kind.sql else []), *of_finding(kind.code)))
    several = [f"{place_text(one)}: {printable(one.message)}" for one in group[:MESSAGES_SHOWN]]
    return FindingEntry(
        anchor=anchor,
        level=first.severity.word,
        code=first.code,
        name=kind.name,
        count=len(group),
        session=first.session,
        where=place_text(first) if single else "",
        when=clock_text(first.time_ns, utc=utc) if first.time_ns is not None else "",
        frames="-".join(f"{number}" for number in dict.fromkeys(first.frames)) if first.frames else "",
        messages=(printable(first.message),) if single else tuple(several),
        more=max(0, len(group) - MESSAGES_SHOWN),
        explanation=kind.explanation,
        rules_out=kind.rules_out,
        cause=kind.cause,
        advice=tuple(dict.fromkeys(printable(one.advice) for one in group if one.advice))[:MESSAGES_SHOWN],
        sentences=tuple(told),
    )


def _advice(sessions: Sequence[SessionEntry], general: Sequence[FindingEntry]) -> Iterable[tuple[str, str, str]]:
    """What to do, each once, for what is graver than a note."""
    seen: set[str] = set()
    ordered = [entry for entry in (*general, *(one for session in sessions for one in session.findings)) if entry.level != "note"]
    ordered.sort(key=lambda entry: entry.level != "error")
    for entry in ordered:
        if entry.code not in seen and entry.advice and len(seen) < ADVICE_SHOWN:
            seen.add(entry.code)
            yield entry.code, entry.anchor, entry.advice[0]


def _tls_entry(one: "Secured", masked: bool) -> TlsEntry:
    report, certificate = one.report, one.report.server_certificate
    if certificate is None:
        named = UNKNOWN_TEXT
    else:
        left = "" if certificate.days_left is None else f", {certificate.days_left:,} days left"
        named = f"{'(masked)' if masked else printable(certificate.subject)}{left}"
    forward = {True: "yes", False: "no", None: UNKNOWN_TEXT}[report.forward_secret]
    return TlsEntry(
        connection=one.connection.id,
        client=str(one.connection.client),
        server=str(one.connection.server),
        version=report.version or UNKNOWN_TEXT,
        suite=printable(report.suite or UNKNOWN_TEXT),
        forward=forward,
        certificate=named,
        opened=report.decrypted,
        reason=printable(report.reason or ""),
        alerts=", ".join(f"{alert.sender}: {alert.description}" for alert in report.alerts if not alert.encrypted),
    )
