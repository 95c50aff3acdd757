"""`gpinspect fetch`: N Greenplum segments that read from gpfdist."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from gpinspect.cli.segments import RowsBar, conclude, make_statement, make_tls, segment_options

if TYPE_CHECKING:
    from gpinspect.peers.client.fetching import ReadOptions
    from gpinspect.peers.client.results import Result
    from gpinspect.peers.client.sinks import Sink
    from gpinspect.peers.client.statement import Statement
    from gpinspect.peers.tls import ClientTls

    Load = Callable[[Sink], Result]


@click.command("fetch")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("-o", "--output", "path", metavar="OUT", help="A file for all rows, each source file by offset; with --by: a folder.")
@click.option(
    "--by", type=click.Choice(["segment", "file"]), help="In the folder OUT one file for each segment, or each source file."
)
@click.option("--force", is_flag=True, help="Replace what is there.")
@click.option("--discard", is_flag=True, help="Read, count and check, but keep no row.")
@click.option("--header", is_flag=True, help="HEADER: the server drops the first row of each file.")
@click.option("--proto", type=click.Choice(["0", "1"]), default="1", show_default=True, help="X-GP-PROTO.")
@click.option("--limit", type=click.IntRange(min=1), metavar="ROWS", help="LIMIT: leave as soon as there are so many rows.")
@click.option("--max-segs", type=click.IntRange(min=1), default=64, show_default=True, metavar="N", help="gp_external_max_segs.")
@click.option("--seed", type=int, metavar="N", help="Makes the choice of segments that stay away the same each time.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="S",
    help="readable_external_table_timeout, in seconds, looked at every 5. Default: none.",
)
@segment_options
def command(
    urls: tuple[str, ...],
    path: str | None,
    by: str | None,
    force: bool,
    discard: bool,
    header: bool,
    proto: str,
    limit: int | None,
    max_segs: int,
    seed: int | None,
    timeout: float,
    quiet: bool,
    as_json: bool,
    progress: bool,
    **given: Any,
) -> int:
    """Read as SELECT on a readable external table does, with N segments at once; rows go to stdout as they come.

    URL is an entry of LOCATION: gpfdist://HOST:PORT/PATH or gpfdists://…; several are handed out as the planner does.

    Exit status: 0 every row came once; 1 a segment failed (its SQL error is on stderr) or bytes are missing.
    """
    if by is not None and path is None:
        raise click.UsageError(f"--by {by} goes with -o OUT, the folder that gets the files")
    if discard and path is not None:
        raise click.UsageError("--discard keeps no row; drop -o or --discard")
    from gpinspect.peers.client.fetching import ReadOptions

    options = ReadOptions(
        timeout=timeout,
        retry_timeout=given.pop("retry_timeout"),
        max_segs=max_segs,
        limit=limit,
        seed=seed,
    )
    statement = make_statement(given, proto=int(proto), header=header)
    tls = make_tls(given, urls)
    bar = RowsBar(progress and not quiet, "reading")

    def load(sink: "Sink") -> "Result":
        try:
            return _run(urls, statement, options, sink, tls, bar)
        finally:
            bar.close()

    result = _into(load, path, by, force, discard, alone=statement.segment_count == 1)
    return conclude(result, verb="fetch", quiet=quiet, as_json=as_json, rows_on_stdout=path in (None, "-") and not discard)


def _run(
    urls: tuple[str, ...], statement: "Statement", options: "ReadOptions", sink: "Sink", tls: "ClientTls | None", bar: RowsBar
) -> "Result":
    import asyncio

    from gpinspect.peers.client.fetching import fetch

    return asyncio.run(fetch(urls, statement, options, sink=sink, tls=tls, progress=bar))


def _into(load: "Load", path: str | None, by: str | None, force: bool, discard: bool, *, alone: bool) -> "Result":
    """Read, with the rows going where the options say."""
    from gpinspect.peers.client import sinks

    if discard:
        return load(sinks.Nowhere())
    if path is None:
        return load(sinks.StreamSink(_shown if sys.stdout.isatty() else sys.stdout.buffer.write, alone=alone))
    if by is None:
        return _into_file(load, path, force)
    return _into_segments(load, path, force) if by == "segment" else _into_folder(load, path, force)


def _shown(rows: bytes) -> None:
    """Rows on a terminal: nothing in them is a command for it."""
    from gpinspect.views.text import printable

    for row in rows.split(b"\n")[: -1 if rows.endswith(b"\n") else None]:
        sys.stdout.write(printable(row) + "\n")


def _into_file(load: "Load", path: str, force: bool) -> "Result":
    """All rows in one file, which is there whole or not at all."""
    import os

    from gpinspect.cli.outfile import OutFile
    from gpinspect.peers.client.sinks import MergedSink

    with OutFile(path, force=force) as out:
        sink = MergedSink((os.path.dirname(path) or ".") if path != "-" else None)  # noqa: PTH120 - what the user typed stays text
        result = load(sink)
        if result.ok:
            out.write(b"")
            for _, data in sink.contents():
                out.write(data)
            out.done()
        sink.close()
    return result


def _into_folder(load: "Load", path: str, force: bool) -> "Result":
    """One file for each source file; rows of which no source is known are in `unnamed`."""
    from gpinspect.cli.folder import Folder
    from gpinspect.cli.names import UNNAMED, Names, safe_path
    from gpinspect.peers.client.sinks import MergedSink

    with Folder(path, force=force) as folder:
        sink = MergedSink(path)
        result = load(sink)
        names, known, ends = Names(), {}, {}
        for key, data in sink.contents():
            if key not in known:
                known[key] = names.take((), (UNNAMED,) if key is None else safe_path(key[1].rpartition(b"/")[2]))
                ends[key] = 0
            folder.write(known[key], ends[key], data)
            ends[key] += len(data)
        sink.close()
    return result


def _into_segments(load: "Load", path: str, force: bool) -> "Result":
    """One file for each segment that got rows, in the order in which they came."""
    from gpinspect.cli.folder import Folder
    from gpinspect.peers.client.sinks import SegmentSink

    ends: dict[int, int] = {}
    with Folder(path, force=force) as folder:

        def write(gp_segment: int, data: bytes) -> None:
            at = ends.get(gp_segment, 0)
            folder.write((f"segment-{gp_segment}",), at, data)
            ends[gp_segment] = at + len(data)

        return load(SegmentSink(write))
