"""Finding something by a few letters of its name."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


def score(pattern: str, text: str) -> int | None:
    """How well the letters of a pattern, in their order, name a text; less is better, None: they do not.

    Letters side by side and at the beginnings of words are better; blanks in the pattern are left out.
    """
    wanted = [letter for letter in pattern.casefold() if not letter.isspace()]
    text = text.casefold()
    if "".join(wanted) in text:
        at = text.index("".join(wanted))
        return at if at == 0 or not text[at - 1].isalnum() else at + 10
    cost, at = 100, 0
    for letter in wanted:
        found = text.find(letter, at)
        if found < 0:
            return None
        begins = found == 0 or not text[found - 1].isalnum()
        cost += (found - at) if not begins else min(found - at, 1)
        at = found + 1
    return cost


def ranked(pattern: str, items: Iterable[Item], texts: Callable[[Item], tuple[str, str]]) -> list[Item]:
    """Items whose name, or else whose description, the pattern names; best first, equals in the order given.

    Args:
        texts: Name and description of an item; a description has to hold the pattern as it is.
    """
    found: list[tuple[int, int, Item]] = []
    for number, item in enumerate(items):
        name, words = texts(item)
        cost = score(pattern, name)
        if cost is None and pattern.casefold().strip() in words.casefold():
            cost = 1_000
        if cost is not None:
            found.append((cost, number, item))
    return [item for _, _, item in sorted(found, key=lambda entry: entry[:2])]
