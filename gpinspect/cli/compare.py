"""`gpinspect compare`."""

import os
import stat
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from gpinspect.cli.options import SEVERITIES, Options, common
from gpinspect.cli.output import screen_width, write_json, write_report
from gpinspect.cli.reading import conclude, read
from gpinspect.cli.status import Status
from gpinspect.cli.talk import say
from gpinspect.model import Severity
from gpinspect.views.inspected import is_ours

if TYPE_CHECKING:
    from gpinspect.inspection import Inspection
    from gpinspect.model.comparison import Clock
    from gpinspect.views.report import Line


@click.command("compare")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--a-session", type=click.IntRange(min=1), metavar="N", help="Only session N of A.")
@click.option("--b-session", type=click.IntRange(min=1), metavar="N", help="Only session N of B; with --a-session they are a pair.")
@click.option(
    "--two-ends/--two-loads",
    "two_ends",
    default=None,
    help="A and B show one load at two points of the wire, or two loads. Default: as the sequence numbers tell.",
)
@click.option(
    "--fail-on",
    "level",
    type=click.Choice(list(SEVERITIES)),
    help="End with status 1 if there is a difference of this level or above (see above).",
)
@common("inputs", "session", "fail_on")
def command(
    options: Options, a: str, b: str, a_session: int | None, b_session: int | None, two_ends: bool | None, level: str | None
) -> int:
    """What differs between A and B, each a capture, a directory or a quoted glob.

    The same load before and after: sessions are paired by server and path, then by path, then by order, flows by Greenplum
    segment. Told are verdict, bytes, rows, files, ends, settings, order, pace, skew and findings; --hash compares content too.

    Both ends of one wire (found by equal sequence numbers): how the clocks differ, what was lost between the two points, how
    long frames and packages took, and who held up what.

    A difference is an error if rows are concerned or the verdict is worse, a warning if a setting differs, a load takes twice as
    long or something got stuck or lost on the wire, and else a note.
    """
    one, other = (read(replace(options, inputs=(name,)), again=options.converted or _is_pipe(name)) for name in (a, b))
    for side, given, name in ((one, a_session, "a"), (other, b_session, "b")):
        if not is_ours(side):
            return conclude(options, side, summary=False)
        if given is not None and given > len(side.sessions):
            raise click.UsageError(f"--{name}-session {given}: the capture has {len(side.sessions):,} sessions, numbered from 1")
    clock = None if two_ends is False else _clock(options, one, other, asked=two_ends is True)
    if clock is None:
        severity = _loads(options, one, other, a_session, b_session)
    else:
        severity = _ends(options, one, other, clock)
    for side in (one, other):
        conclude(options, side, summary=False)
    failed = level is not None and severity is not None and severity >= SEVERITIES[level]
    return Status.FINDINGS if failed else Status.FINE


def _clock(options: Options, a: "Inspection", b: "Inspection", *, asked: bool) -> "Clock | None":
    """How the clocks of two ends stand to each other, None where A and B are two loads."""
    from gpinspect.inspection.compare_ends import find_clock, is_copy

    clock = find_clock(a, b)
    if clock is None and asked:
        raise click.UsageError("--two-ends: A and B have no connection with the same addresses, ports and sequence numbers")
    if clock is None or asked or not is_copy(clock):
        return clock
    if not options.quiet:
        say("A and B were taken at the same point; they are compared as two loads (--two-ends for the frames)")
    return None


def _loads(options: Options, a: "Inspection", b: "Inspection", a_session: int | None, b_session: int | None) -> Severity | None:
    from gpinspect.inspection.compare import compare_loads
    from gpinspect.views.compare import inputs_lines, load_lines, load_objects, loads_severity

    loads = compare_loads(a, b, a_session, b_session)
    if options.json:
        write_json(load_objects(a, b, loads))
    else:
        _write([*inputs_lines(a, b), *load_lines(loads)], options)
    return loads_severity(loads)


def _ends(options: Options, a: "Inspection", b: "Inspection", clock: "Clock") -> Severity | None:
    from gpinspect.inspection.compare_ends import compare_ends
    from gpinspect.views.compare import ends_lines, ends_objects, ends_severity, inputs_lines

    ends = compare_ends(a, b, clock)
    if options.json:
        write_json(ends_objects(a, b, ends))
    else:
        _write([*inputs_lines(a, b), *ends_lines(ends, utc=options.utc)], options)
    return ends_severity(ends)


def _write(lines: "Iterable[Line]", options: Options) -> None:
    from gpinspect.views.text import shorten

    width = screen_width()
    texts = ((f"{'  ' * line.indent}{line.text}", line.tone) for line in lines)
    write_report(((text if width is None else shorten(text, width), tone) for text, tone in texts), options)


def _is_pipe(name: str) -> bool:
    """Whether an input can be read only once."""
    try:
        return name == "-" or (not stat.S_ISREG(os.stat(name).st_mode) and not stat.S_ISDIR(os.stat(name).st_mode))  # noqa: PTH116
    except (OSError, ValueError):
        return False
