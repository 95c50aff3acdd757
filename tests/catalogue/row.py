"""What one row of the catalogue is to a test, and how its captures come about."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from craft import Capture

from gpinspect.inspection import Inspection, inspect
from gpinspect.model import Finding, Severity

MUSEUM = Path(__file__).parents[2] / "captures"
WORDS = {"E": Severity.ERROR, "W": Severity.WARNING, "I": Severity.NOTE}


@dataclass(frozen=True)
class Recorded:
    """A file of the museum, with the key logs that open it."""

    file: str
    keylogs: tuple[str, ...] = ()


Source = Recorded | Callable[[Capture], None]
"""A recording, or what puts frames into an empty capture."""


@dataclass(frozen=True)
class Row:
    """One event of the catalogue.

    `number` is the row of the catalogue, `6.3` for mixed-up schemes or `peer` for an abnormal ending seen with real peers; a letter
    after it tells apart the forms of one row. Every text of `says` stands in message or advice of a finding with one of the codes,
    and no finding of the neighbour has such a code with all these texts.
    """

    number: str
    event: str
    severity: str  # E, W or I
    codes: tuple[str, ...]
    shows: Source
    spares: Source
    says: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.number} {self.event}"


def look(source: Source, folder: Path) -> Inspection:
    """Read it the way every command does."""
    if isinstance(source, Recorded):
        inspection = inspect([str(MUSEUM / source.file)], keylogs=[str(MUSEUM / log) for log in source.keylogs])
    else:
        capture = Capture()
        source(capture)
        inspection = inspect([str(capture.write(folder / "built.pcap"))])
    inspection.close()
    return inspection


def told(inspection: Inspection, code: str, says: tuple[str, ...]) -> list[Finding]:
    """Its findings with a code whose message and advice have all these texts."""
    return [
        finding
        for finding in inspection.findings
        if finding.code == code and all(text in f"{finding.message} {finding.advice}" for text in says)
    ]
