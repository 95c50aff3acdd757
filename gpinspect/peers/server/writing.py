"""The target of a write session: whole rows are appended, what follows the last row end of a body is dropped. Blocking.

Source: gpfdist.c, handle_post_request; fstream.c, fstream_write (6.24.3).
"""

import os
import select
import time
import zlib
from collections.abc import Callable
from typing import IO, Final, Protocol

from gpinspect.peers.server.places import SEVERAL, Place, RefusedError
from gpinspect.peers.server.sources import PATIENCE_MS, UNSUPPORTED, StoppedError, ending
from gpinspect.peers.server.transforms import Program, Transform

INCOMPLETE: Final = "no complete data row found for writing"
FULL: Final = "cannot write into file"


class Target(Protocol):
    """Where rows go."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class _Descriptor:
    """A file or pipe; a slow pipe is waited for without blocking in the system."""

    def __init__(self, descriptor: int, stopped: Callable[[], bool]) -> None:
        self._descriptor = descriptor
        self._stopped = stopped

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll(PATIENCE_MS)
                if self._stopped():
                    raise StoppedError from None

    def close(self) -> None:
        os.close(self._descriptor)


class _Packed:
    """A compression put on."""

    def __init__(self, target: Target, compress: Callable[[bytes], bytes], flush: Callable[[], bytes]) -> None:
        self._target = target
        self._compress = compress
        self._flush = flush

    def write(self, data: bytes) -> None:
        self._target.write(self._compress(data))

    def close(self) -> None:
        try:
            self._target.write(self._flush())
        finally:
            self._target.close()


class _ProgramTarget:
    def __init__(self, transform: Transform, path: bytes, stderr: IO[bytes] | None, stopped: Callable[[], bool]) -> None:
        self._program = Program(transform, path, stderr)
        descriptor = os.dup(self._program.stream.fileno())
        self._program.stream.close()
        os.set_blocking(descriptor, False)
        self._out = _Descriptor(descriptor, stopped)
        self._stopped = stopped

    def write(self, data: bytes) -> None:
        self._out.write(data)

    def close(self) -> None:
        self._out.close()
        status = self._program.end(kill=self._stopped())
        if status:
            raise OSError(f"the transform ended with status {status}")


class RowTarget:
    """Takes bodies of rows.

    Args:
        path: The one file to append to.
        stopped: Whether waiting for a pipe makes no sense any more.

    Raises:
        RefusedError: It cannot be opened for writing.
    """

    def __init__(
        self,
        place: Place,
        path: bytes,
        block: int,
        delimiter: bytes,
        stopped: Callable[[], bool],
        *,
        synchronous: bool = False,
        transform: Transform | None = None,
        stderr: IO[bytes] | None = None,
    ) -> None:
        self._block = block
        self._end = delimiter or b"\n"
        self.error: str | None = None  # sticks: later bodies meet it, too
        if transform is not None:
            self._target: Target = _ProgramTarget(transform, path, stderr, stopped)
            return
        end = ending(path)
        if end in (b".z", b".zip", b".bz2"):
            raise RefusedError(415, UNSUPPORTED)
        descriptor = _open(place, path, stopped, synchronous)
        self._target = _Descriptor(descriptor, stopped)
        if end == b".gz":
            gzip = zlib.compressobj(wbits=31)
            self._target = _Packed(self._target, gzip.compress, gzip.flush)
        elif end == b".zst":
            import zstandard

            zstd = zstandard.ZstdCompressor().compressobj()
            self._target = _Packed(self._target, zstd.compress, zstd.flush)

    def body(self) -> "Body":
        """Take one body of plain rows."""
        return Body(self._block, self._end, self.write)

    def write(self, data: bytes) -> None:
        """Append bytes as they are.

        Raises:
            RefusedError: They do not go in, or an earlier body failed.
        """
        if self.error is not None:
            raise RefusedError(500, self.error)
        try:
            self._target.write(data)
        except OSError as problem:
            raise self.fail(FULL) from problem

    def fail(self, reason: str) -> RefusedError:
        """Remember an error, for whoever comes later."""
        self.error = self.error or reason
        return RefusedError(500, self.error)

    def close(self) -> None:
        """No more rows.

        Raises:
            RefusedError: What was still held back does not go in, or a transform failed.
        """
        try:
            self._target.close()
        except OSError as problem:
            raise RefusedError(500, FULL) from problem


class Body:
    """Rows of one request: collected until a block is full, written up to their last row end. Pure but for `write`."""

    def __init__(self, block: int, end: bytes, write: Callable[[bytes], None]) -> None:
        self._block = block
        self._end = end
        self._write = write
        self._held = b""

    def feed(self, data: bytes) -> bool:
        """Take bytes; whether all is well. False: a block has no row end."""
        data = self._held + data
        start = 0
        while len(data) - start >= self._block:
            cut = self._cut(data, start, start + self._block)
            if cut == start:
                return False
            self._write(data[start:cut])
            start = cut
        self._held = data[start:]
        return True

    def finish(self) -> bool:
        """The body is over; whether all is well. What follows the last row end is dropped."""
        cut = self._cut(self._held, 0, len(self._held))
        if self._held and not cut:
            return False
        if cut:
            self._write(self._held[:cut])
        return True

    def _cut(self, data: bytes, start: int, end: int) -> int:
        found = data.rfind(self._end, start, end)
        return found + len(self._end) if found >= 0 else start


def single(paths: list[bytes]) -> bytes:
    """The one file that is written to.

    Raises:
        RefusedError: There are more.
    """
    if len(paths) != 1:
        raise RefusedError(404, SEVERAL)
    return paths[0]


def _open(place: Place, path: bytes, stopped: Callable[[], bool], synchronous: bool) -> int:
    """Open, and wait for the reader of a pipe."""
    pipe = place.is_pipe(path)
    while True:
        try:
            descriptor, _ = place.open_append(path, os.O_SYNC if synchronous or pipe else 0)
        except BlockingIOError:
            if stopped():
                raise StoppedError from None
            time.sleep(PATIENCE_MS / 1000)
            continue
        return descriptor
