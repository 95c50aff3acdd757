"""Findings about bytes: what the engine noticed on connections, one finding a session and kind.

The same thing on a thousand connections is one thing to the reader: counts are added up, of positions the first one stands for all.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from gpinspect.analysis.case import Case, Scene
from gpinspect.analysis.draft import MOST_NAMED, Bearing, Draft, about
from gpinspect.engine.response import KEPT_OPEN
from gpinspect.grammar import csvopt
from gpinspect.grammar.releases import server_major
from gpinspect.model import Exchange, Weird

ADDED_UP: Final = frozenset({"GPI020", "GPI021", "GPI022", "GPI023", "GPI109"})
"""Codes whose one value is a count of bytes."""
LISTED: Final = {"GPI111": "name", "GPI121": "name"}
"""Codes whose one value is a name; each is said once."""
APART: Final = {"GPI113": ("name", "value"), "GPI115": ("what",)}
"""Codes that are told apart by these values."""

HINDERING: Final = frozenset({"GPI020", "GPI021", "GPI022", "GPI023", "GPI025", "GPI101", "GPI102", "GPI109", "GPI115", "GPI221"})
STOPPING: Final = frozenset({"GPI103", "GPI105", "GPI106", "GPI107", "GPI108", "GPI120"})
"""What ends the read at the Greenplum segment; certain only where the capture has every byte."""
DECIDING: Final = frozenset({"x-gp-proto", "x-gp-zstd"})
"""Headers of an answer that decide how a Greenplum segment reads the body."""
TAKING_ANY_CASE: Final = 7
"""Major release of the first server that takes X-GP names of a request in any case."""
READ_ALL_THE_SAME: Final = frozenset({KEPT_OPEN, "Transfer-Encoding: chunked"})
"""Strange framing of an answer that libcurl takes off, and so do we."""
OURS: Final = frozenset({"gpfdist", "tls"})
"""Kinds of connections whose bytes matter although no exchange came out of them."""

Noticed = tuple[Weird, Exchange | None]


def session_weirds(case: Case) -> Iterator[Draft]:
    """What was noticed on the connections of a session."""
    if not case.weirds:
        return
    whole = not any(connection.missing_bytes for connection in case.connections)
    for group in _groups([(_as_taken(weird, exchange), exchange) for weird, exchange in case.weirds]):
        yield _draft(group, max(_bearing(weird, whole) for weird, _ in group))


def loose_weirds(scene: Scene) -> Iterator[Draft]:
    """What was noticed on connections without a session: one finding a connection and kind."""
    if not scene.loose:
        return
    ours = {connection.id for connection in scene.connections if connection.kind in OURS}
    by_connection: dict[int, list[Noticed]] = {}
    for weird, exchange in scene.loose:
        if exchange is not None or weird.connection in ours:
            by_connection.setdefault(weird.connection, []).append((weird, exchange))
    for noticed in by_connection.values():
        for group in _groups(noticed):
            yield _draft(group, Bearing.NONE)


def csv_options(case: Case) -> Iterator[Draft]:
    """GPI112, once a session: the first request's word holds for the whole session."""
    for member in case.reads:
        if member.csvopt is not None:
            if csvopt.parse(member.csvopt) is None:
                yield Draft("GPI112", {"value": member.csvopt}, **about([member]))
            return


def segment_numbers(case: Case) -> Iterator[Draft]:
    """GPI116: Greenplum segments that a cluster cannot have, or a cluster whose size changes within a session."""
    odd = []
    counts: dict[int, Exchange] = {}
    for member in case.members:
        segment, count = member.segment, member.segment_count
        if count is not None:
            counts.setdefault(count, member)
        if segment is not None and (segment < 0 or (count is not None and segment >= count)):
            odd.append(member)
    if odd:
        first = odd[0]
        told = f"X-GP-SEGMENT-ID {first.segment}"
        if first.segment_count is not None:
            told += f" with X-GP-SEGMENT-COUNT {first.segment_count}"
        yield Draft("GPI116", {"what": told}, **about(odd))
    if len(counts) > 1:
        told = "X-GP-SEGMENT-COUNT is " + " and ".join(map(str, sorted(counts)[:MOST_NAMED])) + " in one session"
        yield Draft("GPI116", {"what": told}, **about(list(counts.values())))


def _as_taken(weird: Weird, exchange: Exchange) -> Weird:
    """GPI121 in place of GPI111 for names of a request in another case that the server takes so, as its answer and release show."""
    name = str(weird.values.get("name", "")).lower()
    if weird.code != "GPI111" or weird.sender != "client" or not name.startswith("x-gp"):
        return weird
    taken = exchange.status == 200 and (server_major(exchange.server_version) or 0) >= TAKING_ANY_CASE
    return replace(weird, code="GPI121") if taken else weird


def _groups(noticed: Sequence[Noticed]) -> list[list[Noticed]]:
    groups: dict[tuple[object, ...], list[Noticed]] = {}
    for item in noticed:
        weird = item[0]
        key = (weird.code, *(weird.values.get(name) for name in APART.get(weird.code, ())))
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def _bearing(weird: Weird, whole: bool) -> Bearing:
    code = weird.code
    if code == "GPI115" and weird.sender == "server" and weird.values.get("what") in READ_ALL_THE_SAME:
        return Bearing.NONE
    if code in HINDERING:
        return Bearing.HINDERS
    if code in STOPPING:
        return Bearing.REFUTES if whole else Bearing.HINDERS
    if code == "GPI114":
        return Bearing.REFUTES
    if code == "GPI111" and weird.sender == "server" and str(weird.values.get("name", "")).lower() in DECIDING:
        return Bearing.HINDERS
    return Bearing.NONE


def _draft(group: Sequence[Noticed], bearing: Bearing) -> Draft:
    """One draft for weirds of the same kind."""
    first, _ = min(group, key=lambda item: (item[0].place.time_ns, item[0].place.frame))
    values = dict(first.values)
    more = sum(int(weird.values.get("more", 0)) for weird, _ in group) + len(group) - 1
    values.pop("more", None)
    if first.code in ADDED_UP:
        values["bytes"] = sum(int(weird.values.get("bytes", 0)) for weird, _ in group)
        more = 0
    elif first.code in LISTED:
        name = LISTED[first.code]
        values[name] = ", ".join(dict.fromkeys(str(weird.values.get(name, "?")) for weird, _ in group))
        more = 0
    exchanges = list({exchange.id: exchange for _, exchange in group if exchange is not None}.values())
    place: dict[str, Any] = about(exchanges) if exchanges else {"connection": first.connection}
    frames = [weird.place.frame for weird, _ in group if weird.place.frame]
    place["time_ns"] = first.place.time_ns or place.get("time_ns")
    place["frames"] = (min(frames), max(frames)) if frames else place.get("frames")
    told = [text for text in (f"and {more:,} more like this" if more else "", place.pop("suffix", "")) if text]
    return Draft(first.code, values, bearing, suffix="; ".join(told), **place)


SESSION_RULES: Final[tuple[Callable[[Case], Iterator[Draft]], ...]] = (session_weirds, csv_options, segment_numbers)
SCENE_RULES: Final[tuple[Callable[[Scene], Iterator[Draft]], ...]] = (loose_weirds,)
