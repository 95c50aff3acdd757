"""Whose fault a silence was: the silences of single connections put together, server by server.

gpfdist is one thread, so a silence of all flows has one cause, and what one connection shows of it speaks for the others. A flow
that is silent while others move is only waiting for its turn, unless its own window or its own loss says otherwise.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gpinspect.analysis.intervals import Interval, overlap, union
from gpinspect.analysis.stall_alone import alone, unrecorded
from gpinspect.analysis.stall_clock import jumps_between
from gpinspect.analysis.stall_drafts import joined, told
from gpinspect.analysis.stall_evidence import explain, jump_ns, tick_of
from gpinspect.analysis.stall_lines import Line, by_server, counting
from gpinspect.analysis.stall_together import ServerLines, late_returns, together
from gpinspect.analysis.vantage import estimate
from gpinspect.model import Stall, Vantage, VantageEstimate


@dataclass(frozen=True, slots=True)
class Verdict:
    """Stalls in order of time, and jumps of the recorder's clock, which are none."""

    stalls: list[Stall]
    jumps: list[tuple[int, int]]  # when (the first frame after it), and how far ahead
    unknowable: frozenset[int]  # ids of connections of which nothing was traced but frames of one direction


def judge_stalls(lines: Sequence[Line], known: VantageEstimate) -> Verdict:
    """All stalls of these connections.

    Args:
        lines: Connections with what was traced of them; `silences` and `counted` are filled in here.
        known: Where the recorder stood.
    """
    counting(lines)
    tick = tick_of(lines)
    stepped = [
        ((one.start_ns, one.end_ns), ahead) for line in lines for one in line.traced.silences if (ahead := jump_ns(one, tick))
    ]
    between = list(jumps_between(lines, tick))
    stepped += between
    jumps = union(span for span, _ in stepped)
    starts = [start for start, _ in jumps]
    sizes = [0] * len(jumps)
    for (start, _), ahead in stepped:
        at = bisect_right(starts, start) - 1
        sizes[at] = max(sizes[at], ahead)

    def jumped(span: Interval) -> bool:
        """Whether most of a silence is a jump of the recorder's clock, as this or another connection shows."""
        at = max(0, bisect_right(starts, span[0]) - 1)
        return any(2 * overlap(span, jump) > max(jump[1] - jump[0], span[1] - span[0]) for jump in jumps[at : at + 2])

    for line in lines:
        line.tick_ns = tick
        line.settle(jumped)
    found: list[Stall] = []
    for several in by_server(lines).values():
        stood = known.vantage if known.given else _stood(several, known.vantage)
        for line in several:
            line.vantage = stood
        found += _of_server(ServerLines(several, [span for span, _ in between]))
    found.sort(key=lambda stall: (stall.start_ns, stall.session or 0))
    return Verdict(
        found,
        [(end, by) for (_, end), by in zip(jumps, sizes, strict=True)],
        frozenset(line.connection.id for line in lines if line.one_way),
    )


def _stood(lines: Sequence[Line], otherwise: Vantage) -> Vantage:
    """Where the recorder stood on the way to one server: captures of several places may have been merged."""
    stood = estimate((line.traced, line.client) for line in lines if line.carries).vantage
    return otherwise if stood is Vantage.UNKNOWN else stood


def _of_server(server: ServerLines) -> Iterator[Stall]:
    loads = [line for line in server.lines if line.carries]
    if not loads:
        return
    if not any(line.silences or line.traced.waits or line.writes or line.missing for line in server.lines):
        return
    for line in server.lines:
        server.evidence[id(line)] = [explain(line, silence) for silence in line.silences if not silence.closing]
    drafts = [*unrecorded(loads), *together(server, loads)]
    late_returns(drafts)
    drafts += alone(server, [*loads, *server.unanswered], drafts)
    for draft in joined(drafts):
        yield from told(draft)
