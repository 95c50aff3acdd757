"""The classic capture file: one header, then records; microseconds or nanoseconds, either byte order.

Variants with another record header are told apart and refused, since their records would be read as nonsense.
"""

import struct
from collections.abc import Callable, Iterator

from gpinspect.capture.intake import Intake, whole_record
from gpinspect.capture.journal import POSITION_MASK, Journal
from gpinspect.capture.window import RecordLayout, Window
from gpinspect.errors import CaptureError

HEADER = 24
SECOND_NS = 1_000_000_000
VERSION = (2, 4)
LINK_MASK = 0xFFFF
"""Of the last header field; the bits above say how many bytes of frame check sequence follow, or are reserved."""

MAGICS = {
    bytes.fromhex("a1b2c3d4"): (">", 1000),
    bytes.fromhex("d4c3b2a1"): ("<", 1000),
    bytes.fromhex("a1b23c4d"): (">", 1),
    bytes.fromhex("4d3cb2a1"): ("<", 1),
}
"""Byte order, and nanoseconds in the smaller unit of a record's time."""


def read_header(intake: Intake, source: str) -> RecordLayout:
    """Take the file header.

    Raises:
        CaptureError: It is cut, or of a version that is read differently.
    """
    window = intake.window
    if not intake.want(HEADER):
        have = window.end - window.start
        raise CaptureError(source, f"cut inside the pcap file header: {have} of {HEADER} bytes. Record or copy it again")
    order, low_ns = MAGICS[bytes(window.buffer[window.start : window.start + 4])]
    head = struct.Struct(f"{order}HHiIII")
    major, minor, _, _, _, network = head.unpack_from(window.buffer, window.start + 4)
    if (major, minor) != VERSION:
        wanted = "{}.{}".format(*VERSION)
        raise CaptureError(
            source,
            f"pcap version {major}.{minor} is not read here, wanted {wanted}. Try --via tshark",
            (intake.position & POSITION_MASK) + 4,
        )
    window.start += HEADER
    return RecordLayout(
        head=struct.Struct(f"{order}0s0s0sIIII"),
        length=16,
        kind=b"",
        interface=b"",
        sized=False,
        high_ns=SECOND_NS,
        low_ns=low_ns,
        base_ns=0,
        link=network & LINK_MASK,
    )


def read_records(
    intake: Intake, journal: Journal, layout: RecordLayout, note: Callable[[int, RecordLayout], None] | None = None
) -> Iterator[Window]:
    """Hand out windows of records until the input ends or is damaged.

    At each window a whole record stands at `window.start`. A consumer that takes nothing of it ends the reading. `note` is told
    from which capture position on the layout holds.
    """
    window = intake.window
    window.layout = layout
    if note is not None:
        note(intake.position, layout)
    while whole_record(intake, journal):
        before = intake.position
        journal.frames = True
        yield window
        if intake.position == before:
            journal.damage(before, "a record that is no frame")
            return
