"""The block-structured capture file: sections, interfaces, and frames in three kinds of block.

Runs of frames of one interface are handed out as they stand. Frames that no layout expresses are rewritten (`transcode`).
What a block says wrongly ends the reading of its file with a word in the journal; nothing is raised once the header was good.
Source: draft-ietf-opsawg-pcapng.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from gpinspect.capture import blocks
from gpinspect.capture.blocks import Interface
from gpinspect.capture.intake import Intake, whole_record
from gpinspect.capture.journal import POSITION_MASK, Journal
from gpinspect.capture.records import LARGEST_BLOCK, LATEST_NS, doubt_frame
from gpinspect.capture.transcode import Transcoder
from gpinspect.capture.window import RecordLayout, Window
from gpinspect.errors import CaptureError

MAGIC = blocks.SECTION
HEADER = 24
SMALLEST = 12
MAJOR = 1
MOST_INTERFACES = 4096
ORDER_NAMES: dict[str, Literal["little", "big"]] = {"<": "little", ">": "big"}


class State(NamedTuple):
    """What blocks in front of a position decide about the frames behind it. Only the first `known` interfaces hold."""

    order: str
    interfaces: list[Interface]
    known: int
    last_ns: int


START = State("<", [], 0, 0)
Note = Callable[[int, State], None]


class FrameKind(NamedTuple):
    """A block of one frame that a layout can express."""

    number: int
    fields: str  # format of its head as `RecordLayout.head` wants it
    numbers: str  # the same as interface, high, low, captured, original
    name_length: int  # bytes that name the interface
    length: int = 28


ENHANCED = FrameKind(blocks.ENHANCED_FRAME, "4sI4sIIII", "8xIIIII", 4)
OBSOLETE = FrameKind(blocks.OBSOLETE_FRAME, "4sI2s2xIIII", "8xH2xIIII", 2)
FRAME_KINDS = {kind.number: kind for kind in (ENHANCED, OBSOLETE)}


def check_header(intake: Intake, source: str) -> None:
    """Look at the first section header without taking it.

    Raises:
        CaptureError: It is cut, or not of a version that is known.
    """
    window = intake.window
    if not intake.want(HEADER):
        have = window.end - window.start
        raise CaptureError(source, f"cut inside the pcapng file header: {have} of {HEADER} bytes. Record or copy it again")
    problem = _doubt_section(bytes(window.buffer[window.start : window.start + HEADER]))
    if problem:
        raise CaptureError(source, f"{problem}. Try --via tshark", (intake.position & POSITION_MASK) + 8)


def _doubt_section(head: bytes) -> str:
    order = blocks.ORDERS.get(head[8:12])
    if order is None:
        return f"a pcapng section with the byte-order mark {head[8:12].hex()}, wanted 1a2b3c4d"
    major = struct.unpack_from(f"{order}H", head, 12)[0]
    return "" if major == MAJOR else f"pcapng version {major} is not read here, wanted {MAJOR}"


def read_blocks(intake: Intake, journal: Journal, state: State = START, note: Note | None = None) -> Iterator[Window]:
    """Hand out windows of frames until the input ends or is damaged.

    At each window a whole record stands at `window.start`. A consumer that takes nothing of it ends the reading.

    Args:
        state: What is known in front of the first byte that `intake` gives.
        note: Is told where this changes.
    """
    reader = _Reader(intake, journal, state, note)
    try:
        yield from reader.windows()
    finally:
        reader.end_section()


class _Reader:
    def __init__(self, intake: Intake, journal: Journal, state: State, note: Note | None) -> None:
        self._intake = intake
        self._journal = journal
        self._note = note
        self._order = state.order
        self._interfaces = state.interfaces[: state.known]
        self._last_ns = state.last_ns
        self._layouts: dict[tuple[int, int], RecordLayout | None] = {}
        self._dropped: dict[int, int] = {}
        self._changed = True
        self._marked_ns = state.last_ns
        self._transcoder = Transcoder()
        self._content_readers: dict[int, Callable[[bytes], str]] = {
            blocks.INTERFACE: self._learn_interface,
            blocks.STATISTICS: self._learn_dropped,
            blocks.SECRETS: self._keep_secret,
        }

    def windows(self) -> Iterator[Window]:
        intake, window = self._intake, self._intake.window
        while intake.want(SMALLEST):
            head = bytes(window.buffer[window.start : window.start + SMALLEST])
            if head.startswith(blocks.SECTION):
                if not self._section():
                    return
                continue
            number = struct.unpack_from(f"{self._order}I", head)[0]
            kind = FRAME_KINDS.get(number)
            if kind is not None:
                offered = self._framed(kind, head)
            elif number == blocks.SIMPLE_FRAME:
                offered = self._simple()
            elif self._other(number):
                continue
            else:
                return
            if offered is None:
                return
            before, at = intake.position, offered.start
            self._journal.frames = True
            yield offered
            if offered is not window:
                if offered.start == at:
                    self._journal.damage(before, "a record that is no frame")
                    return
                window.start += self._length()
            elif intake.position == before:
                self._journal.damage(before, "a record that is no frame")
                return
            else:
                self._remember_time(at)
        intake.finish(self._journal)

    def end_section(self) -> None:
        """Interfaces are counted anew after this; what they dropped so far is summed up."""
        self._journal.dropped += sum(self._dropped.values())
        self._dropped = {}

    # blocks of frames

    def _framed(self, kind: FrameKind, head: bytes) -> Window | None:
        """Get the next run of enhanced or obsolete frame blocks ready; None ends the reading."""
        window = self._intake.window
        number = int.from_bytes(head[8 : 8 + kind.name_length], ORDER_NAMES[self._order])
        if number >= len(self._interfaces):
            self._damaged(f"a frame of interface {number:,}, of which there are {len(self._interfaces):,}")
            return None
        layout = self._layout(kind, number)
        if layout is None:
            return self._rewritten(kind, self._interfaces[number])
        window.layout = layout
        if not whole_record(self._intake, self._journal):
            return None
        self._mark()
        return window

    def _rewritten(self, kind: FrameKind, interface: Interface) -> Window | None:
        """Rewrite a block whose time no layout expresses."""
        length = self._whole_block()
        if not length:
            return None
        if length < kind.length + 4:
            self._damaged(f"a block of {length:,} bytes, too short for a frame")
            return None
        window = self._intake.window
        _, high, low, captured, original = struct.unpack_from(f"{self._order}{kind.numbers}", window.buffer, window.start)
        if captured > length - kind.length - 4:
            self._damaged(f"a block of {length:,} bytes around {captured:,} captured bytes")
            return None
        return self._canonical(interface, interface.ns(high << 32 | low), kind.length, captured, original)

    def _simple(self) -> Window | None:
        """Rewrite a simple frame block: of the first interface, and without a time, so it gets the last one seen."""
        length = self._whole_block()
        if not length:
            return None
        if length < 16 or not self._interfaces:
            self._damaged("a simple frame block without room for a frame or without an interface")
            return None
        window, interface = self._intake.window, self._interfaces[0]
        original = struct.unpack_from(f"{self._order}8xI", window.buffer, window.start)[0]
        captured = min(original, interface.snap_length or original)
        if captured > length - 16:
            self._damaged(f"a block of {length:,} bytes around {captured:,} captured bytes")
            return None
        self._changed |= self._last_ns != self._marked_ns
        return self._canonical(interface, self._last_ns, 12, captured, original)

    def _canonical(self, interface: Interface, ns: int, skip: int, captured: int, original: int) -> Window | None:
        problem = doubt_frame(ns, captured, original)
        if problem:
            self._damaged(problem)
            return None
        self._mark()
        self._last_ns = ns
        window = self._intake.window
        start = window.start + skip
        with memoryview(window.buffer)[start : start + captured] as frame:
            return self._transcoder.write(self._intake.position, interface.link, ns, frame, original)

    def _layout(self, kind: FrameKind, number: int) -> RecordLayout | None:
        """Layout of one kind of block of one interface; None where whole nanoseconds do not express its clock."""
        key = (kind.number, number)
        if key not in self._layouts:
            interface, order = self._interfaces[number], self._order
            name = ORDER_NAMES[order]
            self._layouts[key] = (
                RecordLayout(
                    head=struct.Struct(order + kind.fields),
                    length=kind.length,
                    kind=kind.number.to_bytes(4, name),
                    interface=number.to_bytes(kind.name_length, name),
                    sized=True,
                    high_ns=interface.tick_ns << 32,
                    low_ns=interface.tick_ns,
                    base_ns=interface.base_ns,
                    link=interface.link,
                )
                if interface.divisor == 1
                else None
            )
        return self._layouts[key]

    def _remember_time(self, since: int) -> None:
        """Find the time of the last record that was taken, by the length at its end; a simple frame may want it."""
        window = self._intake.window
        layout = window.layout
        last = window.start - struct.unpack_from(f"{self._order}I", window.buffer, window.start - 4)[0]
        if not since <= last < window.start:
            return
        kind, _, _, high, low, _, _ = layout.head.unpack_from(window.buffer, last)
        ns = high * layout.high_ns + low * layout.low_ns + layout.base_ns
        if kind == layout.kind and 0 <= ns <= LATEST_NS:
            self._last_ns = ns

    # other blocks

    def _other(self, number: int) -> bool:
        """Read or skip a block that is no frame; False ends the reading."""
        length = self._whole_block()
        if not length:
            return False
        window = self._intake.window
        read = self._content_readers.get(number)
        if read is not None:
            problem = read(bytes(window.buffer[window.start + 8 : window.start + length - 4]))
            if problem:
                self._damaged(problem)
                return False
        window.start += length
        return True

    def _section(self) -> bool:
        """Take a section header: the byte order and all interfaces are new from here on."""
        window = self._intake.window
        if not self._intake.want(HEADER):
            self._intake.finish(self._journal)
            return False
        head = bytes(window.buffer[window.start : window.start + HEADER])
        problem = _doubt_section(head)
        if problem:
            self._damaged(problem)
            return False
        self.end_section()
        self._order = blocks.ORDERS[head[8:12]]
        self._interfaces, self._layouts, self._changed = [], {}, True
        length = self._whole_block()
        window.start += length
        return bool(length)

    def _learn_interface(self, content: bytes) -> str:
        if len(self._interfaces) >= MOST_INTERFACES:
            return f"more than {MOST_INTERFACES:,} interfaces in one section"
        interface = blocks.interface(content, self._order)
        if interface is None:
            return f"an interface description of {len(content)} bytes, wanted 8 or more"
        self._interfaces.append(interface)
        self._changed = True
        return ""

    def _learn_dropped(self, content: bytes) -> str:
        found = blocks.dropped(content, self._order)
        if found is not None and found[0] < len(self._interfaces):
            self._dropped[found[0]] = found[1]
        return ""

    def _keep_secret(self, content: bytes) -> str:
        secret = blocks.tls_secret(content, self._order)
        if secret:
            self._journal.keep_secret(self._intake.position, secret)
        return ""

    # common

    def _length(self) -> int:
        window = self._intake.window
        return int(struct.unpack_from(f"{self._order}4xI", window.buffer, window.start)[0])

    def _whole_block(self) -> int:
        """Length of the block at `window.start` once all of it is there; 0 ends the reading."""
        length = self._length()
        problem = ""
        if length < SMALLEST or length & 3:
            problem = f"a block of {length:,} bytes; lengths are multiples of 4 from {SMALLEST} on"
        elif length > LARGEST_BLOCK:
            problem = f"a block of {length:,} bytes; at most {LARGEST_BLOCK:,} are believed"
        elif not self._intake.want(length):
            self._intake.finish(self._journal)
            return 0
        else:
            window = self._intake.window
            repeated = struct.unpack_from(f"{self._order}I", window.buffer, window.start + length - 4)[0]
            if repeated != length:
                problem = f"a block that begins with length {length:,} and ends with {repeated:,}"
        if problem:
            self._damaged(problem)
            return 0
        return length

    def _damaged(self, problem: str) -> None:
        self._journal.damage(self._intake.position, problem)

    def _mark(self) -> None:
        """Note what holds from the frame at hand on, if that is news; called when the frame is known to be good."""
        if self._note is None or not self._changed:
            return
        self._changed = False
        self._marked_ns = self._last_ns
        state = State(self._order, self._interfaces, len(self._interfaces), self._last_ns)
        self._note(self._intake.position, state)
