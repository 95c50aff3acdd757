"""`gpinspect cut`: some connections of a capture as a capture of their own."""

import os
import stat
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

import click

from gpinspect import __version__
from gpinspect.cli.filtering import keeper, read_filter
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
    from gpinspect.capture.write import PcapngWriter
    from gpinspect.inspection import Inspection
    from gpinspect.views.filter import Filter

    Choice = tuple[str, Filter]

KINDS = ("sessions", "flows", "exchanges")
"""Objects that a filter may be about here, tried in this order."""


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
@common("hashes", "session")
@click.option("-o", "--output", "path", required=True, metavar="OUT", help="The pcapng file to write; - for standard output.")
@click.option("--session", "sessions", type=click.IntRange(min=1), multiple=True, metavar="N", help="Of this session; repeatable.")
@click.option(
    "--filter",
    "expression",
    metavar="EXPR",
    help="Of what fits: sessions, flows or exchanges, by the names of their fields (docs/filter.md).",
)
@click.option(
    "--with-secrets/--strip-secrets",
    "with_secrets",
    default=None,
    help="Embed the TLS secrets that open these connections, or leave all secrets out (default).",
)
@click.option("--redact", is_flag=True, help="Without rows, names and addresses, for others to read (docs/sharing.md).")
@click.option("--force", is_flag=True, help="Replace OUT if it is there.")
def command(
    options: Options,
    path: str,
    sessions: tuple[int, ...],
    expression: str | None,
    with_secrets: bool | None,
    redact: bool,
    force: bool,
) -> int:
    """Write the connections of sessions, or of what a filter keeps (without both: all TCP connections), to a pcapng file.

    Frames, their times and lengths stay as they were captured; frames that belong to no TCP connection are left out. With --redact
    rows become filler of the same length and structure, and names and addresses become others: what gpinspect says of the capture
    without keys stays the same.
    """
    if redact and with_secrets:
        raise click.UsageError("--redact leaves secrets out: whoever had them could read the rows; drop --with-secrets")
    chosen = read_choice(expression)
    output = OutFile(path, force=force)
    found = read(options, again=options.converted or any(_is_pipe(name) for name in options.inputs))
    if not is_ours(found):
        return conclude(options, found)
    for number in sessions:
        if number > len(found.sessions):
            raise click.UsageError(f"--session {number}: the capture has {len(found.sessions):,} sessions, numbered from 1")
    output.refuse_inputs(found.sources)
    connections = _connections(found, sessions, chosen)
    secrets = found.key_log(connections)
    cut = _write(found, output, connections, secrets if with_secrets else [], redact=redact)
    if path != STDOUT:
        listing(options, CUT, [cut], cut_object)
    if not options.quiet:
        if not connections:
            say(f"nothing fits: {cut.path} has no frames")
        if redact:
            _say_about_redaction(found, cut, connections)
        else:
            _say_about_secrets(found, cut, connections, len(secrets), with_secrets)
    its = [finding for finding in found.findings if not sessions or finding.session in sessions]
    return conclude(options, found, summary=False, findings=its)


def read_choice(expression: str | None) -> "Choice | None":
    """The filter with the kind of object it is about: the first of sessions, flows and exchanges that has its names.

    Raises:
        click.exceptions.Exit: It is about none of them; the mistake was pointed at.
    """
    if expression is None:
        return None
    from gpinspect.views.filter import FilterError, make_filter

    furthest, best = -1, KINDS[-1]
    for kind in KINDS:
        try:
            return kind, make_filter(expression, kind)
        except FilterError as mistake:
            if mistake.start >= furthest:
                furthest, best = mistake.start, kind
    read_filter(expression, best)  # says what is wrong with it, and leaves
    raise AssertionError(expression)


def _connections(found: "Inspection", sessions: tuple[int, ...], chosen: "Choice | None") -> frozenset[int]:
    """Ids of the connections that carry what was chosen; of all where nothing was."""
    if chosen is None and not sessions:
        return frozenset(connection.id for connection in found.connections)
    exchanges = [one for one in found.exchanges if not sessions or one.session in sessions]
    if chosen is not None:
        kind, fits = chosen
        keep = keeper(fits, found)
        if kind == "exchanges":
            exchanges = [exchange for exchange in exchanges if keep(exchange)]
        elif kind == "flows":
            flows = {(flow.session, flow.segment, flow.host) for flow in found.flows if keep(flow)}
            exchanges = [one for one in exchanges if (one.session, one.segment, one.client.host) in flows]
        else:
            kept = {session.id for session in found.sessions if keep(session)}
            exchanges = [exchange for exchange in exchanges if exchange.session in kept]
    return frozenset(exchange.connection for exchange in exchanges)


def _write(found: "Inspection", output: OutFile, connections: frozenset[int], secrets: list[str], *, redact: bool) -> Cut:
    from gpinspect.capture.write import PcapngWriter

    if redact:
        from gpinspect.inspection.redact import fresh_mask

        records = found.redacted_frames(connections, fresh_mask())
    else:
        records = found.connection_frames(connections)
    begun = list(islice(records, 1))  # the inputs are open again before a new file appears among them
    with output:
        writer = PcapngWriter(output, f"gpinspect {__version__}")
        writer.secrets("".join(f"{line}\n" for line in secrets).encode())
        for record in chain(begun, records):
            writer.frame(record.link, record.ns, record.captured, record.original)
        _end(writer, found)
        output.done()
    return Cut(output.path, len(connections), writer.frames, writer.bytes, len(secrets))


def _end(writer: "PcapngWriter", found: "Inspection") -> None:
    """What the recorder did not keep decides what can be proven, so the cut tells it as well."""
    dropped = sum(int(notice.values["count"]) for notice in found.notices if notice.code == "GPI004")
    writer.end(dropped=dropped, unfinished=any(notice.code in ("GPI001", "GPI002") for notice in found.notices))


def _say_about_redaction(found: "Inspection", cut: Cut, connections: frozenset[int]) -> None:
    """What is still to be seen in the file, before somebody passes it on."""
    say(f"{cut.path} has no rows, names, addresses or secrets; sizes, times, ports, ids and software versions are there")
    if any(one.connection.id in connections and one.report.server_chain for one in found.tls):
        say("names in TLS certificates are masked; their keys, serial numbers and signatures are not (docs/sharing.md)")


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
