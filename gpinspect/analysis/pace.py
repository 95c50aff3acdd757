"""Rate over time, time to the first byte, pauses between packages: worked out when somebody asks, from what was indexed.

Payload has the time of its package, evenly between its first and its last byte. A body without packages (protocol 0, a POST) has
the time from its first byte to the end of its exchange.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, count
from itertools import compress as chosen
from operator import le, sub

from gpinspect.model import UNKNOWN, Exchange, Flow, Outcome, Session
from gpinspect.model.pace import FlowPace, Pace, Rate, SessionPace, Spread
from gpinspect.model.packages import COMPLETE

SAMPLED = 8192
"""Pauses up to which percentiles are exact; of more, so many evenly spaced ones are looked at (the maximum is always exact)."""
SHORT_PAUSE_NS = 1_000_000
"""Pauses shorter than this are not looked at when silences of a whole session are sought."""
BUCKETS = 60


class Track:
    """Payload of one stream of work in order of time: what moved from `starts[i]` to `ends[i]` were `sizes[i]` bytes."""

    __slots__ = ("_stretches", "_total", "ends", "ordered", "pauses", "sizes", "starts")

    def __init__(self, starts: "array[int]", ends: "array[int]", sizes: Sequence[float]) -> None:
        self.starts = starts
        self.ends = ends
        self.sizes = sizes
        self.pauses = list(map(sub, starts[1:], ends))  # from the end of one to the beginning of the next, 0 where they overlap
        self.ordered = min(self.pauses, default=0) >= 0 and all(map(le, starts, ends))
        if not self.ordered:
            self.pauses = [max(0, pause) for pause in self.pauses]
        self._total: list[float] | None = None
        self._stretches: list[tuple[int, int]] | None = None

    def __len__(self) -> int:
        return len(self.starts)

    def before(self, points: Sequence[int]) -> list[float]:
        """Bytes that had moved before each of these times (ascending)."""
        if not self.ordered or len(self) < len(points):
            return self._by_item(points)
        if self._total is None:
            self._total = list(accumulate(self.sizes, initial=0))
        starts, ends, sizes, total = self.starts, self.ends, self.sizes, self._total
        moved = []
        at = 0
        for point in points:
            at = bisect_left(ends, point, at)
            part = 0.0
            if at < len(ends) and starts[at] < point:
                part = sizes[at] * (point - starts[at]) / (ends[at] - starts[at])
            moved.append(total[at] + part)
        return moved

    def _by_item(self, points: Sequence[int]) -> list[float]:
        """The same for few items, or for items that overlap."""
        steps = [0.0] * (len(points) + 1)
        partial = [0.0] * len(points)
        for start, end, size in zip(self.starts, self.ends, self.sizes, strict=True):
            end = max(start, end)
            first = bisect_left(points, start + 1)  # the first point behind the start
            whole = bisect_left(points, end + 1, first)  # the first point behind the end
            steps[whole] += size
            for index in range(first, whole):
                partial[index] += size * (points[index] - start) / (end - start)
        return [done + part for done, part in zip(accumulate(steps[:-1]), partial, strict=True)]

    def stretches(self) -> list[tuple[int, int]]:
        """Times without a pause of `SHORT_PAUSE_NS` or more."""
        if self._stretches is None:
            self._stretches = self._find_stretches() if len(self) else []
        return self._stretches

    def _find_stretches(self) -> list[tuple[int, int]]:
        if not self.ordered:
            return [(start, max(start, end)) for start, end in zip(self.starts, self.ends, strict=True)]
        after = list(chosen(count(), map(SHORT_PAUSE_NS.__le__, self.pauses)))
        begins = [self.starts[0], *(self.starts[index + 1] for index in after)]
        return list(zip(begins, [*(self.ends[index] for index in after), self.ends[-1]], strict=True))


def members_of(session: Session, exchanges: Iterable[Exchange]) -> list[Exchange]:
    """The exchanges of a session among those of an inspection, in order."""
    return [exchange for exchange in exchanges if exchange.session == session.id]


def tracks(members: Iterable[Exchange]) -> dict[int | None, list[Track]]:
    """What moved, by Greenplum segment: a track for each response with packages, one for all bodies together."""
    found: dict[int | None, list[Track]] = {}
    bodies: dict[int | None, list[tuple[int, int, int]]] = {}
    for exchange in members:
        own = found.setdefault(exchange.segment, [])
        if exchange.packages.data:
            own.append(_packages_track(exchange))
        elif exchange.payload_bytes and (exchange.method != "POST" or exchange.outcome is Outcome.ACCEPTED):
            begin = exchange.start_ns if exchange.method == "POST" else exchange.first_byte_ns or exchange.start_ns
            bodies.setdefault(exchange.segment, []).append((begin, max(begin, exchange.end_ns), exchange.payload_bytes))
    for segment, items in bodies.items():
        items.sort()
        starts, ends = array("Q", (item[0] for item in items)), array("Q", (item[1] for item in items))
        found[segment].append(Track(starts, ends, [item[2] for item in items]))
    return found


def _packages_track(exchange: Exchange) -> Track:
    times = exchange.packages.data_times()
    starts, ends, sizes = times.ns, times.end_ns, times.length
    if UNKNOWN in ends:
        ends = array("Q", (exchange.end_ns if end == UNKNOWN else end for end in ends))
    if UNKNOWN in starts:
        starts = array("Q", (end if start == UNKNOWN else start for start, end in zip(starts, ends, strict=True)))
    surplus = sum(sizes) - exchange.payload_bytes
    if not surplus:
        return Track(starts, ends, sizes)
    return Track(starts, ends, _captured(sizes, times.flags, surplus))


def _captured(sizes: Sequence[int], flags: Sequence[int], surplus: int) -> Sequence[float]:
    """Lengths without the bytes that were announced and did not come: taken off packages that are not whole, in proportion."""
    torn = sum(size for size, flag in zip(sizes, flags, strict=True) if not flag & COMPLETE)
    if surplus < 0 or not torn:
        return sizes
    left = max(0.0, 1 - surplus / torn)
    return [size if flag & COMPLETE else size * left for size, flag in zip(sizes, flags, strict=True)]


def spread(durations: Sequence[int]) -> Spread | None:
    """Percentiles of durations by nearest rank; None of none."""
    if not durations:
        return None
    step = max(1, len(durations) // SAMPLED)
    ordered = sorted(durations[::step])
    last = len(ordered)
    return Spread(ordered[-(-last // 2) - 1], ordered[-(-last * 19 // 20) - 1], max(durations), len(durations))


def points(start_ns: int, end_ns: int, buckets: int) -> list[int]:
    """Bounds of buckets, the last one behind the last nanosecond."""
    return [start_ns + (end_ns - start_ns) * number // buckets for number in range(buckets)] + [end_ns + 1]


def rate(moved: Iterable[Track], start_ns: int, end_ns: int, buckets: int) -> Rate:
    """Bytes a bucket; they add up to what moved in that time, each of them rounded so that none is lost."""
    bounds = points(start_ns, end_ns, max(1, buckets))
    total = [0.0] * len(bounds)
    for track in moved:
        total = [sum_ + own for sum_, own in zip(total, track.before(bounds), strict=True)]
    whole = list(map(round, total))
    return Rate(start_ns, end_ns, tuple(map(sub, whole[1:], whole)))


def silences(moved: Iterable[Track]) -> list[int]:
    """Nanoseconds of each time in which none of them moved, in order; those shorter than `SHORT_PAUSE_NS` are left out."""
    stretches = sorted(chain.from_iterable(track.stretches() for track in moved))
    found = []
    reached = stretches[0][1] if stretches else 0
    for begin, end in stretches:
        if begin - reached >= SHORT_PAUSE_NS:
            found.append(begin - reached)
        reached = max(reached, end)
    return found


def session_pace(
    session: Session, members: Sequence[Exchange], flows: Iterable[Flow] = (), *, buckets: int = BUCKETS, flow_buckets: int = 0
) -> SessionPace:
    """How fast a session and its flows moved.

    Work grows with its packages (a million: half a second), so ask where it is shown.

    Args:
        members: The exchanges of the session (`members_of`).
        flows: Those of the session, or of all; others are left out.
        buckets: Of the rate of the session, over its whole time; 0 for none.
        flow_buckets: Of the rate of each flow, over the same time.
    """
    moved = tracks(members)
    by_segment: dict[int | None, list[Exchange]] = {}
    for exchange in members:
        by_segment.setdefault(exchange.segment, []).append(exchange)
    bounds = (session.start_ns, max(session.start_ns, session.end_ns))
    paces = []
    pauses: list[list[int]] = []
    for flow in flows:
        if flow.session != session.id:
            continue
        own = moved.get(flow.segment, [])
        waits = [pause for track in own for pause in track.pauses] if len(own) != 1 else own[0].pauses
        pauses.append(waits)
        curve = rate(own, *bounds, flow_buckets) if flow_buckets else None
        paces.append(
            FlowPace(flow.segment, flow.host, _pace(by_segment.get(flow.segment, ()), flow.payload_bytes, own, waits, curve))
        )
    every = list(chain.from_iterable(moved.values()))
    curve = rate(every, *bounds, buckets) if buckets else None
    return SessionPace(session.id, _pace(members, session.payload_bytes, every, _sample(pauses), curve), tuple(paces))


def _sample(pauses: list[list[int]]) -> list[int]:
    """All pauses of all flows; of very many an even choice that keeps the longest of each."""
    step = max(1, sum(map(len, pauses)) // (SAMPLED * 2))
    if step == 1:
        return list(chain.from_iterable(pauses))
    return [*chain.from_iterable(own[::step] for own in pauses), *(max(own) for own in pauses if own)]


def _pace(
    members: Iterable[Exchange],
    payload_bytes: int,
    moved: Sequence[Track],
    pauses: Sequence[int],
    curve: Rate | None,
) -> Pace:
    members = list(members)
    start_ns = min((exchange.start_ns for exchange in members), default=0)
    end_ns = max((exchange.end_ns for exchange in members), default=0)
    bytes_at = [e.first_byte_ns for e in members if e.first_byte_ns is not None and e.method != "POST"]
    first = min((track.starts[0] for track in moved if len(track)), default=None)
    return Pace(
        payload_bytes=payload_bytes,
        start_ns=start_ns,
        end_ns=end_ns,
        to_first_byte_ns=max(0, min(bytes_at) - start_ns) if bytes_at else None,
        to_first_package_ns=None if first is None else max(0, first - start_ns),
        between=spread(pauses),
        silence_ns=None if first is None else max(silences(moved), default=0),
        rate=curve,
    )
