"""Who carried how much of a session, and why not all the same.

The even share is the payload over the Greenplum segments that a read counts on: those of the cluster, as the requests tell, without
those that the scan sent to other servers; or those that were seen, where the requests tell nothing believable. What a segment lacks
of it is its shortfall, and that has four reasons:

never came       it sent no request of this session: all of its even share (`gp_external_max_segs`, other URLs, or lost on the way).
joined late      its even share of what had been given out before its request began.
consumed slower  its even share of what was given out while it stalled with a full window (stalls with the cause `segment`).
served less      the rest: it was there, it took what came, and the server gave more to others. gpfdist serves whose socket is
                 ready, up to three blocks a turn, so in a small load this is chance.

Each reason takes at most what those before it left over, in this order, so they add up. In a write nobody is served: who lacks rows
`sent less`, because the rows were distributed so.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import chain
from operator import add
from typing import NamedTuple

from gpinspect.analysis.pace import Track, points, tracks
from gpinspect.model import Cause, Exchange, Flow, Session, Stall
from gpinspect.model.pace import Evenness, HostShare, Share, Skew

BELIEVED = 4096
"""Segments of a cluster that are counted on: the number comes from the wire."""
EXACT_POINTS = 128
"""Times up to which it is worked out exactly how much had moved; of more, so many buckets are interpolated."""
FINE = 512


class _Reasons(NamedTuple):
    never_came: int
    joined_late: int | None
    consumed_slower: int | None
    rest: int


def evenness(amounts: Sequence[int]) -> Evenness:
    """Largest over mean, and the Gini coefficient: half the mean difference of all pairs over the mean."""
    total = sum(amounts)
    if not total:
        return Evenness(None, None)
    ordered = sorted(amounts)
    number = len(ordered)
    weighted = sum(place * amount for place, amount in enumerate(ordered, 1))
    return Evenness(ordered[-1] * number / total, max(0.0, (2 * weighted - (number + 1) * total) / (number * total)))


def session_skew(
    session: Session,
    members: Sequence[Exchange],
    flows: Iterable[Flow],
    stalls: Iterable[Stall] | None = None,
    elsewhere: Container[int] = (),
) -> Skew:
    """How unevenly a session was spread, and why.

    Args:
        members: Its exchanges (`gpinspect.analysis.pace.members_of`).
        flows: Those of the session, or of all; others are left out.
        stalls: Silences with their causes, of this session or of all; None: nobody looked, so `consumed_slower` is not known.
        elsewhere: Greenplum segments that this scan sent to another server: nobody waits for them here.

    Returns:
        Shares with every segment of the cluster that never came (the first `BELIEVED` of them).
    """
    own = [flow for flow in flows if flow.session == session.id]
    known = {flow.segment for flow in own if flow.segment is not None}
    count = session.segment_count if session.segment_count is not None and 0 < session.segment_count <= BELIEVED else 0
    absent = [number for number in range(count) if number not in known and number not in elsewhere]
    expected = len(own) + len(absent)
    total = sum(flow.payload_bytes for flow in own)
    even = total / expected if expected else 0.0
    held = None if stalls is None else _held(session, stalls)
    delivered = _Delivered(session, members, own, held or {}) if total and session.method != "POST" else None
    shares = []
    for flow in own:
        lack = max(0, round(even - flow.payload_bytes))
        why = _reasons(flow, lack, expected, delivered, held)
        served = why.rest if session.method != "POST" else None
        shares.append(
            Share(
                flow.segment, flow.host, flow.payload_bytes, flow.payload_bytes / total if total else 0.0,
                lack, why.joined_late, served, why.consumed_slower, 0,
            )
        )  # fmt: skip
    shares += [Share(number, None, 0, 0.0, round(even), None, None, None, round(even)) for number in absent]
    shares.sort(key=lambda share: (share.segment is None, share.segment or 0))
    hosts = _hosts(own, total)
    writes = session.method == "POST"
    missing = sum(share.never_came for share in shares)
    lacking = sum(share.shortfall for share in shares)
    late = sum(share.joined_late or 0 for share in shares)
    slow = sum(share.consumed_slower or 0 for share in shares)
    return Skew(
        session=session.id,
        payload_bytes=total,
        expected=expected,
        even_share=even,
        segments=evenness([flow.payload_bytes for flow in own]),
        hosts=evenness([host.payload_bytes for host in hosts]),
        shares=tuple(shares),
        by_host=hosts,
        shortfall=lacking,
        joined_late=None if writes else late,
        served_less=None if writes else lacking - missing - late - slow,
        consumed_slower=None if writes or held is None else slow,
        sent_less=lacking - missing if writes else None,
        never_came=missing,
    )


def _hosts(flows: Sequence[Flow], total: int) -> tuple[HostShare, ...]:
    by_host: dict[str, list[int]] = {}
    for flow in flows:
        by_host.setdefault(flow.host, []).append(flow.payload_bytes)
    return tuple(
        HostShare(host, len(amounts), sum(amounts), sum(amounts) / total if total else 0.0)
        for host, amounts in sorted(by_host.items())
    )


def _reasons(
    flow: Flow,
    lack: int,
    expected: int,
    delivered: "_Delivered | None",
    held: Mapping[int | None, list[tuple[int, int]]] | None,
) -> _Reasons:
    if delivered is None:
        return _Reasons(0, None, None, lack)
    late = min(lack, round(delivered.before(flow.start_ns) / expected))
    if held is None:
        return _Reasons(0, late, None, lack - late)
    missed = sum(delivered.before(end) - delivered.before(max(start, flow.start_ns)) for start, end in held.get(flow.segment, ()))
    slow = min(lack - late, max(0, round(missed / expected)))
    return _Reasons(0, late, slow, lack - late - slow)


def _held(session: Session, stalls: Iterable[Stall]) -> dict[int | None, list[tuple[int, int]]]:
    """When each Greenplum segment held its own flow up; times that overlap count once."""
    found: dict[int | None, list[tuple[int, int]]] = {}
    for stall in stalls:
        if stall.session == session.id and stall.cause is Cause.SEGMENT:
            for flow in stall.flows:
                found.setdefault(flow.segment, []).append((flow.start_ns, flow.end_ns))
    return {segment: _apart(times) for segment, times in found.items()}


def _apart(times: list[tuple[int, int]]) -> list[tuple[int, int]]:
    apart: list[tuple[int, int]] = []
    for start, end in sorted(times):
        if apart and start <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], end))
        elif end > start:
            apart.append((start, end))
    return apart


class _Delivered:
    """How much of a session had moved before the times that matter for its skew."""

    def __init__(
        self, session: Session, members: Sequence[Exchange], flows: Sequence[Flow], held: Mapping[int | None, list[tuple[int, int]]]
    ) -> None:
        moved: list[Track] = list(chain.from_iterable(tracks(members).values()))
        self._first = min((track.starts[0] for track in moved if len(track)), default=session.end_ns)
        wanted = {flow.start_ns for flow in flows} | {time for times in held.values() for pair in times for time in pair}
        exact = sorted(time for time in wanted if time > self._first)
        fine = len(exact) > EXACT_POINTS
        self._points = points(self._first, max(self._first, session.end_ns), FINE) if fine else exact
        self._moved = [0.0] * len(self._points)
        for track in moved:
            self._moved = list(map(add, self._moved, track.before(self._points)))
        self._exact = None if fine else dict(zip(self._points, self._moved, strict=True))

    def before(self, time_ns: int) -> float:
        """Bytes that all flows together had before a time."""
        if time_ns <= self._first:
            return 0.0
        if self._exact is not None:
            return self._exact[time_ns]
        first, last = self._points[0], self._points[-1]
        place = (min(time_ns, last) - first) * FINE / max(1, last - first)
        index = min(FINE - 1, int(place))
        return self._moved[index] + (self._moved[index + 1] - self._moved[index]) * (place - index)
