"""From the names that a user gave to the inputs they stand for."""

import contextlib
import glob
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gpinspect.errors import CaptureError
from gpinspect.model import Notice

STDIN = "-"
MOST_INPUTS = 1 << 16
NAME_A_CAPTURE = "Name a capture file, a directory of captures, or - for standard input"


class Input(NamedTuple):
    """One thing to read. `directory` is set where the user did not name the file itself; `pipe`: it can be read only once."""

    name: str
    pipe: bool = False
    directory: str | None = None


def expand(names: Sequence[str]) -> tuple[list[Input], list[Notice]]:
    """Find what names stand for: files, directories (the files in them by name, none deeper), globs, `-`, pipes.

    Returns:
        Inputs in order of the names, and a notice for each file that came up twice.

    Raises:
        CaptureError: A name stands for nothing, or what it stands for may not be looked at.
    """
    if not names:
        raise CaptureError("no input", NAME_A_CAPTURE)
    inputs: list[Input] = []
    notices: list[Notice] = []
    seen: dict[tuple[int, int], str] = {}
    for given in names:
        for found in _expand(given):
            identity = _identity(found)
            first = seen.setdefault(identity, found.name)
            if first is not found.name:
                notices.append(Notice("GPI007", found.name, {"problem": f"the same file as {first}, which is read once"}))
                continue
            inputs.append(found)
    if len(inputs) > MOST_INPUTS:
        raise CaptureError(names[0], f"{len(inputs):,} inputs, at most {MOST_INPUTS:,} are read as one capture")
    return inputs, notices


def _expand(name: str) -> Iterator[Input]:
    if name == STDIN:
        yield Input(STDIN, pipe=True)
        return
    mode = _mode(name)
    if mode is not None:
        yield from _expand_found(name, mode)
        return
    matches = sorted(glob.glob(name)) if glob.has_magic(name) else []  # noqa: PTH207 - takes absolute names, too
    if not matches:
        raise CaptureError(name, _missing(name))
    for match in matches:
        mode = _mode(match)
        if mode is not None:
            yield from _expand_found(match, mode)


def _expand_found(name: str, mode: int) -> Iterator[Input]:
    if not stat.S_ISDIR(mode):
        yield Input(name, pipe=not stat.S_ISREG(mode))
        return
    try:
        entries = sorted(entry.name for entry in Path(name).iterdir())
    except OSError as error:
        raise CaptureError(name, f"this directory can not be listed: {error.strerror}") from error
    files = 0
    for entry in entries:
        path = os.path.join(name, entry)  # noqa: PTH118 - keeps the name as the user wrote it
        with contextlib.suppress(CaptureError):
            mode_there = _mode(path)
            if mode_there is not None and stat.S_ISREG(mode_there):
                files += 1
                yield Input(path, directory=name)
    if not files:
        raise CaptureError(name, f"there are no files in this directory. {NAME_A_CAPTURE}")


def _mode(name: str) -> int | None:
    """Mode bits of a file; None where there is none."""
    try:
        return os.stat(name).st_mode  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CaptureError(name, f"this can not be looked at: {error.strerror}. {NAME_A_CAPTURE}") from error
    except ValueError as error:
        raise CaptureError(repr(name), f"this is no name of a file: {error}. {NAME_A_CAPTURE}") from error


def _missing(name: str) -> str:
    if glob.has_magic(name):
        return f"no file matches. {NAME_A_CAPTURE}"
    parent = Path(name).parent
    if not parent.is_dir():
        return f"there is no such file, and no directory {parent}. {NAME_A_CAPTURE}"
    return f"there is no such file. {NAME_A_CAPTURE}"


def _identity(found: Input) -> tuple[int, int]:
    """What tells two names of the same file from names of two files."""
    try:
        status = os.fstat(0) if found.name == STDIN else os.stat(found.name)  # noqa: PTH116
    except OSError:
        return (-1, id(found))
    return (status.st_dev, status.st_ino)
