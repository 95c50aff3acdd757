"""One input from its first byte to its last: opened, unpacked, recognised, read, and read again."""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from gpinspect.capture import pcap, pcapng
from gpinspect.capture.compressed import decompressed
from gpinspect.capture.inputs import STDIN, Input
from gpinspect.capture.intake import Intake
from gpinspect.capture.journal import POSITION_BITS, Journal
from gpinspect.capture.marks import Marks
from gpinspect.capture.raw import BrokenInputError, Descriptor, Raw, Stretch
from gpinspect.capture.recognise import SAMPLE, recognise
from gpinspect.capture.records import Step, time_at, walk
from gpinspect.capture.spool import Spooling
from gpinspect.capture.window import RecordLayout, Window
from gpinspect.errors import CaptureError, SourceError
from gpinspect.model import Notice

MAGIC = 4
AGAIN_SIZE = 1 << 16
"""Bytes of buffer for reading a few records again."""

EMPTY = "this file is empty (0 bytes): the recorder wrote nothing. Record again, and end tcpdump with Ctrl-C, not with kill -9"


class Record(NamedTuple):
    """One frame that was read again. `original`: bytes that it had on the wire; `link`: LINKTYPE_* number."""

    position: int
    ns: int
    link: int
    captured: bytes
    original: int


class Source:
    """One input of a capture.

    Args:
        number: Its place among the inputs, from 0.
        size: Bytes of its buffer.
        again: Keep a copy of what can not be read twice.
        display_filter: tshark chooses frames with it; empty: all are read, and without tshark.
        secrets: Where TLS secrets that it carries are put.
    """

    def __init__(
        self,
        number: int,
        found: Input,
        *,
        size: int,
        again: bool,
        via_tshark: bool,
        secrets: list[bytes],
        display_filter: str = "",
    ) -> None:
        self.name = found.name
        self.directory = found.directory
        self.base = number << POSITION_BITS
        self.notices: list[Notice] = []
        self.skipped = ""  # why nothing of it is read
        self.size = size
        self._secrets = secrets
        self._pipe = found.pipe
        self._again = again
        self._via_tshark = via_tshark
        self._filter = display_filter
        self._tool = ""  # path of tshark where it has to convert
        self._packed = False
        self._marks: Marks[RecordLayout | pcapng.State] = Marks()
        self._raw: Raw | None = None
        self._consumed = 0
        self._spool: Spooling | None = None
        self._fd = -1

    @property
    def seekable(self) -> bool:
        """Its bytes can be read again in place."""
        return not (self._pipe or self._tool)

    @property
    def consumed(self) -> int:
        """Bytes read so far, as they are on disk."""
        return self._consumed if self._raw is None else self._raw.consumed

    @property
    def total(self) -> int | None:
        """Bytes there are to read, None where nobody knows."""
        if not self.seekable:
            return None
        try:
            return os.stat(self.name).st_size  # noqa: PTH116
        except OSError:
            return None

    def check(self) -> None:
        """Look whether a file is a capture at all; a pipe is not touched.

        Raises:
            CaptureError: It is not, or can not be read. SourceError: it needs tshark, and there is none.
        """
        if self._pipe:
            if self._filter:
                raise CaptureError(self.name, "a display filter is for files: tshark applies it. Save this to a file first")
            return
        if self._filter:
            from gpinspect.capture.tshark import tshark_path

            os.close(self._open_file())  # what cannot be opened is said in our words
            self._tool = tshark_path()
        intake = self._intake(SAMPLE)
        try:
            self._recognise(intake)
        finally:
            intake.close()

    def first_ns(self) -> int | None:
        """Time of the first frame, None without one. Reads a little of a seekable source and closes it again.

        Raises:
            CaptureError: It is damaged in front of its first frame.
        """
        intake = self._intake(SAMPLE)
        try:
            journal = Journal(self.name)
            for window in self._frames(intake, journal, None):
                return time_at(window)
            journal.finish()
            return None
        finally:
            intake.close()

    def windows(self) -> Iterator[Window]:
        """Hand out its frames, once.

        Raises:
            CaptureError: It is no capture, or damaged in front of its first frame; when it was not named by the user but
                found in a directory it is skipped with a notice instead.
        """
        try:
            yield from self._windows()
        except CaptureError as error:
            if self.directory is None:
                raise
            self.skip(error)

    def skip(self, error: CaptureError) -> None:
        """Leave this input out, and say so."""
        self.skipped = error.problem
        self.notices = [Notice("GPI007", self.name, {"problem": error.problem})]

    def _windows(self) -> Iterator[Window]:
        journal = Journal(self.name, self._secrets)
        intake = self._intake(self.size, spool=self._again)
        self._raw = intake.raw
        try:
            yield from self._frames(intake, journal, self._marks.add)
            self._consumed = intake.raw.consumed
        finally:
            self._raw = None
            intake.close()
        self.notices.extend(journal.finish())

    def records_at(self, position: int) -> Iterator[Record]:
        """Read again from a capture position on, which has to be that of a record that was handed out.

        Raises:
            SourceError: It could be read only once.
        """
        start = self._marks.start_for(position)
        if start is None:
            return
        begin, state = start
        intake = Intake(Stretch(self._again_fd(), begin - self.base), AGAIN_SIZE, begin)
        journal = Journal(self.name)
        if isinstance(state, pcapng.State):
            frames = pcapng.read_blocks(intake, journal, state)
        else:
            frames = pcap.read_records(intake, journal, state)
        for window in frames:
            for step in walk(window):
                at = window.base + step.at
                if at >= position:
                    captured = bytes(window.buffer[step.frame : step.frame + step.captured])
                    yield Record(at, step.ns, window.layout.link, captured, step.original)
                window.start = record_end(window, step)

    def records_again(self) -> Iterator[Record]:
        """Read all records again that were handed out.

        Raises:
            SourceError: It could be read only once.
        """
        first = self._marks.first
        return iter(()) if first is None else self.records_at(first)

    def close(self) -> None:
        """Let go of files, copies and child processes."""
        if self._raw is not None:
            self._consumed = self._raw.consumed
            self._raw.close()
            self._raw = None
        if self._spool is not None:
            self._spool.drop()
            self._spool = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # opening

    def _intake(self, size: int, *, spool: bool = False) -> Intake:
        """Open the input and unpack it; nothing is known yet of what is inside."""
        raw = self._open()
        try:
            plain, compression = decompressed(raw)
        except (BrokenInputError, OSError) as error:
            raw.close()
            words = error.problem if isinstance(error, BrokenInputError) else error.strerror
            raise CaptureError(self.name, f"this can not be read: {words}") from error
        self._packed = compression is not None
        if spool and (self._packed or not self.seekable):
            try:
                plain = self._spool = Spooling(plain)
            except SourceError:
                raw.close()
                raise
        return Intake(plain, size, self.base)

    def _open(self) -> Raw:
        if self._tool:
            from gpinspect.capture.tshark import Converted

            return Converted(self.name, self._tool, self._filter)
        if self.name == STDIN:
            if os.isatty(0):
                raise CaptureError(STDIN, "standard input is a terminal; pipe a capture into it: tcpdump -w - | gpinspect …")
            return Descriptor(0, owned=False)
        return Descriptor(self._open_file())

    def _open_file(self) -> int:
        try:
            return os.open(self.name, os.O_RDONLY | os.O_CLOEXEC)
        except PermissionError as error:
            raise CaptureError(self.name, "you may not read this file. Ask its owner, or read it with sudo") from error
        except OSError as error:
            raise CaptureError(self.name, f"this can not be opened: {error.strerror}") from error

    def _again_fd(self) -> int:
        if self._spool is not None:
            return self._spool.fd
        if self._packed or not self.seekable:
            raise SourceError(
                f"{self.name}: pipes and packed files can be read only once unless a copy is kept; "
                "unpack it to a file first, or open it with again=True"
            )
        if self._fd < 0:
            self._fd = self._open_file()
        return self._fd

    # recognising

    def _frames(
        self, intake: Intake, journal: Journal, note: Callable[[int, RecordLayout | pcapng.State], None] | None
    ) -> Iterator[Window]:
        """Take the file header, and give the reader of what follows."""
        magic = self._recognise(intake)
        if magic is None:  # tshark has to convert it
            raise CaptureError(self.name, "only tshark reads this, and only from a file. Save it to a file first")
        if magic in pcap.MAGICS:
            layout = pcap.read_header(intake, self.name)
            return pcap.read_records(intake, journal, layout, note)
        pcapng.check_header(intake, self.name)
        return pcapng.read_blocks(intake, journal, note=note)

    def _recognise(self, intake: Intake) -> bytes | None:
        """The magic number of a capture that is read here; None where tshark was asked to convert it and is there.

        Raises:
            CaptureError: It is neither.
        """
        window = intake.window
        if intake.want(MAGIC):
            magic = bytes(window.buffer[window.start : window.start + MAGIC])
            if magic in pcap.MAGICS or magic == pcapng.MAGIC:
                return magic
        intake.want(MAGIC + 1)  # more of it says better what it is
        sample = bytes(window.buffer[window.start : min(window.end, window.start + SAMPLE)])
        if intake.failure is not None and len(sample) < MAGIC:
            raise CaptureError(self.name, f"this can not be read: {intake.failure.problem}", 0)
        if not sample:
            raise CaptureError(self.name, "there is nothing inside the packed data" if self._packed else EMPTY)
        looks = recognise(sample)
        if self._via_tshark and not self._tool and (looks.tshark or self.directory is None):
            if not self._pipe:
                from gpinspect.capture.tshark import tshark_path

                self._tool = tshark_path()
            return None
        raise CaptureError(self.name, looks.problem(self._packed))


def record_end(window: Window, step: Step) -> int:
    """Where in the buffer the record behind one starts."""
    if not window.layout.sized:
        return step.frame + step.captured
    return step.at + int(window.layout.head.unpack_from(window.buffer, step.at)[1])
