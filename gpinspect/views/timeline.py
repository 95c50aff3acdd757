"""Greenplum segments over time, a line each: when payload moved, who held it up when it did not, and how it ended.

The same for four segments as for a thousand: a line is worked out when it is shown, and kept as long as the window of time stays.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gpinspect.model import Cause, Exchange, Outcome, Session, Stall
from gpinspect.views.activity import activity
from gpinspect.views.tables import OUTCOME_TONES, Tone
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, duration_text

MANY: Final = 64
"""Segments from which on shades say more than lanes."""
LETTERS: Final = {Cause.SERVER: "S", Cause.SEGMENT: "G", Cause.NETWORK: "N", Cause.CAPTURE: "C", Cause.UNKNOWN: "?"}
SHADES: Final = " ░▒▓█"
ASCII_SHADES: Final = " .:*#"
WAITING: Final = "·"
ASCII_WAITING: Final = "-"
_ENDS: Final = {
    Outcome.COMPLETE: ("●", "o"),
    Outcome.ACCEPTED: ("●", "o"),
    Outcome.CLOSED: ("●", "o"),
    Outcome.LATE: ("○", "."),
    Outcome.DUPLICATE: ("●", "o"),
    Outcome.CANCELLED: ("◀", "<"),
    Outcome.OPEN: ("…", "~"),
    Outcome.LOST: ("…", "~"),
    Outcome.UNANSWERED: ("…", "~"),
}
_BROKEN: Final = ("✖", "x")
_GRAVITY: Final = {"bad": 0, "warn": 1, "": 2, "good": 3}
MOST_KEPT: Final = 4096
"""Lines that are kept."""
AT_ONCE: Final = 20_000
"""Packages of a session whose lines are worked out while they are drawn."""


@dataclass(frozen=True, slots=True)
class Strip:
    """One Greenplum segment, or some neighbours: `cells` and the tone of each; `bytes` and `end` are texts."""

    segments: tuple[int | None, ...]
    name: str
    host: str
    cells: str
    tones: tuple[Tone, ...]
    bytes: str
    end: str
    tone: Tone
    stalled_ns: int


class Timeline:
    """The lines of a session.

    Args:
        members: Exchanges of the session.
        ascii_only: Draw with ASCII.
    """

    def __init__(
        self, session: Session, members: Sequence[Exchange], stalls: Sequence[Stall] = (), *, ascii_only: bool = False
    ) -> None:
        self.session = session
        self.start_ns, self.end_ns = session.start_ns, max(session.end_ns, session.start_ns + 1)
        self._shades = ASCII_SHADES if ascii_only else SHADES
        self._waiting = ASCII_WAITING if ascii_only else WAITING
        self._ascii = ascii_only
        groups: dict[int | None, list[Exchange]] = {}
        for member in members:
            groups.setdefault(member.segment, []).append(member)
        self.segments: list[int | None] = sorted(groups, key=lambda number: (number is None, number or 0))
        self._groups = groups
        self.stalls = sorted(stalls, key=lambda stall: stall.start_ns)
        self._stalled: dict[int | None, list[tuple[int, int, Cause]]] = {}
        for stall in self.stalls:
            for flow in stall.flows:
                self._stalled.setdefault(flow.segment, []).append((flow.start_ns, flow.end_ns, stall.cause))
        seconds = (self.end_ns - self.start_ns) / 1e9
        self._mean = session.payload_bytes / seconds / max(1, len(self.segments))  # bytes a second of a segment
        self._kept: dict[tuple[int, int, int], Strip] = {}
        self.heavy = sum(len(member.packages) for member in members) > AT_ONCE
        """Its lines are better worked out beside the keys: `known`, `work_out`."""

    def rows(self, group: int = 1) -> int:
        """Lines there are with so many neighbours on each."""
        return -(-len(self.segments) // group)

    def window(self, from_ns: int, to_ns: int) -> None:
        """Show this stretch of the session's time only."""
        low = max(self.session.start_ns, min(from_ns, to_ns - 1))
        high = min(max(self.session.end_ns, self.session.start_ns + 1), to_ns)
        self.start_ns, self.end_ns = low, max(high, low + 1)
        self._kept.clear()

    def zoom(self, factor: float, around: float = 0.5) -> None:
        """Make the stretch shorter (`factor` < 1) or longer around a share of it."""
        size = self.end_ns - self.start_ns
        wanted = max(1000, int(size * factor))
        low = self.start_ns + int((size - wanted) * around)
        low = max(self.session.start_ns, min(low, self.session.end_ns - wanted))
        self.window(low, low + wanted)

    def move(self, share: float) -> None:
        """Go on by a share of the stretch that is shown, as far as the session goes."""
        size = self.end_ns - self.start_ns
        low = max(self.session.start_ns, min(self.start_ns + int(size * share), self.session.end_ns - size))
        self.window(low, low + size)

    def strip(self, number: int, width: int, group: int = 1) -> Strip:
        """Line `number` in `width` cells, of `group` neighbours together."""
        kept = self._kept.get((number, width, group))
        return kept if kept is not None else self._worked_out(number, width, group)

    def known(self, number: int, width: int, group: int = 1) -> Strip | None:
        """The same, if it was worked out before."""
        return self._kept.get((number, width, group))

    def work_out(self, numbers: Sequence[int], width: int, group: int = 1) -> Iterator[int]:
        """Make lines known, one a step; gives how many. It stops where another stretch of time is shown."""
        window = self.start_ns, self.end_ns
        for done, number in enumerate(numbers, 1):
            if (self.start_ns, self.end_ns) != window:
                return
            if self.known(number, width, group) is None:
                self._worked_out(number, width, group)
            yield done

    def outline(self, number: int, width: int, group: int = 1) -> Strip:
        """A line of which nothing is known yet but whose it is."""
        segments = self.segments[number * group : (number + 1) * group]
        plain: Tone = ""
        return Strip(tuple(segments), _name(segments), "", " " * width, (plain,) * width, "", "", "", 0)

    def _worked_out(self, number: int, width: int, group: int) -> Strip:
        window = self.start_ns, self.end_ns
        made = self._strip(self.segments[number * group : (number + 1) * group], width)
        if len(self._kept) > MOST_KEPT:
            self._kept.clear()
        if (self.start_ns, self.end_ns) == window:  # it was not moved by another thread
            self._kept[(number, width, group)] = made
        return made

    def _strip(self, segments: Sequence[int | None], width: int) -> Strip:
        members = [member for segment in segments for member in self._groups[segment]]
        start, end = self.start_ns, self.end_ns
        moved = activity(members, start, end, width)
        step = (end - start) / width
        usual = self._mean * len(segments) * step / 1e9 or 1.0
        first = min(one.start_ns for one in members)
        last = max(one.end_ns for one in members)
        cells: list[str] = [" "] * width
        tones: list[Tone] = [""] * width
        for at in range(width):
            if moved[at]:
                cells[at] = self._shades[min(4, 1 + int(2 * moved[at] / usual))]
            elif first < start + (at + 1) * step and last >= start + at * step:
                cells[at] = self._waiting
        stalled = self._draw_stalls(segments, moved, step, cells, tones)
        worst = min((one.outcome for one in members), key=lambda outcome: _GRAVITY[OUTCOME_TONES.get(outcome, "")])
        tone = OUTCOME_TONES.get(worst, "")
        if start <= last <= end:
            place = min(width - 1, int((last - start) / step))
            cells[place], tones[place] = _ENDS.get(worst, _BROKEN)[self._ascii], tone
        hosts = sorted({one.client.host for one in members})
        return Strip(
            tuple(segments),
            _name(segments),
            hosts[0] if len(hosts) == 1 else f"{len(hosts)} hosts",
            "".join(cells),
            tuple(tones),
            bytes_text(sum(one.payload_bytes for one in members)),
            worst.value,
            tone,
            stalled,
        )

    def _draw_stalls(
        self, segments: Sequence[int | None], moved: Sequence[float], step: float, cells: list[str], tones: list[Tone]
    ) -> int:
        """Letters of causes: large where all of the segments are held up, small where some are. Gives their time together."""
        total = 0
        width = len(cells)
        held: dict[int, list[Cause]] = {}
        for segment in segments:
            for low, high, cause in self._stalled.get(segment, ()):
                total += high - low
                a, b = int((low - self.start_ns) / step), int((high - self.start_ns) / step)
                for at in range(max(0, a), min(width, b + 1)):
                    if not moved[at] or a < at < b:
                        held.setdefault(at, []).append(cause)
        for at, causes in held.items():
            cause = max(set(causes), key=causes.count)
            letter = LETTERS[cause]
            cells[at] = letter if len(causes) >= len(segments) else letter.lower()
            tones[at] = "warn" if cause in (Cause.CAPTURE, Cause.UNKNOWN) else "bad"
        return total

    def axis(self, width: int) -> str:
        """Times since the session's start under the cells, as many as fit."""
        line = [" "] * width
        ticks = max(1, width // 16)
        for tick in range(ticks + 1):
            ns = self.start_ns - self.session.start_ns + (self.end_ns - self.start_ns) * tick // ticks
            label = duration_text(ns)
            at = min(width - len(label), max(0, width * tick // ticks - (len(label) if tick == ticks else 0)))
            if at >= 0 and all(cell == " " for cell in line[max(0, at - 1) : at + len(label) + 1]):
                line[at : at + len(label)] = label
        return "".join(line)

    def place_of(self, stall: Stall) -> tuple[int, int] | None:
        """First line that a stall concerns, and when it began; None where none of its segments is here."""
        wanted = {flow.segment for flow in stall.flows}
        number = next((at for at, segment in enumerate(self.segments) if segment in wanted), None)
        return None if number is None else (number, stall.start_ns)


def _name(segments: Sequence[int | None]) -> str:
    names = [UNKNOWN_TEXT if segment is None else f"{segment:02d}" for segment in (segments[0], segments[-1])]
    return "-".join(dict.fromkeys(names))
