"""A few lines about what is selected in a list: facts first, then what is wrong, then how the load was shared."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from gpinspect.engine.secure import Secured
from gpinspect.grammar import findings as catalogue
from gpinspect.model import UNKNOWN, Exchange, Finding, Outcome, PackageTable, Session, Stall
from gpinspect.views.browse import Entry, FlowRow, span_ns, step_word, text, unseen_segments
from gpinspect.views.finding_list import finding_tone
from gpinspect.views.pace import stalls_line
from gpinspect.views.report import Line, outcomes_text
from gpinspect.views.tables import counts_text, place_text, query_name
from gpinspect.views.text import bytes_text, cells, clock_text, count_text, duration_text, plural, printable, rate_text

NAMED = 8
"""Greenplum segments or files that are named one by one."""
FINDINGS_NAMED = 2
RATE_STEPS = 24
RATE_SAMPLES = 20_000
"""Packages that are looked at for a rate over time."""

Bars = Callable[[Sequence[float | None], int], str]


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
    bars: Bars,
    secured: Secured | None = None,
    exchanges: Sequence[Exchange] = (),
    width: int = 80,
    stalls: Sequence[Stall] = (),
) -> Iterator[Line]:
    """Args:
    rows: Flows of its session, if it is one.
    stalls: Of the whole capture.
    bars: Draws shares (None = never seen) as one character each, in at most so many cells.
    secured: What TLS told of it, if it is a connection.
    exchanges: All there are, for the rate of a session over time.
    width: Cells of a line.
    """
    if entry.session is not None:
        if entry.folded:
            yield Line(
                f"{plural(len(entry.folded), 'session')} of one query: " + "  ".join(map(_folded_text, entry.folded[:NAMED]))
            )
        ids = {one.session.id for one in (entry.folded or (entry,)) if one.session is not None}
        held = stalls_line(stall for stall in stalls if stall.session in ids)
        yield from _session_strip(entry.session, entry.findings, rows, bars, exchanges, width, held)
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


def _folded_text(entry: Entry) -> str:
    session = entry.session
    return "" if session is None else f"{session.id} {session.server} {entry.word}"


def _finding_line(findings: Sequence[Finding]) -> Line:
    """The first of several, which is the gravest."""
    more = f"  and {len(findings) - 1:,} more" if len(findings) > 1 else ""
    return Line(_finding_text(findings[0]) + more, finding_tone(findings[0]))


def _finding_text(finding: Finding) -> str:
    where = f"seg {finding.segment} " if finding.segment is not None else ""
    return f"{finding.severity.word} {finding.code} {where}{printable(finding.message)}"


def release(version: str | None) -> str:
    """The release out of what X-GPFDIST-VERSION says."""
    return text(version.split(" build ")[0].removeprefix("gpfdist version ")) if version else text(None)


def _session_strip(
    session: Session,
    findings: Sequence[Finding],
    rows: Sequence[FlowRow],
    bars: Bars,
    exchanges: Sequence[Exchange],
    width: int,
    held: str = "",
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
    if held:
        yield Line(held, "bad")
    for finding in findings[:FINDINGS_NAMED]:
        yield Line(_finding_text(finding), finding_tone(finding))
    if len(findings) > FINDINGS_NAMED:
        yield Line(f"and {plural(len(findings) - FINDINGS_NAMED, 'more finding')}")
    for error in session.errors[:1]:
        yield Line(f"error text: {printable(error)}", "bad")
    if not findings:
        yield Line("no finding")
    yield from graphs(session, rows, bars, exchanges, width)
    rest = _rest_text(session, exchanges)
    yield Line(_files_line(session) + rest, "bad" if rest else "")


def graphs(session: Session, rows: Sequence[FlowRow], bars: Bars, exchanges: Sequence[Exchange], width: int) -> Iterator[Line]:
    """The share of each Greenplum segment and the rate over time, as characters: on one line where there is room."""
    shares: list[float | None] = [None if row.flow is None else row.share for row in rows]
    rates = rate_over_time(session, exchanges, RATE_STEPS)
    told = []
    if shares:
        sizes = [row.flow.payload_bytes for row in rows if row.flow is not None]
        skew = f"  max/mean {max(sizes) * len(sizes) / sum(sizes):.1f}" if sizes and sum(sizes) else ""
        told.append(f"share  {bars(shares, 40)}{skew}")
    if rates:
        told.append(f"rate  {bars(rates, RATE_STEPS)}")
    together = "    ".join(told)
    for line in [together] if cells(together) <= width else told:
        if line:
            yield Line(line)


@lru_cache(maxsize=64)
def _rates(tables: tuple[tuple[PackageTable, int], ...], start: int, end: int, steps: int) -> tuple[float, ...]:
    sums = [0] * steps
    span = max(end - start, 1)
    for table, size in tables:
        stride = max(1, size * len(tables) // RATE_SAMPLES)
        for index in range(0, size, stride):
            package = table[index]
            if package.end_ns != UNKNOWN:
                sums[min(max((package.end_ns - start) * steps // span, 0), steps - 1)] += package.length * stride
    most = max(sums)
    return tuple(one / most for one in sums) if most else ()


def rate_over_time(session: Session, exchanges: Sequence[Exchange], steps: int) -> list[float | None]:
    """Bytes that arrived in each of so many equal stretches of time, as shares of the most; empty where packages do not tell.

    Of very many packages a sample is looked at.
    """
    members = [exchanges[number - 1] for number in session.members if number <= len(exchanges)]
    tables = tuple((exchange.packages, len(exchange.packages)) for exchange in members if len(exchange.packages))
    return list(_rates(tables, session.start_ns, session.end_ns, steps)) if tables else []


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


def _rest_text(session: Session, exchanges: Sequence[Exchange]) -> str:
    """Where a read stopped that broke off for all of its Greenplum segments; "" for any other."""
    outcomes = {exchanges[number - 1].outcome for number in session.members if number <= len(exchanges)}
    if session.method != "GET" or not session.files or Outcome.BROKEN not in outcomes or Outcome.COMPLETE in outcomes:
        return ""
    last = session.files[-1]
    return f"; nothing came behind byte {last.first_offset + last.bytes + sum(end - start for start, end in last.gaps):,}"


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


def finding_details(finding: Finding, *, utc: bool, long: bool = True) -> Iterator[Line]:
    """What is known about a finding, a paragraph a line; made to be wrapped.

    Args:
        long: With what is always true of its kind, and the sentence that a user of SQL sees.
    """
    when = clock_text(finding.time_ns, utc=utc, digits=6)
    frames = f"  frames {finding.frames[0]:,}-{finding.frames[1]:,}" if finding.frames else ""
    yield Line(f"{finding.severity.word} {text(finding.code)} {text(finding.name)}", finding_tone(finding))
    yield Line(f"{place_text(finding)}  {when}{frames}")
    yield Line(printable(finding.message))
    kind = catalogue.lookup(finding.code)
    if kind is not None:
        yield Line(f"Means: {printable(kind.explanation)}")
    if finding.advice:
        yield Line(f"Advice: {printable(finding.advice)}")
    if kind is None or not long:
        return
    for label, words in (
        ("Rules out", kind.rules_out),
        ("Cause", kind.cause),
        ("SQL user sees", kind.sql),
        ("Known from", kind.source),
    ):
        if words:
            yield Line(f"{label}: {printable(words)}")


def totals_text(findings: Sequence[Finding]) -> str:
    """`2e 1w 3n` of all findings."""
    counts = {"error": 0, "warning": 0, "note": 0}
    for finding in findings:
        counts[finding.severity.word] += 1
    return counts_text(counts)
