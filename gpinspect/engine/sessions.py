"""Exchanges into sessions, the way the server tells them apart.

A session is named by server address, XID, CID, SN, effective protocol and the path as the server reads it (gpfdist.c,
session_attach, 6.24.3). What was refused or came late says no protocol itself and joins the session whose name fits.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from gpinspect.engine import coverage
from gpinspect.engine.connection import Connection
from gpinspect.engine.exchange import ExchangeState
from gpinspect.engine.lines import rows_by_line
from gpinspect.grammar.paths import server_path
from gpinspect.model import Address, Exchange, FileCoverage, Flow, Outcome, Session
from gpinspect.model.exchange import Connection as ConnectionValue


class Name(NamedTuple):
    """A session's name but for the protocol."""

    server: Address
    xid: str
    cid: str
    sn: str
    path: str


class Member(NamedTuple):
    """One exchange of a session: as it is being filled, and as it is told."""

    state: ExchangeState
    exchange: Exchange


class Correlated(NamedTuple):
    """Everything of an index at one moment; lists in order of first frame, ids counted from 1."""

    connections: list[ConnectionValue]
    exchanges: list[Exchange]
    states: list[ExchangeState]  # of the exchanges
    sessions: list[Session]
    members: list[list[Member]]  # of the sessions
    flows: list[Flow]


class _Group:
    def __init__(self, name: Name | None, proto: int | None) -> None:
        self.name = name
        self.proto = proto
        self.states: list[ExchangeState] = []


def correlate(connections: list[Connection]) -> Correlated:
    """Put the exchanges of all connections into sessions. May be asked again and again while frames come in."""
    every = [state for connection in connections for state in connection.exchanges if state.visible]
    servers = {state.connection.server_address for state in every if state.gpfdist}
    states = [state for state in every if state.gpfdist or state.connection.server_address in servers]
    states.sort(key=lambda state: state.first_frame)
    groups = _group(states)
    session_of = {id(state): number for number, group in enumerate(groups, 1) for state in group.states}
    repeated, compressed = _what_was_accepted(groups)
    exchanges = [
        state.freeze(number, session_of.get(id(state)), id(state) in repeated, id(state) in compressed)
        for number, state in enumerate(states, 1)
    ]
    by_state = dict(zip(map(id, states), exchanges, strict=True))
    members = [[Member(state, by_state[id(state)]) for state in group.states] for group in groups]
    sessions = [_session(number, group, several) for number, (group, several) in enumerate(zip(groups, members, strict=True), 1)]
    flows = [flow for session, several in zip(sessions, members, strict=True) for flow in _flows(session, several)]
    _tell_rows(sessions, flows)
    values = [connection.freeze(servers) for connection in connections]
    return Correlated(values, exchanges, states, sessions, members, flows)


# which exchange belongs where --------------------------------------------------------------------------------------------


def _name(state: ExchangeState) -> Name | None:
    request = state.request
    if request.method not in ("GET", "POST") or not (request.xid and request.cid and request.sn) or request.path is None:
        return None
    return Name(state.connection.server_address, request.xid, request.cid, request.sn, server_path(request.path).key)


def _is_probe(state: ExchangeState) -> bool:
    return state.outcome(False, 0) is Outcome.PROBE


def _group(states: list[ExchangeState]) -> list[_Group]:
    """Sessions in order of their first exchange."""
    known: dict[Name, set[int]] = defaultdict(set)
    named: list[tuple[ExchangeState, Name | None, int | None]] = []
    for state in states:
        if _is_probe(state):
            continue
        name = _name(state)
        proto = state.effective_proto()
        named.append((state, name, proto))
        if name is not None and proto is not None:
            known[name].add(proto)
    groups: dict[object, _Group] = {}
    for state, name, proto in named:
        if name is None:
            if not _served(state, proto):
                continue
            key: object = id(state)
        else:
            if proto is None:
                proto = state.request.proto
                if proto is None and not state.request.whole and len(known[name]) == 1:
                    (proto,) = known[name]  # the line that says it was not captured
                if proto not in (0, 1):
                    continue
                if known[name] and proto not in known[name]:
                    proto = 1 - proto
            key = (name, proto)
        groups.setdefault(key, _Group(name, proto)).states.append(state)
    return list(groups.values())


def _served(state: ExchangeState, proto: int | None) -> bool:
    """An exchange without a session name got, or may have brought, rows."""
    if state.request.method == "POST":
        return state.status == 200
    return (
        (state.status == 200 and state.request.method is not None) or state.spoke_messages or (state.raw_body and proto is not None)
    )


# what a session tells of its members -------------------------------------------------------------------------------------


def _zstd_posted(state: ExchangeState, session_compresses: bool) -> bool:
    """Whether the body of a POST counts as compressed: its own answer tells, without one an earlier answer of the session."""
    if state.request.method != "POST" or not state.request.zstd_offered:
        return False
    if state.status == 200:
        return state.response_zstd
    return session_compresses


def _what_was_accepted(groups: list[_Group]) -> tuple[set[int], set[int]]:
    """Of write sessions: the exchanges whose SEQ had been accepted before, and those whose body counts as zstd (by `id`)."""
    repeated: set[int] = set()
    compressed: set[int] = set()
    for group in groups:
        accepted: dict[int | None, set[int]] = defaultdict(set)
        compresses = False
        for state in group.states:
            request = state.request
            if request.method != "POST":
                continue
            if _zstd_posted(state, compresses):
                compressed.add(id(state))
            compresses = compresses or (state.status == 200 and state.response_zstd)
            if request.seq is None or request.done:
                continue
            before = accepted[request.segment]
            if request.seq in before:
                repeated.add(id(state))
            elif state.outcome(False, 0) is Outcome.ACCEPTED:
                before.add(request.seq)
            if request.seq == 1 and not request.content_length and state.status == 200:
                before.intersection_update({1})  # OPEN starts the count again
    return repeated, compressed


def carried(exchange: Exchange) -> int:
    """Bytes of payload that an exchange adds to its session: of a POST only what the server took, and took for the first time."""
    return exchange.payload_bytes if exchange.method != "POST" or exchange.outcome is Outcome.ACCEPTED else 0


def post_order(member: Member) -> tuple[int, int, int]:
    """Bodies of a write session stand by segment, then SEQ; without SEQ in order of connection."""
    exchange = member.exchange
    return (exchange.segment if exchange.segment is not None else -1, exchange.seq or 0, exchange.id)


def _session(number: int, group: _Group, members: list[Member]) -> Session:
    exchanges = [member.exchange for member in members]
    first = exchanges[0]
    files: tuple[FileCoverage, ...] = ()
    if group.proto == 1 and first.method != "POST":
        files, payload = _files(members)
    else:
        payload = sum(map(carried, exchanges))
    errors: dict[str, None] = {}
    for exchange in exchanges:
        errors.update(dict.fromkeys(exchange.errors))
        if exchange.status is not None and exchange.status >= 400 and exchange.reason is not None:
            errors[exchange.reason] = None
    own = {exchange.connection: exchange.reset_by for exchange in exchanges}
    tid = f"{group.name.xid}.{group.name.cid}.{group.name.sn}.{group.proto}" if group.name is not None else None

    def told(field: str) -> str | None:
        return next((value for e in exchanges if (value := getattr(e, field)) is not None), None)

    return Session(
        id=number,
        server=first.server,
        tid=tid,
        xid=first.xid,
        cid=first.cid,
        sn=first.sn,
        proto=group.proto,
        path=first.path,
        method=first.method,
        server_version=told("server_version"),
        segments=tuple(sorted({e.segment for e in exchanges if e.segment is not None})),
        segments_with_data=tuple(sorted({e.segment for e in exchanges if e.segment is not None and carried(e)})),
        segment_count=max((e.segment_count for e in exchanges if e.segment_count is not None), default=None),
        connections=len(own),
        connections_reset=sum(who is not None for who in own.values()),
        exchanges=len(exchanges),
        payload_bytes=payload,
        files=files,
        errors=tuple(errors),
        start_ns=min(e.start_ns for e in exchanges),
        end_ns=max(e.end_ns for e in exchanges),
        members=tuple(e.id for e in exchanges),
        database=told("database"),
        user=told("user"),
        gp_session_id=told("gp_session_id"),
    )


def _files(members: list[Member]) -> tuple[tuple[FileCoverage, ...], int]:
    """Coverage of each file by name, and bytes of payload of the session."""
    files = []
    loose = 0
    for file in coverage.source_files([member.state for member in members]):
        if file.name is None:
            loose = sum(span.end - span.start for span in file.spans)
        else:
            files.append(coverage.cover(file))
    files.sort(key=lambda file: file.name)
    return tuple(files), loose + sum(file.bytes for file in files)


def _tell_rows(sessions: list[Session], flows: list[Flow]) -> None:
    """A session has the rows of its flows, where these are all known."""
    rows: dict[int, list[int | None]] = {}
    for flow in flows:
        rows.setdefault(flow.session, []).append(flow.rows)
    for number, session in enumerate(sessions):
        known = rows.get(session.id, [])
        if known and None not in known and not any(file.overlaps for file in session.files):
            sessions[number] = replace(session, rows=sum(filter(None, known)))


_WORST_FIRST = (
    Outcome.ERROR,
    Outcome.BROKEN,
    Outcome.REFUSED,
    Outcome.DISCARDED,
    Outcome.LOST,
    Outcome.UNANSWERED,
    Outcome.CANCELLED,
    Outcome.OPEN,
    Outcome.CLOSED,
    Outcome.COMPLETE,
    Outcome.ACCEPTED,
    Outcome.DUPLICATE,
    Outcome.LATE,
    Outcome.PROBE,
)


def _flows(session: Session, members: list[Member]) -> list[Flow]:
    by_segment: dict[int | None, list[Exchange]] = {}
    for _, exchange in members:
        by_segment.setdefault(exchange.segment, []).append(exchange)
    lines = rows_by_line([member.state for member in members]) if session.proto == 1 and session.method != "POST" else []
    rows = {exchange.id: number for (_, exchange), number in zip(members, lines, strict=False)}
    flows = []
    for segment, exchanges in sorted(by_segment.items(), key=lambda item: (item[0] is None, item[0] or 0)):
        outcomes = {exchange.outcome for exchange in exchanges}
        flows.append(
            Flow(
                session=session.id,
                segment=segment,
                host=exchanges[0].client.host,
                exchanges=len(exchanges),
                packages=sum(e.packages.data for e in exchanges) if session.proto == 1 else 0,
                payload_bytes=sum(map(carried, exchanges)),
                outcome=next(outcome for outcome in _WORST_FIRST if outcome in outcomes),
                start_ns=min(e.start_ns for e in exchanges),
                end_ns=max(e.end_ns for e in exchanges),
                rows=_sum(rows[e.id] if e.id in rows and e.packages.data else _none(e) for e in exchanges),
            )
        )
    return flows


def _none(exchange: Exchange) -> int | None:
    """No rows where there was no payload."""
    return None if exchange.payload_bytes or exchange.missing_bytes else 0


def _sum(rows: Iterable[int | None]) -> int | None:
    known = list(rows)
    return None if None in known else sum(filter(None, known))
