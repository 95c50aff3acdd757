"""What stands where in one direction of a connection, and what is to stand there: the same for every TCP segment that carries it.

A plan knows stretches of three kinds: bytes given literally, rows of a format, and blocks of zstd. Everything else is filler, so
what nobody understood cannot leak. Memory: 28 bytes a stretch and the literal bytes, which grow with messages, not with rows.
"""

from array import array
from bisect import bisect_left, bisect_right
from hashlib import blake2b
from typing import Final

from gpinspect.engine.stream import HALF, MASK, WRAP
from gpinspect.grammar.layouts import END_PACKAGE
from gpinspect.inspection.redact_rows import RowRule, ends_escaped
from gpinspect.inspection.redact_zstd import Block, render

FILLER: Final = 0x58
LITERAL, ROWS, ZSTD = range(3)
_UNKNOWN: Final = -1
MOST_CONTESTED: Final = 1 << 20
"""Bytes of TCP segments that came twice and differed, of which the first are kept, for each direction."""


class Plan:
    """One direction. Positions count bytes from its first one, as the engine counts them.

    Args:
        salt: Secret; it decides how bytes that differ from those that came first are told apart.
    """

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self.origin: int | None = None  # sequence number of position 0
        self._starts = array("Q")
        self._ends = array("Q")
        self._kinds = bytearray()
        self._values = array("q")  # of a literal: place in `_bytes`; of rows: number of the rule; of zstd: place in `_blocks`
        self._bytes = bytearray()
        self._rules: list[RowRule] = []
        self._blocks: list[Block] = []
        self._settled = True
        self._unsure: set[int] = set()  # positions that may hold the N of a NULL and are masked as if they did not
        self._unsure_sorted: list[int] = []
        self._contested: list[tuple[int, int]] = []
        self._disputed = 0  # bytes of those stretches
        self._first: dict[int, int] = {}  # position in them -> the byte that came first
        self.finale = -1  # position behind the last byte of a package that broke off: an end package may stand in front of it
        self._reached = 0  # behind the last byte that was filled
        self._escaped = False  # whether the byte at `_reached` is escaped
        self._known = False  # whether that is known

    # making it --------------------------------------------------------------------------------------------------------

    def _add(self, start: int, end: int, kind: int, value: int) -> None:
        if start < end:
            self._starts.append(start)
            self._ends.append(end)
            self._kinds.append(kind)
            self._values.append(value)
            self._settled = False

    def literal(self, position: int, data: bytes) -> None:
        """These bytes stand there. They go before anything else that is said of the place."""
        self._add(position, position + len(data), LITERAL, len(self._bytes))
        self._bytes += data

    def rows(self, start: int, end: int, rule: RowRule) -> None:
        """Rows of a format stand there."""
        if not self._rules or self._rules[-1] is not rule:
            self._rules.append(rule)
        self._add(start, end, ROWS, len(self._rules) - 1)

    def block(self, block: Block) -> None:
        """A block of zstd stands there."""
        self._add(block.position, block.position + block.size, ZSTD, len(self._blocks))
        self._blocks.append(block)

    def unsure(self, position: int) -> None:
        """A segment begins here with the letter of NULL, and nobody knows whether an escape stands in front of it."""
        self._unsure.add(position)

    def contested(self, start: int, end: int) -> None:
        """Bytes of this stretch came twice and differ; so will their masks."""
        if start < end and self._disputed + end - start <= MOST_CONTESTED:
            self._disputed += end - start
            self._contested.append((start, end))

    def settle(self) -> None:
        """Everything is said: put it in order. Of two that say something of one place literals win, then what begins first."""
        self._unsure_sorted = sorted(self._unsure)
        self._contested = _merged(self._contested)
        if self._settled:
            return
        self._settled = True
        starts, ends = self._starts, self._ends
        if all(ends[at] <= starts[at + 1] for at in range(len(starts) - 1)):
            return
        literals = sorted((at for at in range(len(starts)) if self._kinds[at] == LITERAL), key=starts.__getitem__)
        others = sorted((at for at in range(len(starts)) if self._kinds[at] != LITERAL), key=starts.__getitem__)
        free: list[tuple[int, int, int, int]] = []
        reached = 0
        for at in literals:
            start = max(starts[at], reached)
            if start < ends[at]:
                free.append((start, ends[at], LITERAL, self._values[at] + start - starts[at]))
                reached = ends[at]
        reached = number = 0
        pieces = free[:]
        for at in others:
            start, end = max(starts[at], reached), ends[at]
            reached = max(reached, end)
            while number < len(free) and free[number][1] <= start:
                number += 1
            look = number
            while start < end:
                stop = free[look][0] if look < len(free) and free[look][0] < end else end
                if start < stop:
                    pieces.append((start, stop, self._kinds[at], self._values[at]))
                start = max(start, free[look][1]) if stop < end else end
                look += 1
        pieces.sort()
        self._starts = array("Q", (piece[0] for piece in pieces))
        self._ends = array("Q", (piece[1] for piece in pieces))
        self._kinds = bytearray(piece[2] for piece in pieces)
        self._values = array("q", (piece[3] for piece in pieces))

    # using it ---------------------------------------------------------------------------------------------------------

    def position(self, sequence: int) -> int | None:
        """Position of a sequence number, near to what was filled last; None where nothing of the stream was understood."""
        if self.origin is None:
            return None
        ahead = (sequence - self.origin - self._reached) & MASK
        return self._reached + (ahead - WRAP if ahead >= HALF else ahead)

    def fill(self, position: int | None, data: bytes, wire: int) -> bytes:
        """What stands for `data`, which begins at a position of the stream and was `wire` bytes long there."""
        if position is None or position < 0:
            return bytes((FILLER,)) * len(data)
        follows = position == self._reached and self._known
        escaped = follows and self._escaped
        end = position + len(data)
        index = bisect_right(self._ends, position)
        starts, ends = self._starts, self._ends
        ending = False  # whether the byte behind `data` is escaped
        if index < len(starts) and starts[index] <= position and ends[index] >= end and self._kinds[index] == ROWS:
            rule = self._rules[self._values[index]]
            out = rule.fill(data, escaped)
            ending = rule.text and data.endswith(b"\\") and ends_escaped(data, escaped) and end < ends[index]
        else:
            parts = []
            at = position
            while at < end and index < len(starts) and starts[index] < end:
                start, stop = max(starts[index], at), min(ends[index], end)
                parts += [bytes((FILLER,)) * (start - at), self._stretch(index, start, stop, data, position, escaped)]
                rule = self._rules[self._values[index]] if self._kinds[index] == ROWS else _NO_RULE
                inner = data[start - position : stop - position]
                carried = escaped and start == position
                ending = rule.text and stop == end < ends[index] and inner.endswith(b"\\") and ends_escaped(inner, carried)
                at = stop
                index += 1
            parts.append(bytes((FILLER,)) * (end - at))
            out = b"".join(parts)
        if end == self.finale and data.endswith(END_PACKAGE):
            out = out[: -len(END_PACKAGE)] + END_PACKAGE
        if self._unsure_sorted or self._contested:
            out = self._exceptions(position, data, out)
        if position + wire >= self._reached:
            self._reached = position + wire
            self._escaped, self._known = ending, wire == len(data)
        return out

    def _stretch(self, index: int, start: int, stop: int, data: bytes, position: int, escaped: bool) -> bytes:
        value, begin = self._values[index], self._starts[index]
        kind = self._kinds[index]
        if kind == LITERAL:
            return bytes(self._bytes[value + start - begin : value + stop - begin])
        if kind == ROWS:
            return self._rules[value].fill(data[start - position : stop - position], escaped and start == position)
        block = self._blocks[value]
        return render(block, FILLER)[start - block.position : stop - block.position]

    def _exceptions(self, position: int, data: bytes, out: bytes) -> bytes:
        made = bytearray(out)
        end = position + len(data)
        for at in self._unsure_sorted[bisect_left(self._unsure_sorted, position) : bisect_left(self._unsure_sorted, end)]:
            if made[at - position] == 0x4E:
                made[at - position] = FILLER
        index = bisect_right(self._contested, position, key=lambda stretch: stretch[1])
        while index < len(self._contested) and self._contested[index][0] < end:
            start, stop = self._contested[index]
            index += 1
            for at in range(max(start, position), min(stop, end)):
                first = self._first.setdefault(at, data[at - position])
                if first != data[at - position]:
                    named = b"%d %d %d" % (at, first, data[at - position])
                    made[at - position] ^= 0x80 | blake2b(named, key=self._salt, digest_size=1).digest()[0]
        return bytes(made)


def _merged(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same places in order, none in two stretches."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


_NO_RULE: Final = RowRule(b"", False)
