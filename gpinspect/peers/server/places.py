"""The served directory: names to files, and never a byte from outside of it.

A path is resolved, must lie below the directory, and is then opened step by step from the directory's own descriptor, no step
through a link: what changes in between cannot lead outside.
"""

import errno
import glob
import os
import stat
from typing import Final

_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PATTERN = frozenset(b"*?[")

NOT_FOUND: Final = "file not found"
DIRECTORY: Final = "Reading a directory is forbidden."
NOTHING: Final = "No matching file(s) found"
SEVERAL: Final = "More than 1 file found for writing. Unsupported operation."


class RefusedError(Exception):
    """A request that files cannot serve: the status line that says so."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class Place:
    """A directory that is served.

    Args:
        directory: As the user named it, absolute.
        shown: What names start with when clients are told.
    """

    def __init__(self, directory: str, shown: str | None = None) -> None:
        self._named = os.fsencode(directory).rstrip(b"/")
        self._root = os.path.realpath(os.fsencode(directory))
        self._shown = self._named if shown is None else os.fsencode(shown).rstrip(b"/")

    def full(self, part: str) -> bytes:
        """The path of a part of a request, of which every character is a byte."""
        return self._named + b"/" + part.encode("latin-1")

    def shown(self, path: bytes) -> bytes:
        """A path as clients are told."""
        return self._shown + path[len(self._named) :]

    def expand(self, parts: tuple[str, ...]) -> list[bytes]:
        """Files of patterns, each pattern's in order of their bytes; directories alone are expanded one level.

        Raises:
            RefusedError: Only empty directories.

        Source: fstream.c, fstream_open, expand_directories (6.24.3).
        """
        found = [path for part in parts for path in self._matches(self.full(part))]
        if all(os.path.isdir(path) for path in found):  # noqa: PTH112
            found = [inner for path in found for inner in self._children(path)]
            if not found:
                raise RefusedError(404, NOTHING)
        return found

    def _matches(self, pattern: bytes) -> list[bytes]:
        if not _PATTERN.intersection(pattern[len(self._named) :]):
            return [pattern]
        escaped = glob.escape(self._named) + pattern[len(self._named) :]
        return sorted(path for path in glob.glob(escaped) if self._inside(path)) or [pattern]  # noqa: PTH207

    def _children(self, path: bytes) -> list[bytes]:
        if not self._inside(path):
            raise self._closed(path)
        base = path if path.endswith(b"/") else path + b"/"
        try:
            return [base + name for name in sorted(os.listdir(path)) if not name.startswith(b".")]  # noqa: PTH208
        except OSError as problem:
            raise self._failure(path, problem) from problem

    def open_read(self, path: bytes) -> tuple[int, os.stat_result]:
        """Open a file or a pipe for reading; a pipe does not wait for its writer.

        Raises:
            RefusedError: It is not there, a directory, outside, or the system refuses.
        """
        if not self._inside(path):  # first, so that nobody learns what is out there
            raise self._closed(path)
        try:
            os.stat(path)  # noqa: PTH116
        except (OSError, ValueError):
            raise RefusedError(404, NOT_FOUND) from None
        if os.path.isdir(path):  # noqa: PTH112
            raise RefusedError(403, DIRECTORY)
        descriptor = self._walk(path, os.O_RDONLY | os.O_NONBLOCK)
        return self._taken(path, descriptor)

    def open_append(self, path: bytes, flags: int = 0) -> tuple[int, os.stat_result]:
        """Open a file for appending, made with mode 0600 when it is not there, or a pipe that has a reader.

        Raises:
            RefusedError: A directory, outside, or the system refuses.
            BlockingIOError: A pipe that nobody reads yet.
        """
        if os.path.isdir(path) and self._inside(path):  # noqa: PTH112
            raise RefusedError(403, DIRECTORY)
        descriptor = self._walk(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | flags)
        return self._taken(path, descriptor)

    def expand_for_writing(self, parts: tuple[str, ...]) -> list[bytes]:
        """Files of patterns; directories stay what they are."""
        return [path for part in parts for path in self._matches(self.full(part))]

    def check_parent(self, path: bytes) -> None:
        """Check that a name which a program gets lies below the directory.

        Raises:
            RefusedError: It does not.
        """
        if not self._real(path):
            raise self._closed(path)

    def is_pipe(self, path: bytes) -> bool:
        """Whether a named pipe stands there."""
        try:
            return stat.S_ISFIFO(os.stat(path).st_mode)  # noqa: PTH116
        except (OSError, ValueError):
            return False

    def _taken(self, path: bytes, descriptor: int) -> tuple[int, os.stat_result]:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) and not stat.S_ISFIFO(about.st_mode):
            os.close(descriptor)
            raise self._closed(path)
        return descriptor, about

    def _inside(self, path: bytes) -> bool:
        try:
            return self._real(path) is not None
        except (OSError, ValueError):  # a NUL, or links without end
            return True

    def _real(self, path: bytes) -> bytes | None:
        """The path below the directory, links followed; None when it lies outside."""
        real = os.path.realpath(path)
        base = self._root.rstrip(b"/") + b"/"
        return real[len(base) :] if real.startswith(base) else b"" if real == self._root else None

    def _walk(self, path: bytes, flags: int) -> int:
        try:
            inner = self._real(path)
            if not inner:
                raise self._closed(path)
            *folders, name = inner.split(b"/")
            here = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                for folder in folders:
                    below = os.open(folder, _STEP, dir_fd=here)
                    os.close(here)
                    here = below
                return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=here)
            finally:
                os.close(here)
        except (OSError, ValueError) as problem:
            if isinstance(problem, OSError) and problem.errno == errno.ENXIO:
                raise BlockingIOError(errno.EAGAIN, "nobody reads the pipe") from problem
            raise self._failure(path, problem) from problem

    def _closed(self, path: bytes) -> RefusedError:
        """The answer for what lies outside: that of a file which may not be read."""
        return self._failure(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))

    def _failure(self, path: bytes, problem: Exception) -> RefusedError:
        text = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        shown = self.shown(path).decode("latin-1").replace("\r", "?").replace("\n", "?").replace("\0", "?")
        return RefusedError(404, f"file open failure {shown}: {text}")
