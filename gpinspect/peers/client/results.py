"""What a fetch or a send came to, as values."""

from dataclasses import dataclass

from gpinspect.peers.client.sayings import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowResult:
    """One Greenplum segment's part."""

    gp_segment: int
    url: str
    outcome: str  # read: complete, late, closed, limited, cancelled, failed; write: accepted, idle, cancelled, failed
    rows: int = 0
    payload_bytes: int = 0
    packages: int = 0  # read: D with rows; write: DATA posts
    connections: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A whole statement. Wire trouble is in `failures` (SQL errors) and `problems` (what no segment notices), never raised."""

    rows: int
    payload_bytes: int
    seconds: float
    flows: tuple[FlowResult, ...]
    failures: tuple[Failure, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # what happened on the way and did no harm
    limited: bool = False  # as many rows as were wanted came before the end
    content: bytes = b""  # of a read without a sink

    @property
    def ok(self) -> bool:
        """Every row once: nobody failed and nothing is missing."""
        return not self.failures and not self.problems

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self.payload_bytes / self.seconds if self.seconds > 0 else 0.0
