"""Statistics of a session as tables: by Greenplum segment, by host, and what held it up by cause."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

from gpinspect.model import Cause, Finding, Flow, Session, Stall
from gpinspect.model.pace import FlowPace, HostShare, Share
from gpinspect.views.browse import Listing, state_column, text
from gpinspect.views.pace import REASONS, Closer, pace_line, settings_to_change, skew_line, stalls_line, together_ns
from gpinspect.views.report import Line
from gpinspect.views.tables import Column, Context, Tone
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, count_text, duration_text, plural, printable, rate_text

BAR = 10
LITTLE, MUCH = 0.8, 1.25
"""Shares of the even one below and above which a segment is to be looked at."""
HELD = 0.25
"""Part of a flow's time that somebody has to hold it up for, to be looked at."""
TABLES = ("segments", "hosts", "stalls")
"""What there is, in the order in which a key goes through it."""

Bar = Callable[[float, int], str]


class SegmentRow(NamedTuple):
    share: Share
    pace: FlowPace | None  # None: it never came
    flow: Flow | None
    even: float  # bytes

    @property
    def held_ns(self) -> int | None:
        """Time that somebody held it up; None: nobody can know."""
        return None if self.flow is None or self.flow.stall_ns is None else sum(self.flow.stall_ns)

    @property
    def tone(self) -> Tone:
        if self.pace is None:
            return "warn"
        held, took = self.held_ns, self.pace.pace.duration_ns
        if held and took and held > HELD * took:
            return "bad"
        size = self.share.payload_bytes
        uneven = self.even > 0 and not LITTLE * self.even <= size <= MUCH * self.even
        return "warn" if uneven else "good"


class CauseRow(NamedTuple):
    """Silences with the same cause and pattern."""

    cause: Cause
    pattern: str
    stalls: tuple[Stall, ...]

    @property
    def segments(self) -> list[int]:
        return sorted({flow.segment for stall in self.stalls for flow in stall.flows if flow.segment is not None})

    @property
    def longest_ns(self) -> int:
        return max((stall.duration_ns for stall in self.stalls), default=0)


def segment_rows(closer: Closer, flows: Sequence[Flow]) -> list[SegmentRow]:
    """Args:
    flows: Those of the session.
    """
    paces = {pace.segment: pace for pace in closer.pace.flows}
    known = {flow.segment: flow for flow in flows}
    even = closer.skew.even_share
    return [SegmentRow(share, paces.get(share.segment), known.get(share.segment), even) for share in closer.skew.shares]


def cause_rows(stalls: Sequence[Stall]) -> list[CauseRow]:
    """The longest together first."""
    groups: dict[tuple[Cause, str], list[Stall]] = {}
    for stall in stalls:
        groups.setdefault((stall.cause, stall.pattern), []).append(stall)
    rows = [CauseRow(cause, pattern, tuple(own)) for (cause, pattern), own in groups.items()]
    return sorted(rows, key=lambda row: -together_ns(row.stalls))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _spread(field: str) -> Callable[[SegmentRow], int | None]:
    def value(row: SegmentRow) -> int | None:
        between = None if row.pace is None else row.pace.pace.between
        return None if between is None else int(getattr(between, field))

    return value


def _time(of: Callable[[SegmentRow], int | None]) -> Callable[[SegmentRow, Context], str]:
    return lambda row, c: duration_text(of(row))


def _took(row: SegmentRow) -> int | None:
    return None if row.pace is None else row.pace.pace.duration_ns


def _rate(row: SegmentRow) -> float | None:
    return None if row.pace is None else row.pace.pace.bytes_per_second


def _first(row: SegmentRow) -> int | None:
    return None if row.pace is None else row.pace.pace.to_first_package_ns


def _silence(row: SegmentRow) -> int | None:
    return None if row.pace is None else row.pace.pace.silence_ns


def held_text(flow: Flow | None) -> str:
    """`segment 1.30 s, network 0.20 s`; `-` where nobody held it up, or nobody can know."""
    if flow is None or flow.stall_ns is None:
        return UNKNOWN_TEXT
    parts = sorted(zip(flow.stall_ns._fields, flow.stall_ns, strict=True), key=lambda part: -part[1])
    return ", ".join(f"{cause} {duration_text(ns)}" for cause, ns in parts if ns) or UNKNOWN_TEXT


def lacks_text(share: Share) -> str:
    """Why a segment has less than the even share, in bytes: `joined late 31.2 MB`."""
    parts = [(getattr(share, field, None), words) for field, words in REASONS.items()]
    return ", ".join(f"{words} {bytes_text(amount)}" for amount, words in parts if amount) or UNKNOWN_TEXT


def segment_listing(rows: Sequence[SegmentRow], context: Context, bar: Bar) -> Listing[SegmentRow]:
    most = max((row.share.share for row in rows), default=0.0)
    timed: dict[str, Callable[[SegmentRow], int | None]] = {
        "p50": _spread("p50_ns"),
        "p95": _spread("p95_ns"),
        "max": _spread("max_ns"),
        "First": _first,
        "Silence": _silence,
        "Held up": lambda row: row.held_ns,
    }
    columns: tuple[Column[SegmentRow], ...] = (
        state_column(lambda row: row.tone),
        Column("Seg", lambda row, c: text(row.share.segment), "right"),
        Column("Host", lambda row, c: text(row.share.host), priority=3, least=8, keep="end"),
        Column("Bytes", lambda row, c: bytes_text(row.share.payload_bytes), "right", priority=2),
        Column("Share", lambda row, c: _percent(row.share.share), "right"),
        Column("Of the most", lambda row, c: bar(row.share.share / most if most else 0.0, BAR), priority=5),
        Column("MB/s", lambda row, c: rate_text(round(_rate(row) or 0), 1_000_000_000) if row.pace else UNKNOWN_TEXT, "right"),
        Column("First", _time(timed["First"]), "right", priority=5),
        Column("p50", _time(timed["p50"]), "right", priority=4),
        Column("p95", _time(timed["p95"]), "right", priority=2),
        Column("max", _time(timed["max"]), "right"),
        Column("Silence", _time(timed["Silence"]), "right", priority=4),
        Column("Held up", lambda row, c: held_text(row.flow), least=12, priority=2),
        Column("Lacks", lambda row, c: lacks_text(row.share), least=12, priority=6),
    )
    keys: dict[str, Callable[[SegmentRow], Any]] = {
        "Bytes": lambda row: row.share.payload_bytes,
        "Share": lambda row: row.share.share,
        "Of the most": lambda row: row.share.share,
        "MB/s": _rate,
        "Lacks": lambda row: row.share.shortfall,
        **timed,
    }
    return Listing(columns, rows, _segment_key, "Greenplum segments", context, sort_keys=keys)


def _segment_key(row: SegmentRow) -> Hashable:
    return row.share.segment


def host_listing(rows: Sequence[HostShare], context: Context, bar: Bar) -> Listing[HostShare]:
    most = max((row.share for row in rows), default=0.0)
    columns: tuple[Column[HostShare], ...] = (
        Column("Host", lambda row, c: text(row.host), least=8, keep="end"),
        Column("Segments", lambda row, c: count_text(row.segments), "right"),
        Column("Bytes", lambda row, c: bytes_text(row.payload_bytes), "right"),
        Column("Share", lambda row, c: _percent(row.share), "right"),
        Column("Of the most", lambda row, c: bar(row.share / most if most else 0.0, BAR)),
    )
    keys: dict[str, Callable[[HostShare], Any]] = {
        "Segments": lambda row: row.segments,
        "Bytes": lambda row: row.payload_bytes,
        "Share": lambda row: row.share,
        "Of the most": lambda row: row.share,
    }
    return Listing(columns, rows, lambda row: row.host, "hosts", context, sort_keys=keys)


def cause_listing(rows: Sequence[CauseRow], context: Context) -> Listing[CauseRow]:
    columns: tuple[Column[CauseRow], ...] = (
        Column("Held up by", lambda row, c: row.cause.value),
        Column("Times", lambda row, c: count_text(len(row.stalls)), "right"),
        Column("Together", lambda row, c: duration_text(together_ns(row.stalls)), "right"),
        Column("Longest", lambda row, c: duration_text(row.longest_ns), "right"),
        Column("Segments", lambda row, c: numbers_text(row.segments), least=8),
        Column("Pattern", lambda row, c: printable(row.pattern.replace("_", " ")), priority=2, least=12),
    )
    keys: dict[str, Callable[[CauseRow], Any]] = {
        "Times": lambda row: len(row.stalls),
        "Together": lambda row: together_ns(row.stalls),
        "Longest": lambda row: row.longest_ns,
    }
    return Listing(columns, rows, lambda row: (row.cause, row.pattern), "causes", context, sort_keys=keys)


def numbers_text(numbers: Sequence[int]) -> str:
    """`0-3, 7`; `-` for none."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs) or UNKNOWN_TEXT


def summary(session: Session, closer: Closer, findings: Sequence[Finding]) -> Iterator[Line]:
    """The session in a few lines: pace, skew, what held it up, and what could be set otherwise.

    Args:
        findings: Those of the session.
    """
    pace = closer.pace.pace
    rate = rate_text(pace.payload_bytes, pace.duration_ns)
    yield Line(f"{bytes_text(pace.payload_bytes)} in {duration_text(pace.duration_ns)}, {rate} MB/s")
    if closer.stalls is None:
        yield Line("nobody looked for what held it up")
    else:
        held = stalls_line(closer.stalls)
        yield Line(held or "nothing held it up", "bad" if held else "good")
    for told in (pace_line(session, pace), skew_line(closer.skew)):
        if told:
            yield Line(told)
    yield from (Line(f"set: {advice}") for advice in settings_to_change(findings))


def row_lines(row: Any) -> Iterator[Line]:
    """One row in words."""
    if isinstance(row, SegmentRow):
        if row.pace is None:
            yield Line("this segment of the cluster sent no request of this session", "warn")
            return
        pace = row.pace.pace
        yield Line(f"{bytes_text(pace.payload_bytes)} in {duration_text(pace.duration_ns)}, {_percent(row.share.share)} of all")
        if pace.between is not None:
            half, most, longest, number = pace.between
            told = f"{duration_text(half)} p50, {duration_text(most)} p95, {duration_text(longest)} max"
            yield Line(f"{plural(number, 'pause')} between packages: {told}")
        yield Line(f"held up by: {held_text(row.flow)}", "bad" if row.held_ns else "")
        if row.share.shortfall:
            yield Line(f"{bytes_text(row.share.shortfall)} less than an even share: {lacks_text(row.share)}")
    elif isinstance(row, HostShare):
        yield Line(f"{plural(row.segments, 'segment')}, {bytes_text(row.payload_bytes)}, {_percent(row.share)} of all")
    elif isinstance(row, CauseRow):
        worst = max(row.stalls, key=lambda stall: stall.duration_ns)
        yield Line(f"the longest, {duration_text(worst.duration_ns)}: {printable(worst.evidence)}")
