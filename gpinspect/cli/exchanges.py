"""`gpinspect exchanges`."""

import click

from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.reading import conclude, read
from gpinspect.views.objects import exchange_object
from gpinspect.views.tables import EXCHANGES


@click.command("exchanges")
@common()
def command(options: Options) -> int:
    """Each request with its response."""
    found = read(options)
    exchanges = [exchange for exchange in found.exchanges if options.session in (None, exchange.session)]
    listing(options, EXCHANGES, exchanges, exchange_object)
    return conclude(options, found)
