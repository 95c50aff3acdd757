"""The one-screen answer: what was read, what ran, what is wrong, what was something else, what to do next.

Plain data: sections of lines, each line with a tone for those who have colours. An ordinary capture fits 80x24; what does not
fit is folded into a count that names the command which shows it.
"""

import shlex
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpinspect.model import Delivery, Exchange, Finding, Outcome, Session, Severity
from gpinspect.views.inspected import Inspected
from gpinspect.views.pace import Closer, pace_line, settings_to_change, skew_line, stalls_line
from gpinspect.views.tables import DELIVERY_TONES, SEVERITY_TONES, Tone, place_text, query_name, segments_text
from gpinspect.views.text import bytes_text, cells, clock_text, duration_text, plural, printable, rate_text, shorten
from gpinspect.views.tls_section import tls_lines

if TYPE_CHECKING:
    from gpinspect.engine.secure import Secured

SESSIONS_SHOWN = 3
FINDINGS_SHOWN = 3
SPACIOUS = 2
"""Up to so many sessions a screen has room for who asked."""
SOURCES_SHOWN = 2
SETTINGS_SHOWN = 2
SCREEN = 22
"""Lines of a report on a screen of 24: the command that was typed and the next prompt have theirs."""
QUERIES_SHOWN = 2
PATH_SHOWN = 120
NAME_SHOWN = 64
WHOLE = 10_000
"""Folding limit that no report reaches in practice, for output that is no screen."""

_KIND_WORDS = {"tls": "TLS", "postgres": "PostgreSQL", "http": "HTTP without gpfdist", "silent": "without payload"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report, safe for a terminal."""

    text: str
    tone: Tone = ""
    indent: int = 0  # levels of two blanks
    whole: bool = False  # goes on in further lines, rather than being cut, while the screen has room


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Report:
    sections: tuple[Section, ...]

    def lines(self, width: int | None = None) -> Iterator[Line]:
        """The report as lines of text, titles in the left margin.

        Args:
            width: Cells of the screen; longer lines are shortened, or go on in the next one where that matters and there is
                room. None: nothing is cut.
        """
        margin = max((len(section.title) for section in self.sections), default=0) + 2
        room = SCREEN - sum(len(section.lines) for section in self.sections)
        for section in self.sections:
            for number, line in enumerate(section.lines):
                title = section.title if number == 0 else ""
                blank = " " * margin + "  " * line.indent
                pieces = _pieces(line, width, len(blank), room)
                room -= len(pieces) - 1
                yield Line(f"{title:<{margin}}{blank[margin:]}{pieces[0]}", line.tone)
                for piece in pieces[1:]:
                    yield Line(f"{blank}  {piece}", line.tone)


def _pieces(line: Line, width: int | None, margin: int, room: int) -> list[str]:
    if width is None or cells(line.text) <= width - margin:
        return [line.text]
    if line.whole and line.text.isascii() and width - margin > 20:
        pieces = textwrap.wrap(line.text, width - margin - 2)
        if len(pieces) - 1 <= room:
            return pieces
        if room > 0:
            return [*pieces[:room], shorten(" ".join(pieces[room:]), width - margin - 2)]
    return [shorten(line.text, width - margin)]


def build_report(
    found: Inspected,
    *,
    tls: "Sequence[Secured]" = (),
    look: Callable[[Session], Closer] | None = None,
    utc: bool = False,
    screen: bool = True,
    command: str = "gpinspect",
) -> Report:
    """Say what an inspection found.

    Args:
        tls: Connections that speak TLS or asked for it.
        look: Tells pace, skew and stalls of a session; asked only for those that are shown.
        utc: Times in universal time instead of this machine's zone.
        screen: Fold what exceeds one screen; else list all of it.
    """
    ran = _ran(found, SESSIONS_SHOWN if screen else WHOLE)
    sections = [
        Section("read", tuple(_read_lines(found, utc, SOURCES_SHOWN if screen else WHOLE))),
        Section("ran", tuple(ran.lines())),
        Section(_finding_title(found.findings), tuple(_finding_lines(found.findings, FINDINGS_SHOWN if screen else WHOLE, screen))),
    ]
    protected = tls_lines(tls, found.notices, screen=screen, brief=bool(found.sessions))
    protection = tuple(Line(text, indent=indent) for text, indent in protected)
    if protection:
        sections.append(Section("tls", protection))
    other = tuple(_other_lines(found))
    if other:
        sections.append(Section("also", other))
    sections.append(Section("next", tuple(_next_lines(found, tls, command))))
    room = SCREEN - sum(len(section.lines) for section in sections) if screen else WHOLE * WHOLE
    settings = [Line(text, whole=True) for text in settings_to_change(found.findings)][: SETTINGS_SHOWN if screen else WHOLE]
    settings = settings[: max(0, room)]
    if settings:
        sections.insert(-1, Section("set", tuple(settings)))
    if look is not None:
        ran.look_closer(look, room - len(settings))
        sections[1] = Section("ran", tuple(ran.lines()))
    return Report(tuple(sections))


def _finding_title(findings: Sequence[Finding]) -> str:
    """Notes are worth knowing, and nothing is wrong with them."""
    return "noted" if findings and all(one.severity is Severity.NOTE for one in findings) else "wrong"


def _read_lines(found: Inspected, utc: bool, shown: int) -> Iterator[Line]:
    names = ", ".join(printable(source) for source in found.sources[:shown])
    left = len(found.sources) - shown
    yield Line(f"{names or '-'}{f' and {left:,} more' if left > 0 else ''}")
    facts = [plural(found.frames, "frame"), bytes_text(found.bytes)]
    if found.first_ns is not None and found.last_ns is not None:
        span = duration_text(found.last_ns - found.first_ns)
        first, last = (clock_text(ns, utc=utc, date=date) for ns, date in ((found.first_ns, True), (found.last_ns, False)))
        facts.append(f"{first} to {last} ({span})")
    yield Line(", ".join(facts))


def _query_key(session: Session) -> tuple[str | None, str | None]:
    return session.xid, session.cid


def _trouble(session: Session, worst: dict[int, int]) -> tuple[int, int, int]:
    """Sort key: the session with the gravest finding first, then the one that moved most, then order of appearance."""
    refuted = 1 if session.delivery is Delivery.REFUTED else 0
    return -max(worst.get(session.id, 0), refuted * Severity.ERROR), -session.payload_bytes, session.id


@dataclass(slots=True)
class _Ran:
    """The sessions that are shown, each with its lines, and what stands below them."""

    shown: list[tuple[Session, list[Line]]]
    below: list[Line]

    def lines(self) -> Iterator[Line]:
        for _, lines in self.shown:
            yield from lines
        yield from self.below

    def look_closer(self, look: Callable[[Session], Closer], room: int) -> None:
        """Add what held sessions up, who carried how much, and how fast they moved, as far as there is room for lines.

        What held a session up comes first, whichever it is.
        """
        if room <= 0:
            return
        asked = [(session, lines, look(session)) for session, lines in self.shown if session.payload_bytes]
        kept: dict[int, list[tuple[int, Line]]] = {}
        for rank, words in ((2, _stalled), (1, _shared), (0, _paced)):
            for session, _, closer in asked:
                text = words(session, closer)
                if text and room > 0:
                    kept.setdefault(session.id, []).append((rank, Line(text, indent=1, whole=True)))
                    room -= 1
        for session, lines, _ in asked:
            lines += [line for _, line in sorted(kept.get(session.id, ()), key=lambda entry: entry[0])]


def _stalled(session: Session, closer: Closer) -> str:
    return stalls_line(closer.stalls or ())


def _shared(session: Session, closer: Closer) -> str:
    return skew_line(closer.skew) if len(closer.skew.shares) > 1 else ""


def _paced(session: Session, closer: Closer) -> str:
    return pace_line(session, closer.pace.pace)


def _ran(found: Inspected, shown: int) -> _Ran:
    if not found.sessions:
        return _Ran([], [Line("no gpfdist session")])
    worst: dict[int, int] = {}
    for finding in found.findings:
        if finding.session is not None:
            worst[finding.session] = max(worst.get(finding.session, 0), finding.severity)
    queries = Counter(_query_key(session) for session in found.sessions if session.xid is not None)
    chosen = sorted(found.sessions, key=lambda session: _trouble(session, worst))[:shown]
    members: dict[int, list[Exchange]] = {session.id: [] for session in chosen}
    for exchange in found.exchanges:
        if exchange.session in members:
            members[exchange.session].append(exchange)
    spacious = len(chosen) <= SPACIOUS or shown == WHOLE
    ran = _Ran([], [])
    for session in sorted(chosen, key=lambda session: session.id):
        lines = list(_one_session(session, members[session.id]))
        ran.shown.append((session, [*lines, _who(session, queries[_query_key(session)])] if spacious else lines))
    if not spacious:
        ran.below += _queries(found.sessions)
    left = len(found.sessions) - len(chosen)
    if left > 0:
        total = sum(session.payload_bytes for session in found.sessions)
        ran.below.append(Line(f"and {plural(left, 'more session')}; all {len(found.sessions):,} together: {bytes_text(total)}"))
    return ran


def _queries(sessions: Sequence[Session]) -> Iterator[Line]:
    """The verdicts on statements with several sessions, the worst first."""
    several = {session.query: session for session in sessions if session.query_sessions > 1}
    order = [Delivery.REFUTED, Delivery.UNPROVABLE, Delivery.PROVEN]
    for session in sorted(several.values(), key=lambda session: order.index(session.query_delivery))[:QUERIES_SHOWN]:
        name = query_name(session.xid, session.cid, None).removesuffix("/-")
        tone = DELIVERY_TONES[session.query_delivery] if session.query_delivery is Delivery.REFUTED else ""
        yield Line(f"query {name}: {session.query_sessions} sessions, together {session.query_delivery.value}", tone)


def _one_session(session: Session, exchanges: Sequence[Exchange]) -> Iterator[Line]:
    method = printable(session.method) if session.method else "-"
    version = f" (gpfdist {_release(session.server_version)})" if session.server_version else ""
    path = shorten(printable(session.path), PATH_SHOWN, keep="both") if session.path else "-"
    yield Line(f"{session.id}  {method} {path}  on {session.server}{version}")
    ns = session.end_ns - session.start_ns
    facts = [
        session.delivery.value,
        f"segments {segments_text(session)}",
        f"{bytes_text(session.payload_bytes)} in {duration_text(ns)} ({rate_text(session.payload_bytes, ns)} MB/s)",
        outcomes_text(exchange.outcome for exchange in exchanges),
    ]
    yield Line(", ".join(facts), DELIVERY_TONES[session.delivery] if session.delivery is Delivery.REFUTED else "", 1)


def _who(session: Session, of_query: int) -> Line:
    """The statement behind a session, as far as its requests tell."""
    parts = [
        f"query {shorten(query_name(session.xid, session.cid, session.sn), NAME_SHOWN)}",
        f"db {shorten(printable(session.database), NAME_SHOWN)}" if session.database else "",
        f"user {shorten(printable(session.user), NAME_SHOWN)}" if session.user else "",
        f"{of_query} sessions of this query, together {session.query_delivery.value}" if of_query > 1 else "",
    ]
    return Line(", ".join(part for part in parts if part), indent=1)


def _release(version: str) -> str:
    """The release out of what X-GPFDIST-VERSION says (`6.24.3 build commit:25d3498a…`)."""
    return printable(version.split(" build ")[0].removeprefix("gpfdist version ")) or "-"


def outcomes_text(outcomes: Iterable[Outcome]) -> str:
    """How many exchanges ended how, most frequent first: `14 complete, 2 late`."""
    counts = Counter(outcome.value for outcome in outcomes)
    return ", ".join(f"{number:,} {word}" for word, number in counts.most_common()) or "no exchange"


def _finding_lines(findings: Sequence[Finding], shown: int, screen: bool) -> Iterator[Line]:
    totals = Counter(finding.severity for finding in findings)
    if not findings:
        yield Line("nothing found", "good")
        return
    yield Line(", ".join(plural(totals[level], level.word) for level in sorted(Severity, reverse=True) if totals[level]))
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.code, []).append(finding)
    ordered = sorted(groups.values(), key=lambda group: -max(finding.severity for finding in group))
    weighty = [group for group in ordered if max(finding.severity for finding in group) > Severity.NOTE] or ordered
    chosen = (weighty if screen else ordered)[:shown]
    for group in chosen:
        first = max(group, key=lambda finding: finding.severity)
        times = f" x{len(group):,}" if len(group) > 1 else ""
        tone = SEVERITY_TONES.get(first.severity.word, "")
        grave = first.severity > Severity.NOTE
        yield Line(f"{first.severity.word} {first.code}{times}  {place_text(first)}: {printable(first.message)}", tone, whole=grave)
        if first.advice:
            yield from (Line(text, indent=1, whole=grave) for text in _advice(printable(first.advice), screen))
    left = len(groups) - len(chosen)
    if left > 0:
        yield Line(f"and {plural(left, 'other kind')} of finding")


def _advice(text: str, screen: bool) -> list[str]:
    """On a screen one line; the whole text elsewhere."""
    return [f"do: {text}"] if screen else textwrap.wrap(f"do: {text}", 100)


def connections_text(found: Inspected) -> str:
    """Connections by what they carry, most frequent first: `12 connections: 9 other, 3 silent`."""
    total = len(found.connections)
    kinds = Counter(connection.kind for connection in found.connections)
    listing = ", ".join(f"{number:,} {_KIND_WORDS.get(kind, kind)}" for kind, number in kinds.most_common())
    return plural(total, "connection") + (f": {listing}" if listing else "")


def _other_lines(found: Inspected) -> Iterator[Line]:
    probes = sum(1 for exchange in found.exchanges if exchange.outcome is Outcome.PROBE)
    if any(connection.kind != "gpfdist" for connection in found.connections):
        yield Line(connections_text(found))
    if probes:
        yield Line(f"{plural(probes, 'probe')} (status pages, other methods, requests without X-GP headers)")


def locked_connections(found: Inspected) -> int:
    """TLS connections out of which no exchange came: no key opened them."""
    opened = {exchange.connection for exchange in found.exchanges}
    return sum(1 for connection in found.connections if connection.kind == "tls" and connection.id not in opened)


def _next_lines(found: Inspected, tls: "Sequence[Secured]", command: str) -> Iterator[Line]:
    inputs = " ".join(shlex.quote(printable(source)) for source in found.sources[:SOURCES_SHOWN]) or "INPUT"
    locked = sum(1 for one in tls if one.report.needs_secrets) if tls else locked_connections(found)
    if locked:
        yield Line(f"{plural(locked, 'TLS connection')} closed to us: --keylog FILE or --server-key FILE opens what fits")
    grave = [finding for finding in found.findings if finding.severity > Severity.NOTE]
    if grave:
        code = max(grave, key=lambda finding: finding.severity).code
        yield Line(f"{command} explain {code}")
        yield Line(f"{command} findings {inputs}")
    if found.sessions:
        yield Line(f"{command} flows {inputs}")
    elif not locked and not tls:
        yield Line("capture on the gpfdist port while the statement runs, and start before it does")
