"""The first list: sessions, exchanges outside of them, closed connections; sessions of one query as one row, if wanted."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from gpinspect.model import UNKNOWN, Connection, Delivery, Exchange, Finding, Session, Severity
from gpinspect.model.packages import DATA
from gpinspect.views.browse import (
    CONNECTION_WORDS,
    Entry,
    Listing,
    before_of,
    entry_key,
    rate_of,
    span_ns,
    state_column,
    text,
    worst_tone,
)
from gpinspect.views.inspected import Inspected
from gpinspect.views.tables import DELIVERY_TONES, OUTCOME_TONES, Column, Context, counts_text, query_name, segments_text
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, count_text, duration_text, rate_text
from gpinspect.views.times import HEADINGS, TimeMode, time_column

LOOK_BACK = 16
"""Packages at the end of an exchange that are looked at for the highest line."""

Cell = Callable[[Any], str]
_NOTHING: Cell = lambda item: UNKNOWN_TEXT  # noqa: E731 - the same for three kinds


def _of(session: Cell, exchange: Cell = _NOTHING, connection: Cell = _NOTHING) -> Callable[[Entry, Context], str]:
    """A cell of an entry by what the entry is."""

    def value(entry: Entry, context: Context) -> str:
        if entry.session is not None:
            return session(entry.session)
        if entry.exchange is not None:
            return exchange(entry.exchange)
        return connection(entry.connection) if entry.connection is not None else UNKNOWN_TEXT

    return value


def _start(entry: Entry) -> int:
    return entry.start_ns


def _size(entry: Entry) -> int:
    item = entry.session or entry.exchange
    if item is not None:
        return item.payload_bytes
    return entry.connection.client_bytes + entry.connection.server_bytes if entry.connection is not None else 0


def _span(entry: Entry) -> int:
    item = entry.session or entry.exchange or entry.connection
    return span_ns(item) if item is not None else 0


def query_text(xid: str | None, cid: str | None, sn: str | None) -> str:
    """`..0042/0/1`: of an XID only the end that tells queries of one master apart."""
    if xid is None and cid is None and sn is None:
        return UNKNOWN_TEXT
    known = text(xid)
    digits = known.rpartition("-")[2]
    lean = digits.lstrip("0") or "0"
    short = f"..{lean.rjust(4, '0')}" if len(known) > 8 and digits.isdigit() else known
    return f"{short}/{text(cid)}/{text(sn)}"


def rows_before_last(session: Session, exchanges: Sequence[Exchange]) -> int | None:
    """Lines that were delivered in front of the last package of each file, by what L said; None where it did not say.

    Only the ends of exchanges are looked at, so it costs the same for any number of packages.
    """
    highest: dict[bytes | None, int] = {}
    for number in session.members:
        if number > len(exchanges):
            return None
        table = exchanges[number - 1].packages
        seen: set[int] = set()
        for index in range(len(table) - 1, max(-1, len(table) - 1 - LOOK_BACK), -1):
            package = table[index]
            if package.kind != DATA or package.file in seen or package.line in (0, UNKNOWN):
                continue
            seen.add(package.file)
            name = table.file_name(package)
            highest[name] = max(highest.get(name, 0), package.line)
    return sum(line - 1 for line in highest.values()) if highest and max(highest.values()) > 1 else None


def rows_text(count: int | None, *, exact: bool = False) -> str:
    """`211.4k`; with `>` in front where there are more than so many; `-` for unknown."""
    if count is None:
        return UNKNOWN_TEXT
    more = "" if exact else ">"
    for limit, factor, unit in ((10_000, 1, ""), (10_000_000, 1_000, "k"), (10_000_000_000, 1_000_000, "M")):
        if count < limit:
            return f"{more}{count:,}" if factor == 1 else f"{more}{count / factor:,.1f}{unit}"
    return f"{more}{count / 1e9:,.1f}G"


def entry_listing(
    rows: Sequence[Entry],
    context: Context,
    found: Inspected | None = None,
    mode: TimeMode = TimeMode.CLOCK,
) -> Listing[Entry]:
    """Args:
    found: Where rows of a session are counted.
    """
    exchanges = () if found is None else found.exchanges
    origin = found.first_ns if found is not None else None

    def line_count(entry: Entry) -> int | None:
        if entry.session is None or entry.folded:
            return None
        return entry.session.rows if entry.session.rows is not None else rows_before_last(entry.session, exchanges)

    def rows_cell(entry: Entry, context: Context) -> str:
        counted = entry.session is not None and entry.session.rows is not None
        return rows_text(line_count(entry), exact=counted)

    columns: tuple[Column[Entry], ...] = (
        state_column(lambda entry: entry.tone),
        Column("Id", _of(lambda s: str(s.id)), "right", priority=8),
        time_column(mode, _start, origin, before_of(rows, _start, mode), priority=2),
        Column("Op", _of(lambda s: text(s.method), lambda e: text(e.method), lambda c: CONNECTION_WORDS[c.kind]), least=4),
        Column(
            "XID/CID/SN",
            _of(lambda s: query_text(s.xid, s.cid, s.sn), lambda e: query_text(e.xid, e.cid, e.sn)),
            priority=4,
            least=10,
            keep="end",
        ),
        Column("Path", lambda entry, c: _path(entry), least=12, keep="end"),
        Column("Server", lambda entry, c: _server(entry), priority=9),
        Column("Segs", _of(segments_text), "right", priority=2),
        Column("Conns", _of(lambda s: count_text(s.connections), lambda e: "1", lambda c: "1"), "right", priority=10),
        Column("Rows", rows_cell, "right", priority=5),
        Column("Bytes", lambda entry, c: bytes_text(_size(entry)), "right"),
        Column(
            "MB/s", lambda entry, c: rate_text(_size(entry), _span(entry)) if entry.session else UNKNOWN_TEXT, "right", priority=3
        ),
        Column("Time", lambda entry, c: duration_text(_span(entry)), "right", priority=6),
        Column("Findings", lambda entry, c: counts_text(severities(entry.findings)), priority=7),
        Column("Verdict", lambda entry, c: entry.word, tones={**DELIVERY_TONES, **OUTCOME_TONES, "stalled": "bad"}),
    )
    keys: dict[str, Callable[[Entry], Any]] = {
        HEADINGS[mode]: _start,
        "Bytes": _size,
        "Time": _span,
        "MB/s": lambda entry: rate_of(_size(entry), _span(entry)),
        "Rows": line_count,
        "Segs": lambda entry: len(entry.session.segments) if entry.session is not None else None,
        "XID/CID/SN": lambda entry: query_name(entry.session.xid, entry.session.cid, entry.session.sn) if entry.session else None,
        "Findings": lambda entry: tuple(severities(entry.findings).values()),
    }
    return Listing(
        columns,
        rows,
        entry_key,
        "sessions",
        context,
        sort_keys=keys,
        time_of=_start,
        filter_kind="sessions",
        filtered=lambda entry: entry.session,
    )


def _path(entry: Entry) -> str:
    if entry.folded:
        paths = {one.session.path for one in entry.folded if one.session is not None}
        first = text(entry.session.path if entry.session is not None else None)
        return first if len(paths) == 1 else f"{first} and {len(paths) - 1} more"
    item = entry.session or entry.exchange
    return text(item.path) if item is not None else UNKNOWN_TEXT


def _server(entry: Entry) -> str:
    if entry.folded:
        return f"{len({one.session.server for one in entry.folded if one.session is not None})} servers"
    item: Session | Exchange | Connection | None = entry.session or entry.exchange or entry.connection
    return str(item.server) if item is not None else UNKNOWN_TEXT


def severities(findings: Iterable[Finding]) -> dict[str, int]:
    counts = dict.fromkeys((level.word for level in sorted(Severity, reverse=True)), 0)
    for finding in findings:
        counts[finding.severity.word] += 1
    return counts


# one row a query ------------------------------------------------------------------------------------------------------------

_WORST = (Delivery.REFUTED.value, "stalled", Delivery.UNPROVABLE.value, Delivery.PROVEN.value)


def folded(rows: Sequence[Entry]) -> tuple[Entry, ...]:
    """The same rows with one in place of all sessions of a query, where that has several; it stands where the first one stood."""
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in rows:
        if entry.session is not None and entry.session.query is not None:
            groups[entry.session.query].append(entry)
    made: list[Entry] = []
    for entry in rows:
        query = entry.session.query if entry.session is not None else None
        several = groups[query] if query is not None else [entry]
        if len(several) == 1:
            made.append(entry)
        elif several[0] is entry:
            made.append(_as_one(several))
    return tuple(made)


def _as_one(several: Sequence[Entry]) -> Entry:
    sessions = [entry.session for entry in several if entry.session is not None]
    counts = [session.segment_count for session in sessions if session.segment_count is not None]
    whole = replace(
        sessions[0],
        segments=tuple(sorted({segment for session in sessions for segment in session.segments})),
        segments_with_data=tuple(sorted({segment for session in sessions for segment in session.segments_with_data})),
        segment_count=max(counts, default=None),
        connections=sum(session.connections for session in sessions),
        exchanges=sum(session.exchanges for session in sessions),
        payload_bytes=sum(session.payload_bytes for session in sessions),
        files=tuple(file for session in sessions for file in session.files),
        errors=tuple(error for session in sessions for error in session.errors),
        start_ns=min(session.start_ns for session in sessions),
        end_ns=max(session.end_ns for session in sessions),
        members=tuple(sorted(number for session in sessions for number in session.members)),
    )
    findings = tuple(sorted((f for entry in several for f in entry.findings), key=lambda finding: -finding.severity))
    words = {entry.word for entry in several}
    word = next((word for word in _WORST if word in words), several[0].word)
    return Entry(whole, None, None, findings, worst_tone(entry.tone for entry in several), word, tuple(several))
