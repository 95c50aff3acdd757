"""Places that a person jumps to: errors, and stalls."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from gpinspect.model import Finding, Severity, Stall
from gpinspect.views.inspected import Inspected


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something is; ids of the inspection, None where it is about more than one. `words` say what it is."""

    session: int | None
    segment: int | None
    exchange: int | None
    connection: int | None
    frame: int | None
    time_ns: int | None
    words: str


def finding_spot(finding: Finding) -> Spot:
    frame = finding.frames[0] if finding.frames else None
    words = f"{finding.code} {finding.message}"
    return Spot(finding.session, finding.segment, finding.exchange, finding.connection, frame, finding.time_ns, words)


def error_spots(found: Inspected) -> list[Spot]:
    """The findings of the gravest level."""
    return [finding_spot(finding) for finding in found.findings if finding.severity is Severity.ERROR]


def stall_spots(stalls: Sequence[Stall]) -> list[Spot]:
    """Every flow of every stall."""
    return [
        Spot(
            stall.session,
            flow.segment,
            flow.exchange,
            flow.connection,
            flow.frames[0] if flow.frames else None,
            flow.start_ns,
            f"stall of {(flow.end_ns - flow.start_ns) / 1e9:.3f} s, held up by {stall.cause.value}",
        )
        for stall in stalls
        for flow in stall.flows
    ]


def jump(rows: Sequence[int], cursor: int, steps: int) -> int | None:
    """The row `steps` on (or back) from the cursor among these, which are in ascending order; None where there is none that way."""
    if steps > 0:
        ahead = [row for row in rows if row > cursor]
        return ahead[min(steps, len(ahead)) - 1] if ahead else None
    behind = [row for row in rows if row < cursor]
    return behind[max(steps, -len(behind))] if behind else None


def names_of(spot: Spot) -> tuple[Hashable, ...]:
    """What rows a place may stand on, nearest first: an exchange, a Greenplum segment, a session, a connection."""
    segment = None if spot.session is None or spot.segment is None else ("segment", spot.session, spot.segment)
    parts = (("exchange", spot.exchange), segment, ("session", spot.session), ("connection", spot.connection))
    return tuple(part for part in parts if part is not None and part[1] is not None)


def rows_of(spots: Sequence[Spot], rows: Mapping[Hashable, int]) -> dict[int, Spot]:
    """The first spot of each row that has any.

    Args:
        rows: Names to rows.
    """
    found: dict[int, Spot] = {}
    for spot in spots:
        row = next((rows[name] for name in names_of(spot) if name in rows), None)
        if row is not None:
            found.setdefault(row, spot)
    return found
