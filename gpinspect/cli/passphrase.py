"""Where the passphrase of a protected private key comes from: a file, or the person at the terminal."""

import sys
from pathlib import Path

import click

from gpinspect.cli.options import Options
from gpinspect.errors import TlsKeyError
from gpinspect.inspection.secrets import Passphrase


def passphrase(options: Options) -> Passphrase:
    """Asks at most once a key; without a file or terminal there is none."""

    def given(name: str) -> bytes | None:
        if options.passphrase_file is not None:
            try:
                lines = Path(options.passphrase_file).read_bytes().splitlines()
            except OSError as error:
                problem = f"{error.strerror}; wanted a file with a passphrase in its first line"
                raise TlsKeyError(f"{options.passphrase_file}: {problem}") from error
            return lines[0] if lines else b""
        if not sys.stdin.isatty():
            return None
        text: str = click.prompt(f"passphrase of {name}", hide_input=True, err=True, default="", show_default=False)
        return text.encode()

    return given
