"""`gpinspect packages`."""

import click

from gpinspect.cli.filtering import filter_option, keeper, read_filter
from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.reading import conclude, read
from gpinspect.views.inspected import is_ours
from gpinspect.views.objects import package_object
from gpinspect.views.tables import PACKAGES, package_rows


@click.command("packages")
@common()
@filter_option
@click.option("--exchange", "exchange_id", type=click.IntRange(min=1), metavar="N", help="Only this exchange.")
def command(options: Options, expression: str | None, exchange_id: int | None) -> int:
    """Each data package of protocol 1, written as it is met: there may be millions."""
    chosen = read_filter(expression, "packages")
    found = read(options)
    keep = keeper(chosen, found)
    if exchange_id is not None and is_ours(found) and exchange_id > len(found.exchanges):
        raise click.UsageError(f"--exchange {exchange_id}: the capture has {len(found.exchanges):,} exchanges, numbered from 1")
    exchanges = (
        exchange
        for exchange in found.exchanges
        if options.session in (None, exchange.session) and exchange_id in (None, exchange.id)
    )
    rows = package_rows(exchanges) if chosen is None else filter(keep, package_rows(exchanges))
    listing(options, PACKAGES, rows, lambda row: package_object(*row))
    return conclude(options, found)
