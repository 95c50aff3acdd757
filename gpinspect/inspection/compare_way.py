"""One direction of one connection as it passes two points: what was sent here and came through there, and when.

Frames are matched by their bytes in sequence, not by their shape: an adapter may send one large segment that the other end sees as
many, or the reverse. A transmission stays until all of its bytes have come through; what is left of it after `PATIENCE_NS` did not.
"""

from array import array
from collections import deque
from typing import NamedTuple

from gpinspect.engine.link import ACK, RST, SYN
from gpinspect.engine.stream import HALF, MASK, WRAP
from gpinspect.inspection.compare_clock import MARKS, Line, Sighting

PATIENCE_NS = 10_000_000_000
"""How long a transmission is waited for at the other end."""
MOST_PENDING = 2048
"""Transmissions of one direction that are waited for; the oldest goes when there are more."""
QUIET_NS = 1_000_000_000
"""Times without payload to anybody that are noted of a sender."""
SHORTEST_NS = 200_000_000
"""Silences that are noted."""
EXAMPLES = 20
"""Lost frames that are named."""
SWEPT = 64
"""Transmissions that came through and stand behind one that did not, before they are cleared away."""
BARE_NS = 200_000_000
"""Age up to which equal frames without payload (duplicate acknowledgments) are taken in order; older, the latest is taken."""


class Silence(NamedTuple):
    """No payload came through from `start_ns` to `end_ns`; the next had been sent at `sent_ns`. Adjusted to the clock of A."""

    start_ns: int
    sent_ns: int
    end_ns: int
    closed: bool  # the receiver had closed its window when it began
    quiet_ns: int  # of it, in which the sender sent to nobody at all; 0 if never for `QUIET_NS`


class Sent:
    """A transmission that has not come through wholly."""

    __slots__ = ("again", "left", "repeated", "seen", "stop")

    def __init__(self, seen: Sighting, start: int) -> None:
        self.seen = seen
        self.stop = start + seen.length
        self.left = [(start, self.stop)]
        self.again = False  # some of it had been sent before
        self.repeated = False  # some of it was sent again later

    def take(self, start: int, stop: int) -> int:
        """Bytes of [start, stop) that were still missing; they are not any more."""
        left: list[tuple[int, int]] = []
        taken = 0
        for low, high in self.left:
            first, last = max(low, start), min(high, stop)
            if first >= last:
                left.append((low, high))
                continue
            taken += last - first
            left += [(x, y) for x, y in ((low, first), (last, high)) if x < y]
        self.left = left
        return taken

    @property
    def missing(self) -> int:
        return sum(high - low for low, high in self.left)


class Tally:
    """What happened in one direction, over all connections."""

    def __init__(self, way: int, near_sender: str) -> None:
        self.way = way
        self.sender = near_sender
        self.frames = self.bytes = self.frames_received = self.bytes_received = 0
        self.lost: list[tuple[Line, Sighting]] = []
        self.lost_frames = self.lost_bytes = 0
        self.unrecorded_frames = self.unrecorded_bytes = 0
        self.unseen_frames = self.unseen_bytes = 0
        self.bare = self.bare_lost = 0
        self.deltas = array("q")  # how long each frame took, and when it was sent
        self.times = array("q")
        self.silences: list[tuple[Line, Silence]] = []


class WayState:
    """One direction of one connection. Times are adjusted to the clock of A."""

    def __init__(self, line: Line, tally: Tally, span: tuple[int, int], slack_ns: int) -> None:
        self.line = line
        self.tally = tally
        self.span = span  # what both captures cover
        self.slack = slack_ns
        self.pending: deque[Sent] = deque()
        self.bare: dict[tuple[int, int, int, int], deque[int]] = {}
        self.bare_order: deque[tuple[int, tuple[int, int, int, int]]] = deque()
        self.high: int | None = None  # position behind the last byte that was sent
        self.acked = -1
        self.base = 0  # last sequence number, and its position
        self.base_at = 0
        self.done = 0  # of the pending, those that came through behind one that did not
        self.repeats = 0  # pending transmissions of bytes that had been sent before
        self.came_ns: int | None = None  # when payload came through last
        self.since: Sighting | None = None  # first transmission after that
        self.quiet_ns = 0
        self.closed = False  # the receiver closed its window after that

    def place(self, sequence: int) -> int:
        """Position of a sequence number, without wraps."""
        step = (sequence - self.base) & MASK
        return self.base_at + (step - WRAP if step >= HALF else step)

    def counts(self, ns: int, longest_ns: int = 0) -> bool:
        """Whether the other end was recording when this passed."""
        return self.span[0] <= ns and ns + longest_ns <= self.span[1]

    # at the sender's end

    def sent(self, seen: Sighting, quiet: tuple[int, int]) -> None:
        """A frame passed the sender's end. `quiet`: when this sender last sent to nobody for `QUIET_NS` or longer."""
        self.expire(seen.ns)
        if seen.flags & SYN and (self.high is None or (seen.sequence + 1) & MASK != self.base):
            self._begin((seen.sequence + 1) & MASK)
        if not seen.length:
            self.tally.bare += self.counts(seen.ns)
            name = (seen.sequence, seen.acknowledgment, seen.flags & MARKS, seen.window)
            self.bare.setdefault(name, deque()).append(seen.ns)
            self.bare_order.append((seen.ns, name))
            if len(self.bare_order) > MOST_PENDING:
                self._bare_gone(*self.bare_order.popleft())
            return
        if self.high is None:
            self.base, self.base_at = seen.sequence, 0
            self.high = 0
        start = self.place(seen.sequence)
        item = Sent(seen, start)
        if start < self.high:
            item.again = True
            self._repeat(start, item.stop)
        else:
            self.base, self.base_at = seen.sequence, start
        self.high = max(self.high, item.stop)
        if self.counts(seen.ns):
            self.tally.frames += 1
            self.tally.bytes += seen.length
        if self.since is None and not (self.closed and seen.length == 1):  # one byte asks whether the window is open again
            self.since = seen
            self.quiet_ns = max(0, quiet[1] - max(quiet[0], self.came_ns or 0))
        self.pending.append(item)
        if len(self.pending) > MOST_PENDING:
            self._drop()

    def _drop(self) -> None:
        """Wait no longer for the oldest transmission."""
        item = self.pending.popleft()
        self.repeats -= item.again
        if item.left:
            self._gone(item)
        else:
            self.done -= 1

    def _begin(self, sequence: int) -> None:
        """A new connection of these addresses."""
        self.flush()
        self.base, self.base_at, self.high, self.acked = sequence, 0, 0, -1
        self.came_ns = self.since = None

    def _repeat(self, start: int, stop: int) -> None:
        self.repeats += 1
        for item in self.pending:
            if any(low < stop and start < high for low, high in item.left):
                item.repeated = True

    def acknowledged(self, seen: Sighting) -> None:
        """The receiver has spoken: what it has, and whether it takes more."""
        if self.high is not None and seen.flags & ACK:
            position = self.place(seen.acknowledgment)
            if position <= self.high + 1:
                self.acked = max(self.acked, position)
        if seen.window == 0 and not seen.flags & RST:
            self.closed = True

    # at the receiver's end

    def received(self, seen: Sighting) -> None:
        """A frame passed the receiver's end."""
        if not seen.length:
            self._received_bare(seen)
            return
        if self.counts(seen.ns):
            self.tally.frames_received += 1
            self.tally.bytes_received += seen.length
        if self.high is None:
            self._unseen(seen, seen.length)
            return
        start = self.place(seen.sequence)
        stop = start + seen.length
        last = self._through(start, stop, seen.ns + self.slack)
        if last is not None:
            self._took(last.seen.ns, seen.ns)
        unseen = stop - max(start, self.high)
        if unseen > 0 and last is None:
            self._unseen(seen, unseen)
            self.base, self.base_at, self.high = seen.sequence, start, stop
        self._moved(seen)

    def _through(self, start: int, stop: int, latest: int) -> Sent | None:
        """Take bytes off the transmissions they came from, the latest first; gives the one of the last byte."""
        fits = []
        for item in self.pending:
            if item.seen.ns > latest:
                break
            if item.left and item.left[0][0] < stop and start < item.left[-1][1]:
                fits.append(item)
            elif item.left and item.left[0][0] >= stop and not self.repeats:
                break
        last: Sent | None = None
        open_ = [(start, stop)]
        for item in reversed(fits):
            rest = []
            for low, high in open_:
                before = list(item.left)
                if item.take(low, high):
                    if high == stop and any(x < stop <= y for x, y in before):
                        last = item
                    rest += _without((low, high), before)
                else:
                    rest.append((low, high))
            open_ = rest
            if not open_:
                break
        self.done += sum(not item.left for item in fits)
        while self.pending and not self.pending[0].left:
            self._drop()
        if self.done * 2 > len(self.pending) + SWEPT:  # behind one that was lost
            self.repeats -= sum(item.again for item in self.pending if not item.left)
            self.pending = deque(item for item in self.pending if item.left)
            self.done = 0
        return last

    def _unseen(self, seen: Sighting, length: int) -> None:
        if self.counts(seen.ns - 2 * self.slack) and self.counts(seen.ns):
            self.tally.unseen_frames += 1
            self.tally.unseen_bytes += length

    def _moved(self, seen: Sighting) -> None:
        """Payload came through: what was a silence is over."""
        if self.came_ns is not None and self.since is not None and seen.ns - self.came_ns >= SHORTEST_NS:
            silence = Silence(self.came_ns, self.since.ns, seen.ns, self.closed, self.quiet_ns)
            self.tally.silences.append((self.line, silence))
        self.came_ns = seen.ns
        self.since = None
        self.closed = False

    def _received_bare(self, seen: Sighting) -> None:
        times = self.bare.get((seen.sequence, seen.acknowledgment, seen.flags & MARKS, seen.window))
        if not times:
            return
        ready = [ns for ns in times if ns <= seen.ns + self.slack]
        if not ready:
            return
        chosen = next((ns for ns in ready if ns >= seen.ns - BARE_NS), ready[-1])
        times.remove(chosen)
        self._took(chosen, seen.ns)

    def _took(self, sent_ns: int, came_ns: int) -> None:
        self.tally.times.append(sent_ns)
        self.tally.deltas.append(came_ns - sent_ns)

    # what did not come through

    def expire(self, ns: int) -> None:
        """Give up what has been waited for long enough."""
        while self.pending and self.pending[0].seen.ns < ns - PATIENCE_NS:
            self._drop()
        while self.bare_order and self.bare_order[0][0] < ns - PATIENCE_NS:
            self._bare_gone(*self.bare_order.popleft())

    def flush(self) -> None:
        """Nothing more will come through."""
        while self.pending:
            self._drop()
        while self.bare_order:
            self._bare_gone(*self.bare_order.popleft())

    def _bare_gone(self, ns: int, name: tuple[int, int, int, int]) -> None:
        times = self.bare.get(name)
        if times is not None and ns in times:
            times.remove(ns)
            self.tally.bare_lost += self.counts(ns, self.slack * 2)
        if not times:
            self.bare.pop(name, None)

    def _gone(self, item: Sent) -> None:
        missing = item.missing
        if not self.counts(item.seen.ns, self.slack * 2):
            return
        if not item.repeated and self.acked >= item.left[-1][1]:
            self.tally.unrecorded_frames += 1
            self.tally.unrecorded_bytes += missing
            return
        self.tally.lost_frames += 1
        self.tally.lost_bytes += missing
        if len(self.tally.lost) < EXAMPLES:
            self.tally.lost.append((self.line, item.seen))


def _without(span: tuple[int, int], ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of a span lies in none of the ranges, which ascend."""
    start, stop = span
    rest = []
    for low, high in ranges:
        if low >= stop:
            break
        if low > start:
            rest.append((start, min(low, stop)))
        start = max(start, high)
    if start < stop:
        rest.append((start, stop))
    return rest
