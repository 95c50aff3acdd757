"""Findings about writes that were sent again, and about targets that were closed between two segments."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from gpinspect.analysis.case import Case
from gpinspect.analysis.draft import Bearing, Draft, about, numbers_text
from gpinspect.grammar.paths import server_path
from gpinspect.grammar.releases import WRITING_TWICE, server_release
from gpinspect.model import Exchange, Outcome

BROKE_OFF: Final = frozenset({Outcome.UNANSWERED, Outcome.LOST})
TAKEN: Final = frozenset({Outcome.ACCEPTED, Outcome.DUPLICATE})
TIMED_OUT: Final = 408
GIVEN_UP: Final = 500
REASONS_GIVEN_UP: Final = ("session error", "internal error")
"""How gpfdist before 6.25 answers the repeat of a write whose connection broke."""
PIPE_NAMES: Final = ("fifo", "pipe")
PIPE_REASON: Final = "cannot write into file"
"""What a write into a pipe without a reader is answered."""


def timed_out(members: Sequence[Exchange], repaired: bool) -> Draft | None:
    """GPI411: writes whose head came too late, and which were taken when they came again; else None.

    Nothing of such a write was read, so it bears on nothing.
    """
    if not repaired or members[0].status != TIMED_OUT:
        return None
    return Draft("GPI411", {"seq": numbers_text(member.seq for member in members)}, **about(members))


def by_repeat(case: Case) -> Iterator[Draft]:
    """GPI412 and GPI413: a write that broke off, and what became of its repeat."""
    broken: dict[tuple[int | None, int | None], Exchange] = {}
    rejected: list[tuple[Exchange, Exchange]] = []
    doubled: list[tuple[Exchange, Exchange]] = []
    for write in case.writes:
        name = (write.segment, write.seq)
        if write.seq is None or write.done:
            continue
        first = broken.pop(name, None)
        if first is not None and _given_up(write):
            rejected.append((first, write))
        elif first is not None and write.outcome in TAKEN and _written(first) and _writes_twice(write):
            doubled.append((first, write))
        elif _broke_off(write):
            broken[name] = first or write
    if rejected:
        last = rejected[0][1]
        values: dict[str, str | int] = {
            "seq": numbers_text(write.seq for _, write in rejected),
            "status": last.status or "?",
            "reason": last.reason or "",
        }
        yield Draft("GPI412", values, Bearing.REFUTES, **_places(rejected))
    if doubled:
        values = {
            "seq": numbers_text(write.seq for _, write in doubled),
            "server": server_release(doubled[0][1].server_version) or "?",
        }
        yield Draft("GPI413", values, Bearing.HINDERS, **_places(doubled))


def _given_up(write: Exchange) -> bool:
    return write.status == GIVEN_UP and any(reason in (write.reason or "") for reason in REASONS_GIVEN_UP)


def _broke_off(write: Exchange) -> bool:
    """Whether its answer did not come, or its connection was reset around it."""
    return write.outcome in BROKE_OFF or (write.outcome in TAKEN and write.reset_by is not None)


def _written(write: Exchange) -> bool:
    """Whether the whole body of a write went to the server, which writes it before it answers."""
    return write.payload_bytes > 0 and (write.zstd or write.payload_bytes + write.missing_bytes >= (write.content_length or 0))


def _writes_twice(write: Exchange) -> bool:
    return server_release(write.server_version) in WRITING_TWICE


def _places(pairs: Sequence[tuple[Exchange, Exchange]]) -> dict[str, Any]:
    return about([write for pair in pairs for write in pair])


def reopened(case: Case) -> Iterator[Draft]:
    """GPI414, or GPI415 for a pipe: a segment that opened when all that had opened before were done.

    Only the first time is told; the number of times follows it.
    """
    active: set[int | None] = set()
    done_ns: int | None = None  # since when nobody is active
    found: list[tuple[Exchange, int]] = []
    for write in sorted(case.writes, key=lambda write: write.start_ns):
        if write.outcome not in TAKEN:
            continue
        if write.done:
            active.discard(write.segment)
            done_ns = write.end_ns if not active else None
            continue
        if not active and done_ns is not None:
            found.append((write, max(0, write.start_ns - done_ns)))
        active.add(write.segment)
    if not found:
        return
    first, pause_ns = found[0]
    code = "GPI415" if _pipe(case) else "GPI414"
    who = "a client without segment number" if first.segment is None else f"segment {first.segment}"
    place = about([first])
    if len(found) > 1:
        place["suffix"] = f"and {len(found) - 1:,} more times"
    yield Draft(code, {"segment": who, "seconds": f"{pause_ns / 1e9:.3f}"}, **place)


def _pipe(case: Case) -> bool:
    """Whether the target is likely a named pipe: by its name, or because a later write found no reader."""
    name = server_path(case.session.path).key.lower() if case.session.path is not None else ""
    return any(word in name for word in PIPE_NAMES) or any(PIPE_REASON in (write.reason or "") for write in case.writes)
