"""Rows of content that begins and ends between rows, counted without walking through it: the fast twin of `grammar.rows`.

Where a quote and an escape differ, or content comes in pieces, the twin does the work.
"""

from collections.abc import Callable

from gpinspect.grammar import csvopt
from gpinspect.grammar.rows import counter

Count = Callable[[bytes], int]


def whole_counter(options: str, delimiter: bytes) -> Count:
    """What counts the rows of whole content; `options` and `delimiter` as `grammar.rows.counter` takes them."""
    parsed = csvopt.parse(options)
    if parsed is not None and parsed.csv and parsed.escape in (0, parsed.quote) and 0 < parsed.quote < 256:
        return _csv(bytes((parsed.quote,)), parsed.row_end)
    if parsed is not None and not parsed.csv:
        return _text(delimiter or b"\n")

    def slow(data: bytes) -> int:
        counting = counter(options, delimiter)
        counting.feed(data)
        return counting.total() or 0

    return slow


def _text(end: bytes) -> Count:
    return lambda data: data.count(end) + bool(data and not data.endswith(end))


def _csv(quote: bytes, end: bytes) -> Count:
    def count(data: bytes) -> int:
        pieces = data.split(quote)  # what stands at even places is outside of quotes
        outside = quote.join(pieces[::2])
        whole = len(pieces) & 1 and data.endswith(end)
        return outside.count(end) + bool(data and not whole)

    return count
