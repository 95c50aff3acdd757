"""Where blocks of rows are cut: text at its last row end, CSV at the last one outside of quotes, counting records on the way.

Source: fstream.c, fstream_read, scan_csv_records_crlf, scan_csv_records_lf, scan_csv_records_cr (6.24.3).
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from gpinspect.grammar.csvopt import CsvOptions

TEXT_END: Final = b"\n"


class Cut(NamedTuple):
    """Where whole rows end."""

    end: int  # bytes of whole rows; 0: no row ends here
    rows: int | None  # how many they are; None: not counted


Cutter = Callable[[bytes], Cut]


def last_cutter(csv: CsvOptions | None, delimiter: bytes) -> Cutter:
    """What finds the last row end of a stretch that begins with a row."""
    if csv is not None and csv.csv:
        return lambda data: cut_csv(data, csv)
    end = delimiter or TEXT_END

    def cut_text(data: bytes) -> Cut:
        found = data.rfind(end)
        return Cut(found + len(end) if found >= 0 else 0, None)

    return cut_text


def first_cutter(csv: CsvOptions | None, delimiter: bytes) -> Cutter:
    """What finds the first row end: that of a header row."""
    if csv is not None and csv.csv:
        return lambda data: cut_csv(data, csv, only_first=True)
    end = delimiter or TEXT_END

    def cut_text(data: bytes) -> Cut:
        found = data.find(end)
        return Cut(found + len(end), 1) if found >= 0 else Cut(0, 0)

    return cut_text


def cut_csv(data: bytes, csv: CsvOptions, *, only_first: bool = False) -> Cut:
    """Find the last (or first) end of a record, and count the records before it.

    Within quotes a doubled quote stays inside, and an escape that is not the quote protects the next byte.
    """
    end, quote, escape = csv.row_end, csv.quote, csv.escape
    quoting = bytes((quote,)) if quote < 256 and bytes((quote,)) not in end else b""
    escaping = bytes((escape,)) if escape < 256 and escape != quote else b""
    if only_first or (quoting and escaping and escaping in data):
        return _walk(data, end, quoting, escaping, only_first)
    if not quoting or quoting not in data:
        found = data.rfind(end)
        return Cut(found + len(end), data.count(end)) if found >= 0 else Cut(0, 0)
    outside = data.split(quoting)[::2]
    rows = quoting.join(outside).count(end)
    if not rows:
        return Cut(0, 0)
    return Cut(_last(data, end, quoting), rows)


def _last(data: bytes, end: bytes, quote: bytes) -> int:
    """Behind the last row end that has an even number of quotes in front; there is one."""
    position = len(data)
    behind = data.count(quote)
    while True:
        found = data.rfind(end, 0, position)
        behind -= data.count(quote, found, position)
        if behind % 2 == 0:
            return found + len(end)
        position = found + len(end) - 1


def _walk(data: bytes, end: bytes, quote: bytes, escape: bytes, only_first: bool) -> Cut:
    rows = last = 0
    for found in _pattern(end, quote, escape).finditer(data):
        if found.lastgroup == "end":
            rows += 1
            last = found.end()
            if only_first:
                break
    return Cut(last, rows)


@lru_cache(maxsize=16)
def _pattern(end: bytes, quote: bytes, escape: bytes) -> re.Pattern[bytes]:
    """Row ends outside of quotes; quoted stretches are matched so that they are stepped over."""
    row = b"(?P<end>" + re.escape(end) + b")"
    if not quote:
        return re.compile(row)
    q = re.escape(quote)
    inside = b"[^" + q + b"]*+"
    if escape:
        x = re.escape(escape)
        inside = b"(?:[^" + q + x + rb"]++|" + x + rb"(?s:.))*+" + x + b"?"
    return re.compile(row + b"|" + q + inside + b"(?:" + q + rb"|\Z)")
