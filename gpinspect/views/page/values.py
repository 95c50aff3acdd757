"""Values of the page. Texts are safe for one line (escaped against control characters), not yet for HTML."""

from dataclasses import dataclass

from gpinspect.views.activity import Span


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class FindingEntry:
    """One finding, or several of one code in one session, with the words of the catalogue."""

    anchor: str
    level: str  # "error", "warning", "note"
    code: str
    name: str
    count: int
    session: int | None
    where: str
    when: str
    frames: str
    messages: tuple[str, ...]
    more: int  # messages that are not shown
    explanation: str
    rules_out: str
    cause: str
    advice: tuple[str, ...]
    sentences: tuple[str, ...]  # that the SQL user, gpload or the log shows


@dataclass(frozen=True, slots=True)
class StallEntry:
    cause: str
    pattern: str
    when: str
    duration: str
    who: str
    evidence: str
    code: str


@dataclass(frozen=True, slots=True)
class LaneStall:
    span: Span
    cause: str
    text: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One Greenplum segment of a session on the time axis of that session."""

    name: str
    host: str
    outcome: str
    ended: str  # "whole", "broken", "left", "open", "late": what the end looks like
    bytes: str
    share: float  # of the largest one, 0 to 1
    percent: str
    first_byte: str
    span: Span  # first to last frame
    busy: tuple[Span, ...]  # bytes were on their way
    stalls: tuple[LaneStall, ...]


@dataclass(frozen=True, slots=True)
class MatrixRow:
    name: str
    levels: tuple[int, ...]  # 0 nothing, 1 to 4 by rate, -1 stalled


@dataclass(frozen=True, slots=True)
class FileBar:
    """A source file. Pieces are (span, kind, text) over [0, end of what is known): "before", "delivered", "gap" or "overlap"."""

    name: str
    text: str
    pieces: tuple[tuple[Span, str, str], ...]


@dataclass(frozen=True, slots=True)
class SessionEntry:
    id: int
    anchor: str
    title: str
    method: str
    path: str
    server: str
    query: str
    verdict: str
    reasons: tuple[str, ...]
    query_verdict: str  # of the statement, where it has several sessions; else empty
    started: str
    duration: str
    bytes: str
    rate: str
    rows: str
    segments: str
    outcomes: str
    levels: tuple[tuple[str, int], ...]  # findings by level
    facts: tuple[Fact, ...]
    lanes: tuple[Lane, ...]
    lanes_left: int
    matrix: tuple[MatrixRow, ...]
    grouped: int  # Greenplum segments that one row of the matrix stands for
    rates: tuple[float, ...]  # bytes a second, one value a stretch of time
    fastest: str
    axis: tuple[tuple[float, str], ...]  # ticks: share of the time, label
    files: tuple[FileBar, ...]
    files_left: int
    stalls: tuple[StallEntry, ...]
    stalls_left: int
    skew: tuple[str, ...]
    findings: tuple[FindingEntry, ...]


@dataclass(frozen=True, slots=True)
class TlsEntry:
    connection: int
    client: str
    server: str
    version: str
    suite: str
    forward: str
    certificate: str
    opened: str
    reason: str
    alerts: str


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    facts: tuple[Fact, ...]
    verdicts: tuple[tuple[str, int], ...]
    levels: tuple[tuple[str, int], ...]
    sessions: tuple[SessionEntry, ...]
    findings: tuple[FindingEntry, ...]  # that belong to no session
    advice: tuple[tuple[str, str, str], ...]  # code, anchor of the finding, what to do
    tls: tuple[TlsEntry, ...]
    tls_left: int
    tls_lines: tuple[str, ...]
    masked: bool
