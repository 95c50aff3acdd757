"""SHA-256 of payload, in the orders that the JSON contract names."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from gpinspect.engine import coverage
from gpinspect.engine.exchange import ExchangeState
from gpinspect.engine.inflate import STEP, Gathered, Inflater
from gpinspect.engine.sessions import Correlated, Member, carried, post_order
from gpinspect.inspection.content import SpooledContent
from gpinspect.inspection.counting import RowTally, together
from gpinspect.model import Exchange, Flow, Session


def payload(content: SpooledContent, state: ExchangeState, exchange: Exchange) -> Iterator[tuple[int, int, bytes]]:
    """Package (BODY: none), position in its content, and bytes, in wire order; of compressed bodies the decompressed bytes."""
    if exchange.method == "POST" and exchange.zstd:
        yield from _inflated(content, state)
        return
    for piece in content.pieces(state.content_key):
        position = piece.position
        for data in content.read(piece):
            yield piece.package, position, data
            position += len(data)


def _inflated(content: SpooledContent, state: ExchangeState) -> Iterator[tuple[int, int, bytes]]:
    if state.posted_zstd is None:
        return
    inflater = Inflater(state.posted_zstd)
    given = 0
    for piece in content.pieces(state.content_key):
        if piece.position and piece.position != given:
            return  # a frame with a hole in it gives nothing more
        for data in content.read(piece):
            for at in range(0, len(data), STEP):
                gather = Gathered()
                before = inflater.given
                inflater.feed(data, at, min(at + STEP, len(data)), gather)
                if gather.out:
                    yield piece.package, before, bytes(gather.out)
                if inflater.done or inflater.problem:
                    return
        given = piece.position + piece.length


def add_hashes(found: Correlated, content: SpooledContent) -> None:
    """Fill in every payload_sha256 and the sha256 of files, in place."""
    by_id: dict[int, Member] = {}
    formats = {session.id: _format(members) for session, members in zip(found.sessions, found.members, strict=True)}
    rows: dict[int, int | None] = {}
    for number, (exchange, state) in enumerate(zip(found.exchanges, found.states, strict=True)):
        digest = hashlib.sha256()
        tally = RowTally(exchange, *formats.get(exchange.session or 0, (None, None)))
        for package, _, data in payload(content, state, exchange):
            digest.update(data)
            tally.feed(package, data)
        rows[exchange.id] = tally.total()
        found.exchanges[number] = replace(exchange, payload_sha256=digest.hexdigest())
        by_id[exchange.id] = Member(state, found.exchanges[number])
    for number, members in enumerate(found.members):
        members[:] = [by_id[member.exchange.id] for member in members]
        session = _session(found.sessions[number], members, content)
        counted = together([rows[member.exchange.id] for member in members if carried(member.exchange)], session.files)
        found.sessions[number] = replace(session, rows=counted)
    found.flows[:] = [_flow(flow, found.members[flow.session - 1], content, rows) for flow in found.flows]


def _format(members: list[Member]) -> tuple[str | None, bytes | None]:
    """How the rows of a session end, as the request says that opened it."""
    exchanges = [member.exchange for member in members]
    options = next((exchange.csvopt for exchange in exchanges if exchange.csvopt is not None), None)
    return options, next((exchange.line_delimiter for exchange in exchanges if exchange.line_delimiter), None)


def _session(session: Session, members: list[Member], content: SpooledContent) -> Session:
    whole = hashlib.sha256()
    if session.proto != 1 or session.method == "POST":
        ordered = sorted(members, key=post_order) if session.method == "POST" else members
        for state, exchange in ordered:
            if carried(exchange):
                for _, _, data in payload(content, state, exchange):
                    whole.update(data)
        return replace(session, payload_sha256=whole.hexdigest())
    digests: dict[str, str] = {}
    states = [member.state for member in members]
    for file in sorted(coverage.source_files(states), key=lambda file: (file.name is None, file.name or b"")):
        digest = hashlib.sha256()
        spans = file.spans if file.name is None else coverage.once(file.spans)
        for span in spans:
            for data in content.part(
                states[span.exchange].content_key, span.package, span.content, span.content + span.end - span.start
            ):
                digest.update(data)
                whole.update(data)
        if file.name is not None:
            digests[file.name.decode("utf-8", "surrogateescape")] = digest.hexdigest()
    files = tuple(replace(file, sha256=digests[file.name]) for file in session.files)
    return replace(session, payload_sha256=whole.hexdigest(), files=files)


def _flow(flow: Flow, members: list[Member], content: SpooledContent, rows: dict[int, int | None]) -> Flow:
    digest = hashlib.sha256()
    counted = []
    for state, exchange in members:
        if exchange.segment == flow.segment and carried(exchange):
            counted.append(rows[exchange.id])
            for _, _, data in payload(content, state, exchange):
                digest.update(data)
    return replace(flow, payload_sha256=digest.hexdigest(), rows=together(counted))
