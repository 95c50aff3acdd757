"""One output file that is there whole or not at all.

It is written under another name in the same folder and gets its own name at the end; only its owner may read it. Pipes and devices
cannot be renamed: they are written straight.
"""

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterable
from types import TracebackType
from typing import BinaryIO, Self

import click

from gpinspect.errors import SourceError

STDOUT = "-"


class OutFile:
    """A file to be; a context that leaves nothing behind unless `done` was called.

    Args:
        path: As the user named it; `-` for standard output.
        force: Replace a file that is there.
        option: The option that named it, for messages.

    Raises:
        click.UsageError: A file is there and may not be replaced, or no file can be there.
    """

    def __init__(self, path: str, *, force: bool, option: str = "-o") -> None:
        self.path = path
        self._option = option
        self._force = force
        self._file: BinaryIO | None = None
        self._temporary = ""
        self._straight = path == STDOUT or _is_no_file(path)
        if path == STDOUT and sys.stdout.isatty():
            raise click.UsageError(f"{option} -: standard output is a terminal; send it to a file or a program")
        if not path or os.path.isdir(path):  # noqa: PTH112 - what the user typed stays text
            raise click.UsageError(f"{option} {path}: a folder; wanted the name of a file")
        if not self._straight and not force and os.path.lexists(path):
            raise click.UsageError(f"{option} {path}: is there already; --force replaces it")

    def refuse_inputs(self, names: Iterable[str]) -> None:
        """Not even --force replaces what is being read.

        Raises:
            click.UsageError: One of the inputs is this file.
        """
        for name in names:
            with contextlib.suppress(OSError):
                if os.path.samefile(name, self.path):  # noqa: PTH121
                    raise click.UsageError(f"{self._option} {self.path}: is an input; write into another file")

    def __enter__(self) -> Self:
        return self

    def write(self, data: bytes) -> None:
        """Add bytes.

        Raises:
            SourceError: The machine does not take them.
        """
        try:
            if self._file is None:
                self._file = self._open()
            self._file.write(data)
        except BrokenPipeError:
            raise
        except OSError as problem:
            raise self._refused(problem) from problem

    def done(self) -> None:
        """All is written: the file gets its name.

        Raises:
            SourceError: It cannot.
        """
        assert self._file is not None
        try:
            self._file.flush()
            if self.path != STDOUT:
                self._file.close()
            if self._temporary:
                self._name_it()
        except BrokenPipeError:
            raise
        except OSError as problem:
            raise self._refused(problem) from problem

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None and self.path != STDOUT:
            with contextlib.suppress(OSError):
                self._file.close()
        if self._temporary:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)  # noqa: PTH108
            self._temporary = ""

    def _open(self) -> BinaryIO:
        if self.path == STDOUT:
            return sys.stdout.buffer
        if self._straight:
            return open(self.path, "wb")  # noqa: PTH123 - closed by the context
        descriptor, self._temporary = tempfile.mkstemp(prefix=".gpinspect-", dir=os.path.dirname(self.path) or ".")  # noqa: PTH120
        return os.fdopen(descriptor, "wb", 1 << 20)

    def _name_it(self) -> None:
        if self._force:
            os.replace(self._temporary, self.path)  # noqa: PTH105
            self._temporary = ""
            return
        try:
            os.link(self._temporary, self.path)  # unlike a rename it never replaces anything
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if os.path.lexists(self.path):
                raise
            os.rename(self._temporary, self.path)  # noqa: PTH104
            self._temporary = ""

    def _refused(self, problem: OSError) -> SourceError:
        return SourceError(f"{self.path}: {problem.strerror}; {self._option} wants a place with room that may be written to")


def _is_no_file(path: str) -> bool:
    """Whether a pipe or device stands there."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
