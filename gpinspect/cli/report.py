"""`gpinspect report`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from gpinspect.cli.options import Options, common
from gpinspect.cli.output import screen_width, write_json, write_report
from gpinspect.cli.reading import chosen_findings, conclude, read
from gpinspect.cli.rooting import root_option
from gpinspect.cli.vantage import vantage_option
from gpinspect.model import Connection, Exchange, Finding, Flow, Notice, Session
from gpinspect.views.objects import Object
from gpinspect.views.report import Report, build_report

if TYPE_CHECKING:
    from gpinspect.engine.secure import Secured
    from gpinspect.inspection import Inspection
    from gpinspect.views.inspected import Inspected
    from gpinspect.views.pace import Closer


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


def shown(options: Options, found: "Inspection", *, redact: bool) -> "tuple[Inspected, list[Secured]]":
    """What `--session` leaves, with its TLS connections; under a mask of its own if it is to be redacted."""
    chosen = select(options, found)
    connections = {connection.id for connection in chosen.connections}
    tls = [one for one in found.tls if one.connection.id in connections]
    if not redact:
        return chosen, tls
    from secrets import token_bytes

    from gpinspect.views.masked import masked, masked_tls
    from gpinspect.views.redaction import Mask

    mask = Mask(token_bytes(32))
    return masked(chosen, mask), masked_tls(tls, mask)


def report_object(report: Report) -> Object:
    """Schema gpinspect.report/1: the same words, by section."""
    sections = {section.title: [line.text for line in section.lines] for section in report.sections}
    return {"schema": "gpinspect.report/1", **sections}


@click.command("report")
@common()
@root_option
@vantage_option
@click.option("--html", "page", metavar="FILE", help="Write a self-contained HTML page instead; - for standard output.")
@click.option("--redact", is_flag=True, help="Mask addresses, users, databases, file names and paths, for others to read.")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def command(options: Options, page: str | None, redact: bool, force: bool) -> int:
    """The one-page answer: what happened, what is wrong, what to do."""
    if page is not None:
        from gpinspect.cli.report_html import write_page

        return write_page(options, page, redact=redact, force=force)
    if force:
        raise click.UsageError("--force replaces the FILE of --html; without --html nothing is written")
    found = read(options)
    width = screen_width()
    chosen, tls = shown(options, found, redact=redact)
    screen = width is not None and not options.json

    def look(session: Session) -> "Closer":
        from gpinspect.inspection.pace import look_closer

        return look_closer(found, found.sessions[session.id - 1], buckets=0)

    report = build_report(chosen, tls=tls, look=look, utc=options.utc, screen=screen)
    if options.json:
        write_json([report_object(report)])
    else:
        write_report(((line.text, line.tone) for line in report.lines(width)), options)
    return conclude(options, found, summary=False)
