"""Both ends of one wire: what was lost between two recorders, how long everything took, and who kept it.

Reads both captures again, at most twice, frame by frame in order of time; what waits for its counterpart is bounded, in time and
in number.
"""

import heapq
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Protocol

from gpinspect.analysis.pace import spread
from gpinspect.capture.source import Record
from gpinspect.inspection.compare_clock import ENOUGH, Delta, Line, Sighting, clock_of, common_lines, same_frames, sightings
from gpinspect.inspection.compare_way import QUIET_NS, Silence, Tally, WayState
from gpinspect.model import UNKNOWN, Address, Connection, Exchange, Package
from gpinspect.model.comparison import Clock, Ends, Hold, LostFrame, PackageDelay, Way

UNSTEADY_SLACK_NS = 50_000_000
LEAST_SLACK_NS = 1_000_000
"""How much sooner than it was sent a frame may seem to arrive: clocks are read in haste."""
MOST_WAITING = 200_000
"""Frames that are held to put both captures in order."""
SLOWEST = 10
HOLDS = 20
HELD_BETWEEN_NS = 200_000_000
"""Time between the points from which a silence is told; only retransmission takes so long."""
HELD_BACK_NS = QUIET_NS
"""Silence of the sender that is told: shorter ones are its turn at another connection."""
NAMES = ("client_to_server", "server_to_client")


class Read(Protocol):
    """What of an inspection is needed."""

    @property
    def connections(self) -> Sequence[Connection]: ...
    @property
    def exchanges(self) -> Sequence[Exchange]: ...
    @property
    def first_ns(self) -> int | None: ...
    @property
    def last_ns(self) -> int | None: ...
    def records(self) -> Iterator[Record]: ...


def find_clock(a: Read, b: Read) -> Clock | None:
    """How the clocks stand to each other, None if the captures do not show the same wire.

    Raises:
        SourceError: An input can be read only once.
    """
    lines = common_lines(a.connections, b.connections)
    if not lines:
        return None
    ways = {line.key(way): way for line in lines for way in (0, 1)}
    same = same_frames(sightings(a.records(), ways), sightings(b.records(), ways))
    if len(same) < ENOUGH:
        return None
    sides: tuple[list[Delta], list[Delta]] = ([], [])
    for key, delta in same:
        sides[ways[key]].append(delta)
    return clock_of(*sides)


def is_copy(clock: Clock) -> bool:
    """Both captures were taken at the same place (or are the same one): there is no wire between them."""
    return clock.bound_ns == 0 and not clock.near_client


def compare_ends(a: Read, b: Read, clock: Clock) -> Ends:
    """Compare the same wire at two points.

    Args:
        clock: What `find_clock` said.

    Raises:
        SourceError: An input can be read only once.
    """
    lines = common_lines(a.connections, b.connections)
    near = clock.near_client or "a"
    far = "b" if near == "a" else "a"
    tallies = (Tally(0, near), Tally(1, far))
    span = _span(a, b, clock)
    slack = max(LEAST_SLACK_NS, 2 * (clock.bound_ns or 0)) if clock.steady else UNSTEADY_SLACK_NS
    states = {line.key(way): WayState(line, tallies[way], span, slack) for line in lines for way in (0, 1)}
    answers = {line.key(way): states[line.key(1 - way)] for line in lines for way in (0, 1)}
    spoke: dict[Address, int] = {}
    quiet: dict[Address, tuple[int, int]] = {}
    for receiving, seen in _in_order(a, b, states, clock, slack):
        state = states[seen.key]
        if receiving:
            state.received(seen)
            continue
        speaker = state.line.server if state.tally.way else state.line.client
        if seen.length:
            last = spoke.get(speaker, seen.ns)
            if seen.ns - last >= QUIET_NS:
                quiet[speaker] = (last, seen.ns)
            spoke[speaker] = seen.ns
        state.sent(seen, quiet.get(speaker, (0, 0)))
        answers[seen.key].acknowledged(seen)
    for state in states.values():
        state.flush()
    final, shift = _settle(clock, tallies)
    segments = _segments(a)
    packages = _packages(a, b, final, near)
    delays = [one.delay_ns for one in packages]
    only = _alone(a, b, final)
    return Ends(
        clock=final,
        ways=tuple(_way(tally, shift) for tally in tallies),
        packages=spread(delays),
        slowest=tuple(sorted(packages, key=lambda one: -one.delay_ns)[:SLOWEST]),
        holds=_holds(tallies, segments, shift),
        connections=len(lines),
        only_a=only[0],
        only_b=only[1],
    )


def _span(a: Read, b: Read, clock: Clock) -> tuple[int, int]:
    """The time that both captures cover, by the clock of A."""
    begun, ended = clock.by_a(b.first_ns or 0), clock.by_a(b.last_ns or 0)
    return max(a.first_ns or 0, begun), min(a.last_ns or 0, ended)


def _in_order(a: Read, b: Read, states: dict[bytes, WayState], clock: Clock, slack: int) -> Iterator[tuple[bool, Sighting]]:
    """Frames of both captures by time, what is received a little later than what is sent; True for the former."""

    def of_a() -> Iterator[tuple[str, Sighting]]:
        for seen in sightings(a.records(), states):
            yield "a", seen

    def of_b() -> Iterator[tuple[str, Sighting]]:
        for seen in sightings(b.records(), states):
            yield "b", seen._replace(ns=clock.by_a(seen.ns))

    waiting: list[tuple[int, int, bool, Sighting]] = []
    both = heapq.merge(of_a(), of_b(), key=lambda entry: entry[1].ns)
    for number, (which, seen) in enumerate(both):
        receiving = states[seen.key].tally.sender != which
        heapq.heappush(waiting, (seen.ns + slack * receiving, number, receiving, seen))
        while waiting and (waiting[0][0] <= seen.ns or len(waiting) > MOST_WAITING):
            yield waiting[0][2], heapq.heappop(waiting)[3]
    while waiting:
        yield waiting[0][2], heapq.heappop(waiting)[3]


def _settle(clock: Clock, tallies: tuple[Tally, Tally]) -> tuple[Clock, dict[str, int]]:
    """The clock by all frames that were matched, and what has to be added to delays that were taken by the first one."""
    if clock.bound_ns is None or not clock.near_client:
        return clock, {"a": 0, "b": 0}
    least = {tally.sender: min(tally.deltas, default=None) for tally in tallies}
    to_b, to_a = least["a"], least["b"]
    if to_b is None or to_a is None or to_b + to_a < 0:
        return clock, {"a": 0, "b": 0}
    change = (to_b - to_a) // 2
    samples = sum(len(tally.deltas) for tally in tallies)
    final = replace(clock, offset_ns=clock.offset_ns + change, bound_ns=(to_b + to_a + 1) // 2, samples=samples)
    return final, {"a": -change, "b": change}


def _way(tally: Tally, shift: dict[str, int]) -> Way:
    delays = [delay + shift[tally.sender] for delay in tally.deltas]
    lost = [LostFrame(seen.frame, seen.ns, seen.length, line.client, line.server) for line, seen in tally.lost]
    return Way(
        name=NAMES[tally.way],
        sender=tally.sender,
        frames=tally.frames,
        bytes=tally.bytes,
        frames_received=tally.frames_received,
        bytes_received=tally.bytes_received,
        lost_frames=tally.lost_frames,
        lost_bytes=tally.lost_bytes,
        unrecorded_frames=tally.unrecorded_frames,
        unrecorded_bytes=tally.unrecorded_bytes,
        unseen_frames=tally.unseen_frames,
        unseen_bytes=tally.unseen_bytes,
        bare=tally.bare,
        bare_lost=tally.bare_lost,
        delay=spread(delays),
        examples=tuple(lost),
    )


# packages -----------------------------------------------------------------------------------------------------------------


def _packages(a: Read, b: Read, clock: Clock, near: str) -> list[PackageDelay]:
    """Delays of the packages that both captures have whole. They travel to the client."""
    there: dict[Line, list[Exchange]] = {}
    for exchange in b.exchanges:
        if exchange.packages.data:
            there.setdefault(Line(exchange.client, exchange.server), []).append(exchange)
    sign = 1 if near == "b" else -1
    found = []
    for exchange in a.exchanges:
        others = there.get(Line(exchange.client, exchange.server))
        if not exchange.packages.data or not others:
            continue
        twin = min(others, key=lambda other: abs(clock.by_a(other.start_ns) - exchange.start_ns))
        ends = {_package_name(row): row.end_ns for row in twin.packages if row.complete}
        for index, row in enumerate(exchange.packages):
            end_ns = ends.get(_package_name(row), UNKNOWN)
            if row.complete and row.length and UNKNOWN not in (end_ns, row.end_ns):
                found.append(PackageDelay(exchange.id, index, sign * (clock.by_a(end_ns) - row.end_ns)))
    return found


def _package_name(row: Package) -> tuple[int, int, int]:
    """The same for a package at both ends, also where one of them began to record later."""
    return row.offset, row.length, row.position if row.offset == UNKNOWN else 0


# silences -----------------------------------------------------------------------------------------------------------------


def _segments(a: Read) -> dict[Line, int | None]:
    return {Line(exchange.client, exchange.server): exchange.segment for exchange in a.exchanges}


def _holds(tallies: tuple[Tally, Tally], segments: dict[Line, int | None], shift: dict[str, int]) -> tuple[Hold, ...]:
    found: list[Hold] = []
    for tally in tallies:
        for line, silence in tally.silences:
            hold = _hold(tally, line, silence, segments.get(line), shift[tally.sender])
            if hold is not None:
                insort(found, hold, key=attrgetter("duration_ns"))
                del found[:-HOLDS]
    return tuple(reversed(found))


def _hold(tally: Tally, line: Line, silence: Silence, segment: int | None, shift: int) -> Hold | None:
    """What kept a silence: the network, if the next frame was long under way; else who sends, or who does not take.

    A server that sent to others meanwhile was not silent: it was not this connection's turn.
    """
    between = max(0, silence.end_ns - silence.sent_ns + shift)
    unsent = max(0, silence.sent_ns - silence.start_ns)
    if between >= HELD_BETWEEN_NS and between >= unsent:
        held_by = "network"
    elif unsent < HELD_BACK_NS:
        return None
    elif silence.closed:
        held_by = "segment" if tally.way else "server"
    elif silence.quiet_ns < HELD_BACK_NS:
        return None
    else:
        held_by = "server" if tally.way else "segment"
    duration = silence.end_ns - silence.start_ns
    return Hold(line.client, line.server, segment, NAMES[tally.way], silence.start_ns, duration, unsent, between, held_by)


def _alone(a: Read, b: Read, clock: Clock) -> tuple[int, int]:
    """Connections that began while both recorded, and were seen at one end alone."""
    start, stop = _span(a, b, clock)
    known = [{Line(one.client, one.server) for one in side.connections} for side in (a, b)]
    both = [{*lines, *(Line(line.server, line.client) for line in lines)} for lines in known]
    alone_a = sum(start <= one.start_ns <= stop and Line(one.client, one.server) not in both[1] for one in a.connections)
    alone_b = sum(
        start <= clock.by_a(one.start_ns) <= stop and Line(one.client, one.server) not in both[0] for one in b.connections
    )
    return alone_a, alone_b
