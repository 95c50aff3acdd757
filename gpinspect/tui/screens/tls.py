"""TLS connections: what they agreed on, whose certificates, why they are closed; and a key added while one looks on."""

from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import ClassVar

from textual.containers import Container
from textual.widget import Widget

from gpinspect.engine.secure import Secured
from gpinspect.errors import GpinspectError
from gpinspect.inspection.secrets import is_protected
from gpinspect.model import Exchange, Session
from gpinspect.tui.commands import PANES, WALK, Command
from gpinspect.tui.files import path_of
from gpinspect.tui.look import BOLD
from gpinspect.tui.prompt import Question
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.rekeying import Rekeying
from gpinspect.tui.screens.base import WalkScreen
from gpinspect.tui.screens.leads import open_exchange
from gpinspect.tui.screens.lists import TimedList
from gpinspect.tui.virtual import LineView, Rule, TextView, VirtualTable
from gpinspect.views.browse import Listing
from gpinspect.views.fitting import wrap
from gpinspect.views.objects import Object
from gpinspect.views.secured import tls_object
from gpinspect.views.text import plural, printable
from gpinspect.views.tls_list import opened, tls_details, tls_listing

PASSPHRASE = "passphrase (it is shown as stars):"


class TlsScreen(TimedList):
    """Connections that speak TLS or asked for it, once everything is read."""

    place = "tls"
    groups: ClassVar[tuple[str, ...]] = (*TimedList.groups, PANES)
    own: ClassVar[tuple[Command, ...]] = (
        Command("add-key", ("a",), "add a key: asks for a key log or a PEM file, and reads again with it", hint="add key"),
    )
    entry = Command("tls", ("T",), "TLS connections, and a key added while one looks on", WALK)

    def __init__(self) -> None:
        super().__init__()
        self._details: TextView | None = None
        self._reading = False  # the keys go to the details

    @classmethod
    def opened_from(cls, screen: WalkScreen) -> "WalkScreen | str":
        found = screen.walk.snapshot
        if not found.complete and screen.walk.ended is None:
            return "what TLS tells is there once everything is read"
        return cls() if found.tls else "no connection speaks TLS or asked for it"

    def listing(self, found: Snapshot) -> Listing[Secured]:
        return tls_listing(found.tls, self.context, self.time_mode, found.first_ns)

    def crumb(self) -> str:
        found = self.walk.snapshot.tls
        return f"TLS: {plural(len(found), 'connection')}, {opened(found):,} opened"

    def body(self) -> Iterable[Widget]:
        self.base = self.listing(self.walk.snapshot)
        self.table = VirtualTable(self.look, self.base, id="table")
        self.rule, self._details = Rule(self.look, id="details-title"), TextView(self.look, id="details")
        return self.table, Container(self.rule, self._details, id="details-box")

    def pane(self) -> LineView:
        assert self.table is not None and self._details is not None
        return self._details if self._reading else self.table

    def describe(self) -> None:
        if self.rule is None or self._details is None:
            return
        item: Secured | None = self.item()
        title = "nothing" if item is None else f"connection {item.connection.id}"
        self.rule.set_title(f"[{title}]" if self._reading else f" {title} ", BOLD)
        width = max(20, self._details.size.width - 2)
        told = [] if item is None else list(tls_details(item, utc=self.context.utc))
        lines = [(text, self.look.style(line.tone)) for line in told for text in wrap(self.look.text(line.text), width, "  ")]
        self._details.set_lines(lines)

    def object_of(self, item: Secured) -> Object | None:
        return tls_object(item)

    def names(self, item: Secured) -> Iterable[Hashable]:
        return [("connection", item.connection.id), *(("exchange", one.id) for one in self._exchanges(item))]

    def _exchanges(self, item: Secured) -> list[Exchange]:
        return [one for one in self.walk.snapshot.exchanges if one.connection == item.connection.id]

    def session_id(self) -> int | None:
        item: Secured | None = self.item()
        return next((one.session for one in self._exchanges(item) if one.session is not None), None) if item is not None else None

    def chosen_sessions(self) -> tuple[Session, ...]:
        wanted = {one.session for item in self.marked_items() for one in self._exchanges(item)}
        return tuple(session for session in self.walk.snapshot.sessions if session.id in wanted)

    def open_item(self, item: Secured) -> None:
        inside = self._exchanges(item)
        if inside:
            open_exchange(self.walk, inside[0], inside[0].start_ns, f"connection {item.connection.id}")
        elif item.report.decrypted == "none":
            self.walk.say("this connection is closed to us: the reason is below; a adds a key")
        else:
            self.walk.say("no exchange of gpfdist is inside")

    # panes ----------------------------------------------------------------------------------------------------------------

    def do_next_pane(self, count: int | None) -> None:
        self._reading = not self._reading
        assert self.table is not None
        self.table.activate(not self._reading)
        self.describe()

    do_previous_pane = do_next_pane

    def do_maximise(self, count: int | None) -> None:
        assert self.table is not None
        box = self.query_one("#details-box")
        alone = box.display and self.table.display
        box.display = self._reading or not alone
        self.table.display = not self._reading or not alone
        self.call_after_refresh(self.describe)

    def do_side(self, count: int | None) -> None:
        self.toggle_class("sideways")
        self.call_after_refresh(self.describe)

    # keys -----------------------------------------------------------------------------------------------------------------

    def do_add_key(self, count: int | None) -> None:
        if self.walk.ended is None:
            self.walk.say("wait until everything is read")
            return
        self.ask(Question("key log or PEM file:", self._named))

    def _named(self, text: str) -> None:
        if not text.strip():
            return
        path = path_of(text)
        try:
            protected = is_protected(str(path))
        except (GpinspectError, OSError, ValueError) as problem:
            self.walk.say(_short(path, problem))
            return
        if protected:
            self.call_later(self.ask, Question(PASSPHRASE, lambda phrase: self._begin(path, phrase.encode()), hidden=True))
        else:
            self._begin(path, None)

    def _begin(self, path: Path, phrase: bytes | None) -> None:
        try:
            reader = self.walk.reader.with_key(str(path), phrase)
        except (GpinspectError, OSError) as problem:
            self.walk.say(_short(path, problem))
            return
        work = Rekeying(self.walk, str(path), reader)
        self.walk.busy(work)
        work.start()


def _short(path: Path, problem: Exception) -> str:
    """What is wrong with a file on one line: without its folders."""
    return printable(str(problem).replace(str(path), path.name))
