"""Transforms: programs that make rows of files, or files of rows, as `-c FILE` describes them.

Source: transform.c, transform_config, validate_transform; gfile.c, subprocess_open (6.24.3).
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, Final

from gpinspect.errors import SourceError
from gpinspect.grammar.layouts import LARGEST_STDERR
from gpinspect.peers.server.places import RefusedError
from gpinspect.peers.server.sources import BrokenError, Pipe, StoppedError

UNSUPPORTED: Final = "invalid request (unsupported {kind} #transform)"
UNSAFE: Final = "invalid request (path does not match safe regex)"
_FILENAME = re.compile("%filename%", re.IGNORECASE)
_POSIX: Final = {
    "[:alpha:]": "A-Za-z",
    "[:digit:]": "0-9",
    "[:alnum:]": "A-Za-z0-9",
    "[:upper:]": "A-Z",
    "[:lower:]": "a-z",
    "[:space:]": r"\s",
    "[:xdigit:]": "0-9A-Fa-f",
    "[:punct:]": r"!-/:-@\[-`{-~",
}
_KEYS: Final = {"TYPE", "COMMAND", "CONTENT", "SAFE", "STDERR"}


@dataclass(frozen=True, slots=True)
class Transform:
    """One entry of TRANSFORMATIONS."""

    name: str
    kind: str  # "input" or "output"
    command: str
    paths: bool  # CONTENT: the program gets the name of a list of files
    safe: re.Pattern[str] | None
    stderr_to_client: bool  # STDERR: server

    def arguments(self, path: bytes) -> list[bytes]:
        """The program and its arguments; no shell looks at them."""
        name = os.fsdecode(path)
        return [os.fsencode(_FILENAME.sub(lambda _: name, word)) for word in shlex.split(self.command)]


def read_transforms(path: str) -> dict[str, Transform]:
    """Transforms of a configuration file, by name.

    Raises:
        SourceError: The file cannot be read, is no YAML, or an entry is not complete.
    """
    import yaml

    try:
        with open(path, "rb") as file:  # noqa: PTH123
            read = yaml.safe_load(file)
    except OSError as problem:
        raise SourceError(f"{path}: {problem.strerror}; wanted the transforms, in YAML") from problem
    except yaml.YAMLError as problem:
        raise SourceError(f"{path}: no YAML: {' '.join(str(problem).split())}") from problem
    entries = read.get("TRANSFORMATIONS") if isinstance(read, dict) else None
    if not isinstance(entries, dict):
        raise SourceError(f"{path}: no TRANSFORMATIONS; wanted a mapping of names to TYPE and COMMAND")
    return {str(name): _entry(path, str(name), entry) for name, entry in entries.items()}


def _entry(path: str, name: str, entry: Any) -> Transform:
    def wrong(what: str) -> SourceError:
        return SourceError(f"{path}: transform {name!r}: {what}")

    if not isinstance(entry, dict):
        raise wrong("wanted a mapping with TYPE and COMMAND")
    given = {str(key): value for key, value in entry.items()}
    unknown = sorted(set(given) - _KEYS)
    if unknown:
        raise wrong(f"{', '.join(unknown)} is unknown; known are {', '.join(sorted(_KEYS))}")
    kind, content, stderr = (str(given.get(key, default)) for key, default in _CHOICES)
    for key, value, known in (
        ("TYPE", kind, ("input", "output")),
        ("CONTENT", content, ("data", "paths")),
        ("STDERR", stderr, ("server", "console")),
    ):
        if value not in known:
            raise wrong(f"{key} is {value!r}; wanted {' or '.join(known)}")
    command = given.get("COMMAND")
    if not isinstance(command, str) or not command.strip():
        raise wrong("COMMAND is missing")
    try:
        shlex.split(command)
        safe = given.get("SAFE")
        pattern = None if safe is None else re.compile(_python(str(safe)))
    except (ValueError, re.error) as problem:
        raise wrong(f"cannot be read: {problem}") from problem
    return Transform(name, kind, command, content == "paths", pattern, stderr == "server")


_CHOICES: Final = (("TYPE", ""), ("CONTENT", "data"), ("STDERR", "server"))


def _python(posix: str) -> str:
    """A POSIX extended expression as Python writes it: the classes have other names."""
    for name, characters in _POSIX.items():
        posix = posix.replace(name, characters)
    return posix


def choose(transforms: dict[str, Transform], name: str, kind: str, paths: str) -> Transform:
    """The transform of a request.

    Args:
        kind: "input" or "output".
        paths: The full paths that are asked for.

    Raises:
        RefusedError: None of this name and kind, or the path is not safe.
    """
    found = transforms.get(name)
    if found is None or found.kind != kind:
        raise RefusedError(400, UNSUPPORTED.format(kind=kind))
    if found.safe is not None and found.safe.search(paths) is None:
        raise RefusedError(400, UNSAFE)
    return found


def list_file(paths: list[bytes]) -> str:
    """A file with a path a line, for `CONTENT: paths`.

    Raises:
        RefusedError: There is no place for it.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix="gpinspect-paths-")
        with os.fdopen(descriptor, "wb") as file:
            file.write(b"".join(path + b"\n" for path in paths))
    except OSError as problem:
        raise RefusedError(500, "failed to get temporary directory for paths file") from problem
    return name


class Program:
    """A transform at work.

    Raises:
        RefusedError: It cannot be started.
    """

    def __init__(self, transform: Transform, path: bytes, stderr: IO[bytes] | None) -> None:
        self.writes = transform.kind == "output"
        wanted = {"stdin": subprocess.PIPE} if self.writes else {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        try:
            self._process = subprocess.Popen(
                transform.arguments(path),
                stderr=stderr,
                start_new_session=True,
                bufsize=0,
                **wanted,  # type: ignore[call-overload]
            )
        except (OSError, ValueError) as problem:
            text = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
            raise RefusedError(500, f"subprocess_open: {text}") from problem
        stream = self._process.stdin if self.writes else self._process.stdout
        assert stream is not None
        self.stream: IO[bytes] = stream

    def end(self, *, kill: bool) -> int:
        """Wait until it is over, after an end was put to it where that is wanted; its exit status."""
        if kill and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # it leads a group of its own, its children included
        return int(self._process.wait())


class ProgramSource:
    """Rows that a transform makes."""

    slow = True
    size = 0

    def __init__(
        self, transform: Transform, path: bytes, shown: bytes, stderr: IO[bytes] | None, stopped: Callable[[], bool]
    ) -> None:
        self._program = Program(transform, path, stderr)
        self._pipe = Pipe(os.dup(self._program.stream.fileno()), stopped)
        self._program.stream.close()
        self._shown = shown
        self._over = False

    def fill(self, size: int) -> bytes:
        """As `Source.fill`.

        Raises:
            BrokenError: The program failed and said nothing about it.
            StoppedError: The server stops.
        """
        parts = []
        while size and not self._over:
            try:
                data = self._pipe.read(size)
            except StoppedError:
                raise
            except OSError as problem:
                raise BrokenError(b"cannot read file - " + self._shown) from problem
            self._over = not data
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def close(self) -> None:
        self._pipe.close()
        self._program.end(kill=not self._over)


def said(stderr: IO[bytes] | None) -> bytes:
    """What a program wrote to its standard error, as much as goes into an E message."""
    if stderr is None:
        return b""
    stderr.seek(0)
    return stderr.read(LARGEST_STDERR)
