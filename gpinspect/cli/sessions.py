"""`gpinspect sessions`."""

import click

from gpinspect.cli.filtering import filter_option, keeper, read_filter
from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.reading import conclude, read
from gpinspect.views.objects import counts_by_session, session_object
from gpinspect.views.tables import SESSIONS, Context


@click.command("sessions")
@common()
@filter_option
def command(options: Options, expression: str | None) -> int:
    """What the server calls a session: one scan of one statement, all segments together."""
    chosen = read_filter(expression, "sessions")
    found = read(options)
    keep = keeper(chosen, found)
    counts = counts_by_session(found.findings)
    sessions = [session for session in found.sessions if options.session in (None, session.id) and keep(session)]
    listing(options, SESSIONS, sessions, lambda s: session_object(s, counts.get(s.id)), Context(options.utc, counts))
    return conclude(options, found)
