"""Where rows end, the way gpfdist sees it: rows of text at a delimiter, rows of CSV outside of quotes.

Source: fstream.c, fstream_read, scan_csv_records_crlf, scan_csv_records_lf, scan_csv_records_cr (6.24.3).
"""

import re
from functools import lru_cache

from gpinspect.grammar import csvopt


class TextRows:
    """Rows that end with a delimiter, wherever it stands."""

    __slots__ = ("_delimiter", "_ends", "_tail")

    def __init__(self, delimiter: bytes = b"\n") -> None:
        self._delimiter = delimiter or b"\n"
        self._ends = 0
        self._tail = b""  # of the row that has not ended, as much as may begin a delimiter, but a byte at least

    def feed(self, data: bytes) -> None:
        if not data:
            return
        delimiter = self._delimiter
        if len(delimiter) == 1:
            self._ends += data.count(delimiter)
            self._tail = b"" if data.endswith(delimiter) else data[-1:]
            return
        *ended, loose = (self._tail + data).split(delimiter)
        self._ends += len(ended)
        self._tail = loose[1 - len(delimiter) :]

    def total(self) -> int:
        return self._ends + bool(self._tail)


class CsvRows:
    """Rows that end with LF, CR or CR LF outside of quotes. A doubled quote closes and opens again."""

    __slots__ = ("_ends", "_escape", "_escaped", "_last", "_loose", "_quote", "_quoted", "_row_end")

    def __init__(self, quote: int = 34, escape: int = 34, row_end: bytes = b"\n") -> None:
        self._quote = bytes((quote & 255,))
        self._escape = bytes((escape & 255,)) if escape and escape != quote else b""
        self._row_end = row_end
        self._ends = 0
        self._quoted = False
        self._escaped = False  # the last byte was an escape within quotes
        self._last = b""  # last byte outside of quotes
        self._loose = False  # bytes stand behind the last row end

    def feed(self, data: bytes) -> None:
        if not data:
            return
        if self._escape:
            data = self._without_escaped(data)
            if not data:
                self._loose = True
                return
        pieces = data.split(self._quote)
        for number, piece in enumerate(pieces):
            if number:
                self._quoted = not self._quoted
                self._last = b""
                self._loose = True
            if piece:
                if self._quoted:
                    self._loose = True
                else:
                    self._outside(piece)

    def _outside(self, piece: bytes) -> None:
        end = self._row_end
        if len(end) == 1:
            self._ends += piece.count(end)
            self._loose = not piece.endswith(end)
            return
        if self._last == end[:1] and piece.startswith(end[1:]):
            self._ends += 1
            piece = piece[1:]
            self._loose = False
        if piece:
            self._ends += piece.count(end)
            self._loose = not piece.endswith(end)
        self._last = piece[-1:]

    def _without_escaped(self, data: bytes) -> bytes:
        """Leave out escapes within quotes and what they protect; whether a byte is within quotes is followed along."""
        if self._escaped:
            data = data[1:]
            self._escaped = False
        kept = []
        quoted = self._quoted
        at = 0
        pattern = _marks(self._quote, self._escape)
        for found in pattern.finditer(data):
            mark = found.start()
            if mark < at:
                continue
            if data[mark : mark + 1] == self._quote:
                quoted = not quoted
            elif quoted:
                kept.append(data[at:mark])
                at = mark + 2
                self._escaped = at > len(data)
        kept.append(data[at:])
        return b"".join(kept)

    def total(self) -> int:
        return self._ends + self._loose


@lru_cache(maxsize=16)
def _marks(quote: bytes, escape: bytes) -> re.Pattern[bytes]:
    return re.compile(b"[" + re.escape(quote) + re.escape(escape) + b"]")


class EitherRows:
    """Rows of content of which nobody said whether it is text or CSV: known where both readings give the same number."""

    __slots__ = ("_csv", "_text")

    def __init__(self, delimiter: bytes | None = None) -> None:
        self._text = TextRows(delimiter or b"\n")
        self._csv = CsvRows(row_end=delimiter if delimiter in (b"\r", b"\r\n") else b"\n")

    def feed(self, data: bytes) -> None:
        self._text.feed(data)
        self._csv.feed(data)

    def total(self) -> int | None:
        return self._text.total() if self._text.total() == self._csv.total() else None


def counter(options: str | None, delimiter: bytes | None) -> TextRows | CsvRows | EitherRows:
    """What counts the rows of a request.

    Args:
        options: X-GP-CSVOPT of the request that opened the session; None: it said nothing.
        delimiter: Of X-GP-LINE-DELIM-STR; rows of CSV end as the options say.
    """
    parsed = csvopt.parse(options) if options is not None else None
    if parsed is None:
        return EitherRows(delimiter)
    if parsed.csv:
        return CsvRows(parsed.quote, parsed.escape, parsed.row_end)
    return TextRows(delimiter or b"\n")
