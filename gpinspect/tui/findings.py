"""The findings: a list, all that is known about one of them, and Enter to where it happened."""

from collections.abc import Iterable

from textual.containers import Container
from textual.widget import Widget

from gpinspect.tui.lists import ListScreen
from gpinspect.tui.look import BOLD
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.virtual import LineView, Rule, TextView, VirtualTable
from gpinspect.views import strips
from gpinspect.views.browse import Listing
from gpinspect.views.finding_list import NumberedFinding, finding_listing
from gpinspect.views.fitting import wrap


class FindingsScreen(ListScreen):
    """Args:
    session: Id of the session on whose first finding the cursor begins.
    """

    place = "findings"

    def __init__(self, session: int | None = None) -> None:
        super().__init__()
        self._begin = session
        self._details: TextView | None = None
        self._reading = False  # the keys go to the details

    def listing(self, found: Snapshot) -> Listing[NumberedFinding]:
        return finding_listing(found.findings, self.context)

    def crumb(self) -> str:
        return f"findings {strips.totals_text(self.walk.snapshot.findings)}"

    def body(self) -> Iterable[Widget]:
        self.table = VirtualTable(self.look, self.listing(self.walk.snapshot), id="table")
        self.rule, self._details = Rule(self.look, id="details-title"), TextView(self.look, id="details")
        return self.table, Container(self.rule, self._details, id="details-box")

    def on_mount(self) -> None:
        findings = self.walk.snapshot.findings
        begin = next((number for number, finding in enumerate(findings) if finding.session == self._begin), None)
        if begin is not None and self._begin is not None:
            self.pane().move_to(begin)

    def pane(self) -> LineView:
        assert self.table is not None and self._details is not None
        return self._details if self._reading else self.table

    def describe(self) -> None:
        if self.rule is None or self._details is None:
            return
        item: NumberedFinding | None = self.item()
        width = max(20, self._details.size.width - 2)
        self.rule.set_title("[details]" if self._reading else " details ", BOLD)
        if item is None:
            words = "nothing found" if self.walk.snapshot.complete else "nothing found so far"
            self._details.set_lines([(words, self.look.style(""))])
            return
        self._details.set_lines(
            [
                (text, self.look.style(line.tone))
                for line in strips.finding_details(item.finding, utc=self.context.utc)
                for text in wrap(self.look.text(line.text), width, "  ")
            ]
        )

    def do_next_pane(self, count: int | None) -> None:
        self._reading = not self._reading
        if self.table is not None:
            self.table.activate(not self._reading)
        self.describe()

    do_previous_pane = do_next_pane

    def open_item(self, item: NumberedFinding) -> None:
        self.walk.go_to(item.finding)
