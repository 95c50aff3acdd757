"""Do two captures show the same wire, and how do their clocks stand to each other?

A frame with the same addresses, ports, sequence number, length and marks is the same frame. What it took from one recorder to the
other is its delay plus the difference of the clocks; frames of the other direction have the difference with the other sign. So the
fastest frames of both directions give the difference, and a bound for it (Cristian's method, as NTP uses it).
"""

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Sequence
from statistics import linear_regression, median
from typing import NamedTuple

from gpinspect.capture.source import Record
from gpinspect.engine.link import FIN, KNOWN_LINKS, RST, SYN, Decoder
from gpinspect.model import Address, Connection
from gpinspect.model.comparison import Clock

MARKS = SYN | FIN | RST
MOST_REMEMBERED = 100_000
"""Frames of one capture among which those of the other are looked for."""
EACH_STREAM = 200
"""Of them, so many of one direction of a connection, so that all connections have a part."""
ENOUGH = 3
"""Frames that have to be the same: sequence numbers of 32 bits do not agree by chance."""
SAMPLES = 20_000
NOTHING_NEW = 200_000
"""Frames without a new one after which nothing more is looked for."""
STRETCHES = 16
"""Parts of the time in which the offset is looked at by itself when the clocks seem to drift."""


class Sighting(NamedTuple):
    """A TCP segment that passed a recorder."""

    ns: int
    frame: int
    key: bytes  # addresses and ports, sender first
    sequence: int
    acknowledgment: int
    flags: int
    window: int
    length: int


class Line(NamedTuple):
    """A connection by its addresses, as both captures name it."""

    client: Address
    server: Address

    def key(self, way: int) -> bytes:
        """What its segments are called: way 0 from the client, 1 from the server."""
        first, second = (self.server, self.client) if way else (self.client, self.server)
        hosts = ipaddress.ip_address(first.host).packed + ipaddress.ip_address(second.host).packed
        return hosts + first.port.to_bytes(2, "big") + second.port.to_bytes(2, "big")


def common_lines(a: Iterable[Connection], b: Iterable[Connection]) -> list[Line]:
    """Pairs of addresses that carry a connection in both captures, in the order of A; who is the client is for the first to say."""
    there = {Line(connection.client, connection.server) for connection in b}
    there |= {Line(line.server, line.client) for line in there}
    return list(dict.fromkeys(line for one in a if (line := Line(one.client, one.server)) in there))


def sightings(records: Iterable[Record], keys: Collection[bytes]) -> Iterator[Sighting]:
    """The TCP segments of some connections among frames, which are numbered from 1."""
    decoder = Decoder()
    for frame, record in enumerate(records, 1):
        if record.link not in KNOWN_LINKS:
            continue
        tcp = decoder.decode(record.link, record.captured, record.original)
        if tcp is not None and tcp.key in keys:
            yield Sighting(record.ns, frame, tcp.key, tcp.sequence, tcp.acknowledgment, tcp.flags, tcp.window, tcp.length)


def name_of(seen: Sighting) -> tuple[bytes, int, int, int, int, int]:
    """Equal for the same frame at both ends: of one with payload the acknowledgment does not count, of a bare one all does."""
    marks = seen.flags & MARKS
    if seen.length:
        return seen.key, seen.sequence, seen.length, marks, 0, 0
    return seen.key, seen.sequence, 0, marks, seen.acknowledgment, seen.window


class Delta(NamedTuple):
    """The same frame at both ends."""

    ns: int  # when it passed A
    delta: int  # time in B minus time in A


def same_frames(a: Iterable[Sighting], b: Iterable[Sighting]) -> list[tuple[bytes, Delta]]:
    """Frames that both have, each of them only once, with the key of their stream."""
    first: dict[tuple[bytes, int, int, int, int, int], int | None] = {}
    streams: dict[bytes, int] = {}
    idle = 0
    for seen in a:
        count = streams.get(seen.key, 0)
        idle += 1
        if count < EACH_STREAM:
            idle = 0
            streams[seen.key] = count + 1
            name = name_of(seen)
            first[name] = None if name in first else seen.ns
        if len(first) >= MOST_REMEMBERED or idle >= NOTHING_NEW:
            break
    idle = 0
    found: dict[tuple[bytes, int, int, int, int, int], Delta | None] = {}
    for seen in b:
        name = name_of(seen)
        there = first.get(name)
        idle += 1
        if there is not None:
            idle = 0
            found[name] = None if name in found else Delta(there, seen.ns - there)
        if len(found) >= SAMPLES or (found and idle >= NOTHING_NEW):
            break
    return [(name[0], delta) for name, delta in found.items() if delta is not None]


def clock_of(from_client: Sequence[Delta], from_server: Sequence[Delta]) -> Clock | None:
    """How the clocks stand to each other, from frames of both directions; None without any."""
    if not from_client and not from_server:
        return None
    samples = len(from_client) + len(from_server)
    if not from_client or not from_server:
        return Clock(min(one.delta for one in from_client or from_server), None, True, "", samples)
    ahead, behind = median(one.delta for one in from_client), median(one.delta for one in from_server)
    if ahead == behind and len({one.delta for one in (*from_client, *from_server)}) == 1:
        return Clock(from_client[0].delta, 0, True, "", samples)
    to_b, to_a, near = (from_client, from_server, "a") if ahead > behind else (from_server, from_client, "b")
    even = _fit(to_b, to_a, 0, 0)
    if even[1] >= 0:
        return Clock(even[0], even[1], True, near, samples)
    at_ns, drift = _drift(to_b, to_a)
    offset, bound = _fit(to_b, to_a, at_ns, drift)
    if bound < 0:
        return Clock(offset, None, False, near, samples, drift, at_ns)
    return Clock(offset, bound, True, near, samples, drift, at_ns)


def _fit(to_b: Sequence[Delta], to_a: Sequence[Delta], at_ns: int, drift: int) -> tuple[int, int]:
    """Offset at a time, and how far off it can be, for clocks that drift so; a bound below 0 does not fit all frames."""
    fastest = min(one.delta - (one.ns - at_ns) * drift // 1_000_000_000 for one in to_b)
    slowest_back = max(one.delta - (one.ns - at_ns) * drift // 1_000_000_000 for one in to_a)
    return (fastest + slowest_back) // 2, (fastest - slowest_back + 1) // 2


def _drift(to_b: Sequence[Delta], to_a: Sequence[Delta]) -> tuple[int, int]:
    """The time of the first frame, and the drift in thousand-millionths: a line through the offsets of short stretches of time."""
    start = min(one.ns for one in (*to_b, *to_a))
    width = max(one.ns for one in (*to_b, *to_a)) - start + 1
    edges: list[list[int | None]] = [[None, None] for _ in range(STRETCHES)]
    for one in to_b:
        edge = edges[(one.ns - start) * STRETCHES // width]
        edge[0] = one.delta if edge[0] is None else min(edge[0], one.delta)
    for one in to_a:
        edge = edges[(one.ns - start) * STRETCHES // width]
        edge[1] = one.delta if edge[1] is None else max(edge[1], one.delta)
    points = [
        ((number + 0.5) * width / STRETCHES, (fast + back) / 2)
        for number, (fast, back) in enumerate(edges)
        if fast is not None and back is not None
    ]
    if len(points) < 2:
        return start, 0
    slope = linear_regression([x for x, _ in points], [y for _, y in points]).slope
    return start, round(slope * 1e9)
