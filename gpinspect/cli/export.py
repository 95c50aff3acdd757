"""`gpinspect export`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gpinspect.cli.status import Status


@click.group("export")
def command() -> None:
    """Artefacts made from the grammar; --check PATH says whether PATH is up to date."""


def delivered(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give an export its two options, `-o FILE` and `--check PATH`."""
    path = click.Path(dir_okay=False, path_type=Path)
    verb = click.option("--check", type=path, help="Compare with this file; status 1 if it differs.")(verb)
    return click.option("-o", "--output", type=path, help="Write there instead of to stdout.")(verb)


def deliver(text: str, name: str, output: Path | None, check: Path | None) -> int:
    """Print the artefact, write it, or compare it with a file.

    Args:
        name: Its words behind `gpinspect export`.

    Raises:
        SourceError: It cannot be written.
    """
    from gpinspect.cli.talk import say
    from gpinspect.errors import SourceError

    if check is not None:
        try:
            there = check.read_bytes()
        except OSError as error:
            say(f"{check}: {error.strerror}")
            return Status.UNREADABLE
        if there != text.encode("utf-8"):
            say(f"{check} is not up to date: gpinspect export {name} -o {check}")
            return Status.FINDINGS
        return Status.FINE
    if output is None:
        click.echo(text, nl=False)
        return Status.FINE
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{output}: {error.strerror}; -o wants a place with room that may be written to") from error
    return Status.FINE


@command.command("docs")
@click.argument("page", type=click.Choice(["findings", "protocol"]))
@delivered
def docs(page: str, output: Path | None, check: Path | None) -> int:
    """A page of documentation: findings or protocol."""
    from gpinspect.export import docs as pages

    return deliver(pages.page(page), f"docs {page}", output, check)


@command.command("scapy")
@delivered
def scapy(output: Path | None, check: Path | None) -> int:
    """The scapy layer: one Python file that needs scapy alone."""
    from gpinspect.export.scapy import generate

    return deliver(generate.layer(), "scapy", output, check)


@command.command("spicy")
@click.argument("part", type=click.Choice(["grammar", "evt"]), default="grammar")
@delivered
def spicy(part: str, output: Path | None, check: Path | None) -> int:
    """The Spicy grammar for Zeek, or the .evt file that ties it to events."""
    from gpinspect.export.spicy import generate

    return deliver(generate.part(part), f"spicy {part}", output, check)


@command.command("lua")
@delivered
def lua(output: Path | None, check: Path | None) -> int:
    """The Wireshark dissector: one Lua file that needs Wireshark alone."""
    from gpinspect.export.lua import dissector

    return deliver(dissector(), "lua", output, check)
