"""`gpinspect send`: N Greenplum segments that write to gpfdist."""

import io
import os
import stat
import sys
from typing import Any, BinaryIO

import click

from gpinspect.cli.segments import RowsBar, conclude, make_statement, make_tls, segment_options
from gpinspect.errors import CaptureError

STDIN = "-"


@click.command("send")
@click.argument("targets", nargs=-1, required=True, metavar="URL... FILE")
@click.option(
    "--bufsize",
    type=click.IntRange(1, 1 << 30),
    metavar="BYTES",
    help="writable_external_table_bufsize. Default: 65536, with release 7 1048576.",
)
@click.option(
    "--expect-above", type=click.IntRange(min=0), metavar="BYTES", help="Larger bodies wait for 100 Continue. Default: as libcurl."
)
@segment_options
def command(
    targets: tuple[str, ...],
    bufsize: int | None,
    expect_above: int | None,
    quiet: bool,
    as_json: bool,
    progress: bool,
    **given: Any,
) -> int:
    """Write FILE (- for stdin) as INSERT into a writable external table does: N segments at once, whole rows dealt out in turn.

    URL is an entry of LOCATION; of several, segment i takes number i modulo their count. Nothing is taken back after a failure.

    Exit status: 0 the server took every row; 1 a segment failed (its SQL error is on stderr) or rows were thrown
    away; 3 FILE cannot be read.
    """
    *urls, name = targets
    if not urls:
        raise click.UsageError(f"{name}: wanted URL... FILE; - reads stdin")
    import asyncio

    from gpinspect.peers.client.sending import WriteOptions, send

    release = given["release"]
    options = WriteOptions(
        bufsize=bufsize or (1 << 20 if release == "7" else 1 << 16),
        retry_timeout=given.pop("retry_timeout"),
        expect_above=expect_above,
    )
    statement = make_statement(given)
    tls = make_tls(given, tuple(urls))
    with _opened(name) as source:
        bar = RowsBar(progress and not quiet, "writing", _size(source))
        try:
            result = asyncio.run(send(urls, source.read, statement, options, tls=tls, progress=bar))
        except OSError as problem:
            raise CaptureError(name, f"{problem.strerror}; wanted rows to write") from problem
        finally:
            bar.close()
    return conclude(result, verb="send", quiet=quiet, as_json=as_json, rows_on_stdout=False)


def _opened(name: str) -> BinaryIO | io.FileIO:
    if name == STDIN:
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb", 0)  # what has come is taken, without waiting for more
    try:
        return open(name, "rb")  # noqa: PTH123 - closed by the caller
    except (OSError, ValueError) as problem:
        raise CaptureError(
            name, f"{getattr(problem, 'strerror', None) or problem}; wanted a file of rows, or - for stdin"
        ) from problem


def _size(source: BinaryIO | io.FileIO) -> int | None:
    found = os.fstat(source.fileno())
    return found.st_size if stat.S_ISREG(found.st_mode) else None
