"""From windows of frames to stalls: which windows are looked at a second time, and what is made of them.

Silence costs nothing where there is none: a window of the capture that went by faster than `FAST` is not looked at again. All
others go through the tracer right behind the engine, while they still stand in the buffer; nothing is read twice.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from gpinspect.analysis.stall_findings import stall_findings
from gpinspect.analysis.stall_lines import Line
from gpinspect.analysis.stall_shares import shares
from gpinspect.analysis.stalls import judge_stalls
from gpinspect.analysis.vantage import estimate
from gpinspect.capture.records import Step, walk
from gpinspect.capture.window import Window
from gpinspect.engine.channel import ENDLESS
from gpinspect.engine.connection import Connection as State
from gpinspect.engine.index import Index
from gpinspect.engine.link import fast_layout
from gpinspect.engine.sessions import Correlated
from gpinspect.engine.silences import TracedConnection
from gpinspect.engine.stream import HALF, MASK
from gpinspect.engine.trace import QUIET_NS, Known, Tracer
from gpinspect.model import Connection, Exchange, Finding, Flow, Stall, Vantage, VantageEstimate

FAST = 10_000_000
"""Bytes of capture a second; a window that is faster holds no silence of all flows."""
LONG_NS = 100_000_000
MEASURED = 1 << 20
"""Bytes over which the pace is taken, however small the windows are."""
DISORDER_NS = 200_000_000
"""Records whose times are out of order by less than this are put in order; more is a clock that was set back."""


class Watch:
    """Looks over the engine's shoulder.

    Args:
        index: The engine, whose connections are asked which of them rest while others move fast.
    """

    def __init__(self, index: Index) -> None:
        self.tracer = Tracer()
        self._index = index
        self._last_ns: int | None = None
        self._bytes = 0
        self._span = 0
        self._asked_ns = 0
        self._known = 0
        self._open: list[State] = []
        self._resting: dict[bytes, State] = {}

    def seen(self, window: Window, begin: int, frame: int) -> None:
        """The engine has taken the records of `window` from `begin` on, behind the frame with this number."""
        last_ns, before = self._index.last_ns, self._last_ns
        if window.start <= begin or last_ns is None:
            return
        self._last_ns = last_ns
        span = abs(last_ns - before) if before is not None else 0
        self._bytes += window.start - begin
        self._span += span
        slow = before is None or span >= LONG_NS or self._bytes * 1_000_000_000 < self._span * FAST
        if self._bytes > MEASURED:
            self._bytes //= 2
            self._span //= 2
        taken = Window(window.buffer, begin, window.start, window.base, window.layout)
        if slow:
            self._trace(taken, frame)
            self._resting = {}
            return
        if self._resting:
            self._trace(taken, frame, self._resting)
        else:
            self.tracer.passed(last_ns)
        if abs(last_ns - self._asked_ns) >= QUIET_NS // 2:
            self._asked_ns = last_ns
            self._ask(last_ns)

    def _trace(self, window: Window, frame: int, only: Collection[bytes] | None = None) -> None:
        buffer, link, take = memoryview(window.buffer), window.layout.link, self.tracer.take
        layout = fast_layout(link, 4)
        key = layout.reach + 12 if layout is not None else 0
        for number, step in _in_order(list(walk(window)), frame + 1):
            at = step.frame
            if only is not None and bytes(buffer[at + key : at + key + 12]) not in only:
                continue
            take(link, bytes(buffer[at : at + min(step.captured, LONGEST_HEADERS)]), step.original, step.ns, number)

    def _ask(self, now: int) -> None:
        """Find connections that rest in the middle of something while the capture goes by too fast to be traced as a whole."""
        connections = self._index.connections
        self._open += connections[self._known :]
        self._known = len(connections)
        self._open = [one for one in self._open if not one.finished and one.closed_side is None]
        resting = [one for one in self._open if now - one.last_payload_ns() >= QUIET_NS and _unfinished(one)]
        self._resting = {}
        for one in resting[:MOST_RESTING]:
            first, second = one.streams
            sides = ((first.next, second.ack), (second.next, first.ack))
            self.tracer.adopt(
                first.key, Known(one.first_frame, one.start_ns, one.last_payload_ns(), one.last_payload_frame(), sides)
            )
            self._resting[first.key] = self._resting[second.key] = one


def _unfinished(connection: State) -> bool:
    """Whether a side stopped in the middle of what it had announced, or waits for an acknowledgment."""
    return any(
        0 < stream.left < ENDLESS
        or stream.room > 0
        or (stream.next is not None and 0 < (stream.next - stream.peer.ack) & MASK < HALF)
        for stream in connection.streams
        if stream.last_frame and stream.peer.ack >= 0
    )


MOST_RESTING = 8
"""Connections that are followed one by one in a fast capture."""
LONGEST_HEADERS = 256
"""Bytes of a frame in which its headers are looked for."""


def _in_order(steps: Sequence[Step], number: int) -> Sequence[tuple[int, Step]]:
    """Records with their frame numbers, those that are a little out of order put right."""
    numbered = list(enumerate(steps, number))
    latest = 0
    disorder = False
    for step in steps:
        disorder = disorder or step.ns < latest
        latest = max(latest, step.ns)
    if not disorder:
        return numbered
    found: list[tuple[int, Step]] = []
    part: list[tuple[int, Step]] = []
    latest = 0
    for entry in numbered:
        if latest - entry[1].ns > DISORDER_NS:
            found += sorted(part, key=lambda one: one[1].ns)
            part, latest = [], 0
        part.append(entry)
        latest = max(latest, entry[1].ns)
    return found + sorted(part, key=lambda one: one[1].ns)


class Attributed(NamedTuple):
    """What an inspection knows of waiting."""

    stalls: list[Stall]
    vantage: VantageEstimate
    flows: list[Flow]  # with their shares
    findings: list[Finding]


def attribute(
    traced: Sequence[TracedConnection], states: Sequence[State], found: Correlated, given: Vantage | None = None
) -> Attributed:
    """Say whose fault the silences were.

    Args:
        states: The connections of the engine, in order of their ids.
        given: Where the recorder stood, where somebody knows.
    """
    lines = lines_of(traced, states, found.connections, found.exchanges)
    known = estimate(((line.traced, line.client) for line in lines if line.carries), given)
    verdict = judge_stalls(lines, known)
    parts = shares(found.flows, found.exchanges, verdict.stalls, verdict.unknowable)
    flows = [replace(flow, stall_ns=part) for flow, part in zip(found.flows, parts, strict=True)]
    return Attributed(verdict.stalls, known, flows, stall_findings(verdict, lines))


def in_order(first: Sequence[Finding], second: Sequence[Finding]) -> list[Finding]:
    """Findings by time, then session (without a time first)."""
    return sorted([*first, *second], key=lambda finding: (finding.time_ns or 0, finding.session or 0, finding.code))


def lines_of(
    traced: Sequence[TracedConnection], states: Sequence[State], connections: Sequence[Connection], exchanges: Sequence[Exchange]
) -> list[Line]:
    """Put what was traced beside what was read: both know a connection by its ports and its first frame."""
    carried: dict[int, list[Exchange]] = {}
    for exchange in exchanges:
        carried.setdefault(exchange.connection, []).append(exchange)
    known: dict[bytes, list[State]] = {}
    for state in states:
        for stream in state.streams:
            known.setdefault(stream.key, []).append(state)
    lines = []
    for one in traced:
        found = _at(known.get(one.key, ()), one.first_frame)
        if found is None:
            continue
        state = found
        value = connections[state.id - 1]
        client = 0 if state.streams[state.client_side or 0].key == one.key else 1
        lines.append(Line(value, one, client, tuple(carried.get(value.id, ()))))
    return lines


def _at(states: Collection[State], frame: int) -> State | None:
    """The last of several connections with the same ports that had begun at a frame (or the first, after a little disorder)."""
    begun = [state for state in states if state.first_frame <= frame]
    return begun[-1] if begun else next(iter(states), None)
