"""`--filter EXPR`: read before a frame is, so that a mistake costs nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from gpinspect.cli.status import Status
from gpinspect.cli.talk import say

if TYPE_CHECKING:
    from gpinspect.inspection import Inspection
    from gpinspect.views.filter import Filter

Keep = Callable[[Any], bool]


def filter_option(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb `--filter`, as its parameter `expression`."""
    decorated: Callable[..., Any] = click.option(
        "--filter",
        "expression",
        metavar="EXPR",
        help="Only what fits, e.g. 'segment == 3 && payload_bytes > 1MB' (docs/filter.md).",
    )(verb)
    return decorated


def read_filter(expression: str | None, kind: str) -> "Filter | None":
    """The filter, None where none was given.

    Args:
        kind: The verb, whose objects it is about.

    Raises:
        click.exceptions.Exit: With the status of a wrong call, after the mistake was pointed at on stderr.
    """
    if expression is None:
        return None
    from gpinspect.views.filter import FilterError, make_filter, pointed

    try:
        return make_filter(expression, kind)
    except FilterError as mistake:
        say(f"--filter: {mistake.problem}; see docs/filter.md")
        for line in pointed(expression, mistake):
            click.echo(f"  {line}", err=True)
        raise click.exceptions.Exit(Status.USAGE) from mistake


def keeper(chosen: "Filter | None", found: "Inspection") -> Keep:
    """A function that says whether an item stays."""
    if chosen is None:
        return lambda item: True
    from gpinspect.views.filter import Around
    from gpinspect.views.objects import counts_by_session

    sessions = {session.id: session for session in found.sessions}
    return chosen(Around(sessions, counts_by_session(found.findings), found.first_ns, found.flows))
