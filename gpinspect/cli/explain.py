"""`gpinspect explain`."""

import click

from gpinspect.cli.status import Status


@click.command("explain", no_args_is_help=True)
@click.argument("words", nargs=-1, required=True, metavar="WORDS...")
def command(words: tuple[str, ...]) -> int:
    """A header, message letter, status text, SQL error text or finding code, in words."""
    from gpinspect.cli.talk import say
    from gpinspect.views.explain import explain, suggestions
    from gpinspect.views.text import printable

    text = explain(words)
    if text is not None:
        for line in text.splitlines():
            click.echo(printable(line))
        return Status.FINE
    near = list(suggestions(words))
    say(f"nothing known about {' '.join(words)!r}" + (f"; near it: {', '.join(near)}" if near else "; try a header or GPI code"))
    return Status.USAGE
