"""Standard input that carries a capture: the keys then come from the terminal itself."""

import os
import sys
from collections.abc import Sequence

from gpinspect.errors import SourceError

STDIN = "-"
TERMINAL = "/dev/tty"


def keys_from_terminal(inputs: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Make room for keys on descriptor 0 where an input stands there.

    Returns:
        The inputs with standard input under another name, and what to call that name.

    Raises:
        SourceError: There is no terminal for the keys, or standard input is the terminal.
    """
    if STDIN not in inputs:
        return list(inputs), {}
    if os.isatty(0):
        raise SourceError("standard input is a terminal; pipe a capture into it: tcpdump -w - | gpinspect tui -")
    try:
        terminal = os.open(TERMINAL, os.O_RDWR)
    except OSError as error:
        raise SourceError(
            f"{TERMINAL}: {error.strerror}; the capture comes from standard input, so keys need a terminal"
        ) from error
    capture = os.dup(0)
    os.dup2(terminal, 0)
    os.close(terminal)
    name = f"/dev/fd/{capture}"
    return [name if one == STDIN else one for one in inputs], {name: "standard input"}


def has_terminal() -> bool:
    """Whether keys can be read and something drawn."""
    return bool(sys.__stdin__ and os.isatty(0) and sys.__stderr__ and sys.__stderr__.isatty())
