"""What a rule hands in: a finding without its words, and what it means for the proof of delivery.

Words come from the catalogue in `gpinspect.grammar.findings`; nothing here changes a severity.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from gpinspect.grammar import findings as catalogue
from gpinspect.model import Connection, Exchange, Finding, Session

LONGEST_VALUE = 300
"""Characters of one value from the wire in a message; what exceeds it becomes an ellipsis."""
MOST_NAMED = 8
"""Numbers that a list in a message spells out."""

_GROUPED = frozenset({"bytes", "count", "expected", "first", "frames", "last", "length", "missing", "position", "skipped"})


class Bearing(enum.IntEnum):
    """What a finding means for the question whether every row of its session arrived exactly once."""

    NONE = 0
    HINDERS = 1  # it cannot be proven any more
    REFUTES = 2  # it is not so


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding to be. `values` fill the message of the catalogue, `suffix` follows it in parentheses.

    A `silent` one is a reason for the verdict that another finding says already.
    """

    code: str
    values: Mapping[str, str | int] = field(default_factory=dict)
    bearing: Bearing = Bearing.NONE
    suffix: str = ""
    session: int | None = None
    segment: int | None = None
    exchange: int | None = None
    connection: int | None = None
    time_ns: int | None = None
    frames: tuple[int, int] | None = None
    silent: bool = False
    advice: str = ""  # better than that of the catalogue


def about(exchanges: Sequence[Exchange], *, end: bool = False) -> dict[str, Any]:
    """Place of a draft about these exchanges: ids where they are the same, first time, all frames.

    Args:
        end: It happened when they ended.
    """
    first = exchanges[0]
    if len(exchanges) == 1:
        return {
            "session": first.session,
            "segment": first.segment,
            "exchange": first.id,
            "connection": first.connection,
            "time_ns": first.end_ns if end else first.start_ns,
            "frames": first.frames,
        }
    segments = {exchange.segment for exchange in exchanges}
    return {
        "session": first.session if all(exchange.session == first.session for exchange in exchanges) else None,
        "segment": first.segment if len(segments) == 1 else None,
        "time_ns": min(exchange.end_ns if end else exchange.start_ns for exchange in exchanges),
        "frames": (min(exchange.frames[0] for exchange in exchanges), max(exchange.frames[1] for exchange in exchanges)),
        "suffix": requesters(exchanges),
    }


def about_session(session: Session, members: Sequence[Exchange]) -> dict[str, Any]:
    """Place of a draft about a session as a whole."""
    frames = (min(member.frames[0] for member in members), max(member.frames[1] for member in members)) if members else None
    return {"session": session.id, "time_ns": session.start_ns, "frames": frames}


def about_connections(connections: Sequence[Connection]) -> dict[str, Any]:
    """Place of a draft about connections that carry no exchange of a session."""
    first = connections[0]
    return {
        "connection": first.id if len(connections) == 1 else None,
        "time_ns": min(connection.start_ns for connection in connections),
        "frames": (
            min(connection.frames[0] for connection in connections),
            max(connection.frames[1] for connection in connections),
        ),
        "suffix": "" if len(connections) == 1 else f"{len(connections):,} connections",
    }


def requesters(exchanges: Sequence[Exchange]) -> str:
    """Who sent these requests: `segments 0, 2 and 3`, `12 requests of segments 0 and 1`; empty for a single one."""
    if len(exchanges) == 1:
        return ""
    segments = sorted({exchange.segment for exchange in exchanges if exchange.segment is not None})
    if not segments:
        return f"{len(exchanges):,} requests"
    named = segments_text(segments)
    return named if len(segments) == len(exchanges) else f"{len(exchanges):,} requests of {named}"


def segments_text(segments: Sequence[int]) -> str:
    """`segment 3`, `segments 0, 2 and 3`, `1,000 segments: 0, 1, 2, …`."""
    if len(segments) == 1:
        return f"segment {segments[0]}"
    if len(segments) > MOST_NAMED:
        return f"{len(segments):,} segments: {', '.join(map(str, segments[:MOST_NAMED]))}, …"
    return f"segments {', '.join(map(str, segments[:-1]))} and {segments[-1]}"


def numbers_text(numbers: Iterable[int | None]) -> str | int:
    """Sequence numbers for a message: each once, in order, at most `MOST_NAMED`."""
    ordered = sorted({number for number in numbers if number is not None})
    if not ordered:
        return "(absent)"
    if len(ordered) == 1:
        return ordered[0]
    return ", ".join(map(str, ordered[:MOST_NAMED])) + (", …" if len(ordered) > MOST_NAMED else "")


def finish(draft: Draft) -> Finding:
    """Put a draft into the words of the catalogue."""
    kind = catalogue.kind(draft.code)
    message = (
        kind.render({name: _shown(name, value) for name, value in draft.values.items()}) if draft.values else _plain(draft.code)
    )
    return Finding(
        code=draft.code,
        name=kind.name,
        severity=kind.severity,
        message=f"{message} ({draft.suffix})" if draft.suffix else message,
        advice=draft.advice or kind.advice,
        session=draft.session,
        segment=draft.segment,
        exchange=draft.exchange,
        connection=draft.connection,
        time_ns=draft.time_ns,
        frames=draft.frames,
        values=draft.values,
        suffix=draft.suffix,
    )


@cache
def _plain(code: str) -> str:
    return catalogue.kind(code).render({})


def _shown(name: str, value: str | int) -> str | int:
    """Counts with separators, text no longer than it can be read."""
    if isinstance(value, int):
        return f"{value:,}" if name in _GROUPED else value
    return value if len(value) <= LONGEST_VALUE else value[: LONGEST_VALUE - 1] + "…"
