"""Silences that one flow explains by itself: its window, its loss, its opening, frames that were not recorded."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from gpinspect.analysis.intervals import Interval, overlap, union, without
from gpinspect.analysis.stall_drafts import (
    ALL_FULL,
    BLACKOUT,
    CHAIN_NS,
    FULL_WINDOW,
    LOSS,
    MISSING,
    OPENING,
    STOPPED,
    Part,
    StallDraft,
    blackout_around,
)
from gpinspect.analysis.stall_evidence import MILLISECOND, Evidence, Why
from gpinspect.analysis.stall_lines import Line, moving
from gpinspect.analysis.stall_together import PAUSE_NS, ServerLines
from gpinspect.engine.trace import QUIET_NS
from gpinspect.model import Cause

WINDOW_NS: Final = 150 * MILLISECOND
"""A window that is shut for a shorter time is the everyday of a reader that is a little slower than its server."""


def alone(server: ServerLines, loads: list[Line], drafts: Sequence[StallDraft]) -> Iterator[StallDraft]:
    """Silences that the flow's own window, loss or opening explains."""
    shut: list[StallDraft] = []
    told: dict[int, list[Interval]] = {}
    for draft in drafts:
        for part in draft.parts:
            told.setdefault(id(part.line), []).append((part.start_ns, part.end_ns))
    known = {name: union(spans) for name, spans in told.items()}
    black = sorted((draft for draft in drafts if draft.pattern == BLACKOUT), key=lambda draft: draft.span)
    posts = _Posting(server, loads, drafts)
    for line in loads:
        own = known.get(id(line), [])
        chain: list[Evidence] = []
        for evidence in server.of(line):
            if evidence.why is Why.CLIENT_WINDOW and not line.writes:
                if chain and evidence.start_ns - chain[-1].end_ns > CHAIN_NS:
                    shut += _shut(line, chain)
                    chain = []
                chain.append(evidence)
            elif evidence.why is Why.SERVER_WINDOW and evidence.duration_ns >= WINDOW_NS:
                yield from posts.kept_waiting(line, evidence)
            elif evidence.why is Why.OPENING and not _told_already(evidence, own):
                part = Part(line, evidence.start_ns, evidence.end_ns, evidence)
                yield StallDraft(Cause.NETWORK, OPENING, (evidence.start_ns, evidence.end_ns), [part], evidence.words)
            elif evidence.why is Why.PATH and evidence.duration_ns >= QUIET_NS and not _told_already(evidence, own):
                opening = evidence.silence.start_ns <= line.due[0]
                dark = blackout_around(evidence, black)
                if dark is not None and evidence.prompt:
                    span = (max(evidence.start_ns, dark.span[0]), evidence.silence.end_ns)
                    yield StallDraft(Cause.NETWORK, BLACKOUT, span, [Part(line, *span, evidence)], dark.words)
                elif evidence.prompt or opening:
                    end = evidence.silence.end_ns if evidence.prompt else evidence.end_ns
                    part = Part(line, evidence.start_ns, end, evidence)
                    yield StallDraft(Cause.NETWORK, OPENING if opening else LOSS, (evidence.start_ns, end), [part], evidence.words)
        shut += _shut(line, chain)
    yield from _all_shut(shut, loads)


class _Posting:
    """What the posts of all flows do. The server reads one after the other: its window shuts for those whose turn has not come."""

    def __init__(self, server: ServerLines, loads: Sequence[Line], drafts: Sequence[StallDraft]) -> None:
        writers = [line for line in loads if line.writes]
        self._stopped = union(draft.span for draft in drafts if draft.cause is Cause.SERVER)
        self._lost = union(
            (evidence.start_ns, evidence.end_ns)
            for line in writers
            for evidence in server.of(line)
            if evidence.why in (Why.PATH, Why.OPENING)
        )
        self._moves = moving(writers)

    def kept_waiting(self, line: Line, evidence: Evidence) -> Iterator[StallDraft]:
        """A flow for which the server had no room."""
        span = (evidence.start_ns, evidence.end_ns)
        lost, moves = _within(self._lost, span), _within(self._moves, span)
        part = Part(line, *span, evidence)
        stopped = sum(overlap(span, other) for other in _within(self._stopped, span)) * 2 > evidence.duration_ns
        if not stopped and sum(overlap(span, other) for other in lost) * 2 > evidence.duration_ns:
            words = "the server waited for bytes of another flow that were lost on the path"
            yield StallDraft(Cause.NETWORK, LOSS, span, [part], words)
        elif stopped or any(end - start >= PAUSE_NS for start, end in without([span], union([*lost, *moves]))):
            yield StallDraft(Cause.SERVER, STOPPED, span, [part], evidence.words)


def _within(spans: Sequence[Interval], span: Interval) -> Sequence[Interval]:
    """Those of some spans, in order and apart from each other, that touch one."""
    first = bisect_right(spans, span[0], key=lambda one: one[1])
    return spans[first : bisect_right(spans, span[1], key=lambda one: one[0])]


def _shut(line: Line, chain: Sequence[Evidence]) -> Iterator[StallDraft]:
    if sum(evidence.duration_ns for evidence in chain) >= WINDOW_NS:
        parts = [Part(line, evidence.start_ns, evidence.end_ns, evidence) for evidence in chain]
        words = max(chain, key=lambda evidence: evidence.zero_window_ns).words
        yield StallDraft(Cause.SEGMENT, FULL_WINDOW, (chain[0].start_ns, chain[-1].end_ns), parts, words)


def _all_shut(shut: Sequence[StallDraft], loads: Sequence[Line]) -> Iterator[StallDraft]:
    """Windows that are full at the same time are one stall; of all flows, it is the statement that does not read."""
    segments = {(line.session, line.segment) for line in loads}
    ordered = sorted(shut, key=lambda draft: draft.span)
    used: set[int] = set()
    for number, first in enumerate(ordered):
        if number in used:
            continue
        group = [number]
        for other in range(number + 1, len(ordered)):
            span = ordered[other].span
            if span[0] >= first.span[1]:
                break
            if other not in used and overlap(span, first.span) * 2 > min(span[1] - span[0], first.span[1] - first.span[0]):
                group.append(other)
        together = [ordered[index] for index in group]
        hit = {(part.line.session, part.line.segment) for draft in together for part in draft.parts}
        if len(hit) > 1 and len(hit) * 4 >= 3 * len(segments):
            used.update(group)
            whole = (min(draft.span[0] for draft in together), max(draft.span[1] for draft in together))
            yield StallDraft(Cause.SEGMENT, ALL_FULL, whole, [part for draft in together for part in draft.parts], first.words)
        else:
            yield first


def _told_already(evidence: Evidence, known: Sequence[Interval]) -> bool:
    start, end = evidence.start_ns, evidence.end_ns
    at = bisect_right(known, start, key=lambda span: span[1])
    done = 0
    while at < len(known) and known[at][0] < end:
        done += overlap(known[at], (start, end))
        at += 1
    return done * 2 > end - start


def unrecorded(loads: Sequence[Line]) -> Iterator[StallDraft]:
    """Bytes that were acknowledged and not recorded: nobody's stall."""
    for line in loads:
        holes = [(hole.before_ns, max(hole.after_ns, hole.before_ns + 1), hole) for _, hole in line.missing]
        for start, end in union(((start, end) for start, end, _ in holes), slack=2 * CHAIN_NS):
            inside = [hole for before, _, hole in holes if start <= before < end]
            total = sum(hole.end - hole.start for hole in inside)
            yield StallDraft(
                Cause.CAPTURE,
                MISSING,
                (start, end),
                [Part(line, start, end, frames=(min(hole.frames[0] for hole in inside), max(max(hole.frames) for hole in inside)))],
                f"{total:,} bytes were acknowledged but are not in the capture",
            )
