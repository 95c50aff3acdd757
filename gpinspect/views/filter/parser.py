"""Recursive descent from tokens to conditions; what does not fit together is found here, before a frame is read.

either     = both { ("||" | "or") both }
both       = negated { ("&&" | "and") negated }
negated    = ("!" | "not") negated | "(" either ")" | test
test       = field [ sign value | ["not"] "in" "(" value { "," value } ")" ]
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gpinspect.views.filter.fields import Field, Fields, aliases, names
from gpinspect.views.filter.lexer import Token, tokens
from gpinspect.views.filter.mistake import FilterError
from gpinspect.views.filter.search import PatternError, searcher
from gpinspect.views.filter.values import EXAMPLES, Type, UnreadableError, Value, read_value
from gpinspect.views.text import printable

DEEPEST: Final = 60
"""Parentheses and negations within each other."""

EQUALS: Final = ("==", "!=", "in")
ORDER: Final = ("<", "<=", ">", ">=")
SEARCH: Final = ("~", "!~")
_ALLOWED: Final[Mapping[Type, tuple[str, ...]]] = {
    Type.TEXT: EQUALS + SEARCH,
    Type.WORD: EQUALS + SEARCH,
    Type.FLAG: ("==", "!="),
}
_KEYWORDS: Final = frozenset(("and", "or", "not", "in"))
_SIGNS: Final = EQUALS[:2] + ORDER + SEARCH


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison. `values` are one, for `in` several; None stands for null. `search` is there for ~ and !~."""

    field: Field
    sign: str
    values: tuple[Value | None, ...]
    search: Callable[[str], bool] | None = None


@dataclass(frozen=True, slots=True)
class Both:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


Condition = Test | Both | Either | Not


def parse(expression: str, fields: Fields) -> Condition:
    """Read an expression about objects with these fields.

    Raises:
        FilterError: It is none; what was seen, what was wanted, and where.
    """
    return _Parser(expression, fields).parse()


class _Parser:
    def __init__(self, expression: str, fields: Fields) -> None:
        self._fields = fields
        self._tokens = list(tokens(expression))
        self._at = 0
        self._depth = 0

    def parse(self) -> Condition:
        if self._token.kind == "end":
            raise FilterError("the expression is empty; wanted a condition such as " + _example(self._fields), 0, 1)
        condition = self._either()
        if self._token.kind != "end":
            raise self._unexpected("&&, || or the end")
        return condition

    # tokens -----------------------------------------------------------------------------------------------------------

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._token
        self._at += token.kind != "end"
        return token

    def _is(self, sign: str, *keywords: str) -> bool:
        token = self._token
        return (token.kind == "sign" and token.text == sign) or (token.kind == "atom" and token.text.lower() in keywords)

    def _unexpected(self, wanted: str) -> FilterError:
        token = self._token
        return FilterError(f"{_seen(token)}; wanted {wanted}", token.start, token.end)

    # rules ------------------------------------------------------------------------------------------------------------

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._is("||", "or"):
            self._next()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Condition:
        parts = [self._negated()]
        while self._is("&&", "and"):
            self._next()
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _negated(self) -> Condition:
        self._depth += 1
        if self._depth > DEEPEST:
            raise FilterError(f"more than {DEEPEST} parentheses or negations within each other", self._token.start, self._token.end)
        try:
            if self._is("!", "not"):
                self._next()
                return Not(self._negated())
            if self._is("("):
                opening = self._next()
                inner = self._either()
                if not self._is(")"):
                    raise self._unexpected(f"a ) for the ( at character {opening.start + 1:,}, or && or ||")
                self._next()
                return inner
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Condition:
        field = self._field()
        if self._is("", "not"):
            self._next()
            if not self._is("", "in"):
                raise self._unexpected("in")
            return Not(self._in(field, negated=True))
        if self._is("", "in"):
            return self._in(field)
        if self._token.kind == "sign" and self._token.text in _SIGNS:
            return self._comparison(field)
        if field.type is Type.FLAG and not field.several:
            return Test(field, "==", (True,))
        raise self._unexpected(f"a comparison for {field.name}: {', '.join(_allowed(field))}")

    def _field(self) -> Field:
        token = self._token
        if token.kind != "atom" or token.text.lower() in _KEYWORDS:
            raise self._unexpected("the name of a field")
        found = self._fields.get(token.text) or self._fields.get(token.text.lower())
        if found is None:
            raise FilterError(f"{_seen(token)}, which is no field; {_nearest(token.text, self._fields)}", token.start, token.end)
        self._next()
        return found

    def _comparison(self, field: Field) -> Condition:
        sign = self._next()
        allowed = _allowed(field)
        if sign.text not in allowed:
            kind = f"{field.name} is a {field.type.value}"
            raise FilterError(f"{kind}, which {sign.text} does not compare; wanted {', '.join(allowed)}", sign.start, sign.end)
        if sign.text in SEARCH:
            return self._search(field, sign.text)
        return Test(field, sign.text, (self._value(field, sign.text),))

    def _search(self, field: Field, sign: str) -> Condition:
        token = self._token
        if token.kind not in ("text", "atom"):
            raise self._unexpected('a pattern in quotes, such as "orders.*csv"')
        try:
            search = searcher(token.text)
        except PatternError as problem:
            shift = token.kind == "text" and token.end - token.start == len(token.text) + 2
            where = token.start + problem.position + shift if shift or token.kind == "atom" else token.start
            raise FilterError(problem.problem, min(where, token.end - 1), min(where, token.end - 1) + 1) from problem
        self._next()
        return Test(field, sign, (token.text,), search)

    def _in(self, field: Field, *, negated: bool = False) -> Condition:
        word = self._next()
        if "in" not in _allowed(field):
            raise FilterError(f"{field.name} is a {field.type.value}; wanted {', '.join(_allowed(field))}", word.start, word.end)
        if not self._is("("):
            raise self._unexpected(f"( and the values that {field.name} may have")
        self._next()
        values = [self._value(field, "==")]
        while self._is(","):
            self._next()
            values.append(self._value(field, "=="))
        if not self._is(")"):
            raise self._unexpected(", or )")
        self._next()
        test = Test(field, "in", tuple(values))
        return Either((test, Test(field, "==", (None,)))) if negated and None not in values else test

    def _value(self, field: Field, sign: str) -> Value | None:
        token = self._token
        if token.kind not in ("text", "atom"):
            raise self._unexpected(_wanted(field))
        if token.kind == "atom" and token.text.lower() == "null":
            if sign not in ("==", "!="):
                raise FilterError(f"nothing is more or less than null; wanted {_wanted(field)}", token.start, token.end)
            self._next()
            return None
        try:
            value = read_value(field.type, token.text, token.kind == "text")
        except UnreadableError as problem:
            more = f" ({problem})" if str(problem) else ""
            raise FilterError(f"{_seen(token)}{more}; {field.name} wants {_wanted(field)}", token.start, token.end) from problem
        if isinstance(value, str):
            value = field.letters.get(value, value)
        if field.words and value not in field.words:
            raise FilterError(
                f"{_seen(token)}; {field.name} is {_wanted(field)}{_near_word(str(value), field)}", token.start, token.end
            )
        self._next()
        return value


# words of messages --------------------------------------------------------------------------------------------------------


def _allowed(field: Field) -> tuple[str, ...]:
    allowed = _ALLOWED.get(field.type, (*EQUALS, *ORDER))
    return allowed + ORDER if field.ordered else allowed


def _seen(token: Token) -> str:
    if token.kind == "end":
        return "the expression ends here"
    text = token.text if len(token.text) <= 60 else token.text[:60] + "…"
    return f'"{printable(text)}" in quotes' if token.kind == "text" else f"{printable(text)} stands here"


def _wanted(field: Field) -> str:
    if field.words:
        return ", ".join(field.words[:-1]) + f" or {field.words[-1]}"
    return EXAMPLES.get(field.type, 'a text, in quotes unless it is one word, such as "/data/a b.csv"')


def _near_word(text: str, field: Field) -> str:
    near = difflib.get_close_matches(text.lower()[:60], field.words, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _nearest(text: str, fields: Fields) -> str:
    near = difflib.get_close_matches(text.lower()[:60], list(fields), n=1, cutoff=0.5)
    if near:
        meant = aliases(fields).get(near[0])
        return f"did you mean {near[0]}?" if meant is None else f"did you mean {near[0]} ({meant})?"
    own = [name for name in names(fields) if "." not in name]
    return f"wanted one of {', '.join(own)}"


def _example(fields: Fields) -> str:
    return next(
        (
            text
            for name, text in (
                ("payload_bytes", "payload_bytes > 1MB"),
                ("length", "length > 1k"),
                ("severity", "severity >= warning"),
            )
            if name in fields
        ),
        'version == "TLSv1.2"',
    )
