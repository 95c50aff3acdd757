"""All findings about TLS, with and without keys, and about connections that should have spoken it.

What is the same on many connections of one server is one finding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from gpinspect.analysis import tls_certificates, tls_choices, tls_failures, tls_secrets
from gpinspect.analysis.case import CUT_SHORT, Scene
from gpinspect.analysis.draft import Draft, about_connections
from gpinspect.analysis.tls_seen import Rule, Seen, Told
from gpinspect.engine.secure import Secured
from gpinspect.model import Address, Connection, Exchange

RULES: Final[tuple[Rule, ...]] = (*tls_secrets.RULES, *tls_failures.RULES, *tls_certificates.RULES, *tls_choices.RULES)
MOST_GROUPS: Final = 20
"""Findings of one code; names and certificates come from the wire, and a hostile capture may have a new one each time."""
PATIENCE: Final = 1_000_000_000
"""Nanoseconds after which a client that connected to a TLS port is too quiet."""
ALERT_RECORD: Final = 7
"""Bytes of an alert in the clear: header of five, level, number."""

_Item = tuple[Connection, Told, Sequence[Exchange]]


def tls_findings(scene: Scene, secured: Sequence[Secured]) -> Iterator[Draft]:
    """Judge everything about TLS; work grows with connections."""
    exchanges: dict[int, list[Exchange]] = {}
    for exchange in scene.exchanges:
        exchanges.setdefault(exchange.connection, []).append(exchange)
    told = [*_protected(scene, secured, exchanges), *_mixed_up(scene, secured, exchanges)]
    groups: dict[tuple[object, ...], list[_Item]] = {}
    kinds: dict[str, int] = {}
    for item in told:
        connection, one, _ = item
        values = one.key if one.key is not None else tuple(one.values.values())
        name: tuple[object, ...] = (one.code, connection.server, *values)
        if name not in groups:
            kinds[one.code] = kinds.get(one.code, 0) + 1
            if kinds[one.code] > MOST_GROUPS:
                name = (one.code,)
        groups.setdefault(name, []).append(item)
    for group in groups.values():
        yield _draft(group)


def _draft(group: Sequence[_Item]) -> Draft:
    """One draft for the same thing on connections of one server; it belongs to a session when all of them do."""
    connections = list({connection.id: connection for connection, _, _ in group}.values())
    first = group[0][1]
    place: dict[str, Any] = about_connections(connections)
    sessions = {exchange.session for _, _, members in group for exchange in members}
    if len(sessions) == 1 and all(members for _, _, members in group):
        place["session"] = sessions.pop()
    times = [one.ns for _, one, _ in group if one.ns is not None]
    if times:
        place["time_ns"] = min(times)
    if len(group) == 1 and first.frame:
        place["frames"] = (first.frame, first.frame)
    if len(connections) == 1 and len(group[0][2]) == 1:
        place["exchange"], place["segment"] = group[0][2][0].id, group[0][2][0].segment
    draft = Draft(first.code, first.values, **place)
    return draft if draft.frames is None or len(group) > 1 else replace(draft, suffix="")


def _protected(scene: Scene, secured: Sequence[Secured], exchanges: dict[int, list[Exchange]]) -> Iterator[_Item]:
    """What the rules tell of connections that speak TLS, or asked for it."""
    if not secured:
        return
    plain = frozenset(
        connection.server for connection in scene.connections if connection.kind in ("gpfdist", "http") and not connection.tls
    )
    one_sided = {weird.connection for weird, _ in scene.loose if weird.code == "GPI025"}
    one_sided.update(weird.connection for case in scene.cases for weird, _ in case.weirds if weird.code == "GPI025")
    cut_short = any(notice.code in CUT_SHORT for notice in scene.notices)
    last_ns = max((connection.end_ns for connection in scene.connections), default=0)
    for one in secured:
        number = one.connection.id
        members = exchanges.get(number, [])
        seen = Seen(one, members, plain, number in one_sided, cut_short, last_ns)
        for rule in RULES:
            for told in rule(seen):
                yield one.connection, told, members


def _mixed_up(scene: Scene, secured: Sequence[Secured], exchanges: dict[int, list[Exchange]]) -> Iterator[_Item]:
    """GPI560 and GPI562: connections to a port that speaks TLS which do not, or too late."""
    servers = {one.connection.server for one in secured if one.report.server.records and one.preface is None}
    for connection in scene.connections:
        members = exchanges.get(connection.id, [])
        if connection.tls or connection.kind == "silent":
            continue
        if _plain_to_tls(connection, members, servers):
            yield connection, Told("GPI560", ns=connection.end_ns), members
    for connection, silent_ns in _quiet(scene, secured, servers):
        yield connection, Told("GPI562", {"seconds": f"{silent_ns / 1e9:.1f}"}, key=()), exchanges.get(connection.id, [])


def _plain_to_tls(connection: Connection, members: Sequence[Exchange], servers: set[Address]) -> bool:
    """Whether a request was dropped without an answer where others speak TLS, or was answered with what is as long as an alert."""
    if connection.kind not in ("gpfdist", "http") or not connection.opened or connection.missing_bytes:
        return False
    asked = [exchange for exchange in members if exchange.captured_request]
    if not asked or any(exchange.status is not None for exchange in members) or connection.closed_by != "server":
        return False
    return connection.server in servers and connection.server_bytes in (0, ALERT_RECORD)


def _quiet(scene: Scene, secured: Sequence[Secured], servers: set[Address]) -> Iterator[tuple[Connection, int]]:
    """Connections to a TLS port that were accepted, and how long (ns) the client then said nothing."""
    last_ns = max((connection.end_ns for connection in scene.connections), default=0)
    for connection in scene.connections:
        if connection.kind == "silent" and connection.server in servers and connection.opened and connection.answered:
            end = connection.end_ns if connection.closed_by else last_ns
            if end - connection.start_ns > PATIENCE:
                yield connection, end - connection.start_ns
    for one in secured:
        began, connection = one.report.client.first_ns, one.connection
        if one.preface is not None or began is None or not one.report.server.records:
            continue
        if connection.opened and not connection.missing_bytes and began - connection.start_ns > PATIENCE:
            yield connection, began - connection.start_ns
