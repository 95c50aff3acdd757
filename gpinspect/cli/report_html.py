"""`gpinspect report --html`."""

from typing import TYPE_CHECKING

from gpinspect.cli.options import Options
from gpinspect.cli.outfile import STDOUT, OutFile
from gpinspect.cli.reading import conclude, read
from gpinspect.cli.report import shown
from gpinspect.cli.talk import say
from gpinspect.model import Session
from gpinspect.views.inspected import is_ours
from gpinspect.views.pace import pace_line, skew_line

if TYPE_CHECKING:
    from gpinspect.inspection.pace import Closer


def _shares(closer: "Closer", session: Session) -> list[str]:
    """Sentences about pace and shares; none without payload."""
    return [line for line in (pace_line(session, closer.pace.pace), skew_line(closer.skew)) if line]


def write_page(options: Options, path: str, *, redact: bool, force: bool) -> int:
    """Read the inputs, and write the page that tells of them.

    Raises:
        click.UsageError: There is a file at `path` that may not be replaced, or it is an input.
        SourceError: The page cannot be written.
    """
    output = OutFile(path, force=force, option="--html")
    found = read(options)
    if not is_ours(found):
        return conclude(options, found)
    output.refuse_inputs(found.sources)
    chosen, tls = shown(options, found, redact=redact)
    from gpinspect.export.html import render
    from gpinspect.inspection.pace import look_closer
    from gpinspect.views.page import build_page

    page = build_page(
        chosen,
        tls=tls,
        stalls=[stall for stall in found.stalls if options.session in (None, stall.session)],
        skew={session.id: _shares(look_closer(found, session, buckets=0), session) for session in found.sessions},
        utc=options.utc,
        masked=redact,
    )
    with output:
        output.write(render(page).encode("utf-8", "backslashreplace"))
        output.done()
    if path != STDOUT and not options.quiet:
        say(f"wrote {path}")
    return conclude(options, found, summary=False, findings=chosen.findings)
