"""Jumps of the recorder's clock that no connection lasts through: those between two posts, each on a connection of its own.

A host stamps all its connections to another host with one clock. Where systems give each connection a clock of its own, the
stamps of two of them differ by anything, and nothing is said.
"""

from collections.abc import Iterator, Sequence

from gpinspect.analysis.intervals import Interval
from gpinspect.analysis.stall_evidence import ahead_ns
from gpinspect.analysis.stall_lines import Line
from gpinspect.engine.silences import Side
from gpinspect.engine.stream import MASK
from gpinspect.engine.trace import QUIET_NS


def jumps_between(lines: Sequence[Line], tick_ns: float) -> Iterator[tuple[Interval, int]]:
    """Times (ns) in which two hosts exchanged no frame and their clocks did not go along, and how far the recorder's went ahead."""
    hosts: dict[tuple[str, str], list[Side]] = {}
    for line in lines:
        client, server = line.connection.client.host, line.connection.server.host
        for name, side in (((client, server), line.client_side), ((server, client), line.server_side)):
            if side.first_stamp[0] >= 0:
                hosts.setdefault(name, []).append(side)
    for sides in hosts.values():
        sides.sort(key=lambda side: side.first_stamp[1])
        last = sides[0]
        for side in sides[1:]:
            stamp, ns = side.first_stamp
            if ns - last.stamp_ns >= QUIET_NS and (ahead := ahead_ns((stamp - last.stamp) & MASK, ns - last.stamp_ns, tick_ns)):
                yield (last.stamp_ns, ns), ahead
            if side.stamp_ns > last.stamp_ns:
                last = side
