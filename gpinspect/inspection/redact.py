"""Connections of a capture under a mask: frame by frame the same, with nothing of anybody's in it.

Two readings. The first makes a plan of every direction (`redact_watch`): what structure stands where and what is to stand there.
The second, frame by frame, looks up what the plan says of the bytes that a frame carries; so a byte that is sent twice, early, cut
short or in fragments is masked alike each time, and what no reader understood is filler.
"""

import secrets
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from gpinspect.capture.capture import Capture
from gpinspect.capture.source import Record
from gpinspect.engine.connection import Connection
from gpinspect.engine.link import SYN, TcpSegment
from gpinspect.inspection.redact_frames import Layer, Trail, repair_carriers, rewrite_icmp, rewrite_layers, rewrite_tcp
from gpinspect.inspection.redact_plan import FILLER, Plan
from gpinspect.inspection.redact_watch import WatchedIndex, side_of
from gpinspect.views.redaction import Mask

KEY_BYTES = 32


def fresh_mask() -> Mask:
    """A mask that nobody has the key of."""
    return Mask(secrets.token_bytes(KEY_BYTES))


def plans_of(capture: Capture, connections: Collection[int], last: int, mask: Mask) -> dict[int, tuple[Plan, Plan]]:
    """Plans of both sides of these connections, from one reading of a capture; frames behind the first `last` do not matter."""
    index = WatchedIndex(mask, frozenset(connections), secrets.token_bytes(KEY_BYTES))
    if capture.bytes_total is not None:
        for window in capture.windows():
            index.run(window)
            if index.frames >= last:
                break
        return index.plans()
    for frame, record in enumerate(capture.records_again(), 1):
        index.take(record.link, record.captured, record.original, record.ns, frame, record.position)
        if frame >= last:
            break
    return index.plans()


class Note(NamedTuple):
    """A fragment: start of its piece in the frame, place and length of it in the datagram, and the headers in front."""

    piece: tuple[int, int, int]
    layers: list[Layer]


class Rewriter:
    """Rewrites the frames of some connections.

    Args:
        plans: Of both sides, by id of the connection.
    """

    def __init__(self, mask: Mask, plans: dict[int, tuple[Plan, Plan]]) -> None:
        self._mask = mask
        self._plans = plans
        self.decoder = Trail()

    def whole(self, record: Record, tcp: TcpSegment, connection: Connection) -> Record:
        """A frame that holds a whole TCP segment."""
        frame = bytearray(record.captured)
        layers = self.decoder.layers
        old, new = _addresses(frame, layers, 0), self._masked(frame, record.link, layers, 0)
        self._tcp(frame, tcp, connection, old, new)
        repair_carriers(frame, record.captured, layers, 0, old, new)
        _blank_behind(frame, layers)
        return record._replace(captured=bytes(frame))

    def note(self) -> Note | None:
        """The frame decoded last is a fragment: what must be known of it when its datagram is whole."""
        piece = self.decoder.piece
        return None if piece is None else Note(piece, self.decoder.layers)

    def datagram(self, records: Sequence[Record], notes: list[Note], tcp: TcpSegment, connection: Connection) -> list[Record]:
        """The frames of a datagram that is whole with the last of them; none where one of them is a riddle.

        Args:
            notes: Of the frames in front of the last, which is the one decoded last.
        """
        last = self.note()
        whole, layers = self.decoder.whole, self.decoder.layers
        if whole is None or last is None or len(notes) != len(records) - 1:
            return []
        notes = [*notes, last]
        made = bytearray(whole)
        done = []
        addresses: tuple[list[bytes], list[bytes]] = [], []
        for record, (_, own) in zip(records, notes, strict=True):
            frame = bytearray(record.captured)
            addresses = _addresses(frame, own, 0), self._masked(frame, record.link, own, 0)
            done.append(frame)
        old = [*addresses[0], *_addresses(made, layers, 1)]
        new = [*addresses[1], *self._masked(made, -1, layers, 1)]
        self._tcp(made, tcp, connection, old, new)
        repair_carriers(made, whole, layers, 1, old, new)
        out = []
        for record, frame, ((start, offset, length), own) in zip(records, done, notes, strict=True):
            frame[start : start + length] = made[offset : offset + length].ljust(length, bytes((FILLER,)))
            repair_carriers(frame, record.captured, own, 0, old, new)
            _blank_behind(frame, own)
            out.append(record._replace(captured=bytes(frame)))
        return out

    def notice(self, record: Record) -> Record:
        """A frame with an ICMP message about a connection."""
        frame = bytearray(record.captured)
        layers = self.decoder.layers
        self._masked(frame, record.link, layers, 0)
        rewrite_icmp(self._mask, frame, layers)
        _blank_behind(frame, layers)
        return record._replace(captured=bytes(frame))

    def _masked(self, frame: bytearray, link: int, layers: list[Layer], level: int) -> list[bytes]:
        rewrite_layers(self._mask, link, frame, layers, level)
        return _addresses(frame, layers, level)

    def _tcp(self, segment: bytearray, tcp: TcpSegment, connection: Connection, old: list[bytes], new: list[bytes]) -> None:
        plans = self._plans.get(connection.id)
        plan = plans[side_of(connection, tcp)] if plans is not None else None
        data = bytes(segment[tcp.start : tcp.start + tcp.captured])
        if plan is None or not data:
            payload = bytes((FILLER,)) * len(data)
        else:
            payload = plan.fill(plan.position(tcp.sequence + bool(tcp.flags & SYN)), data, tcp.length)
        header = self.decoder.layers[-1].at
        wire = tcp.start + tcp.length - header
        rewrite_tcp(segment, header, tcp.start + tcp.captured, old[-1], new[-1], payload, tcp.start, wire)


def _addresses(frame: bytearray, layers: Iterable[Layer], level: int) -> list[bytes]:
    """Source and destination of every IP header, outermost first."""
    found = []
    for layer in layers:
        if layer.level == level and layer.kind in ("ip4", "ip6"):
            start, size = (12, 8) if layer.kind == "ip4" else (8, 32)
            found.append(bytes(frame[layer.at + start : layer.at + start + size]))
    return found


def _blank_behind(frame: bytearray, layers: Iterable[Layer]) -> None:
    """What a frame carries behind its packet is nobody's business: padding may be anything that was in memory."""
    for layer in layers:
        if layer.level == 0 and layer.kind in ("ip4", "ip6"):
            if layer.end < len(frame):
                frame[layer.end :] = bytes(len(frame) - layer.end)
            return
