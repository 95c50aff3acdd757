"""The source files of a session as a list, and what is told about one of them."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from gpinspect.model import FileCoverage
from gpinspect.views.browse import Listing, state_column
from gpinspect.views.file_map import coverage_bar
from gpinspect.views.report import Line
from gpinspect.views.tables import Column, Context, Tone
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, count_text, plural, printable

BAR = 24
RANGES_NAMED = 3


def missing(file: FileCoverage) -> int:
    """Bytes between the first and the last known one that were not captured."""
    return sum(end - start for start, end in file.gaps)


def twice(file: FileCoverage) -> int:
    """Bytes that were delivered more than once."""
    return sum(end - start for start, end in file.overlaps)


def file_end(file: FileCoverage) -> int:
    """Offset behind the last known byte."""
    return file.first_offset + file.bytes + missing(file)


def file_tone(file: FileCoverage) -> Tone:
    return "bad" if file.overlaps else "warn" if file.gaps else "good"


def file_name(file: FileCoverage) -> str:
    return printable(file.name) or UNKNOWN_TEXT


def _faults(size: Callable[[FileCoverage], int]) -> Callable[[FileCoverage, Context], str]:
    return lambda file, _: bytes_text(size(file)) if size(file) else UNKNOWN_TEXT


def file_listing(files: Sequence[FileCoverage], context: Context) -> Listing[FileCoverage]:
    columns: tuple[Column[FileCoverage], ...] = (
        state_column(file_tone),
        Column("File", lambda file, c: file_name(file), least=14, keep="end"),
        Column("Bytes", lambda file, c: bytes_text(file.bytes), "right"),
        Column("Packages", lambda file, c: count_text(file.packages), "right", priority=3),
        Column("From", lambda file, c: count_text(file.first_offset), "right", priority=5),
        Column("To", lambda file, c: count_text(file_end(file)), "right", priority=5),
        Column("Missing", _faults(missing), "right", priority=2),
        Column("Twice", _faults(twice), "right", priority=2),
        Column("Delivered", lambda file, c: coverage_bar(file, BAR), priority=4),
    )
    keys: dict[str, Callable[[FileCoverage], Any]] = {
        "Bytes": lambda file: file.bytes,
        "Packages": lambda file: file.packages,
        "From": lambda file: file.first_offset,
        "To": file_end,
        "Missing": missing,
        "Twice": twice,
    }
    return Listing(columns, files, _key, "files", context, sort_keys=keys)


def _key(file: FileCoverage) -> Hashable:
    return file.name


def file_facts(file: FileCoverage) -> Iterator[Line]:
    """What of a file was delivered, in words."""
    to = file_end(file)
    size = f"{bytes_text(file.bytes)} in {plural(file.packages, 'package')}"
    yield Line(f"{file_name(file)}")
    yield Line(f"offsets {file.first_offset:,} to {to:,}: {size}")
    for ranges, words, tone in ((file.gaps, "not captured", "warn"), (file.overlaps, "delivered twice", "bad")):
        if ranges:
            named = ", ".join(f"{start:,} to {end:,}" for start, end in ranges[:RANGES_NAMED])
            more = f" and {len(ranges) - RANGES_NAMED:,} more ranges" if len(ranges) > RANGES_NAMED else ""
            lost = sum(end - start for start, end in ranges)
            yield Line(f"{words}: {bytes_text(lost)}, offsets {named}{more}", "warn" if tone == "warn" else "bad")
    if not file.gaps and not file.overlaps:
        yield Line("every byte between them once", "good")
