"""What all lists share: marks and letters, steps in time and to errors and stalls, copy and export.

`rows` has the table and the strip below it, `asked` filter, search and order.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from gpinspect.tui.clipboard import put
from gpinspect.tui.commands import JUMPS, LISTED, MOVING, ROWS, SESSION, SIDEWAYS, TIMED, WALK
from gpinspect.tui.screens.asked import AskedScreen
from gpinspect.views.browse import Listing
from gpinspect.views.objects import Object
from gpinspect.views.spots import Spot, error_spots, jump, rows_of
from gpinspect.views.text import plural, printable

SECOND = 1_000_000_000
COPIED = 10_000
"""Rows that are copied at most: terminals take no more."""


class ListScreen(AskedScreen):
    """A table with all that a person does to rows."""

    groups: ClassVar[tuple[str, ...]] = (MOVING, ROWS, SIDEWAYS, LISTED, JUMPS, SESSION, WALK, "growing")

    def __init__(self) -> None:
        super().__init__()
        self._letters: dict[str, Hashable] = {}

    # marks and letters ----------------------------------------------------------------------------------------------------

    def do_mark(self, count: int | None) -> None:
        table = self.table
        assert table is not None
        for _ in range(min(count or 1, table.count())):
            key = table.key()
            if key is None:
                break
            table.marked ^= {key}
            if table.cursor + 1 >= table.count():
                break
            table.move_to(table.cursor + 1)
        table.changed()

    def marked_items(self) -> list[Any]:
        """The marked rows in order of the list, else the one under the cursor."""
        table = self.table
        assert table is not None
        item = table.item()
        if not table.marked:
            return [] if item is None else [item]
        found: list[Any] = []
        listing = self.base if self.base is not None else table.listing
        if listing.find_at is not None:
            places = sorted(place for key in table.marked if (place := listing.find(key)) is not None)
            return [listing.items[place] for place in places]
        for number in range(len(listing)):
            if listing.key(listing.items[number]) in table.marked:
                found.append(listing.items[number])
        return found

    def do_set_mark(self, count: int | None, letter: str) -> None:
        key = self.table.key() if self.table is not None else None
        if key is not None:
            self._letters[letter] = key
            self.walk.say(f"' {letter} comes back here")

    def do_go_to_mark(self, count: int | None, letter: str) -> None:
        assert self.table is not None
        key = self._letters.get(letter)
        place = None if key is None else self.table.listing.find(key, self.table.cursor)
        if place is None:
            self.walk.say(f"no row is remembered under {letter}" if key is None else "that row is not shown")
            return
        self.table.move_to(place)

    # time, errors and stalls ----------------------------------------------------------------------------------------------

    def do_time(self, count: int | None) -> None:
        self.walk.time_modes[self.place] = self.time_mode.following
        self.show(self.walk.snapshot)
        self.walk.say(f"time {self.time_mode.value}")

    def _to_time(self, wanted: Callable[[int], int], forward: bool) -> None:
        """Go to the row that began at or behind a time (or the last one before it)."""
        table = self.table
        assert table is not None
        listing = table.listing
        time_of, size = listing.time_of, len(listing)
        if time_of is None:
            self.walk.say("the rows of this list have no order of time")
            return
        if not size:
            return
        if self.wish.sort or self.wish.reverse:
            self.walk.say("sorted otherwise: steps in time need the order of the capture (< or >)")
            return
        now = time_of(listing.items[table.cursor])
        if now is None:
            self.walk.say("the time of this row is not known")
            return
        limit = wanted(now)
        low, high = 0, size
        while low < high:
            middle = (low + high) // 2
            at = time_of(listing.items[middle])
            if at is not None and (at < limit if forward else at <= limit):
                low = middle + 1
            else:
                high = middle
        place = low if forward else low - 1
        if not 0 <= place < size:
            self.walk.say("nothing later" if forward else "nothing earlier")
        table.move_to(place)

    def do_second_back(self, count: int | None) -> None:
        self._to_time(lambda now: now - (count or 1) * SECOND, False)

    def do_second_on(self, count: int | None) -> None:
        self._to_time(lambda now: now + (count or 1) * SECOND, True)

    def do_minute(self, count: int | None) -> None:
        start = self.walk.snapshot.first_ns or 0
        minute = 60 * SECOND
        self._to_time(lambda now: (now // minute + 1) * minute if count is None else start + count * minute, True)

    def rows_of(self, spots: Sequence[Spot]) -> dict[int, Spot]:
        """Rows with the place that each of them holds."""
        assert self.table is not None
        items = self.table.listing.items
        names: dict[Hashable, int] = {}
        for number in range(len(items)):
            for name in self.names(items[number]):
                names.setdefault(name, number)
        return rows_of(spots, names)

    def _jump(self, spots: Sequence[Spot], steps: int, name: str) -> None:
        assert self.table is not None
        rows = self.rows_of(spots)
        row = jump(sorted(rows), self.table.cursor, steps)
        if row is None:
            here = f"; here: {printable(rows[self.table.cursor].words)}" if self.table.cursor in rows else ""
            self.walk.say(f"no {name} {'further on' if steps > 0 else 'before this'} in this list{here}")
            return
        self.table.move_to(row)
        self.walk.say(printable(rows[row].words))

    def do_next_error(self, count: int | None) -> None:
        self._jump(error_spots(self.walk.snapshot), count or 1, "error")

    def do_previous_error(self, count: int | None) -> None:
        self._jump(error_spots(self.walk.snapshot), -(count or 1), "error")

    def do_next_stall(self, count: int | None) -> None:
        self._jump(self.walk.stalls(), count or 1, "stall")

    def do_previous_stall(self, count: int | None) -> None:
        self._jump(self.walk.stalls(), -(count or 1), "stall")

    # out of here ----------------------------------------------------------------------------------------------------------

    def _rows_of(self, listing: Listing[Any], items: Iterable[Any]) -> Iterator[list[str]]:
        columns = [(number, column) for number, column in enumerate(listing.columns)]
        yield [column.name or "State" for _, column in columns]
        for item in items:
            yield [column.value(item, listing.context) for _, column in columns]

    def exported_rows(self) -> Iterator[list[str]] | None:
        if self.table is None:
            return None
        listing = self.table.listing
        return self._rows_of(listing, (listing.items[number] for number in range(len(listing))))

    def exported_objects(self) -> Iterator[Object] | None:
        if self.table is None or type(self).object_of is ListScreen.object_of:
            return None
        items = self.table.listing.items
        return (made for number in range(len(items)) if (made := self.object_of(items[number])) is not None)

    def do_copy(self, count: int | None) -> None:
        assert self.table is not None
        items = self.marked_items()[:COPIED]
        rows = list(self._rows_of(self.table.listing, items))[1:]
        put(self.app, "\n".join("\t".join(row) for row in rows))
        self.walk.say(f"{plural(len(rows), 'row')} copied" if rows else "there is no row to copy")


class TimedList(ListScreen):
    """A list whose rows have a time."""

    groups: ClassVar[tuple[str, ...]] = (*ListScreen.groups, TIMED)
