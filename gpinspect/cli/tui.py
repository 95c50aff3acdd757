"""`gpinspect tui`."""

import importlib
from dataclasses import replace

import click

from gpinspect.cli.options import Options, common
from gpinspect.cli.passphrase import passphrase
from gpinspect.cli.reading import conclude
from gpinspect.cli.status import Status


@click.command("tui")
@common("json", "hashes", "fail_on", "progress")
def command(options: Options) -> int:
    """The terminal interface on a capture."""
    run = importlib.import_module("gpinspect.tui").run  # loads textual, so not before it is asked for
    left = run(
        options.inputs,
        keylogs=options.keylogs,
        server_keys=options.server_keys,
        passphrase=passphrase(options),
        via_tshark=options.via_tshark,
        display_filter=options.display_filter or "",
        utc=options.utc,
        color=options.color,
        session=options.session,
    )
    if left.error is not None:
        raise left.error
    if left.interrupted:
        return Status.INTERRUPTED
    if not left.found.complete:
        return Status.FINE  # the person stopped reading: nobody knows what the rest is
    return conclude(replace(options, quiet=True), left.found, summary=False)
