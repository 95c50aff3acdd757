"""Findings as a list to walk through."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from gpinspect.model import Finding
from gpinspect.views.browse import Listing, named, state_column
from gpinspect.views.tables import FINDINGS, SEVERITY_TONES, Column, Context, Tone
from gpinspect.views.text import printable

WORDS = 32
"""Cells of a finding's words that are shown before other columns are."""


class NumberedFinding(NamedTuple):
    number: int
    finding: Finding


def finding_tone(finding: Finding) -> Tone:
    return SEVERITY_TONES.get(finding.severity.word, "")


def _finding_column(column: Column[Finding]) -> Column[NumberedFinding]:
    return Column(
        column.name,
        lambda row, c: column.value(row.finding, c),
        column.align,
        column.priority,
        column.least,
        column.keep,
        column.tones,
    )


def finding_listing(findings: Sequence[Finding], context: Context) -> Listing[NumberedFinding]:
    columns: tuple[Column[NumberedFinding], ...] = (
        state_column(lambda row: finding_tone(row.finding)),
        *map(_finding_column, named(FINDINGS, "Level", "Code", "When", "Where", "Frames")),
        Column("What", lambda row, c: printable(row.finding.message), least=WORDS),
    )
    rows = [NumberedFinding(number, finding) for number, finding in enumerate(findings)]
    return Listing(columns, rows, _finding_key, "findings", context)


def _finding_key(row: NumberedFinding) -> Hashable:
    finding = row.finding
    return finding.code, finding.time_ns, finding.frames, finding.message, finding.segment
