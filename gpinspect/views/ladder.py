"""The ladder of a session: what the server and its Greenplum segments said to each other, in order of time.

Rows are numbers until somebody looks at them: a session of a million packages is sorted once, and a row is made when it is shown.
Runs of ordinary packages are folded, so that what is out of the ordinary stands close together.
"""

import enum
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gpinspect.model import UNKNOWN, Exchange, Finding, Outcome, Session, Severity, Stall
from gpinspect.model.packages import DATA, END
from gpinspect.views.tables import OUTCOME_TONES, SEVERITY_TONES, Tone
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, count_text, duration_text, plural, printable

LONGEST_SHOWN: Final = 4
"""Ordinary packages in a row that are shown one by one although folding is on."""
PAUSE_NS: Final = 150_000_000
"""A pause that is not folded away."""
LOOKED: Final = 4_000
"""Packages of a folded run that are asked which Greenplum segment they went to."""
STEP: Final = 50_000
"""Packages that are taken before whoever waits gets a turn."""


class What(enum.Enum):
    """Kind of a row. The order is that of things at the same nanosecond."""

    REQUEST = 0
    ANSWER = 1
    PACKAGE = 2
    END = 3
    ERROR = 4
    STALL = 5
    FINDING = 6
    CLOSE = 7
    FOLDED = 8


class Toward(enum.Enum):
    SERVER = "server"
    CLIENT = "client"
    NOBODY = ""


@dataclass(frozen=True, slots=True)
class Rung:
    """One row. `lane` is the index of its Greenplum segment in `Ladder.lanes`, None where it concerns several or none."""

    ns: int
    what: What
    lane: int | None
    toward: Toward
    label: str
    note: str
    tone: Tone = ""
    exchange: Exchange | None = None
    index: int | None = None  # of the package in its exchange; of a folded run that of its first one
    count: int = 1  # packages it stands for
    stall: Stall | None = None
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    segment: int | None
    host: str

    @property
    def name(self) -> str:
        return UNKNOWN_TEXT if self.segment is None else f"seg{self.segment:02d}"


class Ladder:
    """The rows of a session, or of some of its Greenplum segments.

    `prepare` must have run before rows are asked for.

    Args:
        members: Exchanges of the session, in order.
        segments: Only these; None: all of them.
    """

    def __init__(
        self,
        session: Session,
        members: Sequence[Exchange],
        stalls: Sequence[Stall] = (),
        findings: Sequence[Finding] = (),
        *,
        segments: frozenset[int | None] | None = None,
    ) -> None:
        self.session = session
        self.members = [one for one in members if segments is None or one.segment in segments]
        self.lanes = _lanes(self.members)
        places = {lane.segment: number for number, lane in enumerate(self.lanes)}
        self._lane_of = [places[one.segment] for one in self.members]
        self.stalls = [one for one in stalls if segments is None or any(flow.segment in segments for flow in one.flows)]
        wanted = [one for one in findings if one.severity > Severity.NOTE and one.time_ns is not None]
        self.findings = [one for one in wanted if segments is None or one.segment is None or one.segment in segments]
        self._places = places
        self._starts = array("Q")  # number of the first package of each exchange
        total = 0
        for one in self.members:
            self._starts.append(total)
            total += len(one.packages)
        self.packages = total
        self._order = array("Q")  # what the rows without folding are: packages by number, then the few others
        self._runs = array("Q")  # where stretches of ordinary packages begin and end in it, in pairs
        self._special = array("Q")  # places in it of what is no ordinary package
        self._sizes = array("Q")  # bytes of the packages in front of each place
        self.fold = True
        self._opened: set[int] = set()
        self._blocks: list[tuple[int, int]] = []  # first row, first place in the order
        self._rows = 0
        self.ready = False

    # making it --------------------------------------------------------------------------------------------------------

    def prepare(self) -> Iterator[int]:
        """Sort everything by time, in steps; gives the number of packages taken so far."""
        origin = self.session.start_ns
        keys: list[int] = []
        lengths = array("Q")
        for number, one in enumerate(self.members):
            first = self._starts[number]
            for at in range(len(one.packages)):
                package = one.packages[at]
                ns = one.start_ns if package.ns == UNKNOWN else package.ns
                rank = What.PACKAGE if package.kind == DATA else What.END if package.kind == END else What.ERROR
                keys.append(_key(ns - origin, rank, first + at))
                lengths.append(package.length)
                if not at % STEP:
                    yield first + at
        others = self.packages
        for number, one in enumerate(self.members):
            at = others + 3 * number
            keys.append(_key(one.start_ns - origin, What.REQUEST, at))
            if one.status is not None:
                keys.append(_key((one.first_byte_ns or one.end_ns) - origin, What.ANSWER, at + 1))
            keys.append(_key(one.end_ns - origin, What.CLOSE, at + 2))
        others += 3 * len(self.members)
        keys += [_key(stall.end_ns - origin, What.STALL, others + at) for at, stall in enumerate(self.stalls)]
        others += len(self.stalls)
        keys += [_key((one.time_ns or 0) - origin, What.FINDING, others + at) for at, one in enumerate(self.findings)]
        keys = yield from _sorted(keys, self.packages)
        self._order = array("Q", (key & _NUMBER for key in keys))
        ordinary = What.PACKAGE.value
        begun: int | None = None
        last = size = 0
        for place, key in enumerate(keys):
            if not place % STEP:
                yield self.packages
            number = key & _NUMBER
            self._sizes.append(size)
            size += lengths[number] if number < self.packages else 0
            if (key >> _NUMBER_BITS) & 15 != ordinary:
                self._special.append(place)
                if begun is not None:
                    self._runs.extend((begun, place))
                    begun = None
                continue
            if begun is not None and key - last > _PAUSE:
                self._runs.extend((begun, place))
                begun = None
            begun = place if begun is None else begun
            last = key
        if begun is not None:
            self._runs.extend((begun, len(keys)))
        self.ready = True
        self._layout()

    def _layout(self) -> None:
        """Work out which row stands for what."""
        self._blocks = []
        row = place = 0
        for at in range(0, len(self._runs), 2):
            begin, end = self._runs[at], self._runs[at + 1]
            if not self.fold or end - begin <= LONGEST_SHOWN or begin in self._opened:
                continue
            self._blocks.append((row, place))
            row += begin - place + 1  # the first of the run stands for itself
            self._blocks.append((row, begin + 1))  # the folded rest but the last
            row += 1
            place = end - 1
        self._blocks.append((row, place))
        self._rows = row + len(self._order) - place

    def set_fold(self, fold: bool) -> None:
        """Fold all runs, or show every package."""
        self.fold = fold
        self._opened.clear()
        self._layout()

    def toggle(self, row: int) -> None:
        """Open the folded run at a row, or fold the run that a package belongs to again."""
        begin = self._run_of(self._place(row)[0])
        if begin is not None:
            self._opened ^= {begin}
            self._layout()

    def _run_of(self, place: int) -> int | None:
        at = bisect_right(self._runs, place) - 1
        return self._runs[at] if at >= 0 and not at % 2 else None

    # rows -------------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._rows

    def _place(self, row: int) -> tuple[int, int]:
        """Place in the order that a row begins at, and how many packages it folds (0: it is one thing)."""
        if not 0 <= row < self._rows:
            raise IndexError(row)
        at = bisect_right(self._blocks, row, key=lambda block: block[0]) - 1
        first, place = self._blocks[at]
        if self._is_fold(at):
            return place, self._blocks[at + 1][1] - place
        return place + row - first, 0

    def _is_fold(self, at: int) -> bool:
        return at % 2 == 1 and at + 1 < len(self._blocks)

    def __getitem__(self, row: int) -> Rung:
        place, folded = self._place(row)
        if not folded:
            return self._rung(self._order[place])
        first = self._rung(self._order[place])
        looked = self._order[place : place + min(folded, LOOKED)]
        lanes = {self._lane_of[self._package(number)[0]] for number in looked}
        more = "" if folded <= LOOKED or len(lanes) == len(self.lanes) else "at least "
        size = self._sizes[place + folded] - self._sizes[place]
        note = f"{count_text(folded)} more, folded: {bytes_text(size)} to {more}{plural(len(lanes), 'segment')}"
        return replace(first, what=What.FOLDED, lane=None, toward=Toward.NOBODY, label="", note=note, tone="", count=folded)

    def _package(self, number: int) -> tuple[int, int]:
        member = bisect_right(self._starts, number) - 1
        while not len(self.members[member].packages):  # exchanges without packages share their number with the next one
            member -= 1
        return member, number - self._starts[member]

    def _rung(self, number: int) -> Rung:
        if number < self.packages:
            return self._package_rung(*self._package(number))
        number -= self.packages
        if number < 3 * len(self.members):
            member, kind = divmod(number, 3)
            return (self._request, self._answer, self._close)[kind](member)
        number -= 3 * len(self.members)
        return (
            self._stall(self.stalls[number])
            if number < len(self.stalls)
            else self._finding(self.findings[number - len(self.stalls)])
        )

    def _package_rung(self, member: int, index: int) -> Rung:
        one = self.members[member]
        package = one.packages[index]
        ns = one.start_ns if package.ns == UNKNOWN else package.ns
        lane = self._lane_of[member]
        if package.kind == DATA:
            name = one.packages.file_name(package)
            parts = [] if package.complete else ["cut"]
            parts += [f"@{package.offset:,}"] if package.offset != UNKNOWN else []
            parts += [f"L{package.line:,}"] if package.line not in (0, UNKNOWN) else []
            parts += [printable(name).rpartition("/")[2]] if name is not None else []
            tone: Tone = "" if package.complete else "warn"
            return Rung(ns, What.PACKAGE, lane, Toward.CLIENT, bytes_text(package.length), " ".join(parts), tone, one, index)
        if package.kind == END:
            return Rung(ns, What.END, lane, Toward.CLIENT, "D0", "end of data", "", one, index)
        text = printable(one.errors[0]) if one.errors else "error"
        return Rung(ns, What.ERROR, lane, Toward.CLIENT, "E", text, "bad", one, index)

    def _request(self, member: int) -> Rung:
        one = self.members[member]
        method = printable(one.method or "request")
        if one.method == "POST":
            words = "OPEN" if one.seq == 1 and not one.payload_bytes else "DONE" if one.done else bytes_text(one.payload_bytes)
            label = f"POST #{one.seq}" if one.seq is not None else "POST"
            return Rung(one.start_ns, What.REQUEST, self._lane_of[member], Toward.SERVER, label, words, "", one)
        return Rung(one.start_ns, What.REQUEST, self._lane_of[member], Toward.SERVER, method, printable(one.path or ""), "", one)

    def _answer(self, member: int) -> Rung:
        one = self.members[member]
        refused = one.status is not None and one.status >= 400
        label = f"{one.status}" + (f" p{one.response_proto}" if one.response_proto is not None else "")
        note = printable(one.reason or "") if refused else "late: all was read" if one.outcome is Outcome.LATE else ""
        tone: Tone = "bad" if refused else ""
        return Rung(one.first_byte_ns or one.end_ns, What.ANSWER, self._lane_of[member], Toward.CLIENT, label, note, tone, one)

    def _close(self, member: int) -> Rung:
        one = self.members[member]
        who = one.reset_by or one.closed_by
        toward = {"client": Toward.SERVER, "server": Toward.CLIENT, None: Toward.NOBODY}[who]
        label = "RST" if one.reset_by else "FIN" if who else "open"
        tone = OUTCOME_TONES.get(one.outcome, "")
        return Rung(
            one.end_ns, What.CLOSE, self._lane_of[member], toward, label, one.outcome.value, "" if tone == "good" else tone, one
        )

    def _stall(self, stall: Stall) -> Rung:
        lanes = {self._places[flow.segment] for flow in stall.flows if flow.segment in self._places}
        what = stall.pattern.replace("_", " ")
        note = f"stalled {duration_text(stall.duration_ns)} by {stall.cause.value}: {what}"
        lane = lanes.pop() if len(lanes) == 1 else None
        return Rung(stall.end_ns, What.STALL, lane, Toward.NOBODY, "", note, "bad", stall=stall)

    def _finding(self, finding: Finding) -> Rung:
        tone = SEVERITY_TONES.get(finding.severity.word, "")
        note = f"{finding.code} {printable(finding.message)}"
        lane = self._places.get(finding.segment) if finding.segment is not None else None
        return Rung(finding.time_ns or 0, What.FINDING, lane, Toward.NOBODY, "", note, tone, finding=finding)

    # finding one's way ------------------------------------------------------------------------------------------------

    def row_at(self, ns: int) -> int:
        """The first row at or after a time; the last one if there is none."""
        return min(bisect_left(range(self._rows), ns, key=lambda row: self[row].ns), max(0, self._rows - 1))

    def next_of(self, row: int, kinds: frozenset[What], step: int) -> int | None:
        """The nearest row after (`step` 1) or before (-1) this one that is of one of these kinds; None if there is none.

        Folded runs hold ordinary packages only, so a search for anything else passes over them.
        """
        if not 0 <= row < self._rows:
            return None
        here, folded = self._place(row)
        at = bisect_left(self._special, here + max(1, folded)) if step > 0 else bisect_left(self._special, here) - 1
        while 0 <= at < len(self._special):
            place = self._special[at]
            if self._rung(self._order[place]).what in kinds:
                return self._row(place)
            at += step
        return None

    def _row(self, place: int) -> int:
        """The row of a place in the order that is not folded away."""
        first, begin = self._blocks[bisect_right(self._blocks, place, key=lambda block: block[1]) - 1]
        return first + place - begin


_NUMBER_BITS = 40
_NUMBER = (1 << _NUMBER_BITS) - 1
_PAUSE = PAUSE_NS << _NUMBER_BITS + 4


def _key(ns: int, what: What, number: int) -> int:
    """Sorts by time, then by kind, then by order of capture."""
    return (max(0, ns) << 4 | what.value) << _NUMBER_BITS | number


def _sorted(keys: list[int], done: int) -> Generator[int, None, list[int]]:
    """Sort stretch by stretch of time, for sorting all at once would let nobody else have a turn; gives `done` in between."""
    if len(keys) <= STEP:
        return sorted(keys)
    low, high = min(keys), max(keys)
    count = len(keys) // STEP * 4
    width = (high - low) // count + 1
    stretches: list[list[int]] = [[] for _ in range(count)]
    yield done
    for key in keys:
        stretches[(key - low) // width].append(key)
    found: list[int] = []
    for stretch in stretches:
        stretch.sort()
        found += stretch
        yield done
    return found


def _lanes(members: Sequence[Exchange]) -> tuple[Lane, ...]:
    hosts: dict[int | None, str] = {}
    for one in members:
        hosts.setdefault(one.segment, one.client.host)
    ordered = sorted(hosts, key=lambda number: (number is None, number or 0))
    return tuple(Lane(number, hosts[number]) for number in ordered)
