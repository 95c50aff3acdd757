"""An expression as tokens, each with where it stands."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from gpinspect.views.filter.mistake import FilterError

LONGEST: Final = 4_096
"""Characters of an expression."""

_SIGNS: Final = ("&&", "||", "==", "!=", "<=", ">=", "!~", "<", ">", "~", "!", "(", ")", ",")
_ENDS: Final = frozenset("&|=!<>~(),\"' \t\r\n")
_QUOTES: Final = "\"'"


class Token(NamedTuple):
    """`kind` is "sign", "atom" (a name, number or bare word), "text" (in quotes) or "end"."""

    kind: str
    text: str  # of a quoted text what it stands for
    start: int
    end: int


def tokens(expression: str) -> Iterator[Token]:
    """The tokens of an expression, the last one an "end".

    Raises:
        FilterError: A quote that is not closed, a lone sign, or an expression that is too long.
    """
    if len(expression) > LONGEST:
        raise FilterError(f"the expression has {len(expression):,} characters; at most {LONGEST:,} are taken", LONGEST, LONGEST + 1)
    at = 0
    while at < len(expression):
        character = expression[at]
        if character.isspace():
            at += 1
            continue
        sign = next((sign for sign in _SIGNS if expression.startswith(sign, at)), None)
        if sign is not None:
            token = Token("sign", sign, at, at + len(sign))
        elif character in _QUOTES:
            token = _quoted(expression, at)
        elif character in _ENDS:
            double = {"=": "==", "&": "&&", "|": "||"}[character]
            raise FilterError(f"{character} stands alone; write {double}", at, at + 1)
        else:
            end = at
            while end < len(expression) and expression[end] not in _ENDS and not expression[end].isspace():
                end += 1
            token = Token("atom", expression[at:end], at, end)
        yield token
        at = token.end
    yield Token("end", "", len(expression), len(expression))


def _quoted(expression: str, start: int) -> Token:
    r"""A text in quotes. `\"` and `\\` stand for quote and backslash; before any other character a backslash is itself."""
    quote, at = expression[start], start + 1
    found: list[str] = []
    while at < len(expression):
        character = expression[at]
        if character == quote:
            return Token("text", "".join(found), start, at + 1)
        if character == "\\" and expression[at + 1 : at + 2] == quote:
            at += 1
            character = quote
        elif character == "\\" and expression[at + 1 : at + 2] == "\\":
            at += 1
        found.append(character)
        at += 1
    raise FilterError(f"the {quote} here is not closed", start, start + 1)
