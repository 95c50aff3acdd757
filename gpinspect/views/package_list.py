"""The packages of one exchange as a list of any length: a row is made out of the table when it is looked at."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import overload

from gpinspect.model import UNKNOWN, Exchange, Package
from gpinspect.model.packages import ASSUMED, ZSTD
from gpinspect.views.browse import Listing, state_column
from gpinspect.views.tables import Column, Context, PackageRow, Tone
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, clock_text, count_text, duration_text, plural, printable
from gpinspect.views.times import TimeMode, seconds_text, time_column

__all__ = ["PackageLine", "PackageLines", "TimeMode", "package_facts", "package_listing", "package_start", "seconds_text"]


@dataclass(frozen=True, slots=True)
class PackageLine:
    """A package with what its row needs: the one before it, and when the session began (nanoseconds since the epoch)."""

    exchange: Exchange
    index: int
    package: Package
    before: Package | None
    origin_ns: int

    @property
    def file(self) -> str:
        """The file name as sent, printable; `-` without one."""
        name = self.exchange.packages.file_name(self.package)
        return UNKNOWN_TEXT if name is None else printable(name)

    @property
    def gap_ns(self) -> int | None:
        """Silence between the last byte of the package before and the first byte of this one; None for the first."""
        if self.before is None or UNKNOWN in (self.package.ns, self.before.ns):
            return None
        return self.package.ns - (self.before.ns if self.before.end_ns == UNKNOWN else self.before.end_ns)

    @property
    def tone(self) -> Tone:
        if self.package.kind_name == "error":
            return "bad"
        if not self.package.complete:
            return "warn"
        return "" if self.package.kind_name == "end" else "good"


class PackageLines(Sequence[PackageLine]):
    """The packages of an exchange as they were when this was made; later ones are not counted. Reads one row at a time."""

    def __init__(self, exchange: Exchange, origin_ns: int) -> None:
        self.exchange = exchange
        self.origin_ns = origin_ns
        self._length = len(exchange.packages)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> PackageLine: ...
    @overload
    def __getitem__(self, index: slice) -> list[PackageLine]: ...
    def __getitem__(self, index: int | slice) -> PackageLine | list[PackageLine]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._length))]
        if not 0 <= index < self._length:
            raise IndexError(index)
        table = self.exchange.packages
        return PackageLine(self.exchange, index, table[index], table[index - 1] if index else None, self.origin_ns)

    def at_frame(self, frame: int) -> int:
        """Index of the last package that begins at or before a frame; 0 when none does."""
        low, high = 0, self._length
        table = self.exchange.packages
        while low < high:
            middle = (low + high) // 2
            if table[middle].frame <= frame:
                low = middle + 1
            else:
                high = middle
        return max(low - 1, 0)


def package_start(line: PackageLine) -> int | None:
    return None if line.package.ns == UNKNOWN else line.package.ns


def _before(line: PackageLine) -> int | None:
    return None if line.before is None or line.before.ns == UNKNOWN else line.before.ns


def _clock(line: PackageLine, context: Context) -> str:
    return clock_text(package_start(line), utc=context.utc, digits=6)


def _number(value: int) -> str:
    return UNKNOWN_TEXT if value == UNKNOWN else f"{value:,}"


def _frames(line: PackageLine, context: Context) -> str:
    first, last = line.package.frame, line.package.end_frame
    return f"{first}" if first == last else f"{first}-{last}"


def _base_name(line: PackageLine, context: Context) -> str:
    return line.file.rpartition("/")[2] or line.file


def _columns(mode: TimeMode, origin_ns: int) -> tuple[Column[PackageLine], ...]:
    return (
        state_column(lambda line: line.tone),
        Column("Index", lambda line, c: f"{line.index:,}", "right"),
        time_column(mode, package_start, origin_ns, _before, digits=6, clock_heading="Time"),
        Column("Gap", lambda line, c: duration_text(line.gap_ns), "right", priority=4),
        Column("File", _base_name, priority=3, least=10, keep="end"),
        Column("Offset", lambda line, c: _number(line.package.offset), "right"),
        Column("Line", lambda line, c: _number(line.package.line), "right", priority=4),
        Column("Bytes", lambda line, c: f"{line.package.length:,}", "right"),
        Column("Rows", lambda line, c: _rows(line), "right", priority=6),
        Column("Kind", lambda line, c: line.package.kind_name, tones={"error": "bad"}),
        Column("Whole", lambda line, c: "yes" if line.package.complete else "no", priority=2, tones={"no": "warn"}),
        Column("Frames", _frames, "right", priority=5),
        Column("Position", lambda line, c: f"{line.package.position:,}", "right", priority=7),
    )


def _rows(line: PackageLine) -> str:
    """Rows, where the package that follows goes on in the same file and both know their line; else only its content tells."""
    table, package = line.exchange.packages, line.package
    if package.kind_name != "data" or package.line in (0, UNKNOWN) or line.index + 1 >= len(table):
        return UNKNOWN_TEXT
    after = table[line.index + 1]
    follows = after.file == package.file and after.line not in (0, UNKNOWN) and after.offset == package.offset + package.length
    return count_text(after.line - package.line) if follows and after.line >= package.line else UNKNOWN_TEXT


_SORT_KEYS: dict[str, Callable[[PackageLine], int | None]] = {
    "Index": lambda line: line.index,
    "Time": package_start,
    "Since start": package_start,
    "Since last": lambda line: None if (before := _before(line)) is None else line.package.ns - before,
    "Gap": lambda line: line.gap_ns,
    "Offset": lambda line: None if line.package.offset == UNKNOWN else line.package.offset,
    "Line": lambda line: None if line.package.line == UNKNOWN else line.package.line,
    "Bytes": lambda line: line.package.length,
    "Frames": lambda line: line.package.frame,
    "Position": lambda line: line.package.position,
}


def package_listing(lines: PackageLines, mode: TimeMode, context: Context) -> Listing[PackageLine]:
    def find(key: Hashable, near: int) -> int | None:
        return key if isinstance(key, int) and 0 <= key < len(lines) else None

    return Listing(
        _columns(mode, lines.origin_ns),
        lines,
        lambda line: line.index,
        "packages",
        context,
        find_at=find,
        sort_keys=_SORT_KEYS,
        time_of=package_start,
        filter_kind="packages",
        filtered=lambda line: PackageRow(line.exchange, line.index, line.package),
    )


def package_facts(line: PackageLine, utc: bool) -> list[str]:
    """What there is to say about a package below its list or above its bytes."""
    package = line.package
    took = None if UNKNOWN in (package.end_ns, package.ns) else package.end_ns - package.ns
    marks = [
        "not all of it was captured" if not package.complete else "",
        "found again after lost framing, its place is assumed" if package.flags & ASSUMED else "",
        "zstd on the wire" if package.flags & ZSTD else "",
    ]
    where = f"file {line.file}"
    if package.offset != UNKNOWN:
        where += f"  offset {package.offset:,}"
    if package.line != UNKNOWN:
        where += f"  line {package.line:,}" if package.line else "  line not told (0)"
    return [
        where,
        f"content {plural(package.length, 'byte')} ({bytes_text(package.length)})  head {plural(package.head, 'byte')}"
        f"  at byte {count_text(package.position)} of the body",
        f"frames {_frames(line, Context())}  began {_clock(line, Context(utc=utc))}, took {duration_text(took)}"
        f"  gap before {duration_text(line.gap_ns)}",
        ", ".join(filter(None, marks)),
    ]
