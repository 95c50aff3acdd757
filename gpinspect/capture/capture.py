"""Inputs as one capture: what commands and the inspection open."""

from collections.abc import Iterator, Sequence
from heapq import merge
from types import TracebackType
from typing import Self

from gpinspect.capture.inputs import NAME_A_CAPTURE, expand
from gpinspect.capture.journal import POSITION_BITS
from gpinspect.capture.merge import merged
from gpinspect.capture.records import walk
from gpinspect.capture.source import Record, Source, record_end
from gpinspect.capture.window import Window
from gpinspect.errors import CaptureError
from gpinspect.model import Notice

WINDOW_SIZE = 1 << 20
"""Bytes of the buffer of an input: it stays in the processor's cache, and is read in few calls."""

CROWD = 8
CROWD_SIZE = 1 << 18
"""Bytes of the buffer of each input when there are more than `CROWD` of them."""


class Capture:
    """One or more inputs, read once from front to back in order of time; messages can be read again.

    `secrets` (the content of TLS key log blocks) and `notices` grow while `windows` runs and are complete at its end.
    """

    def __init__(self, sources: Sequence[Source], notices: Sequence[Notice], secrets: list[bytes]) -> None:
        self.secrets = secrets
        self._sources = list(sources)
        self._notices = list(notices)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the inputs, in order; the number of one stands in the high bits of its capture positions."""
        return tuple(source.name for source in self._sources)

    @property
    def notices(self) -> list[Notice]:
        """What there is to say about the inputs as a whole, in their order."""
        return self._notices + [notice for source in self._sources for notice in source.notices]

    @property
    def bytes_read(self) -> int:
        """Bytes read so far, as they are on disk (compressed ones count compressed)."""
        return sum(source.consumed for source in self._sources)

    @property
    def bytes_total(self) -> int | None:
        """Bytes that there are to read, None where an input is a pipe."""
        total = 0
        for source in self._sources:
            size = source.total
            if size is None:
                return None
            total += size
        return total

    def windows(self) -> Iterator[Window]:
        """Hand out all frames of all inputs by time, once. Each window is good until the next one is asked for.

        The consumer takes the whole records in it that fit its layout and moves `start` behind them.

        Raises:
            CaptureError: An input is no capture, or damaged in front of its first frame.
        """
        sources = self._sources
        yield from sources[0].windows() if len(sources) == 1 else merged(sources)
        if all(source.skipped for source in sources):
            first = sources[0]
            raise CaptureError(first.directory or first.name, f"no capture can be read here. {first.name}: {first.skipped}")

    def records(self) -> Iterator[Record]:
        """What `windows` hands out, frame by frame.

        Raises:
            CaptureError: As `windows`.
        """
        for window in self.windows():
            for step in walk(window):
                captured = bytes(window.buffer[step.frame : step.frame + step.captured])
                window.start = record_end(window, step)
                yield Record(window.base + step.at, step.ns, window.layout.link, captured, step.original)

    def records_again(self) -> Iterator[Record]:
        """All frames once more, in the order of `windows`, of inputs that were opened with `again`.

        Every input is held open meanwhile: open captures anew where all of them are files.

        Raises:
            SourceError: An input could be read only once.
        """
        return merge(*(source.records_again() for source in self._sources), key=lambda record: record.ns)

    def records_at(self, position: int) -> Iterator[Record]:
        """Read frames again: the one at a capture position that `windows` gave, and those that follow it in its input.

        Raises:
            SourceError: The input could be read only once, and `again` was not asked for.
            ValueError: There is no such input.
        """
        number = position >> POSITION_BITS
        if not 0 <= number < len(self._sources):
            raise ValueError(f"capture position {position:,} is in input {number:,} of {len(self._sources):,}")
        return self._sources[number].records_at(position)

    def close(self) -> None:
        for source in self._sources:
            source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()


def open_captures(names: Sequence[str], *, again: bool = False, via_tshark: bool = False, display_filter: str = "") -> Capture:
    """Open inputs as one capture. Files are looked at; pipes are not touched before `Capture.windows`.

    Args:
        names: Files, directories (all captures in them, none deeper), globs, pipes, `-` for standard input.
        again: Keep a copy of what can not be read twice in a temporary file, so that `Capture.records_at` works.
        via_tshark: Let tshark convert files of formats that are not read here.
        display_filter: Only the frames that Wireshark shows with this filter, chosen by tshark and numbered anew; empty: all.

    Raises:
        CaptureError: A name stands for nothing, can not be read, or is no capture.
        SourceError: tshark is wanted and missing.
    """
    inputs, notices = expand(names)
    size = WINDOW_SIZE if len(inputs) <= CROWD else CROWD_SIZE
    secrets: list[bytes] = []
    sources: list[Source] = []
    for found in inputs:
        source = Source(
            len(sources), found, size=size, again=again, via_tshark=via_tshark, secrets=secrets, display_filter=display_filter
        )
        try:
            source.check()
        except CaptureError as error:
            if found.directory is None:
                raise
            source.skip(error)
            notices += source.notices
            continue
        sources.append(source)
    directories = {found.directory: None for found in inputs if found.directory is not None}
    for directory in directories:
        if not any(source.directory == directory for source in sources):
            raise CaptureError(directory, f"there is no capture in this directory. {NAME_A_CAPTURE}")
    return Capture(sources, notices, secrets)
