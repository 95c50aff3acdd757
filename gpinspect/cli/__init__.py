"""The command line: one module a verb, loaded when it is asked for.

stdout is data, stderr is talk; what a run ends with is `gpinspect.cli.status.Status`.
"""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `gpinspect` with these arguments (default: those of the process) and leave with its exit status."""
    from gpinspect.cli.group import gpinspect

    gpinspect.main(None if arguments is None else list(arguments), prog_name="gpinspect")
