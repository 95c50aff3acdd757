"""Stalls to be: what was found of one, the names of their shapes, and how neighbours become one."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gpinspect.analysis.intervals import Interval
from gpinspect.analysis.stall_evidence import MILLISECOND, Evidence
from gpinspect.analysis.stall_lines import Line
from gpinspect.model import Cause, FlowStall, Stall

CHAIN_NS: Final = 150 * MILLISECOND

TOUCHING_NS: Final = MILLISECOND

BLOCKED = "one_blocked_source_stops_all_flows"
STOPPED = "stopped_server_stops_all_flows"
SLOW_POST = "slow_post_body_stops_all_flows"
SILENT_TLS = "silent_tls_client_stops_all_flows"
FULL_WINDOW = "one_full_window_stops_one_flow"
ALL_FULL = "all_full_windows_stop_all_flows"
STARVED = "one_stopped_segment_starves_the_rest"
BLACKOUT = "path_blackout_stops_all_flows"
LOSS = "loss_stops_one_flow"
OPENING = "lost_opening_delays_one_flow"
MISSING = "frames_missing_in_recording"
UNCLEAR = "nothing_seen_that_tells"

CODES: Final = {
    BLOCKED: "GPI301",
    STOPPED: "GPI302",
    SLOW_POST: "GPI303",
    SILENT_TLS: "GPI304",
    FULL_WINDOW: "GPI305",
    ALL_FULL: "GPI306",
    STARVED: "GPI307",
    BLACKOUT: "GPI308",
    LOSS: "GPI309",
    OPENING: "GPI310",
    MISSING: "GPI311",
    UNCLEAR: "GPI312",
}
"""Pattern -> code of its finding."""


@dataclass(slots=True)
class Part:
    """What one stall did to one connection (or, between two posts, to one segment)."""

    line: Line
    start_ns: int
    end_ns: int
    evidence: Evidence | None = None
    cause: Cause | None = None  # where it differs from that of the stall
    frames: tuple[int, int] | None = None  # where there is no evidence


@dataclass(slots=True)
class StallDraft:
    cause: Cause
    pattern: str
    span: Interval
    parts: list[Part]
    words: str


def blackout_around(evidence: Evidence, black: Sequence[StallDraft]) -> StallDraft | None:
    """The blackout that a silence began in: what is left of it until the timer of its flow fires."""
    at = bisect_right(black, evidence.silence.start_ns, key=lambda draft: draft.span[1])
    return black[at] if at < len(black) and black[at].span[0] < evidence.silence.end_ns else None


def joined(drafts: Sequence[StallDraft]) -> Iterator[StallDraft]:
    """Stalls of one cause and pattern that touch, or happen at the same time, are one."""
    groups: dict[tuple[Cause, str, int | None], list[StallDraft]] = {}
    for draft in sorted(drafts, key=lambda draft: draft.span):
        alone = draft.parts[0].line.segment if draft.pattern in (FULL_WINDOW, LOSS, OPENING) and draft.parts else None
        groups.setdefault((draft.cause, draft.pattern, alone), []).append(draft)
    for several in groups.values():
        yield from _merged(several)


def _merged(drafts: Sequence[StallDraft]) -> Iterator[StallDraft]:
    """Drafts of one kind, in order of time."""
    current: StallDraft | None = None
    end = longest = 0
    for draft in drafts:
        length = draft.span[1] - draft.span[0]
        if current is not None and draft.span[0] <= end + CHAIN_NS and draft.cause is not Cause.CAPTURE:
            current.span = (current.span[0], max(current.span[1], draft.span[1]))
            current.parts += draft.parts
            if length > longest:
                current.words, longest = draft.words, length
        else:
            if current is not None:
                yield current
            current = StallDraft(draft.cause, draft.pattern, draft.span, list(draft.parts), draft.words)
            end, longest = 0, length
        end = max(end, draft.span[1], *(part.end_ns for part in draft.parts))
    if current is not None:
        yield current


def told(draft: StallDraft) -> Iterator[Stall]:
    """A stall for each session that it hit, and cause (the flow that blocks a server is not blamed on the server)."""
    sorted_out: dict[tuple[int | None, Cause], list[Part]] = {}
    for part in draft.parts:
        sorted_out.setdefault((part.line.session, part.cause or draft.cause), []).append(part)
    for (session, cause), parts in sorted_out.items():
        flows = _flows(parts)
        yield Stall(
            session,
            cause,
            draft.pattern,
            min(flow.start_ns for flow in flows),
            max(flow.end_ns for flow in flows),
            flows,
            draft.words,
            CODES[draft.pattern],
        )


def _flows(parts: Sequence[Part]) -> tuple[FlowStall, ...]:
    """What a stall did to each connection; silences of one that touch are one."""
    found: list[FlowStall] = []
    last: dict[int, int] = {}
    for flow in sorted(map(_flow, parts), key=lambda flow: (flow.start_ns, flow.connection)):
        index = last.get(flow.connection)
        if index is not None and flow.start_ns <= found[index].end_ns + TOUCHING_NS:
            found[index] = _as_one(found[index], flow)
        else:
            last[flow.connection] = len(found)
            found.append(flow)
    return tuple(found)


def _as_one(first: FlowStall, second: FlowStall) -> FlowStall:
    frames = [one.frames for one in (first, second) if one.frames is not None]
    return replace(
        first,
        end_ns=max(first.end_ns, second.end_ns),
        zero_window_ns=first.zero_window_ns + (second.zero_window_ns if second.start_ns >= first.end_ns else 0),
        retransmissions=first.retransmissions + (second.retransmissions if second.start_ns >= first.end_ns else 0),
        frames=(min(one[0] for one in frames), max(one[1] for one in frames)) if frames else None,
    )


def _flow(part: Part) -> FlowStall:
    exchange = part.line.exchange
    evidence = part.evidence
    return FlowStall(
        exchange.id if exchange is not None else None,
        part.line.connection.id,
        part.line.segment,
        part.start_ns,
        part.end_ns,
        evidence.zero_window_ns if evidence is not None else 0,
        evidence.retransmissions if evidence is not None else 0,
        _frames(part),
    )


def _frames(part: Part) -> tuple[int, int] | None:
    """The frame in front of a silence and the one that ended it (the same, where none did)."""
    first, last = part.evidence.silence.frames if part.evidence is not None else part.frames or (0, 0)
    known = [number for number in (first, last) if number]
    return (min(known), max(known)) if known else None
