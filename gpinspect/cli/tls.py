"""`gpinspect tls`."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from gpinspect.cli.filtering import filter_option, keeper, read_filter
from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.reading import conclude, read
from gpinspect.cli.status import Status
from gpinspect.cli.talk import LINES, say
from gpinspect.model import Severity
from gpinspect.views.tables import Context

if TYPE_CHECKING:
    from gpinspect.engine.secure import Secured
    from gpinspect.views.secured import Asked

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SWITCH = click.Choice(["on", "off"])


@click.command("tls")
@click.option("--all", "everything", is_flag=True, help="Also PostgreSQL and openGauss connections without TLS.")
@click.option("--expect-ssl", "ssl", type=SWITCH, help="The server's `ssl`: say whether each connection is what that leads to.")
@click.option("--expect-require-ssl", "require_ssl", type=SWITCH, help="The server's `require_ssl` (PostgreSQL: hostssl only).")
@click.option("--expect-sslmode", "sslmode", type=click.Choice(SSL_MODES), help="The client's `sslmode`.")
@click.option(
    "--crl", "crls", multiple=True, metavar="FILE", help="Certificate revocation list, PEM or DER; repeatable. Marks who is on it."
)
@click.option("--reveal", is_flag=True, help="Show user, database and other start-up parameters, which are masked else.")
@common("session")
@filter_option
def command(
    options: Options,
    expression: str | None,
    everything: bool,
    ssl: str | None,
    require_ssl: str | None,
    sslmode: str | None,
    crls: tuple[str, ...],
    reveal: bool,
) -> int:
    """Each connection that speaks TLS or asked for it: version, suite, certificates, alerts, and why it stayed closed."""
    from gpinspect.views.secured import listed, table, tls_object

    asked = replace(_asked(ssl, require_ssl, sslmode, crls), reveal=reveal)
    chosen = read_filter(expression, "tls")
    found = read(options)
    keep = keeper(chosen, found)
    connections = [one for one in listed(found.tls, everything) if keep(one)]
    listing(options, table(asked), connections, partial(tls_object, asked=asked), Context(options.utc))
    different = [one for one in connections if asked.verdict(one) is False]
    if not options.quiet:
        _say_differences(asked, different)
    status = conclude(options, found)
    if status is Status.FINE and different and options.fail_on is not None and options.fail_on <= Severity.WARNING:
        return Status.FINDINGS
    return status


def _asked(ssl: str | None, require_ssl: str | None, sslmode: str | None, crls: tuple[str, ...]) -> "Asked":
    """What the options tell of settings and certificates."""
    from gpinspect.analysis.ssl_matrix import Expectation, agrees, expected_rows
    from gpinspect.views.secured import Asked

    expectation = Expectation(_switch(ssl), _switch(require_ssl), sslmode)
    asked = Asked() if expectation.empty else Asked(expected_rows(expectation), agrees)
    if not crls:
        return asked
    from gpinspect.inspection.revocation import read_revocations

    return replace(asked, revoked=read_revocations(crls).revoked)


def _switch(word: str | None) -> bool | None:
    return None if word is None else word == "on"


def _say_differences(asked: "Asked", different: "list[Secured]") -> None:
    """Which connections are not what the settings lead to."""
    from gpinspect.analysis.ssl_matrix import result_words
    from gpinspect.views.secured import rows_text

    wanted = asked.expected or ()
    for one in different[:LINES]:
        seen = one.negotiation or ()
        say(
            f"connection {one.connection.id}: wanted row {rows_text(wanted)} ({result_words(wanted)}), "
            f"seen row {rows_text(seen)} ({result_words(seen)})"
        )
    if len(different) > LINES:
        say(f"and {len(different) - LINES:,} more connections that are not what these settings lead to")
