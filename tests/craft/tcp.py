"""Two sides of a TCP connection that talk as told: in order, lost, repeated, swapped, overlapping, cut off.

Positions are bytes of one side's stream, counted from 0; sequence numbers follow from them and wrap by themselves.
A side acknowledges all that the other sent up to the first byte that was lost; what a recorder missed was not lost.
"""

import struct
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from craft.files import Capture
from craft.layers import Carriage, tcp_segment

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
Name = Literal["client", "server"]


class Piece(NamedTuple):
    """Payload of one TCP segment, to send again."""

    side: Name
    position: int
    data: bytes


@dataclass
class Side:
    address: tuple[str, int]
    isn: int
    sent: int = 0  # position of the next byte; a FIN counts one
    lost: list[Piece] = field(default_factory=list)  # sent and never arrived
    window: int = 65535  # bytes this side is ready to take
    ident: int = 1

    @property
    def arrived(self) -> int:
        return min((piece.position for piece in self.lost), default=self.sent)


class Conversation:
    """One connection in a capture.

    Args:
        capture: Where frames go; its clock is shared by all conversations.
        client, server: (IP address, port); both IPv4 or both IPv6.
        mss: Payload bytes of one TCP segment at most.
        client_isn, server_isn: Sequence numbers of the SYNs; near 2**32 they wrap early.
        dt: Seconds the clock moves on before a frame, unless a call says otherwise.
        only: Record the frames of this side alone.
        scale: Window scale option of both SYNs; None leaves it out.
        timestamps: Add the time stamp option (milliseconds of the clock).
        carriage: Fields of `Carriage`: vlan, tunnel, ip_options, extensions, fragment, offloaded, padding, trailer.

    Without `open()` the capture starts mid-stream.
    """

    def __init__(
        self,
        capture: Capture,
        client: tuple[str, int] = ("10.0.0.1", 40000),
        server: tuple[str, int] = ("10.0.0.9", 8080),
        *,
        mss: int = 1448,
        client_isn: int = 1_000,
        server_isn: int = 5_000_000,
        dt: float = 10e-6,
        only: Name | None = None,
        scale: int | None = None,
        timestamps: bool = False,
        interface: int = 0,
        **carriage: Any,
    ) -> None:
        self.capture = capture
        self.sides: dict[Name, Side] = {"client": Side(client, client_isn), "server": Side(server, server_isn)}
        self.mss = mss
        self.dt = dt
        self.only = only
        self.scale = scale
        self.timestamps = timestamps
        self.interface = interface
        self.shift = 0  # what the window field is shifted by, once both sides have agreed
        self.recording = True
        carriage.setdefault("link", capture.links[interface])
        self.carriage = Carriage(byteorder=capture.byteorder, **carriage)

    def segment(
        self,
        side: Name,
        data: bytes = b"",
        *,
        position: int | None = None,
        flags: int | None = None,
        window: int | None = None,
        ack: int | None = None,
        options: bytes = b"",
        dt: float | None = None,
    ) -> Piece:
        """One TCP segment exactly as told; moves nothing but the clock.

        Args:
            position: Of its first byte; by default where the side stands. -1 is the SYN's place.
            flags: By default ACK, with PSH when there is data.
            window: Bytes, before scaling; by default the side's.
            ack: Position of the other side's stream that is acknowledged; by default all that arrived.
        """
        here, there = self.sides[side], self.sides[other(side)]
        where = here.sent if position is None else position
        marks = (ACK | PSH if data else ACK) if flags is None else flags
        room = here.window if window is None else window
        self.capture.wait(self.dt if dt is None else dt)
        if self.timestamps:
            options += struct.pack("!BBBBII", 1, 1, 8, 10, self.capture.now_ns // 10**6 & 0xFFFFFFFF, 0)
        acked = there.isn + 1 + (there.arrived if ack is None else ack) if marks & ACK else 0
        field_ = min(room >> (0 if marks & SYN else self.shift), 65535)
        bare = tcp_segment(here.address, there.address, here.isn + 1 + where, acked, marks, field_, data, options)
        frames = self.carriage.frames(here.address[0], there.address[0], bare, here.ident)
        here.ident += 1
        if self.recording and self.only in (None, side):
            for frame in frames:
                self.capture.frame(frame, interface=self.interface)
        return Piece(side, where, data)

    # Begin and end

    def open(self, dt: float | None = None) -> None:
        """The three frames of the handshake."""
        self.syn("client", dt=dt)
        self.syn("server", dt=dt)
        self.shift = self.scale or 0
        self.ack("client", dt=dt)

    def syn(self, side: Name, dt: float | None = None) -> None:
        """A SYN, of the server with ACK; call it twice for a repeated one."""
        options = struct.pack("!BBH", 2, 4, min(self.mss, 65535)) + (b"" if self.scale is None else bytes((1, 3, 3, self.scale)))
        self.segment(side, position=-1, flags=SYN if side == "client" else SYN | ACK, options=options, dt=dt)

    def fin(self, side: Name, *, ack: bool = True, dt: float | None = None) -> None:
        """A FIN, and the other side's acknowledgement."""
        self.segment(side, flags=FIN | ACK, dt=dt)
        self.sides[side].sent += 1
        if ack:
            self.ack(other(side))

    def rst(self, side: Name, *, flags: int = RST | ACK, dt: float | None = None) -> None:
        self.segment(side, flags=flags, dt=dt)

    def close(self, first: Name = "server", dt: float | None = None) -> None:
        """FIN of both sides, each acknowledged."""
        self.fin(first, dt=dt)
        self.fin(other(first))

    # Bytes in order

    def client(self, data: bytes, **how: Any) -> list[Piece]:
        return self.send("client", data, **how)

    def server(self, data: bytes, **how: Any) -> list[Piece]:
        return self.send("server", data, **how)

    def send(self, side: Name, data: bytes, *, mss: int = 0, ack: bool = True, dt: float | None = None) -> list[Piece]:
        """Send `data` in TCP segments of `mss` bytes; the other side acknowledges every second one and the last."""
        size = mss or self.mss
        sent = []
        for start in range(0, len(data), size):
            sent.append(self.segment(side, data[start : start + size], dt=dt))
            self.sides[side].sent += len(sent[-1].data)
            if ack and (len(sent) % 2 == 0 or start + size >= len(data)):
                self.ack(other(side))
        return sent

    def ack(self, side: Name, *, window: int | None = None, dt: float | None = None) -> None:
        """A bare ACK."""
        self.segment(side, window=window, dt=dt)

    # What goes wrong

    def gap(self, side: Name, data: int | bytes, *, dt: float | None = None) -> None:
        """Bytes that arrived and were acknowledged, but were not captured; the acknowledgement is."""
        self.recording = False
        self.send(side, bytes(data), ack=False, dt=dt)
        self.recording = True
        self.ack(other(side))

    def lose(self, side: Name, data: int | bytes, *, dt: float | None = None) -> Piece:
        """Bytes that were neither captured nor acknowledged. `retransmit` the piece to let them arrive."""
        here = self.sides[side]
        self.capture.wait(self.dt if dt is None else dt)
        piece = Piece(side, here.sent, bytes(data))
        here.lost.append(piece)
        here.sent += len(piece.data)
        return piece

    def retransmit(self, piece: Piece, data: bytes | None = None, *, ack: bool = True, dt: float | None = None) -> None:
        """Send a piece again, with other bytes if told; it arrives now if it had been lost."""
        self.segment(piece.side, piece.data if data is None else data, position=piece.position, dt=dt)
        here = self.sides[piece.side]
        here.lost = [gone for gone in here.lost if gone != piece]
        if ack:
            self.ack(other(piece.side))

    def swap(self, side: Name, first: bytes, second: bytes, *, dt: float | None = None) -> None:
        """Two TCP segments in the wrong order: `second` comes before `first`."""
        start = self.sides[side].sent
        self.segment(side, second, position=start + len(first), dt=dt)
        self.segment(side, first, position=start, dt=dt)
        self.sides[side].sent += len(first) + len(second)
        self.ack(other(side))

    def overlap(self, side: Name, back: int, data: bytes, *, dt: float | None = None) -> Piece:
        """A TCP segment that begins `back` bytes before what was sent last ended; what it repeats may differ."""
        here = self.sides[side]
        piece = self.segment(side, data, position=here.sent - back, dt=dt)
        here.sent = max(here.sent, piece.position + len(data))
        self.ack(other(side))
        return piece

    def keep_alive(self, side: Name, *, garbage: bytes = b"", dt: float | None = None) -> None:
        """One byte before the next, with no data or one byte of garbage, and its answer."""
        self.segment(side, garbage, position=self.sides[side].sent - 1, flags=ACK, dt=dt)
        self.ack(other(side))

    def zero_window(self, side: Name, *, dt: float | None = None) -> None:
        """`side` tells that it takes no more, until `window_update`."""
        self.sides[side].window = 0
        self.ack(side, dt=dt)

    def window_update(self, side: Name, window: int = 65535, *, dt: float | None = None) -> None:
        self.sides[side].window = window
        self.ack(side, dt=dt)


def other(side: Name) -> Name:
    return "server" if side == "client" else "client"
