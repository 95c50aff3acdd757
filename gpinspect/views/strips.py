"""A few lines about what is selected in a list: facts first, then what is wrong, then how the load was shared."""

from collections.abc import Callable, Iterator, Sequence

from gpinspect.engine.secure import Secured
from gpinspect.grammar import findings as catalogue
from gpinspect.model import Exchange, Finding, Session
from gpinspect.views.browse import Entry, FlowRow, span_ns, step_word, text, unseen_segments
from gpinspect.views.finding_list import finding_tone
from gpinspect.views.report import Line, outcomes_text
from gpinspect.views.tables import counts_text, place_text, query_name
from gpinspect.views.text import bytes_text, clock_text, count_text, duration_text, plural, printable, rate_text

NAMED = 8
"""Greenplum segments or files that are named one by one."""


def entry_title(entry: Entry) -> str:
    """What an entry is called in titles and paths."""
    if entry.session is not None:
        return session_title(entry.session)
    if entry.exchange is not None:
        return f"{text(entry.exchange.method)} {text(entry.exchange.path)}"
    return f"connection {entry.connection.id}" if entry.connection is not None else ""


def session_title(session: Session) -> str:
    return f"{session.id}  {text(session.method)} {text(session.path)}"


def entry_strip(
    entry: Entry,
    rows: Sequence[FlowRow],
    bars: Callable[[Sequence[float | None], int], str],
    secured: Secured | None = None,
) -> Iterator[Line]:
    """Args:
    rows: Flows of its session, if it is one.
    bars: Draws shares (None = never seen) as one character each, in at most so many cells.
    secured: What TLS told of it, if it is a connection.
    """
    if entry.session is not None:
        yield from _session_strip(entry.session, entry.findings, rows, bars)
    elif entry.exchange is not None:
        if entry.findings:
            yield _finding_line(entry.findings)
        yield from exchange_strip(entry.exchange)
    elif entry.connection is not None:
        connection = entry.connection
        yield Line(f"client {connection.client}  server {connection.server}  {duration_text(span_ns(connection))}")
        yield Line(f"client sent {bytes_text(connection.client_bytes)}, server {bytes_text(connection.server_bytes)}")
        if secured is not None:
            yield Line(f"{text(secured.report.version)}  {text(secured.report.suite)}  opened: {secured.report.decrypted}")
            if secured.report.reason:
                yield Line(f"why not: {printable(secured.report.reason)}", "warn")


def _finding_line(findings: Sequence[Finding]) -> Line:
    """The first of several, which is the gravest."""
    first = findings[0]
    more = f"  and {len(findings) - 1:,} more" if len(findings) > 1 else ""
    return Line(f"{first.severity.word} {first.code} {printable(first.message)}{more}", finding_tone(first))


def release(version: str | None) -> str:
    """The release out of what X-GPFDIST-VERSION says."""
    return text(version.split(" build ")[0].removeprefix("gpfdist version ")) if version else text(None)


def _session_strip(
    session: Session, findings: Sequence[Finding], rows: Sequence[FlowRow], bars: Callable[[Sequence[float | None], int], str]
) -> Iterator[Line]:
    facts = [
        f"server {session.server}",
        f"gpfdist {release(session.server_version)}",
        f"db {text(session.database)}",
        f"user {text(session.user)}",
        f"sess {text(session.gp_session_id)}",
        f"proto {text(session.proto)}",
    ]
    yield Line("  ".join(facts))
    yield Line(_segments_line(session, rows))
    if findings:
        yield _finding_line(findings)
    for error in session.errors[:1]:
        yield Line(f"error text: {printable(error)}", "bad")
    if not findings:
        yield Line("no finding")
    shares: list[float | None] = [None if row.flow is None else row.share for row in rows]
    if shares:
        sizes = [row.flow.payload_bytes for row in rows if row.flow is not None]
        skew = f"  max/mean {max(sizes) * len(sizes) / sum(sizes):.1f}" if sizes and sum(sizes) else ""
        yield Line(f"share  {bars(shares, 40)}{skew}")
    yield Line(_files_line(session))


def _segments_line(session: Session, rows: Sequence[FlowRow]) -> str:
    expected = f" of {count_text(session.segment_count)}" if session.segment_count is not None else ""
    parts = [f"segments {len(session.segments):,}{expected} seen, {len(session.segments_with_data):,} with data"]
    unseen = unseen_segments(session)
    if unseen:
        names = ", ".join(map(str, unseen[:NAMED])) + (", ..." if len(unseen) > NAMED else "")
        parts.append(f"never seen: {names}")
    parts.append(outcomes_text(exchange.outcome for row in rows for exchange in row.exchanges))
    if session.connections_reset:
        parts.append(f"{plural(session.connections_reset, 'connection')} reset")
    return "  ".join(parts)


def _files_line(session: Session) -> str:
    if not session.files:
        return f"{bytes_text(session.payload_bytes)} of payload  query {query_name(session.xid, session.cid, session.sn)}"
    first = session.files[0]
    holes = f", {plural(sum(len(f.gaps) for f in session.files), 'gap')}" if any(f.gaps for f in session.files) else ""
    name = text(first.name.rpartition("/")[2] or first.name)
    more = f" and {len(session.files) - 1:,} more" if len(session.files) > 1 else ""
    total = sum(file.bytes for file in session.files)
    return f"{plural(len(session.files), 'file')}: {name}{more}, {bytes_text(total)}{holes}"


def flow_strip(row: FlowRow) -> Iterator[Line]:
    flow = row.flow
    if flow is None:
        yield Line(f"Greenplum segment {text(row.segment)} sent no request that was captured")
        return
    ns = span_ns(flow)
    yield Line(f"host {text(flow.host)}  {bytes_text(flow.payload_bytes)} in {duration_text(ns)}"
               f" ({rate_text(flow.payload_bytes, ns)} MB/s)")  # fmt: skip
    yield Line(f"{plural(flow.exchanges, 'exchange')}: {outcomes_text(e.outcome for e in row.exchanges)}")
    for exchange in row.exchanges:
        for error in exchange.errors[:1]:
            yield Line(f"error text: {printable(error)}", "bad")
            return
    if len(row.exchanges) == 1:
        yield from exchange_strip(row.exchanges[0])


def exchange_strip(exchange: Exchange) -> Iterator[Line]:
    answer = "no answer seen" if exchange.status is None else f"answer {exchange.status} {text(exchange.reason)}"
    yield Line(f"client {exchange.client}  server {exchange.server}  connection {exchange.connection}  {answer}")
    step = f"  step {step_word(exchange)}, seq {text(exchange.seq)}" if exchange.method == "POST" else ""
    yield Line(f"request {text(exchange.method)} {text(exchange.path)}{step}")
    ends = {None: "nobody closed it", "client": "the client closed it", "server": "the server closed it"}
    reset = f", reset by the {text(exchange.reset_by)}" if exchange.reset_by else ""
    frames = f"frames {exchange.frames[0]}-{exchange.frames[1]}"
    yield Line(f"{frames}  {plural(len(exchange.packages), 'package')}  {ends.get(exchange.closed_by, '')}{reset}")
    if exchange.missing_bytes:
        yield Line(f"{bytes_text(exchange.missing_bytes)} of its payload were not captured", "warn")
    if exchange.csvopt is not None:
        yield Line(f"csvopt {text(exchange.csvopt)}")
    for error in exchange.errors[:2]:
        yield Line(f"error text: {printable(error)}", "bad")


def finding_details(finding: Finding, *, utc: bool) -> Iterator[Line]:
    """All that is known about a finding, a paragraph a line; made to be wrapped."""
    when = clock_text(finding.time_ns, utc=utc, digits=6)
    frames = f"  frames {finding.frames[0]:,}-{finding.frames[1]:,}" if finding.frames else ""
    yield Line(f"{finding.severity.word} {text(finding.code)} {text(finding.name)}", finding_tone(finding))
    yield Line(f"{place_text(finding)}  {when}{frames}")
    yield Line(printable(finding.message))
    if finding.advice:
        yield Line(f"Advice: {printable(finding.advice)}")
    kind = catalogue.lookup(finding.code)
    if kind is not None:
        for label, words in (("Means", kind.explanation), ("Rules out", kind.rules_out), ("Cause", kind.cause)):
            if words:
                yield Line(f"{label}: {printable(words)}")


def totals_text(findings: Sequence[Finding]) -> str:
    """`2e 1w 3n` of all findings."""
    counts = {"error": 0, "warning": 0, "note": 0}
    for finding in findings:
        counts[finding.severity.word] += 1
    return counts_text(counts)
