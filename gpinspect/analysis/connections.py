"""Findings about connections that were there before the capture, probes, and answers that refuse."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeVar

from gpinspect.analysis.case import Case, Scene
from gpinspect.analysis.draft import LONGEST_VALUE, Bearing, Draft, about
from gpinspect.grammar import statuses
from gpinspect.model import Exchange, Outcome

MOST_SERVERS = 20
"""Servers that get a finding of their own; a scan of ports shall not drown the rest."""

POISONED: Final = "session error"
"""What every request is answered after the first failure of a session."""
FAILED: Final = {
    Outcome.ERROR: "an error without text",
    Outcome.REFUSED: "refused",
    Outcome.BROKEN: "the answer ended before its end",
    Outcome.UNANSWERED: "the write got no answer",
    Outcome.CANCELLED: "the segment left",
}
"""Ways to fail that can end a session, and their names."""
LONGEST_NOTE: Final = 120
"""Characters of an error that are repeated where its consequences are told."""

_Item = TypeVar("_Item")


def started_late(case: Case) -> Iterator[Draft]:
    """GPI024: members whose connection was there before the capture."""
    late = {connection.id for connection in case.connections if not connection.opened}
    if late:
        yield Draft("GPI024", bearing=Bearing.HINDERS, **about([member for member in case.members if member.connection in late]))


def probes(scene: Scene) -> Iterator[Draft]:
    """GPI213, once a server."""
    asked = (exchange for exchange in scene.outside if exchange.outcome is Outcome.PROBE)
    for group in grouped(asked, lambda exchange: exchange.server):
        yield Draft("GPI213", **about(group))


def refused_outside(scene: Scene) -> Iterator[Draft]:
    """GPI203 for requests that belong to no session, once a server and answer."""
    refused = (exchange for exchange in scene.outside if exchange.outcome is Outcome.REFUSED)
    for group in grouped(refused, lambda exchange: (exchange.server, exchange.status, exchange.reason)):
        yield refusal(group, Bearing.NONE)


def refusal(members: Sequence[Exchange], bearing: Bearing, note: str = "") -> Draft:
    """GPI203 for exchanges that got the same answer, with what to do about this one where it is known. A `note` follows it."""
    status, reason = members[0].status, members[0].reason or ""
    values: dict[str, str | int] = {"status": status if status is not None else "?", "reason": reason}
    place = about(members)
    place["suffix"] = "; ".join(text for text in (place.get("suffix"), note) if text)
    return Draft("GPI203", values, bearing, advice=_advice(status, reason[:LONGEST_VALUE]), **place)


def first_failure(case: Case, members: Sequence[Exchange]) -> str:
    """Of members that were refused with `session error`: what went wrong in their session first, in words."""
    if POISONED not in (members[0].reason or ""):
        return ""
    failed = (member for member in case.members if member.outcome in FAILED and POISONED not in (member.reason or ""))
    first = min(failed, key=lambda member: member.start_ns, default=None)
    if first is None:
        return "the first failure is not in the capture"
    text = next((text for text in first.errors if text), "") or (
        f"{first.status} {first.reason}" if first.outcome is Outcome.REFUSED else FAILED[first.outcome]
    )
    who = "a client without number" if first.segment is None else f"segment {first.segment}"
    shown = text if len(text) <= LONGEST_NOTE else text[: LONGEST_NOTE - 1] + "…"
    return f"the first failure: {who}, exchange {first.id}, frames {first.frames[0]:,}-{first.frames[1]:,}: {shown}"


@lru_cache(maxsize=256)
def _advice(status: int | None, reason: str) -> str:
    known = statuses.lookup(status, reason) if reason else None
    return known.advice if known is not None else ""


def grouped(items: Iterable[_Item], key: Callable[[_Item], Hashable]) -> list[list[_Item]]:
    """Groups in order of appearance; those beyond `MOST_SERVERS` are one group."""
    groups: dict[Hashable, list[_Item]] = {}
    for item in items:
        name = key(item)
        if name not in groups and len(groups) >= MOST_SERVERS:
            name = None
        groups.setdefault(name, []).append(item)
    return list(groups.values())


SESSION_RULES: Final[tuple[Callable[[Case], Iterator[Draft]], ...]] = (started_late,)
SCENE_RULES: Final[tuple[Callable[[Scene], Iterator[Draft]], ...]] = (probes, refused_outside)
