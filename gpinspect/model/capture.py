"""What was noticed while frames came in and streams were put together."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """Where on the wire something stands."""

    frame: int  # numbered from 1, as Wireshark does; 0 = not tied to a frame
    time_ns: int  # nanoseconds since the epoch
    position: int  # byte of the stream it happened in, from the first byte of that direction; 0 where there is none


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about an input as a whole: cut, damaged, dropped by the recorder, an unknown link type.

    `code` is a finding code of `gpinspect.grammar.findings`; `values` fill its message.
    """

    code: str
    source: str
    values: dict[str, str | int] = field(default_factory=dict)
    frame: int = 0
    time_ns: int = 0


@dataclass(frozen=True, slots=True)
class Weird:
    """Something about one connection that a well-behaved peer, network or recorder does not do.

    `code` is a finding code of `gpinspect.grammar.findings`; `values` fill its message. `sender` is who sent the bytes it
    concerns: "client", "server", or "" where that is not known.
    """

    code: str
    connection: int
    sender: str
    place: Place
    values: dict[str, str | int] = field(default_factory=dict)
