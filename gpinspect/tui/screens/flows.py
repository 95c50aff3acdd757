"""The Greenplum segments of a session."""

from collections.abc import Hashable, Iterable
from typing import ClassVar

from gpinspect.model import Session
from gpinspect.tui.commands import Command
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.leads import open_exchange, session_today
from gpinspect.tui.screens.lists import ListScreen, TimedList
from gpinspect.tui.screens.picture import Picked, PictureScreen, next_view
from gpinspect.views import strips
from gpinspect.views.browse import FlowRow, Listing, flow_listing, flow_rows, session_key, text
from gpinspect.views.objects import Object, flow_object
from gpinspect.views.report import Line
from gpinspect.views.times import TimeMode


class OfSession(ListScreen):
    """A list inside one session, which is found again in every snapshot."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def subject(self) -> Hashable:
        return session_key(self.session)

    def show(self, found: Snapshot) -> None:
        """Take the session as it is now; while it is not among the others, leave everything as it was."""
        today = session_today(self.session, found)
        if today is not None:
            self.session = today
            super().show(found)

    def session_id(self) -> int | None:
        return self.session.id


class FlowsScreen(OfSession):
    """The list; pictures of the same flows are screens of their own."""

    place = "flows"
    groups: ClassVar[tuple[str, ...]] = TimedList.groups
    own: ClassVar[tuple[Command, ...]] = (PictureScreen.view_command,)

    def __init__(self, session: Session, picked: Picked = frozenset()) -> None:
        super().__init__(session)
        self.picked = picked  # in another picture

    def listing(self, found: Snapshot) -> Listing[FlowRow]:
        rows = flow_rows(found, self.session, settled=found.complete)
        return flow_listing(rows, self.context, self.look.bar, self.time_mode, self.session.start_ns)

    first_time_mode: ClassVar[TimeMode] = TimeMode.CLOCK

    def crumb(self) -> str:
        return strips.session_title(self.session)

    def strip_title(self, item: FlowRow) -> str:
        return f"segment {text(item.segment)}"

    def strip_lines(self, item: FlowRow) -> Iterable[Line]:
        return strips.flow_strip(item)

    def object_of(self, item: FlowRow) -> Object | None:
        return flow_object(item.flow) if item.flow is not None else None

    def names(self, item: FlowRow) -> Iterable[Hashable]:
        yield "segment", self.session.id, item.segment
        yield from (("exchange", exchange.id) for exchange in item.exchanges)

    def do_view(self, count: int | None) -> None:
        """The next picture; segments that are marked are the ones that it shows."""
        assert self.table is not None
        picked = frozenset(row.segment for row in self.marked_items()) if self.table.marked else self.picked
        next_view(self, self.session, picked, count or 1)

    def open_item(self, item: FlowRow) -> None:
        from gpinspect.tui.screens.exchanges import ExchangesScreen

        if item.flow is None:
            self.walk.say("this Greenplum segment sent no request that was captured")
        elif len(item.exchanges) == 1:
            open_exchange(self.walk, item.exchanges[0], self.session.start_ns, self.strip_title(item))
        else:
            self.app.push_screen(ExchangesScreen(self.session, item.segment))
