"""`gpinspect payload`: the rows, as files."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import click

from gpinspect.cli.folder import Folder
from gpinspect.cli.names import Names, Path, safe_part, safe_path
from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.reading import conclude, read
from gpinspect.cli.rebuild import By, Rebuild, Target
from gpinspect.cli.rooting import root_option
from gpinspect.cli.status import Status
from gpinspect.cli.talk import say
from gpinspect.model import Exchange, Session
from gpinspect.views.inspected import is_ours
from gpinspect.views.objects import Object, wire_text
from gpinspect.views.report import locked_connections
from gpinspect.views.tables import Column, Table
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, count_text, plural, printable

if TYPE_CHECKING:
    from gpinspect.inspection import Inspection

CHUNK = 1 << 20


class PayloadSource(Protocol):
    """What an inspection gives beside its values."""

    def payload(self, exchange: int) -> Iterator[tuple[int | None, int, bytes]]:
        """Package index (None: a body), position in its content or in the body, bytes; in wire order, chunks of a MiB at most."""


@dataclass(frozen=True, slots=True)
class Written:
    """One file on disk and what is in it."""

    target: Target
    by: By
    path: str
    bytes: int  # of payload, no byte counted twice
    lines: int  # line feeds; a CSV row may hold several
    gaps: tuple[tuple[int, int], ...]  # [from, to): bytes of the source file, or of this file where there are no offsets
    missing: int
    sha256: str  # of the payload in order, holes left out


def payload_object(written: Written) -> Object:
    """Schema gpinspect.payload/1. `gaps` count from `first_offset` of the source file, or from 0 where that is null."""
    target = written.target
    return {
        "schema": "gpinspect.payload/1",
        "session": target.session,
        "server": str(target.server),
        "by": written.by,
        "path": wire_text(written.path),
        "name": wire_text(target.name),
        "segment": target.segment,
        "exchange": target.exchange,
        "first_offset": target.first_offset,
        "bytes": written.bytes,
        "lines": written.lines,
        "gaps": [list(gap) for gap in written.gaps],
        "missing_bytes": written.missing,
        "repeated_bytes": target.repeated,
        "sha256": written.sha256,
    }


def _gaps_text(written: Written) -> str:
    if not written.missing and not written.gaps:
        return UNKNOWN_TEXT
    return f"{bytes_text(written.missing)} in {plural(len(written.gaps), 'gap')}" if written.gaps else bytes_text(written.missing)


PAYLOAD: Table[Written] = Table(
    "payload",
    (
        Column("Session", lambda w, c: count_text(w.target.session), "right", priority=3),
        Column("File", lambda w, c: printable(w.path), least=20, keep="end"),
        Column("Bytes", lambda w, c: count_text(w.bytes), "right"),
        Column("Lines", lambda w, c: count_text(w.lines), "right", priority=2),
        Column("From offset", lambda w, c: count_text(w.target.first_offset), "right", priority=4),
        Column("Missing", lambda w, c: _gaps_text(w), "right", priority=2),
        Column("Repeated", lambda w, c: bytes_text(w.target.repeated or None), "right", priority=5),
        Column("SHA-256", lambda w, c: w.sha256, priority=4, least=12),
    ),
)


@click.command("payload")
@common()
@root_option
@click.option("-o", "--output", "folder", required=True, metavar="DIR", help="Where the files go; made if it is not there.")
@click.option(
    "--by",
    type=click.Choice(["file", "segment", "exchange"]),
    default="file",
    show_default=True,
    help="One file for each source file (rebuilt by offset), Greenplum segment, or exchange.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
def command(options: Options, folder: str, by: str, force: bool) -> int:
    """Write the rows to DIR/SERVER/SESSION/NAME.

    A rebuilt file begins with the first byte that was delivered; bytes that were not captured stay a hole and are listed.
    """
    found = read(options, hashes=True)
    if not is_ours(found):
        return conclude(options, found)
    with Folder(folder, force=force) as output:
        number = listing(options, PAYLOAD, _extract(options, found, output, cast(By, by), force), payload_object)
    locked = locked_connections(found)
    if not number and locked:
        say(f"nothing to write: {plural(locked, 'TLS connection')} that no key opens; give --keylog FILE or --server-key FILE")
        return Status.MISSING
    return conclude(options, found)


def _extract(options: Options, found: "Inspection", output: Folder, by: By, force: bool) -> Iterator[Written]:
    """Write session after session; gives what was written."""
    jobs = [(session, rebuild) for session, rebuild in _jobs(options, found, by)]
    names = Names()
    if not force:
        _refuse_existing(output, jobs)
    for session, rebuild in jobs:
        paths: dict[int, Path] = {}
        for write in rebuild.writes(cast(PayloadSource, found).payload):
            path = paths.get(id(write.target))
            if path is None:
                folder = _folder_of(write.target, session)
                path = paths[id(write.target)] = names.take(folder, safe_path(write.target.label))
                if not force and output.holds(path):
                    raise _exists(output, path)
            output.write(path, write.position, write.data)
        for name in rebuild.crowded:
            say(f"{printable(name)}: its offsets lie too far apart for one file; what has no place is at its end, in wire order")
        for target in rebuild.targets.values():
            if id(target) in paths:
                yield _written(target, by, paths[id(target)], output)


def _jobs(options: Options, found: "Inspection", by: By) -> Iterator[tuple[Session | None, Rebuild]]:
    members: dict[int | None, list[Exchange]] = {}
    for exchange in found.exchanges:
        members.setdefault(exchange.session, []).append(exchange)
    for session in found.sessions:
        if options.session in (None, session.id):
            yield session, Rebuild(session, members.get(session.id, []), by, found.bytes)
    if options.session is None:
        for exchange in members.get(None, []):
            if exchange.payload_bytes and by == "exchange":
                yield None, Rebuild(None, [exchange], by, found.bytes)


def _folder_of(target: Target, session: Session | None) -> Path:
    server = f"{target.server.host}_{target.server.port}".replace(":", "-")
    return safe_part(server.encode("utf-8", "backslashreplace")), "no-session" if session is None else str(session.id)


def _refuse_existing(output: Folder, jobs: Sequence[tuple[Session | None, Rebuild]]) -> None:
    """Stop before the first byte where a session of this name was written before."""
    for session, rebuild in jobs:
        for server in {exchange.server for exchange in rebuild.exchanges if exchange.payload_bytes}:
            path = _folder_of(Target(None, server, None, b""), session)
            if output.holds(path):
                raise _exists(output, path)


def _exists(output: Folder, path: Path) -> click.UsageError:
    return click.UsageError(f"{output.name(path)} is there already; --force replaces files, or name another folder with -o")


def _written(target: Target, by: By, path: Path, output: Folder) -> Written:
    """Read back what was written, to hash it and to count its lines."""
    ranges = target.written()
    digest = hashlib.sha256()
    lines = 0
    for start, end in ranges:
        while start < end:
            data = output.read(path, start, min(CHUNK, end - start))
            if not data:
                break
            digest.update(data)
            lines += data.count(b"\n")
            start += len(data)
    base = target.first_offset or 0
    gaps = target.gaps(ranges)
    size = sum(end - start for start, end in ranges)
    missing = max(sum(end - start for start, end in gaps), target.declared - target.captured if target.declared else 0)
    shown = tuple((start + base, end + base) for start, end in gaps)
    return Written(target, by, output.name(path), size, lines, shown, missing, digest.hexdigest())
