"""`gpinspect exchanges`."""

import click

from gpinspect.cli.filtering import filter_option, keeper, read_filter
from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.reading import conclude, read
from gpinspect.views.objects import exchange_object
from gpinspect.views.tables import EXCHANGES


@click.command("exchanges")
@common()
@filter_option
def command(options: Options, expression: str | None) -> int:
    """Each request with its response."""
    chosen = read_filter(expression, "exchanges")
    found = read(options)
    keep = keeper(chosen, found)
    exchanges = [exchange for exchange in found.exchanges if options.session in (None, exchange.session) and keep(exchange)]
    listing(options, EXCHANGES, exchanges, exchange_object)
    return conclude(options, found)
