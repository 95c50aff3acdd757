"""Findings about releases and what they agree on: mixed generations, a header row that an old server cannot drop, compression."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from gpinspect.analysis.case import Scene
from gpinspect.analysis.connections import grouped
from gpinspect.analysis.draft import Draft, about
from gpinspect.grammar import csvopt
from gpinspect.grammar.releases import client_majors, majors_text, server_major, server_release
from gpinspect.model import Address, Exchange, Outcome

FIRST_WITH_N: Final = 5
"""Major release of the first server that reads `n` of X-GP-CSVOPT."""
MOST_NAMED: Final = 4

_Sight = tuple[frozenset[int], int | None]


def mixed_releases(scene: Scene) -> Iterator[Draft]:
    """GPI119, once a server and generation of segments."""
    known: dict[tuple[str | None, bool, bool, str | None], _Sight] = {}
    odd: list[tuple[Exchange, _Sight]] = []
    for exchange in scene.exchanges:
        key = (exchange.csvopt, exchange.zstd_offered, exchange.coordinator_named, exchange.server_version)
        sight = known.get(key)
        if sight is None:
            sight = known[key] = client_majors(*key[:3]), server_major(key[3])
        client, server = sight
        if client and server is not None and server not in client:
            odd.append((exchange, sight))
    for group in grouped(odd, lambda item: (item[0].server, *item[1])):
        client, _ = group[0][1]
        members = [exchange for exchange, _ in group]
        values = {"client": majors_text(client), "server": server_release(members[0].server_version) or "?"}
        yield Draft("GPI119", values, **about(members))


def header_as_data(scene: Scene) -> Iterator[Draft]:
    """GPI222, once a server: a header row that a 4.3 server does not know of."""
    served = [exchange for exchange in scene.exchanges if exchange.csvopt is not None and _unread_header(exchange)]
    for group in grouped(served, lambda exchange: exchange.server):
        first = group[0]
        values = {"value": first.csvopt or "", "server": server_release(first.server_version) or "?"}
        yield Draft("GPI222", values, **about(group))


def _unread_header(exchange: Exchange) -> bool:
    major = server_major(exchange.server_version)
    if major is None or major >= FIRST_WITH_N or exchange.method != "GET" or not exchange.payload_bytes:
        return False
    options = csvopt.parse(exchange.csvopt or "")
    return options is not None and options.header and options.form in ("padded", "plain")


def compression(scene: Scene) -> Iterator[Draft]:
    """GPI223, once a query: servers that did not take the offer of X-GP-ZSTD."""
    queries: dict[object, dict[Address, list[Exchange]]] = {}
    for exchange in scene.exchanges:
        if exchange.zstd_offered and _could_compress(exchange):
            query: object = (exchange.xid, exchange.cid) if exchange.xid and exchange.cid else exchange.session
            queries.setdefault(query, {}).setdefault(exchange.server, []).append(exchange)
    told: dict[tuple[Address, ...], list[Exchange]] = {}
    for servers in queries.values():
        plain = [server for server, members in servers.items() if not any(member.zstd for member in members)]
        if plain:
            told.setdefault(tuple(sorted(plain)), []).extend(member for server in plain for member in servers[server])
    for group in grouped(told.items(), lambda item: item[0]):
        names = list(dict.fromkeys(server for servers, _ in group for server in servers))
        members = [member for _, several in group for member in several]
        yield Draft("GPI223", {"servers": _named(names)}, **about(members))


def _could_compress(exchange: Exchange) -> bool:
    """Whether the answer would have said so: one to a read with its protocol, or to rows that were written."""
    if exchange.status != 200 or exchange.response_proto is None or exchange.outcome is Outcome.PROBE:
        return False
    return exchange.method == "GET" or (exchange.method == "POST" and exchange.payload_bytes > 0)


def _named(servers: Sequence[Address]) -> str:
    shown = ", ".join(map(str, servers[:MOST_NAMED]))
    return shown if len(servers) <= MOST_NAMED else f"{shown} and {len(servers) - MOST_NAMED} more servers"


SCENE_RULES: Final[tuple[Callable[[Scene], Iterator[Draft]], ...]] = (mixed_releases, header_as_data, compression)
