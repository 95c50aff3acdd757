"""Findings as a list to walk through: from a level on, without codes that somebody has seen enough of, in groups if wanted."""

import enum
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gpinspect.model import Finding, Severity
from gpinspect.views.browse import Listing, named, state_column, worst_tone
from gpinspect.views.tables import FINDINGS, SEVERITY_TONES, Column, Context, Tone, counts_text, place_text
from gpinspect.views.text import UNKNOWN_TEXT, plural, printable
from gpinspect.views.times import HEADINGS, TimeMode, time_column

WORDS = 32
"""Cells of a finding's words that are shown before other columns are."""


class Grouping(enum.Enum):
    """What findings are put together by; `value` is what a person reads."""

    NONE = "none"
    SESSION = "session"
    CODE = "id"
    LEVEL = "level"

    @property
    def following(self) -> "Grouping":
        modes = list(Grouping)
        return modes[(modes.index(self) + 1) % len(modes)]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which findings are shown. `level` 1: errors, 2: and warnings, 3: and notes, 4: and those whose codes are hidden."""

    level: int = 3
    grouping: Grouping = Grouping.NONE
    hidden: frozenset[str] = frozenset()

    def keeps(self, finding: Finding) -> bool:
        return finding.severity >= 4 - min(self.level, 3) and (self.level > 3 or finding.code not in self.hidden)

    @property
    def words(self) -> str:
        told = {1: "errors", 2: "warnings and errors", 3: "", 4: "everything, hidden ids too"}[self.level]
        parts = [f"level: {told}" if told else "", f"group: {self.grouping.value}" if self.grouping is not Grouping.NONE else ""]
        parts.append(f"hidden: {', '.join(sorted(self.hidden))}" if self.hidden and self.level < 4 else "")
        return "  ".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class NumberedFinding:
    """A finding and its place among all; in front of a group a row without one, which `title` names."""

    number: int
    finding: Finding | None
    title: str = ""
    tone: Tone = ""


def finding_tone(finding: Finding) -> Tone:
    return SEVERITY_TONES.get(finding.severity.word, "")


def finding_rows(findings: Sequence[Finding], selection: Selection = Selection()) -> list[NumberedFinding]:
    """The findings that are wanted, in their order, or group by group in the order of the first of each."""
    rows = [NumberedFinding(number, finding) for number, finding in enumerate(findings) if selection.keeps(finding)]
    name = _NAMES.get(selection.grouping)
    if name is None:
        return rows
    groups: dict[str, list[NumberedFinding]] = {}
    for row in rows:
        assert row.finding is not None
        groups.setdefault(name(row.finding), []).append(row)
    return [one for title, group in groups.items() for one in (_heading(title, group), *group)]


_NAMES: dict[Grouping, Callable[[Finding], str]] = {
    Grouping.SESSION: lambda finding: "the capture as a whole" if finding.session is None else f"session {finding.session}",
    Grouping.CODE: lambda finding: f"{finding.code} {printable(finding.name)}",
    Grouping.LEVEL: lambda finding: plural(2, finding.severity.word).removeprefix("2 "),
}


def _heading(title: str, group: Iterable[NumberedFinding]) -> NumberedFinding:
    counts = dict.fromkeys((level.word for level in sorted(Severity, reverse=True)), 0)
    for row in group:
        if row.finding is not None:
            counts[row.finding.severity.word] += 1
    tone = worst_tone(SEVERITY_TONES.get(word, "") for word, count in counts.items() if count)
    return NumberedFinding(-1, None, f"{title}: {counts_text(counts)}", tone)


_SHORT = {"error": "err", "warning": "wrn", "note": "not"}


def _finding_column(column: Column[Finding]) -> Column[NumberedFinding]:
    def value(row: NumberedFinding, context: Context) -> str:
        return "" if row.finding is None else column.value(row.finding, context)

    return replace(column, value=value)  # type: ignore[arg-type,return-value]


def _of(get: Callable[[Finding], Any]) -> Callable[[NumberedFinding], Any]:
    return lambda row: None if row.finding is None else get(row.finding)


def finding_listing(
    findings: Sequence[Finding],
    context: Context,
    selection: Selection = Selection(),
    mode: TimeMode = TimeMode.CLOCK,
    origin_ns: int | None = None,
) -> Listing[NumberedFinding]:
    """Args:
    origin_ns: What times are counted from.
    """
    rows = finding_rows(findings, selection)
    time_of = _of(lambda finding: finding.time_ns)
    before = _before(rows) if mode is TimeMode.DELTA else {}
    columns: tuple[Column[NumberedFinding], ...] = (
        state_column(lambda row: row.tone if row.finding is None else finding_tone(row.finding)),
        *map(_finding_column, named(FINDINGS, "Level", "Code")),
        time_column(mode, time_of, origin_ns, lambda row: before.get(row.number), priority=3, clock_heading="When"),
        Column("Where", lambda row, c: "" if row.finding is None else place_text(row.finding), priority=2),
        *map(_finding_column, named(FINDINGS, "Frames")),
        Column("What", lambda row, c: row.title if row.finding is None else printable(row.finding.message), least=WORDS),
    )
    heading = "When" if mode is TimeMode.CLOCK else HEADINGS[mode]
    keys = {
        heading: time_of,
        "Level": _of(lambda finding: -finding.severity),
        "Frames": _of(lambda finding: finding.frames),
        "Where": _of(lambda f: (f.session or 0, -1 if f.segment is None else f.segment, f.exchange or 0, f.connection or 0)),
    }
    return Listing(
        columns,
        rows,
        _finding_key,
        "findings",
        context,
        sort_keys=keys,
        time_of=time_of,
        filter_kind="findings",
        filtered=lambda row: row.finding,
    )


def _before(rows: Sequence[NumberedFinding]) -> dict[int, int]:
    """Time of the finding before each, in the order they are shown."""
    known: dict[int, int] = {}
    last: int | None = None
    for row in rows:
        if row.finding is not None and row.finding.time_ns is not None:
            if last is not None:
                known[row.number] = last
            last = row.finding.time_ns
    return known


def _finding_key(row: NumberedFinding) -> Hashable:
    finding = row.finding
    if finding is None:
        return row.title.partition(":")[0] or UNKNOWN_TEXT
    return finding.code, finding.time_ns, finding.frames, finding.message, finding.segment
