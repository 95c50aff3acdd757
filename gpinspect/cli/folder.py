"""Files below one folder, written so that nothing outside of it can be reached.

Every component is opened relative to the one above it without following links, so neither a name nor a link that somebody put into
the folder leads out. Files are new ones (or replace what is there, never write through it), and only their owner may read them.
"""

import contextlib
import os
import stat
from collections import OrderedDict

from gpinspect.cli.names import Path
from gpinspect.errors import SourceError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_AT_ONCE = 32


class Folder:
    """An output folder, made if it is not there.

    Args:
        path: As the user named it; the one place where links are followed.
        force: Replace files that are there.

    Raises:
        SourceError: The machine does not let us write, or a link or file stands where a folder is needed.
    """

    def __init__(self, path: str, *, force: bool = False) -> None:
        self.path = path
        self._force = force
        self._open: OrderedDict[Path, int] = OrderedDict()
        self._made: dict[Path, tuple[int, int]] = {}  # device and inode, so that a file opened again is the one we made
        try:
            os.makedirs(path, mode=0o777, exist_ok=True)  # noqa: PTH103 - descriptors throughout
            self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as problem:
            raise SourceError(f"{path}: {problem.strerror}; -o wants a folder that can be written to") from problem

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
        os.close(self._root)

    def name(self, path: Path) -> str:
        """The path as the user would type it."""
        return os.path.join(self.path, *path)  # noqa: PTH118 - text for a person

    def holds(self, path: Path) -> bool:
        """Whether something stands at `path`, be it a dangling link.

        Raises:
            SourceError: A link or a file stands on the way.
        """
        try:
            above = self._descend(path[:-1], make=False)
        except FileNotFoundError:
            return False
        except OSError as problem:
            raise self._refused(path, problem) from problem
        try:
            os.stat(path[-1], dir_fd=above, follow_symlinks=False)
        except FileNotFoundError:
            return False
        finally:
            os.close(above)
        return True

    def write(self, path: Path, position: int, data: bytes) -> None:
        """Put `data` at byte `position` of the file; bytes before it that nobody writes stay a hole."""
        try:
            descriptor = self._descriptor(path)
            view = memoryview(data)
            while view:
                written = os.pwrite(descriptor, view, position)
                position += written
                view = view[written:]
        except OSError as problem:
            raise self._refused(path, problem) from problem

    def read(self, path: Path, position: int, length: int) -> bytes:
        """What was written before."""
        try:
            return os.pread(self._descriptor(path), length, position)
        except OSError as problem:
            raise self._refused(path, problem) from problem

    def _refused(self, path: Path, problem: OSError) -> SourceError:
        return SourceError(f"{self.name(path)}: {problem.strerror}; nothing is written through links or over folders")

    def _descend(self, parts: Path, *, make: bool) -> int:
        """Descriptor of the folder that `parts` name, each step without following links."""
        here = os.dup(self._root)
        for part in parts:
            try:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, mode=0o777, dir_fd=here)
                below = os.open(part, _FOLDER, dir_fd=here)
            finally:
                os.close(here)
            here = below
        return here

    def _descriptor(self, path: Path) -> int:
        descriptor = self._open.get(path)
        if descriptor is not None:
            self._open.move_to_end(path)
            return descriptor
        while len(self._open) >= OPEN_AT_ONCE:
            os.close(self._open.popitem(last=False)[1])
        above = self._descend(path[:-1], make=True)
        try:
            descriptor = self._again(path, above) if path in self._made else self._create(path, above)
        finally:
            os.close(above)
        self._open[path] = descriptor
        return descriptor

    def _create(self, path: Path, above: int) -> int:
        if self._force:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path[-1], dir_fd=above)
        descriptor = os.open(path[-1], _FILE | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=above)
        found = os.fstat(descriptor)
        self._made[path] = found.st_dev, found.st_ino
        return descriptor

    def _again(self, path: Path, above: int) -> int:
        descriptor = os.open(path[-1], _FILE, dir_fd=above)
        found = os.fstat(descriptor)
        if (found.st_dev, found.st_ino) != self._made[path] or not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            raise SourceError(f"{self.name(path)}: somebody replaced it while it was being written")
        return descriptor
