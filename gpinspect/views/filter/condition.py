"""Conditions as functions: put together once, then asked for each item.

What is not known compares false whatever it is compared with, but for `== null`. A field with several values fits when one of
them does, and is null when it has none; `!=` and `!~` say that none of them fits.
"""

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from gpinspect.views.filter.fields import Around, Field, Getter
from gpinspect.views.filter.parser import Both, Condition, Either, Not, Test
from gpinspect.views.filter.values import Since, Type, Value

Predicate = Callable[[Any], bool]
Filter = Callable[[Around], Predicate]
"""Given what surrounds the items, a function that says whether an item fits."""

_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = MappingProxyType(
    {"==": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
)
_FRAMES: Final[Mapping[str, Callable[[Any, Any], bool]]] = MappingProxyType(
    {
        "==": lambda frames, number: frames[0] <= number <= frames[1],
        "<": lambda frames, number: frames[1] < number,
        "<=": lambda frames, number: frames[0] <= number,
        ">": lambda frames, number: frames[0] > number,
        ">=": lambda frames, number: frames[1] >= number,
    }
)


def compiled(condition: Condition) -> Filter:
    """The function for a condition."""
    return lambda around: _predicate(condition, around)


def _predicate(condition: Condition, around: Around) -> Predicate:
    match condition:
        case Both(parts):
            every = [_predicate(part, around) for part in parts]
            return lambda item: all(fits(item) for fits in every)
        case Either(parts):
            some = [_predicate(part, around) for part in parts]
            return lambda item: any(fits(item) for fits in some)
        case Not(part):
            inner = _predicate(part, around)
            return lambda item: not inner(item)
        case Test():
            return _test(condition, around)


def _test(test: Test, around: Around) -> Predicate:
    get, known = test.field.get, [value for value in test.values if value is not None]
    if len(known) < len(test.values):
        return _null(test, known, around)
    fits = _fits(test, around)
    negative = test.sign in ("!=", "!~")
    if test.field.several:
        return _any(get, fits, negative, around)
    if negative:
        return lambda item: (value := get(item, around)) is not None and not fits(value)
    return lambda item: (value := get(item, around)) is not None and fits(value)


def _any(get: Getter, fits: Predicate, negative: bool, around: Around) -> Predicate:
    def several(item: Any) -> bool:
        values = get(item, around)
        return bool(values) and any(fits(value) for value in values) is not negative

    return several


def _null(test: Test, known: list[Value], around: Around) -> Predicate:
    get = test.field.get

    def absent(item: Any) -> bool:
        value = get(item, around)
        return value is None or (test.field.several and not value)

    if test.sign == "!=":
        return lambda item: not absent(item)
    if not known:
        return absent
    other = _test(Test(test.field, "in", tuple(known)), around)
    return lambda item: absent(item) or other(item)


def _fits(test: Test, around: Around) -> Predicate:
    """Whether one known value passes, negation left out."""
    if test.search is not None:
        return test.search
    field = test.field
    values = [_settled(value, field, around) for value in test.values]
    if any(value is None for value in values):
        return lambda value: False
    rank = {word: number for number, word in enumerate(field.words)} if field.ordered else {}
    if test.sign == "in":
        if field.type is Type.FRAMES:
            within = _FRAMES["=="]
            return lambda seen: any(within(seen, number) for number in values)
        wanted = frozenset(values)
        return lambda seen: (rank.get(seen) if rank else seen) in wanted
    compare: Callable[[Any, Any], bool] = (_FRAMES if field.type is Type.FRAMES else _COMPARE)[
        "==" if test.sign == "!=" else test.sign
    ]
    value = values[0]
    if rank:
        return lambda seen: seen in rank and compare(rank[seen], value)
    return lambda seen: compare(seen, value)


def _settled(value: Value | None, field: Field, around: Around) -> Any:
    """A value as it is compared: the rank of an ordered word, a time since the first frame as a time."""
    if isinstance(value, Since):
        return None if around.first_ns is None else around.first_ns + value.ns
    return field.words.index(value) if field.ordered and isinstance(value, str) else value
