"""The part of the page that a session has: lanes, matrix, rate, files, stalls."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gpinspect.model import Exchange, FileCoverage, Outcome, Session, Stall
from gpinspect.views.activity import FINE, Span, activity, coarser, levels, runs
from gpinspect.views.page.values import (
    Fact,
    FileBar,
    FindingEntry,
    Lane,
    LaneStall,
    MatrixRow,
    SessionEntry,
    StallEntry,
)
from gpinspect.views.report import outcomes_text
from gpinspect.views.strips import release
from gpinspect.views.tables import query_name, segments_text
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, clock_text, count_text, duration_text, plural, printable, rate_text

LANES_SHOWN: Final = 64
"""Greenplum segments up to which every one has a lane; beyond, the most troubled ones have."""
LANES_OF_MANY: Final = 16
LEAST_LANES: Final = 4
FILES_SHOWN: Final = 40
PIECES_SHOWN: Final = 200
STALLS_SHOWN: Final = 24
TICKS: Final = 6

_ENDS: Final = {
    Outcome.COMPLETE: "whole",
    Outcome.ACCEPTED: "whole",
    Outcome.DUPLICATE: "whole",
    Outcome.LATE: "late",
    Outcome.CLOSED: "whole",
    Outcome.CANCELLED: "left",
    Outcome.OPEN: "open",
    Outcome.LOST: "open",
    Outcome.UNANSWERED: "open",
}
"""How the end of a lane looks; everything else is "broken"."""
_GRAVEST: Final = ("broken", "left", "open", "whole", "late")


@dataclass(frozen=True, slots=True)
class Room:
    """What one session may take of the page."""

    cells: int
    lanes: int


@dataclass(frozen=True, slots=True)
class Material:
    session: Session
    members: Sequence[Exchange]
    stalls: Sequence[Stall]
    skew: Sequence[str]


@dataclass(slots=True)
class _Segment:
    """One Greenplum segment of a session."""

    number: int | None
    exchanges: list[Exchange]
    moved: list[float]
    stalled: list[LaneStall]

    @property
    def bytes(self) -> int:
        return sum(exchange.payload_bytes for exchange in self.exchanges)

    @property
    def ended(self) -> str:
        kinds = {_ENDS.get(exchange.outcome, "broken") for exchange in self.exchanges}
        return next((kind for kind in _GRAVEST if kind in kinds), "whole")

    @property
    def name(self) -> str:
        return UNKNOWN_TEXT if self.number is None else str(self.number)


def session_entry(material: Material, findings: tuple[FindingEntry, ...], room: Room, *, utc: bool) -> SessionEntry:
    """One session. Its time axis runs from its first frame to its last."""
    session, members = material.session, material.members
    start, end = session.start_ns, max(session.end_ns, session.start_ns + 1)
    segments = _segments(material, start, end)
    largest = max((segment.bytes for segment in segments), default=0)
    shown = _chosen(segments, room)
    lanes = tuple(_lane(segment, session, largest, start, end) for segment in shown)
    matrix, grouped = _matrix(segments, room)
    total = [sum(column) for column in zip(*(segment.moved for segment in segments), strict=True)] if segments else []
    rates = coarser(total, FINE // 2)
    seconds = (end - start) / 1e9 / max(1, len(rates))
    ns = session.end_ns - session.start_ns
    counts: Counter[str] = Counter()
    for entry in findings:
        counts[entry.level] += entry.count
    stalls = sorted(material.stalls, key=lambda stall: -stall.duration_ns)
    return SessionEntry(
        id=session.id,
        anchor=f"session-{session.id}",
        title=f"Session {session.id}",
        method=_text(session.method),
        path=_text(session.path),
        server=str(session.server),
        query=query_name(session.xid, session.cid, session.sn),
        verdict=session.delivery.value,
        reasons=session.delivery_reasons,
        query_verdict=session.query_delivery.value if session.query_sessions > 1 else "",
        started=clock_text(session.start_ns, utc=utc),
        duration=duration_text(ns),
        bytes=bytes_text(session.payload_bytes),
        rate=rate_text(session.payload_bytes, ns),
        rows=count_text(session.rows),
        segments=segments_text(session),
        outcomes=outcomes_text(member.outcome for member in members),
        levels=tuple((word, counts[word]) for word in ("error", "warning", "note") if counts[word]),
        facts=tuple(_facts(session, members)),
        lanes=lanes,
        lanes_left=len(segments) - len(lanes),
        matrix=matrix,
        grouped=grouped,
        rates=tuple(amount / seconds for amount in rates),
        fastest=rate_text(int(max(rates, default=0)), int(seconds * 1e9)),
        axis=tuple((tick / TICKS, duration_text(ns * tick // TICKS)) for tick in range(TICKS + 1)),
        files=tuple(_file(file) for file in session.files[:FILES_SHOWN]),
        files_left=max(0, len(session.files) - FILES_SHOWN),
        stalls=tuple(_stall(stall, utc) for stall in stalls[:STALLS_SHOWN]),
        stalls_left=max(0, len(stalls) - STALLS_SHOWN),
        skew=tuple(material.skew),
        findings=findings,
    )


def _text(value: str | int | None) -> str:
    return UNKNOWN_TEXT if value is None else printable(str(value))


def _facts(session: Session, members: Sequence[Exchange]) -> Iterable[Fact]:
    yield Fact("Server", f"{session.server}, gpfdist {release(session.server_version)}")
    yield Fact("Query", query_name(session.xid, session.cid, session.sn))
    yield Fact("Database", f"{_text(session.database)}, user {_text(session.user)}, session {_text(session.gp_session_id)}")
    yield Fact("Protocol", _text(session.proto))
    yield Fact("Requests", outcomes_text(member.outcome for member in members))
    if session.errors:
        yield Fact("Errors", "; ".join(printable(text) for text in session.errors[:4]))


def _segments(material: Material, start: int, end: int) -> list[_Segment]:
    groups: dict[int | None, list[Exchange]] = defaultdict(list)
    for member in material.members:
        groups[member.segment].append(member)
    stalled: dict[int | None, list[LaneStall]] = defaultdict(list)
    whole = end - start
    for stall in material.stalls:
        for flow in stall.flows:
            span = (_share(flow.start_ns - start, whole), _share(flow.end_ns - start, whole))
            text = f"{stall.cause.value}, {duration_text(flow.end_ns - flow.start_ns)}"
            stalled[flow.segment].append(LaneStall(span, stall.cause.value, text))
    return [
        _Segment(number, groups[number], activity(groups[number], start, end, FINE), stalled[number])
        for number in sorted(groups, key=lambda number: (number is None, number or 0))
    ]


def _share(part: float, whole: float) -> float:
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0


def _chosen(segments: Sequence[_Segment], room: Room) -> list[_Segment]:
    """All of a few; of many those that stalled longest, ended worst, or got least."""
    most = min(LANES_SHOWN if len(segments) <= LANES_SHOWN else LANES_OF_MANY, max(LEAST_LANES, room.lanes))
    if len(segments) <= most:
        return list(segments)

    def trouble(segment: _Segment) -> tuple[float, int, int]:
        return (-sum(b - a for a, b in (one.span for one in segment.stalled)), _GRAVEST.index(segment.ended), segment.bytes)

    chosen = {id(segment) for segment in sorted(segments, key=trouble)[:most]}
    return [segment for segment in segments if id(segment) in chosen]


def _lane(segment: _Segment, session: Session, largest: int, start: int, end: int) -> Lane:
    whole = end - start
    first = min((one.first_byte_ns for one in segment.exchanges if one.first_byte_ns is not None), default=None)
    span: Span = (
        _share(min(one.start_ns for one in segment.exchanges) - start, whole),
        _share(max(one.end_ns for one in segment.exchanges) - start, whole),
    )
    percent = 100 * _share(segment.bytes, session.payload_bytes)
    return Lane(
        name=segment.name,
        host=segment.exchanges[0].client.host,
        outcome=outcomes_text(one.outcome for one in segment.exchanges),
        ended=segment.ended,
        bytes=bytes_text(segment.bytes),
        share=_share(segment.bytes, largest),
        percent=f"{percent:.1f} %",
        first_byte=duration_text(None if first is None else first - start),
        span=span,
        busy=runs(segment.moved),
        stalls=tuple(segment.stalled),
    )


def _matrix(segments: Sequence[_Segment], room: Room) -> tuple[tuple[MatrixRow, ...], int]:
    """Rate of each segment (or of a group of neighbours) over time; none for a few segments, whose lanes say it."""
    if len(segments) <= LANES_OF_MANY:
        return (), 1
    columns = next((count for count in (FINE // 2, FINE // 4, FINE // 8) if count * len(segments) <= room.cells), FINE // 10)
    grouped = max(1, -(-len(segments) * columns // max(columns, room.cells)))
    groups = [segments[at : at + grouped] for at in range(0, len(segments), grouped)]
    sums = [[sum(column) for column in zip(*(one.moved for one in group), strict=True)] for group in groups]
    shades = levels([coarser(moved, columns) for moved in sums])
    rows = []
    for group, shade in zip(groups, shades, strict=True):
        for one in group:
            for stall in one.stalled:
                for column in range(round(stall.span[0] * columns), round(stall.span[1] * columns)):
                    if not shade[column]:
                        shade[column] = -1
        rows.append(MatrixRow(group[0].name if len(group) == 1 else f"{group[0].name}-{group[-1].name}", tuple(shade)))
    return tuple(rows), grouped


def _file(file: FileCoverage) -> FileBar:
    """From byte 0 to the last one that is known of; what lies before the first delivered byte is a header row, or missing."""
    end = file.first_offset + file.bytes + sum(b - a for a, b in file.gaps)
    pieces: list[tuple[Span, str, str]] = []
    at = file.first_offset

    def add(low: int, high: int, kind: str, number: int = 1) -> None:
        if high > low:
            words = kind if number == 1 else f"{number:,} {kind}s"
            pieces.append(((_share(low, end), _share(high, end)), kind, f"bytes {low:,} to {high:,}: {words}"))

    add(0, file.first_offset, "before")
    for low, high, number in _near(file.gaps, end):
        add(at, low, "delivered")
        add(low, high, "gap", number)
        at = high
    add(at, end, "delivered")
    for low, high, number in _near(file.overlaps, end):
        add(low, high, "overlap", number)
    facts = [f"{bytes_text(file.bytes)} in {file.packages:,} packages", f"offsets {file.first_offset:,} to {end:,}"]
    if file.gaps:
        facts.append(f"{plural(len(file.gaps), 'gap')}, {bytes_text(sum(b - a for a, b in file.gaps))}")
    if file.overlaps:
        facts.append(plural(len(file.overlaps), "overlap"))
    return FileBar(printable(file.name), ", ".join(facts), tuple(pieces))


def _near(spans: Sequence[tuple[int, int]], end: int) -> Iterable[tuple[int, int, int]]:
    """Spans with how many they stand for: of many, those that could not be told apart in the drawing are one."""
    least = end // PIECES_SHOWN if len(spans) > PIECES_SHOWN else 0
    found: list[tuple[int, int, int]] = []
    for low, high in spans:
        if found and low - found[-1][1] < least:
            found[-1] = (found[-1][0], high, found[-1][2] + 1)
        else:
            found.append((low, high, 1))
    return found


def _stall(stall: Stall, utc: bool) -> StallEntry:
    segments = sorted({flow.segment for flow in stall.flows if flow.segment is not None})
    named = ", ".join(str(number) for number in segments[:12]) + (f" and {len(segments) - 12:,} more" if len(segments) > 12 else "")
    return StallEntry(
        cause=stall.cause.value,
        pattern=stall.pattern.replace("_", " "),
        when=clock_text(stall.start_ns, utc=utc),
        duration=duration_text(stall.duration_ns),
        who=f"segments {named}" if segments else f"{len(stall.flows):,} connections",
        evidence=printable(stall.evidence),
        code=stall.finding,
    )
