"""Connections and exchanges as they were at the moment somebody asked."""

import enum
from dataclasses import dataclass, field
from typing import NamedTuple

from gpinspect.model.packages import PackageTable


class Address(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class MessageCounts(NamedTuple):
    """Messages of protocol 1 by letter, end messages counted in D."""

    F: int = 0
    O: int = 0  # noqa: E741 - the letter on the wire
    L: int = 0
    D: int = 0
    E: int = 0


class Outcome(enum.StrEnum):
    """How an exchange ended; the words are part of the JSON contract."""

    COMPLETE = "complete"
    LATE = "late"
    CLOSED = "closed"
    ERROR = "error"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    BROKEN = "broken"
    LOST = "lost"
    OPEN = "open"
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    DISCARDED = "discarded"
    UNANSWERED = "unanswered"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Connection:
    """A TCP four-tuple for one lifetime. `client` is the opener where the SYN or the content told it."""

    id: int
    client: Address
    server: Address
    kind: str  # "gpfdist", "http", "tls", "postgres", "other", "silent" (no payload)
    preface: str | None  # "SSLRequest" where TLS was asked for the PostgreSQL way
    tls: bool  # it spoke TLS, or asked for it
    opened: bool  # its SYN was captured
    reset_by: str | None  # who sent the first RST: "client" or "server"
    closed_by: str | None  # who sent the first FIN or RST
    client_bytes: int  # payload that was captured or known of, per sender
    server_bytes: int
    missing_bytes: int  # of both directions: known of, not captured
    retransmitted_bytes: int
    start_ns: int
    end_ns: int
    frames: tuple[int, int]
    answered: bool = False  # the SYN of the other side was captured
    unreachable: int = 0  # ICMP messages that say that the server cannot be reached


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its response. Unknown is None, never a default; numbers and words as the JSON contract has them."""

    id: int
    session: int | None
    connection: int
    client: Address
    server: Address
    method: str | None
    path: str | None
    xid: str | None
    cid: str | None
    sn: str | None
    segment: int | None
    segment_count: int | None
    proto: int | None
    response_proto: int | None
    seq: int | None
    done: bool
    status: int | None
    reason: str | None
    http_version: str | None
    message_counts: MessageCounts | None
    payload_bytes: int
    errors: tuple[str, ...]
    ended: bool
    outcome: Outcome
    reset_by: str | None
    closed_by: str | None  # who ended the connection first: "client", "server", None = nobody yet
    start_ns: int
    first_byte_ns: int | None
    end_ns: int
    frames: tuple[int, int]
    payload_sha256: str | None = None  # only when asked for
    server_version: str | None = None
    csvopt: str | None = None
    line_delimiter: bytes | None = None
    database: str | None = None
    user: str | None = None
    gp_session_id: str | None = None
    transform: str | None = None
    content_length: int | None = None  # of the request
    zstd_offered: bool = False
    zstd: bool = False  # the payload was compressed on the wire
    missing_bytes: int = 0  # of the payload: known of, not captured
    row_end: bool | None = None  # the request body ends with the end of a row; None: no body, or its end was not seen
    unread_body: str | None = None  # why gpfdist does not read the request body, or not all of it
    data_directory: str | None = None  # of the Greenplum segment, as its request says
    coordinator_named: bool = False  # the request has X-GP-COORDINATOR_HOST or _PORT, as those of 7 do
    captured_request: bool = True  # False: recognised by the response or by its messages alone
    unacknowledged: int | None = None  # last bytes of the server's stream that the client never confirmed; None: not to be seen
    packages: PackageTable = field(default_factory=PackageTable, repr=False, compare=False)
