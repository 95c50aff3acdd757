"""Views of which only the visible lines are ever made: any number of rows cost what one screen costs."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, ClassVar

from rich.style import Style
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from gpinspect.tui.look import BOLD, HIT, PLAIN, REVERSE, Look, Part
from gpinspect.views.browse import Listing
from gpinspect.views.fitting import GUTTER, Fitted, fit, padded
from gpinspect.views.text import cells, shorten

WHEEL = 3
"""Lines that one turn of the wheel moves."""


class LineView(ScrollView, can_focus=False):
    """A cursor on lines that a subclass draws one at a time.

    The line of the cursor begins with `>` and is shown in reverse; in a pane that has not the keys it only keeps the `>`.
    """

    ALLOW_SELECT = False
    heading: ClassVar[int] = 0  # lines on top that do not scroll

    class Moved(Message):
        """The cursor stands on another line."""

        def __init__(self, view: "LineView") -> None:
            super().__init__()
            self.view = view

    class Chosen(Message):
        """A line was clicked twice."""

        def __init__(self, view: "LineView") -> None:
            super().__init__()
            self.view = view

    class HeadingClicked(Message):
        """The heading was clicked, `x` cells from the left."""

        def __init__(self, view: "LineView", x: int) -> None:
            super().__init__()
            self.view = view
            self.x = x

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.look = look
        self.cursor = 0
        self.active = True

    # what a subclass says -----------------------------------------------------------------------------------------------

    def count(self) -> int:
        """Lines there are."""
        raise NotImplementedError

    def parts(self, index: int) -> Sequence[Part]:
        """Line `index` as text with styles, without the mark of the cursor."""
        raise NotImplementedError

    def heading_parts(self) -> Sequence[Part]:
        return ()

    def prepare(self, first: int, last: int) -> None:
        """Lines [first, last) are about to be drawn."""

    # size and place -----------------------------------------------------------------------------------------------------

    @property
    def page(self) -> int:
        """Lines that fit below the heading."""
        return max(1, self.size.height - self.heading)

    @property
    def first(self) -> int:
        """The line on top."""
        return self.scroll_offset.y

    def changed(self) -> None:
        """There are other lines than before: keep the cursor inside, and draw."""
        self.virtual_size = Size(0, self.count() + self.heading)
        self.cursor = min(self.cursor, max(0, self.count() - 1))
        self._follow()
        self.refresh()

    def on_resize(self) -> None:
        self._follow()

    def _follow(self) -> None:
        """Scroll as far as it takes to see the cursor."""
        top = self.first
        last = max(0, self.count() - self.page)
        wanted = min(max(top, self.cursor - self.page + 1), self.cursor, last)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, force=True)

    def move_to(self, index: int, *, tell: bool = True) -> None:
        """Put the cursor on a line; out of range means the nearest one. `tell`: post `Moved` if it was elsewhere."""
        index = min(max(index, 0), max(0, self.count() - 1))
        moved = index != self.cursor
        self.cursor = index
        self._follow()
        self.refresh()
        if moved and tell:
            self.post_message(self.Moved(self))

    def activate(self, active: bool) -> None:
        """Say whether this pane has the keys."""
        self.active = active
        self.refresh()

    # moves --------------------------------------------------------------------------------------------------------------

    def move(self, name: str, count: int | None) -> None:
        """Carry out a command of moving."""
        times = count or 1
        if name == "top" or name == "bottom":
            self.move_to(count - 1 if count is not None else 0 if name == "top" else self.count() - 1)
            return
        steps = {
            "down": 1,
            "up": -1,
            "page-down": self.page,
            "page-up": -self.page,
            "half-down": max(1, self.page // 2),
            "half-up": -max(1, self.page // 2),
        }
        step = steps[name]
        if abs(step) > 1:
            target = min(max(0, self.first + step * times), max(0, self.count() - self.page))
            self.scroll_to(y=target, animate=False, force=True)
        self.move_to(self.cursor + step * times)

    def on_click(self, event: Click) -> None:
        event.stop()
        if event.y < self.heading:
            self.post_message(self.HeadingClicked(self, event.x))
            return
        index = self.first + event.y - self.heading
        if event.y >= self.heading and index < self.count():
            self.move_to(index)
            if event.chain == 2:
                self.post_message(self.Chosen(self))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        event.prevent_default()
        self.move_to(self.cursor + WHEEL)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        event.prevent_default()
        self.move_to(self.cursor - WHEEL)

    # drawing --------------------------------------------------------------------------------------------------------------

    def render_lines(self, crop: Any) -> list[Strip]:
        self.prepare(self.first, min(self.count(), self.first + self.page))
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y < self.heading:
            return self.look.line([(" ", PLAIN), *self.heading_parts()], width)
        index = self.first + y - self.heading
        if index >= self.count():
            return self.look.line((), width)
        return self.look.line(self._marked(index), width)

    def _marked(self, index: int) -> Iterator[Part]:
        if index != self.cursor:
            yield " ", PLAIN
            yield from self.parts(index)
            return
        reverse = REVERSE if self.active else PLAIN
        yield ">", reverse + BOLD
        drawn = 1
        for text, style in self.parts(index):
            drawn += cells(text)
            yield text, reverse + Style(bold=style.bold, underline=style.underline) if self.active else style
        if self.active:
            yield " " * max(0, self.size.width - drawn), reverse


class VirtualTable(LineView):
    """Rows of a `Listing` below the names of its columns. Widths follow the rows that have been seen, and only grow."""

    heading = 1

    def __init__(self, look: Look, listing: Listing[Any], *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self.listing = listing
        self._cells: dict[int, list[str]] = {}
        self._natural: list[int] = []
        self._fitted: tuple[Fitted, ...] = ()
        self._fitted_for = 0
        self.needle = ""  # a text that is lit wherever it stands
        self.sorted_by = ""  # name of the column that the rows are sorted by
        self.reversed = False
        self.marked: set[Hashable] = set()  # keys of marked rows
        self._measure_anew()

    def count(self) -> int:
        return len(self.listing)

    def set_order(self, column: str, reverse: bool) -> None:
        """Say in the heading what the rows are sorted by."""
        self.sorted_by, self.reversed = column, reverse
        self._measure_anew()
        self.refresh()

    def show(self, listing: Listing[Any], *, cursor: int | None = None) -> None:
        """Show other rows. Without `cursor` it stays on the item it is on, as far as that is still there."""
        if cursor is None:
            key = self.key()
            cursor = self.cursor if key is None else listing.find(key, self.cursor)
        same = [column.name for column in listing.columns] == [column.name for column in self.listing.columns]
        self.listing = listing
        self._cells.clear()
        if not same:
            self._measure_anew()
        self.cursor = self.cursor if cursor is None else cursor
        self.changed()

    def key(self) -> Hashable:
        """Of the item under the cursor; None when there is none."""
        if not 0 <= self.cursor < len(self.listing):
            return None
        return self.listing.key(self.listing.items[self.cursor])

    def item(self) -> Any:
        """The item under the cursor; None when there is none."""
        return self.listing.items[self.cursor] if 0 <= self.cursor < len(self.listing) else None

    def on_mount(self) -> None:
        self.changed()
        self.post_message(self.Moved(self))  # whoever tells about the line under the cursor can begin

    def _measure_anew(self) -> None:
        self._natural = [cells(column.name) + (column.name == self.sorted_by != "") for column in self.listing.columns]
        self._fitted_for = 0
        if len(self.listing):
            self._measure(self._row(len(self.listing) - 1))

    def _row(self, index: int) -> list[str]:
        return [self.look.text(cell) for cell in self.listing.cells(index)]

    def _measure(self, row: Sequence[str]) -> None:
        for place, cell in enumerate(row):
            width = cells(cell)
            if width > self._natural[place]:
                self._natural[place] = width
                self._fitted_for = 0

    def prepare(self, first: int, last: int) -> None:
        kept = {index: row for index, row in self._cells.items() if first <= index < last}
        for index in range(first, last):
            if index not in kept:
                kept[index] = self._row(index)
                self._measure(kept[index])
        self._cells = kept
        width = self.size.width - bool(self.marked)
        if self._fitted_for != width:
            self._fitted = fit(self.listing.columns, self._natural, width - 1)
            self._fitted_for = width

    def heading_parts(self) -> Sequence[Part]:
        columns = self.listing.columns
        made: list[Part] = [(" ", PLAIN)] if self.marked else []
        for at, (place, width) in enumerate(self._fitted):
            name = columns[place].name
            sign = self.look.order(self.reversed) if name == self.sorted_by and name else ""
            made.append((padded(shorten(name, width - len(sign)) + sign, width, columns[place]) + " " * self._gutter(at), BOLD))
        return made

    def column_at(self, x: int) -> str:
        """Name of the column `x` cells from the left; "" for none."""
        left = 1 + bool(self.marked)
        for at, (place, width) in enumerate(self._fitted):
            left += width + self._gutter(at)
            if x < left:
                return self.listing.columns[place].name
        return ""

    @property
    def shown_columns(self) -> list[str]:
        """Names of the columns that there is room for, from the left."""
        return [self.listing.columns[place].name for place, _ in self._fitted]

    def parts(self, index: int) -> Sequence[Part]:
        row = self._cells.get(index) or self._row(index)
        columns = self.listing.columns
        made: list[Part] = []
        if self.marked:
            made.append(("*" if self.listing.key(self.listing.items[index]) in self.marked else " ", BOLD))
        for at, (place, width) in enumerate(self._fitted):
            style = self.look.style(columns[place].tone(row[place]))
            cell = row[place] if columns[place].name else self.look.mark(row[place])
            made += self._lit(padded(cell, width, columns[place]), style)
            made.append((" " * self._gutter(at), PLAIN))
        return made

    def _lit(self, text: str, style: Style) -> Iterator[Part]:
        """A cell with every hit of the search in it lit."""
        lowered = text.lower()
        size, at = len(self.needle), 0
        while size and len(lowered) == len(text):
            hit = lowered.find(self.needle, at)
            if hit < 0:
                break
            yield text[at:hit], style
            yield text[hit : hit + size], style + HIT
            at = hit + size
        yield text[at:], style

    def _gutter(self, at: int) -> int:
        """Blanks behind a column; the state stands close to what follows."""
        if at == len(self._fitted) - 1:
            return 0
        return 1 if at == 0 and self._fitted[at].width == 1 else GUTTER


class TextView(LineView):
    """Plain lines, for what is only read: moving scrolls."""

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self.lines: Sequence[Part] = ()

    def count(self) -> int:
        return len(self.lines)

    def set_lines(self, lines: Sequence[Part]) -> None:
        self.lines = [(self.look.text(text), style) for text, style in lines]
        self.cursor = 0
        self.changed()

    def parts(self, index: int) -> Sequence[Part]:
        return [self.lines[index]]

    def move_to(self, index: int, *, tell: bool = True) -> None:
        index = min(max(index, 0), max(0, self.count() - self.page))
        self.cursor = index
        self.scroll_to(y=index, animate=False, force=True)
        self.refresh()

    def _follow(self) -> None:
        self.move_to(self.cursor)

    def _marked(self, index: int) -> Iterator[Part]:
        yield " ", PLAIN
        yield from self.parts(index)


class Drawn(Widget):
    """A few lines that something else has made; as high as its style says."""

    ALLOW_SELECT = False

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.look = look
        self.lines: Sequence[Sequence[Part]] = ()

    def set_lines(self, lines: Sequence[Sequence[Part]]) -> None:
        """Lines of parts whose text is printable."""
        self.lines = [[(self.look.text(text), style) for text, style in line] for line in lines]
        self.refresh()

    def render_line(self, y: int) -> Strip:
        return self.look.line(self.lines[y] if y < len(self.lines) else (), self.size.width)


class Rule(Drawn):
    """A title in a line of dashes."""

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self._title = ""
        self._style = PLAIN

    def set_title(self, title: str, style: Style) -> None:
        self._title, self._style = self.look.text(title), style
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        title = shorten(f"--{self._title}", width)
        return self.look.line([(title + "-" * (width - cells(title)), self._style)], width)
