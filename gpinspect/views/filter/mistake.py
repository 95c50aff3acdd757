"""What is wrong with an expression, and where."""

from collections.abc import Sequence

from gpinspect.views.text import cells, printable

_AROUND = 60
"""Characters of the expression that are shown on either side of a mistake."""


class FilterError(ValueError):
    """`start` and `end` are characters of the expression, counted from 0; the end may lie one behind its last."""

    def __init__(self, problem: str, start: int, end: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.start = start
        self.end = max(end, start + 1)


def pointed(expression: str, mistake: FilterError) -> Sequence[str]:
    """The expression around the mistake and a caret below it, each safe for a terminal and without a line end."""
    first, last = max(0, mistake.start - _AROUND), min(len(expression), mistake.start + _AROUND)
    lead = "…" if first else ""
    before = lead + printable(expression[first : mistake.start])
    at = printable(expression[mistake.start : min(mistake.end, last)])
    rest = printable(expression[min(mistake.end, last) : last]) + ("…" if last < len(expression) else "")
    return [before + at + rest, " " * cells(before) + "^" * max(1, cells(at))]
