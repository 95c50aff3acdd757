"""A ladder as lines of text: the server on the left, a lane for each Greenplum segment, what was said as arrows between them."""

from dataclasses import dataclass
from typing import Final

from gpinspect.views.ladder import Ladder, Rung, Toward, What
from gpinspect.views.tables import Tone
from gpinspect.views.text import cells, shorten

LANE: Final = 12
"""Cells from one lane to the next."""
LEAST_NOTE: Final = 20
TIME: Final = 10


@dataclass(frozen=True, slots=True)
class Signs:
    """What lines are drawn with."""

    lane: str
    line: str
    right: str
    left: str
    from_server: str
    from_lane: str
    folded: str
    reset: str


BOXES: Final = Signs("│", "─", "►", "◄", "├", "┤", "┊", "╳")
ASCII: Final = Signs("|", "-", ">", "<", "|", "|", ":", "X")


@dataclass(frozen=True, slots=True)
class Frame:
    """What of a ladder is on the screen: `lanes` of them from `first` on, `width` cells in all."""

    width: int
    first: int
    lanes: int
    signs: Signs = BOXES

    @property
    def note(self) -> int:
        """Cells left for the note."""
        return max(0, self.width - self.note_column)

    @property
    def note_column(self) -> int:
        return TIME + 2 + self.lanes * LANE + 2


def frame(width: int, first: int, total: int, *, ascii_only: bool = False) -> Frame:
    """As many lanes as fit beside time and note: three in 80 cells."""
    room = max(1, (width - TIME - 4 - LEAST_NOTE) // LANE)
    lanes = min(room, total)
    return Frame(width, max(0, min(first, total - lanes)), max(1, lanes), ASCII if ascii_only else BOXES)


def heading(ladder: Ladder, shown: Frame) -> str:
    """Names above the lanes."""
    names = [lane.name for lane in ladder.lanes[shown.first : shown.first + shown.lanes]]
    line = "t(s)".ljust(TIME - 1) + "server".ljust(LANE + 1)
    line += "".join(name.ljust(LANE) for name in names)
    return shorten(line.ljust(shown.note_column + 1) + "note", shown.width)


def minimap(ladder: Ladder, shown: Frame) -> str:
    """Which lanes are on the screen: `[00-02]/16`."""
    names = [lane.name.removeprefix("seg") for lane in ladder.lanes[shown.first : shown.first + shown.lanes]]
    if not names:
        return "[]/0"
    return f"[{names[0]}-{names[-1]}]/{len(ladder.lanes)}" if len(names) > 1 else f"[{names[0]}]/{len(ladder.lanes)}"


def line(rung: Rung, time: str, shown: Frame, ladder: Ladder) -> list[tuple[str, Tone]]:
    """One row in pieces with their tones; together at most `shown.width` cells."""
    drawn = _lanes(rung, shown)
    note = rung.note
    hidden = rung.lane is not None and not shown.first <= rung.lane < shown.first + shown.lanes
    if hidden and rung.lane is not None:
        note = f"{ladder.lanes[rung.lane].name} {rung.label} {note}".strip()
    pieces: list[tuple[str, Tone]] = [
        (f"{shorten(time, TIME - 1):<{TIME}}  ", ""),
        (drawn, rung.tone if rung.what is What.CLOSE else ""),
    ]
    room = shown.width - sum(cells(text) for text, _ in pieces) - 1
    if room > 0:
        pieces.append((" " + shorten(note, room), rung.tone))
    return pieces


def _lanes(rung: Rung, shown: Frame) -> str:
    signs = shown.signs
    plain = signs.folded if rung.what is What.FOLDED else signs.lane
    width = shown.lanes * LANE + 1
    row = [plain if not at % LANE else " " for at in range(width)]
    if rung.lane is None:
        return "".join(row)
    at = rung.lane - shown.first
    if not 0 <= at < shown.lanes:
        return "".join(row)
    end = (at + 1) * LANE
    if rung.toward is Toward.NOBODY:
        if rung.what in (What.STALL, What.FINDING, What.CLOSE):
            row[end] = "!" if rung.what is not What.CLOSE else "~"
        return "".join(row)
    reset = rung.label == "RST"
    label = shorten(rung.label, end - 5)
    body = f" {label} ".center(end - 1, signs.line)
    if rung.toward is Toward.CLIENT:
        row[: end + 1] = [signs.from_server, *body[:-1], signs.right, signs.reset if reset else signs.lane]
    else:
        row[: end + 1] = [signs.reset if reset else signs.lane, signs.left, *body[1:], signs.from_lane]
    return "".join(row)
