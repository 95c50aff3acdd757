"""Silences of all flows of a server at once.

gpfdist is one thread, so such a silence has one cause, and what one connection shows of it speaks for the others.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice, pairwise
from typing import Final

from gpinspect.analysis.intervals import Interval, overlap, union, without
from gpinspect.analysis.stall_drafts import (
    BLACKOUT,
    BLOCKED,
    LOSS,
    MISSING,
    SILENT_TLS,
    SLOW_POST,
    STARVED,
    STOPPED,
    UNCLEAR,
    Part,
    StallDraft,
    blackout_around,
)
from gpinspect.analysis.stall_evidence import MILLISECOND, Evidence, Why, came_back_with_holes, owed, prompt_ns
from gpinspect.analysis.stall_lines import Line, moving
from gpinspect.engine.silences import Wait, plain
from gpinspect.engine.trace import QUIET_NS
from gpinspect.model import Cause, Vantage

PAUSE_NS: Final = 500 * MILLISECOND
"""A server that says nothing to anybody for so long is held up, where its blocks come faster than a quarter of that."""
LONG_PAUSE_NS: Final = 750 * MILLISECOND
"""A server that says nothing for so long is held up at any pace."""
TIMES_USUAL: Final = 4
LOSSY: Final = 4
"""Silences of posts that loss explains, from which on loss is taken into account where it cannot be seen."""
WRITERS_NS: Final = 800 * MILLISECOND
"""Pauses of half a second between the posts of a segment are usual; all of them together rest longer only if they have to."""
MOST_BLOCKS: Final = 4096
"""Blocks of one flow that are looked at for the usual pace."""
SETTLE_NS: Final = 600 * MILLISECOND
"""While one window fills, the server may wait to finish a send: all flows rest, and nobody else is to blame."""
_ON_THE_WAY: Final = (Why.PATH, Why.OPENING)


@dataclass
class ServerLines:
    """All connections to one server address."""

    lines: list[Line]
    jumps: Sequence[Interval] = ()  # of the recorder's clock, between connections
    evidence: dict[int, list[Evidence]] = field(default_factory=dict)  # by id of the line object

    @cached_property
    def strangers(self) -> list[Line]:
        """Connections to a TLS port over which the client said nothing."""
        if not any(line.connection.tls for line in self.lines):
            return []
        return [line for line in self.lines if line.traced.established_ns and not line.client_side.payload and not line.carries]

    @cached_property
    def lossy(self) -> bool:
        """Whether the path lost so much of what was posted that lost SYNs, which are not seen near the server, are likely."""
        lost = sum(one.why in _ON_THE_WAY for line in self.lines if line.writes for one in self.of(line))
        return lost >= LOSSY and any(line.vantage is not Vantage.NEAR_CLIENT for line in self.lines)

    @property
    def unanswered(self) -> list[Line]:
        """Connections that nobody answered, however often the SYN came."""
        return [line for line in self.lines if not line.carries and len(line.traced.syns) > 1 and not line.traced.answers]

    def of(self, line: Line) -> list[Evidence]:
        return self.evidence.get(id(line), [])

    @cached_property
    def _by_silence(self) -> dict[int, Evidence]:
        return {id(one.silence): one for several in self.evidence.values() for one in several}

    def over(self, line: Line, span: Interval) -> Evidence | None:
        """What explains the silence of a line that lasts through most of a span."""
        silence = line.silence_over(span)
        if isinstance(silence, Wait):
            wait = plain(silence)
            return came_back_with_holes(line, wait) or owed(line, wait, line.by_side(silence.side))
        return self._by_silence.get(id(silence)) if silence is not None else None


def together(server: ServerLines, loads: list[Line]) -> Iterator[StallDraft]:
    """Silences of all flows at once."""
    due = union(span for span in _dues(loads))
    pace, posts = _Pace(loads), _Posts(loads)
    spans = [span for span in without(due, union([*moving(loads), *server.jumps])) if span[1] - span[0] >= QUIET_NS]
    ends = [end for _, end in spans]
    during: list[list[Line]] = [[] for _ in spans]
    for line in loads:
        for number in range(bisect_right(ends, min(line.due[0], line.traced.start_ns)), len(spans)):
            if spans[number][0] >= max(line.due[1], line.traced.end_ns):
                break
            during[number].append(line)
    dark = 0  # when the last blackout was over
    for span, present in zip(spans, during, strict=True):
        for draft in _silent(server, present, span, pace, posts, dark):
            if draft.pattern == BLACKOUT:
                dark = max(dark, draft.span[1])
            yield draft


def _dues(loads: list[Line]) -> Iterator[Interval]:
    """When anybody waited for anything: of reads, from request to end; of writes, from the first post to the last answer."""
    writes: dict[int | None, list[Interval]] = {}
    for line in loads:
        if line.writes:
            writes.setdefault(line.session, []).append(line.due)
        else:
            yield line.due
            for evidence in line.traced.silences[:1]:
                if evidence.opening:
                    yield (evidence.start_ns, evidence.end_ns)
    for dues in writes.values():
        yield (min(start for start, _ in dues), max(end for _, end in dues))


class _Pace:
    """How long it usually takes from one block of the server to the next; worked out when somebody asks."""

    def __init__(self, loads: Sequence[Line]) -> None:
        self._loads = loads
        self._usual: int | None = None

    @property
    def usual_ns(self) -> int:
        """The middle of all; 0 where there are no blocks to see."""
        if self._usual is None:
            tables = [exchange.packages for line in self._loads for exchange in line.exchanges]
            starts = array("Q", sorted(package.ns for table in tables for package in islice(table, MOST_BLOCKS)))
            steps = sorted(later - earlier for earlier, later in pairwise(starts))
            self._usual = steps[len(steps) // 2] if steps else 0
        return self._usual


def _silent(
    server: ServerLines, loads: list[Line], span: Interval, pace: "_Pace", posts: "_Posts", dark: int
) -> Iterator[StallDraft]:
    """One silence of everybody; `dark` is the end of the last blackout in front of it."""
    waiting = [line for line in loads if overlap(line.due, span) * 2 > span[1] - span[0] or _opens_in(line, span)]
    shown = [(line, evidence) for line in waiting if (evidence := server.over(line, span)) is not None]
    kinds = {evidence.why for _, evidence in shown}
    duration = span[1] - span[0]
    if Why.RECORDER in kinds:
        parts = [Part(line, *_clip(evidence, span), evidence) for line, evidence in shown]
        words = next(evidence.words for _, evidence in shown if evidence.why is Why.RECORDER)
        yield StallDraft(Cause.CAPTURE, MISSING, span, parts, words)
        return
    path = [evidence for _, evidence in shown if evidence.why in _ON_THE_WAY and _explains(evidence, span)]
    if path and (duration >= PAUSE_NS or len(path) * 2 > len(shown)):  # else one flow lost something while nobody had a turn
        parts = [
            Part(line, max(evidence.silence.start_ns, span[0]), evidence.silence.end_ns if evidence in path else span[1], evidence)
            for line, evidence in shown
            if evidence.why in (*_ON_THE_WAY, Why.SERVER_OWED, Why.CLIENT_OWED, Why.NOT_LOOKED_AT)
        ]
        parts += posts.resting(span, parts)
        several = (
            len({(part.line.session, part.line.segment, part.line.segment is None and part.line.connection.id) for part in parts})
            > 1
        )
        yield StallDraft(Cause.NETWORK, BLACKOUT if several else LOSS, span, parts, _best(path).words)
        return
    shut = [(line, evidence) for line, evidence in shown if evidence.why is Why.CLIENT_WINDOW and not line.writes]
    idle = [(line, evidence) for line, evidence in shown if evidence.why is Why.SERVER_OWED]
    reads = [(line, evidence) for line, evidence in idle if not line.writes]
    if shut and (duration < SETTLE_NS or not reads):
        return  # told flow by flow
    if any(line.writes for line in waiting) or (posts and not any(overlap(line.due, span) for line in loads if not line.writes)):
        yield from _posted(server, posts, span, shown)
        return
    if not reads:
        unclear = [(line, evidence) for line, evidence in shown if evidence.why is Why.NOBODY_KNOWS]
        if unclear and duration >= LONG_PAUSE_NS:
            parts = [Part(line, *_clip(evidence, span), evidence) for line, evidence in unclear]
            yield StallDraft(Cause.UNKNOWN, UNCLEAR, span, parts, unclear[0][1].words)
        return
    if duration < PAUSE_NS or (duration < LONG_PAUSE_NS and duration < TIMES_USUAL * pace.usual_ns):
        return
    others = [(line, evidence) for line, evidence in shown if evidence.why is Why.NOT_LOOKED_AT]
    parts = [Part(line, *_clip(evidence, span), evidence) for line, evidence in (*reads, *others)]
    if all(evidence.silence.start_ns < dark and line.vantage is not Vantage.NEAR_SERVER for line, evidence in reads):
        words = "no frame of these flows has come since the path went dark: their retransmission is awaited"
        yield StallDraft(Cause.NETWORK, BLACKOUT, span, parts, words)
        return
    how_many = f"{len(parts)} flows: " if len(parts) > 1 else ""
    yield StallDraft(Cause.SERVER, _blocker(server, span, BLOCKED), span, parts, how_many + reads[0][1].words)


def _opens_in(line: Line, span: Interval) -> bool:
    return any(silence.opening and silence.start_ns < span[1] and silence.end_ns > span[0] for silence in line.silences)


def _clip(evidence: Evidence, span: Interval) -> Interval:
    return (max(evidence.silence.start_ns, span[0]), min(evidence.silence.end_ns, span[1]))


def _explains(evidence: Evidence, span: Interval) -> bool:
    """Whether what one flow shows lasts through most of a silence of all, and up to its end."""
    part, duration = overlap((evidence.start_ns, evidence.end_ns), span), span[1] - span[0]
    return part * 2 >= duration and (evidence.end_ns >= span[1] - prompt_ns(duration) or part * 4 >= 3 * duration)


def _best(several: Sequence[Evidence]) -> Evidence:
    return max(several, key=lambda evidence: (evidence.retransmissions > 0, evidence.duration_ns))


def _blocker(server: ServerLines, span: Interval, otherwise: str) -> str:
    """What the single thread was waiting for, where another connection shows it."""
    lives = ((line.traced.start_ns, line.traced.end_ns) for line in server.strangers)
    return SILENT_TLS if any(overlap(life, span) * 2 > span[1] - span[0] for life in lives) else otherwise


class _Posts:
    """The posts of each segment of each session, to say which of them rest at a time."""

    def __init__(self, loads: Sequence[Line]) -> None:
        self._posts: dict[tuple[int | None, int | None], list[tuple[int, int, Line]]] = {}
        self._ends: dict[int | None, int] = {}
        for line in loads:
            if line.writes:
                start, end = line.due
                self._posts.setdefault((line.session, line.segment), []).append((start, line.connection.id, line))
                self._ends[line.session] = max(end, self._ends.get(line.session, 0))
        for several in self._posts.values():
            several.sort(key=lambda post: post[:2])

    def __bool__(self) -> bool:
        return bool(self._posts)

    def resting(self, span: Interval, known: Sequence[Part], cause: Cause | None = None) -> list[Part]:
        """Of each segment that has begun and shows nothing in a silence of its session: its last post stands for it."""
        have = {(part.line.session, part.line.segment) for part in known}
        found = []
        for name, several in self._posts.items():
            before = bisect_right(several, span[0], key=lambda post: post[0])
            if name not in have and before and self._ends[name[0]] >= span[1]:
                line = several[before - 1][2]
                found.append(Part(line, *span, cause=cause, frames=(line.connection.frames[1],) * 2))
        return found


def _posted(server: ServerLines, posts: _Posts, span: Interval, shown: Sequence[tuple[Line, Evidence]]) -> Iterator[StallDraft]:
    """A silence of everybody while a statement writes."""
    duration = span[1] - span[0]
    slow = [pair for pair in shown if pair[0].writes and pair[1].why is Why.CLIENT_OWED and pair[0].client_side.payload]
    held = [pair for pair in shown if pair[1].why in (Why.SERVER_WINDOW, Why.SERVER_OWED)]
    parts = [Part(line, *_clip(evidence, span), evidence) for line, evidence in (*held, *slow)]
    if slow and duration >= PAUSE_NS:
        for part in parts:
            part.cause = Cause.SEGMENT if any(part.line is line for line, _ in slow) else Cause.SERVER
        parts += posts.resting(span, parts, Cause.SERVER)
        yield StallDraft(Cause.SERVER, SLOW_POST, span, parts, f"a POST body stopped half way: {slow[0][1].words}")
    elif held and duration >= PAUSE_NS:
        parts += posts.resting(span, parts)
        yield StallDraft(Cause.SERVER, _blocker(server, span, STOPPED), span, parts, held[0][1].words)
    elif not held and not slow and duration >= WRITERS_NS:
        parts = posts.resting(span, [])
        if parts and any(part.line.one_way for part in parts):
            yield StallDraft(Cause.UNKNOWN, UNCLEAR, span, parts, "only one direction was recorded")
        elif parts and server.lossy:
            words = "no segment began another post; the path loses frames, and a lost SYN is not seen here"
            yield StallDraft(Cause.UNKNOWN, UNCLEAR, span, parts, words)
        elif parts:
            yield StallDraft(Cause.SEGMENT, STARVED, span, parts, "every post was answered, and no segment began another")


def late_returns(drafts: Sequence[StallDraft]) -> None:
    """The last flow that comes back after a blackout has the silence to itself; it is still the blackout."""
    black = sorted((draft for draft in drafts if draft.pattern == BLACKOUT), key=lambda draft: draft.span)
    for draft in drafts:
        if draft.pattern == LOSS:
            seen = [part.evidence for part in draft.parts if part.evidence is not None]
            if any(blackout_around(evidence, black) is not None for evidence in seen):
                draft.pattern = BLACKOUT
