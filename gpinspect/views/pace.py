"""Pace and skew as lines for a person and as objects of the JSON contract. The values come from `gpinspect.analysis`."""

from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from gpinspect.model import Cause, Finding, Session, Stall
from gpinspect.model.pace import Evenness, FlowPace, HostShare, Pace, Rate, SessionPace, Share, Skew
from gpinspect.views.objects import Object, wire_text
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, duration_text, plural, printable, rate_text

EVEN: Final = 1.2
"""Largest over mean up to which nobody needs to be told who had most."""
SMALL: Final = 32 * 32768
"""Bytes a segment below which it is chance who was served less; a line does not tell it then."""
LONG_SILENCE_NS: Final = 1_000_000_000
TELLING: Final = 0.05
"""Share of the payload that a reason has to explain before a line names it."""

REASONS: MappingProxyType[str, str] = MappingProxyType(
    {
        "never_came": "never came",
        "joined_late": "joined late",
        "consumed_slower": "consumed slower",
        "served_less": "served less",
        "sent_less": "sent less",
    }
)
"""Fields of `Skew` that explain its shortfall, in the order in which they are told."""

SETTINGS: Final = ("GPI330", "GPI333", "GPI334", "GPI335", "GPI336", "GPI337")
"""Findings that are about a setting, and not about something that went wrong; the most useful first."""


class Closer(Protocol):
    """A session looked at closely. `stalls` is None where nobody looked for them."""

    @property
    def pace(self) -> SessionPace: ...
    @property
    def skew(self) -> Skew: ...
    @property
    def stalls(self) -> Sequence[Stall] | None: ...


# lines --------------------------------------------------------------------------------------------------------------------


def pace_line(session: Session, pace: Pace) -> str:
    """`first rows after 0.40 ms, pauses 0.01 ms p50, 0.30 ms p95, 1.20 s max, none moved for 1.10 s`; "" without payload."""
    first = "first body" if session.method == "POST" else "first rows"
    parts = [f"{first} after {duration_text(pace.to_first_package_ns)}"] if pace.to_first_package_ns is not None else []
    if pace.between is not None:
        half, most, longest = map(duration_text, pace.between[:3])
        parts.append(f"pauses {half} p50, {most} p95, {longest} max")
    if pace.silence_ns and pace.silence_ns >= LONG_SILENCE_NS:
        parts.append(f"none moved for {duration_text(pace.silence_ns)}")
    return ", ".join(parts)


def skew_line(skew: Skew) -> str:
    """`shares max/mean 2.41 (seg 3: 60 %), Gini 0.53; lacking: joined late 31 %, served less 9 %`, "" without payload."""
    worst = skew.segments.max_mean
    if worst is None or skew.segments.gini is None:
        return ""
    text = f"shares max/mean {worst:.2f}"
    largest = skew.largest
    if largest is not None and worst > EVEN:
        text += f" (seg {_number(largest.segment)}: {100 * largest.share:.0f} %)"
    text += f", Gini {skew.segments.gini:.2f}"
    if len(skew.by_host) > 1 and skew.hosts.max_mean is not None:
        text += f", hosts {skew.hosts.max_mean:.2f}"
    told = reasons_text(skew)
    return f"{text}; lacking: {told}" if told else text


def reasons_text(skew: Skew) -> str:
    """Why segments lack of the even share, in parts of the payload: `joined late 31 %, served less 9 %`; no small ones."""
    small = skew.payload_bytes < SMALL * skew.expected
    amounts = [(getattr(skew, field), words) for field, words in REASONS.items() if not (small and field == "served_less")]
    told = [(amount, words) for amount, words in amounts if amount and amount >= TELLING * skew.payload_bytes]
    return ", ".join(f"{words} {100 * amount / skew.payload_bytes:.0f} %" for amount, words in told)


def stalls_line(stalls: Iterable[Stall]) -> str:
    """`stalled 2 times: network 2.10 s, segment 1.30 s (seg 3)` of one session, "" without stalls; what overlaps counts once."""
    by_cause: dict[Cause, list[Stall]] = {}
    number = 0
    for stall in stalls:
        number += 1
        by_cause.setdefault(stall.cause, []).append(stall)
    if not number:
        return ""
    parts = []
    for cause, own in sorted(by_cause.items(), key=lambda item: -together_ns(item[1])):
        segments = sorted({flow.segment for one in own for flow in one.flows if flow.segment is not None})
        named = f" (seg {', '.join(map(str, segments[:3]))}{', …' if len(segments) > 3 else ''})"
        parts.append(f"{cause.value} {duration_text(together_ns(own))}{named if segments and cause is Cause.SEGMENT else ''}")
    return f"stalled {plural(number, 'time')}: {', '.join(parts)}"


def together_ns(stalls: Iterable[Stall]) -> int:
    """Time in which at least one of them lasted."""
    total = reached = 0
    for start, end in sorted((stall.start_ns, stall.end_ns) for stall in stalls):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


def settings_to_change(findings: Iterable[Finding]) -> Iterator[str]:
    """What could be set otherwise, each advice once, the most useful first."""
    advice: dict[str, str] = {}
    for finding in findings:
        if finding.code in SETTINGS:
            advice.setdefault(finding.code, printable(finding.advice))
    yield from (advice[code] for code in SETTINGS if code in advice)


def host_lines(skew: Skew) -> Iterator[str]:
    """One line a host: its segments, bytes and share."""
    for host in skew.by_host:
        share = f"{100 * host.share:.1f} %"
        yield f"{printable(host.host)}  {plural(host.segments, 'segment')}  {bytes_text(host.payload_bytes)}  {share}"


def flow_pace_cells(flow: FlowPace) -> list[str]:
    """Segment, host, bytes, MB/s, first rows, p50, p95 and longest pause."""
    pace = flow.pace
    pauses = [UNKNOWN_TEXT] * 3 if pace.between is None else [duration_text(ns) for ns in pace.between[:3]]
    rate = rate_text(pace.payload_bytes, pace.duration_ns)
    first = duration_text(pace.to_first_package_ns)
    return [_number(flow.segment), printable(flow.host), bytes_text(pace.payload_bytes), rate, first, *pauses]


def _number(segment: int | None) -> str:
    return UNKNOWN_TEXT if segment is None else str(segment)


# objects ------------------------------------------------------------------------------------------------------------------


def pace_object(pace: Pace) -> Object:
    """Durations in nanoseconds, `bytes_per_second` as an integer; null where it did not come to that."""
    between = pace.between
    return {
        "bytes_per_second": None if pace.bytes_per_second is None else round(pace.bytes_per_second),
        "to_first_byte_ns": pace.to_first_byte_ns,
        "to_first_package_ns": pace.to_first_package_ns,
        "between_packages_ns": None if between is None else {"p50": between.p50_ns, "p95": between.p95_ns, "max": between.max_ns},
        "silence_ns": pace.silence_ns,
        "rate": None if pace.rate is None else rate_object(pace.rate),
    }


def rate_object(rate: Rate) -> Object:
    """Buckets of the same width between the two times; their bytes add up to what moved."""
    return {"start_ns": rate.start_ns, "end_ns": rate.end_ns, "bytes": list(rate.bytes)}


def session_pace_object(pace: SessionPace) -> Object:
    """Of a session; `flows` in order of segment."""
    flows = [{"segment": flow.segment, "host": wire_text(flow.host), **pace_object(flow.pace)} for flow in pace.flows]
    return {**pace_object(pace.pace), "flows": flows}


def skew_object(skew: Skew) -> Object:
    """Bytes; the reasons add up to `shortfall`, null is not known (or has no meaning in a write, or in a read)."""
    return {
        "expected_segments": skew.expected,
        "even_share": round(skew.even_share),
        "segments": _evenness_object(skew.segments),
        "hosts": _evenness_object(skew.hosts),
        "shortfall": skew.shortfall,
        **{field: getattr(skew, field) for field in REASONS},
        "shares": [_share_object(share) for share in skew.shares],
        "by_host": [_host_object(host) for host in skew.by_host],
    }


def _host_object(host: HostShare) -> Object:
    return {
        "host": wire_text(host.host),
        "segments": host.segments,
        "payload_bytes": host.payload_bytes,
        "share": _short(host.share),
    }


def _evenness_object(even: Evenness) -> Object:
    return {"max_mean": _short(even.max_mean), "gini": _short(even.gini)}


def _share_object(share: Share) -> Object:
    return {
        "segment": share.segment,
        "host": wire_text(share.host),
        "payload_bytes": share.payload_bytes,
        "share": _short(share.share),
        "shortfall": share.shortfall,
    }


def _short(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
