"""Stalls in the words of the catalogue."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from gpinspect.analysis.draft import Draft, finish, segments_text
from gpinspect.analysis.stall_drafts import FULL_WINDOW, LOSS
from gpinspect.analysis.stall_lines import Line
from gpinspect.analysis.stalls import Verdict
from gpinspect.model import Cause, Finding, Outcome, Stall

LASTING_NS: Final = 250_000_000
"""A shorter stall of one flow is in its shares, but no finding."""
MOST_OF_A_KIND: Final = 8
"""Findings of one code that one session gets; the longest stalls come first."""
UNANSWERED_NS: Final = 60_000_000_000
STATUS: Final = "/gpfdist/status"


def stall_findings(verdict: Verdict, lines: Sequence[Line]) -> list[Finding]:
    """A finding for each stall worth a word, for each jump of the clock, and for what stalls lead to; in order of time."""
    drafts = [*_stalls(verdict.stalls), *_jumps(verdict), *_unanswered(lines), *_gave_up(verdict.stalls, lines)]
    drafts.sort(key=lambda draft: (draft.time_ns or 0, draft.session or 0, draft.code))
    return [finish(draft) for draft in drafts]


def seconds(ns: int) -> str:
    return f"{ns / 1e9:,.3f}" if ns < 10_000_000_000 else f"{ns / 1e9:,.1f}"


def _stalls(stalls: Sequence[Stall]) -> Iterator[Draft]:
    longest = sorted(stalls, key=lambda stall: -stall.duration_ns)
    told: Counter[tuple[int | None, str]] = Counter()
    for stall in longest:
        if stall.pattern in (FULL_WINDOW, LOSS) and sum(flow.end_ns - flow.start_ns for flow in stall.flows) < LASTING_NS:
            continue
        name = (stall.session, stall.finding)
        told[name] += 1
        if told[name] <= MOST_OF_A_KIND:
            yield _draft(stall)


def _draft(stall: Stall) -> Draft:
    segments = sorted({flow.segment for flow in stall.flows if flow.segment is not None})
    frames = [flow.frames for flow in stall.flows if flow.frames is not None]
    exchanges = {flow.exchange for flow in stall.flows}
    connections = {flow.connection for flow in stall.flows}
    return Draft(
        stall.finding,
        {
            "seconds": seconds(stall.duration_ns),
            "flows": segments_text(segments) if segments else f"{len(connections):,} connections",
            "evidence": stall.evidence,
        },
        session=stall.session,
        segment=segments[0] if len(segments) == 1 else None,
        exchange=next(iter(exchanges)) if len(exchanges) == 1 else None,
        connection=next(iter(connections)) if len(connections) == 1 else None,
        time_ns=stall.start_ns,
        frames=(min(first for first, _ in frames), max(last for _, last in frames)) if frames else None,
    )


def _jumps(verdict: Verdict) -> Iterator[Draft]:
    for when, ahead in verdict.jumps[:MOST_OF_A_KIND]:
        yield Draft("GPI313", {"seconds": seconds(ahead)}, time_ns=when)


def _unanswered(lines: Sequence[Line]) -> Iterator[Draft]:
    """The server closed, and a minute later the segment has not."""
    for line in lines:
        server, client = line.server_side, line.client_side
        if not line.carries or line.one_way or not server.fin_ns or (client.fin_ns and client.fin_ns < server.fin_ns):
            continue
        for silence in line.silences:
            if silence.closing and silence.start_ns >= server.fin_ns and silence.duration_ns >= UNANSWERED_NS:
                yield Draft(
                    "GPI314",
                    {"seconds": seconds(silence.duration_ns)},
                    session=line.session,
                    segment=line.segment,
                    exchange=line.exchange.id if line.exchange is not None else None,
                    connection=line.connection.id,
                    time_ns=silence.start_ns,
                    frames=(silence.frames[0], silence.frames[1] or silence.frames[0]),
                )
                break


def _gave_up(stalls: Sequence[Stall], lines: Sequence[Line]) -> Iterator[Draft]:
    """Status requests within a stall of the server, by hosts whose flows then went first."""
    asked = [line for line in lines if any((exchange.path or "").startswith(STATUS) for exchange in line.exchanges)]
    told: set[int | None] = set()
    for stall in stalls:
        if stall.cause not in (Cause.SERVER, Cause.UNKNOWN, Cause.NETWORK) or stall.session in told:
            continue
        hosts = {
            line.connection.client.host
            for line in asked
            if stall.start_ns <= line.exchanges[0].start_ns <= stall.end_ns + LASTING_NS
        }
        gone = [
            line
            for line in lines
            if line.session == stall.session
            and line.connection.client.host in hosts
            and any(exchange.outcome in (Outcome.CANCELLED, Outcome.UNANSWERED) for exchange in line.exchanges)
        ]
        if gone:
            told.add(stall.session)
            segments = sorted({line.segment for line in gone if line.segment is not None})
            yield Draft(
                "GPI315",
                {
                    "seconds": seconds(stall.duration_ns),
                    "flows": segments_text(segments) if segments else f"{len(gone):,} connections",
                },
                session=stall.session,
                segment=segments[0] if len(segments) == 1 else None,
                time_ns=max(line.traced.last_ns for line in gone),
                frames=(min(line.connection.frames[0] for line in gone), max(line.connection.frames[1] for line in gone)),
            )
