"""Sessions by hand: model values without a capture, with just what a judgement looks at."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from gpinspect.analysis import Judged, judge
from gpinspect.model import (
    UNKNOWN,
    Address,
    Connection,
    Delivery,
    Exchange,
    FileCoverage,
    Finding,
    MessageCounts,
    Notice,
    Outcome,
    PackageTable,
    Place,
    Session,
    Severity,
    Weird,
)
from gpinspect.model.packages import COMPLETE, DATA, NO_FILE

SERVER = Address("10.0.0.9", 8080)
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
FILE = "/data/a.txt"
ENDED = frozenset({Outcome.COMPLETE, Outcome.LATE})


def packages(*rows: tuple[int, int] | tuple[int, int, int], name: str = FILE, offsets: bool = True) -> PackageTable:
    """Data packages of (offset, length[, line]) back to back; the first one has line 1 unless told."""
    table = PackageTable()
    position = 0
    for number, (offset, length, *line) in enumerate(rows):
        file = table.file_index(name.encode()) if offsets else NO_FILE
        first_line = line[0] if line else int(number == 0)
        where = offset if offsets else UNKNOWN
        table.append(position, 36, length, file, where, first_line, START, START + 1, 4, 5, 0, DATA, COMPLETE)
        position += 36 + length
    return table


class Made:
    """An inspection in the making. `read`, `write` and `session` give ids from 1 in the order of the calls."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.connections: list[Connection] = []
        self.sessions: list[Session] = []
        self.weirds: list[Weird] = []
        self.notices: list[Notice] = []

    def connection(self, **changed: Any) -> Connection:
        number = len(self.connections) + 1
        known: dict[str, Any] = {
            "id": number,
            "client": Address("10.0.0.1", 40000 + number),
            "server": SERVER,
            "kind": "gpfdist",
            "preface": None,
            "tls": False,
            "opened": True,
            "reset_by": None,
            "closed_by": "server",
            "client_bytes": 700,
            "server_bytes": 900,
            "missing_bytes": 0,
            "retransmitted_bytes": 0,
            "start_ns": START + number,
            "end_ns": START + SECOND + number,
            "frames": (number * 10, number * 10 + 9),
        }
        made = Connection(**{**known, **changed})
        self.connections.append(made)
        return made

    def read(self, outcome: Outcome = Outcome.COMPLETE, *, on: dict[str, Any] | None = None, **changed: Any) -> Exchange:
        """A GET of protocol 1 on a connection of its own (`on`: changes of that)."""
        number = len(self.exchanges) + 1
        connection = self.connection(**(on or {}))
        known: dict[str, Any] = {
            "id": number,
            "session": None,
            "connection": connection.id,
            "client": connection.client,
            "server": connection.server,
            "method": "GET",
            "path": "/a.txt",
            "xid": "23-0000000002",
            "cid": "2",
            "sn": "0",
            "segment": number - 1,
            "segment_count": 4,
            "proto": 1,
            "response_proto": 1 if outcome is not Outcome.LATE else None,
            "seq": None,
            "done": False,
            "status": 200,
            "reason": "ok",
            "http_version": "HTTP/1.0",
            "message_counts": None,
            "payload_bytes": 0,
            "errors": (),
            "ended": outcome in ENDED,
            "outcome": outcome,
            "reset_by": connection.reset_by,
            "closed_by": connection.closed_by,
            "start_ns": connection.start_ns,
            "first_byte_ns": None,
            "end_ns": connection.end_ns,
            "frames": connection.frames,
        }
        known.update(changed)
        table = known.get("packages")
        if table is not None and "message_counts" not in changed:
            known["message_counts"] = MessageCounts(len(table), len(table), len(table), len(table) + known["ended"], 0)
        made = Exchange(**known)
        self.exchanges.append(made)
        return made

    def refused(self, status: int, reason: str, **changed: Any) -> Exchange:
        return self.read(Outcome.REFUSED, status=status, reason=reason, response_proto=None, ended=False, **changed)

    def write(
        self, seq: int | None, size: int = 0, *, segment: int | None = 0, outcome: Outcome = Outcome.ACCEPTED, **changed: Any
    ) -> Exchange:
        """A POST; OPEN without `size`, DONE with `done=True`."""
        return self.read(
            outcome,
            **{
                "method": "POST",
                "path": "/out.txt",
                "proto": 0,
                "response_proto": 0,
                "segment": segment,
                "seq": seq,
                "content_length": size,
                "payload_bytes": size,
                "ended": False,
                **changed,
            },
        )

    def segment_writes(self, segment: int, *sizes: int) -> None:
        """OPEN, bodies, DONE."""
        self.write(1, segment=segment)
        for number, size in enumerate(sizes, 2):
            self.write(number, size, segment=segment)
        self.write(1 + len(sizes), segment=segment, done=True)

    def session(self, members: Iterable[Exchange] | None = None, **changed: Any) -> Session:
        """A session of these exchanges, or of all that belong to none yet."""
        chosen = list(members) if members is not None else [one for one in self.exchanges if one.session is None]
        number = len(self.sessions) + 1
        for member in chosen:
            self.exchanges[member.id - 1] = dataclasses.replace(member, session=number)
        counts = [member.segment_count for member in chosen if member.segment_count is not None]
        known: dict[str, Any] = {
            "id": number,
            "server": SERVER,
            "tid": "23-0000000002.2.0.1",
            "xid": "23-0000000002",
            "cid": "2",
            "sn": "0",
            "proto": 0 if chosen and chosen[0].method == "POST" else 1,
            "path": "/a.txt",
            "method": chosen[0].method if chosen else "GET",
            "server_version": "6.24.3",
            "segments": tuple(sorted({member.segment for member in chosen if member.segment is not None})),
            "segments_with_data": (),
            "segment_count": max(counts, default=None),
            "connections": len(chosen),
            "connections_reset": 0,
            "exchanges": len(chosen),
            "payload_bytes": 0,
            "files": (),
            "errors": (),
            "start_ns": min((member.start_ns for member in chosen), default=START),
            "end_ns": max((member.end_ns for member in chosen), default=START),
            "members": tuple(member.id for member in chosen),
        }
        made = Session(**{**known, **changed})
        self.sessions.append(made)
        return made

    def weird(self, code: str, exchange: Exchange, sender: str = "server", **values: str | int) -> None:
        place = Place(exchange.frames[0] + 1, exchange.start_ns + 1, 0)
        self.weirds.append(Weird(code, exchange.connection, sender, place, values))

    def judged(self) -> Judged:
        return judge(self.sessions, self.exchanges, self.connections, self.weirds, self.notices)

    def findings(self, code: str) -> list[Finding]:
        return [finding for finding in self.judged().findings if finding.code == code]

    def one(self, code: str) -> Finding:
        (found,) = self.findings(code)
        return found

    def codes(self, least: Severity = Severity.NOTE) -> list[str]:
        return [finding.code for finding in self.judged().findings if finding.severity >= least]

    def verdict(self) -> tuple[Delivery, tuple[str, ...]]:
        """Of the first session."""
        first = self.judged().sessions[0]
        return first.delivery, first.delivery_reasons


def covered(
    total: int,
    *,
    name: str = FILE,
    first: int = 0,
    gaps: tuple[tuple[int, int], ...] = (),
    overlaps: tuple[tuple[int, int], ...] = (),
) -> FileCoverage:
    """`total` bytes of a file from `first` on, but for the gaps."""
    return FileCoverage(name, first, total - sum(end - start for start, end in gaps), 1, gaps, overlaps)


def whole_read(segments: int = 4, late: int = 1, **session: Any) -> Made:
    """A healthy read of a file of 100 bytes a segment, the last `late` segments too late."""
    made = Made()
    early = segments - late
    for number in range(early):
        made.read(segment_count=segments, payload_bytes=100, packages=packages((number * 100, 100, int(number == 0))))
    for _ in range(late):
        made.read(Outcome.LATE, segment_count=segments)
    made.session(**{"files": (covered(early * 100),), **session})
    return made
