"""`gpinspect findings`."""

import click

from gpinspect.cli.filtering import filter_option, keeper, read_filter
from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.reading import chosen_findings, conclude, read
from gpinspect.cli.rooting import root_option
from gpinspect.cli.vantage import vantage_option
from gpinspect.views.objects import finding_object
from gpinspect.views.tables import FINDINGS


@click.command("findings")
@common()
@root_option
@vantage_option
@filter_option
def command(options: Options, expression: str | None) -> int:
    """What is wrong or worth knowing, each with its evidence and advice. The table has the gravest first."""
    chosen = read_filter(expression, "findings")
    found = read(options)
    keep = keeper(chosen, found)
    findings = [finding for finding in chosen_findings(options, found) if keep(finding)]
    shown = findings if options.json else sorted(findings, key=lambda finding: -finding.severity)
    listing(options, FINDINGS, shown, finding_object)
    return conclude(options, found, summary=False, findings=findings)
