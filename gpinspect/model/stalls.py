"""Silences of a flow that are nobody's turn: when, whose fault, and what shows it."""

import enum
from dataclasses import dataclass
from typing import NamedTuple


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
class VantageEstimate:
    """A vantage point and the delays that it was taken from, in nanoseconds (None: not seen).

    `server_*` are delays until the server reacts, `client_*` until the client does.
    """

    vantage: Vantage
    given: bool
    server_syn_ns: int | None  # SYN to SYN+ACK
    client_syn_ns: int | None  # SYN+ACK to ACK
    server_ack_ns: int | None  # payload of the client to its acknowledgment
    client_ack_ns: int | None  # payload of the server to its acknowledgment

    @property
    def words(self) -> str:
        """How it was found, for a person."""
        if self.given:
            return "given by hand"
        parts = [
            f"{name} {_us(server)} at the server, {_us(client)} at the client"
            for name, server, client in (
                ("handshake answered after", self.server_syn_ns, self.client_syn_ns),
                ("payload acknowledged after", self.server_ack_ns, self.client_ack_ns),
            )
            if server is not None and client is not None
        ]
        return "; ".join(parts) or "no handshake and no acknowledgment to compare"


def _us(ns: int) -> str:
    return f"{ns / 1000:,.0f} µs"


class StallShares(NamedTuple):
    """Nanoseconds of a flow by who held it up; what they leave of its duration is movement, or waiting for its turn."""

    server: int = 0
    network: int = 0
    segment: int = 0
    capture: int = 0
    unknown: int = 0


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
