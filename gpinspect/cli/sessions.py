"""`gpinspect sessions`."""

from typing import TYPE_CHECKING

import click

from gpinspect.cli.filtering import filter_option, keeper, read_filter
from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.reading import conclude, read
from gpinspect.cli.rooting import root_option
from gpinspect.cli.vantage import vantage_option
from gpinspect.model import Session
from gpinspect.views.objects import Object, counts_by_session, session_object, waiting_object
from gpinspect.views.tables import SESSIONS, Context

if TYPE_CHECKING:
    from gpinspect.inspection import Inspection


@click.command("sessions")
@common()
@root_option
@vantage_option
@filter_option
@click.option("--pace", is_flag=True, help="Add `pace` (rate over time, pauses, by flow) and `skew` to each object; wants --json.")
def command(options: Options, expression: str | None, pace: bool) -> int:
    """What the server calls a session: one scan of one statement, all segments together."""
    chosen = read_filter(expression, "sessions")
    if pace and not options.json:
        raise click.UsageError("--pace adds to the objects of --json; `gpinspect report` tells pace and skew in words")
    found = read(options)
    keep = keeper(chosen, found)
    counts = counts_by_session(found.findings)
    sessions = [session for session in found.sessions if options.session in (None, session.id) and keep(session)]
    listing(
        options,
        SESSIONS,
        sessions,
        lambda s: {
            **session_object(s, counts.get(s.id)),
            **waiting_object(s, getattr(found, "stalls", ()), getattr(found, "vantage", None)),
            **(_closer(found, s) if pace else {}),
        },
        Context(options.utc, counts),
    )
    return conclude(options, found)


def _closer(found: "Inspection", session: Session) -> Object:
    """The keys that `--pace` adds."""
    from gpinspect.inspection.pace import look_closer
    from gpinspect.views.pace import session_pace_object, skew_object

    closer = look_closer(found, session)
    return {"pace": session_pace_object(closer.pace), "skew": skew_object(closer.skew)}
