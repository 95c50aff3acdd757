"""The lists of the walk: sessions, Greenplum segments, exchanges, packages.

Each is a listing, a strip about the row under the cursor, and where Enter leads.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from textual.containers import Container
from textual.events import Resize
from textual.widget import Widget

from gpinspect.model import Exchange, Session
from gpinspect.tui.look import BOLD, Part
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screen import WalkScreen
from gpinspect.tui.virtual import Drawn, LineView, Rule, VirtualTable
from gpinspect.views import strips
from gpinspect.views.browse import (
    Entry,
    FlowRow,
    Listing,
    entry_listing,
    exchange_key,
    exchange_listing,
    flow_listing,
    flow_rows,
    session_key,
    text,
)
from gpinspect.views.fitting import wrap
from gpinspect.views.package_list import PackageLine, PackageLines, package_facts, package_listing
from gpinspect.views.report import Line
from gpinspect.views.tables import Context


class ListScreen(WalkScreen):
    """A table, and a strip about the row under the cursor: below, or at the side where there is room."""

    def __init__(self) -> None:
        super().__init__()
        self.table: VirtualTable | None = None
        self.rule: Rule | None = None
        self.strip: Drawn | None = None

    # what a list says -----------------------------------------------------------------------------------------------------

    def listing(self, found: Snapshot) -> Listing[Any]:
        raise NotImplementedError

    def strip_lines(self, item: Any) -> Iterable[Line]:
        return ()

    def strip_title(self, item: Any) -> str:
        return ""

    def open_item(self, item: Any) -> None:
        """Go in."""

    def session_id(self) -> int | None:
        """The session that is looked at, by its id of today."""
        return None

    # the rest of it -------------------------------------------------------------------------------------------------------

    @property
    def context(self) -> Context:
        return self.walk.context

    def body(self) -> Iterable[Widget]:
        self.table = VirtualTable(self.look, self.listing(self.walk.snapshot), id="table")
        self.rule, self.strip = Rule(self.look, id="strip-title"), Drawn(self.look, id="strip")
        return self.table, Container(self.rule, self.strip, id="strip-box")

    def pane(self) -> LineView:
        assert self.table is not None
        return self.table

    def show(self, found: Snapshot) -> None:
        if self.table is not None and self.table.is_mounted:
            self.table.show(self.listing(found))
            self.describe()

    def status(self) -> str:
        if self.table is None or not self.table.count():
            return ""
        return f"{self.table.cursor + 1:,} of {self.table.count():,}"

    def item(self) -> Any:
        return None if self.table is None else self.table.item()

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self.describe)

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        self.describe()

    def on_line_view_chosen(self, event: LineView.Chosen) -> None:
        self.do_open(None)

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

    def do_findings(self, count: int | None) -> None:
        self.walk.open_findings(self.session_id())

    # where lists lead -----------------------------------------------------------------------------------------------------

    def open_exchange(self, exchange: Exchange, origin_ns: int, crumb: str) -> None:
        """Its packages; or a word why it has none."""
        if len(exchange.packages):
            self.app.push_screen(PackagesScreen(exchange, origin_ns, crumb))
        else:
            self.walk.say(why_without_packages(exchange))


def why_without_packages(exchange: Exchange) -> str:
    if exchange.method == "POST":
        return f"a write has no packages: its body holds {exchange.payload_bytes:,} bytes of rows"
    if exchange.payload_bytes:
        return f"no packages: protocol 0 sends {exchange.payload_bytes:,} bytes of rows as they are"
    return f"no packages came in this exchange: it ended as {exchange.outcome.value}"


class SessionsScreen(ListScreen):
    """What is in the capture."""

    place = "sessions"

    def listing(self, found: Snapshot) -> Listing[Entry]:
        return entry_listing(found.entries, self.context)

    def strip_title(self, item: Entry) -> str:
        return strips.entry_title(item)

    def strip_lines(self, item: Entry) -> Iterable[Line]:
        rows: Sequence[FlowRow] = flow_rows(self.walk.snapshot, item.session) if item.session is not None else ()
        secured = None
        if item.connection is not None:
            number = item.connection.id
            secured = next((one for one in self.walk.snapshot.tls if one.connection.id == number), None)
        return strips.entry_strip(item, rows, self.look.bars, secured)

    def session_id(self) -> int | None:
        item = self.item()
        return item.session.id if item is not None and item.session is not None else None

    def open_item(self, item: Entry) -> None:
        if item.session is not None:
            self.app.push_screen(FlowsScreen(item.session))
        elif item.exchange is not None:
            self.open_exchange(item.exchange, item.exchange.start_ns, strips.entry_title(item))
        else:
            self.walk.say("this connection is encrypted: --keylog FILE or --server-key FILE opens what fits")

    def do_left(self, count: int | None) -> None:
        """Nothing is left of this."""


class _OfSession(ListScreen):
    """A list inside one session, which is found again in every snapshot."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def show(self, found: Snapshot) -> None:
        """Take the session as it is now; while it is not among the others, leave everything as it was."""
        key = session_key(self.session)
        near = found.sessions[self.session.id - 1 : self.session.id]
        today = next((session for session in (*near, *found.sessions) if session_key(session) == key), None)
        if today is not None:
            self.session = today
            super().show(found)

    def session_id(self) -> int | None:
        return self.session.id


class FlowsScreen(_OfSession):
    """The Greenplum segments of a session."""

    place = "flows"

    def listing(self, found: Snapshot) -> Listing[FlowRow]:
        return flow_listing(flow_rows(found, self.session, settled=found.complete), self.context, self.look.bar)

    def crumb(self) -> str:
        return strips.session_title(self.session)

    def strip_title(self, item: FlowRow) -> str:
        return f"segment {text(item.segment)}"

    def strip_lines(self, item: FlowRow) -> Iterable[Line]:
        return strips.flow_strip(item)

    def open_item(self, item: FlowRow) -> None:
        if item.flow is None:
            self.walk.say("this Greenplum segment sent no request that was captured")
        elif len(item.exchanges) == 1:
            self.open_exchange(item.exchanges[0], self.session.start_ns, self.strip_title(item))
        else:
            self.app.push_screen(ExchangesScreen(self.session, item.segment))


class ExchangesScreen(_OfSession):
    """The exchanges of one Greenplum segment in a session."""

    place = "exchanges"

    def __init__(self, session: Session, segment: int | None) -> None:
        super().__init__(session)
        self.segment = segment

    def listing(self, found: Snapshot) -> Listing[Exchange]:
        members = (found.exchanges[number - 1] for number in self.session.members)
        own = [exchange for exchange in members if exchange.segment == self.segment]
        return exchange_listing(own, self.context, settled=found.complete)

    def crumb(self) -> str:
        return f"segment {text(self.segment)}"

    def strip_title(self, item: Exchange) -> str:
        return f"exchange {item.id}"

    def strip_lines(self, item: Exchange) -> Iterable[Line]:
        return strips.exchange_strip(item)

    def open_item(self, item: Exchange) -> None:
        self.open_exchange(item, self.session.start_ns, self.strip_title(item))


class PackagesScreen(ListScreen):
    """The packages of an exchange.

    Args:
        origin_ns: What times are counted from.
        crumb: What leads here.
        frame: Begin at the package that holds this frame.
    """

    place = "packages"

    def __init__(self, exchange: Exchange, origin_ns: int, crumb: str, frame: int | None = None) -> None:
        super().__init__()
        self.exchange = exchange
        self.origin_ns = origin_ns
        self._crumb = crumb
        self._frame = frame

    def listing(self, found: Snapshot) -> Listing[PackageLine]:
        self.exchange = renewed(self.exchange, found)
        return package_listing(PackageLines(self.exchange, self.origin_ns), self.walk.time_mode, self.context)

    def on_mount(self) -> None:
        if self._frame is not None:
            self.pane().move_to(PackageLines(self.exchange, self.origin_ns).at_frame(self._frame))

    def crumb(self) -> str:
        return self._crumb

    def session_id(self) -> int | None:
        return self.exchange.session

    def strip_title(self, item: PackageLine) -> str:
        return f"package {item.index:,}  {item.package.kind_name}"

    def strip_lines(self, item: PackageLine) -> Iterable[Line]:
        return [Line(text) for text in package_facts(item, self.context.utc) if text]

    def open_item(self, item: PackageLine) -> None:
        from gpinspect.tui.package import PackageScreen

        self.app.push_screen(PackageScreen(item.exchange, item.index, self.origin_ns))

    def do_time(self, count: int | None) -> None:
        self.walk.time_mode = self.walk.time_mode.following
        self.show(self.walk.snapshot)
        self.walk.say(f"time {self.walk.time_mode.value}")


def renewed(exchange: Exchange, found: Snapshot) -> Exchange:
    """An exchange as it is in a later snapshot."""
    if exchange.id <= len(found.exchanges):
        today = found.exchanges[exchange.id - 1]
        if exchange_key(today) == exchange_key(exchange):
            return today
    return next((other for other in found.exchanges if exchange_key(other) == exchange_key(exchange)), exchange)
