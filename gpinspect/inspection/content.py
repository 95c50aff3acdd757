"""Payload kept in a temporary file, so that it can be hashed or written out in another order than it came."""

import os
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from gpinspect.engine.content import BODY
from gpinspect.errors import SourceError

PIECE = 1 << 15
"""Bytes of one exchange that are gathered before they are written."""
CHUNK = 1 << 20


class Piece(NamedTuple):
    """`length` bytes at `position` in the content of `package` (BODY: in the body) stand at `at` in the file."""

    package: int
    position: int
    at: int
    length: int


class _Kept:
    __slots__ = ("_columns", "gathered", "package", "position")

    def __init__(self) -> None:
        self._columns = (array("q"), array("Q"), array("Q"), array("I"))
        self.package = BODY
        self.position = 0  # where `gathered` begins
        self.gathered = bytearray()

    def add(self, package: int, position: int, at: int, length: int) -> None:
        packages, positions, places, lengths = self._columns
        follows = packages and packages[-1] == package and (positions[-1] + lengths[-1], places[-1] + lengths[-1]) == (position, at)
        if follows and lengths[-1] + length < 1 << 31:
            lengths[-1] += length
            return
        for column, value in zip(self._columns, (package, position, at, length), strict=True):
            column.append(value)

    def of_package(self, package: int) -> Iterator[Piece]:
        packages, positions, places, lengths = self._columns
        index = bisect_left(packages, package)
        while index < len(packages) and packages[index] == package:
            yield Piece(package, positions[index], places[index], lengths[index])
            index += 1

    def __iter__(self) -> Iterator[Piece]:
        return map(Piece._make, zip(*self._columns, strict=True))


class SpooledContent:
    """A `ContentStore` in an unlinked temporary file (in $TMPDIR); memory grows with the number of pieces only."""

    def __init__(self) -> None:
        try:
            self._file = tempfile.TemporaryFile(prefix="gpinspect-", buffering=0)  # noqa: SIM115 - closed in close
        except OSError as error:
            raise SourceError(f"no temporary file for payload in {tempfile.gettempdir()}: {error.strerror}; set TMPDIR") from error
        self._size = 0
        self._kept: dict[int, _Kept] = {}

    def store(self, exchange: int, package: int, position: int, data: bytes) -> None:
        kept = self._kept.get(exchange)
        if kept is None:
            kept = self._kept[exchange] = _Kept()
        follows = kept.package == package and kept.position + len(kept.gathered) == position
        if not follows:
            self._flush(kept)
            kept.package, kept.position = package, position
        kept.gathered += data
        if len(kept.gathered) >= PIECE:
            self._flush(kept)

    def _flush(self, kept: _Kept) -> None:
        if not kept.gathered:
            return
        try:
            written = 0
            while written < len(kept.gathered):
                written += os.pwrite(self._file.fileno(), kept.gathered[written:], self._size + written)
        except OSError as error:
            room = f"{self._size:,} bytes of payload are already there"
            raise SourceError(f"cannot keep payload in {tempfile.gettempdir()}: {error.strerror}; {room}; set TMPDIR") from error
        kept.add(kept.package, kept.position, self._size, len(kept.gathered))
        self._size += len(kept.gathered)
        kept.position += len(kept.gathered)
        kept.gathered = bytearray()

    def pieces(self, exchange: int) -> Iterator[Piece]:
        """What was kept of one exchange, in the order it came."""
        kept = self._kept.get(exchange)
        if kept is None:
            return iter(())
        self._flush(kept)
        return iter(kept)

    def read(self, piece: Piece) -> Iterator[bytes]:
        """The bytes of a piece, at most a MiB at a time."""
        at, end = piece.at, piece.at + piece.length
        while at < end:
            data = os.pread(self._file.fileno(), min(end - at, CHUNK), at)
            if not data:
                return
            at += len(data)
            yield data

    def part(self, exchange: int, package: int, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end) of the content of one package, as far as they were kept."""
        kept = self._kept.get(exchange)
        if kept is None:
            return
        self._flush(kept)
        for piece in kept.of_package(package):
            low, high = max(start, piece.position), min(end, piece.position + piece.length)
            if low < high:
                yield from self.read(Piece(package, low, piece.at + low - piece.position, high - low))

    def close(self) -> None:
        self._file.close()
