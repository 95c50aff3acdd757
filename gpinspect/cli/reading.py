"""From options to an inspection, and from an inspection to an exit status."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from gpinspect.cli.options import Options
from gpinspect.cli.status import Status
from gpinspect.cli.talk import say, say_about_inputs, say_findings
from gpinspect.model import Finding, Vantage
from gpinspect.views.inspected import is_ours

if TYPE_CHECKING:
    from gpinspect.inspection import Inspection


def read(options: Options, *, hashes: bool = False, again: bool = False) -> "Inspection":
    """Inspect the inputs, with a progress bar where one is wanted.

    Args:
        hashes: SHA-256 values are needed even if they were not asked for.
        again: Packages will be read once more.

    Raises:
        click.UsageError: `--session` names none of the sessions of a capture that is ours.
        GpinspectError: As `gpinspect.inspection.inspect`.
    """
    from gpinspect import inspection
    from gpinspect.cli.passphrase import passphrase
    from gpinspect.cli.progress import progress_bar

    extra: dict[str, Any] = {"via_tshark": True} if options.via_tshark else {}
    if options.display_filter:
        extra["display_filter"] = options.display_filter
    if options.root is not None:
        extra["root"] = options.root
    if options.vantage is not None:
        extra["vantage"] = Vantage(options.vantage)
    with progress_bar(options.progress and not options.quiet) as progress:
        found = inspection.inspect(
            options.inputs,
            keylogs=options.keylogs,
            server_keys=options.server_keys,
            passphrase=passphrase(options),
            hashes=hashes or options.hashes,
            again=again,
            progress=progress,
            **extra,
        )
    if options.session is not None and is_ours(found) and not 1 <= options.session <= len(found.sessions):
        raise click.UsageError(f"--session {options.session}: the capture has {len(found.sessions):,} sessions, numbered from 1")
    return found


def chosen_findings(options: Options, found: "Inspection") -> Sequence[Finding]:
    """All findings, or those of the session that was asked for."""
    if options.session is None:
        return found.findings
    return [finding for finding in found.findings if finding.session == options.session]


def conclude(options: Options, found: "Inspection", *, summary: bool = True, findings: Sequence[Finding] | None = None) -> Status:
    """Say on stderr what the output does not, and give the exit status.

    Args:
        summary: Count the findings; False where the output was about them.
        findings: Those that `--fail-on` looks at; None: all, or those of the session that was asked for.
    """
    if not options.quiet:
        say_about_inputs(found.notices, found.findings)
    if not is_ours(found):
        sources = ", ".join(found.sources[:3]) + (", ..." if len(found.sources) > 3 else "")
        from gpinspect.views.report import connections_text

        say(f"{sources}: neither gpfdist nor TLS in it, but {found.frames:,} frames, {connections_text(found)}")
        return Status.NOT_OURS
    findings = chosen_findings(options, found) if findings is None else findings
    if summary and not options.quiet:
        say_findings(findings)
    if options.fail_on is not None and any(finding.severity >= options.fail_on for finding in findings):
        return Status.FINDINGS
    return Status.FINE
