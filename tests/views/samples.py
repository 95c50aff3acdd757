"""Model values by hand: a read of two Greenplum segments, and hostile variants of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gpinspect.engine.secure import Secured
from gpinspect.model import (
    UNKNOWN,
    Address,
    Connection,
    Delivery,
    Exchange,
    FileCoverage,
    Finding,
    Flow,
    MessageCounts,
    Notice,
    Outcome,
    PackageTable,
    Session,
    Severity,
)
from gpinspect.model.packages import COMPLETE, DATA, END, NO_FILE

SERVER = Address("10.0.0.5", 8080)
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND  # 2023-11-14 22:13:20 UTC
NASTY = "a\x1b]0;owned\x07\x9b31m\u202eb\u200b\udcffc\r\n[bold]x[/]"


def table(*rows: tuple[bytes | None, int, bytes], end: bool = True, complete: bool = True) -> PackageTable:
    """Packages of (file, offset, content) back to back, then the end package."""
    made = PackageTable()
    position = 0
    for name, offset, content in rows:
        head = 36 + len(name) if name is not None else 5
        file = NO_FILE if name is None else made.file_index(name)
        flags = COMPLETE if complete else 0
        line = 1 if name is not None else UNKNOWN
        made.append(position, head, len(content), file, offset, line, START, START + 9, 4, 5, 0, DATA, flags)
        position += head + len(content)
    if end:
        made.append(position, 5, 0, NO_FILE, UNKNOWN, UNKNOWN, START + 10, START + 10, 6, 6, 0, END, COMPLETE)
    return made


def exchange(number: int = 1, **changed: Any) -> Exchange:
    base = Exchange(
        id=number,
        session=1,
        connection=number,
        client=Address("10.0.0.9", 40000 + number),
        server=SERVER,
        method="GET",
        path="/a.csv",
        xid="1700000000-0000000042",
        cid="3",
        sn="0",
        segment=number - 1,
        segment_count=2,
        proto=1,
        response_proto=1,
        seq=None,
        done=False,
        status=200,
        reason="ok",
        http_version="HTTP/1.0",
        message_counts=MessageCounts(1, 1, 1, 2, 0),
        payload_bytes=8,
        errors=(),
        ended=True,
        outcome=Outcome.COMPLETE,
        reset_by=None,
        closed_by="server",
        start_ns=START,
        first_byte_ns=START + 5,
        end_ns=START + SECOND,
        frames=(1, 9),
    )
    return replace(base, **changed)


def session(number: int = 1, **changed: Any) -> Session:
    base = Session(
        id=number,
        server=SERVER,
        tid="1700000000-0000000042.3.0.1",
        xid="1700000000-0000000042",
        cid="3",
        sn="0",
        proto=1,
        path="/a.csv",
        method="GET",
        server_version="6.24.3 build commit:25d3498a",
        segments=(1, 0),
        segments_with_data=(0,),
        segment_count=2,
        connections=2,
        connections_reset=0,
        exchanges=2,
        payload_bytes=55,
        files=(FileCoverage("/data/a.csv", 47, 8, 1, ((50, 52),), ((48, 49),)),),
        errors=(),
        start_ns=START,
        end_ns=START + SECOND,
        delivery=Delivery.PROVEN,
        members=(1, 2),
        database="dw",
        user="gpadmin",
    )
    return replace(base, **changed)


def flow(**changed: Any) -> Flow:
    return replace(Flow(1, 0, "10.0.0.9", 1, 1, 8, Outcome.COMPLETE, START, START + SECOND), **changed)


def finding(severity: Severity = Severity.ERROR, **changed: Any) -> Finding:
    base = Finding(
        "GPI210", "no-end", severity, "stream ended without an end package", "look at the server log", session=1, segment=1,
        exchange=2, connection=2, time_ns=START, frames=(3, 9),
    )  # fmt: skip
    return replace(base, **changed)


def connection(number: int = 1, kind: str = "gpfdist", **changed: Any) -> Connection:
    base = Connection(
        number, Address("10.0.0.9", 40000 + number), SERVER, kind, None, kind == "tls", True, None, "server", 200, 100, 0, 0, START,
        START + SECOND, (1, 9),
    )  # fmt: skip
    return replace(base, **changed)


@dataclass
class Found:
    """Stands in for an inspection; `contents` are the pieces of payload by exchange."""

    exchanges: list[Exchange] = field(default_factory=lambda: [exchange(1), exchange(2)])
    sessions: list[Session] = field(default_factory=lambda: [session()])
    flows: list[Flow] = field(default_factory=lambda: [flow()])
    findings: list[Finding] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=lambda: [connection(1), connection(2)])
    notices: list[Notice] = field(default_factory=list)
    tls: list[Secured] = field(default_factory=list)
    contents: Mapping[int, list[tuple[int | None, int, bytes]]] = field(default_factory=dict)
    sources: tuple[str, ...] = ("load.pcapng",)
    frames: int = 153_728
    bytes: int = 220_000_000
    first_ns: int | None = START
    last_ns: int | None = START + 192 * SECOND

    def payload(self, exchange: int) -> Iterator[tuple[int | None, int, bytes]]:
        yield from self.contents.get(exchange, [])
