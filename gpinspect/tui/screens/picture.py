"""Pictures of the flows of a session: what they share. `v` goes from the table to the ladder, the timeline, the matrix and back."""

from collections.abc import Hashable, Iterable
from typing import ClassVar

from textual.containers import Container
from textual.events import Resize
from textual.widget import Widget

from gpinspect.model import Exchange, Finding, Session, Severity, Stall
from gpinspect.tui.commands import JUMPS, MOVING, ROWS, SESSION, SIDEWAYS, WALK, Command
from gpinspect.tui.look import BOLD, Part
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.base import WalkScreen
from gpinspect.tui.screens.leads import session_today
from gpinspect.tui.virtual import Drawn, LineView, Rule
from gpinspect.views.fitting import wrap
from gpinspect.views.report import Line
from gpinspect.views.text import plural, printable

VIEWS = ("flows", "ladder", "timeline", "matrix")
"""Places in the order in which `v` goes through them."""

Picked = frozenset[int | None]
"""Greenplum segments that were picked; none of them: all."""


class PictureScreen(WalkScreen):
    """Args:
    session: Whose flows.
    picked: Greenplum segments that were picked.
    """

    groups: ClassVar[tuple[str, ...]] = (MOVING, ROWS, SIDEWAYS, JUMPS, SESSION, WALK)
    view_command: ClassVar[Command] = Command(
        "view", ("v",), "next picture of the flows: table, ladder, timeline, matrix", hint="view"
    )

    def __init__(self, session: Session, picked: Picked = frozenset()) -> None:
        super().__init__()
        self.session = session
        self.picked = picked
        self.rule: Rule | None = None
        self.strip: Drawn | None = None
        self._made_for: tuple[Hashable, ...] = ()

    # what a picture says --------------------------------------------------------------------------------------------------

    def view_widget(self) -> LineView:
        raise NotImplementedError

    def draw_anew(self, found: Snapshot) -> None:
        """The session has changed: make the picture again."""

    def strip_title(self) -> str:
        return ""

    def strip_lines(self) -> Iterable[Line]:
        return ()

    # the rest of it -------------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        self.rule, self.strip = Rule(self.look, id="strip-title"), Drawn(self.look, id="strip")
        return self.view_widget(), Container(self.rule, self.strip, id="strip-box")

    def on_mount(self) -> None:
        self.show(self.walk.snapshot)
        self.surround()

    def show(self, found: Snapshot) -> None:
        """Take the session as it is now, unless nothing has changed."""
        today = session_today(self.session, found)
        if today is None:
            return
        self.session = today
        state = (found.complete, today.end_ns, today.exchanges, today.payload_bytes, len(found.stalls))
        if state != self._made_for:
            self._made_for = state
            self.draw_anew(found)
        self.describe()

    def members(self, found: Snapshot) -> list[Exchange]:
        return [found.exchanges[number - 1] for number in self.session.members if number <= len(found.exchanges)]

    def stalls_of(self, found: Snapshot) -> list[Stall]:
        return [stall for stall in found.stalls if stall.session == self.session.id]

    def findings_of(self, found: Snapshot) -> list[Finding]:
        return [finding for finding in found.findings if finding.session == self.session.id]

    def describe(self) -> None:
        """Tell of what is under the cursor."""
        if self.rule is None or self.strip is None:
            return
        self.rule.set_title(f" {printable(self.strip_title())} ", BOLD)
        width = max(20, self.strip.size.width - 1)
        lines: list[list[Part]] = []
        for line in self.strip_lines():
            lines += [[(text, self.look.style(line.tone))] for text in wrap(self.look.text(line.text), width, "  ")]
        self.strip.set_lines(lines)

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self.describe)

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        self.describe()
        super().on_line_view_moved(event)

    def on_line_view_chosen(self, event: LineView.Chosen) -> None:
        self.do_open(None)

    def do_open(self, count: int | None) -> None:
        """Go in."""

    def session_id(self) -> int | None:
        return self.session.id

    def crumb(self) -> str:
        picked = f", {plural(len(self.picked), 'segment')} picked" if self.picked else ""
        return f"{self.session.id} {printable(self.session.path or '-')} {self.place}{picked}"

    def do_view(self, count: int | None) -> None:
        next_view(self, self.session, self.picked, count or 1)

    def errors_of(self, found: Snapshot) -> list[Finding]:
        return [finding for finding in self.findings_of(found) if finding.severity is Severity.ERROR]


def next_view(screen: WalkScreen, session: Session, picked: Picked, steps: int = 1) -> None:
    """Show the same session in the next picture, in place of this one."""
    name = VIEWS[(VIEWS.index(screen.place) + steps) % len(VIEWS)]
    screen.walk.switch_screen(view_screen(name, session, picked))


def view_screen(name: str, session: Session, picked: Picked = frozenset()) -> WalkScreen:
    from gpinspect.tui.screens.flows import FlowsScreen
    from gpinspect.tui.screens.ladder import LadderScreen
    from gpinspect.tui.screens.timeline import MatrixScreen, TimelineScreen

    if name == "ladder":
        return LadderScreen(session, picked)
    if name == "timeline":
        return TimelineScreen(session, picked)
    return MatrixScreen(session, picked) if name == "matrix" else FlowsScreen(session, picked)
