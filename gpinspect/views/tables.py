"""The tables for people, as data: which columns there are, what a cell says, and which column gives way first.

Cells are safe for a terminal (`printable`) and honest: `-` where the wire did not say. Nothing here knows a screen width or colour;
a cell may carry a *tone* ("good", "warn", "bad") for those who have colours.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, Literal, NamedTuple, TypeVar

from gpinspect.model import UNKNOWN, Delivery, Exchange, Finding, Flow, Outcome, Package, Session, Severity
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, clock_text, count_text, duration_text, printable, rate_text

Item = TypeVar("Item")
Tone = Literal["", "good", "warn", "bad"]


class PackageRow(NamedTuple):
    """A package with where it stands: the table of packages has rows of many exchanges."""

    exchange: Exchange
    number: int  # its index in the exchange, from 0
    package: Package


@dataclass(frozen=True, slots=True)
class Context:
    """What a cell needs to know beyond its own value."""

    utc: bool = False
    counts: Mapping[int, Mapping[str, int]] = field(default_factory=dict)  # findings by session id and severity


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """One column. `priority` 1 stays longest, larger numbers give way first when the screen is narrow.

    `least` is the width in cells below which a cell is not shortened; 0 = never shortened. `keep` says which end stays.
    """

    name: str
    value: Callable[[Item, Context], str]
    align: Literal["left", "right"] = "left"
    priority: int = 1
    least: int = 0
    keep: Literal["start", "end", "both"] = "start"
    tones: Mapping[str, Tone] = field(default_factory=dict)

    def tone(self, cell: str) -> Tone:
        return self.tones.get(cell, "")


@dataclass(frozen=True, slots=True)
class Table(Generic[Item]):
    """Columns in their order on the screen; `kind` is the plural that messages use."""

    kind: str
    columns: tuple[Column[Item], ...]

    @property
    def header(self) -> list[str]:
        return [column.name for column in self.columns]

    def rows(self, items: Iterable[Item], context: Context | None = None) -> Iterator[list[str]]:
        """One list of cells an item, made as they are asked for."""
        context = context or Context()
        for item in items:
            yield [column.value(item, context) for column in self.columns]


def _text(value: str | bytes | int | None) -> str:
    if value is None or value in ("", b""):
        return UNKNOWN_TEXT
    return str(value) if isinstance(value, int) else printable(value)


def _number(value: int) -> str:
    return UNKNOWN_TEXT if value == UNKNOWN else f"{value:,}"


def query_name(xid: str | None, cid: str | None, sn: str | None) -> str:
    """`XID/CID/SN`, `-` for each part that is not known and for all when none is."""
    if xid is None and cid is None and sn is None:
        return UNKNOWN_TEXT
    return "/".join(_text(part) for part in (xid, cid, sn))


def segments_text(session: Session) -> str:
    """Greenplum segments seen of those there are, `3/16`; only the first number when the second is not known."""
    seen = f"{len(session.segments)}"
    return seen if session.segment_count is None else f"{seen}/{session.segment_count}"


def counts_text(counts: Mapping[str, int]) -> str:
    """Findings at a glance: `2e 1w 3n`; `-` for none."""
    return " ".join(f"{number}{word[0]}" for word, number in counts.items() if number) or UNKNOWN_TEXT


def place_text(finding: Finding) -> str:
    """Where a finding belongs, largest first: `session 2 seg 11 exch 40`; the connection only where no exchange is named."""
    parts = [("session", finding.session), ("seg", finding.segment), ("exch", finding.exchange)]
    if finding.exchange is None:
        parts.append(("conn", finding.connection))
    return " ".join(f"{name} {number}" for name, number in parts if number is not None) or "capture"


OUTCOME_TONES: Mapping[str, Tone] = MappingProxyType(
    {
        Outcome.COMPLETE: "good",
        Outcome.ACCEPTED: "good",
        Outcome.CANCELLED: "warn",
        Outcome.LOST: "warn",
        Outcome.UNANSWERED: "warn",
        Outcome.OPEN: "warn",
        Outcome.DISCARDED: "bad",
        Outcome.ERROR: "bad",
        Outcome.REFUSED: "bad",
        Outcome.BROKEN: "bad",
    }
)
DELIVERY_TONES: Mapping[str, Tone] = MappingProxyType(
    {Delivery.PROVEN: "good", Delivery.UNPROVABLE: "warn", Delivery.REFUTED: "bad"}
)
SEVERITY_TONES: Mapping[str, Tone] = MappingProxyType({Severity.ERROR.word: "bad", Severity.WARNING.word: "warn"})


def _of_query(session: Session) -> str:
    """The verdict on the whole statement, where that has more sessions than one."""
    return session.query_delivery.value if session.query_sessions > 1 else UNKNOWN_TEXT


SESSIONS: Table[Session] = Table(
    "sessions",
    (
        Column("Id", lambda s, c: str(s.id), "right"),
        Column("Started", lambda s, c: clock_text(s.start_ns, utc=c.utc), priority=3),
        Column("Op", lambda s, c: _text(s.method)),
        Column("XID/CID/SN", lambda s, c: query_name(s.xid, s.cid, s.sn), priority=6, least=10, keep="end"),
        Column("Path", lambda s, c: _text(s.path), least=12, keep="end"),
        Column("Server", lambda s, c: str(s.server), priority=7),
        Column("Segs", lambda s, c: segments_text(s), "right", priority=2),
        Column("Conns", lambda s, c: count_text(s.connections), "right", priority=8),
        Column("Bytes", lambda s, c: bytes_text(s.payload_bytes), "right"),
        Column("MB/s", lambda s, c: rate_text(s.payload_bytes, s.end_ns - s.start_ns), "right", priority=3),
        Column("Time", lambda s, c: duration_text(s.end_ns - s.start_ns), "right", priority=5),
        Column("Findings", lambda s, c: counts_text(c.counts.get(s.id, {})), priority=2),
        Column("Rows", lambda s, c: count_text(s.rows), "right", priority=6),
        Column("Delivery", lambda s, c: s.delivery.value, tones=DELIVERY_TONES),
        Column("Query", lambda s, c: _of_query(s), priority=7, tones=DELIVERY_TONES),
    ),
)

FLOWS: Table[Flow] = Table(
    "flows",
    (
        Column("Session", lambda f, c: str(f.session), "right"),
        Column("Seg", lambda f, c: _text(f.segment), "right"),
        Column("Host", lambda f, c: _text(f.host), least=12, keep="end"),
        Column("Started", lambda f, c: clock_text(f.start_ns, utc=c.utc), priority=4),
        Column("Exch", lambda f, c: count_text(f.exchanges), "right", priority=3),
        Column("Packages", lambda f, c: count_text(f.packages), "right", priority=3),
        Column("Bytes", lambda f, c: bytes_text(f.payload_bytes), "right"),
        Column("MB/s", lambda f, c: rate_text(f.payload_bytes, f.end_ns - f.start_ns), "right", priority=2),
        Column("Time", lambda f, c: duration_text(f.end_ns - f.start_ns), "right", priority=2),
        Column("Outcome", lambda f, c: f.outcome.value, tones=OUTCOME_TONES),
    ),
)

EXCHANGES: Table[Exchange] = Table(
    "exchanges",
    (
        Column("Id", lambda e, c: str(e.id), "right"),
        Column("Session", lambda e, c: _text(e.session), "right", priority=4),
        Column("Started", lambda e, c: clock_text(e.start_ns, utc=c.utc), priority=3),
        Column("Client", lambda e, c: str(e.client), priority=5),
        Column("Server", lambda e, c: str(e.server), priority=7),
        Column("Op", lambda e, c: _text(e.method), least=4),
        Column("Path", lambda e, c: _text(e.path), least=12, keep="end"),
        Column("Seg", lambda e, c: _text(e.segment), "right", priority=2),
        Column("Seq", lambda e, c: _text(e.seq) + (" done" if e.done else ""), "right", priority=4),
        Column("Status", lambda e, c: _text(e.status), "right", priority=3),
        Column("Reason", lambda e, c: _text(e.reason), priority=8, least=10),
        Column("Packages", lambda e, c: count_text(len(e.packages)), "right", priority=6),
        Column("Bytes", lambda e, c: bytes_text(e.payload_bytes), "right"),
        Column("Time", lambda e, c: duration_text(e.end_ns - e.start_ns), "right", priority=3),
        Column("Outcome", lambda e, c: e.outcome.value, tones=OUTCOME_TONES),
        Column("Reset by", lambda e, c: _text(e.reset_by), priority=6),
        Column("Error", lambda e, c: _text("; ".join(e.errors)), priority=7, least=10),
    ),
)

PACKAGES: Table[PackageRow] = Table(
    "packages",
    (
        Column("Exch", lambda r, c: str(r.exchange.id), "right", priority=2),
        Column("Index", lambda r, c: str(r.number), "right"),
        Column(
            "Time",
            lambda r, c: clock_text(None if r.package.ns == UNKNOWN else r.package.ns, utc=c.utc, digits=6),
            priority=4,
        ),
        Column("Kind", lambda r, c: r.package.kind_name, tones={"error": "bad"}),
        Column("File", lambda r, c: _text(r.exchange.packages.file_name(r.package)), priority=3, least=12, keep="end"),
        Column("Offset", lambda r, c: _number(r.package.offset), "right"),
        Column("Line", lambda r, c: _number(r.package.line), "right", priority=3),
        Column("Length", lambda r, c: _number(r.package.length), "right"),
        Column("Whole", lambda r, c: "yes" if r.package.complete else "no", priority=2, tones={"no": "bad"}),
        Column("Frames", lambda r, c: f"{r.package.frame}-{r.package.end_frame}", "right", priority=5),
        Column("Position", lambda r, c: _number(r.package.position), "right", priority=6),
    ),
)

FINDINGS: Table[Finding] = Table(
    "findings",
    (
        Column("Level", lambda f, c: f.severity.word, tones=SEVERITY_TONES),
        Column("Code", lambda f, c: _text(f.code)),
        Column("When", lambda f, c: clock_text(f.time_ns, utc=c.utc), priority=3),
        Column("Where", lambda f, c: place_text(f), priority=2),
        Column("Frames", lambda f, c: "-".join(map(str, f.frames)) if f.frames else UNKNOWN_TEXT, priority=5),
        Column("What", lambda f, c: _text(f.message), least=20),
        Column("Advice", lambda f, c: _text(f.advice), priority=6, least=30),
    ),
)


def package_rows(exchanges: Iterable[Exchange]) -> Iterator[PackageRow]:
    """Every package of these exchanges, made one at a time."""
    for exchange in exchanges:
        for index, package in enumerate(exchange.packages):
            yield PackageRow(exchange, index, package)
