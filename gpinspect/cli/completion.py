"""`gpinspect completion`."""

import click

from gpinspect.cli.group import COMPLETE_VARIABLE

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
@click.pass_context
def command(context: click.Context, shell: str) -> int:
    """Print what makes a shell (bash, zsh, fish) complete our verbs and options.

    bash: eval "$(gpinspect completion bash)" in ~/.bashrc.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None  # click knows all three
    click.echo(kind(context.find_root().command, {}, "gpinspect", COMPLETE_VARIABLE).source())
    return 0
