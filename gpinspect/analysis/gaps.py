"""Do the packages of a session tile its files? Findings about stretches that nobody got, or that were given out twice.

Packages are looked at only where the coverage of a file has a hole, or where a file does not begin with its first byte.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from gpinspect.analysis.case import Case
from gpinspect.analysis.draft import Bearing, Draft, about_session
from gpinspect.grammar import csvopt
from gpinspect.model import UNKNOWN, Exchange, FileCoverage, Outcome

MOST_FILES = 8
"""Files of a session that get a finding of their own, of one code."""

LONGEST_HEADER = 1 << 14
"""Bytes of a header row that need no other evidence than an offset; half of the smallest block of gpfdist."""

Stretch = tuple[int, int]


class _Announced(NamedTuple):
    """Packages of one file by offset, as their heads say it, captured or not."""

    starts: "array[int]"
    ends: "array[int]"
    members: "array[int]"  # index into the session's members


class _Code(NamedTuple):
    code: str
    bearing: Bearing


NOBODY_GOT_IT = _Code("GPI207", Bearing.REFUTES)
MEMBER_LEFT = _Code("GPI216", Bearing.HINDERS)
NOT_CAPTURED = _Code("GPI217", Bearing.HINDERS)
CUT_BY_RECORDER = _Code("GPI005", Bearing.HINDERS)  # said once for the capture; here it is only a reason
STILL_COMING = _Code("GPI211", Bearing.HINDERS)  # said by the rule about open members
SAID_ELSEWHERE = frozenset({CUT_BY_RECORDER, STILL_COMING})


def rule(case: Case) -> Iterator[Draft]:
    """GPI207, GPI208, GPI216, GPI217 for the files of a session."""
    files = case.session.files
    if not files:
        return
    place = about_session(case.session, case.members)
    place["time_ns"] = case.session.end_ns
    holes = _holes(case, files)
    found: dict[_Code, list[tuple[str, list[Stretch]]]] = {}
    if holes:
        announced = _announced(case, {name.encode("utf-8", "surrogateescape") for name in holes})
        unseen = _unseen(case)
        for name, stretches in holes.items():
            by_code: dict[_Code, list[Stretch]] = {}
            spans = announced.get(name.encode("utf-8", "surrogateescape"))
            for stretch in stretches:
                for code, part in _explain(case, stretch, spans, unseen):
                    parts = by_code.setdefault(code, [])
                    if parts and parts[-1][1] == part[0]:
                        part = (parts.pop()[0], part[1])
                    parts.append(part)
            for code, parts in by_code.items():
                found.setdefault(code, []).append((name, parts))
    twice = [(file.name, list(file.overlaps)) for file in files if file.overlaps]
    if twice:
        assumed = case.noticed("GPI101", "GPI102")  # offsets that were only assumed prove nothing
        found[_Code("GPI208", Bearing.HINDERS if assumed else Bearing.REFUTES)] = twice
    for code, per_file in found.items():
        yield from _drafts(code, per_file, place)


# where there are holes ---------------------------------------------------------------------------------------------------


def _holes(case: Case, files: Sequence[FileCoverage]) -> dict[str, list[Stretch]]:
    """Stretches of each file that the capture does not show, those in front of its first package among them."""
    headless = {file.name: file.first_offset for file in files if file.first_offset}
    if headless and _header_skipped(case):
        for name in _begun(case, headless):
            del headless[name]
    holes: dict[str, list[Stretch]] = {}
    for file in files:
        stretches = list(file.gaps)
        if file.name in headless:
            stretches.insert(0, (0, file.first_offset))
        if stretches:
            holes[file.name] = stretches
    return holes


def _options(case: Case) -> csvopt.CsvOptions | None:
    text = next((member.csvopt for member in case.reads if member.csvopt is not None), None)
    return csvopt.parse(text) if text is not None else None


def _header_skipped(case: Case) -> bool:
    options = _options(case)
    return options is not None and options.header


def _begun(case: Case, wanted: dict[str, int]) -> set[str]:
    """Files whose package at the lowest offset is their first one: everything in front of it is the header row.

    L tells. The reference server gives the first block of a file 1 or 2 and later ones 0 (text) or more (CSV); 4.3 counts the lines
    of the header row. Without L it may be the first, if a header row can be as long as that.
    """
    options = _options(case)
    by_lines = options is not None and options.form == "old"
    left = {name.encode("utf-8", "surrogateescape"): (name, offset) for name, offset in wanted.items()}
    begun: set[str] = set()
    for member in case.members:
        table = member.packages
        for index, file, offset, _, _ in table.spans():
            if not left:
                return begun
            if file >= len(table.files) or table.files[file] not in left:
                continue
            name, first = left[table.files[file]]
            if offset == first:
                del left[table.files[file]]
                line = table[index].line
                if line in (1, 2) or (offset <= LONGEST_HEADER and (line == UNKNOWN or (by_lines and line))):
                    begun.add(name)
    return begun


# what explains them ------------------------------------------------------------------------------------------------------


def _announced(case: Case, names: set[bytes]) -> dict[bytes, _Announced]:
    rows: dict[bytes, list[tuple[int, int, int]]] = {name: [] for name in names}
    for number, member in enumerate(case.members):
        table = member.packages
        columns = [rows.get(name) for name in table.files]
        for _, file, offset, length, _ in table.spans():
            column = columns[file] if file < len(columns) else None
            if column is not None and offset != UNKNOWN:
                column.append((offset, min(offset + length, UNKNOWN), number))
    told = {}
    for name, several in rows.items():
        several.sort()
        told[name] = _Announced(*(array("Q", [row[column] for row in several]) for column in range(3)))
    return told


def _explain(case: Case, stretch: Stretch, spans: _Announced | None, unseen: _Code) -> Iterator[tuple[_Code, Stretch]]:
    """Cut a hole where packages begin and end, and say of each part why it is one."""
    at, end = stretch
    if spans is not None:
        index = max(0, bisect_right(spans.starts, at) - 1)
        while index < len(spans.starts) and spans.starts[index] < end and at < end:
            if spans.ends[index] > at:
                if spans.starts[index] > at:
                    yield unseen, (at, spans.starts[index])
                    at = spans.starts[index]
                until = min(end, spans.ends[index])
                yield _cut(case, case.members[spans.members[index]]), (at, until)
                at = until
            index += 1
    if at < end:
        yield unseen, (at, end)


def _cut(case: Case, member: Exchange) -> _Code:
    """Why the capture lacks a part of a package whose head it has."""
    if not member.missing_bytes:
        if member.outcome is Outcome.CANCELLED:
            return MEMBER_LEFT
        if member.outcome is Outcome.BROKEN:
            return NOBODY_GOT_IT
        if member.outcome is Outcome.OPEN:
            return STILL_COMING
    if case.snapped and not case.noticed("GPI020", "GPI021", "GPI023"):
        return CUT_BY_RECORDER
    return NOT_CAPTURED


def _unseen(case: Case) -> _Code:
    """Why no package of the capture has a stretch."""
    doubtful = any(connection.missing_bytes or not connection.opened for connection in case.connections)
    if doubtful or case.noticed("GPI025", "GPI101", "GPI102") or case.ended_as(Outcome.LOST):
        return NOT_CAPTURED
    if case.leavers:
        return MEMBER_LEFT
    if case.ended_as(Outcome.OPEN) or case.incomplete or case.unaccounted != 0:
        return NOT_CAPTURED
    return NOBODY_GOT_IT


def _drafts(code: _Code, per_file: list[tuple[str, list[Stretch]]], place: dict[str, Any]) -> Iterator[Draft]:
    """One finding a file; of very many files the last one stands for the rest."""
    for number, (name, parts) in enumerate(per_file[:MOST_FILES], 1):
        count = sum(end - start for start, end in parts)
        values: dict[str, str | int] = {
            "file": name,
            "first": min(start for start, _ in parts),
            "last": max(end for _, end in parts) - 1,
            "bytes": count,
        }
        notes = [f"in {len(parts):,} stretches"] if len(parts) > 1 else []
        if number == MOST_FILES and len(per_file) > MOST_FILES:
            notes.append(f"and {len(per_file) - MOST_FILES:,} more files")
        yield Draft(code.code, values, code.bearing, suffix="; ".join(notes), silent=code in SAID_ELSEWHERE, **place)
