"""`gpinspect export`."""

from pathlib import Path

import click

from gpinspect.cli.status import Status


@click.group("export")
def command() -> None:
    """Artefacts made from the grammar; --check PATH says whether PATH is up to date."""


@command.command("docs")
@click.argument("page", type=click.Choice(["findings", "protocol"]))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write there instead of to stdout.")
@click.option("--check", type=click.Path(dir_okay=False, path_type=Path), help="Compare with this file; status 1 if it differs.")
def docs(page: str, output: Path | None, check: Path | None) -> int:
    """A page of documentation: findings or protocol."""
    from gpinspect.cli.talk import say
    from gpinspect.export import docs as pages

    text = pages.page(page)
    if check is not None:
        try:
            there = check.read_text(encoding="utf-8")
        except OSError as error:
            say(f"{check}: {error.strerror}")
            return Status.UNREADABLE
        if there != text:
            say(f"{check} is not up to date: gpinspect export docs {page} -o {check}")
            return Status.FINDINGS
        return Status.FINE
    if output is not None:
        output.write_text(text, encoding="utf-8")
    else:
        click.echo(text, nl=False)
    return Status.FINE
