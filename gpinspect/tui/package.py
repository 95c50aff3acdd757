"""One package: its fields, its rows and its bytes, side by side where there is room.

What is selected in one pane lights up in the others.
"""

from collections.abc import Iterable
from functools import partial

from textual.containers import Container
from textual.events import Resize
from textual.widget import Widget

from gpinspect.errors import GpinspectError
from gpinspect.model import Exchange
from gpinspect.tui.lists import PackagesScreen, renewed
from gpinspect.tui.look import BOLD, PLAIN, Look
from gpinspect.tui.panes import HexPane, Pane, RowsPane, TreePane
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screen import BROAD, WIDE, WalkScreen
from gpinspect.tui.virtual import Drawn, LineView, Rule
from gpinspect.views.package_content import PackageContent, package_content
from gpinspect.views.package_list import PackageLine, PackageLines, package_facts

GONE = "this package cannot be read again: the engine has no bytes of it"


class PackageScreen(WalkScreen):
    """Args:
    exchange: Whose package.
    index: Which one, from 0.
    origin_ns: What times are counted from.
    """

    place = "package"

    def __init__(self, exchange: Exchange, index: int, origin_ns: int) -> None:
        super().__init__()
        self.exchange = exchange
        self.index = index
        self.origin_ns = origin_ns
        self.content: PackageContent | None = None
        self.problem = ""
        self._panes: tuple[Pane, ...] = ()
        self._focus = 0
        self._rows_above = False  # the rows stand where the fields do

    # frame ----------------------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        self.fields = TreePane(self.look, id="fields")
        self.rows = RowsPane(self.look, id="rows")
        self.hex = HexPane(self.look, id="hex")
        self._panes = (self.fields, self.rows, self.hex)
        facts = Drawn(self.look, id="facts")
        boxes = (_box(self.look, pane) for pane in self._panes)
        return facts, Container(*boxes, id="panes"), Drawn(self.look, id="at")

    def crumb(self) -> str:
        return f"package {self.index:,}"

    def status(self) -> str:
        return f"{self.index + 1:,} of {len(self.exchange.packages):,}"

    def pane(self) -> LineView:
        return self._panes[self._focus]

    def show(self, found: Snapshot) -> None:
        self.exchange = renewed(self.exchange, found)

    def on_mount(self) -> None:
        self.load()

    def on_resize(self, event: Resize) -> None:
        self.lay_panes(event.size.width)

    def lay_panes(self, width: int) -> None:
        """Which panes are to be seen, and which one has the keys."""
        if not self._panes:
            return
        everything = width >= WIDE
        self.set_class(everything, "wide")
        self.set_class(width >= BROAD, "broad")
        shown = (everything or not self._rows_above, everything or self._rows_above, True)
        for pane, visible in zip(self._panes, shown, strict=True):
            self.query_one(f"#{pane.id}-box").display = visible
        if not shown[self._focus]:
            self._focus = 1 - self._focus
        for number, pane in enumerate(self._panes):
            has_keys = number == self._focus
            pane.activate(has_keys)
            title = f"[{pane.title}]" if has_keys else f" {pane.title} "
            self.query_one(f"#{pane.id}-title", Rule).set_title(title, BOLD if has_keys else PLAIN)

    # the bytes ------------------------------------------------------------------------------------------------------------

    def line(self) -> PackageLine | None:
        lines = PackageLines(self.exchange, self.origin_ns)
        return lines[self.index] if self.index < len(lines) else None

    def load(self) -> None:
        """Read the package again, in a thread: it may be long, and the reader may have the file."""
        self.content, self.problem = None, "reading ..."
        self.tell_facts()
        self.run_worker(partial(self._fetch, self.exchange, self.index), thread=True, exclusive=True, group="fetch")

    def _fetch(self, exchange: Exchange, index: int) -> None:
        content, problem = None, ""
        try:
            found = self.walk.reader.fetch(exchange, index)
            content = package_content(exchange.packages[index], found.data, found.pieces, exchange.line_delimiter)
        except (GpinspectError, OSError) as error:
            problem = str(error)
        except (IndexError, ValueError):
            problem = GONE
        self.app.call_from_thread(self._take, index, content, problem)

    def _take(self, index: int, content: PackageContent | None, problem: str) -> None:
        if index != self.index or not self.is_mounted:
            return  # somebody has gone on to another one
        self.content, self.problem = content, problem
        for pane in self._panes:
            pane.set_content(content)
        self.tell_facts()
        self.link(self._panes[self._focus])
        self.surround()

    def tell_facts(self) -> None:
        line = self.line()
        lines = package_facts(line, self.walk.context.utc) if line is not None else []
        self.query_one("#facts", Drawn).set_lines([[(text, PLAIN)] for text in lines])
        self.tell_place()

    def tell_place(self) -> None:
        """The line below the bytes: where the cursor is, what stands there, and in which frame it came."""
        at = self.query_one("#at", Drawn)
        if self.content is None or not self.content.data:
            at.set_lines([[(self.look.text(self.problem), BOLD)]])
            return
        start, end = self._panes[self._focus].selection()
        node = self.content.root.at(start)
        frame = self.content.frame_at(start)
        parts = [f"at 0x{start:x} ({start:,}), {end - start:,} B", f"frame {frame:,}" if frame is not None else "frame -"]
        if self._focus != 0 and node is not None:
            parts.append(node.label)
        if self._focus == 0:
            node = self.fields.node()
        parts.append(node.note if node is not None else "")
        at.set_lines([[("  ".join(filter(None, parts)), BOLD)]])

    # ties -----------------------------------------------------------------------------------------------------------------

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        if isinstance(event.view, Pane):
            self.link(event.view)

    def link(self, source: Pane) -> None:
        """Let the other panes follow the one that moved."""
        if self.content is None:
            return
        start, end = source.selection()
        for pane in self._panes:
            if pane is not source:
                pane.follow_to(start)
        if source is self.hex:
            start, end = self.fields.selection()
        self.hex.light((start, end))
        self.tell_place()

    # commands -------------------------------------------------------------------------------------------------------------

    def do_open(self, count: int | None) -> None:
        if self._panes[self._focus] is self.fields:
            self.fields.fold(None)
            self.link(self.fields)

    def do_right(self, count: int | None) -> None:
        self._sideways(count or 1)

    def do_left(self, count: int | None) -> None:
        self._sideways(-(count or 1))

    def _sideways(self, step: int) -> None:
        pane = self._panes[self._focus]
        pane.sideways(step)
        self.link(pane)

    def do_next_pane(self, count: int | None) -> None:
        self._turn(1)

    def do_previous_pane(self, count: int | None) -> None:
        self._turn(-1)

    def _turn(self, step: int) -> None:
        shown = [number for number, pane in enumerate(self._panes) if self.query_one(f"#{pane.id}-box").display]
        self._focus = shown[(shown.index(self._focus) + step) % len(shown)]
        self.lay_panes(self.size.width)
        self.tell_place()

    def do_view(self, count: int | None) -> None:
        if self.size.width >= WIDE:
            self.walk.say("fields and rows are both to be seen")
            return
        self._rows_above = not self._rows_above
        if self._focus != 2:
            self._focus = 1 if self._rows_above else 0
        self.lay_panes(self.size.width)
        self.tell_place()

    def do_next_package(self, count: int | None) -> None:
        self.go_to(self.index + (count or 1))

    def do_previous_package(self, count: int | None) -> None:
        self.go_to(self.index - (count or 1))

    def go_to(self, index: int) -> None:
        """Another package of the same exchange; the list of packages goes along."""
        last = len(self.exchange.packages) - 1
        wanted = min(max(index, 0), last)
        if wanted == self.index:
            self.walk.say("this is the last package" if index > last else "this is the first package")
            return
        self.index = wanted
        below = self.app.screen_stack[-2] if len(self.app.screen_stack) > 1 else None
        if isinstance(below, PackagesScreen):
            below.pane().move_to(wanted)
        self.load()

    def do_findings(self, count: int | None) -> None:
        self.walk.open_findings(self.exchange.session)


def _box(look: Look, pane: Pane) -> Container:
    """A pane below its title."""
    return Container(Rule(look, id=f"{pane.id}-title"), pane, id=f"{pane.id}-box", classes="box")
