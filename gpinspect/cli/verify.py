"""`gpinspect verify`."""

from dataclasses import asdict

import click

from gpinspect.cli.options import Options, common
from gpinspect.cli.status import Status

SHOWN = 20
"""Differences of one capture that are written out as text; the others are counted."""


@click.command("verify")
@common("session", "hashes", "fail_on", "via_tshark", "utc", "root", "color", "progress")
def command(options: Options) -> int:
    """Read captures with tshark and the Lua dissector as well, and name every difference; status 1 if there is one."""
    from gpinspect.cli.passphrase import passphrase
    from gpinspect.export import lua
    from gpinspect.export.lua.tables import CODES
    from gpinspect.inspection.verify import verify
    from gpinspect.views.objects import json_line
    from gpinspect.views.text import plural, printable

    different = False
    dissector = lua.dissector()
    for path in options.inputs:
        found = verify(
            path, dissector, CODES, keylogs=options.keylogs, server_keys=options.server_keys, passphrase=passphrase(options)
        )
        different = different or bool(found.differences)
        if options.json:
            for difference in found.differences:
                click.echo(json_line({"schema": "gpinspect.difference/1", **asdict(difference)}))
            continue
        compared = ", ".join(
            plural(count, word)
            for count, word in (
                (found.connections, "connection"),
                (found.exchanges, "exchange"),
                (found.messages, "message"),
                (found.packages, "package"),
                (found.payload_bytes, "payload byte"),
                (found.codes, "finding"),
            )
        )
        verdict = "the same in both" if not found.differences else plural(len(found.differences), "difference")
        click.echo(f"{printable(path)}: {compared}: {verdict}")
        for words in found.left_out:
            click.echo(f"  not compared: {printable(words)}")
        for difference in found.differences[:SHOWN]:
            click.echo(f"  {printable(str(difference))}")
        if len(found.differences) > SHOWN:
            click.echo(f"  and {len(found.differences) - SHOWN:,} more: see --json")
    return Status.FINDINGS if different else Status.FINE
