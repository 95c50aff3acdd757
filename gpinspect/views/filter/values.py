"""The types of fields, and how a value that somebody wrote is read as one of them."""

import enum
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

NANOSECONDS: Final = 1_000_000_000


class Type(enum.Enum):
    """What a field holds; the text is how it is called in messages and in docs/filter.md."""

    NUMBER = "number"
    SIZE = "number of bytes"
    DURATION = "duration"
    TIME = "time"
    TEXT = "text"
    WORD = "word"
    FLAG = "yes or no"
    FRAMES = "range of frames"


@dataclass(frozen=True, slots=True)
class Since:
    """A time given as a distance in nanoseconds from the first frame of the capture."""

    ns: int


Value = int | str | bool | Since

_COUNTS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_SIZES: Final = MappingProxyType(
    {"": 1, "b": 1}
    | {unit + end: 1000**power for power, unit in enumerate("kmgt", 1) for end in ("", "b")}
    | {unit + end: 1024**power for power, unit in enumerate(("ki", "mi", "gi", "ti"), 1) for end in ("", "b")}
)
_DURATIONS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}
UNITS: Final = MappingProxyType(
    {
        Type.NUMBER: ("k, M or G", _COUNTS),
        Type.FRAMES: ("k, M or G", _COUNTS),
        Type.SIZE: ("B, k, M, G or T (1000 each; kB is the same) or Ki, Mi, Gi or Ti (1024 each)", _SIZES),
        Type.DURATION: ("ns, us, ms, s, min, h or d", _DURATIONS),
    }
)
"""Type to how its units are told, and factor by unit in lower case."""

EXAMPLES: Final = MappingProxyType(
    {
        Type.NUMBER: "a number such as 3 or 10k",
        Type.SIZE: "a number of bytes such as 1500, 32Ki or 5MB",
        Type.DURATION: "a duration such as 300ms or 2s",
        Type.TIME: 'a time such as "2026-11-20 09:34:30" (universal time), or 2s after the first frame',
        Type.FLAG: "true or false",
        Type.FRAMES: "a frame number such as 512",
    }
)

_NUMBER: Final = re.compile(r"(-?\d{1,3}(?:_\d{3})+|-?\d{1,20})(\.\d{1,20})?([A-Za-zµ]{0,3})")


class UnreadableError(ValueError):
    """What is wrong with a value, in words."""


def read_value(kind: Type, text: str, quoted: bool) -> Value:
    """A value for a field of this type; words of fixed lists are checked by the caller.

    Raises:
        UnreadableError: It is none.
    """
    if kind in (Type.TEXT, Type.WORD):
        return text
    if kind is Type.FLAG:
        if not quoted and text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise UnreadableError("")
    if kind is Type.TIME:
        return _time(text, quoted)
    if quoted:
        raise UnreadableError("quotes make a text of it")
    told, units = UNITS[kind]
    number, unit = _number(text)
    factor = units.get(unit.lower())
    if factor is None and kind is Type.DURATION and not unit:
        raise UnreadableError(f"a unit is missing: {told}")
    if factor is None:
        raise UnreadableError(f"its units are {told}")
    return _whole(number * factor)


def _number(text: str) -> tuple[Decimal, str]:
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise UnreadableError("")
    return Decimal(found[1].replace("_", "") + (found[2] or "")), found[3]


def _whole(number: Decimal) -> int:
    if number != int(number):
        raise UnreadableError("it comes to no whole number")
    return int(number)


def _time(text: str, quoted: bool) -> Value:
    if not quoted:
        number, unit = _number(text)
        if not unit:
            return _whole(number)
        factor = _DURATIONS.get(unit.lower())
        if factor is None:
            raise UnreadableError(f"its units are {UNITS[Type.DURATION][0]}")
        return Since(_whole(number * factor))
    whole, dot, fraction = text.partition(".")
    if dot and not (fraction.isascii() and fraction.isdigit() and len(fraction) <= 9):
        raise UnreadableError("")
    try:
        moment = datetime.fromisoformat(whole)
    except ValueError as problem:
        raise UnreadableError("") from problem
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86400 + elapsed.seconds) * NANOSECONDS + int((fraction or "0").ljust(9, "0"))
