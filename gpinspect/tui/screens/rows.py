"""What all lists are made of: a table, a strip about the row under the cursor, and rows in the order that is wished for.

A list says what its rows are (`listing`), what stands in the strip, and where Enter leads.
"""

from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import Any, ClassVar

from textual.containers import Container
from textual.events import Resize
from textual.widget import Widget

from gpinspect.tui.look import BOLD, Part
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.base import WalkScreen
from gpinspect.tui.virtual import Drawn, LineView, Rule, VirtualTable
from gpinspect.tui.working import Task
from gpinspect.views.arrange import Arrangement, arranged, finished
from gpinspect.views.browse import Listing
from gpinspect.views.filter import Around, Filter
from gpinspect.views.filter_help import checked
from gpinspect.views.fitting import wrap
from gpinspect.views.objects import Object, counts_by_session
from gpinspect.views.report import Line
from gpinspect.views.tables import Context
from gpinspect.views.text import printable
from gpinspect.views.times import TimeMode

AT_ONCE = 4_000
"""Rows that are arranged without a thread."""


class RowsScreen(WalkScreen):
    """A table, and a strip about the row under the cursor: below, or at the side where there is room."""

    first_time_mode: ClassVar[TimeMode] = TimeMode.CLOCK

    def __init__(self) -> None:
        super().__init__()
        self.table: VirtualTable | None = None
        self.rule: Rule | None = None
        self.strip: Drawn | None = None
        self.base: Listing[Any] | None = None  # all rows, in their own order
        self._working: Task | None = None

    # what a list says -----------------------------------------------------------------------------------------------------

    def listing(self, found: Snapshot) -> Listing[Any]:
        raise NotImplementedError

    def strip_lines(self, item: Any) -> Iterable[Line]:
        return ()

    def strip_title(self, item: Any) -> str:
        return ""

    def open_item(self, item: Any) -> None:
        """Go in."""

    def object_of(self, item: Any) -> Object | None:
        """An item as the JSON object that a command would print."""
        return None

    def subject(self) -> Hashable:
        """What the list is about: filters are kept for each."""
        return None

    def names(self, item: Any) -> Iterable[Hashable]:
        """What a row stands for, as `gpinspect.views.spots.names_of` says it of a place."""
        return ()

    # the rest of it -------------------------------------------------------------------------------------------------------

    @property
    def context(self) -> Context:
        return self.walk.context

    @property
    def wish(self) -> Arrangement:
        return self.walk.wishes.wish(self.place, self.subject())

    @property
    def time_mode(self) -> TimeMode:
        return self.walk.time_modes.get(self.place, self.first_time_mode)

    def body(self) -> Iterable[Widget]:
        self.base = self.listing(self.walk.snapshot)
        self.table = VirtualTable(self.look, self.base, id="table")
        self.rule, self.strip = Rule(self.look, id="strip-title"), Drawn(self.look, id="strip")
        return self.table, Container(self.rule, self.strip, id="strip-box")

    def pane(self) -> LineView:
        assert self.table is not None
        return self.table

    def show(self, found: Snapshot) -> None:
        if self.table is not None and self.table.is_mounted:
            self.base = self.listing(found)
            self.rearrange()

    def status(self) -> str:
        if self.table is None or self.base is None:
            return ""
        wish, shown, all_ = self.wish, self.table.count(), len(self.base)
        parts = [f"filter: {printable(wish.expression)}"] if wish.expression else []
        if self._working is not None and self._working.running:
            parts.append(f"{self._working.word} {self._working.done * 100 // max(all_, 1)}%")
        if self.table.marked:
            parts.append(f"{len(self.table.marked):,} marked")
        if self.walk.following:
            parts.append("following")
        of = f"{shown:,} of {all_:,}" if wish.expression else f"{shown:,}"
        parts.append(f"{self.table.cursor + 1:,} of {of}" if shown else f"none of {all_:,}" if all_ else "")
        return "  ".join(filter(None, parts))

    def item(self) -> Any:
        return None if self.table is None else self.table.item()

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self.describe)

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        self.describe()

    def on_line_view_chosen(self, event: LineView.Chosen) -> None:
        self.do_open(None)

    def on_line_view_heading_clicked(self, event: LineView.HeadingClicked) -> None:
        assert self.table is not None
        name = self.table.column_at(event.x)
        if name:
            wish = self.wish
            self.wish_for(sort=name, reverse=not wish.reverse if wish.sort == name else False)

    def describe(self) -> None:
        """Fill the strip."""
        if self.rule is None or self.strip is None:
            return
        item = self.item()
        self.rule.set_title("" if item is None else f" {self.strip_title(item)} ", BOLD)
        width = max(20, self.strip.size.width)
        told = list(self.strip_lines(item)) if item is not None else []
        spare = self.strip.size.height - len(told)  # what is too long takes a second line only where there is one left
        lines: list[list[Part]] = []
        for line in told:
            texts = list(wrap(self.look.text(line.text), width, "  "))
            if len(texts) - 1 > spare:
                texts = [line.text]
            spare -= len(texts) - 1
            lines += [[(text, self.look.style(line.tone))] for text in texts]
        self.strip.set_lines(lines)

    def do_open(self, count: int | None) -> None:
        item = self.item()
        if item is not None:
            self.open_item(item)

    def do_right(self, count: int | None) -> None:
        self.do_open(count)

    # rows and order -------------------------------------------------------------------------------------------------------

    def wish_for(self, **changes: Any) -> None:
        """Another filter or order, from now on."""
        self.walk.wishes.change(self.place, self.subject(), **changes)
        self.rearrange()
        self.surround()

    def around(self) -> Around:
        """What a filter looks at beside the items."""
        found = self.walk.snapshot
        return self.walk.around_of(
            found, lambda: Around({s.id: s for s in found.sessions}, counts_by_session(found.findings), found.first_ns, found.flows)
        )

    def _fits(self, expression: str) -> Callable[[Any], bool] | None:
        base = self.base
        if base is None or not base.filter_kind or not expression:
            return None
        chosen = checked(expression, base.filter_kind).filter
        return None if chosen is None else self._predicate(chosen)

    def _predicate(self, chosen: Filter) -> Callable[[Any], bool]:
        assert self.base is not None
        predicate, looked_at = chosen(self.around()), self.base.filtered
        if looked_at is None:
            return predicate

        def fits(item: Any) -> bool:
            seen = looked_at(item)
            return seen is not None and predicate(seen)

        return fits

    def rearrange(self) -> None:
        """Show what there is as it is wanted; long lists in a thread."""
        if self.table is None or self.base is None:
            return
        wish, base = self.wish, self.base
        running = self._working if self._working is not None and self._working.running else None
        if running is not None and running.subject == wish:
            return  # what has come since is taken when it is done
        if running is not None:
            running.stop()
        steps = arranged(base, wish, self._fits(wish.expression))
        self.table.set_order(wish.sort, wish.reverse)
        if len(base) <= AT_ONCE or not wish.moves_rows:
            self._present(finished(steps))
            return
        self._working = Task(
            self, steps, "filtering" if wish.expression else "sorting", partial(self._arranged, len(base)), subject=wish
        )
        self._working.start()

    def _arranged(self, size: int, listing: Listing[Any]) -> None:
        self._present(listing)
        if self.base is not None and len(self.base) != size:
            self.rearrange()

    def _present(self, listing: Listing[Any]) -> None:
        assert self.table is not None
        last = self.table.count() - 1
        stay = self.walk.following and self.table.cursor >= last
        self.table.show(listing, cursor=max(len(listing) - 1, 0) if stay else None)
        self.describe()
        if self.is_current:
            self.surround()

    def reveal(self, wanted: Callable[[Any], bool]) -> bool:
        """Put the cursor on the first row that is wanted; where a filter hides it, the filter goes."""
        assert self.table is not None
        for attempt in (0, 1):
            items = self.table.listing.items
            index = next((index for index in range(len(items)) if wanted(items[index])), None)
            if index is not None:
                self.table.move_to(index)
                return True
            if attempt == 0 and self.wish.expression:
                self.wish_for(expression="")
        return False
