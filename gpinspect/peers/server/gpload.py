"""What a gpload control file says about reading: the INPUT section, as far as a server needs it.

The rest (FORMAT, ERROR_LIMIT, OUTPUT and so on) is for the database; it is named, not used.
"""

import os
from dataclasses import dataclass
from typing import Any, Final

from gpinspect.errors import SourceError

PORTS: Final = (8000, 9000)
"""Ports that gpload tries without PORT and PORT_RANGE."""

_SOURCE: Final = {"FILE", "PORT", "PORT_RANGE", "SSL", "CERTIFICATES_PATH"}


@dataclass(frozen=True, slots=True)
class GploadInput:
    """INPUT of a control file."""

    files: tuple[str, ...]  # paths and patterns, as written
    first_port: int
    last_port: int
    certificates: str | None  # folder of the server's files, where SSL is true
    max_line_length: int | None  # bytes
    columns: tuple[tuple[str, str], ...]  # name and type
    ignored: tuple[str, ...]  # what stands in the file besides, as `SECTION.KEY`

    def folder(self) -> str:
        """The directory nearest to all files, absolute; patterns count up to their first special character.

        Raises:
            SourceError: They have none in common but /.
        """
        fixed = [os.path.abspath(_fixed(name)) for name in self.files]  # noqa: PTH100
        common = os.path.commonpath(fixed)
        if len(fixed) == 1 and not os.path.isdir(common):  # noqa: PTH112
            common = os.path.dirname(common)  # noqa: PTH120
        if common == "/":
            raise SourceError(
                "the files of INPUT have no directory but / in common; name the one to serve: gpinspect serve DIR --gpload FILE"
            )
        return common


def _fixed(name: str) -> str:
    """The directories of a pattern in front of its first special character."""
    at = min((name.find(special) for special in "*?[" if special in name), default=-1)
    return name if at < 0 else os.path.dirname(name[:at]) or "."  # noqa: PTH120


def read_gpload(path: str) -> GploadInput:
    """The INPUT section of a control file.

    Raises:
        SourceError: The file cannot be read, is no YAML, or INPUT does not say what to serve.
    """
    import yaml

    try:
        with open(path, "rb") as file:  # noqa: PTH123
            read = yaml.safe_load(file)
    except OSError as problem:
        raise SourceError(f"{path}: {problem.strerror}; wanted a gpload control file") from problem
    except yaml.YAMLError as problem:
        raise SourceError(f"{path}: no YAML: {' '.join(str(problem).split())}") from problem
    ignored: list[str] = []
    top = _upper(path, read, "the file")
    ignored += [key for key in top if key not in ("VERSION", "GPLOAD")]
    load = _upper(path, top.get("GPLOAD"), "GPLOAD")
    ignored += [f"GPLOAD.{key}" for key in load if key != "INPUT"]
    given = _upper(path, load.get("INPUT"), "INPUT")
    ignored += [f"INPUT.{key}" for key in given if key not in ("SOURCE", "COLUMNS", "MAX_LINE_LENGTH")]
    source = _upper(path, given.get("SOURCE"), "SOURCE")
    ignored += [f"SOURCE.{key}" for key in source if key not in _SOURCE]
    names = source.get("FILE")
    files = tuple(str(name) for name in (names if isinstance(names, list) else [names]) if name is not None)
    if not files:
        raise SourceError(f"{path}: INPUT has no SOURCE with FILE; wanted the files to serve")
    first, last = _ports(path, source)
    certificates = None
    if _truth(source.get("SSL")):
        if not source.get("CERTIFICATES_PATH"):
            raise SourceError(f"{path}: SSL is true and CERTIFICATES_PATH is missing; name the folder with server.crt")
        certificates = str(source["CERTIFICATES_PATH"])
    length = given.get("MAX_LINE_LENGTH")
    columns = [pair for column in given.get("COLUMNS") or [] if isinstance(column, dict) for pair in column.items()]
    return GploadInput(
        files,
        first,
        last,
        certificates,
        None if length is None else _number(path, "MAX_LINE_LENGTH", length),
        tuple((str(name), "" if kind is None else str(kind)) for name, kind in columns),
        tuple(ignored),
    )


def _upper(path: str, value: Any, what: str) -> dict[str, Any]:
    """A mapping, or a list of mappings as control files have them, with keys in capitals."""
    parts = value if isinstance(value, list) else [value]
    if not parts or not all(isinstance(part, dict) for part in parts):
        raise SourceError(f"{path}: {what} is no mapping; see gpload's control file format")
    return {str(key).upper(): inner for part in parts for key, inner in part.items()}


def _ports(path: str, source: dict[str, Any]) -> tuple[int, int]:
    if source.get("PORT") is not None:
        port = _number(path, "PORT", source["PORT"])
        return port, port
    given = source.get("PORT_RANGE")
    if given is None:
        return PORTS
    if not isinstance(given, list) or len(given) != 2:
        raise SourceError(f"{path}: PORT_RANGE is {given!r}; wanted two numbers, like [8000, 9000]")
    first, last = (_number(path, "PORT_RANGE", port) for port in given)
    return first, last


def _number(path: str, key: str, value: Any) -> int:
    if isinstance(value, bool) or not str(value).isascii() or not str(value).isdigit():
        raise SourceError(f"{path}: {key} is {value!r}; wanted a number")
    return int(value)


def _truth(value: Any) -> bool:
    return value is True or str(value).lower() in ("true", "yes", "on", "1")
