"""The packages of an exchange: any number of them."""

from collections.abc import Hashable, Iterable, Sequence
from typing import ClassVar

from gpinspect.model import Exchange
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.leads import renewed
from gpinspect.tui.screens.lists import TimedList
from gpinspect.views.browse import Listing, exchange_key
from gpinspect.views.objects import Object, package_object
from gpinspect.views.package_list import PackageLine, PackageLines, package_facts, package_listing
from gpinspect.views.report import Line
from gpinspect.views.spots import Spot
from gpinspect.views.times import TimeMode


class PackagesScreen(TimedList):
    """Args:
    origin_ns: What times are counted from.
    crumb: What leads here.
    frame: Begin at the package that holds this frame.
    """

    place = "packages"
    first_time_mode: ClassVar[TimeMode] = TimeMode.SINCE

    def __init__(self, exchange: Exchange, origin_ns: int, crumb: str, frame: int | None = None) -> None:
        super().__init__()
        self.exchange = exchange
        self.origin_ns = origin_ns
        self._crumb = crumb
        self._frame = frame

    def subject(self) -> Hashable:
        return exchange_key(self.exchange)

    def listing(self, found: Snapshot) -> Listing[PackageLine]:
        self.exchange = renewed(self.exchange, found)
        return package_listing(PackageLines(self.exchange, self.origin_ns), self.time_mode, self.context)

    def on_mount(self) -> None:
        if self._frame is not None:
            self.go_to_index(PackageLines(self.exchange, self.origin_ns).at_frame(self._frame))

    def go_to_index(self, index: int) -> None:
        """Put the cursor on a package; a filter that hides it goes."""
        if self.table is None:
            return
        place = self.table.listing.find(index, -1)
        if place is None and self.wish.expression:
            self.wish_for(expression="")
            place = self.table.listing.find(index, -1)
        if place is not None:
            self.table.move_to(place)

    def crumb(self) -> str:
        return self._crumb

    def session_id(self) -> int | None:
        return self.exchange.session

    def strip_title(self, item: PackageLine) -> str:
        return f"package {item.index:,}  {item.package.kind_name}"

    def strip_lines(self, item: PackageLine) -> Iterable[Line]:
        return [Line(text) for text in package_facts(item, self.context.utc) if text]

    def object_of(self, item: PackageLine) -> Object | None:
        return package_object(item.exchange, item.index, item.package)

    def rows_of(self, spots: Sequence[Spot]) -> dict[int, Spot]:
        assert self.table is not None
        lines, found = PackageLines(self.exchange, self.origin_ns), dict[int, Spot]()
        for spot in spots:
            if spot.exchange == self.exchange.id and spot.frame is not None:
                row = self.table.listing.find(lines.at_frame(spot.frame), -1)
                if row is not None:
                    found.setdefault(row, spot)
        return found

    def open_item(self, item: PackageLine) -> None:
        from gpinspect.tui.screens.package import PackageScreen

        self.app.push_screen(PackageScreen(item.exchange, item.index, self.origin_ns))
