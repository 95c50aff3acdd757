"""Help while a filter is written: whether it holds, where it does not, and what may stand at the caret."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from gpinspect.views.filter import FIELDS, Around, Field, Filter, FilterError, make_filter
from gpinspect.views.filter.fields import Fields, names
from gpinspect.views.filter.lexer import Token, tokens
from gpinspect.views.filter.values import Type
from gpinspect.views.text import printable

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "~", "!~")
_JOINTS = ("&&", "||", "(", "!")
_WORDS = ("and", "or", "not")
LOOKED_AT = 2_000
"""Items whose values are gathered as candidates."""
MOST = 200
"""Candidates that are gathered."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An expression that was read: the filter, None when it is empty or wrong; and what is wrong."""

    filter: Filter | None
    mistake: FilterError | None = None


def checked(expression: str, kind: str) -> Checked:
    """Read an expression about a kind of object (a key of `FIELDS`)."""
    if not expression.strip():
        return Checked(None)
    try:
        return Checked(make_filter(expression, kind))
    except FilterError as mistake:
        return Checked(None, mistake)


@dataclass(frozen=True, slots=True)
class Completion:
    """What may stand from character `start` up to the caret."""

    start: int
    candidates: tuple[str, ...] = ()


def completion(expression: str, caret: int, kind: str, values: Callable[[Field], Iterable[str]]) -> Completion:
    """Candidates for the word at the caret.

    Args:
        values: Values of a field that occur, as text.
    """
    fields = FIELDS[kind]
    before, start, partial = _before(expression[:caret])
    field = _field_of_value(before, fields)
    if field is not None:
        known = field.words or (("true", "false") if field.type is Type.FLAG else tuple(values(field)))
        written = (_written(value, field) for value in known)
        bare = partial.lstrip("\"'").lower()
        found = [one for one in written if one.lstrip('"').lower().startswith(bare)]
    elif _wants_name(before):
        every = sorted(
            (*names(fields), *(name for name in fields if fields[name].name != name)), key=lambda name: ("." in name, name)
        )
        found = [name for name in every if name.startswith(partial.lower())]
        found += [name for name in every if partial.lower() in name and name not in found] if partial else []
    elif len(before) == 1 or (len(before) > 1 and before[-2].kind == "sign" and before[-2].text in _JOINTS):
        found = [sign for sign in (*COMPARISONS, "in") if sign.startswith(partial)]
    else:
        found = [sign for sign in ("&&", "||") if sign.startswith(partial)]
    return Completion(start, tuple(dict.fromkeys(found))[:MOST])


def values_of(items: Sequence[object], field: Field, around: Around) -> list[str]:
    """Values of a field among the first of these items, most frequent first."""
    counts: dict[str, int] = {}
    for item in islice(items, LOOKED_AT):
        value = field.get(item, around)
        for one in value if field.several and value else (value,):
            if one is not None and not isinstance(one, tuple):
                text = str(one)
                if text in counts or len(counts) < MOST:
                    counts[text] = counts.get(text, 0) + 1
    return sorted(counts, key=lambda text: (-counts[text], text))


def _before(head: str) -> tuple[list[Token], int, str]:
    """Whole tokens in front of the caret, where the one at the caret begins, and what of it is there."""
    try:
        found = list(tokens(head))[:-1]
    except FilterError as mistake:
        try:
            return list(tokens(head[: mistake.start]))[:-1], mistake.start, head[mistake.start :]
        except FilterError:
            return [], len(head), ""
    if found and found[-1].kind == "atom" and found[-1].end == len(head):
        return found[:-1], found[-1].start, found[-1].text
    return found, len(head), ""


def _field_of_value(before: Sequence[Token], fields: Fields) -> Field | None:
    """The field whose value stands at the caret; None when no value does."""
    if len(before) >= 2 and before[-1].kind == "sign" and before[-1].text in COMPARISONS:
        return fields.get(before[-2].text.lower()) if before[-2].kind == "atom" else None
    at = len(before) - 1
    while at >= 0 and (before[at].text == "," or before[at].kind != "sign") and before[at].text.lower() != "in":
        at -= 1
    if at >= 2 and before[at].text == "(" and before[at - 1].text.lower() == "in" and before[-1].text in ("(", ","):
        name = before[at - 2] if before[at - 2].text.lower() != "not" or at < 3 else before[at - 3]
        return fields.get(name.text.lower())
    return None


def _wants_name(before: Sequence[Token]) -> bool:
    if not before:
        return True
    last = before[-1]
    return (last.kind == "sign" and last.text in _JOINTS) or (last.kind == "atom" and last.text.lower() in _WORDS)


def _written(value: str, field: Field) -> str:
    """A value as it is written in a filter."""
    if field.type is Type.TEXT and not (value.isascii() and value.replace("_", "").replace(".", "").replace("/", "").isalnum()):
        shown = printable(value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{shown}"'
    return value
