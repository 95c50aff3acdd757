"""Two captures side by side, as lines for a person and as objects of the JSON contract (gpinspect.compare/1)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gpinspect.grammar import findings as catalogue
from gpinspect.model import Flow, Severity
from gpinspect.model.comparison import Clock, Difference, Ends, FlowPair, Hold, Loads, LostFrame, SessionPair, Side, Value, Way
from gpinspect.model.pace import Spread
from gpinspect.views.inspected import Inspected
from gpinspect.views.objects import Object, wire_text
from gpinspect.views.pace import pace_object, skew_object
from gpinspect.views.report import Line
from gpinspect.views.tables import SEVERITY_TONES, Tone
from gpinspect.views.text import (
    UNKNOWN_TEXT,
    bytes_text,
    clock_text,
    count_text,
    duration_text,
    plural,
    printable,
    rate_text,
    shorten,
)

SCHEMA: Final = "gpinspect.compare/1"
WIDEST: Final = 30
"""Cells of a value in the table of differences."""
WAYS: Final = {"client_to_server": "to server", "server_to_client": "to client"}


# lines --------------------------------------------------------------------------------------------------------------------


def inputs_lines(a: Inspected, b: Inspected) -> Iterator[Line]:
    """What A and B are."""
    for name, found in (("A", a), ("B", b)):
        sources = ", ".join(printable(source) for source in found.sources[:2]) + (", …" if len(found.sources) > 2 else "")
        span = "" if found.first_ns is None or found.last_ns is None else f", {duration_text(found.last_ns - found.first_ns)}"
        yield Line(f"{name}  {sources}: {plural(found.frames, 'frame')}, {plural(len(found.sessions), 'session')}{span}")


def load_lines(loads: Loads) -> Iterator[Line]:
    """Pairs of sessions with what differs in each, the gravest first; then what differs outside of sessions."""
    if not loads.pairs:
        yield Line("no gpfdist session on either side")
    for pair in loads.pairs:
        yield Line("")
        gravest = worst(pair.differences)
        yield Line(pair_title(pair), "good" if gravest is None else SEVERITY_TONES.get(gravest.word, ""))
        if pair.a is not None and pair.b is not None:
            yield Line(_speeds(pair.a, pair.b), indent=1)
            if pair.same_segment is not None and len(pair.flows) > 1:
                yield Line(f"{100 * pair.same_segment:.0f} % of the bytes went to the same Greenplum segment as before", indent=1)
        yield from _difference_lines(pair.differences)
    if loads.outside:
        yield Line("")
        yield Line("outside of sessions")
        yield from _difference_lines(loads.outside)


def pair_title(pair: SessionPair) -> str:
    """`A 1  B 1  GET /lineitem.tbl (same server and path)`."""
    side = pair.a or pair.b
    assert side is not None
    session = side.session
    what = f"{printable(session.method or UNKNOWN_TEXT)} {printable(session.path or UNKNOWN_TEXT)}"
    if pair.a is None or pair.b is None:
        return f"{'A' if pair.a else 'B'} {session.id}  {what}  only in {'A' if pair.a else 'B'}"
    how = {"order": "paired by order", "choice": "as chosen"}.get(pair.paired_by, f"same {pair.paired_by}")
    return f"A {pair.a.session.id}  B {pair.b.session.id}  {what}  ({how})"


def _speeds(a: Side, b: Side) -> str:
    parts = []
    for side in (a, b):
        pace = side.pace
        parts.append(f"{bytes_text(pace.payload_bytes)} in {duration_text(pace.duration_ns)}")
    rates = f"{rate_text(a.pace.payload_bytes, a.pace.duration_ns)} -> {rate_text(b.pace.payload_bytes, b.pace.duration_ns)} MB/s"
    return f"{parts[0]} -> {parts[1]}, {rates}"


def _difference_lines(differences: Sequence[Difference]) -> Iterator[Line]:
    if not differences:
        yield Line("no difference", "good", 1)
        return
    rows = [(one.severity.word, what_text(one), *values_text(one), one.severity) for one in differences]
    widths = (max(len(row[1]) for row in rows), max(len(row[2]) for row in rows))
    for word, what, left, right, severity in rows:
        tone = SEVERITY_TONES.get(severity.word, "")
        yield Line(f"{word:<8} {what:<{widths[0]}}  {left:>{widths[1]}} -> {right}", tone, 1)


def what_text(difference: Difference) -> str:
    """What differs; a code of a finding with its name."""
    kind = catalogue.lookup(difference.what)
    return difference.what if kind is None else f"{kind.code} {kind.name}"


def values_text(difference: Difference) -> tuple[str, str]:
    """Both values; to the last digit where they would look alike."""
    a, b = (value_text(value, difference.unit) for value in (difference.a, difference.b))
    if a == b and not isinstance(difference.a, str) and not isinstance(difference.b, str):
        unit = {"bytes": " B", "ns": " ns", "rate": " B/s"}.get(difference.unit, "")
        a, b = (UNKNOWN_TEXT if value is None else f"{value:,}{unit}" for value in (difference.a, difference.b))
    return a, b


def value_text(value: Value, unit: str) -> str:
    """A value with its unit, short and safe for a terminal."""
    if value is None:
        return UNKNOWN_TEXT
    if isinstance(value, str):
        return shorten(printable(value), WIDEST, keep="both")
    if unit == "ns":
        return duration_text(round(value))
    if unit == "bytes":
        return bytes_text(round(value))
    if unit == "rate":
        return f"{rate_text(round(value), 1_000_000_000)} MB/s"
    return f"{value:.2f}" if isinstance(value, float) else count_text(value)


def ends_lines(ends: Ends, *, utc: bool = False) -> Iterator[Line]:
    """What happened between two points of one wire."""
    clock = ends.clock
    yield Line("")
    yield Line(f"both ends of one wire: {plural(ends.connections, 'connection')} at both; {near_text(clock)}")
    yield Line(clock_line(clock), "" if clock.steady else "warn")
    if ends.only_a or ends.only_b:
        yield Line(f"connections seen at one end alone: {ends.only_a:,} at A, {ends.only_b:,} at B", "warn")
    for way in ends.ways:
        yield from _way_lines(way, utc)
    if ends.packages is not None:
        yield Line(f"packages took {spread_text(ends.packages)} from end to end ({plural(ends.packages.number, 'package')})")
        slow = [one for one in ends.slowest[:3] if one.delay_ns > 2 * ends.packages.p50_ns]
        if slow:
            named = ", ".join(f"exchange {one.exchange} package {one.index} ({duration_text(one.delay_ns)})" for one in slow)
            yield Line(f"slowest (numbers of A): {named}", indent=1)
    if not ends.holds:
        yield Line("nobody stalled", "good")
    for hold in ends.holds[:5]:
        yield Line(hold_text(hold, utc), "warn")


def near_text(clock: Clock) -> str:
    return (
        f"{clock.near_client.upper()} is nearer to the client"
        if clock.near_client
        else "which is nearer to the client is not known"
    )


def clock_line(clock: Clock) -> str:
    """`clock of B is 37.5 ms ahead of A, give or take 0.40 ms`."""
    way = "ahead of" if clock.offset_ns >= 0 else "behind"
    text = f"clock of B is {duration_text(abs(clock.offset_ns))} {way} A" if clock.offset_ns else "the clocks agree"
    if clock.bound_ns is not None:
        text += f", give or take {duration_text(clock.bound_ns)}"
    elif clock.steady:
        text += " or less: one direction alone was recorded, so delays count from the fastest frame"
    if clock.drift_ppb:
        text += f", drifting {clock.drift_ppb / 1000:+.1f} us/s"
    return text if clock.steady else f"{text}; the clocks ran unevenly, so single delays say little"


def _way_lines(way: Way, utc: bool) -> Iterator[Line]:
    """Of one direction: what was sent, what of it was lost where, and how long it took."""
    there = "B" if way.sender == "a" else "A"
    lost = f"lost between {way.lost_frames:,} ({bytes_text(way.lost_bytes)})" if way.lost_frames else "none lost"
    took = f", took {spread_text(way.delay)}" if way.delay is not None else ""
    tone: Tone = "warn" if way.lost_frames else "good"
    yield Line(f"{WAYS[way.name]}: {plural(way.frames, 'frame')} with {bytes_text(way.bytes)}, {lost}{took}", tone)
    if way.unrecorded_frames:
        yield Line(f"{plural(way.unrecorded_frames, 'frame')} arrived that the recorder at {there} did not see", indent=1)
    if way.unseen_frames:
        yield Line(f"{plural(way.unseen_frames, 'frame')} came that the recorder at {way.sender.upper()} did not see", indent=1)
    if way.bare_lost:
        yield Line(f"{way.bare_lost:,} of {way.bare:,} frames without payload did not come", indent=1)
    for lost_one in way.examples[:3]:
        when = clock_text(lost_one.time_ns, utc=utc, digits=6)
        yield Line(
            f"lost: frame {lost_one.frame:,} of {way.sender.upper()} at {when}, {lost_one.client} {lost_one.server}", indent=1
        )


def spread_text(spread: Spread) -> str:
    return f"{duration_text(spread.p50_ns)} p50, {duration_text(spread.p95_ns)} p95, {duration_text(spread.max_ns)} max"


def hold_text(hold: Hold, utc: bool) -> str:
    """`stalled 1.50 s at 11:02:07.118, seg 3, to client, by the network: 12.0 ms before it was sent, 1.49 s between`."""
    seg = "" if hold.segment is None else f" seg {hold.segment}"
    parts = f"{duration_text(hold.unsent_ns)} before it was sent, {duration_text(hold.between_ns)} between the ends"
    when = clock_text(hold.start_ns, utc=utc)
    return f"stalled {duration_text(hold.duration_ns)} at {when}{seg} {WAYS[hold.way]}, by the {hold.held_by}: {parts}"


# how grave ----------------------------------------------------------------------------------------------------------------


def worst(differences: Iterable[Difference]) -> Severity | None:
    """The gravest of these; None where there is none."""
    return max((one.severity for one in differences), default=None)


def loads_severity(loads: Loads) -> Severity | None:
    """The gravest difference of two loads."""
    return worst([*loads.outside, *(one for pair in loads.pairs for one in pair.differences)])


def ends_severity(ends: Ends) -> Severity | None:
    """What a wire is worth: something held or lost is a warning, something unrecorded a note; None where nothing was."""
    if ends.holds or any(way.lost_frames for way in ends.ways) or not ends.clock.steady:
        return Severity.WARNING
    missed = any(way.unrecorded_frames or way.unseen_frames or way.bare_lost for way in ends.ways)
    return Severity.NOTE if missed or ends.only_a or ends.only_b else None


# objects ------------------------------------------------------------------------------------------------------------------


def load_objects(a: Inspected, b: Inspected, loads: Loads) -> Iterator[Object]:
    """First one of kind `load`, then one of kind `session` a pair."""
    pairs = loads.pairs
    severity = loads_severity(loads)
    yield {
        "schema": SCHEMA,
        "kind": "load",
        "a": _input_object(a),
        "b": _input_object(b),
        "pairs": sum(pair.a is not None and pair.b is not None for pair in pairs),
        "only_a": [pair.a.session.id for pair in pairs if pair.a is not None and pair.b is None],
        "only_b": [pair.b.session.id for pair in pairs if pair.b is not None and pair.a is None],
        "severity": None if severity is None else severity.word,
        "differences": [_difference_object(one) for one in loads.outside],
    }
    for pair in pairs:
        yield {
            "schema": SCHEMA,
            "kind": "session",
            "paired_by": pair.paired_by or None,
            "a": _side_object(pair.a),
            "b": _side_object(pair.b),
            "flows": [_flow_object(flows) for flows in pair.flows],
            "same_segment": None if pair.same_segment is None else round(pair.same_segment, 4),
            "differences": [_difference_object(one) for one in pair.differences],
        }


def _input_object(found: Inspected) -> Object:
    return {
        "sources": [wire_text(source) for source in found.sources],
        "frames": found.frames,
        "sessions": len(found.sessions),
        "first_ns": found.first_ns,
        "last_ns": found.last_ns,
    }


def _side_object(side: Side | None) -> Object | None:
    if side is None:
        return None
    session = side.session
    return {
        "session": session.id,
        "method": wire_text(session.method),
        "path": wire_text(session.path),
        "server": str(session.server),
        "delivery": session.delivery.value,
        "payload_bytes": session.payload_bytes,
        "duration_ns": side.pace.duration_ns,
        "pace": pace_object(side.pace),
        "skew": skew_object(side.skew),
    }


def _flow_object(flows: FlowPair) -> Object:
    def one(flow: Flow | None) -> Object | None:
        if flow is None:
            return None
        return {
            "host": wire_text(flow.host),
            "payload_bytes": flow.payload_bytes,
            "duration_ns": flow.end_ns - flow.start_ns,
            "outcome": flow.outcome.value,
        }

    return {"segment": flows.segment, "a": one(flows.a), "b": one(flows.b)}


def _difference_object(one: Difference) -> Object:
    return {
        "what": one.what,
        "severity": one.severity.word,
        "unit": one.unit or None,
        "a": wire_text(one.a) if isinstance(one.a, str) else one.a,
        "b": wire_text(one.b) if isinstance(one.b, str) else one.b,
    }


def ends_objects(a: Inspected, b: Inspected, ends: Ends) -> Iterator[Object]:
    """One of kind `ends`, one of kind `way` a direction, one of kind `hold` a silence."""
    clock = ends.clock
    severity = ends_severity(ends)
    yield {
        "schema": SCHEMA,
        "kind": "ends",
        "a": _input_object(a),
        "b": _input_object(b),
        "severity": None if severity is None else severity.word,
        "clock": {
            "offset_ns": clock.offset_ns,
            "bound_ns": clock.bound_ns,
            "steady": clock.steady,
            "drift_ppb": clock.drift_ppb,
            "near_client": clock.near_client or None,
            "samples": clock.samples,
        },
        "connections": ends.connections,
        "only_a": ends.only_a,
        "only_b": ends.only_b,
        "package_delay_ns": _spread_object(ends.packages),
        "slowest_packages": [{"exchange": one.exchange, "index": one.index, "delay_ns": one.delay_ns} for one in ends.slowest],
    }
    for way in ends.ways:
        yield {
            "schema": SCHEMA,
            "kind": "way",
            "way": way.name,
            "sender": way.sender,
            "frames": way.frames,
            "bytes": way.bytes,
            "frames_received": way.frames_received,
            "bytes_received": way.bytes_received,
            "lost_frames": way.lost_frames,
            "lost_bytes": way.lost_bytes,
            "unrecorded_frames": way.unrecorded_frames,
            "unrecorded_bytes": way.unrecorded_bytes,
            "unseen_frames": way.unseen_frames,
            "unseen_bytes": way.unseen_bytes,
            "bare_frames": way.bare,
            "bare_lost": way.bare_lost,
            "delay_ns": _spread_object(way.delay),
            "lost": [_lost_object(one) for one in way.examples],
        }
    for hold in ends.holds:
        yield {
            "schema": SCHEMA,
            "kind": "hold",
            "way": hold.way,
            "client": str(hold.client),
            "server": str(hold.server),
            "segment": hold.segment,
            "start_ns": hold.start_ns,
            "duration_ns": hold.duration_ns,
            "unsent_ns": hold.unsent_ns,
            "between_ns": hold.between_ns,
            "held_by": hold.held_by,
        }


def _lost_object(one: LostFrame) -> Object:
    return {
        "frame": one.frame,
        "time_ns": one.time_ns,
        "length": one.length,
        "client": str(one.client),
        "server": str(one.server),
    }


def _spread_object(spread: Spread | None) -> Object | None:
    if spread is None:
        return None
    return {"p50": spread.p50_ns, "p95": spread.p95_ns, "max": spread.max_ns, "number": spread.number}
