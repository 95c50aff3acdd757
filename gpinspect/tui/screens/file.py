"""One source file: a bar of what was delivered, and a line for each Greenplum segment with what it got."""

from collections.abc import Generator, Iterable, Sequence
from functools import partial
from typing import ClassVar

from rich.style import Style
from textual.message import Message

from gpinspect.errors import GpinspectError
from gpinspect.inspection import MessageBytes
from gpinspect.model import Exchange, FileCoverage, Session
from gpinspect.tui.commands import MOVING, ROWS, SESSION, SIDEWAYS, WALK, Command
from gpinspect.tui.look import BOLD, DIM, PLAIN, Look, Part
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.files import WHO, ask_number
from gpinspect.tui.screens.picture import PictureScreen
from gpinspect.tui.virtual import LineView
from gpinspect.tui.working import Task
from gpinspect.views.file_list import file_end, file_facts, file_name
from gpinspect.views.file_map import (
    GAP,
    SEVERAL,
    TWICE,
    FileMap,
    Piece,
    SegmentPart,
    Spread,
    cell_range,
    file_map_steps,
    owner_bar,
    share_bar,
    spread,
    spread_steps,
)
from gpinspect.views.lineage import Carried, Lines, carried
from gpinspect.views.report import Line
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, plural, printable
from gpinspect.views.who import Answer, answer_lines, at_offset, line_offset

BESIDE = 33
"""Cells in front of the bars."""
HOST = 16
HOST_LEAST = 110
"""Columns from which the host is shown."""
AT_ONCE = 20_000
"""Packages that are looked at without a thread."""
CROSS = Style(bold=True, underline=True)
"""The cell of the cursor, in every bar."""
LEGEND = f"{GAP} not captured   {TWICE} delivered twice   {SEVERAL} several segments"


class FileView(LineView):
    """The bar of the whole file, then one a Greenplum segment. The cursor has a cell in the bars: `cell`."""

    heading = 1

    class Counted(Message):
        """What the bars are drawn of is there."""

    class Wanted(Message):
        """A spread of many packages is wanted."""

        def __init__(self, key: tuple[int, int, int]) -> None:
            super().__init__()
            self.key = key

    def __init__(self, look: Look) -> None:
        super().__init__(look, id="table")
        self.found: FileMap | None = None
        self.file: FileCoverage | None = None
        self.segments: list[SegmentPart] = []
        self.hosts: dict[int | None, str] = {}
        self.low, self.high = 0, 1
        self.cell = 0
        self.spread: Spread | None = None
        self._asked_for: tuple[int, int, int] | None = None

    def count(self) -> int:
        return 0 if self.file is None else 1 + len(self.segments)

    def take(self, file: FileCoverage, found: FileMap | None) -> None:
        """Another state of the file."""
        self.file, self.found = file, found
        self.segments = [] if found is None else found.parts
        self.spread = None
        self.changed()

    def window(self, low: int, high: int) -> None:
        """Show these bytes."""
        self.low, self.high = low, max(high, low + 1)
        self.refresh()

    @property
    def wide(self) -> bool:
        return self.size.width >= HOST_LEAST

    @property
    def room(self) -> int:
        """Cells of a bar."""
        return max(8, self.size.width - 2 - BESIDE - (HOST if self.wide else 0))

    def range(self) -> tuple[int, int]:
        """The bytes that the cell under the cursor stands for."""
        return cell_range(self.low, self.high, self.room, min(self.cell, self.room - 1))

    def to_offset(self, offset: int) -> None:
        """Put the cursor on a byte; the window follows."""
        if not self.low <= offset < self.high:
            span = self.high - self.low
            low = max(0, offset - span // 2)
            self.window(low, low + span)
        self.cell = min((offset - self.low) * self.room // (self.high - self.low), self.room - 1)
        self.refresh()

    def prepare(self, first: int, last: int) -> None:
        """Have what is drawn counted: many packages elsewhere."""
        key = (self.low, self.high, self.room)
        if self.found is None or (self.spread is not None and self.spread.key == key):
            return
        begin, end = self.found.span(self.low, self.high)
        if end - begin <= AT_ONCE:
            self.spread = spread(self.found, *key)
            self.post_message(self.Counted())
        elif self._asked_for != key:
            self._asked_for = key
            self.post_message(self.Wanted(key))

    def counted(self, made: Spread) -> None:
        """What was wanted is there."""
        self.spread, self._asked_for = made, None
        self.refresh()
        self.post_message(self.Counted())

    def heading_parts(self) -> Sequence[Part]:
        host = "host".ljust(HOST) if self.wide else ""
        low, high = f"{self.low:,}", f"{self.high:,}"
        axis = low + " " * max(1, self.room - len(low) - len(high)) + high
        return [(f"{'  segment':<10}{'bytes':>9}{'share':>6}{'pkgs':>7} ", BOLD), (host, BOLD), (axis, PLAIN)]

    def parts(self, index: int) -> Sequence[Part]:
        assert self.file is not None
        total = sum(part.bytes for part in self.segments)
        if not index:
            cells = f"{'  all':<10}{bytes_text(self.file.bytes):>9}{'':>6}{self.file.packages:>7,} "
            host = " " * HOST if self.wide else ""
            return [(cells, BOLD), (host, PLAIN), *self._whole_bar()]
        part = self.segments[index - 1]
        style = self.look.member(index - 1)
        name = UNKNOWN_TEXT if part.segment is None else str(part.segment)
        share = f"{100 * part.bytes / total:.0f} %" if total else UNKNOWN_TEXT
        host = (
            self.look.fill(printable(self.hosts.get(part.segment, UNKNOWN_TEXT)), HOST - 1, keep="end") + " " if self.wide else ""
        )
        cells = f" {name:<8}{bytes_text(part.bytes):>9}{share:>6}{part.packages:>7,} "
        bar = self._shares(part.segment)
        return [(part.letter, style + BOLD), (cells, PLAIN), (host, PLAIN), *self._pointed([(one, style) for one in bar])]

    def _whole_bar(self) -> list[Part]:
        if self.file is None or self.spread is None:
            return [("looking at the packages ...", DIM)]
        letters = {part.segment: part.letter for part in self.segments}
        styles = {part.letter: self.look.member(number) for number, part in enumerate(self.segments)}
        styles |= {GAP: self.look.style("warn"), TWICE: self.look.style("bad"), SEVERAL: PLAIN}
        bar = owner_bar(self.spread, letters, self.file)
        return self._pointed([(character, styles.get(character, PLAIN)) for character in bar])

    def _shares(self, segment: int | None) -> str:
        if self.spread is None:
            return ""
        return "".join(self.look.bars([share], 1) if share else "." for share in share_bar(self.spread, segment))

    def _pointed(self, cells: list[Part]) -> list[Part]:
        at = min(self.cell, len(cells) - 1)
        if at >= 0:
            cells[at] = (cells[at][0], cells[at][1] + CROSS)
        return cells


class FileScreen(PictureScreen):
    """Args:
    session: Whose file.
    name: As `FileCoverage.name`.
    asked: "offset" or "line" with a number: who got it?
    """

    place = "file"
    groups: ClassVar[tuple[str, ...]] = (MOVING, ROWS, SIDEWAYS, SESSION, WALK)
    own: ClassVar[tuple[Command, ...]] = (
        Command("right", ("l", "right"), "further on in the file", counted="5l: five cells"),
        Command("left", ("h", "left"), "back in the file", counted="5h: five cells"),
        Command("zoom-in", ("+",), "fewer bytes on the screen", hint="zoom"),
        Command("zoom-out", ("-",), "more bytes on the screen"),
        Command("whole", ("0",), "the whole file"),
        *WHO,
    )

    def __init__(self, session: Session, name: str, asked: tuple[str, int] | None = None) -> None:
        super().__init__(session)
        self.source = name
        self.answers: list[Answer] = []
        self._asked = asked
        self._words = ""  # why there is no answer
        self._view: FileView | None = None

    # frame ----------------------------------------------------------------------------------------------------------------

    def view_widget(self) -> LineView:
        self._view = FileView(self.look)
        return self._view

    @property
    def view(self) -> FileView:
        assert self._view is not None
        return self._view

    def pane(self) -> LineView:
        return self.view

    def crumb(self) -> str:
        return printable(self.source.rpartition("/")[2] or self.source) or UNKNOWN_TEXT

    def status(self) -> str:
        if self._view is None or self._view.file is None:
            return ""
        low, high = self._view.range()
        place = f"offset {low:,}" if high == low + 1 else f"offset {low:,} to {high:,}"
        return f"{place}  {bytes_text(self._view.high - self._view.low)} shown"

    def draw_anew(self, found: Snapshot) -> None:
        file = next((one for one in self.session.files if one.name == self.source), None)
        if file is None:
            return
        before = self.view.file
        if before is None or (self.view.low, self.view.high) == _ends(before):
            self.view.window(*_ends(file))
        self.view.take(file, self.view.found)
        members = self.members(found)
        self.view.hosts = {member.segment: member.client.host for member in members}
        steps = file_map_steps(members, self.source.encode("utf-8", "surrogateescape"))
        task = Task(self, steps, "looking at the packages", partial(self._mapped, file), subject=self.source)
        if sum(len(member.packages) for member in members) <= AT_ONCE:
            task.run()
        else:
            task.start()

    def on_file_view_counted(self, event: FileView.Counted) -> None:
        self.describe()
        self.surround()

    def on_file_view_wanted(self, event: FileView.Wanted) -> None:
        if self.view.found is not None:
            steps = spread_steps(self.view.found, *event.key)
            Task(self, steps, "looking at the packages", self.view.counted, subject=event.key).start()

    def _mapped(self, file: FileCoverage, found: FileMap) -> None:
        self.view.take(file, found)
        if self._asked is not None:
            asked, self._asked = self._asked, None
            self.find(*asked)
        self._tell()

    def _tell(self) -> None:
        self.view.refresh()
        self.describe()
        self.surround()

    def strip_title(self) -> str:
        view = self._view
        if view is None or view.file is None:
            return ""
        if not view.cursor:
            return file_name(view.file)
        part = view.segments[view.cursor - 1]
        return f"segment {UNKNOWN_TEXT if part.segment is None else part.segment}  letter {part.letter}"

    def strip_lines(self) -> Iterable[Line]:
        view = self._view
        if view is None or view.file is None or view.found is None:
            return
        if self._words:
            yield Line(self._words, "warn")
        if self.answers:
            yield from answer_lines(view.found, self.answers, utc=self.walk.context.utc)
            yield Line("Enter opens the package")
            return
        yield self._cell_line(view)
        if view.cursor:
            part = view.segments[view.cursor - 1]
            yield Line(
                f"{bytes_text(part.bytes)} in {plural(part.packages, 'package')}, offsets {part.first:,} to {part.end:,}"
                f", host {printable(view.hosts.get(part.segment, UNKNOWN_TEXT))}"
            )
        else:
            yield from list(file_facts(view.file))[1:]
        yield Line(LEGEND)

    def _cell_line(self, view: FileView) -> Line:
        """Who got what the cell under the cursor stands for."""
        low, high = view.range()
        made, cell = view.spread, min(view.cell, view.room - 1)
        if made is None or made.width != view.room:
            return Line("looking at the packages ...")
        sizes = {segment: held[cell] for segment, held in made.held.items() if held[cell]}
        most = sorted(sizes.items(), key=lambda item: -item[1])[:4]
        who = ", ".join(f"segment {UNKNOWN_TEXT if segment is None else segment} {bytes_text(size)}" for segment, size in most)
        more = f" and {len(sizes) - 4} more" if len(sizes) > 4 else ""
        where = f"offset {low:,}" if high == low + 1 else f"offsets {low:,} to {high:,}"
        return Line(f"here ({where}): {who or 'nobody'}{more}", "" if who else "warn")

    # commands -------------------------------------------------------------------------------------------------------------

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        self.answers, self._words = [], ""
        super().on_line_view_moved(event)

    def _sideways(self, step: int) -> None:
        view = self.view
        self.answers, self._words = [], ""
        cell = view.cell + step
        span = view.high - view.low
        if cell < 0 and view.low > 0:
            shift = min(view.low, span // 2)
            view.window(view.low - shift, view.high - shift)
            cell += shift * view.room // span
        elif cell >= view.room and view.file is not None and view.high < file_end(view.file):
            shift = min(file_end(view.file) - view.high, span // 2)
            view.window(view.low + shift, view.high + shift)
            cell -= shift * view.room // span
        view.cell = min(max(cell, 0), view.room - 1)
        self._tell()

    def do_right(self, count: int | None) -> None:
        self._sideways(count or 1)

    def do_left(self, count: int | None) -> None:
        self._sideways(-(count or 1))

    def _zoom(self, factor: float) -> None:
        """The cell under the cursor stays on the screen."""
        view = self.view
        if view.file is None:
            return
        low, high = _ends(view.file)
        at = view.range()[0]
        span = min(max(round((view.high - view.low) * factor), view.room), high - low)
        start = min(max(at - span * view.cell // view.room, low), max(high - span, low))
        view.window(start, start + max(span, 1))
        view.to_offset(min(max(at, start), max(start, high - 1)))
        self._tell()

    def do_zoom_in(self, count: int | None) -> None:
        self._zoom(0.5 ** min(count or 1, 60))

    def do_zoom_out(self, count: int | None) -> None:
        self._zoom(2.0 ** min(count or 1, 60))

    def do_whole(self, count: int | None) -> None:
        view = self.view
        if view.file is not None:
            at = view.range()[0]
            view.window(*_ends(view.file))
            view.to_offset(at)
            self._tell()

    def do_who_offset(self, count: int | None) -> None:
        ask_number(self, "offset", self.find)

    def do_who_line(self, count: int | None) -> None:
        ask_number(self, "line", self.find)

    def find(self, kind: str, number: int) -> None:
        """Say who got an offset or a line."""
        view = self.view
        if view.found is None:
            self.walk.say("the packages are still being looked at")
            return
        self.answers, self._words = [], ""
        if kind == "offset":
            answers = at_offset(view.found, number)
            if not answers:
                self._words = f"nobody got offset {number:,}: no package of this file holds it"
            task = Task(self, self._framed(view.found, answers), "asking", self._answered, subject=number)
        else:
            task = Task(self, self._lined(view.found, number), "asking", self._answered, subject=number)
        task.start()

    def _framed(self, found: FileMap, answers: list[Answer]) -> Generator[int, None, list[Answer]]:
        """Deliveries of bytes with the frames that carried them, where the capture can be read again."""
        told: list[Answer] = []
        for answer in answers:
            yield len(told)
            told.append(self._with_frames(found.members[answer.piece.member], answer))
        return told

    def _with_frames(self, exchange: Exchange, answer: Answer) -> Answer:
        def fetch(_: int, index: int) -> Carried:
            return self.walk.reader.fetch(exchange, index)

        position = answer.offset - answer.piece.start
        try:
            place = carried(exchange, answer.piece.package, position, 1, fetch, Uncounted((), lambda _: ()))
        except (GpinspectError, OSError, LookupError):
            return answer
        return answer._replace(frames=place.frames if place.exact else None)

    def _lined(self, found: FileMap, line: int) -> Generator[int, None, list[Answer]]:
        def fetch(piece: Piece) -> MessageBytes:
            return self.walk.reader.fetch(found.members[piece.member], piece.package)

        try:
            offset, self._words = yield from line_offset(found, line, fetch)
        except (GpinspectError, OSError, LookupError) as error:
            offset, self._words = None, printable(str(error))
        if offset is None:
            return []
        answers = [answer._replace(line=line) for answer in at_offset(found, offset)]
        return (yield from self._framed(found, answers))

    def _answered(self, answers: list[Answer]) -> None:
        self.answers = answers
        if answers and self.view.found is not None:
            segment = self.view.found.segment(answers[0].piece)
            self.view.move_to(next((at for at, part in enumerate(self.view.segments, 1) if part.segment == segment), 0), tell=False)
            self.view.to_offset(answers[0].offset)
        self._tell()

    def do_open(self, count: int | None) -> None:
        """The package of the answer, else the first in the cell under the cursor (of the segment under it)."""
        view = self.view
        if view.found is None:
            return
        pieces = [self.answers[0].piece] if self.answers else view.found.within(*view.range())
        if view.cursor and not self.answers:
            wanted = view.segments[view.cursor - 1].segment
            pieces = [piece for piece in pieces if view.found.segment(piece) == wanted]
        if not pieces:
            self.walk.say("nobody got this part" if not view.cursor else "this segment got nothing of this part")
            return
        from gpinspect.tui.screens.package import PackageScreen

        exchange = view.found.members[pieces[0].member]
        self.walk.push_screen(PackageScreen(exchange, pieces[0].package, self.session.start_ns))


def _ends(file: FileCoverage) -> tuple[int, int]:
    return file.first_offset, max(file_end(file), file.first_offset + 1)


class Uncounted(Lines):
    """Numbers of lines that nobody asked for."""

    def line(self, *place: object) -> None:
        return None
