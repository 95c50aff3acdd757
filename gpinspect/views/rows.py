"""Rows in the content of a package: where each begins, by the row ends and quotes that the request asked for.

What separates columns is known to the segments alone, so rows are not cut into columns.
"""

import re
from array import array
from collections.abc import Sequence

from gpinspect.grammar import csvopt


def row_starts(data: bytes, start: int, options: str | None, delimiter: bytes | None) -> Sequence[int]:
    """Position of the first byte of each row from `start` on.

    Args:
        options: X-GP-CSVOPT as sent; a row end between quotes ends no row of CSV.
        delimiter: What ends a row of text, where it is not a line feed.

    Source: fstream.c, scan_csv_records and find_last_eol_delim (6.24.3).
    """
    known = csvopt.parse(options) if options else None
    if known is None or not known.csv or not 0 < known.quote < 256:
        return _lines(data, start, delimiter or b"\n")
    return _csv(data, start, known.row_end, bytes((known.quote,)), bytes((known.escape,)) if 0 < known.escape < 256 else b"")


def _lines(data: bytes, start: int, delimiter: bytes) -> Sequence[int]:
    found = array("Q")
    position = start
    while position < len(data):
        found.append(position)
        end = data.find(delimiter, position)
        if end < 0:
            break
        position = end + len(delimiter)
    return found


def _csv(data: bytes, start: int, row_end: bytes, quote: bytes, escape: bytes) -> Sequence[int]:
    plain = re.compile(re.escape(row_end) + b"|" + re.escape(quote))
    inside = re.compile((re.escape(escape) + b".|" if escape and escape != quote else b"") + re.escape(quote), re.DOTALL)
    found = array("Q", (start,) if start < len(data) else ())
    position, quoted = start, False
    while (hit := (inside if quoted else plain).search(data, position)) is not None:
        position = hit.end()
        if hit[0] == quote:
            quoted = not quoted
        elif not quoted and position < len(data):
            found.append(position)
    return found
