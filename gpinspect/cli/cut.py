"""`gpinspect cut`: some connections of a capture as a capture of their own."""

import os
import stat
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

import click

from gpinspect import __version__
from gpinspect.cli.options import Options, common
from gpinspect.cli.outfile import STDOUT, OutFile
from gpinspect.cli.output import listing
from gpinspect.cli.reading import conclude, read
from gpinspect.cli.talk import say
from gpinspect.views.inspected import is_ours
from gpinspect.views.objects import Object, wire_text
from gpinspect.views.tables import Column, Table
from gpinspect.views.text import bytes_text, count_text, plural, printable

if TYPE_CHECKING:
    from gpinspect.inspection import Inspection


@dataclass(frozen=True, slots=True)
class Cut:
    """What was written."""

    path: str
    connections: int
    frames: int
    bytes: int  # of the file
    secrets: int  # key log lines in it


def cut_object(cut: Cut) -> Object:
    """Schema gpinspect.cut/1."""
    return {
        "schema": "gpinspect.cut/1",
        "path": wire_text(cut.path),
        "connections": cut.connections,
        "frames": cut.frames,
        "bytes": cut.bytes,
        "secrets": cut.secrets,
    }


CUT: Table[Cut] = Table(
    "cuts",
    (
        Column("File", lambda c, _: printable(c.path), least=20, keep="end"),
        Column("Connections", lambda c, _: count_text(c.connections), "right"),
        Column("Frames", lambda c, _: count_text(c.frames), "right"),
        Column("Bytes", lambda c, _: bytes_text(c.bytes), "right"),
        Column("Secrets", lambda c, _: count_text(c.secrets), "right"),
    ),
)


@click.command("cut")
@common("hashes")
@click.option("-o", "--output", "path", required=True, metavar="OUT", help="The pcapng file to write; - for standard output.")
@click.option(
    "--with-secrets/--strip-secrets",
    "with_secrets",
    default=None,
    help="Embed the TLS secrets that open these connections, or leave all secrets out (default).",
)
@click.option("--force", is_flag=True, help="Replace OUT if it is there.")
def command(options: Options, path: str, with_secrets: bool | None, force: bool) -> int:
    """Write the connections of a session (without --session: all TCP connections) to a pcapng file.

    Frames, their times and lengths stay as they were captured; frames that belong to no TCP connection are left out.
    """
    output = OutFile(path, force=force)
    found = read(options, again=options.via_tshark or any(_is_pipe(name) for name in options.inputs))
    if not is_ours(found):
        return conclude(options, found)
    output.refuse_inputs(found.sources)
    connections = _connections(found, options.session)
    secrets = found.key_log(connections)
    cut = _write(found, output, connections, secrets if with_secrets else [])
    if path != STDOUT:
        listing(options, CUT, [cut], cut_object)
    if not options.quiet:
        _say_about_secrets(found, cut, connections, len(secrets), with_secrets)
    return conclude(options, found, summary=False)


def _connections(found: "Inspection", session: int | None) -> frozenset[int]:
    """Ids of the connections that carry an exchange of the session; of all without one."""
    if session is None:
        return frozenset(connection.id for connection in found.connections)
    return frozenset(exchange.connection for exchange in found.exchanges if exchange.session == session)


def _write(found: "Inspection", output: OutFile, connections: frozenset[int], secrets: list[str]) -> Cut:
    from gpinspect.capture.write import PcapngWriter

    records = found.connection_frames(connections)
    begun = list(islice(records, 1))  # the inputs are open again before a new file appears among them
    with output:
        writer = PcapngWriter(output, f"gpinspect {__version__}")
        writer.secrets("".join(f"{line}\n" for line in secrets).encode())
        for record in chain(begun, records):
            writer.frame(record.link, record.ns, record.captured, record.original)
        output.done()
    return Cut(output.path, len(connections), writer.frames, writer.bytes, len(secrets))


def _say_about_secrets(found: "Inspection", cut: Cut, connections: frozenset[int], known: int, wanted: bool | None) -> None:
    """Whoever passes the file on has to know what is in it; whoever wants to read it, what is not."""
    if cut.secrets:
        lines = plural(cut.secrets, "TLS secret")
        say(f"WARNING: {cut.path} carries {lines}: whoever has the file can read what these connections said")
    elif wanted and any(one.connection.id in connections and one.connection.tls for one in found.tls):
        say(f"{cut.path} carries no secrets: no key opened any of its TLS connections; give --keylog FILE or --server-key FILE")
    elif wanted is None and known:
        say(f"{cut.path} carries no secrets; --with-secrets embeds the {known:,} that open its TLS connections")


def _is_pipe(name: str) -> bool:
    """Whether an input can be read only once."""
    try:
        return name == STDOUT or stat.S_ISFIFO(os.stat(name).st_mode) or stat.S_ISCHR(os.stat(name).st_mode)  # noqa: PTH116
    except (OSError, ValueError):
        return False
