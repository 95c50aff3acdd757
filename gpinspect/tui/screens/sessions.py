"""The start screen: what is in the capture."""

from collections.abc import Hashable, Iterable, Sequence
from typing import ClassVar

from gpinspect.model import Session
from gpinspect.tui.commands import Command
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.leads import open_exchange
from gpinspect.tui.screens.lists import TimedList
from gpinspect.views import strips
from gpinspect.views.browse import Entry, FlowRow, Listing, flow_rows, text
from gpinspect.views.objects import Object, counts_by_session, exchange_object, session_object
from gpinspect.views.report import Line
from gpinspect.views.session_list import entry_listing, folded


class SessionsScreen(TimedList):
    """Args:
    query: Only the sessions of this query, when it was opened from its row.
    """

    place = "sessions"
    own: ClassVar[tuple[Command, ...]] = (
        Command("fold", ("f",), "sessions of one query (XID and CID) over several servers as one row, or each by itself"),
    )

    def __init__(self, query: str | None = None) -> None:
        super().__init__()
        self.of_query = query

    def subject(self) -> Hashable:
        return self.of_query

    def crumb(self) -> str:
        return "sessions" if self.of_query is None else f"query {text(self.of_query)}"

    def listing(self, found: Snapshot) -> Listing[Entry]:
        rows: Sequence[Entry] = found.entries
        if self.of_query is not None:
            rows = [entry for entry in rows if entry.session is not None and entry.session.query == self.of_query]
        elif self.walk.folded:
            rows = folded(rows)
        return entry_listing(rows, self.context, found, self.time_mode)

    def strip_title(self, item: Entry) -> str:
        return strips.entry_title(item)

    def strip_lines(self, item: Entry) -> Iterable[Line]:
        found = self.walk.snapshot
        rows: Sequence[FlowRow] = flow_rows(found, item.session) if item.session is not None and not item.folded else ()
        secured = None
        if item.connection is not None:
            number = item.connection.id
            secured = next((one for one in found.tls if one.connection.id == number), None)
        width = self.strip.size.width if self.strip is not None else 80
        return strips.entry_strip(item, rows, self.look.bars, secured, found.exchanges, max(20, width), found.stalls)

    def session_id(self) -> int | None:
        item = self.item()
        return item.session.id if item is not None and item.session is not None else None

    def chosen_sessions(self) -> tuple[Session, ...]:
        entries = [one for item in self.marked_items() for one in (item.folded or (item,))]
        return tuple(entry.session for entry in entries if entry.session is not None)

    def object_of(self, item: Entry) -> Object | None:
        if item.session is not None:
            counts = counts_by_session(item.findings)
            return session_object(item.session, counts.get(item.session.id))
        return exchange_object(item.exchange) if item.exchange is not None else None

    def names(self, item: Entry) -> Iterable[Hashable]:
        if item.session is not None:
            return [("session", one.session.id) for one in (item.folded or (item,)) if one.session is not None]
        if item.exchange is not None:
            return [("exchange", item.exchange.id)]
        return [("connection", item.connection.id)] if item.connection is not None else []

    def open_item(self, item: Entry) -> None:
        if item.folded and item.session is not None:
            self.app.push_screen(SessionsScreen(item.session.query))
        elif item.session is not None:
            self.walk.open_session(item.session)
        elif item.exchange is not None:
            open_exchange(self.walk, item.exchange, item.exchange.start_ns, strips.entry_title(item))
        else:
            self.walk.say("this connection is encrypted: --keylog FILE or --server-key FILE opens what fits")

    def do_fold(self, count: int | None) -> None:
        if self.of_query is not None:
            self.walk.say("these are the sessions of one query")
            return
        self.walk.folded = not self.walk.folded
        self.show(self.walk.snapshot)
        several = len(self.walk.snapshot.entries) != len(folded(self.walk.snapshot.entries))
        words = "one row a query" if self.walk.folded else "one row a session"
        self.walk.say(words if several else f"{words}; no query here has several sessions")

    def do_left(self, count: int | None) -> None:
        """Nothing is left of the first list."""
        if self.of_query is not None:
            self.walk.go_back()
