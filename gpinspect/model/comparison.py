"""Two captures side by side: the same load twice, or one load seen at both ends of a wire."""

from dataclasses import dataclass
from typing import NamedTuple

from gpinspect.model.exchange import Address
from gpinspect.model.finding import Severity
from gpinspect.model.pace import Pace, Skew, Spread
from gpinspect.model.session import Flow, Session

Value = str | int | float | None


# the same load twice ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same on both sides. `unit`: "bytes", "ns", "rate" (bytes a second), or "" for the value itself."""

    what: str
    a: Value
    b: Value
    severity: Severity
    unit: str = ""


@dataclass(frozen=True, slots=True)
class FlowPair:
    """One Greenplum segment on both sides; None: it is not there."""

    segment: int | None
    a: Flow | None
    b: Flow | None


@dataclass(frozen=True, slots=True)
class Side:
    """A session of one of the two, looked at closely."""

    session: Session
    pace: Pace
    skew: Skew


@dataclass(frozen=True, slots=True)
class SessionPair:
    """A session and its counterpart. `paired_by`: "server and path", "path", "order", or "" for one that has none."""

    a: Side | None
    b: Side | None
    paired_by: str
    flows: tuple[FlowPair, ...]
    same_segment: float | None  # of the bytes that both delivered, the share that went to the same Greenplum segment; 0 to 1
    differences: tuple[Difference, ...]  # the gravest first


@dataclass(frozen=True, slots=True)
class Loads:
    """Two loads side by side: pairs in the order of A, then what B alone has; and what differs outside of sessions."""

    pairs: tuple[SessionPair, ...]
    outside: tuple[Difference, ...]


# both ends of one wire ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clock:
    """How the clocks of two recorders stand to each other, from the fastest frames of both directions.

    The true offset is between `offset_ns - bound_ns` and `offset_ns + bound_ns`; it is `offset_ns` itself if the fastest frames
    took equally long both ways. Without a bound only one direction was recorded (delays count from the fastest frame, then), or the
    clocks ran so unevenly that no offset fits all frames.
    """

    offset_ns: int  # time of B minus time of A for the same moment, at `at_ns`
    bound_ns: int | None
    steady: bool  # with this offset and drift no frame was received before it was sent
    near_client: str  # "a" or "b", whichever is nearer to the client; "" where they are at the same place, or nobody knows
    samples: int
    drift_ppb: int = 0  # how much faster B runs, in thousand-millionths
    at_ns: int = 0  # by the clock of A

    def by_a(self, ns: int) -> int:
        """A time of B by the clock of A."""
        plain = ns - self.offset_ns
        return plain - (plain - self.at_ns) * self.drift_ppb // 1_000_000_000


class LostFrame(NamedTuple):
    """A frame that passed one end and not the other."""

    frame: int  # in the capture of the end that it passed
    time_ns: int  # by the clock of A
    length: int  # bytes of payload
    client: Address
    server: Address


@dataclass(frozen=True, slots=True)
class Way:
    """One direction between the two points. Frames and bytes are those with payload, in the time that both captures cover."""

    name: str  # "client_to_server", "server_to_client"
    sender: str  # "a" or "b": the end that frames of this direction pass first
    frames: int  # that passed the sender's end
    bytes: int
    frames_received: int  # that passed the other end
    bytes_received: int
    lost_frames: int  # between the two points, whole or in part
    lost_bytes: int
    unrecorded_frames: int  # acknowledged by the receiver, so they passed: the recorder there did not see them
    unrecorded_bytes: int
    unseen_frames: int  # passed the other end, while the recorder at the sender's end did not see them
    unseen_bytes: int
    bare: int  # frames without payload that passed the sender's end
    bare_lost: int
    delay: Spread | None  # from one end to the other
    examples: tuple[LostFrame, ...]  # the first of the lost ones


@dataclass(frozen=True, slots=True)
class PackageDelay:
    """How long after its last byte had passed the sender's end the last byte of a package passed the other end."""

    exchange: int  # in A
    index: int
    delay_ns: int


@dataclass(frozen=True, slots=True)
class Hold:
    """A silence of one direction of a connection at the receiver's end, and where the bytes were kept meanwhile."""

    client: Address
    server: Address
    segment: int | None
    way: str
    start_ns: int  # by the clock of A
    duration_ns: int
    unsent_ns: int  # of it, before the next frame passed the sender's end
    between_ns: int  # of it, from then until one came through
    held_by: str  # "network", "segment", "server"


@dataclass(frozen=True, slots=True)
class Ends:
    """One wire seen at two points."""

    clock: Clock
    ways: tuple[Way, ...]
    packages: Spread | None  # delays of packages
    slowest: tuple[PackageDelay, ...]
    holds: tuple[Hold, ...]  # the longest first
    connections: int  # seen at both ends
    only_a: int  # in the time that both cover, seen at one end alone
    only_b: int
