"""What a person walks through, as lists: the capture, the Greenplum segments of a session, their exchanges, packages, findings.

A `Listing` gives the cells of one row at a time, so that only what is on the screen is ever made. Each row begins with one
character for its state, which means the same without colours: `o` fine, `!` look here, `x` wrong, `.` nothing to judge.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from gpinspect.model import Connection, Delivery, Exchange, Finding, Flow, Outcome, Session, Severity
from gpinspect.views.inspected import Inspected
from gpinspect.views.tables import (
    DELIVERY_TONES,
    EXCHANGES,
    FLOWS,
    OUTCOME_TONES,
    SEVERITY_TONES,
    Column,
    Context,
    Table,
    Tone,
)
from gpinspect.views.text import UNKNOWN_TEXT, duration_text, printable
from gpinspect.views.times import HEADINGS, TimeMode, time_column

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
    find_at: Callable[[Hashable, int], int | None] | None = None
    """Finds an item quicker than by looking at all."""
    sort_keys: Mapping[str, Callable[[Item], Any]] = field(default_factory=dict)
    """What rows are compared by, for columns whose cells do not tell enough; None = not known, which comes last."""
    time_of: Callable[[Item], int | None] | None = None
    """When an item began (nanoseconds since the epoch); items are in this order."""
    filter_kind: str = ""
    """Key of `gpinspect.views.filter.FIELDS`; "" where the items cannot be filtered."""
    filtered: Callable[[Item], Any] | None = None
    """What a filter looks at; None: the item itself. It may give None: then no filter fits."""

    def __len__(self) -> int:
        return len(self.items)

    def cells(self, index: int) -> list[str]:
        item = self.items[index]
        return [column.value(item, self.context) for column in self.columns]

    def find(self, key: Hashable, near: int = 0) -> int | None:
        """Where the item with this key stands, looked for at `near` first; None if it is gone."""
        if 0 <= near < len(self.items) and self.key(self.items[near]) == key:
            return near
        if self.find_at is not None:
            return self.find_at(key, near)
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
    folded: tuple["Entry", ...] = ()  # the sessions of one query that this row stands for

    @property
    def start_ns(self) -> int:
        item = self.session or self.exchange or self.connection
        return item.start_ns if item is not None else 0


CONNECTION_WORDS = {"tls": "TLS", "postgres": "PostgreSQL"}


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
        rows.append(Entry(session, None, None, findings, tone, verdict_word(session, findings)))
    for connection in found.connections:
        if connection.id not in spoken and connection.kind in CONNECTION_WORDS:
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


STALLS = range(301, 330)
"""Numbers of finding codes about stalls."""


def verdict_word(session: Session, findings: Sequence[Finding]) -> str:
    """The word that a person needs first: what is proven wrong, then what held it up, then whether delivery is proven."""
    if session.delivery is not Delivery.REFUTED and any(is_stall(finding) for finding in findings):
        return "stalled"
    return session.delivery.value


def is_stall(finding: Finding) -> bool:
    """Whether a finding is about a silence that somebody is to blame for."""
    return finding.severity > Severity.NOTE and finding.code[3:].isdigit() and int(finding.code[3:]) in STALLS


def entry_key(entry: Entry) -> Hashable:
    if entry.session is not None and entry.folded:
        return "query", entry.session.xid, entry.session.cid
    if entry.session is not None:
        return session_key(entry.session)
    if entry.exchange is not None:
        return exchange_key(entry.exchange)
    return entry.connection.id if entry.connection is not None else None


def text(value: str | int | None) -> str:
    """A value of the wire as a cell."""
    if value is None or value == "":
        return UNKNOWN_TEXT
    return printable(str(value))


def span_ns(item: Session | Exchange | Flow | Connection) -> int:
    return item.end_ns - item.start_ns


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
            worst_tone((_outcome_tone(flow.outcome, settled), "warn" if stalled_ns(flow) else "")),
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


def flow_listing(
    rows: Sequence[FlowRow],
    context: Context,
    bar: Callable[[float, int], str],
    mode: TimeMode = TimeMode.CLOCK,
    origin_ns: int | None = None,
) -> Listing[FlowRow]:
    """Args:
    bar: Draws a share (0 to 1) in so many cells.
    origin_ns: What times are counted from.
    """
    host, exchanges, packages, size, rate, took = map(
        _flow_column, named(FLOWS, "Host", "Exch", "Packages", "Bytes", "MB/s", "Time")
    )
    columns: tuple[Column[FlowRow], ...] = (
        state_column(lambda row: row.tone),
        Column("Seg", lambda row, c: text(row.segment), "right"),
        host,
        time_column(mode, _flow_start, origin_ns, before_of(rows, _flow_start, mode), priority=4),
        exchanges,
        packages,
        size,
        rate,
        took,
        Column("Stalled", lambda row, c: stalled_text(row.flow), priority=2),
        Column("Share", lambda row, c: bar(row.share, SHARE_WIDTH), priority=5),
        Column("Outcome", lambda row, c: row.word, tones=OUTCOME_TONES),
    )
    keys: dict[str, Callable[[FlowRow], Any]] = {
        HEADINGS[mode]: _flow_start,
        "Stalled": lambda row: stalled_ns(row.flow),
        "Share": lambda row: row.share,
        "Bytes": lambda row: row.flow.payload_bytes if row.flow else None,
        "MB/s": lambda row: rate_of(row.flow.payload_bytes, span_ns(row.flow)) if row.flow else None,
        "Time": lambda row: span_ns(row.flow) if row.flow else None,
    }
    return Listing(
        columns,
        rows,
        lambda row: row.segment,
        "Greenplum segments",
        context,
        sort_keys=keys,
        filter_kind="flows",
        filtered=lambda row: row.flow,
    )


def _stall_parts(flow: Flow | None) -> list[tuple[int, str]]:
    """How long each cause held a flow up, longest first."""
    shares = None if flow is None else flow.stall_ns
    if shares is None:
        return []
    return sorted(((ns, name) for name, ns in shares._asdict().items() if ns), reverse=True)


def stalled_ns(flow: Flow | None) -> int | None:
    """Nanoseconds for which a flow was held up; None where nobody knows."""
    return None if flow is None or flow.stall_ns is None else sum(ns for ns, _ in _stall_parts(flow))


def stalled_text(flow: Flow | None) -> str:
    """`2.58 s server`: for how long, and who did most of it; `-` for never, or not known."""
    parts = _stall_parts(flow)
    return f"{duration_text(stalled_ns(flow))} {parts[0][1]}" if parts else UNKNOWN_TEXT


def _flow_start(row: FlowRow) -> int | None:
    return None if row.flow is None else row.flow.start_ns


def rate_of(size: int, ns: int) -> float | None:
    """Bytes a nanosecond; None where no time passed."""
    return size / ns if ns > 0 else None


def before_of(items: Sequence[Item], time_of: Callable[[Item], int | None], mode: TimeMode) -> Callable[[Item], int | None]:
    """The time of the item before another one, in order of time; made only where it is to be shown."""
    if mode is not TimeMode.DELTA:
        return lambda item: None
    timed = sorted((ns, id(item)) for item in items if (ns := time_of(item)) is not None)
    known = {name: before for (before, _), (_, name) in pairwise(timed)}
    return lambda item: known.get(id(item))


# exchanges ----------------------------------------------------------------------------------------------------------------


def step_word(exchange: Exchange) -> str:
    """What an exchange does in a write: OPEN, DATA or DONE; a read has no steps."""
    if exchange.method != "POST":
        return UNKNOWN_TEXT
    if exchange.done:
        return "DONE"
    return "OPEN" if exchange.seq == 1 and not exchange.content_length else "DATA"


def exchange_listing(
    exchanges: Sequence[Exchange],
    context: Context,
    *,
    settled: bool = True,
    mode: TimeMode = TimeMode.CLOCK,
    origin_ns: int | None = None,
) -> Listing[Exchange]:
    start = _exchange_start
    columns: tuple[Column[Exchange], ...] = (
        state_column(lambda exchange: _outcome_tone(exchange.outcome, settled)),
        *named(EXCHANGES, "Id"),
        time_column(mode, start, origin_ns, before_of(exchanges, start, mode), priority=3),
        *named(EXCHANGES, "Op"),
        Column("Step", lambda e, c: step_word(e), priority=2),
        Column("Seq", lambda e, c: text(e.seq), "right", priority=3),
        *named(EXCHANGES, "Status", "Packages", "Bytes", "Time", "Outcome", "Client", "Reason", "Reset by", "Error"),
    )
    keys: dict[str, Callable[[Exchange], Any]] = {
        HEADINGS[mode]: start,
        "Bytes": lambda exchange: exchange.payload_bytes,
        "Time": span_ns,
    }
    return Listing(
        columns,
        exchanges,
        exchange_key,
        "exchanges",
        context,
        sort_keys=keys,
        time_of=start,
        filter_kind="exchanges",
    )


def _exchange_start(exchange: Exchange) -> int:
    return exchange.start_ns
