"""A connection as stall attribution sees it: its silences, who is who, whose requests it carries."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gpinspect.analysis.intervals import Interval, union
from gpinspect.engine.silences import Hole, Seen, Side, Silence, TracedConnection, Wait, moved, wait_over
from gpinspect.model import Address, Connection, Exchange, Outcome, Vantage


@dataclass(slots=True)
class Line:
    """One connection with what was traced of it."""

    connection: Connection
    traced: TracedConnection
    client: int  # side
    exchanges: tuple[Exchange, ...]
    counted: tuple[bool, bool] = (False, False)  # whether packet numbers of client and server can be trusted
    vantage: Vantage = Vantage.UNKNOWN
    tick_ns: float = 1_000_000.0  # of the time stamps
    missing: list[tuple[int, Hole]] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)  # with something to see, without those of a stepping clock
    _by_end: list[Silence] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)

    @property
    def server(self) -> int:
        return 1 - self.client

    @property
    def client_side(self) -> Side:
        return self.traced.sides[self.client]

    @property
    def server_side(self) -> Side:
        return self.traced.sides[self.server]

    @property
    def one_way(self) -> bool:
        """Only one direction was recorded."""
        return not self.client_side.frames or not self.server_side.frames

    @property
    def exchange(self) -> Exchange | None:
        return self.exchanges[0] if self.exchanges else None

    @property
    def session(self) -> int | None:
        return self.exchanges[0].session if self.exchanges else None

    @property
    def segment(self) -> int | None:
        return self.exchanges[0].segment if self.exchanges else None

    @property
    def writes(self) -> bool:
        return any(exchange.method == "POST" for exchange in self.exchanges)

    @property
    def probe(self) -> bool:
        return bool(self.exchanges) and all(exchange.outcome is Outcome.PROBE for exchange in self.exchanges)

    @property
    def carries(self) -> bool:
        """It belongs to a load: a session's exchange, or TLS that nobody could open (but a client did begin)."""
        return self.session is not None or (self.connection.kind == "tls" and not self.exchanges and self.client_side.payload > 0)

    @property
    def due(self) -> Interval:
        """From its request to the end of its answer."""
        start = min(
            (exchange.start_ns for exchange in self.exchanges), default=self.traced.first_payload_ns or self.traced.start_ns
        )
        if self.server_side.fin_ns:
            return (start, self.server_side.fin_ns)
        if self.traced.reset_ns:
            return (start, self.traced.reset_ns)
        last = max((silence.end_ns for silence in self.silences if silence.ended == "end"), default=0)
        return (start, max(last, self.traced.last_ns))

    def active(self) -> list[Interval]:
        """When it moved, or only the recorder's clock did."""
        kept = set(map(id, self.silences))
        return moved(self.traced) + [(one.start_ns, one.end_ns) for one in self.traced.silences if id(one) not in kept]

    def silence_over(self, span: Interval) -> Silence | Wait | None:
        """The silence that lasts through at least half of a span."""
        middle, half = (span[0] + span[1]) // 2, (span[1] - span[0]) // 2
        for index in range(bisect_right(self._ends, middle), len(self._by_end)):
            silence = self._by_end[index]
            if silence.start_ns >= span[1]:
                break
            if min(silence.end_ns, span[1]) - max(silence.start_ns, span[0]) > half:
                return silence
        wait = wait_over(self.traced, middle)
        return wait if wait is not None and min(wait.end_ns, span[1]) - max(wait.start_ns, span[0]) > half else None

    def unseen(self, silence: Silence, side: int) -> int:
        """Frames that a side sent in a silence and the recorder did not see; 0 where nobody knows."""
        trusted = self.counted[0 if side == self.client else 1]
        return max(0, silence.unseen[side]) if trusted else 0

    def settle(self, jumped: Callable[[Interval], bool]) -> None:
        """Sort out what was traced: silences without those that are a jump of the recorder's clock, and frames that it lost.

        Frames were lost where bytes were acknowledged that stand in none; `missing` has these holes with the side that sent them.
        """
        self.silences = [one for one in self.traced.silences if not jumped((one.start_ns, one.end_ns))]
        self._by_end = sorted(self.silences, key=lambda one: one.end_ns)
        self._ends = [one.end_ns for one in self._by_end]
        self.missing = [
            (number, hole)
            for number, side in enumerate(self.traced.sides)
            if side.payload and not self.one_way
            for hole in side.holes
            if not hole.filled_ns and hole.end <= side.acked and hole.end - hole.start > 1
        ]

    def by(self, seen: Seen) -> str:
        return self.by_side(seen.side)

    def by_side(self, side: int) -> str:
        return "client" if side == self.client else "server"


def counting(lines: Sequence[Line]) -> None:
    """Find out, host by host, whether its IPv4 packets are numbered one by one within a connection."""
    steps: dict[str, list[int]] = {}
    for line in lines:
        for host, side in ((line.connection.client.host, line.client_side), (line.connection.server.host, line.server_side)):
            known = steps.setdefault(host, [0, 0])
            known[0] += side.steps[0]
            known[1] += side.steps[1]
    good = {host for host, (one, other) in steps.items() if one >= 8 and other * 4 <= one}
    for line in lines:
        line.counted = (line.connection.client.host in good, line.connection.server.host in good)


def by_server(lines: Iterable[Line]) -> dict[Address, list[Line]]:
    found: dict[Address, list[Line]] = {}
    for line in lines:
        found.setdefault(line.connection.server, []).append(line)
    return found


def moving(lines: Iterable[Line]) -> list[Interval]:
    """When any of them moved."""
    return union(interval for line in lines for interval in line.active())
