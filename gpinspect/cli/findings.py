"""`gpinspect findings`."""

import click

from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.reading import chosen_findings, conclude, read
from gpinspect.views.objects import finding_object
from gpinspect.views.tables import FINDINGS


@click.command("findings")
@common()
def command(options: Options) -> int:
    """What is wrong or worth knowing, each with its evidence and advice. The table has the gravest first."""
    found = read(options)
    findings = chosen_findings(options, found)
    if not options.json:
        findings = sorted(findings, key=lambda finding: -finding.severity)
    listing(options, FINDINGS, findings, finding_object)
    return conclude(options, found, summary=False)
