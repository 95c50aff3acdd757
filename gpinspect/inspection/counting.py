"""Rows in payload that was kept, counted as gpfdist cuts them. A package begins with a row, and so does a body."""

from collections.abc import Sequence

from gpinspect.engine.content import BODY
from gpinspect.grammar.rows import CsvRows, EitherRows, TextRows, counter
from gpinspect.model import Exchange, FileCoverage, Outcome

_WHOLE_BODIES = frozenset({Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.DISCARDED, Outcome.CLOSED})


class RowTally:
    """Counts the rows of one exchange while its payload passes by."""

    def __init__(self, exchange: Exchange, options: str | None, delimiter: bytes | None) -> None:
        self._exchange = exchange
        self._how = (options, delimiter)
        self._package: int | None = None
        self._counter: TextRows | CsvRows | EitherRows | None = None
        self._rows: int | None = 0

    def feed(self, package: int, data: bytes) -> None:
        """The next piece of a package, or of the body."""
        if self._counter is None or package != self._package:
            self._close()
            self._package = package
            self._counter = counter(*self._how)
        self._counter.feed(data)

    def _close(self) -> None:
        if self._counter is not None and self._rows is not None:
            rows = self._counter.total()
            self._rows = None if rows is None else self._rows + rows

    def total(self) -> int | None:
        """Whole rows; None where some of the payload is missing or cut, or nobody knows how its rows end."""
        self._close()
        self._counter = None
        exchange = self._exchange
        if not exchange.payload_bytes and not exchange.missing_bytes and not exchange.packages.data:
            return 0
        if exchange.missing_bytes:
            return None
        if self._package == BODY:
            cut = exchange.row_end is False and not exchange.zstd  # gpfdist drops what is behind the last row end
            return self._rows if exchange.outcome in _WHOLE_BODIES and not cut else None
        table = exchange.packages
        if any(not table[index].complete for index, _, _, _, _ in table.spans()):
            return None
        return self._rows


def together(rows: Sequence[int | None], files: Sequence[FileCoverage] = ()) -> int | None:
    """Rows of several exchanges; None where those of one are not known, or some were given out twice."""
    if any(number is None for number in rows) or any(file.overlaps for file in files):
        return None
    return sum(number or 0 for number in rows)
