"""Rows cut into bodies: whole rows, at most so many bytes, and the last row gets the end that it lacks.

CSV rows are cut outside of quotes, so that no other segment's rows come between the lines of one record.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

CHUNK: Final = 1 << 20
"""Bytes read at a time."""

AHEAD: Final = 64 << 20
"""Bytes looked at before rows are dealt out, so that a small input reaches every segment."""

Read = Callable[[int], bytes]
"""Gives up to so many bytes; none at the end."""


class RowCutter:
    """Where rows end.

    Args:
        row_end: Bytes that end a row.
        quote, escape: Byte values; quote None for text.
    """

    def __init__(self, row_end: bytes = b"\n", quote: int | None = None, escape: int | None = None) -> None:
        self._end = row_end
        self._quote = None if quote is None else bytes((quote,))
        self._record: re.Pattern[bytes] | None = None
        if self._quote is not None and escape not in (None, quote):
            mark, slash, end = re.escape(self._quote), re.escape(bytes((escape or 0,))), re.escape(row_end)
            first = re.escape(row_end[:1])
            plain = b"[^" + mark + first + b"]++|(?!" + end + b")" + first
            quoted = mark + b"(?:[^" + mark + slash + b"]++|" + slash + b".)*+" + mark
            self._record = re.compile(b"(?:" + plain + b"|" + quoted + b")*+" + end, re.DOTALL)

    def cut(self, rows: bytes | bytearray, wanted: int) -> int:
        """Bytes of the whole rows at the start of `rows`: at most `wanted`, but one row at least; 0: no row ends in it."""
        if self._quote is None:
            return self._text(rows, wanted)
        return self._csv(rows, wanted) if self._record is None else self._records(rows, wanted)

    def _text(self, rows: bytes | bytearray, wanted: int) -> int:
        at = rows.rfind(self._end, 0, wanted)
        if at < 0:
            at = rows.find(self._end)
        return at + len(self._end) if at >= 0 else 0

    def _csv(self, rows: bytes | bytearray, wanted: int) -> int:
        """A row end is one if the quotes before it are even in number."""
        quote, end = self._quote, self._end
        assert quote is not None
        at = rows.rfind(end, 0, wanted)
        if at >= 0:
            odd = rows.count(quote, 0, at) & 1
            while odd:
                before = rows.rfind(end, 0, at)
                if before < 0:
                    break
                odd ^= rows.count(quote, before, at) & 1
                at = before
            if not odd:
                return at + len(end)
        at, counted, odd = rows.find(end), 0, 0
        while at >= 0:
            odd ^= rows.count(quote, counted, at) & 1
            if not odd:
                return at + len(end)
            counted = at
            at = rows.find(end, at + len(end))
        return 0

    def _records(self, rows: bytes | bytearray, wanted: int) -> int:
        assert self._record is not None
        at = 0
        while (found := self._record.match(rows, at)) is not None and (not at or found.end() <= wanted):
            at = found.end()
        return at


class Dealer:
    """Cuts an input into bodies.

    Args:
        read: The input.
        cutter: Where its rows end.
        row_end: Given to a last row that has none: a server drops such a row.
        largest: Bytes of a body, unless one row is longer (`writable_external_table_bufsize`).
        gp_segments: How many take turns.
    """

    def __init__(self, read: Read, cutter: RowCutter, row_end: bytes, largest: int, gp_segments: int) -> None:
        self._read = read
        self._cutter = cutter
        self._row_end = row_end
        self._largest = largest
        self._ahead = min(AHEAD, largest * gp_segments)
        self._gp_segments = gp_segments
        self.ended_row = False  # the last row got an end

    def bodies(self) -> Iterator[bytes]:
        """Bodies in the order of the input; the segments take them in turn."""
        held = bytearray()
        over = False
        while not over and len(held) < self._ahead:
            over = not self._more(held)
        wanted = min(self._largest, max(1, -(-len(held) // self._gp_segments))) if over else self._largest
        tried = 0  # bytes in which no row ends
        while True:
            while not over and len(held) < max(wanted, 2 * tried):
                over = not self._more(held)
            size = self._cutter.cut(held, wanted)
            if size:
                yield bytes(held[:size])
                del held[:size]
                tried = 0
            elif over:
                if held:
                    yield bytes(held)  # a quote that is never closed: one row to the end
                return
            else:
                tried = len(held)

    def _more(self, held: bytearray) -> bool:
        """Read on; False at the end, where the last row gets its end."""
        data = self._read(CHUNK)
        held += data
        if not data and held and not held.endswith(self._row_end):
            held += self._row_end
            self.ended_row = True
        return bool(data)
