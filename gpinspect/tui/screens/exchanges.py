"""The exchanges of one Greenplum segment in a session."""

from collections.abc import Hashable, Iterable
from typing import ClassVar

from gpinspect.model import Exchange, Session
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.flows import OfSession
from gpinspect.tui.screens.leads import open_exchange
from gpinspect.tui.screens.lists import TimedList
from gpinspect.views import strips
from gpinspect.views.browse import Listing, exchange_listing, session_key, text
from gpinspect.views.objects import Object, exchange_object
from gpinspect.views.report import Line


class ExchangesScreen(OfSession):
    """Args:
    segment: The Greenplum segment; None: that is not known.
    """

    place = "exchanges"
    groups: ClassVar[tuple[str, ...]] = TimedList.groups

    def __init__(self, session: Session, segment: int | None) -> None:
        super().__init__(session)
        self.segment = segment

    def subject(self) -> Hashable:
        return session_key(self.session), self.segment

    def listing(self, found: Snapshot) -> Listing[Exchange]:
        members = (found.exchanges[number - 1] for number in self.session.members if number <= len(found.exchanges))
        own = [exchange for exchange in members if exchange.segment == self.segment]
        return exchange_listing(own, self.context, settled=found.complete, mode=self.time_mode, origin_ns=self.session.start_ns)

    def crumb(self) -> str:
        return f"segment {text(self.segment)}"

    def strip_title(self, item: Exchange) -> str:
        return f"exchange {item.id}"

    def strip_lines(self, item: Exchange) -> Iterable[Line]:
        return strips.exchange_strip(item)

    def object_of(self, item: Exchange) -> Object | None:
        return exchange_object(item)

    def names(self, item: Exchange) -> Iterable[Hashable]:
        return [("exchange", item.id)]

    def open_item(self, item: Exchange) -> None:
        open_exchange(self.walk, item, self.session.start_ns, self.strip_title(item))
