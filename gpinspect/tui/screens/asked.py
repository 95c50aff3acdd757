"""Lists that are asked: a filter, a search, the order of the rows, and the columns that are shown."""

from collections.abc import Generator, Sequence

from gpinspect.tui.prompt import Question, Verdict
from gpinspect.tui.screens.pick import PickScreen
from gpinspect.tui.screens.rows import AT_ONCE, RowsScreen
from gpinspect.tui.working import Task
from gpinspect.views.filter.fields import Field
from gpinspect.views.filter_help import Completion, checked, completion, values_of
from gpinspect.views.text import printable


class AskedScreen(RowsScreen):
    """The rows that are wanted, as they are wanted."""

    # filter and search ----------------------------------------------------------------------------------------------------

    def do_filter(self, count: int | None) -> None:
        base = self.base
        if base is None or not base.filter_kind:
            self.walk.say("this list takes no filter")
            return
        before = self.wish.expression
        around = self.around()
        looked_at = base.filtered or (lambda item: item)

        def values(field: Field) -> Sequence[str]:
            items = [seen for number in range(min(len(base), 2_000)) if (seen := looked_at(base.items[number])) is not None]
            return values_of(items, field, around)

        def complete(text: str, caret: int) -> Completion:
            return completion(text, caret, base.filter_kind, values)

        def judge(text: str) -> Verdict:
            found = checked(text, base.filter_kind)
            if found.mistake is not None:
                return Verdict(found.mistake.problem, "bad", (found.mistake.start, found.mistake.end))
            if self.wish.expression != text.strip():
                self.wish_for(expression=text.strip())
            return Verdict("ok" if text.strip() else "everything", "good" if text.strip() else "")

        def done(text: str) -> bool:
            return checked(text, base.filter_kind).mistake is None

        self.ask(
            Question("filter>", done, before, judge=judge, dropped=lambda: self.wish_for(expression=before), complete=complete)
        )

    def do_search(self, count: int | None) -> None:
        def judge(text: str) -> Verdict:
            self._light(text)
            return Verdict("Enter: next hit, then n and N")

        def done(text: str) -> None:
            self._light(text)
            self._hit(1, here=True)

        self.ask(Question("search>", done, judge=judge, dropped=lambda: self._light("")))

    def _light(self, text: str) -> None:
        assert self.table is not None
        self.table.needle = text.lower()
        self.table.refresh()

    def do_next_hit(self, count: int | None) -> None:
        self._hit(count or 1)

    def do_previous_hit(self, count: int | None) -> None:
        self._hit(-(count or 1))

    def _hit(self, step: int, *, here: bool = False) -> None:
        table = self.table
        assert table is not None
        needle = table.needle
        if not needle:
            self.walk.say("search for something first")
            return
        listing, left, way = table.listing, abs(step), 1 if step > 0 else -1
        begin = table.cursor if here else table.cursor + way

        def steps() -> Generator[int, None, int | None]:
            nonlocal left
            size = len(listing)
            for number in range(size):
                at = (begin + way * number) % size
                if needle in "\n".join(map(self.look.text, listing.cells(at))).lower():
                    left -= 1
                    if not left:
                        return at
                if not number % 500:
                    yield number
            return None

        def found(at: int | None) -> None:
            if at is None:
                self.walk.say(f"no row shows {self.look.text(printable(needle))}")
                return
            round_ = (at < table.cursor) if way > 0 else (at > table.cursor)
            table.move_to(at)
            self.walk.say("gone round to the other end" if round_ and not here else "")

        task = Task(self, steps(), "searching", found, subject=None)
        if len(listing) <= AT_ONCE:
            task.run()
        else:
            self._working = task
            task.start()

    # order and columns ----------------------------------------------------------------------------------------------------

    def _sort(self, step: int) -> None:
        assert self.table is not None
        names = ["", *(name for name in self.table.shown_columns if name)]
        wish = self.wish
        at = names.index(wish.sort) if wish.sort in names else 0
        self.wish_for(sort=names[(at + step) % len(names)])
        self.walk.say(f"sorted by {self.wish.sort}" if self.wish.sort else "in the order of the capture")

    def do_sort_left(self, count: int | None) -> None:
        self._sort(-(count or 1))

    def do_sort_right(self, count: int | None) -> None:
        self._sort(count or 1)

    def do_reverse(self, count: int | None) -> None:
        self.wish_for(reverse=not self.wish.reverse)

    def do_columns(self, count: int | None) -> None:
        assert self.base is not None
        names = [column.name for column in self.base.columns if column.name]

        def picked(chosen: frozenset[str]) -> None:
            self.walk.wishes.change(self.place, self.subject(), hidden=frozenset(names) - chosen)

        self.app.push_screen(PickScreen("columns", names, frozenset(names) - self.wish.hidden, picked))
