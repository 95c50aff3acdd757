"""What a reading segment finds in the bytes of its connection, as values."""

from dataclasses import dataclass
from typing import NamedTuple

from gpinspect.peers.client.answer import Answer


class Rows(NamedTuple):
    """Rows, or a piece of them, in wire order."""

    data: bytes
    file: bytes | None  # name of F; None: the server did not say (protocol 0, servers without F)
    offset: int | None  # of `data` in the file; None: the server did not say
    first: bool  # begins a D (or the body of protocol 0)
    last: bool  # ends a D: what comes next begins a row


@dataclass(frozen=True, slots=True)
class Answered:
    """The head is there, and the rows may come."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Ended:
    """A regular end. `proven` is false where only the close tells it (protocol 0)."""

    late: bool = False  # the session was over before this segment came
    proven: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """The segment's SQL error."""

    sentence: str
    detail: str = ""
    refused: bool = False  # the server said so with a status


Event = Rows | Answered | Ended | Failed
