"""What a person chose for lists, kept while they go in and back: filters by what the list is about, order and columns by kind."""

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from gpinspect.views.arrange import Arrangement


class Wishes:
    def __init__(self) -> None:
        self._common: dict[str, Arrangement] = {}
        self._filters: dict[tuple[str, Hashable], str] = {}

    def wish(self, place: str, subject: Hashable) -> Arrangement:
        common = self._common.get(place, Arrangement())
        return replace(common, expression=self._filters.get((place, subject), ""))

    def change(self, place: str, subject: Hashable, **changes: Any) -> None:
        """Args: fields of `Arrangement`."""
        if "expression" in changes:
            self._filters[place, subject] = changes.pop("expression")
        self._common[place] = replace(self._common.get(place, Arrangement()), **changes)
