"""`gpinspect tls`."""

import click

from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.reading import conclude, read
from gpinspect.views.tables import Context


@click.command("tls")
@click.option("--all", "everything", is_flag=True, help="Also PostgreSQL and openGauss connections without TLS.")
@common("session")
def command(options: Options, everything: bool) -> int:
    """Each connection that speaks TLS or asked for it: version, suite, certificates, alerts, and why it stayed closed."""
    from gpinspect.views.secured import TLS, listed, tls_object

    found = read(options)
    listing(options, TLS, listed(found.tls, everything), tls_object, Context(options.utc))
    return conclude(options, found)
