"""What a tracer keeps of a connection: where its sides stand, and its silences with what was known and said in them."""

from array import array
from dataclasses import dataclass, field
from typing import NamedTuple


class Seen(NamedTuple):
    """One frame of a connection. Sequence numbers are counted on beyond 32 bits from the first one seen."""

    ns: int
    frame: int
    side: int
    sequence: int
    length: int
    ack: int  # -1: none
    window: int  # as in the frame, not scaled
    flags: int
    stamp: int  # TSval, -1 without time stamps
    echo: int  # TSecr
    new: bool  # it holds bytes that had not been seen
    ident: int = -1  # of its IPv4 header


@dataclass(slots=True)
class Hole:
    """Bytes that stand between two frames of one side, in neither of them."""

    start: int
    end: int
    before_ns: int
    after_ns: int
    frames: tuple[int, int]
    size: int  # bytes, when it was found
    filled_ns: int = 0  # when the last of it came after all


@dataclass(slots=True)
class Side:
    """Where one direction stands."""

    next: int | None = None  # behind the highest byte seen
    acked: int = -1  # by the other side
    acked_ns: int = 0
    window: int = -1  # last one it advertised, as in the frame; -1: none seen
    scale: int | None = None  # of its windows, from its SYN; None: not seen
    widest: int = 0
    mss: int = 0  # longest payload seen
    stamp: int = -1
    stamp_ns: int = 0
    first_stamp: tuple[int, int] = (-1, 0)  # (TSval, ns) of its first frame with one
    echo: int = -1  # TSecr of its last frame
    payload_ns: int = 0
    payload_frame: int = 0
    payload: int = 0  # bytes seen for the first time
    frames: int = 0
    resent: int = 0  # frames whose bytes had all been seen before, apart from those doubled by a recorder
    fin_ns: int = 0
    ident: int = -1  # IPv4 identification of its last frame
    steps: list[int] = field(default_factory=lambda: [0, 0])  # how often it counted on by one, and otherwise
    holes: list[Hole] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)  # from its payload to its acknowledgment, ns
    sent: tuple[int, int] | None = None  # end of a payload that waits for its acknowledgment, and its time

    @property
    def outstanding(self) -> int:
        """Bytes sent and not acknowledged; 0 where that is not known."""
        return max(0, self.next - self.acked) if self.next is not None and self.acked >= 0 else 0


@dataclass(slots=True)
class Standing:
    """What was known of one direction when a silence began (the receiver's words about it included)."""

    outstanding: int
    window: int  # raw window of the *receiver* of this direction, -1 unknown
    room: int | None  # bytes that the receiver would still take; None: its scale is not known
    narrow: bool  # window of less than a sixteenth of the widest (where the scale is not known)
    mss: int
    acked: bool  # some acknowledgment by the receiver was seen
    next: int


@dataclass(slots=True)
class Silence:
    """No new byte of a connection between two frames (or up to its end, or that of the capture)."""

    start_ns: int
    end_ns: int
    frames: tuple[int, int]
    standing: tuple[Standing, Standing]  # of bytes sent by side 0, side 1
    events: list[Seen]  # frames in between, none of them with new bytes
    dropped: int = 0  # events that were not kept
    after: Seen | None = None  # the frame that ended it
    ended: str = "payload"  # payload, syn, fin, rst, end (of the capture)
    opening: bool = False  # it began before the first payload
    closing: bool = False  # a FIN had been seen
    unseen: tuple[int, int] = (0, 0)  # numbers of IPv4 packets that each side used and the recorder did not see (-1: not known)
    echo: tuple[int, int] = (-1, -1)  # TSecr of the last frame of each side before
    clock: tuple[int, int] | None = None  # of a sender of frames on both sides of it: ticks of its time stamps, ns of the recorder
    other: tuple[int, int] | None = None  # the same of the side that did not end it, up to its first frame afterwards

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


class Wait(NamedTuple):
    """A silence with nothing to see in it."""

    start_ns: int
    end_ns: int
    frame: int  # before it
    last_frame: int  # that ended it
    side: int  # who spoke again


def wait_over(connection: "TracedConnection", moment: int) -> Wait | None:
    """The wait that lasts at a moment, where times are in order."""
    waits = connection.waits
    low, high = 0, len(waits) // len(Wait._fields)
    while low < high:
        middle = (low + high) // 2
        if waits[middle * len(Wait._fields) + 1] <= moment:
            low = middle + 1
        else:
            high = middle
    at = low * len(Wait._fields)
    return Wait(*waits[at : at + len(Wait._fields)]) if at < len(waits) and waits[at] <= moment else None


_IDLE = Standing(0, -1, None, False, 0, True, 0)


def plain(wait: Wait) -> Silence:
    """A wait as a silence in which nothing was seen."""
    return Silence(wait.start_ns, wait.end_ns, (wait.frame, wait.last_frame), (_IDLE, _IDLE), [])


def moved(connection: "TracedConnection") -> list[tuple[int, int]]:
    """When new bytes came, one soon after the other."""
    runs = connection.runs
    last = [(connection._since, max(connection.last_ns, connection._since) + 1)] if connection._since else []
    return [*zip(runs[::2], runs[1::2], strict=True), *last]


@dataclass(slots=True)
class TracedConnection:
    """One TCP connection, side 0 = who sent the SYN, or the first frame."""

    key: bytes  # as side 0 sends
    first_frame: int
    start_ns: int
    sides: tuple[Side, Side] = field(default_factory=lambda: (Side(), Side()))
    syns: list[tuple[int, int]] = field(default_factory=list)  # (ns, frame) of side 0's
    answers: list[tuple[int, int]] = field(default_factory=list)  # of side 1's SYN+ACK
    established_ns: int = 0  # ACK of the SYN+ACK
    silences: list[Silence] = field(default_factory=list)
    more: int = 0  # silences that were not kept
    waits: "array[int]" = field(default_factory=lambda: array("Q"))
    """Silences with nothing to see in them, `Wait` by `Wait`: nothing on its way, windows open, clocks in step."""
    runs: "array[int]" = field(default_factory=lambda: array("Q"))  # pairs: from a new byte to behind the last one before a silence
    first_payload_ns: int = 0
    last_ns: int = 0  # of the last new byte (or SYN, FIN)
    last_frame: int = 0
    end_ns: int = 0
    reset_ns: int = 0
    reset_side: int | None = None
    ticks: list[tuple[int, int]] = field(default_factory=list)  # (ticks, ns) between frames of one side
    _quiet: list[Seen] = field(default_factory=list)
    _late: list[Seen] = field(default_factory=list)
    _dropped: int = 0
    _standing: tuple[Standing, Standing] | None = None
    _stamps: tuple[tuple[int, int], tuple[int, int]] = ((-1, 0), (-1, 0))
    _echo: tuple[int, int] = (-1, -1)
    _lost: list[int] = field(default_factory=lambda: [0, 0])  # numbers of IPv4 packets passed over since the last new byte
    _ended: Silence | None = None  # the last one, until the other side has spoken
    first_syn: int = -1
    opener: int = 0  # side that sent the SYN
    _since: int = 0  # beginning of the run that lasts
    _epoch: int = 0


def standing_of(sender: Side, receiver: Side) -> Standing:
    room = None
    if receiver.window >= 0 and sender.acked >= 0 and sender.next is not None:
        if receiver.scale is not None and sender.scale is not None:
            room = sender.acked + (receiver.window << receiver.scale) - sender.next
        elif receiver.window == 0:
            room = sender.acked - sender.next
    narrow = room is None and 0 <= receiver.window < receiver.widest >> 4
    return Standing(
        sender.outstanding, receiver.window, room, narrow, sender.mss, sender.acked >= 0 and receiver.frames > 0, sender.next or 0
    )
