"""One direction of a connection: its records, its protection, its counts."""

import hashlib
from collections import deque
from functools import partial
from typing import Protocol

from gpinspect.engine.tls.classic import Classic
from gpinspect.engine.tls.handshake import MessageReader
from gpinspect.engine.tls.modern import Modern
from gpinspect.engine.tls.records import RecordStream
from gpinspect.engine.tls.report import SideReport

LONGEST_OPENING = 64
"""First bytes of a direction that are kept, to tell what was said instead of TLS."""
MOST_WAITING = 1 << 20
"""Bytes of records that are held back until the other direction has told what they mean."""
LEAST_WAITING = 1 << 16
"""The same where there is no key at all, so that nothing but facts of the handshake can be won."""


class DirectionSink(Protocol):
    def record(self, direction: "Direction", kind: int, minor: int, fragment: memoryview) -> None: ...

    def damaged(self, direction: "Direction", kind: int, minor: int, size: int, tail: bytes) -> None: ...

    def astray(self, direction: "Direction", count: int, tail: bytes) -> None: ...


class Direction:
    """State of one direction. What its record stream tells (a `RecordSink`) goes to the connection, with the direction in front."""

    def __init__(self, sink: DirectionSink, side: int, hashed: bool) -> None:
        self.side = side
        self.record = partial(sink.record, self)
        self.damaged = partial(sink.damaged, self)
        self.astray = partial(sink.astray, self)
        self.stream = RecordStream(self)
        self.messages = MessageReader()
        self.protection: Classic | Modern | None = None
        self.lossy = False  # bytes are missing, or the start was not captured
        self.started = False  # a handshake message was read in the clear
        self.blind = False  # its records cannot be told apart: the handshake was not captured
        self.closed = False
        self.impatient = False  # it waited in vain: no more waiting
        self.waiting: deque[tuple[int, int, bytes, tuple[int, ...]]] = deque()
        self.waiting_bytes = 0
        self.records = self.data_records = self.data_bytes = self.data_sealed = 0
        self.lost = self.failed = self.unread = self.unread_data = self.refused_early = 0
        self.guesses = 0
        self.delivered = False
        self.untold = False  # data was passed over before the first that was delivered
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.opening = b""
        self.alert_records = 0
        self.hash = hashlib.sha256() if hashed else None

    @property
    def sender(self) -> str:
        return "server" if self.side else "client"

    def hold(self, kind: int, minor: int, fragment: memoryview) -> None:
        """Keep a record until the other direction has come as far; the place it came from is kept with it."""
        stream = self.stream
        place = (
            stream.began_ns,
            stream.began_frame,
            stream.began_capture,
            stream.now_ns,
            stream.now_frame,
            stream.now_capture,
            stream.position,
        )
        self.waiting.append((kind, minor, bytes(fragment), place))
        self.waiting_bytes += len(fragment) + 256

    def report(self) -> SideReport:
        return SideReport(
            bytes=self.data_bytes,
            sha256=self.hash.hexdigest() if self.hash else None,
            records=self.records,
            data_records=self.data_records,
            data_bytes_sealed=self.data_sealed,
            lost_records=self.lost + self.failed,
            unread_records=self.unread,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            opening=self.opening,
            alert_records=self.alert_records,
        )
