"""`gpinspect report`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from gpinspect.cli.options import Options, common
from gpinspect.cli.output import screen_width, write_json, write_report
from gpinspect.cli.reading import chosen_findings, conclude, read
from gpinspect.model import Connection, Exchange, Finding, Flow, Notice, Session
from gpinspect.views.objects import Object
from gpinspect.views.report import Report, build_report

if TYPE_CHECKING:
    from gpinspect.inspection import Inspection


@dataclass(frozen=True, slots=True)
class Selection:
    """An inspection, or what of it belongs to one session. Frames, bytes and times stay those of the whole capture."""

    sources: tuple[str, ...]
    frames: int
    bytes: int
    first_ns: int | None
    last_ns: int | None
    notices: Sequence[Notice]
    connections: Sequence[Connection]
    exchanges: Sequence[Exchange]
    sessions: Sequence[Session]
    flows: Sequence[Flow]
    findings: Sequence[Finding]


def select(options: Options, found: "Inspection") -> Selection:
    """What `--session` leaves."""
    only = options.session
    exchanges = [exchange for exchange in found.exchanges if only in (None, exchange.session)]
    connections = {exchange.connection for exchange in exchanges}
    return Selection(
        found.sources,
        found.frames,
        found.bytes,
        found.first_ns,
        found.last_ns,
        found.notices,
        [connection for connection in found.connections if only is None or connection.id in connections],
        exchanges,
        [session for session in found.sessions if only in (None, session.id)],
        [flow for flow in found.flows if only in (None, flow.session)],
        chosen_findings(options, found),
    )


def report_object(report: Report) -> Object:
    """Schema gpinspect.report/1: the same words, by section."""
    sections = {section.title: [line.text for line in section.lines] for section in report.sections}
    return {"schema": "gpinspect.report/1", **sections}


@click.command("report")
@common()
def command(options: Options) -> int:
    """The one-page answer: what happened, what is wrong, what to do."""
    found = read(options)
    width = screen_width()
    chosen = select(options, found)
    shown = {connection.id for connection in chosen.connections}
    tls = [one for one in found.tls if one.connection.id in shown]
    report = build_report(chosen, tls=tls, utc=options.utc, screen=width is not None and not options.json)
    if options.json:
        write_json([report_object(report)])
    else:
        write_report(((line.text, line.tone) for line in report.lines(width)), options)
    return conclude(options, found, summary=False)
