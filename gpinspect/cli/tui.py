"""`gpinspect tui`."""

import importlib

import click

from gpinspect.cli.options import Options, common


@click.command("tui")
@common("json", "hashes", "fail_on")
def command(options: Options) -> int:
    """The terminal interface on a capture."""
    run = importlib.import_module("gpinspect.tui").run  # loads textual, so not before it is asked for
    return int(run(options.inputs, options) or 0)
