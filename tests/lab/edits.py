"""What a recorder or a careless hand does to a good recording. Each edit gives the new records and what is true of them.

An edit takes (records, server port, zero = start time in ns) and returns (records, facts): `removed` frame numbers of the
complete recording, `happened` as a list of (interval, client ports, words), `as_written` where the order in the file is truer
than the clock.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from .pcap import SYN, Record

Facts = dict[str, Any]
Edit = Callable[[list[Record], int, int], tuple[list[Record], Facts]]
S = 10**9


def _ns(zero: int, seconds: float) -> int:
    return zero + int(seconds * S)


def lose(runs: int = 2, length: int = 24) -> Edit:
    """Take out runs of data frames, each of one connection: acknowledged, not recorded."""

    def edit(records: list[Record], port: int, zero: int) -> tuple[list[Record], Facts]:
        by_flow: dict[int, list[int]] = defaultdict(list)
        for number, record in enumerate(records):
            if record.tcp.source == port and record.tcp.size:
                by_flow[record.tcp.target].append(number)
        gone: set[int] = set()
        happened = []
        for flow, numbers in sorted(by_flow.items(), key=lambda item: -len(item[1]))[:runs]:
            start = len(numbers) // 3
            taken = numbers[start : start + length]
            gone |= set(taken)
            happened.append(([records[taken[0]].time, records[taken[-1]].time], [flow], f"{len(taken)} data frames taken out"))
        kept = [record for number, record in enumerate(records) if number not in gone]
        return kept, {"removed": sorted(number + 1 for number in gone), "happened": happened}

    return edit


def lose_all(at: float, seconds: float) -> Edit:
    """Take out every frame of a time: the recorder was not there."""

    def edit(records: list[Record], port: int, zero: int) -> tuple[list[Record], Facts]:
        start, end = _ns(zero, at), _ns(zero, at + seconds)
        gone = [number for number, record in enumerate(records) if start <= record.time < end]
        ports = sorted({t.target if t.source == port else t.source for t in (record.tcp for record in records)})
        kept = [record for record in records if not start <= record.time < end]
        return kept, {"removed": [n + 1 for n in gone], "happened": [([start, end], ports, "all frames of this time taken out")]}

    return edit


def cut(start: float | None = None, end: float | None = None) -> Edit:
    """Keep what lies between two seconds after the start."""

    def edit(records: list[Record], port: int, zero: int) -> tuple[list[Record], Facts]:
        low = 0 if start is None else _ns(zero, start)
        high = 1 << 63 if end is None else _ns(zero, end)
        return [record for record in records if low <= record.time < high], {}

    return edit


def one_way(direction: str) -> Edit:
    def edit(records: list[Record], port: int, zero: int) -> tuple[list[Record], Facts]:
        return [record for record in records if (record.tcp.source == port) == (direction == "s2c")], {}

    return edit


def step(at: float, by: float) -> Edit:
    """The recorder's clock jumps."""

    def edit(records: list[Record], port: int, zero: int) -> tuple[list[Record], Facts]:
        edge, jump = _ns(zero, at), int(by * S)
        moved = [record if record.time < edge else record._replace(time=record.time + jump) for record in records]
        before = max(record.time for record in records if record.time < edge)
        after = min(record.time for record in moved if record.time >= edge + jump and record not in records)
        ports = sorted({t.target if t.source == port else t.source for t in (record.tcp for record in records)})
        return moved, {
            "as_written": True,
            "happened": [([min(before, after), max(before, after)], ports, f"clock moved by {by} s")],
        }

    return edit


def double(records: list[Record], port: int, zero: int) -> tuple[list[Record], Facts]:
    """Every frame twice, as from a mirror port that sees both directions of a switch."""
    out = []
    for record in records:
        out += [record, record._replace(time=record.time + 8_000)]
    out.sort(key=lambda record: record.time)
    return out, {}


def shuffle(records: list[Record], port: int, zero: int) -> tuple[list[Record], Facts]:
    """Records out of time order, stamps untouched, as from a recorder with several queues."""
    out = list(records)
    for at in range(0, len(out) - 4, 11):
        out[at : at + 4] = [out[at + 2], out[at], out[at + 3], out[at + 1]]
    return out, {}


def without_handshake(records: list[Record], port: int, zero: int) -> tuple[list[Record], Facts]:
    return [record for record in records if not record.tcp.flags & SYN], {}
