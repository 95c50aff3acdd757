"""What rows are read from: files, pipes and the output of programs, each maybe compressed. Blocking, but stoppable.

Every source gives as many bytes as were asked for, fewer only at its end.
"""

import bz2
import fcntl
import os
import select
import stat
import zlib
from collections.abc import Callable
from typing import Final, Protocol

from gpinspect.peers.server.places import Place, RefusedError

UNSUPPORTED: Final = "Unsupported File Type"
BUSY: Final = "Multiple reader to a pipe is forbidden."
PATIENCE_MS: Final = 200
"""Between two looks at whether the server stops, while a pipe is silent."""

_PIECE: Final = 1 << 16
_WINDOW: Final = 1 << 31


class BrokenError(Exception):
    """Rows cannot be read any further; the text goes into an E message."""

    def __init__(self, text: bytes) -> None:
        super().__init__(text)
        self.text = text


class StoppedError(Exception):
    """The server stops, or nobody wants the rows any more."""


class Raw(Protocol):
    """Where bytes come from."""

    def read(self, size: int) -> bytes:
        """At most `size` bytes, none only at the end."""
        ...

    def close(self) -> None: ...


class Source(Protocol):
    """What a stream of rows reads."""

    slow: bool  # may keep its reader waiting
    size: int  # bytes on disk; 0: unknown

    def fill(self, size: int) -> bytes:
        """Exactly `size` bytes, fewer only at the end."""
        ...

    def close(self) -> None: ...


class _File:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, size: int) -> bytes:
        return os.read(self._descriptor, size)

    def close(self) -> None:
        os.close(self._descriptor)


class Pipe:
    """A pipe that is looked at without waiting in the system, so that a reader can be stopped."""

    def __init__(self, descriptor: int, stopped: Callable[[], bool]) -> None:
        self._descriptor = descriptor
        self._stopped = stopped
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        os.set_blocking(descriptor, False)

    def read(self, size: int) -> bytes:
        while True:
            if self._stopped():
                raise StoppedError
            if not self._poll.poll(PATIENCE_MS):
                continue
            try:
                return os.read(self._descriptor, size)
            except BlockingIOError:
                continue

    def close(self) -> None:
        os.close(self._descriptor)


class _Inflated:
    """One compression taken off; files may hold several streams one after the other, as `cat a.gz b.gz` makes them."""

    def __init__(self, raw: Raw, start: Callable[[], "_Inflater"]) -> None:
        self._raw = raw
        self._start = start
        self._inflater: _Inflater | None = None
        self._behind = b""  # bytes behind the stream that ended

    def read(self, size: int) -> bytes:
        while True:
            if self._inflater is not None and self._inflater.eof:
                self._behind = self._inflater.unused_data
                self._inflater = None
            data = b""
            if self._inflater is None or self._inflater.wants:
                data = self._behind or self._raw.read(_PIECE)
                self._behind = b""
                if not data:
                    if self._inflater is not None:
                        raise EOFError("the compressed data ends too early")
                    return b""
            if self._inflater is None:
                self._inflater = self._start()
            out = self._inflater.take(data, max(size, 1))
            if out:
                return out

    def close(self) -> None:
        self._raw.close()


class _Inflater(Protocol):
    """One compressed stream; `wants` says that nothing more comes without input."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    @property
    def wants(self) -> bool: ...

    def take(self, data: bytes, size: int) -> bytes: ...


class _Gzip:
    def __init__(self) -> None:
        self._object = zlib.decompressobj(31)

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    @property
    def wants(self) -> bool:
        return not self._object.unconsumed_tail

    def take(self, data: bytes, size: int) -> bytes:
        return self._object.decompress(data or self._object.unconsumed_tail, size)


class _Bzip2:
    def __init__(self) -> None:
        self._object = bz2.BZ2Decompressor()

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    @property
    def wants(self) -> bool:
        return self._object.needs_input

    def take(self, data: bytes, size: int) -> bytes:
        return self._object.decompress(data, size)


class _Zstd:
    """Fed in small pieces: a short frame may stand for a lot."""

    _SLICE = 512

    def __init__(self) -> None:
        import zstandard

        self._object = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data + self._waiting

    @property
    def wants(self) -> bool:
        return not self._waiting

    def take(self, data: bytes, size: int) -> bytes:
        data = data or self._waiting
        self._waiting = data[self._SLICE :]
        return self._object.decompress(data[: self._SLICE])


_INFLATERS: Final[dict[bytes, Callable[[], _Inflater]]] = {b".gz": _Gzip, b".bz2": _Bzip2, b".zst": _Zstd}
_REFUSED: Final = (b".z", b".zip")


def ending(path: bytes) -> bytes:
    """The ending of a name, in lower case."""
    name = path.rpartition(b"/")[2]
    return b"." + name.rpartition(b".")[2].lower() if b"." in name else b""


class FileSource:
    """A file or named pipe of a place.

    Raises:
        RefusedError: It cannot be opened; a pipe is taken by one session only.

    Source: gfile.c, gfile_open (6.24.3).
    """

    def __init__(self, place: Place, path: bytes, stopped: Callable[[], bool]) -> None:
        self._shown = place.shown(path)
        descriptor, about = place.open_read(path)
        end = ending(path)
        self.slow = stat.S_ISFIFO(about.st_mode)
        self.size = about.st_size
        try:
            if end in _REFUSED:
                raise RefusedError(415, UNSUPPORTED)
            if self.slow:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    raise RefusedError(404, BUSY) from None
        except RefusedError:
            os.close(descriptor)
            raise
        raw: Raw = Pipe(descriptor, stopped) if self.slow else _File(descriptor)
        start = _INFLATERS.get(end)
        self._raw = raw if start is None else _Inflated(raw, start)
        self._over = False
        self._left = b""

    def fill(self, size: int) -> bytes:
        """As `Source.fill`.

        Raises:
            BrokenError: The file cannot be read.
            StoppedError: The server stops.
        """
        first, self._left = self._left, b""
        parts, have = ([first], len(first)) if first else ([], 0)
        try:
            while have < size and not self._over:
                data = self._raw.read(size - have)
                self._over = not data
                parts.append(data)
                have += len(data)
        except StoppedError:
            raise
        except Exception as problem:  # zlib, bz2 and zstandard each have their own
            raise BrokenError(b"cannot read file - " + self._shown) from problem
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        data, self._left = data[:size], data[size:]
        return data

    def close(self) -> None:
        self._raw.close()
