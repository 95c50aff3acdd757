"""One verdict for a statement: all of its sessions that the capture has, on any server and path, reads and writes."""

from collections.abc import Sequence
from dataclasses import replace

from gpinspect.model import Delivery, Session


def joined(sessions: Sequence[Session]) -> list[Session]:
    """Fill in `query_delivery` and `query_sessions`.

    A statement is refuted with any of its sessions, and proven with all of them. A session that names no statement stands alone.
    """
    groups: dict[str, list[Delivery]] = {}
    for session in sessions:
        if session.query is not None:
            groups.setdefault(session.query, []).append(session.delivery)
    told = []
    for session in sessions:
        verdicts = groups[session.query] if session.query is not None else [session.delivery]
        told.append(replace(session, query_delivery=join(verdicts), query_sessions=len(verdicts)))
    return told


def join(verdicts: Sequence[Delivery]) -> Delivery:
    """Of several verdicts the one for all of them together."""
    if Delivery.REFUTED in verdicts:
        return Delivery.REFUTED
    return Delivery.PROVEN if all(verdict is Delivery.PROVEN for verdict in verdicts) else Delivery.UNPROVABLE
