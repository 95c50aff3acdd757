"""The same load twice: which session is which, and what is not as it was."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, Protocol

from gpinspect.analysis import pace as paces
from gpinspect.analysis.pace import members_of
from gpinspect.grammar.paths import server_path
from gpinspect.inspection.pace import Looked, look_closer
from gpinspect.model import UNKNOWN, Delivery, Exchange, Finding, Flow, Outcome, Session, Severity
from gpinspect.model.comparison import Difference, FlowPair, Loads, SessionPair, Side, Value
from gpinspect.views.pace import together_ns

NOTE, WARNING, ERROR = Severity.NOTE, Severity.WARNING, Severity.ERROR

SLOWER: Final = 2.0
"""How many times as long a load has to take to be called slower."""
LEAST_NS: Final = 1_000_000_000
"""What it has to take longer at least: below, it is chance."""
TOLERANCE: Final = 1.2
"""Rates and durations within this factor are the same."""
JITTER_NS: Final = 10_000_000
"""Durations within this are the same."""
MOST_SPANS: Final = 2_000_000
"""Packages up to which it is looked at who got which."""
_GOOD: Final = {Delivery.PROVEN: 0, Delivery.UNPROVABLE: 1, Delivery.REFUTED: 2}


class Found(Looked, Protocol):
    """What of an inspection is compared."""

    @property
    def findings(self) -> Sequence[Finding]: ...


class _Facts(NamedTuple):
    """One session with everything that is compared."""

    side: Side
    members: list[Exchange]
    flows: list[Flow]
    findings: list[Finding]
    stalled_ns: int | None


class Aspect(NamedTuple):
    """One thing to compare: `severity` of a difference, or a function of both values."""

    what: str
    value: Callable[[_Facts], Value]
    severity: Severity | Callable[[Value, Value], Severity]
    unit: str = ""


def _told(field: str) -> Callable[[_Facts], Value]:
    """What requests or answers of the session say, each text once."""

    def value(facts: _Facts) -> Value:
        values = dict.fromkeys(getattr(member, field) for member in facts.members)
        texts = [text.decode("latin-1") if isinstance(text, bytes) else str(text) for text in values if text is not None]
        return " / ".join(texts) or None

    return value


def _of(field: str) -> Callable[[_Facts], Value]:
    def value(facts: _Facts) -> Value:
        found: Value = getattr(facts.side.session, field)
        return found

    return value


def _of_pace(field: str) -> Callable[[_Facts], Value]:
    def value(facts: _Facts) -> Value:
        found: Value = getattr(facts.side.pace, field)
        return found

    return value


def _more_is_worse(a: Value, b: Value) -> Severity:
    return WARNING if isinstance(b, int | float) and b > (a if isinstance(a, int | float) else 0) else NOTE


def _slower(a: Value, b: Value) -> Severity:
    """A duration that became much longer."""
    if isinstance(a, int | float) and isinstance(b, int | float) and b > SLOWER * a and b - a > LEAST_NS:
        return WARNING
    return NOTE


def _verdict(a: Value, b: Value) -> Severity:
    return ERROR if _GOOD[Delivery(str(b))] > _GOOD[Delivery(str(a))] else NOTE


def _outcomes(facts: _Facts) -> Value:
    counts = Counter(member.outcome.value for member in facts.members)
    return ", ".join(f"{number} {word}" for word, number in sorted(counts.items()))


def _bad_outcomes(facts: _Facts) -> int:
    fine = (Outcome.COMPLETE, Outcome.ACCEPTED, Outcome.LATE, Outcome.CLOSED, Outcome.DUPLICATE)
    return sum(member.outcome not in fine for member in facts.members)


def _gaps(facts: _Facts) -> int:
    return sum(end - start for file in facts.side.session.files for start, end in file.gaps)


def _overlaps(facts: _Facts) -> int:
    return sum(end - start for file in facts.side.session.files for start, end in file.overlaps)


def _between(field: str) -> Callable[[_Facts], Value]:
    def value(facts: _Facts) -> Value:
        between = facts.side.pace.between
        found: Value = None if between is None else getattr(between, field)
        return found

    return value


def _file_order(facts: _Facts) -> Value:
    """Names of the files in the order in which their first rows went out."""
    first: dict[bytes, int] = {}
    for member in facts.members:
        table = member.packages
        for name, ns in zip(table.files, _first_times(member), strict=True):
            if ns is not None:
                first[name] = min(ns, first.get(name, ns))
    return ", ".join(name.decode("utf-8", "replace") for name in sorted(first, key=lambda name: first[name])) or None


def _first_times(member: Exchange) -> list[int | None]:
    """When the first package of each file of a response began."""
    table = member.packages
    times: list[int | None] = [None] * len(table.files)
    last = -1
    for index, file, *_ in table.spans():
        if file != last and file < len(times):
            last = file
            if times[file] is None:
                times[file] = table[index].ns
    return times


DELIVERED: Final = (
    Aspect("verdict", lambda facts: facts.side.session.delivery.value, _verdict),
    Aspect("bytes", _of("payload_bytes"), ERROR, "bytes"),
    Aspect("rows", lambda facts: getattr(facts.side.session, "rows", None), ERROR),
    Aspect("content (SHA-256)", _of("payload_sha256"), ERROR),
    Aspect("files", lambda facts: len(facts.side.session.files), ERROR),
    Aspect("bytes missing", _gaps, _more_is_worse, "bytes"),
    Aspect("bytes delivered twice", _overlaps, _more_is_worse, "bytes"),
    Aspect("error texts", lambda facts: "; ".join(facts.side.session.errors) or None, lambda a, b: ERROR if b else NOTE),
)
ORDER: Final = (
    Aspect("order of files", _file_order, NOTE),
    Aspect("ends", _outcomes, NOTE),
    Aspect("bad ends", _bad_outcomes, _more_is_worse),
    Aspect("segments", lambda facts: len(facts.side.session.segments), WARNING),
    Aspect("segments with rows", lambda facts: len(facts.side.session.segments_with_data), NOTE),
    Aspect("connections", _of("connections"), NOTE),
    Aspect("connections reset", _of("connections_reset"), _more_is_worse),
)
SETTINGS: Final = (
    Aspect("server", lambda facts: str(facts.side.session.server), NOTE),
    Aspect("path", _of("path"), NOTE),
    Aspect("gpfdist", _of("server_version"), WARNING),
    Aspect("protocol", _of("proto"), WARNING),
    Aspect("csvopt", _told("csvopt"), WARNING),
    Aspect("line delimiter", _told("line_delimiter"), WARNING),
    Aspect("transform", _told("transform"), WARNING),
    Aspect("segments of the cluster", _of("segment_count"), WARNING),
    Aspect("database", _of("database"), NOTE),
    Aspect("user", _of("user"), NOTE),
    Aspect("zstd", lambda facts: "yes" if any(member.zstd for member in facts.members) else "no", WARNING),
    Aspect("bytes a package", lambda facts: _mean_package(facts), NOTE, "bytes"),
)
PACE: Final = (
    Aspect("time", _of_pace("duration_ns"), _slower, "ns"),
    Aspect("rate", _of_pace("bytes_per_second"), NOTE, "rate"),
    Aspect("first byte after", _of_pace("to_first_byte_ns"), _slower, "ns"),
    Aspect("first rows after", _of_pace("to_first_package_ns"), _slower, "ns"),
    Aspect("pauses, half", _between("p50_ns"), NOTE, "ns"),
    Aspect("pauses, 95 %", _between("p95_ns"), NOTE, "ns"),
    Aspect("longest pause", _between("max_ns"), _slower, "ns"),
    Aspect("none moved for", _of_pace("silence_ns"), _slower, "ns"),
    Aspect("stalled", lambda facts: facts.stalled_ns, _slower, "ns"),
    Aspect("shares, max/mean", lambda facts: facts.side.skew.segments.max_mean, NOTE, "ratio"),
    Aspect("shares, Gini", lambda facts: facts.side.skew.segments.gini, NOTE, "ratio"),
)
ASPECTS: Final = (*DELIVERED, *ORDER, *SETTINGS, *PACE)
"""All that is compared of two sessions, in the order in which it is told."""


def _mean_package(facts: _Facts) -> int | None:
    """Mean bytes of a package, or of a body that was written."""
    parts = sum(member.packages.data for member in facts.members) or sum(
        member.method == "POST" and member.payload_bytes > 0 for member in facts.members
    )
    return round(facts.side.session.payload_bytes / parts) if parts else None


def compare_loads(a: Found, b: Found, a_session: int | None = None, b_session: int | None = None) -> Loads:
    """Pair the sessions of two captures, in the order of A, and say what differs in each pair.

    Args:
        a_session, b_session: Only this one of A, of B; both given, they are a pair whatever they are called.
    """
    left = [session for session in a.sessions if a_session in (None, session.id)]
    right = [session for session in b.sessions if b_session in (None, session.id)]
    if a_session is not None and b_session is not None:
        pairs: list[tuple[Session | None, Session | None, str]] = [(left[0], right[0], "choice")]
    else:
        pairs = list(pair_sessions(left, right))
    chosen = a_session is not None or b_session is not None
    outside = () if chosen else tuple(_count(_outside(a), _outside(b)))
    return Loads(tuple(_compare(a, b, one, other, how) for one, other, how in pairs), outside)


def pair_sessions(a: Sequence[Session], b: Sequence[Session]) -> Iterator[tuple[Session | None, Session | None, str]]:
    """Sessions that are each other's counterpart: same server and path, same path, then whatever is left, in order of time.

    Only reads are paired with reads and writes with writes. What is left over has None on the other side.
    """
    names: tuple[tuple[str, Callable[[Session], object]], ...] = (
        ("server and path", lambda s: (s.method, s.server, _path(s))),
        ("path", lambda s: (s.method, _path(s))),
        ("order", lambda s: s.method),
    )
    open_a, open_b = list(a), list(b)
    found: dict[int, tuple[Session, str]] = {}
    for how, name in names:
        waiting: dict[object, list[Session]] = {}
        for session in open_b:
            waiting.setdefault(name(session), []).append(session)
        for session in open_a:
            others = waiting.get(name(session))
            if others:
                found[session.id] = (others.pop(0), how)
        taken = {other.id for other, _ in found.values()}
        open_a = [session for session in open_a if session.id not in found]
        open_b = [session for session in open_b if session.id not in taken]
    for session in a:
        other, how = found.get(session.id, (None, ""))
        yield session, other, how
    for session in open_b:
        yield None, session, ""


def _path(session: Session) -> str | None:
    return None if session.path is None else server_path(session.path).key


def _compare(a: Found, b: Found, one: Session | None, other: Session | None, how: str) -> SessionPair:
    left = None if one is None else _facts(a, one)
    right = None if other is None else _facts(b, other)
    if left is None or right is None:
        there = left or right
        assert there is not None
        path = there.side.session.path
        missing = Difference("session", path if left else None, path if right else None, ERROR if left else WARNING)
        side_a, side_b = (left.side if left else None), (right.side if right else None)
        return SessionPair(side_a, side_b, how, tuple(_flow_pairs(left, right)), None, (missing,))
    differences = [*_aspects(left, right), *_count(left.findings, right.findings)]
    if how == "order":  # other paths: other rows are no wonder
        own = {aspect.what for aspect in DELIVERED[1:5]}
        differences = [replace(one, severity=WARNING) if one.what in own else one for one in differences]
    differences.sort(key=lambda difference: -difference.severity)
    return SessionPair(left.side, right.side, how, tuple(_flow_pairs(left, right)), _same_segment(left, right), tuple(differences))


def _facts(found: Found, session: Session) -> _Facts:
    closer = look_closer(found, session, buckets=paces.BUCKETS)
    findings = [finding for finding in found.findings if finding.session == session.id]
    return _Facts(
        Side(session, closer.pace.pace, closer.skew),
        members_of(session, found.exchanges),
        [flow for flow in found.flows if flow.session == session.id],
        findings,
        None if closer.stalls is None else together_ns(closer.stalls),
    )


def _aspects(left: _Facts, right: _Facts) -> Iterator[Difference]:
    for aspect in ASPECTS:
        a, b = aspect.value(left), aspect.value(right)
        if _same(a, b, aspect.unit) or ((a is None or b is None) and aspect.what in ("rows", "content (SHA-256)")):
            continue
        severity = aspect.severity if isinstance(aspect.severity, Severity) else aspect.severity(a, b)
        yield Difference(aspect.what, a, b, severity, aspect.unit)


def aspects_of(found: Found, a: Session, b: Session) -> Iterator[tuple[Difference, bool]]:
    """Everything that is compared of two sessions of one inspection, also what is the same (False: it does not differ)."""
    left, right = _facts(found, a), _facts(found, b)
    for aspect in ASPECTS:
        one, other = aspect.value(left), aspect.value(right)
        severity = aspect.severity if isinstance(aspect.severity, Severity) else aspect.severity(one, other)
        yield Difference(aspect.what, one, other, severity, aspect.unit), not _same(one, other, aspect.unit)
    yield from ((difference, True) for difference in _count(left.findings, right.findings))


def _same(a: Value, b: Value, unit: str) -> bool:
    """Equal, or of measured values: not further apart than two runs of the same load are."""
    if a == b:
        return True
    if unit not in ("ns", "rate", "ratio") or isinstance(a, str) or isinstance(b, str) or a is None or b is None:
        return False
    if unit == "ns" and abs(a - b) <= JITTER_NS:
        return True
    low, high = sorted((a, b))
    return low > 0 and high / low <= TOLERANCE


def _count(a: Sequence[Finding], b: Sequence[Finding]) -> Iterator[Difference]:
    """Findings that one has and the other has not; more or fewer of the same kind is a note."""
    counts = [Counter(finding.code for finding in side) for side in (a, b)]
    severity = {finding.code: finding.severity for finding in b}
    for code in sorted(counts[0].keys() | counts[1].keys()):
        before, after = counts[0][code], counts[1][code]
        if before != after:
            yield Difference(code, before, after, NOTE if before else severity[code])


def _outside(found: Found) -> list[Finding]:
    return [finding for finding in found.findings if finding.session is None]


def _flow_pairs(left: _Facts | None, right: _Facts | None) -> Iterator[FlowPair]:
    one = {flow.segment: flow for flow in left.flows} if left else {}
    other = {flow.segment: flow for flow in right.flows} if right else {}
    for segment in sorted(one.keys() | other.keys(), key=lambda segment: (segment is None, segment or 0)):
        yield FlowPair(segment, one.get(segment), other.get(segment))


def _same_segment(left: _Facts, right: _Facts) -> float | None:
    """Of the bytes of files that both delivered, the share that the same Greenplum segment got; None where nothing is known."""
    if sum(member.packages.data for facts in (left, right) for member in facts.members) > MOST_SPANS:
        return None
    spans = [_spans(facts.members) for facts in (left, right)]
    both = same = 0
    for name in spans[0].keys() & spans[1].keys():
        there = iter(sorted(spans[1][name]))
        item = next(there, None)
        for start, end, segment in sorted(spans[0][name]):
            while item is not None and item[0] < end:
                common = min(end, item[1]) - max(start, item[0])
                if common > 0:
                    both += common
                    same += common * (segment == item[2])
                if item[1] > end:
                    break
                item = next(there, None)
    return same / both if both else None


def _spans(members: Iterable[Exchange]) -> dict[bytes, list[tuple[int, int, int]]]:
    """(from, to, Greenplum segment) of what was delivered of each file; -1 where the segment is not known."""
    found: dict[bytes, list[tuple[int, int, int]]] = {}
    for member in members:
        files = member.packages.files
        segment = -1 if member.segment is None else member.segment
        for _, file, offset, length, _ in member.packages.spans():
            if offset != UNKNOWN and file < len(files) and length:
                found.setdefault(files[file], []).append((offset, offset + length, segment))
    return found
