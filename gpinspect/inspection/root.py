"""A folder that holds the files of a gpfdist, looked into without ever leaving it.

Names come from the wire: `..` and symbolic links that lead out are refused, and nothing but regular files is opened (a FIFO would
lose what is read of it). Compressed sources are decompressed as a stream, the way gpfdist does it, by the end of their names.
"""

import fnmatch
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from gpinspect.errors import SourceError
from gpinspect.grammar.paths import server_path

CHUNK: Final = 1 << 20
MOST_NAMES: Final = 10_000
"""Names below the folder that a pattern is compared with."""
LARGEST_WINDOW: Final = 1 << 27
CUT_NAME: Final = 255
"""Bytes of a name in F at which gpfdist cuts it."""
_GLOB: Final = frozenset(b"*?[")
_COMPRESSED: Final = (".gz", ".bz2", ".zst")
_NOT_READ: Final = (".z", ".zip")


class NotComparedError(Exception):
    """Why a file below the folder is not looked into; the text completes "was not compared: ..."."""


@dataclass(frozen=True, slots=True)
class Place:
    """A regular file below the folder."""

    path: Path
    size: int  # as on disk

    @property
    def compressed(self) -> bool:
        return self.path.suffix.lower() in _COMPRESSED


class Root:
    """One folder.

    Raises:
        SourceError: There is no such folder.
    """

    def __init__(self, folder: str) -> None:
        self._top = Path(folder).resolve()
        if not self._top.is_dir():
            raise SourceError(
                f"--root {folder}: no folder there; give the folder that gpfdist was started with (-d), or a copy of it"
            )

    def find(self, relative: bytes) -> Place | None:
        """The file with this name below the folder; None: there is none.

        Raises:
            NotComparedError: It is there and may not, or cannot, be read.
        """
        parts = [part for part in relative.split(b"/") if part not in (b"", b".")]
        if b".." in parts or b"\0" in relative:
            raise NotComparedError("its name leads out of the folder")
        if not parts:
            return None
        try:
            real = self._top.joinpath(*map(os.fsdecode, parts)).resolve(strict=True)
            if not real.is_relative_to(self._top):
                raise NotComparedError("a symbolic link leads out of the folder")
            seen = real.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except RuntimeError as error:  # links that lead to each other
            raise NotComparedError("its symbolic links lead nowhere") from error
        except OSError as error:
            raise NotComparedError(f"{error.strerror}") from error
        if not stat.S_ISREG(seen.st_mode):
            raise NotComparedError("it is no regular file")
        return Place(real, seen.st_size)

    def source(self, name: bytes, path: str | None) -> Place | None:
        """The file that F names, for a session with this request path; None: there is none.

        F has the path on the server's host: below its `-d` folder, whose place here the request's path tells.

        Raises:
            NotComparedError: As `find`, or F is too long to be whole.
        """
        if len(name) >= CUT_NAME:
            raise NotComparedError("its name was cut by gpfdist at 255 bytes")
        candidates = []
        top = os.fsencode(self._top).rstrip(b"/") + b"/"
        if name.startswith(top):
            candidates.append(name[len(top) :])
        relative = self.relative(name, path)
        if relative is not None:
            candidates.append(relative)
        candidates.append(name)
        for candidate in candidates:
            found = self.find(candidate)
            if found is not None:
                return found
        return None

    @staticmethod
    def relative(name: bytes, path: str | None) -> bytes | None:
        """The end of F that the request's path stands for; None where none of it does."""
        below = [part for part in name.split(b"/") if part]
        for pattern in patterns(path):
            wanted = [part for part in pattern.split(b"/") if part]
            for more in (0, 1):  # a folder is read one level deep
                count = len(wanted) + more
                own = below[-count:]
                if len(own) == count and all(fnmatch.fnmatchcase(part, want) for part, want in zip(own, wanted, strict=False)):
                    return b"/".join(own)
        return None

    def named(self, path: str | None) -> tuple[list[bytes], bool]:
        """Relative names of the files that a request path stands for, in order, and whether all names could be looked through."""
        names: list[bytes] = []
        budget = [MOST_NAMES]
        for pattern in patterns(path):
            found = sorted(self._expand([b""], [part for part in pattern.split(b"/") if part], budget))
            folders = [name for name in found if self._folder(name) is not None]
            if folders and len(folders) == len(found):
                found = sorted(self._expand(folders, [b"*"], budget))
            names += found
        return list(dict.fromkeys(names)), budget[0] > 0

    def _expand(self, bases: list[bytes], parts: list[bytes], budget: list[int]) -> list[bytes]:
        for part in parts:
            following: list[bytes] = []
            for base in bases:
                if not _GLOB.intersection(part):
                    following.append(_below(base, part))
                    continue
                for name in self._names(base, budget):
                    if fnmatch.fnmatchcase(name, part) and (not name.startswith(b".") or part.startswith(b".")):
                        following.append(_below(base, name))
            bases = following
        return bases

    def _names(self, base: bytes, budget: list[int]) -> Iterator[bytes]:
        folder = self._folder(base)
        if folder is None:
            return
        try:
            for entry in folder.iterdir():
                budget[0] -= 1
                if budget[0] <= 0:
                    return
                yield os.fsencode(entry.name)
        except OSError:
            return

    def _folder(self, relative: bytes) -> Path | None:
        """A folder below this one; None where the name leads elsewhere."""
        parts = [part for part in relative.split(b"/") if part not in (b"", b".")]
        if b".." in parts or b"\0" in relative:
            return None
        try:
            real = self._top.joinpath(*map(os.fsdecode, parts)).resolve(strict=True)
            return real if real.is_relative_to(self._top) and real.is_dir() else None
        except (OSError, RuntimeError):
            return None

    @contextmanager
    def open(self, place: Place) -> Iterator[IO[bytes]]:
        """The content of a file, decompressed if its name says that it is compressed.

        Raises:
            NotComparedError: It cannot be read, or is damaged.
        """
        if place.path.suffix.lower() in _NOT_READ:
            raise NotComparedError("gpfdist does not read files with such names")
        try:
            descriptor = os.open(place.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise NotComparedError(f"{error.strerror}") from error
        with os.fdopen(descriptor, "rb", buffering=0) as raw:
            try:
                with _decompressed(raw, place.path.suffix.lower()) as content:
                    yield content
            except (OSError, EOFError, ValueError) as error:
                raise NotComparedError(f"it cannot be read: {error}") from error
            except Exception as error:  # zlib and zstandard have exceptions of their own, below Exception
                if type(error).__module__.split(".")[0] in ("zlib", "zstd", "zstandard"):
                    raise NotComparedError(f"it cannot be decompressed: {error}") from error
                raise


def _below(base: bytes, name: bytes) -> bytes:
    return base + b"/" + name if base else name


def _decompressed(raw: Any, suffix: str) -> Any:
    if suffix == ".gz":
        import gzip

        return gzip.GzipFile(fileobj=raw)
    if suffix == ".bz2":
        import bz2

        return bz2.BZ2File(raw)
    if suffix == ".zst":
        import zstandard

        return zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).stream_reader(raw, read_across_frames=True)
    return raw


def patterns(path: str | None) -> list[bytes]:
    """File names or glob patterns, relative to the served folder, that a request target stands for."""
    return [_bytes(part) for part in server_path(path).parts] if path is not None else []


def _bytes(text: str) -> bytes:
    """The bytes of text that came from a head."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def length(content: IO[bytes]) -> int:
    """Bytes from here to the end."""
    total = 0
    while data := content.read(CHUNK):
        total += len(data)
    return total
