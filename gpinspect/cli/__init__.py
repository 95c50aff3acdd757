"""The command line: one module a verb, loaded when it is asked for.

stdout is data, stderr is talk; what a run ends with is `gpinspect.cli.status.Status`.
"""

import gc
from collections.abc import Sequence

SELDOM = 100_000
"""New objects between two searches for garbage. Loading modules makes tens of thousands, and none of them is garbage."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `gpinspect` with these arguments (default: those of the process) and leave with its exit status."""
    gc.set_threshold(SELDOM)
    from gpinspect.cli.group import gpinspect

    gpinspect.main(None if arguments is None else list(arguments), prog_name="gpinspect")
