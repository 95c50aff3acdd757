"""What a recording shows, seen without the product: connections, silences, windows of 0.

A frame is *new payload* when it carries bytes above all that its direction has carried before; a silence is 150 ms or more of a
connection without any, in either direction.
"""

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from .pcap import FIN, RST, SYN, Record

SILENCE = 150_000_000
Interval = tuple[int, int]


@dataclass
class Seen:
    """One connection of a file."""

    port: int
    start: int
    end: int = 0
    moves: list[int] = field(default_factory=list)  # times of new payload, and of the ends of the connection
    zero: dict[str, list[list[int]]] = field(default_factory=lambda: {"client": [], "server": []})
    bytes: dict[str, int] = field(default_factory=lambda: {"client": 0, "server": 0})
    _top: dict[str, int] = field(default_factory=dict)
    _shut: dict[str, bool] = field(default_factory=dict)
    over: bool = False  # somebody closed it

    def take(self, time: int, side: str, seq: int, size: int, flags: int, window: int) -> None:
        self.end = time
        if flags & SYN:
            self._top[side] = (seq + 1) & 0xFFFFFFFF
            self.moves.append(time)
            return
        top = self._top.setdefault(side, seq)
        ahead = (seq + size - top) & 0xFFFFFFFF
        if size and 0 < ahead < 1 << 31:
            self._top[side] = (seq + size) & 0xFFFFFFFF
            self.bytes[side] += ahead
            self.moves.append(time)
        if flags & (FIN | RST):
            self.moves.append(time)
            self.over = True
        closed = window == 0 and not flags & RST
        if closed and not self._shut.get(side):
            self.zero[side].append([time, time])
        elif self.zero[side] and self._shut.get(side):
            self.zero[side][-1][1] = time
        self._shut[side] = closed

    def outlive(self, end: int) -> None:
        """The file ends at `end`: what lasts until then lasts until then."""
        if not self.over:
            self.moves.append(end)
            self.end = end
            for side in self.zero:
                if self._shut.get(side):
                    self.zero[side][-1][1] = end

    @property
    def silent(self) -> list[Interval]:
        return gaps(self.moves)

    def windows(self, side: str) -> list[list[int]]:
        return [span for span in self.zero[side] if span[1] - span[0] >= 100_000_000]


def gaps(times: list[int]) -> list[Interval]:
    times = sorted(times)
    return [(a, b) for a, b in itertools.pairwise(times) if b - a >= SILENCE]


def look(records: list[Record], server_port: int, as_written: bool = False) -> dict[int, Seen]:
    """Connections of a file by client port, in order of time, or `as_written` where the clock is not to be believed."""
    found: dict[int, Seen] = {}
    for record in records if as_written else sorted(records, key=lambda record: record.time):
        tcp = record.tcp
        side, port = ("server", tcp.target) if tcp.source == server_port else ("client", tcp.source)
        seen = found.setdefault(port, Seen(port, record.time))
        seen.take(record.time, side, tcp.seq, tcp.size, tcp.flags, tcp.window)
    for seen in found.values():
        seen.outlive(max(record.time for record in records))
    return found


def overlap(a: Interval, b: Interval) -> int:
    return max(0, min(a[1], b[1]) - max(a[0], b[0]))


def _within(spans: list[Any], interval: Interval) -> list[list[int]]:
    return [list(span) for span in spans if overlap(tuple(span), interval) >= min(50_000_000, (interval[1] - interval[0]) // 2)]


def visible(seen: dict[int, Seen], segments: dict[int, int], interval: Interval) -> list[dict[str, Any]]:
    """What each connection that lived in the interval shows there; `segments` is the segment of a client port."""
    out = []
    for port, one in seen.items():
        if port not in segments or overlap((one.start, one.end), interval) == 0:
            continue
        entry: dict[str, Any] = {"segment": segments[port], "client_port": port, "silent": _within(one.silent, interval)}
        for side in ("client", "server"):
            if spans := _within(one.windows(side), interval):
                entry[f"zero_window_of_{side}"] = spans
        out.append(entry)
    return out


def per_segment(seen: dict[int, Seen], segments: dict[int, int], interval: Interval) -> list[dict[str, Any]]:
    """For writers: silences of a segment over all of its connections."""
    times: dict[int, list[int]] = defaultdict(list)
    for port, one in seen.items():
        if port in segments:
            times[segments[port]] += one.moves
    return [
        {"segment": segment, "client_port": None, "silent": _within(gaps(moves), interval)}
        for segment, moves in sorted(times.items())
    ]


def all_silent(seen: dict[int, Seen]) -> list[Interval]:
    return gaps([time for one in seen.values() for time in one.moves])
