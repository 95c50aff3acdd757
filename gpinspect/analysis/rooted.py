"""What the files on the server say about a session: rows that reached nobody, other content, targets without what was accepted."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from gpinspect.analysis.case import Case
from gpinspect.analysis.draft import Bearing, Draft, about_session, numbers_text
from gpinspect.model import FileCoverage, Outcome
from gpinspect.model.root import RootFile, RootSession, RootTarget

MOST_FILES: Final = 8
"""Files of a session that get a finding of their own, of one code."""
SETTLED: Final = frozenset({"GPI206", "GPI211", "GPI215", "GPI238"})
"""Obstacles to a proof that are none where the packages are seen to cover the files from the first row to the end."""

_Row = tuple[str, dict[str, str | int], Bearing]


def rule(case: Case) -> Iterator[Draft]:
    """GPI230 to GPI237."""
    root = case.root
    if root is None:
        return
    place = about_session(case.session, case.members)
    place["time_ns"] = case.session.end_ns
    found: dict[str, list[_Row]] = {}
    for row in _writes(root.target) if root.target is not None else _reads(case, root):
        found.setdefault(row[0], []).append(row)
    for rows in found.values():
        for number, (code, values, bearing) in enumerate(rows[:MOST_FILES], 1):
            more = len(rows) - MOST_FILES
            suffix = f"and {more:,} more files" if number == MOST_FILES and more > 0 else ""
            yield Draft(code, values, bearing, suffix=suffix, **place)
    if root.target is None and _whole(case, root):
        yield _agrees(len(root.files), all(file.content for file in root.files), place)
    elif root.target is not None and not found and not root.target.why:
        yield _agrees(1, root.target.content, place)


def settled(case: Case, drafts: Sequence[Draft]) -> frozenset[str]:
    """Codes of findings that do not stand against a proof any more, because the files show where they end."""
    root = case.root
    if root is None or root.target is not None or not _whole(case, root):
        return frozenset()
    if any(draft.code in _HOLES for draft in drafts):
        return frozenset()
    if any(member.unacknowledged for member in case.ended_as(Outcome.OPEN)):
        return SETTLED - {"GPI211"}
    return SETTLED


_HOLES = frozenset({"GPI005", "GPI207", "GPI208", "GPI216", "GPI217"})


def end_of(file: FileCoverage) -> int:
    """Offset behind the last byte of a file that is known to have been given out."""
    return file.first_offset + file.bytes + sum(end - start for start, end in file.gaps)


def _whole(case: Case, root: RootSession) -> bool:
    """Every named file is there, and ends where the packages end."""
    ends = {file.name: end_of(file) for file in case.session.files}
    return (
        bool(root.files)
        and root.listed
        and not root.unread
        and len(root.files) == len(ends)
        and all(
            not file.missing and not file.why and file.differs_at is None and file.size == ends[file.name] for file in root.files
        )
    )


def _agrees(count: int, content: bool, place: dict[str, Any]) -> Draft:
    files = "1 file" if count == 1 else f"{count:,} files"
    return Draft("GPI237", {"count": files, "what": "sizes and content" if content else "sizes"}, **place)


def _reads(case: Case, root: RootSession) -> Iterator[_Row]:
    ends = {file.name: end_of(file) for file in case.session.files}
    sure = _nobody_else(case)
    for file in root.files:
        yield from _of_file(file, ends.get(file.name, 0), sure)
    for name, size in root.unread:
        if sure:
            yield "GPI236", {"file": name, "bytes": size}, Bearing.REFUTES
        else:
            yield "GPI235", {"file": name, "why": f"no package of the capture is of its {size:,} bytes, {_OTHERS}"}, Bearing.HINDERS


_OTHERS = "but the capture may lack some"


def _of_file(file: RootFile, end: int, sure: bool) -> Iterator[_Row]:
    name: dict[str, str | int] = {"file": file.name}
    if file.missing:
        yield "GPI230", name, Bearing.NONE
    elif file.why:
        yield "GPI235", {**name, "why": file.why}, Bearing.NONE
    else:
        if file.differs_at is not None:
            yield "GPI233", {**name, "first": file.differs_at}, Bearing.HINDERS
        if file.size > end and sure:
            yield "GPI231", {**name, "bytes": file.size - end, "first": end, "last": file.size - 1}, Bearing.REFUTES
        elif file.size > end:
            why = f"no package of the capture is of its last {file.size - end:,} bytes, from offset {end:,} on, {_OTHERS}"
            yield "GPI235", {**name, "why": why}, Bearing.HINDERS
        elif file.size < end:
            yield "GPI232", {**name, "length": file.size, "last": end - 1}, Bearing.HINDERS


def _nobody_else(case: Case) -> bool:
    """Whether every byte that the session gave out is known of: nobody is missing, nothing is going on, no framing was lost."""
    if case.unaccounted != 0 or case.incomplete or case.ended_as(Outcome.OPEN, Outcome.LOST, Outcome.CLOSED):
        return False
    first = next(case.reads, None)
    if first is None or first.outcome is Outcome.LATE:
        return False  # rows were given out before the capture began
    if case.noticed("GPI025", "GPI101", "GPI102", "GPI103", "GPI107", "GPI108"):
        return False
    served = {member.connection for member in case.reads}
    return not any(
        connection.missing_bytes or not connection.opened for connection in case.connections if connection.id in served
    ) and not any(member.packages.data and not member.message_counts for member in case.members)


def _writes(target: RootTarget) -> Iterator[_Row]:
    name: dict[str, str | int] = {"file": target.name}
    if target.missing:
        yield "GPI230", name, Bearing.NONE
    elif target.why:
        yield "GPI235", {**name, "why": target.why}, Bearing.NONE
    elif target.content:
        for verb, bodies in (("does not hold", target.lacking), ("holds twice", target.twice)):
            if bodies:
                seqs = numbers_text(seq for _, seq, _ in bodies)
                segments = numbers_text(segment for segment, _, _ in bodies)
                size = sum(size for _, _, size in bodies)
                what = f"it {verb} what segment {segments} wrote with X-GP-SEQ {seqs} ({size:,} bytes)"
                yield "GPI234", {**name, "what": what}, Bearing.REFUTES
    elif target.size < target.accepted:
        what = f"it has {target.size:,} bytes, and gpfdist took {target.accepted:,}"
        yield "GPI234", {**name, "what": what}, Bearing.REFUTES
