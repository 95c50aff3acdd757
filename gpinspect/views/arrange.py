"""A list as a person wants it: some of its rows, in another order, with some of its columns. Rows are made when they are shown.

Working through a long list takes time, so it is done in steps: whoever asked can do something in between, or give up.
"""

import heapq
import re
from array import array
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, overload

from gpinspect.views.browse import Listing
from gpinspect.views.tables import Column

Item = TypeVar("Item")

STEP = 2_000
"""Rows after which a step is over."""

RUN = 32_000
"""Rows that are sorted at once: some milliseconds."""
PLACE_BITS = 40
LAST_PLACE = (1 << PLACE_BITS) - 1

Steps = Generator[int, None, "Listing[Any]"]
"""Gives the number of rows worked through, now and then; returns the list."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What a person chose. `sort` and `hidden` are names of columns; "" = the order of the list itself."""

    expression: str = ""
    sort: str = ""
    reverse: bool = False
    hidden: frozenset[str] = frozenset()

    @property
    def moves_rows(self) -> bool:
        return bool(self.expression or self.sort or self.reverse)


class Chosen(Sequence[Item], Generic[Item]):
    """Rows of another sequence, by their places there."""

    def __init__(self, items: Sequence[Item], places: "array[int]", ascending: bool) -> None:
        self.items = items
        self.places = places
        self.ascending = ascending  # in the order of `items`

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            return [self.items[place] for place in self.places[index]]
        return self.items[self.places[index]]


def arranged(base: Listing[Item], wish: Arrangement, fits: Callable[[Item], bool] | None) -> Steps:
    """The list as it is wanted.

    Args:
        fits: Which items stay; None: all.
    """
    columns = tuple(column for column in base.columns if column.name not in wish.hidden or not column.name)
    listing: Listing[Any] = replace(base, columns=columns or base.columns)
    if fits is None and not (wish.sort or wish.reverse):
        return listing
    items = base.items
    places = array("Q")
    for start in range(0, len(items), STEP):
        stop = min(start + STEP, len(items))
        if fits is None:
            places.extend(range(start, stop))
        else:
            places.extend(place for place in range(start, stop) if fits(items[place]))
        yield stop
    key = sort_key(base, wish.sort)
    if key is not None:
        places = yield from _sorted(items, places, key, wish.reverse)
    elif wish.reverse:
        places.reverse()
    ascending = key is None and not wish.reverse

    def find(wanted: Hashable, near: int) -> int | None:
        if ascending and base.find_at is not None:
            place = base.find(wanted, near)
            return _index(places, place) if place is not None else None
        return None if base.find_at is None else _unsorted(places, base.find(wanted, near))

    return replace(listing, items=Chosen(items, places, ascending), find_at=find if base.find_at is not None else None)


def _sorted(
    items: Sequence[Any], places: "array[int]", key: Callable[[Any], Any], reverse: bool
) -> Generator[int, None, "array[int]"]:
    """Places by key, equal ones in the order of the list; what has no value comes last, whichever way round.

    Runs are sorted and then merged, so that no step is long. A whole number and a place become one number: half of the memory.
    """
    turned = LAST_PLACE if reverse else 0  # equal ones keep their order
    runs: list[list[Any]] = []
    run: list[Any] = []
    unknown = array("Q")
    for start in range(0, len(places), STEP):
        for place in places[start : start + STEP]:
            value = key(items[place])
            if value is None:
                unknown.append(place)
            else:
                run.append(value << PLACE_BITS | (place ^ turned) if type(value) is int else (value, place ^ turned))
        if len(run) >= RUN or start + STEP >= len(places):
            run.sort(reverse=reverse)
            runs.append(run)
            run = []
        yield start
    merged = array("Q")
    for number, one in enumerate(heapq.merge(*runs, reverse=reverse)):
        merged.append((one & LAST_PLACE if type(one) is int else one[1]) ^ turned)
        if not number % STEP:
            yield number
    return merged + unknown


def _index(places: "array[int]", place: int) -> int | None:
    from bisect import bisect_left

    at = bisect_left(places, place)
    return at if at < len(places) and places[at] == place else None


def _unsorted(places: "array[int]", place: int | None) -> int | None:
    try:
        return None if place is None else places.index(place)
    except ValueError:
        return None


def finished(steps: Steps) -> Listing[Any]:
    """All steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Listing[Any] = end.value
            return found


# what a column is sorted by -------------------------------------------------------------------------------------------------

_UNITS = {
    "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15, "eb": 1e18,
    "ns": 1.0, "ms": 1e6, "s": 1e9, "k": 1e3, "m": 1e6, "g": 1e9,
}  # fmt: skip
_NUMBER = re.compile(r"[>~]?(-?[\d,]+(?:\.\d+)?) ?([A-Za-z]*)\b")


def sort_key(listing: Listing[Item], name: str) -> Callable[[Item], Any] | None:
    """What rows are compared by for a column: its own key, or what its cell says; None where there is no such column.

    A key gives whole numbers for all rows, or other values that compare with each other for all; None for not known.
    """
    column: Column[Item] | None = next((column for column in listing.columns if column.name == name and name), None)
    if column is None:
        return None
    own = listing.sort_keys.get(name)
    if own is not None:
        return own
    context, value = listing.context, column.value
    return lambda item: cell_key(value(item, context))


def cell_key(cell: str) -> tuple[int, float, str] | None:
    """A cell as something that compares as a person expects: numbers by size, with their units, in front of words."""
    if cell in ("", "-"):
        return None
    found = _NUMBER.fullmatch(cell)
    if found is not None and found[2].lower() in ("", *_UNITS):
        return 0, float(found[1].replace(",", "")) * _UNITS.get(found[2].lower(), 1.0), cell
    return 1, 0.0, cell.casefold()
