"""The only visitor over Construct: what fields a declaration has, and `struct` layouts for its fixed-size runs.

It knows a closed subset: big- and little-endian integers, `Enum` keyed by integers, `Bytes` of a fixed size or of the size an
earlier field says, `Struct`, and `Switch` with a default. Anything else is a `TypeError` that names the field; generators for
other tools would have to guess what it means.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from construct import Bytes, Construct, Enum, FormatField, Pass, Renamed, Struct, Switch

_STEP = re.compile(r"\['(\w+)'\]")
_SHORT = {"L": "I", "l": "i"}  # the same four bytes once a byte order is given


class Field(NamedTuple):
    """One field of a declaration. A field of a case has the case in its path: `content[F].name`."""

    path: str
    kind: str  # "uint", "int", "enum", "bytes", "struct" or "switch"
    size: int | None  # bytes; None where another field or the case says it
    format: str | None  # `struct` format of an integer, with its byte order
    sized_by: str | None  # expression that gives the size of bytes, or that chooses the case: "length", "length - 8"
    values: tuple[tuple[int, str], ...]  # of an enum: number and name
    doc: str  # a `notes.Note` where the declaration has one


class Located(NamedTuple):
    """One field in concrete bytes: `data[start:end]`. `complete` is False where the bytes end too early."""

    path: str
    kind: str
    start: int
    end: int
    value: Any  # int, bytes, or a name for an enum (its number where it has none); None for struct, switch and incomplete
    doc: str
    complete: bool


def walk(construct: Construct) -> Iterator[Field]:
    """Every field of `construct`, outer before inner, in wire order.

    Raises:
        TypeError: A field leaves the closed subset; the message names it.
    """
    yield from _walk(construct, "", "")


def layout(fields: Iterable[Field]) -> struct.Struct:
    """One `struct` layout for consecutive fields of fixed size.

    Raises:
        TypeError: A field has no fixed size, or byte orders differ.
    """
    order, codes = "", ""
    for field in fields:
        if field.kind in ("struct", "switch"):
            continue
        if field.size is None:
            raise TypeError(f"{field.path}: no fixed size, so it fits no layout")
        if field.format is None:
            codes += f"{field.size}s"
            continue
        if order and field.format[0] != order:
            raise TypeError(f"{field.path}: byte order {field.format[0]!r} in a layout of {order!r}")
        order = field.format[0]
        codes += field.format[1:]
    return struct.Struct((order or ">") + codes)


def fixed_run(construct: Construct, after: str | None = None) -> struct.Struct:
    """Layout of the fields of fixed size that follow the field `after` (None: from the start), up to the first of another kind.

    Raises:
        KeyError: There is no field `after`.
    """
    run: list[Field] = []
    taking = after is None
    for field in walk(construct):
        if taking and field.kind != "struct":
            if field.size is None:
                break
            run.append(field)
        taking = taking or field.path == after
    if not taking:
        raise KeyError(after)
    return layout(run)


def locate(construct: Construct, data: bytes, start: int = 0) -> list[Located]:
    """Where each field of `construct` stands in `data`, for a message shown as a tree.

    Returns:
        Fields in wire order, outer before inner; the first field that the bytes do not fill is the last, `complete` False.
        Positions count bytes of `data`.

    Raises:
        TypeError: The declaration leaves the closed subset. Bytes never raise.
    """
    found: list[Located] = []
    _locate(construct, data, start, "", "", {}, found)
    return found


def _join(path: str, name: str | None) -> str:
    return path if not name else f"{path}.{name}" if path else name


def _unwrap(construct: Construct, path: str, doc: str) -> tuple[Construct, str, str]:
    while isinstance(construct, Renamed):
        path = _join(path, construct.name) if construct.name != getattr(construct.subcon, "name", None) else path
        doc = construct.docs or doc
        construct = construct.subcon
    return construct, path, doc


def _expression(expression: Any) -> str:
    if isinstance(expression, int):
        return str(expression)
    text = repr(expression)
    if not text.startswith(("this", "(this")):
        raise TypeError
    return _STEP.sub(lambda step: "" if step[1] == "_" else step[1], text).replace("this", "").strip("()")


def _scalar(construct: Construct, path: str, doc: str) -> Field | None:
    if isinstance(construct, FormatField):
        order, code = construct.fmtstr
        kind = "uint" if code.isupper() else "int"
        return Field(path, kind, construct.sizeof(), order + _SHORT.get(code, code), None, (), doc)
    if isinstance(construct, Enum):
        number = _scalar(construct.subcon, path, doc)
        if number is None or number.kind != "uint":
            return None
        if all(isinstance(number, int) for number in construct.decmapping):
            values = tuple(sorted((int(number), str(name)) for number, name in construct.decmapping.items()))
            return number._replace(kind="enum", values=values)
        return None
    if isinstance(construct, Bytes):
        if isinstance(construct.length, int):
            return Field(path, "bytes", construct.length, None, None, (), doc)
        try:
            return Field(path, "bytes", None, None, _expression(construct.length), (), doc)
        except TypeError:
            return None
    return None


def _outside(construct: Construct, path: str) -> TypeError:
    return TypeError(
        f"{path or 'the declaration'}: {type(construct).__name__} is outside the subset of integers, Enum keyed by integers, "
        "sized Bytes, Struct and Switch with a default"
    )


def _walk(construct: Construct, path: str, doc: str) -> Iterator[Field]:
    construct, path, doc = _unwrap(construct, path, doc)
    scalar = _scalar(construct, path, doc)
    if scalar is not None:
        yield scalar
    elif type(construct) is Struct:
        if path:
            yield Field(path, "struct", None, None, None, (), doc)
        for inner in construct.subcons:
            yield from _walk(inner, path, "")
    elif type(construct) is Switch and construct.default is not Pass:
        try:
            chosen_by = _expression(construct.keyfunc)
        except TypeError:
            raise _outside(construct, path) from None
        yield Field(path, "switch", None, None, chosen_by, (), doc)
        for key, case in construct.cases.items():
            yield from _walk(case, f"{path}[{key}]", "")
        yield from _walk(construct.default, f"{path}[else]", "")
    else:
        raise _outside(construct, path)


def _locate(
    construct: Construct, data: bytes, start: int, path: str, doc: str, context: dict[str, Any], found: list[Located]
) -> tuple[int, Any]:
    """Append the fields at `start`; gives the position behind them, or -1 when the bytes ended, and the value."""
    construct, path, doc = _unwrap(construct, path, doc)
    field = _scalar(construct, path, doc)
    if field is not None:
        size = field.size
        if size is None:
            length = construct.length(_Context(context))
            size = length if length > 0 else 0
        end = start + size
        if end > len(data):
            found.append(Located(path, field.kind, start, len(data), None, doc, False))
            return -1, None
        value: Any = data[start:end] if field.format is None else struct.unpack_from(field.format, data, start)[0]
        if field.kind == "enum":
            value = dict(field.values).get(value, value)
        found.append(Located(path, field.kind, start, end, value, doc, True))
        return end, value
    if type(construct) is Switch:
        key = construct.keyfunc(_Context(context))
        return _locate(construct.cases.get(key, construct.default), data, start, path, doc, context, found)
    if type(construct) is not Struct:
        raise _outside(construct, path)
    place = len(found)
    if path:
        found.append(Located(path, "struct", start, start, None, doc, True))
    inner: dict[str, Any] = {"_": context}
    position = start
    for subcon in construct.subcons:
        position, value = _locate(subcon, data, position, path, "", inner, found)
        if position < 0:
            break
        inner[subcon.name] = value
    if path:
        end = position if position >= 0 else len(data)
        found[place] = found[place]._replace(end=end, complete=position >= 0)
    return position, inner


class _Context(dict[str, Any]):
    """What a `this` expression looks at; outer levels stand under `_`."""

    def __missing__(self, key: str) -> Any:
        raise TypeError(f"{key}: a size or case is taken from a field that is not there")
