"""One direction of a TCP connection: segments in any order in, ordered bytes and holes out.

Rules: the byte captured first wins. A hole is final when the receiver has acknowledged it and a little more time has passed (a
recorder may write an acknowledgment before the data), when the connection ends, or when the reordering buffer is full.
"""

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from gpinspect.engine.channel import NOBODY, Buffer, Channel, Reader

if TYPE_CHECKING:
    from gpinspect.engine.connection import Connection

WRAP = 1 << 32
MASK = WRAP - 1
HALF = 1 << 31

NEVER = -1
"""`expected` of a stream whose next segment needs a closer look, whatever its sequence number."""

NOTHING_GATHERED = bytearray()
"""Shared by all streams outside of TLS."""

LARGEST_WINDOW = 1 << 30
"""Bytes that can be on their way at once (RFC 7323); an acknowledgment further ahead is no evidence."""

LONGEST_START = 8192
LARGEST_JUMP = 1 << 20
"""Bytes that the capture may lack in one stretch before somebody looks whether these are the same connection's bytes at all."""
_REQUEST_STARTS = re.compile(rb"(?:GET|POST) [^\r\n]{1,4096} HTTP/1\.\d\r?\n")
_STARTS = re.compile(_REQUEST_STARTS.pattern + rb"|HTTP/1\.\d \d{3} |\x16\x03[\0-\4][\0-\xff]{2}\x01")
"""How a request of a segment, an answer, or TLS begins."""

LARGEST_STASH = 8 << 20
"""Bytes that wait for a hole to fill, per stream."""
MOST_STASHED = 8192
PATIENCE_NS = 200_000_000
"""How long after its acknowledgment a hole may still be filled."""
PATIENCE_SEGMENTS = 64
ONE_SIDED_SEGMENTS = 256
"""Segments to wait behind a hole when the acknowledgments of the receiver are not captured at all."""


class Early(NamedTuple):
    """A segment that came before the bytes in front of it."""

    position: int
    data: bytes  # may be shorter than `length` (snap length)
    length: int
    ns: int
    frame: int
    capture: int


class Stream(Channel):
    """A channel fed by TCP segments. The hot loop works on `expected`, `left`, `last_ns`, `last_frame` and `ack` directly.

    Inside a TLS record it works on `room` and `gathered` as well; `end` is behind the room then.
    """

    __slots__ = (
        "ack",
        "acked_at",
        "acked_ns",
        "capture_loss",
        "connection",
        "differing",
        "early",
        "early_bytes",
        "expected",
        "fin",
        "gathered",
        "key",
        "late_acks",
        "network_loss",
        "next",
        "origin",
        "peer",
        "resent",
        "room",
        "side",
        "snapped",
        "snapped_frames",
        "syn",
        "watching",
    )

    peer: "Stream"
    key: bytes

    def __init__(self, reader: Reader, connection: "Connection", side: int) -> None:
        super().__init__(reader)
        self.connection = connection
        self.side = side  # 0 = sent by who opened, or was seen first
        self.next: int | None = None  # sequence number of the next byte; None before the first segment
        self.origin = 0  # sequence number of position 0
        self.expected = NEVER  # `next`, while the segment that has it may be taken without a closer look
        self.room = 0  # a segment that is expected and shorter than this is put into `gathered`, and the reader not asked
        self.gathered = NOTHING_GATHERED
        self.ack = -1  # last acknowledgment number this side sent
        self.watching = False  # its acknowledgments decide a hole of the peer's
        self.syn: int | None = None  # sequence number of the first byte, as its SYN says
        self.fin = False
        self.early: list[Early] = []
        self.early_bytes = 0
        self.acked_ns: int | None = None  # when the receiver acknowledged the first hole
        self.acked_at = 0
        self.late_acks = 0
        self.resent = 0  # bytes seen again
        self.differing = 0  # of those, bytes that differed
        self.snapped = 0  # bytes cut off by the snap length
        self.snapped_frames = 0
        self.capture_loss = 0  # bytes that were acknowledged but not captured
        self.network_loss = 0  # bytes that nobody acknowledged and the capture does not have

    @property
    def position(self) -> int:
        return self.end - self.left - self.room

    @property
    def unseen(self) -> bool:
        """No frame of this direction was captured, but for a reset perhaps."""
        return self.ack < 0 and self.syn is None and not self.last_frame and not self.fin

    def begin(self, sequence: int) -> None:
        """The first byte of the stream has this sequence number."""
        self.next = sequence & MASK
        self.origin = sequence & MASK

    def pick_up(self, sequence: int) -> None:
        """The first segment that was captured of this side has this sequence number.

        Where the beginning of the connection was captured but not this side's SYN, the receiver's acknowledgment tells how much
        is missing in front of it.
        """
        acked = self.peer.ack
        if self.connection.opened and acked >= 0 and (sequence - acked) & MASK <= LARGEST_WINDOW:
            sequence = acked
        self.begin(sequence)

    def arrive(
        self, sequence: int, buffer: Buffer, start: int, captured: int, length: int, ns: int, frame: int, capture: int
    ) -> None:
        """A segment with payload `buffer[start:start + captured]`, of which `length` bytes were on the wire."""
        if self.next is None:
            self.pick_up(sequence)
        assert self.next is not None
        ahead = (sequence - self.next) & MASK
        if ahead >= HALF:
            ahead -= WRAP
        if ahead > LARGEST_JUMP or (ahead > 0 and self.fin) or self.position + ahead < -LARGEST_JUMP:
            if self._another_life(ahead, buffer, start, captured):
                again = self.connection.renew(self, ns, frame, capture)
                again.arrive(sequence, buffer, start, captured, length, ns, frame, capture)
                return
            if ahead > LARGEST_WINDOW:
                return  # no window reaches so far: a leftover of an earlier connection with these ports
        if ahead < 0:
            seen = min(-ahead, length)
            if length > 1 or seen < length or -ahead > 1:  # one byte just before the next one is a keep-alive
                self.resent += seen
                self._compare_again(sequence, buffer, start, min(captured, seen))
            if seen == length:
                return
            start += seen
            captured = max(0, captured - seen)
            length -= seen
            ahead = 0
        if ahead or self.early:
            self._stash(self.position + ahead, bytes(buffer[start : start + captured]), length, ns, frame, capture)
            if not ahead:
                self._drain()
        else:
            self._take(buffer, start, captured, length, ns, frame, capture)
        self._settle(ns)

    def _another_life(self, ahead: int, buffer: Buffer, start: int, captured: int) -> bool:
        """Whether a segment that cannot belong here begins another connection with the same ports, whose SYNs were not captured.

        It does if it begins as one does. Behind a FIN the same side sends nothing more; a jump that a large window explains must be
        one of a client, which has nothing to say behind its request.
        """
        if not self.last_frame:
            return False
        first = bytes(buffer[start : start + min(captured, LONGEST_START)])
        if self.fin or not 0 <= ahead <= LARGEST_WINDOW:
            return bool(_STARTS.match(first))
        return ahead > self.left and bool(_REQUEST_STARTS.match(first))

    def _take(self, buffer: Buffer, start: int, captured: int, length: int, ns: int, frame: int, capture: int) -> None:
        assert self.next is not None
        self.next = (self.next + length) & MASK
        self.deliver(buffer, start, start + captured, ns, frame, capture)
        if captured < length:
            self.snapped += length - captured
            self.snapped_frames += 1
            self.last_ns = ns
            self.last_frame = frame
            self.lose(length - captured)

    def _settle(self, ns: int) -> None:
        """Decide whether the next segment may be taken without a closer look."""
        if self.early:
            self.expected = NEVER
            self.peer.watching = True
            self.peer.expected = NEVER
            self._decide(ns)
        if not self.early:
            self.peer.watching = False
            self.acked_ns = None
            self.late_acks = 0
            self.refresh()

    def refresh(self) -> None:
        """The next segment may be taken without a closer look unless somebody wants its content or waits for a hole to fill."""
        closer = self.next is None or self.early or self.wanted or self.watching
        self.expected = NEVER if closer or self.next is None else self.next

    def gather(self, into: bytearray, room: int) -> None:
        """The next bytes go into `into`, without the reader, as long as they are fewer than `room` together (0: none do)."""
        self.end += room - self.room
        self.gathered = into
        self.room = room

    def _compare_again(self, sequence: int, buffer: Buffer, start: int, count: int) -> None:
        """Bytes that were delivered before: do they still read the same, as far as the capture's window reaches back?"""
        if count > 0:
            self.differing += self.connection.recent.differing(self, sequence, buffer, start, count)

    def _stash(self, position: int, data: bytes, length: int, ns: int, frame: int, capture: int) -> None:
        """Keep what no earlier segment covers."""
        index = bisect_left(self.early, position, key=lambda early: early.position)
        if index and self.early[index - 1].position + self.early[index - 1].length > position:
            index -= 1
        end = position + length
        while index < len(self.early) and self.early[index].position < end:
            there = self.early[index]
            if position < there.position:
                self._keep(index, position, data, there.position - position, ns, frame, capture)
                data = data[there.position - position :]
                position = there.position
                index += 1
            again = min(end, there.position + there.length) - position
            if again > 0:
                self.resent += again
                shift = position - there.position
                known = there.data[shift : shift + again]
                self.differing += sum(a != b for a, b in zip(known, data, strict=False)) if known != data[: len(known)] else 0
                data = data[again:]
                position += again
            index += 1
        if position < end:
            self._keep(index, position, data, end - position, ns, frame, capture)

    def _keep(self, index: int, position: int, data: bytes, length: int, ns: int, frame: int, capture: int) -> None:
        kept = data[:length]
        self.early.insert(index, Early(position, kept, length, ns, frame, capture))
        self.early_bytes += len(kept)

    def _drain(self) -> None:
        """Deliver what has become continuous."""
        taken = 0
        while taken < len(self.early) and self.early[taken].position <= self.position:
            early = self.early[taken]
            self.early_bytes -= len(early.data)
            self._take(early.data, 0, len(early.data), early.length, early.ns, early.frame, early.capture)
            taken += 1
        if taken:
            del self.early[:taken]
            self.acked_ns = None  # patience with the next hole starts anew

    def acknowledged(self, ns: int) -> None:
        """The receiver has acknowledged something while bytes are missing here."""
        if self.early:
            self._decide(ns)
        if not self.early:
            self._settle(ns)

    def _decide(self, ns: int) -> None:
        """Give up the first hole if it can no longer be filled."""
        while self.early:
            hole = self.early[0].position - self.position
            acked = self._acked(hole)
            if acked and self.acked_ns is None:
                self.acked_ns = ns
                self.late_acks = 0
            self.late_acks += acked
            full = self.early_bytes > LARGEST_STASH or len(self.early) > MOST_STASHED
            patience_over = acked and (ns - (self.acked_ns or ns) > PATIENCE_NS or self.late_acks > PATIENCE_SEGMENTS)
            one_sided = self.peer.next is None and len(self.early) > ONE_SIDED_SEGMENTS
            if not (full or patience_over or one_sided):
                return
            if full and not acked:
                self.connection.weird("GPI023", self, self.early[0].frame, ns, bytes=self.early_bytes)
            self._give_up(hole, acked or one_sided)

    def _acked(self, hole: int) -> bool:
        """Has the receiver acknowledged the byte behind the hole?"""
        if self.peer.ack < 0 or self.next is None:
            return False
        return hole <= (self.peer.ack - self.next) & MASK <= LARGEST_WINDOW

    def _give_up(self, hole: int, acked: bool) -> None:
        assert self.next is not None
        if acked:
            self.capture_loss += hole
        else:
            self.network_loss += hole
        self.next = (self.next + hole) & MASK
        self.lose(hole)
        self.acked_ns = None
        self._drain()

    def finish(self) -> None:
        """Nothing will be captured of this stream any more."""
        while self.early:
            hole = self.early[0].position - self.position
            self._give_up(hole, self._acked(hole))
        if self.next is not None and self.peer.ack >= 0:
            unseen = (self.peer.ack - self.next - self.fin) & MASK
            if unseen == 1 and not self.fin:
                unseen = 0  # only its FIN was not captured
            if 0 < unseen <= LARGEST_WINDOW:
                self.capture_loss += unseen
                self.next = (self.next + unseen) & MASK
                self.lose(unseen)
        self.expected = NEVER
        self.end_reading()

    def end_reading(self) -> None:
        """Every byte up to the end has been delivered; the reader may go."""
        self.reader.close()
        self.reader = NOBODY
