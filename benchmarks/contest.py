"""One capture, all tools, several rounds: who answered rightly, and at what cost."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.generate import Made
from benchmarks.measure import BOUND_S, Run, rotations, run, warm
from benchmarks.provide import last_line, present
from benchmarks.tools import LIMIT, Answer, Tool

NEITHER = 4  # exit status of gpinspect for a capture without gpfdist: right for an empty one


@dataclass
class Series:
    """What one tool did. `verdict` is empty while it has answered rightly in every round."""

    tool: Tool
    cpu_s: dict[int, float] = field(default_factory=dict)  # by round
    peak_mib: list[float] = field(default_factory=list)
    verdict: str = ""

    @property
    def median_s(self) -> float | None:
        return statistics.median(self.cpu_s.values()) if self.cpu_s else None

    def ratios(self, reference: "Series") -> list[float]:
        """This one's CPU to the reference's, round by round; of the limit the other way round. Empty without right answers."""
        if self is reference or self.verdict or reference.verdict:
            return []
        pairs = [(self.cpu_s[number], reference.cpu_s[number]) for number in self.cpu_s if number in reference.cpu_s]
        turned = self.tool.kind == LIMIT
        return [(theirs / ours if turned else ours / theirs) for ours, theirs in pairs if ours > 0 and theirs > 0]


def contest(
    made: Made, tools: list[Tool], rounds: int, *, empty: bool = False, tell: Callable[[str], None] = lambda _: None
) -> list[Series]:
    """Run every tool once a round, in rotation, on a capture that is in the page cache.

    A tool that failed, did not finish or was wrong is not run again.

    Args:
        empty: The capture has no frame: only the cost of starting is wanted, and no answer is checked.
    """
    warm(made.path)
    series = [Series(tool, verdict="" if present(tool) else f"missing: {tool.install}") for tool in tools]
    for number, order in enumerate(rotations(len(series), rounds)):
        for place in order:
            one = series[place]
            if not one.verdict:
                tell(f"round {number + 1} of {rounds}: {one.tool.name}")
                judge(one, number, run(one.tool.command(made)), made, empty)
    return series


def judge(one: Series, number: int, result: Run, made: Made, empty: bool) -> None:
    """Add a run to the series, or the reason why it does not count."""
    answer = Answer()
    if not result.finished:
        one.verdict = f"did not finish in {BOUND_S} s"
        return
    if result.status and not (empty and result.status == NEITHER):
        one.verdict = f"not runnable (status {result.status}): {last_line(result.stderr)[:80]}"
        return
    if not empty:
        try:
            answer = one.tool.answer(result.stdout, made.truth)
        except (ValueError, KeyError, IndexError, TypeError) as problem:
            one.verdict = f"answer not understood: {type(problem).__name__} {str(problem)[:60]}"
            return
        one.verdict = answer.wrong(made.truth)
    one.cpu_s[number] = result.cpu_s if answer.scaled is None else answer.scaled
    one.peak_mib.append(result.peak_mib)
