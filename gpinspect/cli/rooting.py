"""`--root DIR`: the files of the server, to compare with."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from gpinspect.cli.options import Options


def root_option(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb `--root`, as `root` of its options."""

    @functools.wraps(verb)
    def call(options: Options, *, root: str | None, **given: Any) -> Any:
        return verb(replace(options, root=root), **given)

    decorated: Callable[..., Any] = click.option(
        "--root",
        metavar="DIR",
        help="Compare with the files of the server below DIR (its -d): sizes, with --hash every byte. DIR is never left.",
    )(call)
    return decorated
