"""Sessions (the server's unit), the files they read and the flows of their Greenplum segments."""

import enum
from dataclasses import dataclass, field

from gpinspect.model.exchange import Address, Outcome
from gpinspect.model.stalls import StallShares


class Delivery(enum.StrEnum):
    """Was every row delivered exactly once?"""

    PROVEN = "proven"
    REFUTED = "refuted"
    UNPROVABLE = "unprovable"


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """What of one source file was delivered. Offsets and sizes in bytes of the decompressed, transformed file."""

    name: str
    first_offset: int
    bytes: int  # captured, no byte counted twice
    packages: int
    gaps: tuple[tuple[int, int], ...]  # [from, to) not captured between the first and the last known byte
    overlaps: tuple[tuple[int, int], ...]  # [from, to) delivered more than once
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """All exchanges of one Greenplum segment in one session."""

    session: int
    segment: int | None
    host: str
    exchanges: int
    packages: int
    payload_bytes: int
    outcome: Outcome
    start_ns: int
    end_ns: int
    payload_sha256: str | None = None
    rows: int | None = None  # whole rows in the payload; None where that is not known
    stall_ns: StallShares | None = None  # None: nobody can know


@dataclass(frozen=True, slots=True)
class Session:
    """Exchanges with the same server address, XID, CID, SN, effective protocol and path."""

    id: int
    server: Address
    tid: str | None
    xid: str | None
    cid: str | None
    sn: str | None
    proto: int | None
    path: str | None
    method: str | None
    server_version: str | None
    segments: tuple[int, ...]
    segments_with_data: tuple[int, ...]
    segment_count: int | None
    connections: int
    connections_reset: int
    exchanges: int
    payload_bytes: int
    files: tuple[FileCoverage, ...]
    errors: tuple[str, ...]
    start_ns: int
    end_ns: int
    payload_sha256: str | None = None
    rows: int | None = None  # whole rows in the payload, none counted twice; None where that is not known
    delivery: Delivery = Delivery.UNPROVABLE
    delivery_reasons: tuple[str, ...] = ()
    query_delivery: Delivery = Delivery.UNPROVABLE  # of all sessions of its statement that the capture has, on any server
    query_sessions: int = 1  # how many these are
    members: tuple[int, ...] = field(default=(), repr=False)  # ids of its exchanges, in order
    database: str | None = None
    user: str | None = None
    gp_session_id: str | None = None

    @property
    def query(self) -> str | None:
        """Name of the statement that the scan belongs to, the same on every server it reads from; None where it is not known."""
        return f"{self.xid}.{self.cid}" if self.tid is not None else None
