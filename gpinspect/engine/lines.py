"""Rows that follow from L: the first row of a package and that of the next one of its file.

Only CSV has it for every package, and nothing tells the rows of the last package of a file.
"""

from itertools import pairwise

from gpinspect.engine.exchange import ExchangeState
from gpinspect.grammar import csvopt
from gpinspect.model import UNKNOWN


def rows_by_line(states: list[ExchangeState]) -> list[int | None]:
    """Rows that each exchange of a read session got; None where L does not tell."""
    told: list[int | None] = [0 if state.counts is not None and not state.announced and state.ended else None for state in states]
    options = next((state.request.csvopt for state in states if state.request.csvopt is not None), None)
    parsed = csvopt.parse(options) if options is not None else None
    if parsed is None or not parsed.csv or parsed.form == "old":  # 4.3 counts lines, not rows
        return told
    files: dict[bytes, list[tuple[int, int, int, int]]] = {}
    unknown: set[int] = set()
    for number, state in enumerate(states):
        table = state.table
        if table is None or not table.data:
            continue
        told[number] = 0
        if state.cut or not state.framing:
            unknown.add(number)
        for index, file, offset, length, _ in table.spans():
            line = table.line(index)
            if offset == UNKNOWN or file >= len(table.files) or line in (0, UNKNOWN):
                unknown.add(number)
            else:
                files.setdefault(table.files[file], []).append((offset, offset + length, line, number))
    for rows in files.values():
        rows.sort()
        for (_, end, line, number), (offset, _, following, _) in pairwise(rows):
            if end == offset and following > line:
                told[number] = (told[number] or 0) + following - line
            else:
                unknown.add(number)
        unknown.add(rows[-1][3])
    for number in unknown:
        told[number] = None
    return told
