"""Model values as the objects of the JSON contract (docs: the command line and its JSON).

Each function gives one `dict` ready for `json_line`: `schema` first, keys in the order of the contract, unknown as None. Text of
the wire is carried as it was; bytes that are not UTF-8 become a backslash escape, because JSON has no place for them.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from gpinspect.model import UNKNOWN, Exchange, FileCoverage, Finding, Flow, Package, Session, Severity, Stall, VantageEstimate

Object = dict[str, Any]


def json_line(value: Object) -> str:
    """One object, one line, ASCII only; no line end."""
    return json.dumps(value)


def wire_text(text: str | bytes | None) -> str | None:
    r"""Text of the wire that any JSON reader takes: bytes that are not UTF-8 become `\xff`; None stays None."""
    if text is None:
        return None
    if isinstance(text, str):
        if text.isascii():
            return text
        text = wire_bytes(text)
    return text.decode("utf-8", "backslashreplace")


def wire_bytes(text: str) -> bytes:
    """The bytes that text of the wire was made from; a surrogate that stands for no byte becomes an escape."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def _wire_texts(texts: Iterable[str]) -> list[str]:
    return [wire_text(text) or "" for text in texts]


def _known(value: int) -> int | None:
    return None if value == UNKNOWN else value


def exchange_object(exchange: Exchange) -> Object:
    """`payload_sha256` is null unless the inspection worked it out."""
    counts = exchange.message_counts
    return {
        "schema": "gpinspect.exchange/1",
        "id": exchange.id,
        "session": exchange.session,
        "connection": exchange.connection,
        "client": str(exchange.client),
        "server": str(exchange.server),
        "method": wire_text(exchange.method),
        "path": wire_text(exchange.path),
        "xid": wire_text(exchange.xid),
        "cid": wire_text(exchange.cid),
        "sn": wire_text(exchange.sn),
        "segment": exchange.segment,
        "segment_count": exchange.segment_count,
        "proto": exchange.proto,
        "response_proto": exchange.response_proto,
        "seq": exchange.seq,
        "done": exchange.done,
        "status": exchange.status,
        "reason": wire_text(exchange.reason),
        "http_version": wire_text(exchange.http_version),
        "message_counts": None if counts is None else counts._asdict(),
        "payload_bytes": exchange.payload_bytes,
        "payload_sha256": exchange.payload_sha256,
        "errors": _wire_texts(exchange.errors),
        "ended": exchange.ended,
        "outcome": exchange.outcome.value,
        "reset_by": exchange.reset_by,
        "start_ns": exchange.start_ns,
        "first_byte_ns": exchange.first_byte_ns,
        "end_ns": exchange.end_ns,
        "frames": list(exchange.frames),
    }


def file_object(file: FileCoverage) -> Object:
    """One source file of a session; it has no schema of its own."""
    return {
        "name": wire_text(file.name),
        "first_offset": file.first_offset,
        "bytes": file.bytes,
        "packages": file.packages,
        "gaps": [list(gap) for gap in file.gaps],
        "overlaps": [list(overlap) for overlap in file.overlaps],
        "sha256": file.sha256,
    }


def severity_counts(findings: Iterable[Finding]) -> dict[str, int]:
    """`{"error": 0, "warning": 0, "note": 0}` of these findings."""
    counts = {severity.word: 0 for severity in sorted(Severity, reverse=True)}
    for finding in findings:
        counts[finding.severity.word] += 1
    return counts


def counts_by_session(findings: Iterable[Finding]) -> dict[int, dict[str, int]]:
    """`severity_counts` for each session that has any finding."""
    groups: dict[int, list[Finding]] = {}
    for finding in findings:
        if finding.session is not None:
            groups.setdefault(finding.session, []).append(finding)
    return {session: severity_counts(group) for session, group in groups.items()}


def session_object(session: Session, counts: dict[str, int] | None = None) -> Object:
    """`counts` are those of its findings by severity; without them it has none."""
    return {
        "schema": "gpinspect.session/1",
        "id": session.id,
        "server": str(session.server),
        "tid": wire_text(session.tid),
        "query": wire_text(session.query),
        "xid": wire_text(session.xid),
        "cid": wire_text(session.cid),
        "sn": wire_text(session.sn),
        "proto": session.proto,
        "path": wire_text(session.path),
        "method": wire_text(session.method),
        "server_version": wire_text(session.server_version),
        "segments": sorted(session.segments),
        "segments_with_data": sorted(session.segments_with_data),
        "segment_count": session.segment_count,
        "connections": session.connections,
        "connections_reset": session.connections_reset,
        "exchanges": session.exchanges,
        "payload_bytes": session.payload_bytes,
        "payload_sha256": session.payload_sha256,
        "rows": session.rows,
        "files": [file_object(file) for file in session.files],
        "errors": _wire_texts(session.errors),
        "delivery": session.delivery.value,
        "delivery_reasons": list(session.delivery_reasons),
        "query_delivery": session.query_delivery.value,
        "query_sessions": session.query_sessions,
        "start_ns": session.start_ns,
        "end_ns": session.end_ns,
        "findings": counts or severity_counts(()),
    }


def flow_object(flow: Flow, stalls: Iterable[Stall] | None = None) -> Object:
    """`stall_ns` is null where nobody can know.

    Args:
        stalls: Those of its session; with them the key `stalls` is there, which holds what concerns this flow.
    """
    own = {} if stalls is None else {"stalls": [stall_object(stall, flow.segment) for stall in stalls if _hits(stall, flow)]}
    return {
        "schema": "gpinspect.flow/1",
        "session": flow.session,
        "segment": flow.segment,
        "host": wire_text(flow.host),
        "exchanges": flow.exchanges,
        "packages": flow.packages,
        "payload_bytes": flow.payload_bytes,
        "payload_sha256": flow.payload_sha256,
        "rows": flow.rows,
        "outcome": flow.outcome.value,
        "start_ns": flow.start_ns,
        "end_ns": flow.end_ns,
        "stall_ns": None if flow.stall_ns is None else flow.stall_ns._asdict(),
        **own,
    }


def _hits(stall: Stall, flow: Flow) -> bool:
    return stall.session == flow.session and any(one.segment == flow.segment for one in stall.flows)


def waiting_object(session: Session, stalls: Iterable[Stall], known: VantageEstimate | None) -> Object:
    """Keys beside those of a session: `stalls`, and `vantage` with what it was estimated from.

    Args:
        stalls: Of this session and of others.
        known: Where the recorder stood.
    """
    return {
        "stalls": [stall_object(stall) for stall in stalls if stall.session == session.id],
        "vantage": None if known is None else {"at": known.vantage.value, "given": known.given, "from": known.words},
    }


def stall_object(stall: Stall, segment: int | None = None) -> Object:
    """One stall; it has no schema of its own.

    Args:
        segment: Only what it did to the flow of this Greenplum segment.
    """
    flows = [flow for flow in stall.flows if segment is None or flow.segment == segment]
    return {
        "cause": stall.cause.value,
        "pattern": stall.pattern,
        "finding": stall.finding,
        "from_ns": min(flow.start_ns for flow in flows),
        "to_ns": max(flow.end_ns for flow in flows),
        "segments": sorted({flow.segment for flow in flows if flow.segment is not None}),
        "evidence": wire_text(stall.evidence),
        "flows": [
            {
                "segment": flow.segment,
                "connection": flow.connection,
                "exchange": flow.exchange,
                "from_ns": flow.start_ns,
                "to_ns": flow.end_ns,
                "zero_window_ns": flow.zero_window_ns,
                "retransmissions": flow.retransmissions,
                "frames": None if flow.frames is None else list(flow.frames),
            }
            for flow in flows
        ],
    }


def package_object(exchange: Exchange, index: int, package: Package) -> Object:
    """`index` counts from 0, as `Inspection.read_package` takes it."""
    return {
        "schema": "gpinspect.package/1",
        "exchange": exchange.id,
        "index": index,
        "position": package.position,
        "file": wire_text(exchange.packages.file_name(package)),
        "offset": _known(package.offset),
        "line": _known(package.line),
        "length": package.length,
        "kind": package.kind_name,
        "complete": package.complete,
        "time_ns": _known(package.ns),
        "frames": [package.frame, package.end_frame],
    }


def package_objects(exchanges: Iterable[Exchange]) -> Iterator[Object]:
    """Every package of these exchanges, made one at a time."""
    for exchange in exchanges:
        for index, package in enumerate(exchange.packages):
            yield package_object(exchange, index, package)


def finding_object(finding: Finding) -> Object:
    return {
        "schema": "gpinspect.finding/1",
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.word,
        "session": finding.session,
        "segment": finding.segment,
        "exchange": finding.exchange,
        "connection": finding.connection,
        "time_ns": finding.time_ns,
        "frames": None if finding.frames is None else list(finding.frames),
        "message": wire_text(finding.message),
        "advice": wire_text(finding.advice),
    }
