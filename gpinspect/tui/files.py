"""Files that a person asked for: written whole or not at all, and never over another one unless that was confirmed."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gpinspect.errors import SourceError
from gpinspect.tui.prompt import Question

if TYPE_CHECKING:
    from gpinspect.tui.screens.base import WalkScreen


def path_of(text: str) -> Path:
    return Path(text.strip()).expanduser()


@contextlib.contextmanager
def written(path: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place when all of it is there; readable by this user alone, as captures hold data.

    Raises:
        SourceError: It cannot be written, or there is one and `replace` is not said.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; wanted a directory that this user may write in") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        if replace:
            Path(name).replace(path)
        else:
            os.link(name, path)
    except FileExistsError as error:
        raise SourceError(f"{path} has come into being meanwhile; it was left alone") from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; nothing was written") from error
    finally:
        with contextlib.suppress(OSError):
            Path(name).unlink(missing_ok=True)


def ask_for_file(
    screen: "WalkScreen", label: str, proposed: str, wrong: Callable[[Path], str], write: Callable[[Path, bool], None]
) -> None:
    """Ask for a file name, and whether to replace a file that is there.

    Args:
        wrong: Why a name does not do; "" when it does.
        write: Told the name, and whether it was confirmed that a file may be replaced.
    """

    def named(text: str) -> bool | None:
        if not text.strip():
            return None
        path = path_of(text)
        problem = _problem(screen, path) or wrong(path)
        if problem:
            screen.walk.say(problem)
            return None
        if not path.exists():
            write(path, False)
            return None
        screen.ask(Question(f"{path} is there. Replace it? (y/n)", lambda key: _confirmed(screen, key, path, write), single=True))
        return None

    screen.ask(Question(label, named, proposed))


def _confirmed(screen: "WalkScreen", key: str, path: Path, write: Callable[[Path, bool], None]) -> None:
    if key in ("y", "Y"):
        write(path, True)
    else:
        screen.walk.say("nothing was written")


def _problem(screen: "WalkScreen", path: Path) -> str:
    try:
        if path.is_dir():
            return f"{path} is a directory"
        if path.exists() and not path.is_file():
            return f"{path} is no ordinary file"
        if any(Path(source).exists() and path.exists() and path.samefile(source) for source in screen.walk.snapshot.sources):
            return f"{path} is what is being looked at"
    except (OSError, ValueError) as error:
        return f"{path}: {error}"
    return ""
