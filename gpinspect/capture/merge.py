"""Several sources as one capture, by time.

Nothing is copied: a source's window is handed out up to where the next source's time is passed. Sources whose times do not
overlap are open one after the other, however many there are. Frames that are out of order inside one source stay in its order.
"""

from collections.abc import Generator, Iterator
from heapq import heapify, heappop, heappush

from gpinspect.capture.records import hop, time_at
from gpinspect.capture.source import Source
from gpinspect.capture.window import Window
from gpinspect.errors import CaptureError


class _Lane:
    """A source and where it has come to."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.frames: Iterator[Window] | None = None
        self.window: Window | None = None

    def first_ns(self) -> int | None:
        """Time of its first frame. Opens for good only what could not be opened twice, and what has no frames."""
        if self.source.seekable:
            try:
                ns = self.source.first_ns()
            except CaptureError as error:
                if self.source.directory is None:
                    raise
                self.source.skip(error)
                return None
            if ns is not None:
                return ns
        self.advance()
        return None if self.window is None else time_at(self.window)

    def advance(self) -> None:
        """Let the source look at what stands in front, and get its next window."""
        if self.frames is None:
            self.frames = self.source.windows()
        self.window = next(self.frames, None)


def merged(sources: list[Source]) -> Iterator[Window]:
    """Hand out the frames of all sources by time, those of an earlier source first where times are the same.

    A window is a stretch of a source's own: consumers take all of it, as they do of any window.
    """
    lanes = [_Lane(source) for source in sources]
    waiting: list[tuple[int, int]] = []
    for number, lane in enumerate(lanes):
        ns = lane.first_ns()
        if ns is not None:
            waiting.append((ns, number))
    heapify(waiting)
    while waiting:
        _, number = heappop(waiting)
        lane = lanes[number]
        if lane.window is None:
            lane.advance()
        if not waiting:
            yield from _alone(lane)
            return
        other_ns, other = waiting[0]
        ns = yield from _until(lane, other_ns if number < other else other_ns - 1)
        if ns is not None:
            heappush(waiting, (ns, number))


def _alone(lane: _Lane) -> Iterator[Window]:
    """All that is left of the last source."""
    while lane.window is not None:
        yield lane.window
        lane.advance()


def _until(lane: _Lane, until_ns: int) -> Generator[Window, None, int | None]:
    """Hand out the frames of a source up to and including a time; gives the time of the one behind, None at its end."""
    while (window := lane.window) is not None:
        cut, ns = hop(window, until_ns)
        if cut > window.start:
            end, window.end = window.end, cut
            yield window
            window.end = end
        if window.start == cut and ns is not None:
            return ns
        lane.advance()
    return None
