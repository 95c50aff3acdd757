"""`[keys]` of the configuration file: command names with the keys that a person wants for them.

[keys]
filter = "f"
down = ["j", "Down", "^N"]
next-stall = "gs"
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpinspect.errors import SourceError
from gpinspect.tui.commands import CommandTable, readable, written
from gpinspect.views.text import printable, shorten

if TYPE_CHECKING:
    from gpinspect.tui.screens.base import WalkScreen

LARGEST = 1 << 20
"""Bytes of a configuration file that are read."""


def config_path(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where the configuration is; None without a home."""
    base = environment.get("XDG_CONFIG_HOME") or ""
    if not base.startswith("/"):
        home = environment.get("HOME") or ""
        if not home.startswith("/"):
            return None
        base = f"{home}/.config"
    return Path(base) / "gpinspect" / "config.toml"


def read_keys(path: Path | None) -> dict[str, Any]:
    """The table `[keys]` of the file, as written; empty where there is no file.

    Raises:
        SourceError: The file cannot be read, or is no TOML.
    """
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; wanted a configuration that this user may read") from error
    if len(text) > LARGEST:
        raise SourceError(f"{path}: more than {LARGEST:,} bytes; wanted a configuration in TOML")
    try:
        found = tomllib.loads(text.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SourceError(f"{path}: {printable(str(error))}; wanted a configuration in TOML") from error
    keys = found.get("keys", {})
    if not isinstance(keys, dict):
        raise SourceError(f'{path}: keys = {_shown(keys)}; wanted a table [keys] with lines such as filter = "f"')
    return keys


def command_table(screens: "tuple[type[WalkScreen], ...]", keys: Mapping[str, Any], path: Path | None = None) -> CommandTable:
    """The table of commands with these keys.

    Raises:
        SourceError: A name that no command has, a key that does not exist, or one key for two commands of a screen.
    """
    plain = CommandTable(screens)
    if not keys:
        return plain
    where = f"{path}: [keys]"
    names = {command.name for command in plain.everything()}
    chosen: dict[str, tuple[str, ...]] = {}
    for name, value in keys.items():
        if name not in names:
            raise SourceError(f"{where} {_shown(name)} is no command;{_near(name, names)} `:` lists all of them")
        chosen[name] = _keys(where, name, value)
    table = CommandTable(screens, chosen)
    for place, key, one, other in table.clashes():
        raise SourceError(
            f"{where} {readable(key)} is wanted for {one} and for {other}, both on the screen {place}; choose another"
        )
    return table


def _keys(where: str, name: str, value: Any) -> tuple[str, ...]:
    several = value if isinstance(value, list) else [value]
    found = []
    for one in several:
        key = written(one) if isinstance(one, str) else None
        if key is None or (key.isdigit() and len(key) == 1):
            wanted = 'wanted a key such as "x", "^X", "F5", "PgDn" or "gx"' if key is None else "digits are counts"
            raise SourceError(f"{where} {name} = {_shown(one)} is no key; {wanted}")
        found.append(key)
    if not found:
        raise SourceError(f"{where} {name} has no key; leave the line out to keep those it has")
    return tuple(found)


def _near(name: str, names: set[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, sorted(names), n=1)
    return f" did you mean {near[0]}?" if near else ""


def _shown(value: object) -> str:
    return shorten(printable(repr(value) if not isinstance(value, str) else value), 60)
