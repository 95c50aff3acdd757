"""The reused buffer between a raw source and the records in it."""

import struct

from gpinspect.capture.journal import Journal
from gpinspect.capture.raw import BrokenInputError, Raw
from gpinspect.capture.records import doubt
from gpinspect.capture.window import SLACK, RecordLayout, Window

NOTHING = RecordLayout(struct.Struct("<0s0s0sIIII"), 16, b"", b"", False, 1_000_000_000, 1, 0, 0)


class Intake:
    """Keeps what has not been taken yet at hand, and reads more behind it.

    Args:
        raw: Where bytes come from; closed by `close`.
        size: Bytes that the buffer holds at first. It grows only for a single record that needs it.
        base: Capture position of the first byte that `raw` gives.

    `window` is the one view of the buffer, handed out again and again.
    """

    def __init__(self, raw: Raw, size: int, base: int = 0) -> None:
        self.raw = raw
        self.window = Window(bytearray(size + SLACK), 0, 0, base, NOTHING)
        self.failure: BrokenInputError | None = None
        self._ended = False

    @property
    def position(self) -> int:
        """Capture position of the next byte to be taken."""
        return self.window.base + self.window.start

    def want(self, count: int) -> bool:
        """See to it that `count` bytes stand at `window.start`; False where the input ends before.

        Bytes move (and so do `window.start`, `window.base` and perhaps `window.buffer`) only when there are too few.
        """
        window = self.window
        rest = window.end - window.start
        if rest >= count:
            return True
        if self._ended:
            return False
        self._make_room(rest, count)
        capacity = len(window.buffer) - SLACK
        with memoryview(window.buffer) as view:
            while window.end < count:
                try:
                    got = self.raw.readinto(view[window.end : capacity])
                except BrokenInputError as broken:
                    self._fail(broken)
                    return False
                except OSError as error:
                    self._fail(BrokenInputError(f"reading failed: {error.strerror or error}"))
                    return False
                if not got:
                    self._ended = True
                    return False
                window.end += got
        return True

    def finish(self, journal: Journal) -> None:
        """Write down how the input ended, called where `want` said that there is no more."""
        if self.failure is None:
            if self.window.end > self.window.start:
                journal.cut(self.position)
        elif self.failure.cut:
            journal.cut(self.position)
        else:
            journal.damage(self.position, self.failure.problem)

    def close(self) -> None:
        self._ended = True
        self.raw.close()

    def _make_room(self, rest: int, count: int) -> None:
        """Move what is left to the front of a buffer that can hold `count` bytes."""
        window = self.window
        old = window.buffer
        if count > len(old) - SLACK:
            window.buffer = bytearray(count + SLACK)
        if rest and (window.start or window.buffer is not old):
            window.buffer[:rest] = old[window.start : window.end]
        window.base += window.start
        window.start, window.end = 0, rest

    def _fail(self, broken: BrokenInputError) -> None:
        self._ended = True
        self.failure = broken


def whole_record(intake: Intake, journal: Journal) -> bool:
    """See to it that a whole, believed record of `window.layout` stands at `window.start`.

    Returns:
        False where there is none: the reason is in the journal, and reading this input is over.
    """
    window = intake.window
    layout = window.layout
    if not intake.want(layout.length):
        intake.finish(journal)
        return False
    _, size, _, high, low, captured, original = layout.head.unpack_from(window.buffer, window.start)
    if not layout.sized:
        size = 0
    problem = doubt(layout, size, high, low, captured, original)
    if problem:
        journal.damage(intake.position, problem)
        return False
    if not intake.want(size or layout.length + captured):
        intake.finish(journal)
        return False
    return True
