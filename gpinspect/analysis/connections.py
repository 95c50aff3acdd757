"""Findings about connections: how they began, who refused them, what cannot be read."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeVar

from gpinspect.analysis.case import Case, Scene
from gpinspect.analysis.draft import LONGEST_VALUE, Bearing, Draft, about, about_connections
from gpinspect.grammar import statuses
from gpinspect.model import Exchange, Outcome

MOST_SERVERS = 20
"""Servers that get a finding of their own; a scan of ports shall not drown the rest."""

_Item = TypeVar("_Item")


def started_late(case: Case) -> Iterator[Draft]:
    """GPI024: members whose connection was there before the capture."""
    late = {connection.id for connection in case.connections if not connection.opened}
    if late:
        yield Draft("GPI024", bearing=Bearing.HINDERS, **about([member for member in case.members if member.connection in late]))


def refused_connections(scene: Scene) -> Iterator[Draft]:
    """GPI027, once a server: a SYN answered by RST, towards a host that is known to serve gpfdist."""
    ours = [connection for connection in scene.connections if connection.kind == "gpfdist"]
    servers = {connection.server.host for connection in ours}
    clients = {connection.client.host for connection in ours}
    ports = {connection.server for connection in ours}
    refused = (
        connection
        for connection in scene.connections
        if connection.kind == "silent"
        and connection.opened
        and connection.reset_by == connection.closed_by == "server"
        and (connection.server in ports or (connection.server.host in servers and connection.client.host in clients))
    )
    for group in _by(refused, lambda connection: connection.server):
        yield Draft("GPI027", **about_connections(group))


def probes(scene: Scene) -> Iterator[Draft]:
    """GPI213, once a server."""
    asked = (exchange for exchange in scene.outside if exchange.outcome is Outcome.PROBE)
    for group in _by(asked, lambda exchange: exchange.server):
        yield Draft("GPI213", **about(group))


def refused_outside(scene: Scene) -> Iterator[Draft]:
    """GPI203 for requests that belong to no session, once a server and answer."""
    refused = (exchange for exchange in scene.outside if exchange.outcome is Outcome.REFUSED)
    for group in _by(refused, lambda exchange: (exchange.server, exchange.status, exchange.reason)):
        yield refusal(group, Bearing.NONE)


def refusal(members: Sequence[Exchange], bearing: Bearing) -> Draft:
    """GPI203 for exchanges that got the same answer, with what to do about this one where it is known."""
    status, reason = members[0].status, members[0].reason or ""
    values: dict[str, str | int] = {"status": status if status is not None else "?", "reason": reason}
    return Draft("GPI203", values, bearing, advice=_advice(status, reason[:LONGEST_VALUE]), **about(members))


@lru_cache(maxsize=256)
def _advice(status: int | None, reason: str) -> str:
    known = statuses.lookup(status, reason) if reason else None
    return known.advice if known is not None else ""


def _by(items: Iterable[_Item], key: Callable[[_Item], Hashable]) -> list[list[_Item]]:
    """Groups in order of appearance; those beyond `MOST_SERVERS` are one group."""
    groups: dict[Hashable, list[_Item]] = {}
    for item in items:
        name = key(item)
        if name not in groups and len(groups) >= MOST_SERVERS:
            name = None
        groups.setdefault(name, []).append(item)
    return list(groups.values())


SESSION_RULES: Final[tuple[Callable[[Case], Iterator[Draft]], ...]] = (started_late,)
SCENE_RULES: Final[tuple[Callable[[Scene], Iterator[Draft]], ...]] = (refused_connections, probes, refused_outside)
