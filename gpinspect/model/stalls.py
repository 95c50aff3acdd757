"""Silences of a flow that are nobody's turn: when, whose fault, and what shows it."""

import enum
from dataclasses import dataclass


class Cause(enum.StrEnum):
    """Who held a flow up; the words are part of the JSON contract."""

    SERVER = "server"
    SEGMENT = "segment"
    NETWORK = "network"
    CAPTURE = "capture"
    UNKNOWN = "unknown"


class Vantage(enum.StrEnum):
    """Where the recorder stood."""

    NEAR_SERVER = "near_server"
    NEAR_CLIENT = "near_client"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FlowStall:
    """What a stall did to one connection."""

    exchange: int | None  # id, None where the connection carries none
    connection: int
    segment: int | None
    start_ns: int
    end_ns: int
    zero_window_ns: int = 0  # of it, with an advertised window of 0 (or one too small for a frame)
    retransmissions: int = 0
    frames: tuple[int, int] | None = None  # the frame before the silence and the one that ended it


@dataclass(frozen=True, slots=True)
class Stall:
    """One silence with one cause. `pattern` names the shape in words of the catalogue ("one_blocked_source_stops_all_flows")."""

    session: int | None
    cause: Cause
    pattern: str
    start_ns: int
    end_ns: int
    flows: tuple[FlowStall, ...]
    evidence: str  # one sentence with the figures that decided
    finding: str = ""  # code in the catalogue

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns
