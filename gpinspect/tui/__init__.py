"""The terminal interface: a walk from the sessions of a capture down to the bytes of one package.

Textual is loaded by `run`, not before. The first picture is there before the capture is read.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpinspect.errors import GpinspectError, SourceError

if TYPE_CHECKING:
    from gpinspect.inspection.secrets import Passphrase
    from gpinspect.tui.reading import Snapshot

__all__ = ["Left", "run"]


@dataclass(frozen=True, slots=True)
class Left:
    """How a person left.

    Attributes:
        found: What had been read (`gpinspect.views.inspected.Inspected`); `found.complete`: to the end.
        error: Why reading stopped early.
        interrupted: They left with ^C.
    """

    found: "Snapshot"
    error: GpinspectError | None
    interrupted: bool


def run(
    inputs: Sequence[str],
    *,
    keylogs: Sequence[str] = (),
    server_keys: Sequence[str] = (),
    passphrase: "Passphrase | None" = None,
    via_tshark: bool = False,
    utc: bool = False,
    color: bool = True,
    session: int | None = None,
) -> Left:
    """Open captures in the terminal until the person leaves.

    Args:
        keylogs, server_keys, passphrase: As `gpinspect.inspection.inspect`.
        via_tshark: Let tshark convert formats that are not read here.
        utc: Times of day in universal time.
        color: Colours may be used (they are not where NO_COLOR is set).
        session: Id of a session to open at once.

    Raises:
        CaptureError: An input is no capture.
        TlsKeyError: Key material cannot be read.
        SourceError: There is no terminal, or standard input is one of the inputs.
    """
    if "-" in inputs:
        raise SourceError("standard input is wanted for keys; save the capture to a file, or use a named pipe")
    if not (sys.__stdin__ and sys.__stdin__.isatty() and sys.__stderr__ and sys.__stderr__.isatty()):
        raise SourceError("standard input and standard error are no terminal, which this needs; `gpinspect report` works without")
    from gpinspect.inspection import open_inspection

    inspection = open_inspection(
        inputs, keylogs=keylogs, server_keys=server_keys, passphrase=passphrase, again=True, via_tshark=via_tshark
    )
    from gpinspect.tui.app import InspectApp
    from gpinspect.tui.look import Look, terminal_is_unicode
    from gpinspect.tui.reading import FileReader

    look = Look(unicode=terminal_is_unicode(), color=color and not os.environ.get("NO_COLOR"))
    reader = FileReader(inspection)
    app = InspectApp(reader, look=look, utc=utc, session=session)
    try:
        app.run()
    finally:
        reader.close()
    problem = app._exception
    if problem is not None:
        raise problem
    return Left(app.snapshot, app.error, app.interrupted)
