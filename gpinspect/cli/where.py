"""`gpinspect where`."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import click

from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.reading import conclude, read
from gpinspect.cli.talk import say
from gpinspect.views.inspected import is_ours
from gpinspect.views.places import PLACES, Where, place_object
from gpinspect.views.tables import Context
from gpinspect.views.text import printable

if TYPE_CHECKING:
    from gpinspect.inspection import Inspection
    from gpinspect.model import Exchange

_PLACE = re.compile(r"(.+):([0-9][0-9,_]{0,24})", re.DOTALL)


@click.command("where")
@common("hashes")
@click.option("--line", type=click.IntRange(min=1), metavar="N", help="Where line N (line feeds counted) of each file went.")
@click.option("--text", metavar="TEXT", help="Where the rows went that contain TEXT.")
@click.option("--frame", type=click.IntRange(min=1), metavar="N", help="What frame N carries.")
@click.option("--file", "file", metavar="NAME", help="With --line: only files with this name, or that end with it.")
def command(options: Options, line: int | None, text: str | None, frame: int | None, file: str | None) -> int:
    """Which Greenplum segment, exchange, package and frames got a byte, line or text, and back from a frame.

    Behind the INPUTs stands FILE:OFFSET, unless --line, --text or --frame is given. FILE is a name of the wire or the end of one.
    """
    asked = [name for name, value in (("--line", line), ("--text", text), ("--frame", frame)) if value is not None]
    if len(asked) > 1:
        raise click.UsageError(f"{' and '.join(asked)}: one question at a time")
    if text == "":
        raise click.UsageError("--text: an empty text is everywhere; give some characters")
    if file is not None and line is None:
        raise click.UsageError("--file goes with --line; for an offset write FILE:OFFSET")
    place = None
    if not asked:
        place, options = _place(options)
    found = read(options, hashes=True, again=True)
    if not is_ours(found):
        return conclude(options, found)
    if frame is not None and frame > found.frames:
        raise click.UsageError(f"--frame {frame}: the capture has {found.frames:,} frames, numbered from 1")
    exchanges = [exchange for exchange in found.exchanges if options.session in (None, exchange.session)]
    number = listing(
        options, PLACES, _answers(options, found, exchanges, place, line, text, frame, file), place_object, Context(options.utc)
    )
    if not number and (place or line) and not options.quiet and not any(len(exchange.packages) for exchange in exchanges):
        say("nothing in it says where in a file its bytes belong (only reads of protocol 1 do); --text searches every payload")
    return conclude(options, found, summary=False)


def _place(options: Options) -> tuple[tuple[bytes, int], Options]:
    """The last argument as file and offset, and the options without it."""
    last = options.inputs[-1]
    found = _PLACE.fullmatch(last)
    if found is None or len(options.inputs) < 2:
        raise click.UsageError(f"{last}: wanted INPUT... FILE:OFFSET, such as orders.tbl:211288, or --line, --text or --frame")
    return (os.fsencode(found[1]), int(found[2].replace(",", "").replace("_", ""))), replace(options, inputs=options.inputs[:-1])


def _answers(
    options: Options,
    found: "Inspection",
    exchanges: "list[Exchange]",
    place: tuple[bytes, int] | None,
    line: int | None,
    text: str | None,
    frame: int | None,
    file: str | None,
) -> Iterator[Where]:
    from gpinspect.views import lineage

    lines = lineage.Lines(exchanges, found.payload)
    fetch = lru_cache(maxsize=2)(found.read_package)  # rows of one package are asked for one after the other
    if place is not None:
        yield from lineage.by_offset(exchanges, fetch, lines, *place)
    elif text is not None:
        yield from lineage.by_text(exchanges, found.payload, fetch, os.fsencode(text))
    elif frame is not None:
        yield from lineage.by_frame(exchanges, fetch, lines, frame)
    elif line is not None:
        wanted = None if file is None else os.fsencode(file)
        for answer in lineage.by_line(exchanges, found.payload, fetch, line, wanted):
            if answer.where is not None:
                yield answer.where
            elif not options.quiet:
                where = f"session {answer.session}, " if answer.session is not None else ""
                say(f"{where}{printable(answer.file)}: {answer.problem}")
