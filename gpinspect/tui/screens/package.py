"""One package: its fields, its rows and its bytes, side by side where there is room.

What is selected in one pane lights up in the others.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import ClassVar

from textual.containers import Container
from textual.events import Resize
from textual.widget import Widget

from gpinspect.errors import GpinspectError
from gpinspect.model import Exchange
from gpinspect.tui.clipboard import put
from gpinspect.tui.commands import MOVING, PANES, ROWS, SESSION, SIDEWAYS, WALK, Command
from gpinspect.tui.look import BOLD, PLAIN, Look
from gpinspect.tui.prompt import Question, Verdict
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.base import BROAD, WIDE, WalkScreen
from gpinspect.tui.screens.leads import renewed
from gpinspect.tui.screens.packages import PackagesScreen
from gpinspect.tui.screens.panes import HexPane, Pane, RowsPane, TreePane
from gpinspect.tui.virtual import Drawn, LineView, Rule
from gpinspect.views.find_bytes import find, needles
from gpinspect.views.objects import Object, package_object
from gpinspect.views.package_content import PackageContent, package_content
from gpinspect.views.package_list import PackageLine, PackageLines, package_facts
from gpinspect.views.text import plural, printable
from gpinspect.views.tree import Node

SIDE_LEAST = 104
"""Columns that panes side by side need at least: the bytes take 78 of them."""
GONE = "this package cannot be read again: the engine has no bytes of it"


class PackageScreen(WalkScreen):
    """Args:
    exchange: Whose package.
    index: Which one, from 0.
    origin_ns: What times are counted from.
    """

    place = "package"
    groups: ClassVar[tuple[str, ...]] = (MOVING, ROWS, SIDEWAYS, PANES, SESSION, WALK)
    own: ClassVar[tuple[Command, ...]] = (
        Command("next-package", ("N",), "next package", counted="5N: five on", hint="next"),
        Command("previous-package", ("P",), "package before", counted="5P: five back", hint="prev"),
        Command("view", ("v",), "fields or rows, where there is no room for both", hint="rows"),
        Command("search", ("ctrl+f",), "search for bytes (44 00, 0x4400) or for text in this package", hint="find"),
        Command("next-hit", ("n",), "next place with what was searched for"),
        Command("previous-hit", ("p",), "place before with what was searched for"),
        Command("copy", ("y",), "copy the field, the row or the bytes under the cursor (OSC 52)"),
    )

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
        self._alone = False  # only the pane with the keys is to be seen
        self._side: bool | None = None  # panes side by side; None: as the width allows
        self._needle = ""

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
        side = width >= BROAD if self._side is None else self._side and width >= SIDE_LEAST
        everything = side and width >= WIDE
        self.set_class(side, "side")
        self.set_class(everything, "all")
        shown = (everything or not self._rows_above, everything or self._rows_above, True)
        if not shown[self._focus]:
            self._focus = 1 - self._focus
        for number, (pane, visible) in enumerate(zip(self._panes, shown, strict=True)):
            has_keys = number == self._focus
            self.query_one(f"#{pane.id}-box").display = has_keys if self._alone else visible
            pane.activate(has_keys)
            title = f"[{pane.title}]" if has_keys else f" {pane.title} "
            self.query_one(f"#{pane.id}-title", Rule).set_title(title, BOLD if has_keys else PLAIN)

    @property
    def _everything(self) -> bool:
        return self.has_class("all")

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
            content = package_content(exchange.packages[index], found.data, found.pieces, exchange.line_delimiter, exchange.csvopt)
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
        order = [0, 1, 2] if self._everything or self._alone else [1 if self._rows_above else 0, 2]
        at = order.index(self._focus) if self._focus in order else 0
        self._focus = order[(at + step) % len(order)]
        if self._focus < 2:
            self._rows_above = self._focus == 1
        self.lay_panes(self.size.width)
        self.tell_place()

    def do_view(self, count: int | None) -> None:
        if self._everything and not self._alone:
            self.walk.say("fields and rows are both to be seen")
            return
        self._rows_above = not self._rows_above
        if self._focus != 2 or self._alone:
            self._focus = 1 if self._rows_above else 0
        self.lay_panes(self.size.width)
        self.tell_place()

    def do_maximise(self, count: int | None) -> None:
        self._alone = not self._alone
        self.lay_panes(self.size.width)

    def do_side(self, count: int | None) -> None:
        if self.size.width < SIDE_LEAST:
            self.walk.say(f"side by side needs {SIDE_LEAST} columns, this terminal has {self.size.width}")
            return
        self._side = not self.has_class("side")
        self.lay_panes(self.size.width)

    # search and copy ------------------------------------------------------------------------------------------------------

    def do_search(self, count: int | None) -> None:
        def done(text: str) -> None:
            self._needle = text
            self._hit(here=True)

        def judge(text: str) -> Verdict:
            return Verdict("bytes (44 00, 0x4400) or text" if needles(text) or not text else "")

        self.ask(Question("find>", done, judge=judge))

    def do_next_hit(self, count: int | None) -> None:
        for _ in range(min(count or 1, 1000)):
            self._hit()

    def do_previous_hit(self, count: int | None) -> None:
        for _ in range(min(count or 1, 1000)):
            self._hit(back=True)

    def _hit(self, *, back: bool = False, here: bool = False) -> None:
        if self.content is None or not self._needle:
            self.walk.say("search for something first" if not self._needle else self.problem)
            return
        position = self._panes[self._focus].selection()[0] if self._focus != 2 else self.hex.position
        hit = find(self.content.data, self._needle, position, back=back, here=here)
        if hit is None:
            self.walk.say(f"not in this package: {printable(self._needle)}")
            return
        if back is False and not here and hit[0] <= position:
            self.walk.say("gone round to the beginning")
        for pane in self._panes:
            pane.follow_to(hit[0])
        if self._focus != 2:
            self._focus = 2  # what was searched for are bytes
            self.lay_panes(self.size.width)
        self.hex.light(hit)
        self.tell_place()

    def do_copy(self, count: int | None) -> None:
        if self.content is None:
            return
        start, end = self._panes[self._focus].selection()
        if self._focus == 2:
            start, end = self.hex.lit
        data = self.content.data[start:end]
        node = self.fields.node()
        text = {0: node.value if node is not None else "", 1: data.rstrip(b"\r\n").decode("utf-8", "backslashreplace")}.get(
            self._focus, data.hex(" ")
        )
        put(self.app, text)
        self.walk.say(f"copied: {plural(len(data), 'byte')}" + (" as hexadecimal" if self._focus == 2 else ""))

    def exported_rows(self) -> Iterator[list[str]] | None:
        return None if self.content is None else _field_rows(self.content.root)

    def exported_objects(self) -> Iterator[Object] | None:
        line = self.line()
        return None if line is None else iter((package_object(self.exchange, self.index, line.package),))

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
            below.go_to_index(wanted)
        self.load()

    def session_id(self) -> int | None:
        return self.exchange.session


def _field_rows(root: Node) -> Iterator[list[str]]:
    yield ["position", "bytes", "field", "value"]
    waiting: list[tuple[str, Node]] = [("", root)]
    while waiting:
        path, node = waiting.pop()
        label = f"{path}.{node.label}" if path else node.label
        yield [str(node.start), str(node.length), label, node.value]
        waiting.extend((label, child) for child in reversed(node.children))


def _box(look: Look, pane: Pane) -> Container:
    """A pane below its title."""
    return Container(Rule(look, id=f"{pane.id}-title"), pane, id=f"{pane.id}-box", classes="box")
