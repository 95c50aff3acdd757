"""Findings about connections that did not come about: refused, unreachable, tried again."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from gpinspect.analysis.case import Scene
from gpinspect.analysis.connections import grouped
from gpinspect.analysis.draft import Draft, about_connections
from gpinspect.model import Address, Connection

SECOND: Final = 1_000_000_000
USUAL_PORTS: Final = range(8000, 9001)
"""Ports that gpfdist (8080) and gpload take by default; they count where the capture shows no gpfdist at all."""
ROUND_NS: Final = SECOND // 2
"""Attempts of segments on one host that lie closer together than this are one round."""
LONGEST_WAIT: Final = 64
TOLERANCE: Final = (0.85, 1.6)
"""A pause may be shorter or longer than the wait by these factors: the attempt itself takes time as well."""
MOST_PORTS: Final = 4
MOST_PAUSES: Final = 8


class _Where(NamedTuple):
    """Who serves gpfdist in the capture, and who asks for it."""

    servers: frozenset[Address]
    hosts: frozenset[str]
    clients: frozenset[str]

    def ours(self, connection: Connection) -> bool:
        """Whether an attempt was meant for gpfdist."""
        if not self.servers:
            return connection.server.port in USUAL_PORTS
        known = connection.server.host in self.hosts and connection.client.host in self.clients
        return known or connection.server in self.servers


class _Round(NamedTuple):
    """Attempts at one time."""

    start_ns: int
    end_ns: int
    connections: list[Connection]


def attempts(scene: Scene) -> Iterator[Draft]:
    """GPI027, GPI028 and GPI029, each once a server."""
    failed = [connection for connection in scene.connections if _failed(connection)]
    if not failed:
        return
    served = [connection for connection in scene.connections if connection.kind == "gpfdist"]
    where = _Where(
        frozenset(connection.server for connection in served),
        frozenset(connection.server.host for connection in served),
        frozenset(connection.client.host for connection in served),
    )
    failed = [connection for connection in failed if where.ours(connection) or (connection.unreachable and not where.servers)]
    yield from _refused([connection for connection in failed if _refusing(connection)], where)
    yield from _tried_again(scene, failed)


def _refusing(connection: Connection) -> bool:
    return connection.reset_by == connection.closed_by == "server"


def _failed(connection: Connection) -> bool:
    """A SYN that was answered by RST, or by a message that nobody is there."""
    return connection.kind == "silent" and connection.opened and (_refusing(connection) or connection.unreachable > 0)


def _refused(refused: Sequence[Connection], where: _Where) -> Iterator[Draft]:
    """GPI027, and which port of the same host does serve."""
    for group in grouped(refused, lambda connection: connection.server):
        server = group[0].server
        others = sorted(known.port for known in where.servers if known.host == server.host and known.port != server.port)
        place = about_connections(group)
        if others and server not in where.servers:
            ports = ", ".join(map(str, others[:MOST_PORTS])) + (", …" if len(others) > MOST_PORTS else "")
            told = f"port {server.port}; gpfdist answers on {'port' if len(others) == 1 else 'ports'} {ports} of this host"
            place["suffix"] = "; ".join(text for text in (place["suffix"], told) if text)
        yield Draft("GPI027", **place)


def _tried_again(scene: Scene, failed: Sequence[Connection]) -> Iterator[Draft]:
    """GPI028 for attempts with growing pauses, GPI029 for a server that stays out of reach."""
    servers = {connection.server for connection in failed}
    through: dict[tuple[str, Address], list[int]] = {}
    for connection in scene.connections:
        if connection.server in servers and connection.answered:
            through.setdefault((connection.client.host, connection.server), []).append(connection.start_ns)
    lost: list[Connection] = []
    for group in grouped(failed, lambda connection: (connection.client.host, connection.server)):
        name = (group[0].client.host, group[0].server)
        rounds = _rounds(group)
        after = next((ns for ns in sorted(through.get(name, ())) if ns > rounds[-1].end_ns), None)
        out_of_reach = any(connection.unreachable for connection in group)
        pauses = [(later.start_ns - earlier.end_ns) / SECOND for earlier, later in pairwise(rounds)]
        if after is not None:
            pauses.append((after - rounds[-1].end_ns) / SECOND)
        if _growing(pauses) and (out_of_reach or len(pauses) > 1):
            yield _backing_off(group, pauses, after)
        if out_of_reach and after is None:
            lost += [connection for connection in group if connection.unreachable]
    for group in grouped(lost, lambda connection: connection.server):
        yield Draft("GPI029", **about_connections(group))


def _backing_off(group: Sequence[Connection], pauses: Sequence[float], after: int | None) -> Draft:
    place: dict[str, Any] = about_connections(group)
    shown = ", ".join(f"{pause:.1f}" for pause in pauses[:MOST_PAUSES]) + (", …" if len(pauses) > MOST_PAUSES else "")
    outcome = "then it succeeded" if after is not None else "no attempt succeeded in the capture"
    return Draft("GPI028", {"count": len(group), "pauses": shown, "outcome": outcome}, **place)


def _rounds(attempted: Sequence[Connection]) -> list[_Round]:
    rounds: list[_Round] = []
    for connection in sorted(attempted, key=lambda connection: connection.start_ns):
        last = rounds[-1] if rounds else None
        if last is not None and connection.start_ns - last.end_ns < ROUND_NS:
            last.connections.append(connection)
            rounds[-1] = last._replace(end_ns=max(last.end_ns, connection.end_ns))
        else:
            rounds.append(_Round(connection.start_ns, connection.end_ns, [connection]))
    return rounds


def _growing(pauses: Sequence[float]) -> bool:
    """Whether pauses can be waits of 1, 2, 4 … 64 s, from any of them on."""
    if not pauses:
        return False
    wait = next((wait for wait in (1, 2, 4, 8, 16, 32, 64) if _fits(pauses[0], wait)), None)
    for pause in pauses:
        if wait is None or not _fits(pause, wait):
            return False
        wait = min(2 * wait, LONGEST_WAIT)
    return True


def _fits(pause: float, wait: int) -> bool:
    return TOLERANCE[0] * wait <= pause <= TOLERANCE[1] * wait


SCENE_RULES: Final[tuple[Callable[[Scene], Iterator[Draft]], ...]] = (attempts,)
