"""A stream of rows over the files of a session, cut into blocks. Blocking; one thread at a time.

Source: fstream.c, fstream_open, fstream_read, nextFile (6.24.3).
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from gpinspect.grammar.csvopt import CsvOptions
from gpinspect.peers.server.cutting import first_cutter, last_cutter
from gpinspect.peers.server.places import RefusedError
from gpinspect.peers.server.sources import BrokenError, Source

BATCH: Final = 1 << 20
"""Bytes that one call of `take` reads at most, one block excepted."""

LONGEST_NAME: Final = 255
HEADER_TOO_LONG: Final = b"line too long in file"
GONE: Final = b"unable to open file"


class Block(NamedTuple):
    """Whole rows of one file."""

    name: bytes  # of F
    offset: int
    line: int
    rows: bytes


class Failed(NamedTuple):
    """The stream ends with an error."""

    text: bytes


Opener = Callable[[bytes], Source]


class RowStream:
    """Blocks of files, one file after the other.

    Args:
        files: Paths, and how each is called in F and in errors.
        block: Bytes of a block at most, and of a row.

    Raises:
        RefusedError: A file cannot be opened. All are tried, the first stays open.
    """

    def __init__(
        self,
        files: Sequence[tuple[bytes, bytes]],
        opener: Opener,
        csv: CsvOptions | None,
        delimiter: bytes,
        block: int,
        probe: Callable[[bytes], None] | None = None,
    ) -> None:
        self._files = files
        self._opener = opener
        self._block = block
        self._counts = csv is not None and csv.csv
        self._header = csv is not None and csv.header
        self._first = first_cutter(csv, delimiter)
        self._last = last_cutter(csv, delimiter)
        if probe is not None:
            for path, _ in reversed(files[1:]):
                probe(path)
        self._index = 0
        self._source: Source | None = opener(files[0][0])
        self.read_bytes = 0
        self.size = self._source.size
        self._begin()

    @property
    def slow(self) -> bool:
        """Whether the next block may be long in coming."""
        return self._source is not None and self._source.slow

    @property
    def ahead(self) -> bool:
        """Whether reading before somebody asks is worth its memory."""
        return self._block < BATCH and not self.slow

    def take(self) -> list[Block | Failed | None]:
        """The next blocks: one where the source is slow, else about a MiB. None or a failure is the last there is."""
        taken: list[Block | Failed | None] = []
        size = 0
        while True:
            try:
                block: Block | Failed | None = self._next()
            except BrokenError as problem:
                block = Failed(problem.text)
            taken.append(block)
            if not isinstance(block, Block):
                self.close()
                return taken
            size += len(block.rows)
            if self.slow or size >= BATCH:
                return taken

    def close(self) -> None:
        """No more is read."""
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def _begin(self) -> None:
        self._rest = b""
        self._offset = 0
        self._line = 1
        self._skip = self._header

    def _next(self) -> Block | None:
        while self._source is not None:
            if self._skip:
                self._skip_header()
            wanted = self._block - len(self._rest)
            more = self._source.fill(wanted)
            self.read_bytes += len(more)
            data = self._rest + more if self._rest else more
            name = self._files[self._index][1]
            start, line = self._offset, self._line
            if len(more) < wanted:  # the file ends here
                self._advance()
                if data:
                    return Block(name[:LONGEST_NAME], start, line, data)
                continue
            end, rows = self._last(data)
            if not end:
                raise BrokenError(b"line too long in file %s near (%d bytes)" % (name, start))
            self._rest = data[end:]
            self._offset += end
            self._line = self._line + rows if self._counts and rows is not None else 0
            return Block(name[:LONGEST_NAME], start, line, data[:end])
        return None

    def _skip_header(self) -> None:
        assert self._source is not None
        data = self._source.fill(self._block)
        self.read_bytes += len(data)
        end, _ = self._first(data)
        if not end and len(data) == self._block:
            raise BrokenError(HEADER_TOO_LONG)
        end = end or len(data)
        self._rest = data[end:]
        self._offset = end
        self._line += 1
        self._skip = False

    def _advance(self) -> None:
        """Go to the next file. When it cannot be opened, what was left of the last one is lost, as with gpfdist."""
        self.close()
        self._index += 1
        if self._index < len(self._files):
            try:
                self._source = self._opener(self._files[self._index][0])
            except RefusedError as problem:
                raise BrokenError(GONE) from problem
            self.size += self._source.size
            self._begin()
