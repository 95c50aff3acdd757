"""Silences of connections: when nothing new was said, and what both sides knew and did meanwhile.

A tracer looks at the headers of frames (never at payload) and keeps, for each connection, where its two sides stand and what
happened since the last new byte. When a silence of `QUIET_NS` ends it becomes a `Silence`; everything in between is forgotten. So
memory grows with silences, not with frames. It judges nothing: `gpinspect.analysis` does.
"""

from typing import Final, NamedTuple

from gpinspect.engine.link import ACK, FIN, RST, SYN
from gpinspect.engine.silences import Hole, Seen, Side, Silence, Standing, TracedConnection, Wait, standing_of
from gpinspect.engine.stream import HALF, MASK, WRAP
from gpinspect.engine.tcp_heads import HeadReader, TcpHead

QUIET_NS: Final = 150_000_000
"""Time without a new byte that is noted."""
MOST_SILENCES = 20_000
"""Silences that are kept with what happened in them; waiting, in which nothing happened, is not counted."""
SMALLEST_FRAME: Final = 536
"""Payload of a frame that a window must have room for, where no fuller frame was seen (RFC 1122, 4.2.2.6)."""
MOST_EVENTS = 16
"""Frames without new bytes that are kept of the beginning, and of the end, of one silence."""
MOST_HOLES = 256
SETTLED_NS: Final = 50_000_000
"""Acknowledgments that come so soon after the last byte belong to what was known when the silence began."""
MOST_SAMPLES = 16
LATE_SYN = 1 << 16
"""Bytes that may stand in front of a SYN in the capture, where records are not in order."""
DOUBLED_NS = 1_000_000
"""Frames that are there again so soon were recorded twice, not sent twice."""


class Known(NamedTuple):
    """What the engine knows of a connection whose frames the tracer did not see."""

    first_frame: int
    start_ns: int
    last_ns: int  # of the last payload
    last_frame: int
    sides: tuple[
        tuple[int | None, int], tuple[int | None, int]
    ]  # next sequence number, and how far it is acknowledged (-1: not known)


class Tracer:
    """Takes frames in the order of the capture; `connections` says what was seen of each."""

    def __init__(self) -> None:
        self.connections: list[TracedConnection] = []
        self.last_ns = 0
        self._heads = HeadReader()
        self._sides: dict[bytes, tuple[TracedConnection, int]] = {}
        self._epoch = 0
        self._passed_ns = 0
        self._kept = 0

    def take(self, link: int, data: bytes, original: int, ns: int, frame: int) -> None:
        """One frame; of `data` only the headers are looked at."""
        if ns > self.last_ns:
            self.last_ns = ns
        tcp = self._heads.read(link, data, original)
        if tcp is not None:
            self._take(tcp, ns, frame)

    def passed(self, until_ns: int) -> None:
        """Frames up to this time were not shown: nothing is said about silences and holes across them."""
        self._epoch += 1
        self._passed_ns = until_ns
        self.last_ns = max(self.last_ns, until_ns)

    def adopt(self, key: bytes, number: Known) -> None:
        """Go on with a connection whose frames were passed over, from what somebody else knows of it; it may be told twice.

        Args:
            key: As side 0 sends.
        """
        found = self._sides.get(key)
        connection = found[0] if found is not None else self._new(key, number.first_frame, number.start_ns)
        turned = found is not None and found[1] == 1
        sides = connection.sides[::-1] if turned else connection.sides
        if connection._epoch == self._epoch and connection.last_ns >= number.last_ns:
            return
        connection._epoch = self._epoch
        self._forget(connection)
        connection.last_ns, connection.last_frame = number.last_ns, number.last_frame
        connection.first_payload_ns = connection.first_payload_ns or number.last_ns
        connection._since = connection._since or number.start_ns
        for side, (following, acked) in zip(sides, number.sides, strict=True):
            if following is not None:
                side.next = following
                side.acked = _unwrap(acked, following) if acked >= 0 else -1
        connection._standing = _both(connection)

    def finish(self) -> None:
        """The capture is at its end: silences that last until then."""
        for connection in self.connections:
            if connection._epoch != self._epoch:
                continue
            if self.last_ns - connection.last_ns >= QUIET_NS and not self._over(connection):
                self._silence(connection, self.last_ns, 0, "end")
            connection._quiet.clear()
            connection._late.clear()

    @staticmethod
    def _over(connection: TracedConnection) -> bool:
        return bool(connection.reset_ns or (connection.sides[0].fin_ns and connection.sides[1].fin_ns))

    # frames -----------------------------------------------------------------------------------------------------------

    def _take(self, tcp: TcpHead, ns: int, frame: int) -> None:
        found = self._sides.get(tcp.key)
        opening = tcp.flags & (SYN | ACK) == SYN
        if found is None or (opening and self._another(found, tcp)):
            found = self._begin(tcp, ns, frame)
        connection, side = found
        if connection._epoch != self._epoch:
            self._resume(connection)
        me, peer = connection.sides[side], connection.sides[1 - side]
        stamp, echo = tcp.stamp, tcp.echo
        if tcp.scale is not None:
            me.scale = tcp.scale
        if connection._standing is None and connection.last_ns and ns - connection.last_ns >= SETTLED_NS:
            connection._standing = _both(connection)
        connection.end_ns = ns
        me.frames += 1
        ident = tcp.ident
        if ident >= 0:
            self._count(connection, side, me, ident)
        if tcp.flags & SYN:
            self._syn(connection, side, tcp, ns, frame)
        if me.next is None:  # bytes in front of it may be on their way: nothing is said about them
            me.next = _unwrap(tcp.sequence, me.acked if me.acked >= 0 else None)
        sequence = _unwrap(tcp.sequence, me.next) + (1 if tcp.flags & SYN else 0)
        ack, before = -1, peer.acked
        if tcp.flags & ACK and not tcp.flags & RST:
            ack = self._acknowledge(connection, me, peer, tcp, ns)
        new = bool(tcp.length) and not tcp.flags & RST and self._payload(connection, side, sequence, tcp.length, ns, frame, stamp)
        if not peer.frames and ack > before >= 0:
            new = True  # the other direction was not recorded: its bytes show in what is acknowledged
        fin = bool(tcp.flags & FIN) and not me.fin_ns
        if tcp.flags & FIN and fin:
            me.fin_ns = ns
            if me.next is not None and sequence + tcp.length == me.next:
                me.next += 1
                me.sent = me.sent or (me.next, ns)
        seen = Seen(ns, frame, side, sequence, tcp.length, ack, tcp.window, tcp.flags, stamp, echo, new, ident)
        reset = bool(tcp.flags & RST) and not connection.reset_ns
        if new or fin or reset or (opening and len(connection.syns) == 1):
            ended = "payload" if new else "fin" if fin else "rst" if reset else "syn"
            self._event(connection, seen, ended)
        elif connection.last_ns:
            self._keep(connection, seen)
        if reset:
            connection.reset_ns, connection.reset_side = ns, side
        if stamp >= 0:
            if me.stamp < 0:
                me.first_stamp = (stamp, ns)
            elif ns - me.stamp_ns > 20_000_000 and len(connection.ticks) < MOST_SAMPLES:
                connection.ticks.append(((stamp - me.stamp) & MASK, ns - me.stamp_ns))
            over = connection._ended
            if over is not None and over.after is not None and over.after.side != side:
                if me.stamp >= 0:
                    over.other = ((stamp - me.stamp) & MASK, ns - me.stamp_ns)
                connection._ended = None
            me.stamp, me.stamp_ns, me.echo = stamp, ns, echo

    def _begin(self, tcp: TcpHead, ns: int, frame: int) -> tuple[TracedConnection, int]:
        answer = tcp.flags & (SYN | ACK) == SYN | ACK
        key = _turned(tcp.key) if answer else tcp.key
        self._new(key, frame, ns)
        return self._sides[tcp.key]

    def _new(self, key: bytes, frame: int, ns: int) -> TracedConnection:
        connection = TracedConnection(key, frame, ns, _epoch=self._epoch)
        self.connections.append(connection)
        self._sides[key], self._sides[_turned(key)] = (connection, 0), (connection, 1)
        return connection

    def _another(self, found: tuple[TracedConnection, int], tcp: TcpHead) -> bool:
        """Whether a SYN opens another connection with the same ports, and was not merely sent or written down again."""
        connection, side = found
        begun = connection.sides[side].next
        if begun is None or connection.first_syn == tcp.sequence:
            return False
        return self._over(connection) or not 0 <= begun - _unwrap(tcp.sequence + 1 & MASK, begun) < LATE_SYN

    def _resume(self, connection: TracedConnection) -> None:
        """Frames of it may have been passed over: go on from what is seen now."""
        connection._epoch = self._epoch
        connection.last_ns = max(connection.last_ns, self._passed_ns)
        self._forget(connection)

    @staticmethod
    def _forget(connection: TracedConnection) -> None:
        connection._quiet.clear()
        connection._late.clear()
        connection._dropped = 0
        connection._standing = None
        connection._lost = [0, 0]
        for side in connection.sides:
            side.ident = -1
            side.next = None
            side.acked = -1
            side.window = -1
            side.sent = None

    def _syn(self, connection: TracedConnection, side: int, tcp: TcpHead, ns: int, frame: int) -> None:
        me = connection.sides[side]
        if tcp.flags & ACK:
            seen = connection.answers
        else:
            seen = connection.syns
            connection.first_syn, connection.opener = tcp.sequence, side
        if not seen or (ns - seen[-1][0] > DOUBLED_NS and len(seen) < MOST_SAMPLES):
            seen.append((ns, frame))
        if me.next is None:
            me.next = tcp.sequence + 1

    def _acknowledge(self, connection: TracedConnection, me: Side, peer: Side, tcp: TcpHead, ns: int) -> int:
        known = peer.next is not None
        ack = _unwrap(tcp.acknowledgment, peer.next if known else peer.acked if peer.acked >= 0 else None)
        if ack > peer.acked:
            peer.acked, peer.acked_ns = ack, ns
            if peer.sent is not None and ack >= peer.sent[0]:
                if len(peer.delays) < MOST_SAMPLES:
                    peer.delays.append(ns - peer.sent[1])
                peer.sent = None
            unseen = 0 if peer.next is None else ack - peer.next - (1 if peer.fin_ns == 0 and ack - peer.next == 1 else 0)
            if peer.next is not None and 0 < unseen < HALF >> 1:
                self._hole(peer, peer.next, ack, ns, 0)
                peer.next = ack
        me.window = tcp.window if not tcp.flags & SYN else me.window
        me.widest = max(me.widest, me.window)
        if (
            not connection.established_ns
            and connection.answers
            and not tcp.flags & SYN
            and me is connection.sides[connection.opener]
        ):
            connection.established_ns = ns
        return ack

    def _payload(
        self, connection: TracedConnection, side: int, sequence: int, length: int, ns: int, frame: int, stamp: int
    ) -> bool:
        """Take note of a payload; says whether any of it is new."""
        me = connection.sides[side]
        assert me.next is not None
        end = sequence + length
        new = end > me.next
        if sequence > me.next:
            self._hole(me, me.next, sequence, ns, frame)
        elif sequence < me.next:
            for hole in me.holes[-8:]:
                if sequence < hole.end and end > hole.start and not hole.filled_ns:
                    if sequence <= hole.start:
                        hole.start = min(end, hole.end)
                    elif end >= hole.end:
                        hole.end = sequence
                    if hole.start >= hole.end:
                        hole.filled_ns = ns
                    new = True
            if not new and length > 1 and not (ns - me.payload_ns < DOUBLED_NS and stamp == me.stamp):
                me.resent += 1
        if end > me.next:
            me.next = end
        if new:
            me.payload += length
            me.payload_ns, me.payload_frame = ns, frame
            me.mss = max(me.mss, length)
            if me.sent is None:
                me.sent = (end, ns)
        elif me.sent is not None and sequence < me.sent[0] and ns - me.payload_ns > DOUBLED_NS:
            me.sent = None  # which of the two is acknowledged cannot be told
        return new

    @staticmethod
    def _hole(side: Side, start: int, end: int, ns: int, frame: int) -> None:
        if len(side.holes) < MOST_HOLES:
            side.holes.append(Hole(start, end, side.payload_ns or ns, ns, (side.payload_frame, frame), end - start))

    # silences ---------------------------------------------------------------------------------------------------------

    def _event(self, connection: TracedConnection, seen: Seen, ended: str) -> None:
        """Something new: a silence in front of it ends."""
        if connection.last_ns and not -QUIET_NS < seen.ns - connection.last_ns < QUIET_NS and not connection.more:
            if connection._since:  # the clock may also have been set back
                connection.runs.extend((connection._since, connection.last_ns + 1))
                connection._since = seen.ns
            if seen.ns > connection.last_ns:
                self._silence(connection, seen.ns, seen.frame, ended, seen)
        if seen.new and not connection.first_payload_ns:
            connection.first_payload_ns = connection._since = seen.ns
        connection.last_ns, connection.last_frame = seen.ns, seen.frame
        connection._quiet.clear()
        connection._late.clear()
        connection._dropped = 0
        connection._standing = None
        connection._lost = [0, 0]
        connection._echo = (connection.sides[0].echo, connection.sides[1].echo)
        connection._stamps = tuple((side.stamp, side.stamp_ns) for side in connection.sides)  # type: ignore[assignment]

    def _silence(self, connection: TracedConnection, ns: int, frame: int, ended: str, last: Seen | None = None) -> None:
        standing = connection._standing or _both(connection)
        silence = Silence(
            connection.last_ns,
            ns,
            (connection.last_frame, frame),
            standing,
            connection._quiet + connection._late,
            connection._dropped,
            last,
            ended,
            not connection.first_payload_ns,
            any(0 < side.fin_ns < ns for side in connection.sides),
            (self._missed(connection, 0), self._missed(connection, 1)),
            connection._echo,
        )
        for seen in (*silence.events, last):
            if seen is not None:
                stamp, stamp_ns = connection._stamps[seen.side]
                if stamp >= 0 and seen.stamp >= 0 and seen.ns - stamp_ns >= QUIET_NS // 2:
                    silence.clock = ((seen.stamp - stamp) & MASK, seen.ns - stamp_ns)
        if last is not None and self._plain(connection, silence, last):
            connection.waits.extend(Wait(silence.start_ns, ns, connection.last_frame, frame, last.side))
        elif self._kept < MOST_SILENCES:
            self._kept += 1
            connection.silences.append(silence)
            connection._ended = silence
        else:
            connection.more += 1  # from here on it counts as moving

    @staticmethod
    def _plain(connection: TracedConnection, silence: Silence, last: Seen) -> bool:
        """Whether a silence shows nothing but its length."""
        if silence.ended != "payload" or silence.opening or silence.closing or max(silence.unseen) > 0 or silence.clock is None:
            return False
        ticks, ns = silence.clock
        if abs(ns - ticks * 1_000_000) > QUIET_NS // 2 or last.sequence != silence.standing[last.side].next:
            return False
        for number, standing in enumerate(silence.standing):
            frame = max(standing.mss, SMALLEST_FRAME)
            if standing.outstanding or standing.room is None or standing.room < frame:
                return False
            holes = connection.sides[number].holes
            if holes and holes[-1].after_ns >= silence.start_ns:
                return False
            scale = connection.sides[1 - number].scale or 0
            if any(
                seen.side != number and (seen.window << scale < frame or seen.length or seen.flags & SYN) for seen in silence.events
            ):
                return False
        return True

    @staticmethod
    def _keep(connection: TracedConnection, seen: Seen) -> None:
        if len(connection._quiet) < MOST_EVENTS:
            connection._quiet.append(seen)
            return
        connection._late.append(seen)
        if len(connection._late) > MOST_EVENTS:
            del connection._late[0]
            connection._dropped += 1

    @staticmethod
    def _count(connection: TracedConnection, side: int, me: Side, ident: int) -> None:
        """Most systems number the IPv4 packets of a connection one by one: what is passed over was sent unseen."""
        if me.ident >= 0:
            step = (ident - me.ident) & 0xFFFF
            if step == 0 or step > 0xFF00:
                return  # recorded twice, or out of order
            me.steps[step != 1] += 1
            connection._lost[side] += step - 1
        me.ident = ident

    @staticmethod
    def _missed(connection: TracedConnection, side: int) -> int:
        return connection._lost[side] if connection.sides[side].ident >= 0 else -1


def _turned(key: bytes) -> bytes:
    """The key that the other side sends with."""
    size = 4 if len(key) == 12 else 16
    return key[size : 2 * size] + key[:size] + key[2 * size + 2 :] + key[2 * size : 2 * size + 2]


def _unwrap(number: int, near: int | None) -> int:
    """The position with this sequence number that is nearest to a known one."""
    if near is None:
        return number
    ahead = (number - near) & MASK
    return near + (ahead - WRAP if ahead >= HALF else ahead)


def _both(connection: TracedConnection) -> tuple[Standing, Standing]:
    first, second = connection.sides
    return standing_of(first, second), standing_of(second, first)
