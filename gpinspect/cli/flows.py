"""`gpinspect flows`."""

import click

from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.reading import conclude, read
from gpinspect.views.objects import flow_object
from gpinspect.views.tables import FLOWS


@click.command("flows")
@common()
def command(options: Options) -> int:
    """What each Greenplum segment got or sent in each session."""
    found = read(options)
    flows = [flow for flow in found.flows if options.session in (None, flow.session)]
    listing(options, FLOWS, flows, flow_object)
    return conclude(options, found)
