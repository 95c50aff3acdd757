"""How fast a session moved, who carried how much of it, and why not all the same."""

from dataclasses import dataclass
from typing import NamedTuple


class Spread(NamedTuple):
    """A handful of durations: half of them are at most `p50_ns`, 95 of 100 at most `p95_ns` (nearest rank)."""

    p50_ns: int
    p95_ns: int
    max_ns: int
    number: int  # of durations


@dataclass(frozen=True, slots=True)
class Rate:
    """Bytes of payload over time, in buckets of the same width from `start_ns` to `end_ns`."""

    start_ns: int
    end_ns: int
    bytes: tuple[int, ...]

    @property
    def bucket_ns(self) -> float:
        return (self.end_ns - self.start_ns) / len(self.bytes) if self.bytes else 0.0

    @property
    def peak(self) -> int:
        """Bytes of the fullest bucket."""
        return max(self.bytes, default=0)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast something moved. Durations in nanoseconds; None: it did not come to that, or nobody can tell."""

    payload_bytes: int
    start_ns: int
    end_ns: int
    to_first_byte_ns: int | None  # from the first byte of the request to the first byte of a response body
    to_first_package_ns: int | None  # to the first byte of the first data package; of a write to its first body
    between: Spread | None  # pauses between packages: from the last byte of one to the first byte of the next
    silence_ns: int | None  # the longest time, after the first payload and before the last, in which none moved
    rate: Rate | None = None

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns

    @property
    def bytes_per_second(self) -> float | None:
        """Payload over the whole time from request to end; None where no time passed."""
        return self.payload_bytes * 1e9 / self.duration_ns if self.duration_ns > 0 else None


@dataclass(frozen=True, slots=True)
class FlowPace:
    segment: int | None
    host: str
    pace: Pace


@dataclass(frozen=True, slots=True)
class SessionPace:
    """The pace of a session and of each of its flows, in the order of `Inspection.flows`."""

    session: int
    pace: Pace
    flows: tuple[FlowPace, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """What one Greenplum segment carried of a session."""

    segment: int | None
    host: str | None  # None: it never came
    payload_bytes: int
    share: float  # of the payload of all, 0 to 1
    shortfall: int  # bytes below the even share, 0 or more
    joined_late: int | None  # of the shortfall, in bytes
    served_less: int | None
    consumed_slower: int | None
    never_came: int


@dataclass(frozen=True, slots=True)
class HostShare:
    """What the Greenplum segments of one host carried together."""

    host: str
    segments: int
    payload_bytes: int
    share: float


@dataclass(frozen=True, slots=True)
class Evenness:
    """How unevenly a load is spread over those who came. Without payload nothing is uneven: both None."""

    max_mean: float | None  # the largest over the mean: 1 = even
    gini: float | None  # 0 = even, towards 1 = one has it all


@dataclass(frozen=True, slots=True)
class Skew:
    """Who carried how much of a session and why. See `gpinspect.analysis.skew` for what the four reasons mean.

    `joined_late`, `served_less`, `consumed_slower` and `never_came` are bytes and add up to `shortfall`. A None is not known: it
    is contained in `served_less`. In a write nobody is served: its shortfall is `sent_less` and `never_came`.
    """

    session: int
    payload_bytes: int
    expected: int  # Greenplum segments that the even share counts on
    even_share: float  # bytes
    segments: Evenness
    hosts: Evenness
    shares: tuple[Share, ...]  # by segment; those that never came among them
    by_host: tuple[HostShare, ...]  # by name
    shortfall: int
    joined_late: int | None
    served_less: int | None
    consumed_slower: int | None
    sent_less: int | None
    never_came: int

    @property
    def largest(self) -> Share | None:
        return max(self.shares, key=lambda share: share.payload_bytes, default=None)
