"""Pace and skew of a session out of an inspection: what commands, pages and screens call."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from gpinspect.analysis import pace as paces
from gpinspect.analysis import skew as skews
from gpinspect.model import Exchange, Flow, Session, Stall
from gpinspect.model.pace import SessionPace, Skew


class Looked(Protocol):
    """What of an inspection is needed; it may have `stalls` as well."""

    @property
    def sessions(self) -> Sequence[Session]: ...
    @property
    def exchanges(self) -> Sequence[Exchange]: ...
    @property
    def flows(self) -> Sequence[Flow]: ...


class Closer(NamedTuple):
    """A session looked at closely. `stalls` is None where nobody looked for them."""

    pace: SessionPace
    skew: Skew
    stalls: tuple[Stall, ...] | None


def look_closer(found: Looked, session: Session, *, buckets: int = paces.BUCKETS, flow_buckets: int = 0) -> Closer:
    """How fast a session moved, who carried how much of it, and what held it up.

    Work grows with the packages of the session (a million: about a second).

    Args:
        found: An inspection, or what of it belongs to one session.
        buckets: Of the rate over the time of the session.
        flow_buckets: Of the rate of each flow; 0 for none.
    """
    members = paces.members_of(session, found.exchanges)
    flows = [flow for flow in found.flows if flow.session == session.id]
    stalls = stalls_of(found, session)
    pace = paces.session_pace(session, members, flows, buckets=buckets, flow_buckets=flow_buckets)
    return Closer(pace, skews.session_skew(session, members, flows, stalls, _elsewhere(found, session)), stalls)


def _elsewhere(found: Looked, session: Session) -> frozenset[int]:
    """Greenplum segments that took part in the same scan at other addresses."""
    if not (session.xid and session.cid and session.sn):
        return frozenset()
    scan = (session.xid, session.cid, session.sn, session.method)
    others = (other for other in found.sessions if other.id != session.id)
    return frozenset(number for s in others if (s.xid, s.cid, s.sn, s.method) == scan for number in s.segments)


def stalls_of(found: Any, session: Session) -> tuple[Stall, ...] | None:
    """Stalls of a session; None where the inspection knows none at all."""
    stalls = getattr(found, "stalls", None)
    return None if stalls is None else tuple(stall for stall in stalls if stall.session == session.id)
