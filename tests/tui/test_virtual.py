"""A table of a million rows costs what a screen costs."""

from collections.abc import Sequence

from textual.app import App, ComposeResult
from views.samples import START, exchange, table

from gpinspect.model.packages import COMPLETE, DATA, ROW
from gpinspect.tui.look import Look
from gpinspect.tui.virtual import VirtualTable
from gpinspect.views.browse import Listing
from gpinspect.views.package_list import PackageLine, PackageLines, TimeMode, package_listing
from gpinspect.views.tables import Context

MILLION = 1_000_000


class Counting(Sequence[PackageLine]):  # type: ignore[misc]
    """Counts how often a row is made."""

    def __init__(self, lines: PackageLines) -> None:
        self.lines = lines
        self.origin_ns = lines.origin_ns
        self.made = 0

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: int) -> PackageLine:  # type: ignore[override]
        self.made += 1
        return self.lines[index]


def a_million() -> Listing[PackageLine]:
    packages = table((b"/data/a.csv", 0, b"1,x\n"), end=False)
    row = ROW.pack(0, 36, 4, 0, 0, 0, START, START, 4, 4, 0, DATA, COMPLETE)
    packages._rows = bytearray(row * MILLION)
    lines = Counting(PackageLines(exchange(packages=packages), START))
    return package_listing(lines, TimeMode.SINCE, Context())  # type: ignore[arg-type]


class TableApp(App[None]):
    CSS = "LineView { scrollbar-size: 0 0; overflow-x: hidden; height: 1fr; }"

    def __init__(self, listing: Listing[PackageLine]) -> None:
        super().__init__()
        self.table = VirtualTable(Look(), listing)

    def compose(self) -> ComposeResult:
        yield self.table


async def test_a_page_of_a_million_packages_makes_one_page_of_rows() -> None:
    listing = a_million()
    items = listing.items
    assert isinstance(items, Counting)
    app = TableApp(listing)
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.pause()
        page = 23  # one line is the heading
        for name, count in (("page-down", None), ("bottom", None), ("page-up", None), ("bottom", 500_000), ("top", None)):
            items.made = 0
            app.table.move(name, count)
            await pilot.pause()
            assert items.made <= 2 * page, name


async def test_moves_end_at_the_first_and_the_last_row() -> None:
    app = TableApp(a_million())
    async with app.run_test(size=(100, 24)) as pilot:
        table_ = app.table
        table_.move("up", None)
        assert (table_.cursor, table_.first) == (0, 0)
        table_.move("bottom", None)
        await pilot.pause()
        assert (table_.cursor, table_.first) == (MILLION - 1, MILLION - 23)
        table_.move("page-down", 3)
        assert table_.cursor == MILLION - 1
        table_.move("bottom", 500_000)
        assert table_.cursor == 499_999
        table_.move("page-up", None)
        assert table_.cursor == 499_976
        table_.move("half-down", None)
        assert table_.cursor == 499_987
        table_.move("down", 10)
        assert table_.cursor == 499_997
        table_.move("top", None)
        await pilot.pause()
        assert (table_.cursor, table_.first) == (0, 0)


async def test_the_row_of_the_cursor_is_marked_and_widths_follow_what_was_seen() -> None:
    app = TableApp(a_million())
    async with app.run_test(size=(100, 24)) as pilot:
        app.table.move("bottom", None)
        await pilot.pause()
        drawn = [app.table.render_line(y).text for y in range(24)]
        assert drawn[0].split()[0] == "Index"
        assert drawn[-1].startswith(">● 999,999 ")
        assert sum(line.startswith(">") for line in drawn) == 1
        assert {len(line) for line in drawn} == {100}
