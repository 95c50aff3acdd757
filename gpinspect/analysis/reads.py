"""Findings about reads: how members ended, who was missing, whether a session was read twice."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Final

from gpinspect.analysis import ending, gaps
from gpinspect.analysis.case import Case
from gpinspect.analysis.connections import first_failure, refusal
from gpinspect.analysis.draft import Bearing, Draft, about, about_session, segments_text
from gpinspect.model import UNKNOWN, Exchange, Outcome
from gpinspect.model.packages import DATA

FORGETTING_NS = 300_000_000_000
"""How long gpfdist remembers an ended session at least (`-k`)."""
_NEVER = 1 << 63
MOST_TEXTS = 8
"""Different error texts of a session that get a finding each."""

ENDS: Final[dict[Outcome, tuple[str, Bearing] | None]] = {
    Outcome.COMPLETE: None,
    Outcome.LATE: ("GPI205", Bearing.NONE),
    Outcome.CLOSED: None,  # protocol 0: said once by `unprovable_protocol`
    Outcome.ERROR: None,  # by `errors`
    Outcome.REFUSED: None,  # by `refusals`
    Outcome.OPEN: ("GPI211", Bearing.HINDERS),
    Outcome.CANCELLED: None,  # by `left_early`
    Outcome.BROKEN: None,  # by `broken`
    Outcome.LOST: None,  # by `lost`
}
"""What each way for a reading member to end is called; None: another rule says it."""


def plain_ends(case: Case) -> Iterator[Draft]:
    """GPI205, GPI211: one finding a session for all members that ended so."""
    for outcome, kind in ENDS.items():
        members = case.outcomes.get(outcome)
        if kind is not None and members:
            yield Draft(kind[0], bearing=kind[1], **about(members, end=outcome is Outcome.OPEN))


def left_early(case: Case) -> Iterator[Draft]:
    """GPI204: members that closed first, or that threw away what they had not read although the end had been sent."""
    members = case.leavers
    if members:
        yield Draft("GPI204", bearing=Bearing.HINDERS, **about(members, end=True))


def broken(case: Case) -> Iterator[Draft]:
    """GPI210, or GPI219 for a reset. It refutes where the capture has every byte and the protocol has an end mark."""
    members = case.outcomes.get(Outcome.BROKEN)
    if not members:
        return
    doubtful = {connection.id for connection in case.connections if connection.missing_bytes or not connection.opened}
    reset = [member for member in members if member.reset_by == "server"]
    for code, several in (("GPI210", [member for member in members if member.reset_by != "server"]), ("GPI219", reset)):
        if several:
            sure = case.session.proto == 1 and any(member.connection not in doubtful for member in several)
            place = about(several, end=True)
            place["suffix"] = "; ".join(text for text in (place.get("suffix"), _last_package(several)) if text)
            yield Draft(code, bearing=Bearing.REFUTES if sure else Bearing.HINDERS, **place)


def _last_package(members: Sequence[Exchange]) -> str:
    """Which bytes of which file were on their way to the first member that was cut within a package."""
    for member in members:
        table = member.packages
        last = table[-1] if len(table) else None
        if last is None or last.kind != DATA or last.complete:
            continue
        name = table.file_name(last)
        if name is None or last.offset == UNKNOWN:
            return f"within a package of {last.length:,} bytes"
        file = name.decode("utf-8", "surrogateescape")
        return f"within bytes {last.offset:,} to {last.offset + last.length - 1:,} of {file}"
    return "between two packages" if any(len(member.packages) for member in members) else ""


def lost(case: Case) -> Iterator[Draft]:
    """GPI212."""
    members = case.outcomes.get(Outcome.LOST)
    if not members:
        return
    concerned = {member.connection for member in members}
    missing = sum(connection.missing_bytes for connection in case.connections if connection.id in concerned)
    yield Draft("GPI212", {"bytes": missing or "an unknown number of"}, Bearing.HINDERS, **about(members, end=True))


def errors(case: Case) -> Iterator[Draft]:
    """GPI201 and GPI202, once for each text."""
    groups: dict[tuple[bool, str], list[Exchange]] = {}
    for member in case.outcomes.get(Outcome.ERROR, ()):
        text = next((text for text in member.errors if text), "no text; gpfdist's log has it")
        key = (member.ended, text)
        if key not in groups and len(groups) >= MOST_TEXTS:
            key = next(reversed(groups))
        groups.setdefault(key, []).append(member)
    for (ended, text), members in groups.items():
        yield Draft("GPI202" if ended else "GPI201", {"text": text}, Bearing.REFUTES, **about(members, end=True))


def others_look_complete(case: Case) -> Iterator[Draft]:
    """GPI220: members with a clean end beside one that got an error. The error itself refutes."""
    failed = [member for member in case.outcomes.get(Outcome.ERROR, ()) if not member.ended]
    others = case.outcomes.get(Outcome.COMPLETE, ())
    if failed and others and case.session.proto == 1:
        segments = sorted({member.segment for member in others if member.segment is not None})
        who = segments_text(segments) if segments else f"{len(others):,} other requests"
        yield Draft("GPI220", {"others": who}, **{**about(failed, end=True), "segment": None, "suffix": ""})


def refusals(case: Case) -> Iterator[Draft]:
    """GPI203, once for each answer. A member that was refused got nothing and its statement fails."""
    groups: dict[Hashable, list[Exchange]] = {}
    for member in case.outcomes.get(Outcome.REFUSED, ()):
        key: Hashable = (member.status, member.reason)
        if key not in groups and len(groups) >= MOST_TEXTS:
            key = next(reversed(groups))
        groups.setdefault(key, []).append(member)
    for members in groups.values():
        yield refusal(members, Bearing.REFUTES, first_failure(case, members))


def segments_missing(case: Case) -> Iterator[Draft]:
    """GPI206. It stands against a proof only where whole connections may be missing in the capture."""
    if not case.outcomes or not case.absent or not _served(case):
        return
    values: dict[str, str | int] = {"missing": case.absent, "expected": case.session.segment_count or 0}
    bearing = Bearing.HINDERS if case.incomplete and case.unaccounted else Bearing.NONE
    yield Draft("GPI206", values, bearing, **about_session(case.session, case.members))


def unprovable_protocol(case: Case) -> Iterator[Draft]:
    """GPI214: protocol 0 has no end mark and no offsets."""
    if (case.session.proto != 1 or Outcome.CLOSED in case.outcomes) and _served(case):
        yield Draft("GPI214", bearing=Bearing.HINDERS, **about_session(case.session, case.members))


def no_offsets(case: Case) -> Iterator[Draft]:
    """GPI218: packages that do not say which part of a file they are."""
    bare = []
    for member in case.members:
        counts = member.message_counts
        if counts is not None and member.packages.data > min(counts.O, counts.F):
            bare.append(member)
    if bare:
        yield Draft("GPI218", bearing=Bearing.HINDERS, **about(bare))


def first_was_late(case: Case) -> Iterator[Draft]:
    """GPI215: the session had ended before its first member in the capture asked."""
    first = next(case.reads, None)
    if first is not None and first.outcome is Outcome.LATE:
        yield Draft("GPI215", bearing=Bearing.HINDERS, **about([first]))


def reopened(case: Case) -> Iterator[Draft]:
    """GPI209: rows for a member that asked after the session had ended for all before it.

    What was read again overlaps what was given out before; without offsets only the time that gpfdist remembers sessions tells.
    """
    if len(case.members) < 2:
        return
    again_read = any(file.overlaps for file in case.session.files)
    if not again_read and case.session.files:
        return
    closing = {connection.id: connection.end_ns for connection in case.connections}
    through: int | None = None  # when all members so far had left
    over = False  # one of them got the end of data
    again = []
    seconds = 0.0
    for member in sorted(case.reads, key=lambda member: member.start_ns):
        if through is not None and member.payload_bytes and member.start_ns > through:
            pause = member.start_ns - through
            if (over and again_read) or pause >= FORGETTING_NS:
                again.append(member)
                seconds = seconds or pause / 1e9
        over = over or member.outcome in (Outcome.COMPLETE, Outcome.LATE)
        end_ns = max(member.end_ns, closing.get(member.connection, 0)) if member.outcome is not Outcome.OPEN else _NEVER
        through = end_ns if through is None else max(through, end_ns)
    if again:
        told = f"{seconds:,.0f}" if seconds >= 10 else f"{seconds:.1f}"
        yield Draft("GPI209", {"seconds": told}, Bearing.REFUTES, **about(again))


def _served(case: Case) -> bool:
    return any(outcome is not Outcome.REFUSED for outcome in case.outcomes)


RULES: Final[tuple[Callable[[Case], Iterator[Draft]], ...]] = (
    plain_ends,
    left_early,
    broken,
    lost,
    errors,
    others_look_complete,
    refusals,
    segments_missing,
    unprovable_protocol,
    no_offsets,
    first_was_late,
    reopened,
    gaps.rule,
    *ending.RULES,
)
