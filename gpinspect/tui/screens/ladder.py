"""The ladder of a session: requests and packages as arrows between the server and its Greenplum segments."""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from gpinspect.model import Session
from gpinspect.tui.commands import TIMED, Command
from gpinspect.tui.look import BOLD, Look, Part
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.leads import open_exchange
from gpinspect.tui.screens.picture import Picked, PictureScreen, view_screen
from gpinspect.tui.virtual import LineView
from gpinspect.tui.working import Task
from gpinspect.views import strips
from gpinspect.views.ladder import Ladder, Rung, What
from gpinspect.views.ladder_lines import Frame, frame, heading, line, minimap
from gpinspect.views.package_list import PackageLine, package_facts
from gpinspect.views.report import Line
from gpinspect.views.text import clock_text, count_text
from gpinspect.views.times import TimeMode

AT_ONCE = 20_000
"""Packages that are sorted without a thread."""
SECOND = 1_000_000_000


class LadderView(LineView):
    """Rows of a ladder; `lane` is the first Greenplum segment that is shown."""

    heading = 1

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self.ladder: Ladder | None = None
        self.lane = 0
        self.mode = TimeMode.SINCE

    def set_ladder(self, ladder: Ladder) -> None:
        self.ladder = ladder
        self.changed()

    @property
    def frame(self) -> Frame:
        total = len(self.ladder.lanes) if self.ladder is not None else 0
        return frame(max(1, self.size.width - 1), self.lane, total, ascii_only=not self.look.unicode)

    def count(self) -> int:
        return 0 if self.ladder is None or not self.ladder.ready else len(self.ladder)

    def rung(self) -> Rung | None:
        """What the cursor stands on."""
        return self.ladder[self.cursor] if self.ladder is not None and self.cursor < self.count() else None

    def heading_parts(self) -> Sequence[Part]:
        return [(heading(self.ladder, self.frame), BOLD)] if self.ladder is not None else ()

    def parts(self, index: int) -> Sequence[Part]:
        assert self.ladder is not None
        rung = self.ladder[index]
        pieces = line(rung, self._time(index, rung), self.frame, self.ladder)
        return [(text, self.look.style(tone)) for text, tone in pieces]

    def _time(self, index: int, rung: Rung) -> str:
        assert self.ladder is not None
        if self.mode is TimeMode.CLOCK:
            return clock_text(rung.ns, digits=0)
        start = self.ladder.session.start_ns if self.mode is TimeMode.SINCE or not index else self.ladder[index - 1].ns
        return f"{(rung.ns - start) / 1e9:.4f}"


class LadderScreen(PictureScreen):
    """Rows of ordinary packages are folded; Enter opens a fold, or what an arrow stands for."""

    place = "ladder"
    groups: ClassVar[tuple[str, ...]] = (*PictureScreen.groups, TIMED)
    own: ClassVar[tuple[Command, ...]] = (
        PictureScreen.view_command,
        Command("fold", ("f",), "fold runs of ordinary packages, or show all of them", hint="fold"),
        Command("all-lanes", ("a",), "all Greenplum segments again, where some were picked"),
        Command("right", ("l", "right"), "lanes to the right", counted="5l: five lanes"),
        Command("left", ("h", "left"), "lanes to the left", counted="5h: five lanes"),
    )

    def __init__(self, session: Session, picked: Picked = frozenset()) -> None:
        super().__init__(session, picked)
        self.view: LadderView | None = None
        self._sorting: Task | None = None

    def view_widget(self) -> LineView:
        self.view = LadderView(self.look, id="table")
        return self.view

    def pane(self) -> LineView:
        assert self.view is not None
        return self.view

    def draw_anew(self, found: Snapshot) -> None:
        picked = self.picked or None
        made = Ladder(self.session, self.members(found), self.stalls_of(found), self.findings_of(found), segments=picked)
        before = self.view.ladder if self.view is not None else None
        if before is not None:
            made.fold = before.fold

        def ready(_: object) -> None:
            if self.view is not None and self.view.is_mounted:
                self.view.set_ladder(made)
                self.describe()
                self.surround()

        if self._sorting is not None and self._sorting.running:
            self._sorting.stop()
        self._sorting = Task(self, made.prepare(), "sorting", ready, subject=None)
        if made.packages <= AT_ONCE:
            self._sorting.run()
        else:
            self._sorting.start()

    def status(self) -> str:
        if self.view is None or self.view.ladder is None:
            sorting = self._sorting is not None and self._sorting.running
            return f"sorting {count_text(self._sorting.done)} packages" if sorting and self._sorting is not None else ""
        ladder = self.view.ladder
        place = f"{self.view.cursor + 1:,} of {self.view.count():,}" if self.view.count() else "nothing"
        return f"{minimap(ladder, self.view.frame)}  {place}"

    def strip_title(self) -> str:
        rung = self.view.rung() if self.view is not None else None
        if rung is None:
            return ""
        return f"package {rung.index:,}" if rung.what is What.PACKAGE and rung.index is not None else rung.what.name.lower()

    def strip_lines(self) -> Iterable[Line]:
        rung = self.view.rung() if self.view is not None else None
        if rung is None:
            return
        if rung.finding is not None:
            yield from strips.finding_details(rung.finding, utc=self.walk.context.utc)
        elif rung.stall is not None:
            yield Line(rung.note, "bad")
            yield Line(rung.stall.evidence)
        elif rung.what in (What.PACKAGE, What.END, What.ERROR) and rung.exchange is not None and rung.index is not None:
            row = PackageLine(rung.exchange, rung.index, rung.exchange.packages[rung.index], None, self.session.start_ns)
            yield from (Line(text) for text in package_facts(row, self.walk.context.utc) if text)
        elif rung.what is What.FOLDED:
            yield Line(rung.note)
            yield Line("Enter shows them one by one; f all of the ladder")
        elif rung.exchange is not None:
            yield from strips.exchange_strip(rung.exchange)

    # commands -------------------------------------------------------------------------------------------------------------

    def do_open(self, count: int | None) -> None:
        view = self.view
        rung = view.rung() if view is not None else None
        if view is None or view.ladder is None or rung is None:
            return
        if rung.what is What.FOLDED:
            view.ladder.toggle(view.cursor)
            view.changed()
            self.describe()
        elif rung.finding is not None:
            self.walk.go_to(rung.finding)
        elif rung.stall is not None:
            self.walk.push_screen(view_screen("timeline", self.session, frozenset(flow.segment for flow in rung.stall.flows)))
        elif rung.exchange is not None and rung.index is not None:
            from gpinspect.tui.screens.package import PackageScreen

            self.walk.push_screen(PackageScreen(rung.exchange, rung.index, self.session.start_ns))
        elif rung.exchange is not None:
            open_exchange(self.walk, rung.exchange, self.session.start_ns, f"exchange {rung.exchange.id}")

    def do_fold(self, count: int | None) -> None:
        view = self.view
        if view is None or view.ladder is None or not view.count():
            return
        ns = view.ladder[view.cursor].ns
        view.ladder.set_fold(not view.ladder.fold)
        view.changed()
        view.move_to(view.ladder.row_at(ns))
        self.walk.say("runs of packages are folded" if view.ladder.fold else "every package is shown")

    def do_all_lanes(self, count: int | None) -> None:
        self.picked = frozenset()
        self.draw_anew(self.walk.snapshot)

    def _page(self, lanes: int) -> None:
        view = self.view
        if view is None or view.ladder is None:
            return
        most = max(0, len(view.ladder.lanes) - view.frame.lanes)
        view.lane = min(most, max(0, view.frame.first + lanes))
        view.refresh()
        self.surround()

    def do_right(self, count: int | None) -> None:
        self._page(count or 1)

    def do_left(self, count: int | None) -> None:
        self._page(-(count or 1))

    def do_time(self, count: int | None) -> None:
        if self.view is not None:
            self.view.mode = self.view.mode.following
            self.view.refresh()
            self.walk.say(f"time {self.view.mode.value}")

    def _to_time(self, ns: int) -> None:
        view = self.view
        if view is not None and view.ladder is not None and view.count():
            view.move_to(view.ladder.row_at(ns))

    def _now(self) -> int:
        rung = self.view.rung() if self.view is not None else None
        return self.session.start_ns if rung is None else rung.ns

    def do_second_on(self, count: int | None) -> None:
        self._to_time(self._now() + (count or 1) * SECOND)

    def do_second_back(self, count: int | None) -> None:
        self._to_time(self._now() - (count or 1) * SECOND)

    def do_minute(self, count: int | None) -> None:
        start, minute = self.session.start_ns, 60 * SECOND
        passed = (self._now() - start) // minute + 1 if count is None else count
        self._to_time(start + passed * minute)

    def _jump(self, kinds: frozenset[What], steps: int, name: str, *, bad: bool = False) -> None:
        view = self.view
        if view is None or view.ladder is None:
            return
        found: int | None = None
        at: int | None = view.cursor
        while steps and at is not None:
            at = view.ladder.next_of(at, kinds, 1 if steps > 0 else -1)
            if at is not None and not (bad and view.ladder[at].tone != "bad"):
                found, steps = at, steps - (1 if steps > 0 else -1)
        if found is None:
            self.walk.say(f"no {name} {'further on' if steps > 0 else 'before this'} in this session")
            return
        view.move_to(found)
        lane = view.ladder[found].lane
        if lane is not None and not view.frame.first <= lane < view.frame.first + view.frame.lanes:
            view.lane = lane
        self.walk.say(view.ladder[found].note)

    def do_next_stall(self, count: int | None) -> None:
        self._jump(frozenset({What.STALL}), count or 1, "stall")

    def do_previous_stall(self, count: int | None) -> None:
        self._jump(frozenset({What.STALL}), -(count or 1), "stall")

    def do_next_error(self, count: int | None) -> None:
        self._jump(frozenset({What.FINDING, What.ERROR}), count or 1, "error", bad=True)

    def do_previous_error(self, count: int | None) -> None:
        self._jump(frozenset({What.FINDING, What.ERROR}), -(count or 1), "error", bad=True)

    def exported_rows(self) -> Iterator[list[str]] | None:
        ladder = self.view.ladder if self.view is not None else None
        if ladder is None or not ladder.ready:
            return None
        return self._rows(ladder)

    def _rows(self, ladder: Ladder) -> Iterator[list[str]]:
        yield ["Seconds", "What", "Segment", "Toward", "Label", "Note"]
        for number in range(len(ladder)):
            rung = ladder[number]
            lane = "" if rung.lane is None else ladder.lanes[rung.lane].name
            seconds = f"{(rung.ns - self.session.start_ns) / 1e9:.6f}"
            yield [seconds, rung.what.name.lower(), lane, rung.toward.value, rung.label, rung.note]
