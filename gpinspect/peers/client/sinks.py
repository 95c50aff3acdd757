"""Where rows go: to a stream as they come, to a file in the order of the source, or to one place a segment.

Rows of different segments never mix within a D, whatever the order in which its pieces come.
"""

import tempfile
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, Protocol

from gpinspect.errors import SourceError
from gpinspect.peers.client.events import Rows
from gpinspect.peers.client.ledger import SourceFile

IN_MEMORY: Final = 8 << 20
"""Bytes of a D that wait in memory for its end; more wait in a file."""

COPIED: Final = 1 << 20

Write = Callable[[bytes], object]


class Sink(Protocol):
    """Takes the rows of all segments."""

    def take(self, gp_segment: int, server: str, rows: Rows) -> None:
        """A piece of rows of a segment, read from `server` (host:port)."""

    def finish(self) -> None:
        """No more rows come."""


class Nowhere:
    """Rows are counted and forgotten."""

    def take(self, gp_segment: int, server: str, rows: Rows) -> None:
        pass

    def finish(self) -> None:
        pass


class StreamSink:
    """Writes each D at once when its last byte is there; bodies of protocol 0 when they end.

    Args:
        alone: Only one segment reads, so nothing has to wait.
    """

    def __init__(self, write: Write, *, alone: bool = False) -> None:
        self._write = write
        self._alone = alone
        self._open: dict[int, tempfile.SpooledTemporaryFile[bytes]] = {}

    def take(self, gp_segment: int, server: str, rows: Rows) -> None:
        held = self._open.get(gp_segment)
        if held is None:
            if rows.last or self._alone:
                self._write(rows.data)
                return
            held = self._open[gp_segment] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by _flush
        _spool(held, rows.data)
        if rows.last:
            self._flush(gp_segment)

    def finish(self) -> None:
        """What waits for a D that was cut is written as far as it came."""
        for gp_segment in list(self._open):
            self._flush(gp_segment)

    def _flush(self, gp_segment: int) -> None:
        held = self._open.pop(gp_segment)
        held.seek(0)
        while data := held.read(COPIED):
            self._write(data)
        held.close()


class SegmentSink:
    """One stream a segment, in the order in which its rows came."""

    def __init__(self, write: Callable[[int, bytes], object]) -> None:
        self._write = write

    def take(self, gp_segment: int, server: str, rows: Rows) -> None:
        self._write(gp_segment, rows.data)

    def finish(self) -> None:
        pass


class Memory:
    """Keeps everything: `content` has the rows by source file and offset, or as they came where no offset was told."""

    def __init__(self) -> None:
        self._merged = MergedSink(None)
        self.content = b""

    def take(self, gp_segment: int, server: str, rows: Rows) -> None:
        self._merged.take(gp_segment, server, rows)

    def finish(self) -> None:
        self.content = b"".join(data for _, data in self._merged.contents())
        self._merged.close()


class MergedSink:
    """Each source file by offset, whatever segment got which part; a header row that was not sent leaves nothing behind.

    Rows without an offset stand behind one another, segment after segment.

    Args:
        folder: Where the temporary file is; None: the system's place.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._files: dict[SourceFile, tuple[BinaryIO, list[tuple[int, int]]]] = {}
        self._next: dict[SourceFile, tuple[int, int]] = {}  # where the last piece of a file ended: in the source, in ours
        self._loose: dict[int, BinaryIO] = {}

    def take(self, gp_segment: int, server: str, rows: Rows) -> None:
        try:
            if rows.offset is None:
                self._loose_of(gp_segment).write(rows.data)
                return
            key = (server, rows.file or b"")
            file, stretches = self._file_of(key)
            start = file.tell()
            file.write(rows.data)
        except OSError as problem:
            raise _full(problem) from problem
        if self._next.get(key) != (rows.offset, start):
            stretches.append((rows.offset, start))
        self._next[key] = rows.offset + len(rows.data), start + len(rows.data)

    def _file_of(self, key: SourceFile) -> tuple[BinaryIO, list[tuple[int, int]]]:
        found = self._files.get(key)
        if found is None:
            found = self._files[key] = (self._temporary(), [])
        return found

    def _loose_of(self, gp_segment: int) -> BinaryIO:
        if gp_segment not in self._loose:
            self._loose[gp_segment] = self._temporary()
        return self._loose[gp_segment]

    def _temporary(self) -> BinaryIO:
        return tempfile.TemporaryFile(dir=self._folder, buffering=COPIED)  # type: ignore[return-value]

    def finish(self) -> None:
        pass

    def contents(self) -> Iterator[tuple[SourceFile | None, bytes]]:
        """Pieces of the files, in the order of server and name, each file by offset; None: rows of which no file is known."""
        try:
            for key in sorted(self._files):
                file, stretches = self._files[key]
                file.flush()
                size = file.tell()
                ends = [start for _, start in stretches[1:]] + [size]
                for (_, start), end in sorted(zip(stretches, ends, strict=True)):
                    yield from ((key, piece) for piece in _pieces(file, start, end))
                file.seek(size)
            for gp_segment in sorted(self._loose):
                file = self._loose[gp_segment]
                size = file.tell()
                yield from ((None, piece) for piece in _pieces(file, 0, size))
        except OSError as problem:
            raise _full(problem) from problem

    def close(self) -> None:
        for file, _ in self._files.values():
            file.close()
        for file in self._loose.values():
            file.close()


def _pieces(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    file.seek(start)
    while start < end:
        data = file.read(min(COPIED, end - start))
        start += len(data)
        yield data


def _spool(held: "tempfile.SpooledTemporaryFile[bytes]", data: bytes) -> None:
    try:
        held.write(data)
    except OSError as problem:
        raise _full(problem) from problem


def _full(problem: OSError) -> SourceError:
    return SourceError(f"temporary file: {problem.strerror}; rows that wait for others need room, TMPDIR names another place")
