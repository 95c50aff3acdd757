"""Two exchanges, flows, packages or sessions side by side; what differs is marked."""

from collections.abc import Hashable, Iterable
from functools import partial
from typing import Any, ClassVar, NamedTuple

from gpinspect.errors import GpinspectError
from gpinspect.model import Exchange, Session
from gpinspect.tui.commands import JUMPS, LISTED, ROWS, SESSION, SIDEWAYS, Command
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.base import WalkScreen
from gpinspect.tui.screens.leads import renewed, session_today
from gpinspect.tui.screens.lists import ListScreen
from gpinspect.views.browse import Entry, FlowRow, Listing
from gpinspect.views.compare import what_text
from gpinspect.views.package_list import PackageLine
from gpinspect.views.report import Line
from gpinspect.views.side_by_side import EXCHANGE, FLOW, PACKAGE, Pair, content_pairs, pair, pair_listing, pairs
from gpinspect.views.strips import session_title
from gpinspect.views.tables import SEVERITY_TONES
from gpinspect.views.text import plural, printable

MARK_TWO = "mark two rows with Space, or mark one and put the cursor on the other"


class Sides(NamedTuple):
    """What stands beside each other: items of the same kind."""

    kind: str
    a: Any
    b: Any
    names: tuple[str, str]


class CompareScreen(ListScreen):
    """Args:
    sides: What is compared.
    """

    place = "compare"
    groups: ClassVar[tuple[str, ...]] = tuple(group for group in ListScreen.groups if group not in (JUMPS, SESSION, SIDEWAYS, ROWS))
    own: ClassVar[tuple[Command, ...]] = (
        Command("only-different", ("o",), "only what differs, or everything", hint="only what differs"),
        Command("swap", ("x",), "the other way round: B becomes A"),
    )
    entry = Command("compare", ("=",), "compare two rows: the marked ones, or the marked one with this", LISTED)

    def __init__(self, sides: Sides | None = None) -> None:
        super().__init__()
        self.sides = sides
        self._only = False
        self._content: list[Pair] = []
        self._known: tuple[object, list[Pair]] | None = None

    @classmethod
    def opened_from(cls, screen: WalkScreen) -> "WalkScreen | str":
        if not isinstance(screen, ListScreen) or screen.table is None:
            return MARK_TWO
        items = screen.marked_items() if screen.table.marked else []
        here = screen.item()
        if len(items) == 1 and here is not None and screen.table.key() not in screen.table.marked:
            items.append(here)
        if len(items) != 2:
            return MARK_TWO if len(items) < 2 else f"{len(items):,} rows are marked; two can be compared"
        sides = sides_of(items[0], items[1])
        return sides if isinstance(sides, str) else cls(sides)

    def crumb(self) -> str:
        return "compare" if self.sides is None else f"compare {self.sides.kind}s"

    def subject(self) -> Hashable:
        return None if self.sides is None else self.sides.kind

    def status(self) -> str:
        differ = sum(one.differs for one in self._rows())
        return f"{differ or 'nothing'} {'differs' if differ < 2 else 'differ'}  {super().status()}"

    def on_mount(self) -> None:
        if self.sides is not None and self.sides.kind == "package":
            self.run_worker(partial(self._fetch, self.sides.a, self.sides.b), thread=True, group="fetch")

    def listing(self, found: Snapshot) -> Listing[Pair]:
        self._known = None
        rows = self._rows()
        return pair_listing([one for one in rows if one.differs] if self._only else rows, self.context)

    def _rows(self) -> list[Pair]:
        """Made once a look."""
        if self._known is None:
            self._known = (None, self._made())
        return self._known[1]

    def _made(self) -> list[Pair]:
        sides, utc = self.sides, self.context.utc
        if sides is None:
            return []
        if sides.kind == "exchange":
            found = self.walk.snapshot
            return pairs(EXCHANGE, renewed(sides.a, found), renewed(sides.b, found), utc=utc)
        if sides.kind == "segment":
            return pairs(FLOW, sides.a.flow, sides.b.flow, utc=utc)
        if sides.kind == "package":
            return pairs(PACKAGE, sides.a, sides.b, utc=utc) + self._content
        return self._sessions(sides.a, sides.b)

    def _sessions(self, a: Session, b: Session) -> list[Pair]:
        from gpinspect.inspection.compare import aspects_of

        found = self.walk.snapshot
        left, right = session_today(a, found), session_today(b, found)
        if left is None or right is None:
            return []
        made = [pair("session", str(left.id), str(right.id), own=True)]
        for one, differs in aspects_of(found, left, right):
            tone = SEVERITY_TONES.get(one.severity.word, "")
            unit = "" if one.unit == "ratio" else one.unit
            made.append(pair(what_text(one), one.a, one.b, unit, own=not differs, tone=tone or "warn"))
        return made

    def _fetch(self, a: PackageLine, b: PackageLine) -> None:
        try:
            contents = [self.walk.reader.fetch(one.exchange, one.index).data[one.package.head :] for one in (a, b)]
            found = list(content_pairs(contents[0], contents[1]))
        except (GpinspectError, OSError, LookupError) as error:
            found = [Pair("content", "cannot be read again", printable(str(error)), False, "")]
        self.app.call_from_thread(self._fetched, found)

    def _fetched(self, found: list[Pair]) -> None:
        self._content = found
        if self.is_mounted:
            self.show(self.walk.snapshot)
            self.surround()

    def strip_title(self, item: Pair) -> str:
        return item.what

    def strip_lines(self, item: Pair) -> Iterable[Line]:
        names = self.sides.names if self.sides is not None else ("", "")
        yield Line(f"A  {names[0]}")
        yield Line(f"   {item.a}", item.tone)
        yield Line(f"B  {names[1]}")
        yield Line(f"   {item.b}", item.tone)
        if item.how:
            yield Line(f"B - A: {item.how}" if not item.how.startswith("x") else f"B / A: {item.how[1:]}")

    def do_only_different(self, count: int | None) -> None:
        self._only = not self._only
        self.show(self.walk.snapshot)
        self.walk.say("only what differs" if self._only else "everything")

    def do_swap(self, count: int | None) -> None:
        if self.sides is None:
            return
        kind, a, b, names = self.sides
        self.sides = Sides(kind, b, a, (names[1], names[0]))
        self._content = [one._replace(a=one.b, b=one.a) for one in self._content]
        self.show(self.walk.snapshot)
        self.surround()


def sides_of(a: Any, b: Any) -> Sides | str:
    """Two items as sides; or a word why they cannot be compared."""
    one, other = _subject(a), _subject(b)
    if isinstance(one, str) or isinstance(other, str):
        return one if isinstance(one, str) else str(other)
    if one[0] != other[0]:
        return f"a {one[0]} and a {other[0]} have nothing to compare"
    return Sides(one[0], one[1], other[1], (one[2], other[2]))


def _subject(item: Any) -> tuple[str, Any, str] | str:
    """Kind, value and name of an item."""
    if isinstance(item, Entry):
        if item.session is not None:
            return "session", item.session, session_title(item.session)
        if item.exchange is None:
            return "connections are compared by what they carry: open them with a key first"
        item = item.exchange
    if isinstance(item, Exchange):
        return "exchange", item, f"exchange {item.id}, {plural(len(item.packages), 'package')}"
    if isinstance(item, FlowRow):
        if item.flow is None:
            return "this segment sent no request: there is nothing to compare"
        return "segment", item, f"segment {'-' if item.segment is None else item.segment}"
    if isinstance(item, PackageLine):
        return "package", item, f"package {item.index:,} of exchange {item.exchange.id}"
    return "rows of this list cannot be compared; exchanges, segments, sessions and packages can"
