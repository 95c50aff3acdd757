"""`gpinspect flows`."""

import click

from gpinspect.cli.filtering import filter_option, keeper, read_filter
from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.reading import conclude, read
from gpinspect.cli.vantage import vantage_option
from gpinspect.views.objects import flow_object
from gpinspect.views.tables import FLOWS


@click.command("flows")
@common()
@vantage_option
@filter_option
def command(options: Options, expression: str | None) -> int:
    """What each Greenplum segment got or sent in each session."""
    chosen = read_filter(expression, "flows")
    found = read(options)
    keep = keeper(chosen, found)
    flows = [flow for flow in found.flows if options.session in (None, flow.session) and keep(flow)]
    listing(options, FLOWS, flows, lambda flow: flow_object(flow, getattr(found, "stalls", ())))
    return conclude(options, found)
