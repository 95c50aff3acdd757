"""The findings: a list, all that is known about one of them, and Enter to where it happened."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual.containers import Container
from textual.widget import Widget

from gpinspect.model import Session
from gpinspect.tui.clipboard import put
from gpinspect.tui.commands import PANES, WALK, Command
from gpinspect.tui.look import BOLD
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.base import WalkScreen
from gpinspect.tui.screens.lists import TimedList
from gpinspect.tui.virtual import LineView, Rule, TextView, VirtualTable
from gpinspect.views import strips
from gpinspect.views.browse import Listing, text
from gpinspect.views.finding_list import NumberedFinding, finding_listing
from gpinspect.views.fitting import wrap
from gpinspect.views.objects import Object, finding_object
from gpinspect.views.spots import Spot, finding_spot


class FindingsScreen(TimedList):
    """Args:
    session: Id of the session on whose gravest finding the cursor begins.
    """

    place = "findings"
    groups: ClassVar[tuple[str, ...]] = (*(group for group in TimedList.groups if group != WALK), PANES)
    own: ClassVar[tuple[Command, ...]] = (
        Command("errors-only", ("1",), "errors only"),
        Command("warnings", ("2",), "warnings and errors"),
        Command("notes", ("3",), "notes, warnings and errors"),
        Command("everything", ("4",), "everything, also what was hidden with x"),
        Command("group", ("o",), "in groups: by session, by id, by level, in none", hint="group"),
        Command("hide", ("x",), "hide findings with this id, or show them again", hint="hide id"),
        Command("explain", ("E",), "the long explanation, or the short one", hint="explain"),
    )
    entry = Command("findings", ("d",), "findings, the cursor on the gravest of this session", WALK, hint="findings")

    def __init__(self, session: int | None = None) -> None:
        super().__init__()
        self._begin = session
        self._details: TextView | None = None
        self._reading = False  # the keys go to the details
        self._long = False

    @classmethod
    def opened_from(cls, screen: WalkScreen) -> "FindingsScreen":
        return cls(screen.session_id())

    def listing(self, found: Snapshot) -> Listing[NumberedFinding]:
        return finding_listing(found.findings, self.context, self.walk.selection, self.time_mode, found.first_ns)

    def crumb(self) -> str:
        words = self.walk.selection.words
        return f"findings {strips.totals_text(self.walk.snapshot.findings)}" + (f"  {words}" if words else "")

    def body(self) -> Iterable[Widget]:
        self.base = self.listing(self.walk.snapshot)
        self.table = VirtualTable(self.look, self.base, id="table")
        self.rule, self._details = Rule(self.look, id="details-title"), TextView(self.look, id="details")
        return self.table, Container(self.rule, self._details, id="details-box")

    def on_mount(self) -> None:
        items = self.pane_table().listing.items
        graver = ((item.finding.severity, -at) for at in range(len(items)) if (item := items[at]).finding is not None
                  and item.finding.session == self._begin)  # fmt: skip
        if self._begin is not None and (gravest := max(graver, default=None)) is not None:
            self.pane_table().move_to(-gravest[1])

    def pane_table(self) -> VirtualTable:
        assert self.table is not None
        return self.table

    def pane(self) -> LineView:
        assert self.table is not None and self._details is not None
        return self._details if self._reading else self.table

    def describe(self) -> None:
        if self.rule is None or self._details is None:
            return
        item: NumberedFinding | None = self.item()
        width = max(20, self._details.size.width - 2)
        title = "" if item is None or item.finding is None else f"{item.finding.code} {text(item.finding.name)}"
        self.rule.set_title(f"[{title or 'details'}]" if self._reading else f" {title or 'details'} ", BOLD)
        if item is None or item.finding is None:
            words = item.title if item is not None else "nothing found" if self.walk.snapshot.complete else "nothing found so far"
            if item is None and self.walk.snapshot.findings:
                words = "nothing is shown: 4 shows all levels, / takes the filter away"
            self._details.set_lines([(words, self.look.style(""))])
            return
        self._details.set_lines(
            [
                (text, self.look.style(line.tone))
                for line in strips.finding_details(item.finding, utc=self.context.utc, long=self._long)
                for text in wrap(self.look.text(line.text), width, "  ")
            ]
        )

    def session_id(self) -> int | None:
        item = self.item()
        return item.finding.session if item is not None and item.finding is not None else None

    def chosen_sessions(self) -> tuple[Session, ...]:
        wanted = {item.finding.session for item in self.marked_items() if item.finding is not None}
        return tuple(session for session in self.walk.snapshot.sessions if session.id in wanted)

    def object_of(self, item: NumberedFinding) -> Object | None:
        return finding_object(item.finding) if item.finding is not None else None

    def rows_of(self, spots: Sequence[Spot]) -> dict[int, Spot]:
        """The findings themselves are the rows."""
        wanted, items = set(spots), self.pane_table().listing.items
        rows = ((at, finding_spot(items[at].finding)) for at in range(len(items)) if items[at].finding is not None)
        found = {at: spot for at, spot in rows if spot in wanted}
        return found or super().rows_of(spots)

    def open_item(self, item: NumberedFinding) -> None:
        if item.finding is not None:
            self.walk.go_to(item.finding)

    def do_next_pane(self, count: int | None) -> None:
        self._reading = not self._reading
        self.pane_table().activate(not self._reading)
        self.describe()

    do_previous_pane = do_next_pane

    def do_maximise(self, count: int | None) -> None:
        box = self.query_one("#details-box")
        alone = box.display and self.pane_table().display
        box.display = self._reading or not alone
        self.pane_table().display = not self._reading or not alone
        self.call_after_refresh(self.describe)

    def do_side(self, count: int | None) -> None:
        self.toggle_class("sideways")
        self.call_after_refresh(self.describe)

    def _select(self, **changes: Any) -> None:
        self.walk.selection = replace(self.walk.selection, **changes)
        self.show(self.walk.snapshot)

    def do_errors_only(self, count: int | None) -> None:
        self._select(level=1)

    def do_warnings(self, count: int | None) -> None:
        self._select(level=2)

    def do_notes(self, count: int | None) -> None:
        self._select(level=3)

    def do_everything(self, count: int | None) -> None:
        self._select(level=4)

    def do_group(self, count: int | None) -> None:
        self._select(grouping=self.walk.selection.grouping.following)
        self.walk.say(f"groups: {self.walk.selection.grouping.value}")

    def do_hide(self, count: int | None) -> None:
        item = self.item()
        if item is not None and item.finding is not None:
            code = item.finding.code
            self._select(hidden=self.walk.selection.hidden ^ {code})
            shown = code not in self.walk.selection.hidden
            self.walk.say(f"{code} is shown again" if shown else f"{code} is hidden; 4 shows it, and x there brings it back")

    def do_explain(self, count: int | None) -> None:
        self._long = not self._long
        self.describe()

    def do_copy(self, count: int | None) -> None:
        items = [item for item in self.marked_items() if item.finding is not None]
        lines = [line.text for item in items for line in strips.finding_details(item.finding, utc=self.context.utc)]
        put(self.app, "\n".join(lines))
        self.walk.say("copied" if lines else "there is nothing to copy")
