"""The words in which a scenario is told; times are seconds after the start of the load."""

from dataclasses import asdict, dataclass, field
from typing import Any

from . import edits

ALL = None  # every flow


@dataclass(frozen=True)
class Source:
    """Rows that the server's FIFO is fed with; `naps` are those of the server while it reads."""

    total: int = 450_000
    rate: int | None = 380_000
    chunk: int = 4096
    pauses: tuple[tuple[float, float], ...] = ()
    naps: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Reader:
    start: float = 0.0
    rate: int | None = None
    bite: int = 16384
    receive_buffer: int | None = None
    naps: tuple[tuple[float, float], ...] = ()
    kind: str = "reader"


@dataclass(frozen=True)
class Writer:
    start: float = 0.0
    posts: int = 5
    size: int = 28_000
    gap: float = 0.1
    halts: tuple[tuple[int, float], ...] = ()
    kind: str = "writer"


@dataclass(frozen=True)
class Silent:
    """A connection that says nothing."""

    start: float = 0.5
    seconds: float = 1.6
    kind: str = "silent"


@dataclass(frozen=True)
class Status:
    """A segment that asks for the status page, as it does when nothing came for long."""

    start: float = 1.0
    kind: str = "status"


@dataclass(frozen=True)
class Order:
    """One order to the bridge; see bridge.py."""

    action: str
    direction: str = "both"
    kind: str = "any"
    start: float = 0.0
    end: float | None = None
    skip: int = 0
    count: int = 0
    probability: float = 1.0
    seed: int = 1
    seconds: float = 0.0
    rate: int = 0
    queue: int = 65536


@dataclass(frozen=True)
class Stop:
    """SIGSTOP to `server` or to the segment of that number, SIGCONT after `seconds`."""

    who: str | int
    at: float
    seconds: float


@dataclass(frozen=True)
class Told:
    """One stall of the truth: its cause and the happening that it is.

    Happenings are `pause`, `nap`, `stop`, `segment nap`, `halt`, `order N`, `edit`, and `throughout`.
    """

    cause: str
    happening: str
    flows: tuple[int, ...] | None = ALL


@dataclass(frozen=True)
class Scenario:
    name: str
    kind: str
    cause: str  # the main one
    pattern: str
    arranged: str
    segments: tuple[Any, ...] = (Reader(),) * 4
    source: Source = Source()
    naps_in_post: tuple[tuple[float, float], ...] = ()
    pauses: tuple[tuple[float, float], ...] = ()  # of the statement that feeds the writers
    orders: tuple[Order, ...] = ()
    stops: tuple[Stop, ...] = ()
    truth: tuple[Told, ...] = ()
    vantage: str = "near_server"
    snaplen: int = 262144
    tls: bool = False
    edit: edits.Edit | None = None
    not_to_blame: tuple[str, ...] = ()
    also_right: tuple[str, ...] = ()
    notes: str = ""
    quick: bool = False  # recorded by the test
    throughout: bool = field(default=False)

    @property
    def method(self) -> str:
        return "POST" if any(one.kind == "writer" for one in self.segments) else "GET"

    def plan_of_segments(self) -> list[dict[str, Any]]:
        return [asdict(one) | {"segment": number} for number, one in enumerate(self.segments)]


SERVER, SEGMENT, NETWORK, CAPTURE, NONE = "server", "segment", "network", "capture", "none"
SOURCE_PATTERN, WINDOW_PATTERN = "one_blocked_source_stops_all_flows", "one_full_window_stops_one_flow"
BLACKOUT, MISSING = "path_blackout_stops_all_flows", "frames_missing_in_recording"
OTHERS = {SERVER: (NETWORK, SEGMENT), SEGMENT: (SERVER, NETWORK), NETWORK: (SERVER, SEGMENT), CAPTURE: (SERVER, SEGMENT, NETWORK)}
ANY = (SERVER, SEGMENT, NETWORK, CAPTURE)


def other_at(one: Any, at: int, segments: int = 4, rest: Any = None) -> tuple[Any, ...]:
    """Segments of one kind, and another at place `at`."""
    rest = Reader() if rest is None else rest
    return tuple(one if number == at else rest for number in range(segments))


def healthy(name: str, kind: str, arranged: str, **more: Any) -> Scenario:
    return Scenario(name, kind, NONE, NONE, arranged, not_to_blame=ANY, quick=True, **more)
