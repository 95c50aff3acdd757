"""What a person walks through, as lists: the capture, the Greenplum segments of a session, their exchanges, packages, findings.

A `Listing` gives the cells of one row at a time, so that only what is on the screen is ever made. Each row begins with one
character for its state, which means the same without colours: `o` fine, `!` look here, `x` wrong, `.` nothing to judge.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from gpinspect.model import Connection, Delivery, Exchange, Finding, Flow, Outcome, Session, Severity
from gpinspect.views.inspected import Inspected
from gpinspect.views.tables import (
    DELIVERY_TONES,
    EXCHANGES,
    FLOWS,
    OUTCOME_TONES,
    SESSIONS,
    SEVERITY_TONES,
    Column,
    Context,
    Table,
    Tone,
    counts_text,
    query_name,
    segments_text,
)
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, clock_text, count_text, duration_text, printable, rate_text

Item = TypeVar("Item")
Other = TypeVar("Other")

STATES: MappingProxyType[Tone, str] = MappingProxyType({"good": "o", "warn": "!", "bad": "x", "": "."})
STATE_TONES: MappingProxyType[str, Tone] = MappingProxyType({mark: tone for tone, mark in STATES.items()})

BELIEVED = 4096
"""Greenplum segments up to which one that was never seen gets a row: the number comes from the wire, memory must not follow."""

_GRAVITY: dict[Tone, int] = {"": 0, "good": 1, "warn": 2, "bad": 3}


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """Rows that are made when they are asked for.

    `key` names an item across two looks at a capture that is still being read.
    """

    columns: tuple[Column[Item], ...]
    items: Sequence[Item]
    key: Callable[[Item], Hashable]
    kind: str = "rows"
    context: Context = field(default_factory=Context)

    def __len__(self) -> int:
        return len(self.items)

    def cells(self, index: int) -> list[str]:
        item = self.items[index]
        return [column.value(item, self.context) for column in self.columns]

    def find(self, key: Hashable, near: int = 0) -> int | None:
        """Where the item with this key stands, looked for at `near` first; None if it is gone."""
        if 0 <= near < len(self.items) and self.key(self.items[near]) == key:
            return near
        return next((index for index, item in enumerate(self.items) if self.key(item) == key), None)


def state_column(tone: Callable[[Any], Tone]) -> Column[Any]:
    return Column("", lambda item, c: STATES[tone(item)], tones=STATE_TONES)


def named(table: Table[Item], *names: str) -> tuple[Column[Item], ...]:
    """Columns of another table, in the order asked for."""
    by_name = {column.name: column for column in table.columns}
    return tuple(by_name[name] for name in names)


def worst_tone(tones: Iterable[Tone]) -> Tone:
    return max(tones, key=_GRAVITY.__getitem__, default="")


# names that outlive a look ------------------------------------------------------------------------------------------------


def session_key(session: Session) -> Hashable:
    return session.server, session.tid, session.path, session.start_ns


def exchange_key(exchange: Exchange) -> Hashable:
    return exchange.connection, exchange.frames[0]


# the capture --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the first list: a session, an exchange that belongs to none, or a connection that could not be read."""

    session: Session | None
    exchange: Exchange | None
    connection: Connection | None
    findings: tuple[Finding, ...]  # of it, gravest first
    tone: Tone
    word: str

    @property
    def start_ns(self) -> int:
        item = self.session or self.exchange or self.connection
        return item.start_ns if item is not None else 0


_CONNECTION_WORDS = {"tls": "TLS", "postgres": "PostgreSQL"}


def entries(found: Inspected, *, settled: bool = True) -> tuple[Entry, ...]:
    """Sessions, exchanges outside of sessions, and connections whose content stayed closed, in order of time.

    Args:
        settled: All of the capture was read; before that it is no fault that something is still open.
    """
    by_session: dict[int, list[Finding]] = defaultdict(list)
    by_exchange: dict[int, list[Finding]] = defaultdict(list)
    for finding in sorted(found.findings, key=lambda finding: -finding.severity):
        if finding.session is not None:
            by_session[finding.session].append(finding)
        elif finding.exchange is not None:
            by_exchange[finding.exchange].append(finding)
    outcomes: dict[int, set[Outcome]] = defaultdict(set)
    rows: list[Entry] = []
    spoken: set[int] = set()
    for exchange in found.exchanges:
        spoken.add(exchange.connection)
        if exchange.session is not None:
            outcomes[exchange.session].add(exchange.outcome)
            continue
        findings = tuple(by_exchange[exchange.id])
        tone = worst_tone((_outcome_tone(exchange.outcome, settled), _findings_tone(findings)))
        rows.append(Entry(None, exchange, None, findings, tone, exchange.outcome.value))
    for session in found.sessions:
        findings = tuple(by_session[session.id])
        tone = _session_tone(session, (_outcome_tone(outcome, settled) for outcome in outcomes[session.id]), findings)
        rows.append(Entry(session, None, None, findings, tone, session.delivery.value))
    for connection in found.connections:
        if connection.id not in spoken and connection.kind in _CONNECTION_WORDS:
            rows.append(Entry(None, None, connection, (), "", "closed to us"))
    return tuple(sorted(rows, key=lambda entry: entry.start_ns))


def _outcome_tone(outcome: Outcome, settled: bool = True) -> Tone:
    if outcome is Outcome.OPEN and not settled:
        return ""
    return OUTCOME_TONES.get(outcome.value, "")


def _findings_tone(findings: Iterable[Finding]) -> Tone:
    return worst_tone(SEVERITY_TONES.get(finding.severity.word, "") for finding in findings)


def _session_tone(session: Session, outcomes: Iterable[Tone], findings: Iterable[Finding]) -> Tone:
    """The worst of the proof, of how its exchanges ended, and of the findings; fine only where delivery is proven."""
    proof = "" if session.delivery is Delivery.UNPROVABLE else DELIVERY_TONES[session.delivery]
    ended = worst_tone(outcomes)
    return worst_tone((proof, "" if ended == "good" else ended, _findings_tone(findings)))


def entry_key(entry: Entry) -> Hashable:
    if entry.session is not None:
        return session_key(entry.session)
    if entry.exchange is not None:
        return exchange_key(entry.exchange)
    return entry.connection.id if entry.connection is not None else None


def _of(session: Callable[[Session], str], exchange: Callable[[Exchange], str], connection: Callable[[Connection], str]) -> Any:
    """A cell of an entry by what the entry is."""

    def value(entry: Entry, context: Context) -> str:
        if entry.session is not None:
            return session(entry.session)
        if entry.exchange is not None:
            return exchange(entry.exchange)
        return connection(entry.connection) if entry.connection is not None else UNKNOWN_TEXT

    return value


def text(value: str | int | None) -> str:
    """A value of the wire as a cell."""
    if value is None or value == "":
        return UNKNOWN_TEXT
    return printable(str(value))


def span_ns(item: Session | Exchange | Flow | Connection) -> int:
    return item.end_ns - item.start_ns


_LEAST = {column.name: column.least for column in SESSIONS.columns}

ENTRIES: tuple[Column[Entry], ...] = (
    state_column(lambda entry: entry.tone),
    Column("Id", _of(lambda s: str(s.id), lambda e: UNKNOWN_TEXT, lambda c: UNKNOWN_TEXT), "right", priority=5),
    Column("Started", lambda entry, c: clock_text(entry.start_ns, utc=c.utc), priority=4),
    Column("Op", _of(lambda s: text(s.method), lambda e: text(e.method), lambda c: _CONNECTION_WORDS[c.kind]), least=4),
    Column(
        "XID/CID/SN",
        _of(lambda s: query_name(s.xid, s.cid, s.sn), lambda e: query_name(e.xid, e.cid, e.sn), lambda c: UNKNOWN_TEXT),
        priority=6,
        least=10,
        keep="end",
    ),
    Column("Path", _of(lambda s: text(s.path), lambda e: text(e.path), lambda c: UNKNOWN_TEXT), least=12, keep="end"),
    Column("Server", _of(lambda s: str(s.server), lambda e: str(e.server), lambda c: str(c.server)), priority=7),
    Column("Segs", _of(segments_text, lambda e: UNKNOWN_TEXT, lambda c: UNKNOWN_TEXT), "right", priority=2),
    Column("Conns", _of(lambda s: count_text(s.connections), lambda e: "1", lambda c: "1"), "right", priority=8),
    Column(
        "Bytes",
        _of(
            lambda s: bytes_text(s.payload_bytes),
            lambda e: bytes_text(e.payload_bytes),
            lambda c: bytes_text(c.client_bytes + c.server_bytes),
        ),
        "right",
    ),
    Column(
        "MB/s",
        _of(lambda s: rate_text(s.payload_bytes, span_ns(s)), lambda e: UNKNOWN_TEXT, lambda c: UNKNOWN_TEXT),
        "right",
        priority=5,
    ),
    Column(
        "Time",
        _of(*[lambda item: duration_text(span_ns(item))] * 3),
        "right",
        priority=3,
    ),
    Column(
        "Findings",
        lambda entry, c: counts_text(_severities(entry.findings)),
        priority=2,
    ),
    Column("Verdict", lambda entry, c: entry.word, tones={**DELIVERY_TONES, **OUTCOME_TONES}),
)


def _severities(findings: Iterable[Finding]) -> dict[str, int]:
    counts = dict.fromkeys((level.word for level in sorted(Severity, reverse=True)), 0)
    for finding in findings:
        counts[finding.severity.word] += 1
    return counts


def entry_listing(rows: Sequence[Entry], context: Context) -> Listing[Entry]:
    return Listing(ENTRIES, rows, entry_key, "sessions", context)


# the Greenplum segments of a session ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One Greenplum segment of a session. Without a flow it was expected, by the number of segments, and never seen."""

    segment: int | None
    flow: Flow | None
    exchanges: tuple[Exchange, ...]
    share: float  # of the largest payload among the flows, 0 to 1
    tone: Tone
    word: str


def flow_rows(found: Inspected, session: Session, *, settled: bool = True) -> tuple[FlowRow, ...]:
    """Flows of a session by Greenplum segment, with those that never came: whether that is wrong is for findings to say."""
    members: dict[int | None, list[Exchange]] = defaultdict(list)
    for number in session.members:
        exchange = found.exchanges[number - 1]
        members[exchange.segment].append(exchange)
    begin, end = (find(found.flows, session.id, key=lambda flow: flow.session) for find in (bisect_left, bisect_right))
    flows = found.flows[begin:end]
    most = max((flow.payload_bytes for flow in flows), default=0)
    rows = [
        FlowRow(
            flow.segment,
            flow,
            tuple(members[flow.segment]),
            flow.payload_bytes / most if most else 0.0,
            _outcome_tone(flow.outcome, settled),
            flow.outcome.value,
        )
        for flow in flows
    ]
    rows += [FlowRow(number, None, (), 0.0, "", "not seen") for number in unseen_segments(session)]
    return tuple(sorted(rows, key=lambda row: (row.segment is None, row.segment or 0)))


def unseen_segments(session: Session) -> tuple[int, ...]:
    """Greenplum segments that the session's requests count and that sent none; nothing where the number is not believable."""
    if session.segment_count is None or not 0 < session.segment_count <= BELIEVED:
        return ()
    seen = set(session.segments)
    return tuple(number for number in range(session.segment_count) if number not in seen)


def _flow_column(column: Column[Flow]) -> Column[FlowRow]:
    def value(row: FlowRow, context: Context) -> str:
        return UNKNOWN_TEXT if row.flow is None else column.value(row.flow, context)

    return Column(column.name, value, column.align, column.priority, column.least, column.keep, column.tones)


SHARE_WIDTH = 12


def flow_listing(rows: Sequence[FlowRow], context: Context, bar: Callable[[float, int], str]) -> Listing[FlowRow]:
    """Args:
    bar: Draws a share (0 to 1) in so many cells.
    """
    host, started, exchanges, packages, size, rate, took = map(
        _flow_column, named(FLOWS, "Host", "Started", "Exch", "Packages", "Bytes", "MB/s", "Time")
    )
    columns: tuple[Column[FlowRow], ...] = (
        state_column(lambda row: row.tone),
        Column("Seg", lambda row, c: text(row.segment), "right"),
        host,
        started,
        exchanges,
        packages,
        size,
        rate,
        took,
        Column("Share", lambda row, c: bar(row.share, SHARE_WIDTH), priority=5),
        Column("Outcome", lambda row, c: row.word, tones=OUTCOME_TONES),
    )
    return Listing(columns, rows, lambda row: row.segment, "Greenplum segments", context)


# exchanges ----------------------------------------------------------------------------------------------------------------


def step_word(exchange: Exchange) -> str:
    """What an exchange does in a write: OPEN, DATA or DONE; a read has no steps."""
    if exchange.method != "POST":
        return UNKNOWN_TEXT
    if exchange.done:
        return "DONE"
    return "OPEN" if exchange.seq == 1 and not exchange.content_length else "DATA"


def exchange_listing(exchanges: Sequence[Exchange], context: Context, *, settled: bool = True) -> Listing[Exchange]:
    columns: tuple[Column[Exchange], ...] = (
        state_column(lambda exchange: _outcome_tone(exchange.outcome, settled)),
        *named(EXCHANGES, "Id", "Started", "Op"),
        Column("Step", lambda e, c: step_word(e), priority=2),
        Column("Seq", lambda e, c: text(e.seq), "right", priority=3),
        *named(EXCHANGES, "Status", "Packages", "Bytes", "Time", "Outcome", "Client", "Reason", "Reset by", "Error"),
    )
    return Listing(columns, exchanges, exchange_key, "exchanges", context)


# the capture as a whole -----------------------------------------------------------------------------------------------------
