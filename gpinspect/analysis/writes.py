"""Findings about writes: each Greenplum segment opens, sends bodies numbered one by one, and says that it is done."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gpinspect.analysis.case import Case
from gpinspect.analysis.connections import first_failure, refusal
from gpinspect.analysis.draft import Bearing, Draft, about, about_session, numbers_text, segments_text
from gpinspect.analysis.retries import by_repeat, reopened, timed_out
from gpinspect.model import Exchange, Outcome

SEQUENCE: Final = "sequence number"
"""What every status text about X-GP-SEQ holds."""
LONGEST_PAUSE_NS: Final = 10_000_000_000
"""How long the capture must go on after the last write of a segment before it is certain that no DONE follows."""
MOST_PAUSES: Final = 20
"""How many of the longest pauses between writes of the session, if these are longer: a segment may wait for rows itself."""
WRITTEN: Final = frozenset({Outcome.ACCEPTED, Outcome.DUPLICATE})


@dataclass(slots=True)
class Writer:
    """The writes of one Greenplum segment, in order, and what their sequence numbers say."""

    segment: int | None
    writes: list[Exchange] = field(default_factory=list)
    opened: bool = False
    done: bool = False
    done_sent: bool = False  # asked to be done, whatever came of it
    unnumbered: list[Exchange] = field(default_factory=list)
    leading: list[tuple[int, int, Exchange]] = field(default_factory=list)  # numbers that came before the capture
    skipped: list[tuple[int, int, Exchange]] = field(default_factory=list)  # first and last number that nobody sent
    repaired: set[int] = field(default_factory=set)  # ids of writes that failed and were taken when sent again

    @property
    def still_open(self) -> bool:
        return any(write.outcome is Outcome.OPEN for write in self.writes)


def read_along(case: Case) -> list[Writer]:
    """Follow the numbers of each segment."""
    writers: dict[int | None, Writer] = {}
    for write in case.writes:
        writer = writers.get(write.segment)
        if writer is None:
            writer = writers[write.segment] = Writer(write.segment)
        writer.writes.append(write)
    for writer in writers.values():
        _follow(writer)
    return list(writers.values())


def _follow(writer: Writer) -> None:
    last: int | None = None
    asked: set[int] = set()  # numbers that were sent and not taken, as far as the capture shows
    failed: dict[tuple[int | None, bool], list[int]] = {}
    for write in writer.writes:
        seq = write.seq
        writer.done_sent = writer.done_sent or write.done
        if write.outcome not in WRITTEN:
            failed.setdefault((seq, write.done), []).append(write.id)
            if seq is not None:
                asked.add(seq)
            continue
        if failed:
            writer.repaired.update(failed.pop((seq, write.done), ()))
        writer.opened = True
        if write.done:
            writer.done = True
            if seq is not None and seq > (last or 0) and seq not in asked:  # DONE repeats the number of the last write
                (writer.leading if last is None else writer.skipped).append(((last or 0) + 1, seq, write))
            continue
        writer.done = writer.done_sent = False
        if write.outcome is Outcome.DUPLICATE:
            continue
        if seq is None:
            writer.unnumbered.append(write)
            continue
        due = 1 if last is None else last + 1
        while due in asked and due < seq:
            due += 1  # sent, and its answer was not seen: a server that takes the next one has taken it
        if seq > due:
            (writer.leading if last is None else writer.skipped).append((due, seq - 1, write))
        last = seq  # OPEN sets it back to 1


def refusals(case: Case, writers: Sequence[Writer]) -> Iterator[Draft]:
    """GPI401 for numbers, GPI411 for time-outs that were repaired, GPI203 for everything else, once for each answer."""
    repaired = {number for writer in writers for number in writer.repaired}
    groups: dict[tuple[str, int | None, str | None, bool], list[Exchange]] = {}
    for write in case.writes:
        if write.outcome is Outcome.REFUSED:
            code = "GPI401" if SEQUENCE in (write.reason or "") else "GPI203"
            key = (code, write.status, write.reason, write.id in repaired)
            if key not in groups and len(groups) >= _MOST_ANSWERS:
                key = next(reversed(groups))
            groups.setdefault(key, []).append(write)
    for (code, _, _, again), members in groups.items():
        bearing = Bearing.HINDERS if again else Bearing.REFUTES
        late = timed_out(members, again)
        if late is not None:
            yield late
        elif code == "GPI401":
            yield Draft(code, {"seq": _numbers(members)}, bearing, **about(members))
        else:
            yield refusal(members, bearing, first_failure(case, members))


def by_outcome(case: Case, writers: Sequence[Writer]) -> Iterator[Draft]:
    """GPI402, GPI403, GPI405, and GPI211 for what was still going on."""
    found: dict[Outcome, list[Exchange]] = {}
    for write in case.writes:
        if write.outcome in _OUTCOMES:
            found.setdefault(write.outcome, []).append(write)
    for outcome, members in found.items():
        code, bearing = _OUTCOMES[outcome]
        values: dict[str, str | int] = {} if outcome is Outcome.OPEN else {"seq": _numbers(members)}
        if outcome is Outcome.DISCARDED:
            values["bytes"] = sum(member.payload_bytes for member in members)
        yield Draft(code, values, bearing, **about(members))


def numbers(case: Case, writers: Sequence[Writer]) -> Iterator[Draft]:
    """GPI406 for numbers that nobody sent, GPI407 for writes without a number.

    gpfdist itself refuses a number that skips one. One that was taken all the same is a write that the capture does not have, or a
    server that does not count.
    """
    for skips in (
        [skip for writer in writers for skip in writer.skipped],
        [skip for writer in writers for skip in writer.leading],
    ):
        if skips:
            first, last = min(skip[0] for skip in skips), max(skip[1] for skip in skips)
            seq: str | int = first if first == last else f"{first} to {last}"
            yield Draft("GPI406", {"seq": seq}, Bearing.HINDERS, **about([skip[2] for skip in skips]))
    bare = [write for writer in writers for write in writer.unnumbered]
    if bare:
        yield Draft("GPI407", bearing=Bearing.HINDERS, **about(bare))


def unfinished(case: Case, writers: Sequence[Writer]) -> Iterator[Draft]:
    """GPI404: segments that opened and never said that they were done."""
    left = [writer for writer in writers if writer.opened and not writer.done and not writer.done_sent]
    if not left:
        return
    last_ns = max(write.end_ns for writer in left for write in writer.writes)
    patience = max(LONGEST_PAUSE_NS, MOST_PAUSES * _longest_pause(case))
    watched = (case.followed or case.last_ns - last_ns > patience) and not (
        case.cut_short or case.incomplete or case.snapped or _doubtful(case)
    )
    going_on = not watched or any(writer.still_open for writer in left)
    place: dict[str, Any] = about_session(case.session, case.members)
    if len(left) == 1:
        place = about([left[0].writes[-1]])
    who = segments_text(sorted(writer.segment for writer in left if writer.segment is not None) or [-1])
    if any(writer.segment is None for writer in left):
        who = "a client without segment number"
    yield Draft("GPI404", {"segment": who}, Bearing.HINDERS if going_on else Bearing.REFUTES, **place)


def _longest_pause(case: Case) -> int:
    """Nanoseconds between two writes of one Greenplum segment."""
    last: dict[int | None, int] = {}
    longest = 0
    for write in case.writes:
        longest = max(longest, write.start_ns - last.get(write.segment, write.start_ns))
        last[write.segment] = write.end_ns
    return longest


def unseen_writers(case: Case, writers: Sequence[Writer]) -> Iterator[Draft]:
    """GPI206 where the recorder may have dropped all that a segment wrote."""
    whole = all(writer.done and not writer.skipped and not writer.leading for writer in writers)
    if case.incomplete and case.unaccounted and whole:
        values: dict[str, str | int] = {"missing": case.unaccounted, "expected": case.session.segment_count or 0}
        yield Draft("GPI206", values, Bearing.HINDERS, **about_session(case.session, case.members))


def bodies_cut(case: Case, writers: Sequence[Writer]) -> Iterator[Draft]:
    """GPI408: a body shorter than its Content-Length, and yet taken."""
    cut = [write for write in case.writes if write.outcome is Outcome.ACCEPTED and _lacks(write)]
    if cut:
        values = {
            "seq": _numbers(cut),
            "bytes": sum(write.payload_bytes for write in cut),
            "length": sum(write.content_length or 0 for write in cut),
        }
        yield Draft("GPI408", values, Bearing.HINDERS, **about(cut))


def errors(case: Case, writers: Sequence[Writer]) -> Iterator[Draft]:
    """GPI201 and GPI202: an E in the answer to a write, as a failing output transform leaves it."""
    for write in case.writes:
        for text in write.errors:
            yield Draft("GPI202" if write.ended else "GPI201", {"text": text}, Bearing.REFUTES, **about([write]))


def bodies_not_read(case: Case, writers: Sequence[Writer]) -> Iterator[Draft]:
    """GPI409: bodies that were answered with 200 and not read; GPI410: bodies whose tail is no whole row."""
    groups: dict[str, list[Exchange]] = {}
    for write in case.writes:
        if write.outcome is Outcome.ACCEPTED and write.unread_body is not None:
            groups.setdefault(write.unread_body, []).append(write)
    for why, members in groups.items():
        yield Draft("GPI409", {"seq": _numbers(members), "why": why}, Bearing.REFUTES, **about(members))
    loose = [write for write in case.writes if write.outcome is Outcome.ACCEPTED and write.row_end is False and not write.zstd]
    if loose:
        yield Draft("GPI410", {"seq": _numbers(loose)}, Bearing.REFUTES, **about(loose))


def _lacks(write: Exchange) -> bool:
    return not write.zstd and write.payload_bytes + write.missing_bytes < (write.content_length or 0)


def _numbers(members: Sequence[Exchange]) -> str | int:
    return numbers_text(member.seq for member in members)


def _doubtful(case: Case) -> bool:
    return case.noticed("GPI025") or any(connection.missing_bytes or not connection.opened for connection in case.connections)


_MOST_ANSWERS = 8
_OUTCOMES: Final = {
    Outcome.DUPLICATE: ("GPI402", Bearing.NONE),
    Outcome.DISCARDED: ("GPI403", Bearing.REFUTES),
    Outcome.UNANSWERED: ("GPI405", Bearing.HINDERS),
    Outcome.OPEN: ("GPI211", Bearing.HINDERS),
}
_RULES: Final[tuple[Callable[[Case, Sequence[Writer]], Iterator[Draft]], ...]] = (
    refusals,
    by_outcome,
    numbers,
    unfinished,
    unseen_writers,
    bodies_cut,
    bodies_not_read,
    errors,
)


def rule(case: Case) -> Iterator[Draft]:
    """Everything about the writes of a session."""
    if case.writes:
        writers = read_along(case)
        for each in _RULES:
            yield from each(case, writers)
        yield from by_repeat(case)
        yield from reopened(case)
