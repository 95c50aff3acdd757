"""The evidence, sorted once: what belongs to which session, so that every rule looks only at what it needs."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gpinspect.model import Connection, Exchange, Notice, Outcome, Session, Weird
from gpinspect.model.root import RootSession

CUT_SHORT = frozenset({"GPI001", "GPI002"})
"""Notices that say: the capture ends before its traffic does."""
INCOMPLETE = CUT_SHORT | {"GPI003", "GPI004", "GPI007"}
"""Notices that say: traffic may be missing in the capture without a trace in any connection."""


@dataclass(slots=True)
class Case:
    """One session with its members in order of first frame, and what was noticed on their connections."""

    session: Session
    members: list[Exchange] = field(default_factory=list)
    outcomes: dict[Outcome, list[Exchange]] = field(default_factory=dict)  # of members that read
    writes: list[Exchange] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    weirds: list[tuple[Weird, Exchange]] = field(default_factory=list)
    snapped: bool = False  # the recorder cut frames short somewhere in the capture
    cut_short: bool = False
    incomplete: bool = False
    last_ns: int = 0  # when the last connection of the capture ended, as far as it shows
    elsewhere: frozenset[int] = frozenset()  # Greenplum segments that took part in the same scan at another address or path
    root: RootSession | None = None  # what the files on the server are, where somebody looked
    followed: bool = False  # the database session went on to another command

    @property
    def reads(self) -> Iterator[Exchange]:
        return (member for member in self.members if member.method != "POST")

    def ended_as(self, *outcomes: Outcome) -> list[Exchange]:
        """Reading members that ended so."""
        return [member for outcome in outcomes for member in self.outcomes.get(outcome, ())]

    def noticed(self, *codes: str) -> bool:
        """Whether a connection of the session showed one of these."""
        return any(weird.code in codes for weird, _ in self.weirds)

    @property
    def leavers(self) -> list[Exchange]:
        """Members that did not read to the end: they closed first, or reset the connection after the end of data had been sent.

        Such a reset says that bytes were left unread. Inside TLS these may be the alert that says goodbye.
        """
        cancelled = self.outcomes.get(Outcome.CANCELLED, [])
        resetting = [member for member in self.outcomes.get(Outcome.COMPLETE, ()) if member.reset_by == "client"]
        if resetting:
            encrypted = {connection.id for connection in self.connections if connection.tls}
            resetting = [member for member in resetting if member.connection not in encrypted]
        return sorted([*cancelled, *resetting], key=lambda member: member.id)

    @property
    def absent(self) -> int:
        """Greenplum segments of the cluster that sent no request of this session."""
        return max(0, (self.session.segment_count or 0) - len(self.session.segments))

    @property
    def unaccounted(self) -> int | None:
        """Greenplum segments that may have taken part without the capture showing it; None: nobody knows how many there are.

        Each one asks once a scan, at one of the addresses. A session without a name is that of one request alone.
        """
        if self.session.tid is None:
            return 0
        count = self.session.segment_count
        return None if count is None else max(0, count - len(self.elsewhere.union(self.session.segments)))


@dataclass(slots=True)
class Scene:
    """Everything of an inspection."""

    cases: list[Case]
    exchanges: Sequence[Exchange]
    connections: Sequence[Connection]
    notices: Sequence[Notice]
    loose: list[tuple[Weird, Exchange | None]]  # weirds that concern no session
    outside: list[Exchange]  # exchanges that belong to no session
    carrying: set[int]  # ids of connections with exchanges


def sort_out(
    sessions: Sequence[Session],
    exchanges: Sequence[Exchange],
    connections: Sequence[Connection],
    weirds: Sequence[Weird],
    notices: Sequence[Notice],
) -> Scene:
    """Hand every exchange, connection and weird to the session it belongs to. One pass over each."""
    codes = {notice.code for notice in notices}
    flags = ("GPI005" in codes, bool(codes & CUT_SHORT), bool(codes & INCOMPLETE))
    last_ns = max((connection.end_ns for connection in connections), default=0)
    cases = {
        session.id: Case(session, snapped=flags[0], cut_short=flags[1], incomplete=flags[2], last_ns=last_ns)
        for session in sessions
    }
    _look_around(cases.values())
    by_id = {connection.id: connection for connection in connections}
    on: dict[int, list[Exchange]] = {}
    outside: list[Exchange] = []
    for exchange in exchanges:
        connection = on.get(exchange.connection)
        if connection is None:
            on[exchange.connection] = [exchange]
        else:
            connection.append(exchange)
        case = cases.get(exchange.session) if exchange.session is not None else None
        if case is None:
            outside.append(exchange)
            continue
        case.members.append(exchange)
        if exchange.method == "POST":
            case.writes.append(exchange)
        else:
            case.outcomes.setdefault(exchange.outcome, []).append(exchange)
        if connection is None and exchange.connection in by_id:
            case.connections.append(by_id[exchange.connection])
    loose: list[tuple[Weird, Exchange | None]] = []
    for weird in weirds:
        concerned = _concerned(on.get(weird.connection, ()), weird.place.frame)
        case = cases.get(concerned.session) if concerned is not None and concerned.session is not None else None
        if case is None or concerned is None:
            loose.append((weird, concerned))
        else:
            case.weirds.append((weird, concerned))
    return Scene(list(cases.values()), exchanges, connections, notices, loose, outside, set(on))


def _concerned(candidates: Sequence[Exchange], frame: int) -> Exchange | None:
    """Of the exchanges of one connection the last that had begun at a frame."""
    begun = [exchange for exchange in candidates if exchange.frames[0] <= frame]
    return begun[-1] if begun else candidates[0] if candidates else None


def _look_around(cases: Iterable[Case]) -> None:
    """What sessions say about each other: who read elsewhere, and which commands came later."""
    scans: dict[tuple[str | None, ...], list[Session]] = {}
    latest: dict[str, tuple[int, int]] = {}  # last command of a database session, and when it began
    for case in cases:
        session = case.session
        if session.tid is not None:
            scans.setdefault((session.xid, session.cid, session.sn, session.method), []).append(session)
            command = _COMMAND.fullmatch(session.xid or "")
            if command is not None:
                latest[command[1]] = max(latest.get(command[1], (0, 0)), (int(command[2]), session.start_ns))
    for case in cases:
        session = case.session
        if session.tid is None:
            continue
        others = scans[session.xid, session.cid, session.sn, session.method]
        if len(others) > 1:
            case.elsewhere = frozenset(number for other in others if other is not session for number in other.segments)
        command = _COMMAND.fullmatch(session.xid or "")
        if command is not None:
            number, began = latest[command[1]]
            case.followed = number > int(command[2]) and began > session.end_ns


_COMMAND = re.compile(r"([0-9]{1,8})-([0-9]{10})", re.ASCII)
"""X-GP-XID of a plain statement: database session and command. With a longer first number it is a time and a transaction."""
