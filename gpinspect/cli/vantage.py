"""`--vantage`: where the recorder stood, told by hand."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from gpinspect.cli.options import Options


def vantage_option(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb `--vantage`, as `vantage` of its options."""

    @functools.wraps(verb)
    def call(options: Options, *, vantage: str | None, **given: Any) -> Any:
        return verb(replace(options, vantage=vantage.replace("-", "_") if vantage else None), **given)

    decorated: Callable[..., Any] = click.option(
        "--vantage",
        type=click.Choice(["near-server", "near-client"]),
        help="Where the recorder stood; else it is estimated from how soon each side answers.",
    )(call)
    return decorated
