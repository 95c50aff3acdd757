"""Findings about pace and skew. They look at exchanges; packages only where a large load is uneven enough to ask why."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Final

from gpinspect.analysis.case import Case, Scene
from gpinspect.analysis.draft import Draft, about, about_session
from gpinspect.analysis.pace import silences, tracks
from gpinspect.analysis.skew import session_skew
from gpinspect.engine.sessions import carried
from gpinspect.model import Exchange, Flow

SECOND: Final = 1_000_000_000
LARGE: Final = 64_000_000
"""Bytes from which a load is worth thinking about settings."""
LONG_NS: Final = 10 * SECOND
BLOCKS_EACH: Final = 32
"""Packages a member from which shares are no chance any more: the server deals three at a time."""
FEWEST: Final = 3
"""Members below which one of them has half of the rows anyway."""
SHORT_NS: Final = SECOND
"""A load that is over sooner is not slow because of its shares."""
MANY: Final = 1000
DEFAULT_BLOCK: Final = 32768
DEFAULT_POST: Final = 65536
SMALL_FILE: Final = 16384
GONE: Final = 0.25
"""Share of the rows that has to be gone for a late joiner to have missed something."""


def uneven_share(case: Case) -> Iterator[Draft]:
    """GPI331: one member took most of a long read although the others were there and the source was not slow."""
    session = case.session
    if session.method == "POST" or session.proto != 1 or session.end_ns - session.start_ns < SHORT_NS:
        return
    flows = _flows(case)
    top = max(flows, key=lambda flow: flow.payload_bytes, default=None)
    if top is None or len(flows) < FEWEST or not _dominates(top, flows):
        return
    if sum(flow.packages for flow in flows) < BLOCKS_EACH * len(flows):
        return
    skew = session_skew(session, case.members, flows, elsewhere=case.elsewhere)
    own = skew.shortfall - skew.never_came
    if not own or (skew.served_less or 0) * 2 < own:
        return
    moved = list(chain.from_iterable(tracks(case.members).values()))
    starts = min(track.starts[0] for track in moved if len(track))
    ends = max(track.ends[-1] for track in moved if len(track))
    if sum(silences(moved)) * 2 > ends - starts:
        return
    yield Draft("GPI331", _share_values(top, flows), **_at(case, top))


def uneven_write(case: Case) -> Iterator[Draft]:
    """GPI337: one segment holds most of what a large unload writes."""
    if case.session.method != "POST" or case.session.payload_bytes < LARGE:
        return
    flows = _flows(case)
    top = max(flows, key=lambda flow: flow.payload_bytes)
    if len(flows) >= FEWEST and _dominates(top, flows):
        yield Draft("GPI337", _share_values(top, flows), **_at(case, top))


def _dominates(top: Flow, flows: list[Flow]) -> bool:
    """It has half of all, and twice the mean."""
    total = sum(flow.payload_bytes for flow in flows)
    return total > 0 and top.payload_bytes * 2 >= total and top.payload_bytes * len(flows) >= 2 * total


def _share_values(top: Flow, flows: list[Flow]) -> dict[str, str | int]:
    total = sum(flow.payload_bytes for flow in flows)
    fold = top.payload_bytes * len(flows) / total
    number = "?" if top.segment is None else top.segment
    return {"number": number, "host": top.host, "percent": f"{100 * top.payload_bytes / total:.0f}", "fold": f"{fold:.1f}"}


def joined_late(case: Case) -> Iterator[Draft]:
    """GPI332, once a session."""
    session = case.session
    if session.method == "POST" or session.payload_bytes < LARGE or session.end_ns - session.start_ns < LONG_NS:
        return
    begun = min((member.first_byte_ns for member in case.members if member.first_byte_ns is not None), default=None)
    if begun is None:
        return
    late = [flow for flow in _flows(case) if flow.start_ns - begun >= LONG_NS]
    if not late:
        return
    moved = list(chain.from_iterable(tracks(case.members).values()))
    times = sorted({flow.start_ns for flow in late})
    before = dict(zip(times, map(sum, zip(*(track.before(times) for track in moved), strict=True)), strict=True))
    missed = [flow for flow in late if before.get(flow.start_ns, 0) >= GONE * session.payload_bytes]
    if missed:
        first = min(missed, key=lambda flow: flow.start_ns)
        segments = {flow.segment for flow in missed}
        gone = min(100, 100 * before[first.start_ns] / session.payload_bytes)
        values: dict[str, str | int] = {"seconds": f"{(first.start_ns - begun) / 1e9:.0f}", "percent": f"{gone:.0f}"}
        yield Draft("GPI332", values, **about([member for member in case.members if member.segment in segments]))


def small_pieces(case: Case) -> Iterator[Draft]:
    """GPI334, GPI335, GPI336: many small files, blocks or requests in a large load."""
    session = case.session
    if session.payload_bytes < LARGE:
        return
    place = about_session(session, case.members)
    if session.method == "POST":
        bodies = [member for member in case.writes if carried(member)]
        if len(bodies) >= MANY and session.payload_bytes <= len(bodies) * DEFAULT_POST:
            yield Draft("GPI336", {"count": len(bodies), "bytes": session.payload_bytes // len(bodies)}, **place)
        return
    blocks = sum(member.packages.data for member in case.members)
    if blocks < MANY:
        return
    mean = session.payload_bytes // blocks
    files = len(session.files)
    if files >= MANY and session.payload_bytes // files <= SMALL_FILE:
        yield Draft("GPI334", {"count": files, "bytes": session.payload_bytes // files}, **place)
    elif mean <= DEFAULT_BLOCK:
        megabytes = f"{session.payload_bytes / 1e6:,.0f}"
        yield Draft("GPI335", {"megabytes": megabytes, "count": blocks, "bytes": mean}, **place)


def scans(scene: Scene) -> Iterator[Draft]:
    """GPI330 and GPI333 for each scan, over all servers that it reads from."""
    groups: dict[tuple[str, str, str], list[Case]] = defaultdict(list)
    for case in scene.cases:
        session = case.session
        if session.method == "GET" and session.payload_bytes and session.xid and session.cid and session.sn:
            groups[session.xid, session.cid, session.sn].append(case)
    for cases in groups.values():
        total = sum(case.session.payload_bytes for case in cases)
        start = min(case.session.start_ns for case in cases)
        took = max(case.session.end_ns for case in cases) - start
        if total < LARGE or took < LONG_NS:
            continue
        seen = set().union(*(case.session.segments for case in cases))
        expected = max((case.session.segment_count or 0 for case in cases), default=0)
        place = about_session(cases[0].session, cases[0].members)
        megabytes = f"{total / 1e6:,.0f}"
        if 0 < len(seen) < expected and not any(case.incomplete for case in cases):
            yield Draft("GPI330", {"count": len(seen), "expected": expected, "megabytes": megabytes}, **place)
        if len(cases) == 1 and len(seen) > 1:
            rate = f"{total * 1000 / took:,.1f}"
            values: dict[str, str | int] = {
                "megabytes": megabytes,
                "count": len(seen),
                "seconds": f"{took / 1e9:.0f}",
                "rate": rate,
            }
            yield Draft("GPI333", values, **place)


def _flows(case: Case) -> list[Flow]:
    """The flows of a session, with what a judgement on shares needs of them."""
    by_segment: dict[int | None, list[Exchange]] = {}
    for member in case.members:
        by_segment.setdefault(member.segment, []).append(member)
    return [
        Flow(
            session=case.session.id,
            segment=segment,
            host=own[0].client.host,
            exchanges=len(own),
            packages=sum(member.packages.data for member in own),
            payload_bytes=sum(map(carried, own)),
            outcome=own[-1].outcome,
            start_ns=min(member.start_ns for member in own),
            end_ns=max(member.end_ns for member in own),
        )
        for segment, own in by_segment.items()
    ]


def _at(case: Case, flow: Flow) -> dict[str, Any]:
    return about([member for member in case.members if member.segment == flow.segment])


SESSION_RULES: Final[tuple[Callable[[Case], Iterator[Draft]], ...]] = (uneven_share, uneven_write, joined_late, small_pieces)
SCENE_RULES: Final[tuple[Callable[[Scene], Iterator[Draft]], ...]] = (scans,)
