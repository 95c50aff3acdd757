"""Greenplum segments over time: a line each (timeline), or some on each line so that all fit the screen (matrix)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from textual.message import Message

from gpinspect.model import Session, Stall
from gpinspect.tui.commands import TIMED, Command
from gpinspect.tui.look import BOLD, PLAIN, Look, Part
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.leads import open_exchange
from gpinspect.tui.screens.picture import Picked, PictureScreen, view_screen
from gpinspect.tui.virtual import LineView
from gpinspect.tui.working import Task
from gpinspect.views.report import Line
from gpinspect.views.text import clock_text, duration_text, printable
from gpinspect.views.timeline import Strip, Timeline

NAME, HOST, BYTES, END = 9, 15, 9, 10
"""Cells of what stands beside the picture."""
HOST_LEAST = 100
"""Columns from which the host is shown."""
SECOND = 1_000_000_000
MOVE = 0.25
"""Share of the window that one step goes."""


class StripView(LineView):
    """Lines of a timeline below its axis."""

    heading = 1

    class Wanted(Message):
        """Lines are shown that have yet to be worked out."""

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self.timeline: Timeline | None = None
        self.group = 1
        self.picked: set[int | None] = set()

    def count(self) -> int:
        return 0 if self.timeline is None else self.timeline.rows(self.group)

    @property
    def room(self) -> int:
        """Cells of the picture."""
        beside = NAME + BYTES + END + 3 + (HOST + 1 if self.size.width >= HOST_LEAST else 0)
        return max(8, self.size.width - 1 - beside)

    def strip(self, index: int) -> Strip:
        assert self.timeline is not None
        if not self.timeline.heavy:
            return self.timeline.strip(index, self.room, self.group)
        known = self.timeline.known(index, self.room, self.group)
        return known if known is not None else self.timeline.outline(index, self.room, self.group)

    def unknown(self) -> list[int]:
        """Lines on the screen that have yet to be worked out, the one of the cursor first."""
        if self.timeline is None or not self.timeline.heavy:
            return []
        shown = range(self.first, min(self.count(), self.first + self.page))
        missing = [index for index in shown if self.timeline.known(index, self.room, self.group) is None]
        return sorted(missing, key=lambda index: index != self.cursor)

    def prepare(self, first: int, last: int) -> None:
        if self.unknown():
            self.post_message(self.Wanted())

    def heading_parts(self) -> Sequence[Part]:
        if self.timeline is None:
            return ()
        host = f"{'host':<{HOST}} " if self.size.width >= HOST_LEAST else ""
        return [(f"{'seg':<{NAME}}{host}", BOLD), (self.timeline.axis(self.room), PLAIN), (f" {'bytes':>{BYTES}} end", BOLD)]

    def parts(self, index: int) -> Sequence[Part]:
        strip = self.strip(index)
        mark = "*" if self.picked and self.picked & set(strip.segments) else " "
        made: list[Part] = [(f"{mark}{strip.name:<{NAME - 1}}", PLAIN)]
        if self.size.width >= HOST_LEAST:
            made.append((self.look.fill(printable(strip.host), HOST, keep="end") + " ", PLAIN))
        begin = 0
        for at in range(1, len(strip.cells) + 1):
            if at == len(strip.cells) or strip.tones[at] != strip.tones[begin]:
                made.append((strip.cells[begin:at], self.look.style(strip.tones[begin])))
                begin = at
        made += [(f" {strip.bytes:>{BYTES}} ", PLAIN), (self.look.fill(strip.end, END), self.look.style(strip.tone))]
        return made


class TimelineScreen(PictureScreen):
    """One line a Greenplum segment."""

    place = "timeline"
    groups: ClassVar[tuple[str, ...]] = (*PictureScreen.groups, TIMED)
    own: ClassVar[tuple[Command, ...]] = (
        PictureScreen.view_command,
        Command("zoom-in", ("+", "="), "less time on the screen", hint="zoom"),
        Command("zoom-out", ("-",), "more time on the screen"),
        Command("whole", ("0",), "all of the session's time"),
        Command("right", ("l", "right"), "later"),
        Command("left", ("h", "left"), "earlier"),
        Command("pick", ("space",), "pick the segment for the ladder, or put it back", hint="pick"),
    )

    def __init__(self, session: Session, picked: Picked = frozenset()) -> None:
        super().__init__(session, picked)
        self.view: StripView | None = None
        self._stall: Stall | None = None
        self._drawing: Task | None = None

    def view_widget(self) -> LineView:
        self.view = StripView(self.look, id="table")
        self.view.picked = set(self.picked)
        return self.view

    def pane(self) -> LineView:
        assert self.view is not None
        return self.view

    def draw_anew(self, found: Snapshot) -> None:
        view = self.view
        assert view is not None
        if self._drawing is not None and self._drawing.running and view.timeline is not None:
            self._made_for = ()  # the picture that is being made is shown first
            return
        before = view.timeline
        view.timeline = Timeline(self.session, self.members(found), self.stalls_of(found), ascii_only=not self.look.unicode)
        if before is not None and (before.start_ns, before.end_ns) != (before.session.start_ns, before.session.end_ns):
            view.timeline.window(before.start_ns, before.end_ns)
        elif before is None and self.picked:
            first = next((at for at, one in enumerate(view.timeline.segments) if one in self.picked), 0)
            view.cursor = first
        view.group = self.group_for(view)
        view.changed()

    def on_strip_view_wanted(self, event: StripView.Wanted) -> None:
        """Work out what is on the screen beside the keys."""
        view = self.view
        if view is None or view.timeline is None:
            return
        timeline, missing = view.timeline, view.unknown()
        subject = (timeline, timeline.start_ns, timeline.end_ns, view.room, view.group, view.first)
        running = self._drawing if self._drawing is not None and self._drawing.running else None
        if not missing or (running is not None and running.subject == subject):
            return
        if running is not None:
            running.stop()
        self._drawing = Task(self, timeline.work_out(missing, view.room, view.group), "drawing", self._drawn, subject=subject)
        self._drawing.start()

    def _drawn(self, _: object) -> None:
        if self.view is not None:
            self.view.refresh()
            self.describe()
            self.show(self.walk.snapshot)

    def surround(self) -> None:
        super().surround()
        if self._drawing is not None and self._drawing.running and self.view is not None:
            self.view.refresh()  # what has been worked out so far

    def group_for(self, view: StripView) -> int:
        """Greenplum segments that share a line."""
        return 1

    def status(self) -> str:
        view = self.view
        if view is None or view.timeline is None or not view.count():
            return ""
        shown = view.timeline.end_ns - view.timeline.start_ns
        each = f"{view.group} segments a line  " if view.group > 1 else ""
        return f"{each}{duration_text(shown)} shown  {view.cursor + 1:,} of {view.count():,}"

    def strip_title(self) -> str:
        view = self.view
        if view is None or view.timeline is None or not view.count():
            return ""
        return f"segment {view.strip(view.cursor).name}"

    def strip_lines(self) -> Iterable[Line]:
        view = self.view
        if view is None or view.timeline is None or not view.count():
            return
        strip = view.strip(view.cursor)
        stalled = f", stalled {duration_text(strip.stalled_ns)}" if strip.stalled_ns else ""
        yield Line(f"{printable(strip.host)}  {strip.bytes}  {strip.end}{stalled}", strip.tone if strip.tone != "good" else "")
        wanted = set(strip.segments)
        for stall in view.timeline.stalls:
            if any(flow.segment in wanted for flow in stall.flows):
                at = clock_text(stall.start_ns, utc=self.walk.context.utc)
                words = f"{at} {duration_text(stall.duration_ns)} held up by {stall.cause.value}"
                yield Line(f"{words}: {stall.pattern.replace('_', ' ')}. {printable(stall.evidence)}", "bad")
        if not strip.stalled_ns:
            yield Line(
                "S server, G Greenplum segment, N network, C recorder, ? unknown: who held it up" if self.look.unicode else ""
            )

    # commands -------------------------------------------------------------------------------------------------------------

    def do_open(self, count: int | None) -> None:
        view = self.view
        if view is None or view.timeline is None or not view.count():
            return
        strip = view.strip(view.cursor)
        if len(strip.segments) > 1:
            self.walk.push_screen(view_screen("timeline", self.session, frozenset(strip.segments)))
            return
        (segment,) = strip.segments
        own = [one for one in self.members(self.walk.snapshot) if one.segment == segment]
        if len(own) == 1:
            open_exchange(self.walk, own[0], self.session.start_ns, f"segment {strip.name}")
        else:
            from gpinspect.tui.screens.exchanges import ExchangesScreen

            self.walk.push_screen(ExchangesScreen(self.session, segment))

    def do_pick(self, count: int | None) -> None:
        view = self.view
        if view is None or not view.count():
            return
        for _ in range(min(count or 1, view.count())):
            view.picked ^= set(view.strip(view.cursor).segments)
            if view.cursor + 1 < view.count():
                view.move_to(view.cursor + 1)
        self.picked = frozenset(view.picked)
        view.refresh()
        self.walk.say(f"{len(self.picked)} picked: v shows the ladder of these" if self.picked else "none picked")

    def _changed(self) -> None:
        assert self.view is not None
        self.view.refresh()
        self.surround()

    def do_zoom_in(self, count: int | None) -> None:
        if self.view is not None and self.view.timeline is not None:
            self.view.timeline.zoom(0.5 ** (count or 1))
            self._changed()

    def do_zoom_out(self, count: int | None) -> None:
        if self.view is not None and self.view.timeline is not None:
            self.view.timeline.zoom(2.0 ** min(count or 1, 60))
            self._changed()

    def do_whole(self, count: int | None) -> None:
        if self.view is not None and self.view.timeline is not None:
            self.view.timeline.window(self.session.start_ns, self.session.end_ns)
            self._changed()

    def _move(self, share: float) -> None:
        if self.view is not None and self.view.timeline is not None:
            self.view.timeline.move(share)
            self._changed()

    def do_right(self, count: int | None) -> None:
        self._move(MOVE * (count or 1))

    def do_left(self, count: int | None) -> None:
        self._move(-MOVE * (count or 1))

    def _seconds(self, seconds: int) -> None:
        view = self.view
        if view is not None and view.timeline is not None:
            view.timeline.move(seconds * SECOND / max(1, view.timeline.end_ns - view.timeline.start_ns))
            self._changed()

    def do_second_on(self, count: int | None) -> None:
        self._seconds(count or 1)

    def do_second_back(self, count: int | None) -> None:
        self._seconds(-(count or 1))

    def do_minute(self, count: int | None) -> None:
        self._seconds(60 * (count or 1))

    def do_time(self, count: int | None) -> None:
        if self.view is not None and self.view.timeline is not None:
            start, end = self.view.timeline.start_ns, self.view.timeline.end_ns
            utc = self.walk.context.utc
            self.walk.say(f"shown: {clock_text(start, utc=utc)} to {clock_text(end, utc=utc)}")

    def _jump_stall(self, steps: int) -> None:
        view = self.view
        if view is None or view.timeline is None:
            return
        stalls = view.timeline.stalls
        at = stalls.index(self._stall) if self._stall in stalls else (-1 if steps > 0 else len(stalls))
        wanted = min(max(at + steps, -1), len(stalls))
        if not 0 <= wanted < len(stalls):
            self.walk.say(f"no stall {'further on' if steps > 0 else 'before this'} in this session")
            return
        stall = self._stall = stalls[wanted]
        place = view.timeline.place_of(stall)
        if place is not None:
            view.move_to(place[0] // view.group)
        size = view.timeline.end_ns - view.timeline.start_ns
        if not view.timeline.start_ns <= stall.start_ns < view.timeline.end_ns:
            view.timeline.window(stall.start_ns - size // 4, stall.start_ns - size // 4 + size)
        self._changed()
        self.walk.say(f"stall of {duration_text(stall.duration_ns)}, held up by {stall.cause.value}")

    def do_next_stall(self, count: int | None) -> None:
        self._jump_stall(count or 1)

    def do_previous_stall(self, count: int | None) -> None:
        self._jump_stall(-(count or 1))

    def _jump_error(self, steps: int) -> None:
        view = self.view
        if view is None or view.timeline is None:
            return
        errors = {
            finding.segment: finding for finding in reversed(self.errors_of(self.walk.snapshot)) if finding.segment is not None
        }
        rows = sorted({at // view.group for at, segment in enumerate(view.timeline.segments) if segment in errors})
        ahead = [row for row in rows if (row > view.cursor if steps > 0 else row < view.cursor)]
        if not ahead:
            self.walk.say(f"no error {'further on' if steps > 0 else 'before this'} in this session")
            return
        view.move_to(ahead[min(steps, len(ahead)) - 1] if steps > 0 else ahead[max(steps, -len(ahead))])
        found = next(errors[segment] for segment in view.strip(view.cursor).segments if segment in errors)
        self.walk.say(f"{found.code} {printable(found.message)}")

    def do_next_error(self, count: int | None) -> None:
        self._jump_error(count or 1)

    def do_previous_error(self, count: int | None) -> None:
        self._jump_error(-(count or 1))

    def exported_rows(self) -> Iterator[list[str]] | None:
        view = self.view
        return None if view is None or view.timeline is None else self._rows(view)

    def _rows(self, view: StripView) -> Iterator[list[str]]:
        yield ["Segment", "Host", "Picture", "Bytes", "End", "Stalled s"]
        assert view.timeline is not None
        for number in range(view.count()):
            strip = view.timeline.strip(number, view.room, view.group)
            yield [strip.name, strip.host, strip.cells, strip.bytes, strip.end, f"{strip.stalled_ns / 1e9:.3f}"]


class MatrixScreen(TimelineScreen):
    """All Greenplum segments on one screen: neighbours share a line where there are more than lines."""

    place = "matrix"

    def group_for(self, view: StripView) -> int:
        total = len(view.timeline.segments) if view.timeline is not None else 0
        return max(1, -(-total // max(1, view.page)))

    def on_resize(self, event: object) -> None:
        view = self.view
        if view is not None and view.timeline is not None:
            self.call_after_refresh(self._regroup)

    def _regroup(self) -> None:
        view = self.view
        if view is None or view.timeline is None:
            return
        segment = view.cursor * view.group
        view.group = self.group_for(view)
        view.changed()
        view.move_to(segment // view.group)
        self.describe()
        self.surround()
