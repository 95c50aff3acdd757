"""Statistics of a session: pace and share of each Greenplum segment and host, and what held them up."""

from collections.abc import Generator, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from gpinspect.inspection.pace import Closer, look_closer
from gpinspect.model import Finding, Flow, Session
from gpinspect.tui.commands import WALK, Command
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.base import WalkScreen
from gpinspect.tui.screens.files import session_of
from gpinspect.tui.screens.flows import OfSession
from gpinspect.tui.screens.lists import ListScreen
from gpinspect.tui.working import Task
from gpinspect.views.browse import Listing
from gpinspect.views.report import Line
from gpinspect.views.statistics import (
    TABLES,
    CauseRow,
    SegmentRow,
    cause_listing,
    cause_rows,
    host_listing,
    row_lines,
    segment_listing,
    segment_rows,
    summary,
)
from gpinspect.views.text import UNKNOWN_TEXT, printable

AT_ONCE = 50_000
"""Packages that are looked at without a thread."""


class StatisticsScreen(OfSession):
    """A table by segment, host or cause; the session in words below."""

    place = "statistics"
    groups: ClassVar[tuple[str, ...]] = ListScreen.groups
    own: ClassVar[tuple[Command, ...]] = (
        Command("view", ("v",), "next table: by segment, by host, by who held it up", hint="next table"),
    )
    entry = Command("statistics", ("s",), "pace, share and stalls of this session", WALK, hint="stats")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.closer: Closer | None = None
        self._table = TABLES[0]
        self._state: tuple[object, ...] = ()

    @classmethod
    def opened_from(cls, screen: WalkScreen) -> "WalkScreen | str":
        session = session_of(screen)
        return "no session is chosen here" if session is None else cls(session)

    def crumb(self) -> str:
        return f"statistics of session {self.session.id} by {self._table.removesuffix('s')}"

    def subject(self) -> Hashable:
        return self._table

    def show(self, found: Snapshot) -> None:
        super().show(found)
        state = (found.complete, self.session.end_ns, self.session.payload_bytes, len(found.stalls))
        if state == self._state:
            return
        self._state = state
        size = sum(len(found.exchanges[number - 1].packages) for number in self.session.members if number <= len(found.exchanges))
        task = Task(self, self._look(found, self.session), "looking at the packages", self._looked, subject=state)
        if size <= AT_ONCE:
            task.run()
        else:
            task.start()

    def on_mount(self) -> None:
        self.show(self.walk.snapshot)

    @staticmethod
    def _look(found: Snapshot, session: Session) -> Generator[int, None, Closer]:
        yield 0
        return look_closer(found, session)

    def _looked(self, closer: Closer) -> None:
        self.closer = closer
        self.base = self.listing(self.walk.snapshot)
        self.rearrange()

    def listing(self, found: Snapshot) -> Listing[Any]:
        closer, context = self.closer, self.context
        if closer is None:
            return segment_listing((), context, self.look.bar)
        if self._table == "hosts":
            return host_listing(closer.skew.by_host, context, self.look.bar)
        if self._table == "stalls":
            return cause_listing(cause_rows(closer.stalls or ()), context)
        return segment_listing(segment_rows(closer, self._flows(found)), context, self.look.bar)

    def _flows(self, found: Snapshot) -> Sequence[Flow]:
        return [flow for flow in found.flows if flow.session == self.session.id]

    def strip_title(self, item: Any) -> str:
        if isinstance(item, SegmentRow):
            return f"segment {UNKNOWN_TEXT if item.share.segment is None else item.share.segment}"
        return item.cause.value if isinstance(item, CauseRow) else printable(item.host)

    def describe(self) -> None:
        super().describe()
        if self.item() is None and self.strip is not None and self.rule is not None:
            words = "nothing held this session up" if self._table == "stalls" and self.closer is not None else "looking ..."
            lines = [Line(words), *self._summary()] if self.closer is not None else [Line(words)]
            self.strip.set_lines([[(line.text, self.look.style(line.tone))] for line in lines])

    def strip_lines(self, item: Any) -> Iterable[Line]:
        yield from row_lines(item)
        summary_ = [replace(line, text=f"session: {line.text}") if not at else line for at, line in enumerate(self._summary())]
        yield from summary_

    def _summary(self) -> Iterable[Line]:
        if self.closer is None:
            return
        findings: list[Finding] = [one for one in self.walk.snapshot.findings if one.session == self.session.id]
        yield from summary(self.session, self.closer, findings)

    def names(self, item: Any) -> Iterable[Hashable]:
        return [("segment", self.session.id, item.share.segment)] if isinstance(item, SegmentRow) else []

    def open_item(self, item: Any) -> None:
        if isinstance(item, SegmentRow) and item.flow is not None:
            from gpinspect.tui.screens.exchanges import ExchangesScreen

            self.app.push_screen(ExchangesScreen(self.session, item.share.segment))
        elif isinstance(item, CauseRow):
            spot = max(item.stalls, key=lambda stall: stall.duration_ns)
            self._open_stall(spot.flows[0].segment if spot.flows else None)
        else:
            self.walk.say("there is nothing further in")

    def _open_stall(self, segment: int | None) -> None:
        from gpinspect.tui.screens.timeline import TimelineScreen

        picked = frozenset() if segment is None else frozenset([segment])
        self.app.push_screen(TimelineScreen(self.session, picked))

    def do_view(self, count: int | None) -> None:
        self._table = TABLES[(TABLES.index(self._table) + (count or 1)) % len(TABLES)]
        if self.table is not None:
            self.table.marked.clear()
        self.show(self.walk.snapshot)
        self.describe()
        self.walk.say(f"by {self._table.removesuffix('s')}")
