"""The `gpinspect` command: a group that imports a verb when it is called, and that turns every ending into an exit status."""

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import click

from gpinspect import __version__
from gpinspect.cli.status import Status
from gpinspect.errors import GpinspectError

VERBS: dict[str, str] = {
    "tui": "gpinspect.cli.tui",
    "report": "gpinspect.cli.report",
    "sessions": "gpinspect.cli.sessions",
    "flows": "gpinspect.cli.flows",
    "exchanges": "gpinspect.cli.exchanges",
    "packages": "gpinspect.cli.packages",
    "findings": "gpinspect.cli.findings",
    "tls": "gpinspect.cli.tls",
    "compare": "gpinspect.cli.compare",
    "payload": "gpinspect.cli.payload",
    "where": "gpinspect.cli.where",
    "cut": "gpinspect.cli.cut",
    "fetch": "gpinspect.cli.fetch",
    "send": "gpinspect.cli.send",
    "explain": "gpinspect.cli.explain",
    "why": "gpinspect.cli.why",
    "verify": "gpinspect.cli.verify",
    "export": "gpinspect.cli.export",
    "serve": "gpinspect.cli.serve",
    "doctor": "gpinspect.cli.doctor",
    "completion": "gpinspect.cli.completion",
}
"""Verb to the module that holds it as `command`; the order is that of the help."""

COMPLETE_VARIABLE = "_GPINSPECT_COMPLETE"
REPORT_AT = "please report it with the command you gave, and with GPINSPECT_DEBUG=1 for the details"


class Verbs(click.Group):
    """A group whose commands are modules; also the door where exceptions end."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = VERBS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = importlib.import_module(module).command
        return command

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        prog_name = prog_name or "gpinspect"
        _forgiving_streams()
        instruction = os.environ.get(COMPLETE_VARIABLE)
        if instruction:
            from click.shell_completion import shell_complete

            sys.exit(shell_complete(self, {}, prog_name, COMPLETE_VARIABLE, instruction))
        arguments = list(sys.argv[1:] if args is None else args)
        sys.exit(int(ended(lambda: self._run(arguments, prog_name))))

    def _run(self, arguments: list[str], prog_name: str) -> int:
        try:
            with self.make_context(prog_name, arguments) as context:
                status = self.invoke(context)
        except click.exceptions.Exit as leaving:
            status = leaving.exit_code
        sys.stdout.flush()
        return int(status or 0)


def ended(run: Callable[[], int]) -> int:
    """Run, and give the exit status for however it ends. Nothing but a defect of ours is worth a traceback, and only on demand."""
    try:
        return run()
    except BrokenPipeError:
        _drop_stdout()
        return Status.FINE
    except (KeyboardInterrupt, EOFError, click.Abort):
        _drop_stdout()
        return Status.INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as problem:
        problem.show()
        return Status.USAGE
    except click.ClickException as problem:
        return _usage(problem)
    except GpinspectError as problem:
        return _end(str(problem), problem.exit_status, problem)
    except OSError as problem:
        where = f"{problem.filename}: " if isinstance(problem.filename, str) else ""
        return _end(f"{where}{problem.strerror or problem}", Status.MISSING, problem)
    except Exception as problem:
        kind = type(problem).__name__
        return _end(f"defect in gpinspect {__version__}: {kind}: {problem}; {REPORT_AT}", Status.DEFECT, problem)


def _usage(problem: click.ClickException) -> int:
    """click's own words for a wrong call, without what a terminal could take for a command."""
    from gpinspect.views.text import printable

    context = problem.ctx if isinstance(problem, click.UsageError) else None
    if context is not None:
        click.echo(context.get_usage(), err=True)
    hint = f"; see `{context.command_path} --help`" if context is not None else ""
    message = printable(problem.format_message()).rstrip(".")
    click.echo(f"gpinspect: {message}{hint}", err=True)
    return Status.USAGE


def _end(message: str, status: int, problem: BaseException) -> int:
    from gpinspect.views.text import printable

    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    if os.environ.get("GPINSPECT_DEBUG") == "1":
        traceback.print_exception(problem, file=sys.stderr)
    click.echo(f"gpinspect: {printable(message)}", err=True)
    return status


def _forgiving_streams() -> None:
    """A locale that lacks a character gets an escape for it, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _drop_stdout() -> None:
    """Nobody reads any more: what is still buffered goes nowhere, also at the end of the process."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@click.group(
    "gpinspect",
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 fine, 1 findings at or above --fail-on, 2 usage, 3 input unreadable, 4 neither gpfdist nor TLS in it, "
    "5 a right, tool or key is missing, 130 interrupted.",
)
@click.version_option(__version__, message="gpinspect %(version)s")
def gpinspect() -> None:
    """Inspect captures of gpfdist, the file server of Greenplum and Cloudberry.

    INPUT is a capture file (pcap, pcapng, also compressed), a directory, a glob or - for standard input; several are read as
    one, merged by time.
    """
