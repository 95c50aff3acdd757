"""The heads of an exchange: request and answer, each header with what it means; side by side where there is room."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import ClassVar

from textual.containers import Container
from textual.events import Resize
from textual.widget import Widget

from gpinspect.errors import GpinspectError
from gpinspect.inspection import HeadBytes
from gpinspect.model import Exchange
from gpinspect.tui.clipboard import put
from gpinspect.tui.commands import MOVING, PANES, SESSION, WALK, Command
from gpinspect.tui.look import BOLD, DIM, PLAIN, Look, Part
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.base import BROAD, WalkScreen
from gpinspect.tui.screens.files import session_of
from gpinspect.tui.screens.leads import renewed
from gpinspect.tui.screens.lists import ListScreen
from gpinspect.tui.virtual import LineView, Rule, TextView
from gpinspect.views.browse import Entry, FlowRow
from gpinspect.views.fitting import wrap
from gpinspect.views.heads import HeadLine, HeadView, answer_view, line_details, request_view
from gpinspect.views.text import cells, printable

NAME_LEAST, NAME_MOST = 14, 24
WORDS = 26
"""Cells that are kept for what a header means, or what is wrong with it."""


class HeadPane(LineView):
    """The lines of one head: state, name, value, and what is wrong or what it means."""

    def __init__(self, look: Look, *, id: str) -> None:
        super().__init__(look, id=id)
        self.view = HeadView("reading ...", ())

    def take(self, view: HeadView) -> None:
        self.view = view
        self.changed()

    def count(self) -> int:
        return len(self.view.lines)

    def line(self) -> HeadLine | None:
        return self.view.lines[self.cursor] if self.view.lines else None

    def parts(self, index: int) -> Sequence[Part]:
        line = self.view.lines[index]
        room = self.size.width - 4
        name = min(max(NAME_LEAST, *(cells(one.name) for one in self.view.lines)), NAME_MOST)
        longest = max(cells(one.value) for one in self.view.lines)
        value = max(8, min(longest, room - name - 2 - WORDS))
        words, style = (line.problem, self.look.style(line.tone)) if line.problem else (line.meaning, DIM)
        return [
            (self.look.mark(line.state) + " ", self.look.style(line.tone)),
            (self.look.fill(line.name, name) + "  ", BOLD),
            (self.look.fill(line.value, value, keep="both") + "  ", PLAIN),
            (words, style),
        ]


class HeadsScreen(WalkScreen):
    """Args:
    exchange: Whose heads.
    """

    place = "heads"
    groups: ClassVar[tuple[str, ...]] = (MOVING, PANES, SESSION, WALK)
    own: ClassVar[tuple[Command, ...]] = (Command("copy", ("y",), "copy this line as it was sent, escaped (OSC 52)"),)
    entry = Command("heads", ("H",), "HTTP heads of this exchange, each header explained", WALK)

    def __init__(self, exchange: Exchange | None = None) -> None:
        super().__init__()
        self.exchange = exchange
        self.problem = ""
        self._panes: tuple[HeadPane, ...] = ()
        self._focus = 0
        self._alone = False
        self._side: bool | None = None  # None: as the width allows

    @classmethod
    def opened_from(cls, screen: WalkScreen) -> "WalkScreen | str":
        exchange = exchange_of(screen)
        return cls(exchange) if exchange is not None else "no exchange is chosen here: go to one of a segment first"

    # frame ----------------------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        self._panes = (HeadPane(self.look, id="request"), HeadPane(self.look, id="answer"))
        boxes = [
            Container(Rule(self.look, id=f"{pane.id}-title"), pane, id=f"{pane.id}-box", classes="box") for pane in self._panes
        ]
        self._details = TextView(self.look, id="details")
        self._rule = Rule(self.look, id="details-title")
        return Container(*boxes, id="panes"), Container(self._rule, self._details, id="strip-box")

    def crumb(self) -> str:
        return "heads" if self.exchange is None else f"exchange {self.exchange.id} heads"

    def status(self) -> str:
        if not self._panes:
            return ""
        pane = self._panes[self._focus]
        return f"{pane.cursor + 1:,} of {pane.count():,}" if pane.count() else ""

    def pane(self) -> LineView:
        return self._panes[self._focus]

    def show(self, found: Snapshot) -> None:
        if self.exchange is not None:
            self.exchange = renewed(self.exchange, found)

    def session_id(self) -> int | None:
        return None if self.exchange is None else self.exchange.session

    def on_mount(self) -> None:
        if self.exchange is not None:
            self.run_worker(partial(self._fetch, self.exchange), thread=True, exclusive=True, group="fetch")

    def on_resize(self, event: Resize) -> None:
        self.lay_panes(event.size.width)
        self.call_after_refresh(self.describe)

    def _fetch(self, exchange: Exchange) -> None:
        try:
            heads, problem = self.walk.reader.heads(exchange), ""
        except (GpinspectError, OSError) as error:
            heads, problem = HeadBytes(None, None), str(error)
        self.app.call_from_thread(self._fetched, heads, problem)

    def _fetched(self, heads: HeadBytes, problem: str) -> None:
        if not self.is_mounted:
            return
        self.problem = printable(problem)
        self._panes[0].take(request_view(heads.request, heads.request_frame))
        self._panes[1].take(answer_view(heads.answer, heads.answer_frame))
        if not self._panes[0].count() and self._panes[1].count():
            self._focus = 1
        self.lay_panes(self.size.width)
        self.describe()
        self.surround()

    def lay_panes(self, width: int) -> None:
        """Which panes stand where, and which one has the keys."""
        if not self._panes:
            return
        side = width >= BROAD if self._side is None else self._side
        self.set_class(side, "side")
        for number, pane in enumerate(self._panes):
            has_keys = number == self._focus
            self.query_one(f"#{pane.id}-box").display = has_keys or not self._alone
            pane.activate(has_keys)
            title = f"[{pane.view.title}]" if has_keys else f" {pane.view.title} "
            self.query_one(f"#{pane.id}-title", Rule).set_title(title, BOLD if has_keys else PLAIN)

    def describe(self) -> None:
        """All that is known of the line under the cursor."""
        if not self._panes:
            return
        line = self._panes[self._focus].line()
        width = max(20, self._details.size.width - 2)
        told = [] if line is None else list(line_details(line))
        self._rule.set_title(f" {line.name if line is not None else 'nothing to explain'} ", BOLD)
        lines = [(text, self.look.style(one.tone)) for one in told for text in wrap(self.look.text(one.text), width, "  ")]
        if self.problem:
            lines.insert(0, (self.problem, self.look.style("bad")))
        self._details.set_lines(lines)

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        self.describe()
        super().on_line_view_moved(event)

    # commands -------------------------------------------------------------------------------------------------------------

    def do_next_pane(self, count: int | None) -> None:
        self._focus = 1 - self._focus
        self.lay_panes(self.size.width)
        self.describe()

    do_previous_pane = do_next_pane

    def do_maximise(self, count: int | None) -> None:
        self._alone = not self._alone
        self.lay_panes(self.size.width)

    def do_side(self, count: int | None) -> None:
        self._side = not self.has_class("side")
        self.lay_panes(self.size.width)

    def do_copy(self, count: int | None) -> None:
        line = self._panes[self._focus].line()
        if line is not None:
            put(self.app, f"{line.name}: {line.value}")
            self.walk.say("copied")

    def exported_rows(self) -> Iterator[list[str]] | None:
        views = [pane.view for pane in self._panes]
        return iter(
            [
                ["head", "name", "value", "wrong", "meaning"],
                *(
                    [name, line.name, line.value, line.problem, line.meaning]
                    for name, view in zip(("request", "answer"), views, strict=True)
                    for line in view.lines
                ),
            ]
        )


def exchange_of(screen: WalkScreen) -> Exchange | None:
    """The exchange that a screen is about: its own, that of the row under the cursor, else the first of the flow or session."""
    own = getattr(screen, "exchange", None)
    if isinstance(own, Exchange):
        return own
    item = screen.item() if isinstance(screen, ListScreen) else None
    if isinstance(item, Exchange):
        return item
    if isinstance(item, Entry) and item.session is None:
        return item.exchange
    if isinstance(item, FlowRow):
        return item.exchanges[0] if item.exchanges else None
    session = session_of(screen)
    found = screen.walk.snapshot.exchanges
    members = [] if session is None else [found[number - 1] for number in session.members if number <= len(found)]
    here = segments_of(screen)
    wanted = [one for one in members if one.segment in here] if here else members
    return next(iter(wanted or members), None)


def segments_of(screen: WalkScreen) -> Collection[int | None]:
    """The Greenplum segments under the cursor of a picture; none where it is about all of them."""
    from gpinspect.tui.screens.timeline import TimelineScreen

    if isinstance(screen, TimelineScreen) and screen.view is not None and screen.view.count():
        return screen.view.strip(screen.view.cursor).segments
    return ()
