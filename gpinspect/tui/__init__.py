"""The terminal interface: a walk from the sessions of a capture down to the bytes of one package.

Textual is loaded by `run`, not before. The first picture is there before the capture is read.
"""

import gc
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


TURN = 0.001
"""Seconds after which the thread that reads lets the keys have their turn."""
COLLECTING = (2_000, 10, 100)
"""When garbage is looked for (`gc.set_threshold`): seldom, for keys wait meanwhile, and hardly anything here is any."""


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
    display_filter: str = "",
    utc: bool = False,
    color: bool = True,
    session: int | None = None,
) -> Left:
    """Open captures in the terminal until the person leaves.

    Args:
        keylogs, server_keys, passphrase: As `gpinspect.inspection.inspect`.
        via_tshark, display_filter: As `gpinspect.inspection.inspect`.
        utc: Times of day in universal time.
        color: Colours may be used (they are not where NO_COLOR is set).
        session: Id of a session to open at once.
        inputs: `-` is standard input; keys then come from the terminal itself.

    Raises:
        CaptureError: An input is no capture.
        TlsKeyError: Key material cannot be read.
        SourceError: There is no terminal; or the configuration is wrong.
        TuiDefectError: A defect of ours; a report of it was written.
    """
    from gpinspect.tui.terminal import has_terminal, keys_from_terminal

    inputs, names = keys_from_terminal(inputs)
    if not has_terminal():
        raise SourceError("standard input and standard error are no terminal, which this needs; `gpinspect report` works without")
    from gpinspect.inspection import open_inspection

    inspection = open_inspection(
        inputs,
        keylogs=keylogs,
        server_keys=server_keys,
        passphrase=passphrase,
        again=True,
        via_tshark=via_tshark,
        display_filter=display_filter,
    )
    from gpinspect.tui.app import InspectApp
    from gpinspect.tui.config import command_table, config_path, read_keys
    from gpinspect.tui.look import Look, terminal_is_unicode
    from gpinspect.tui.reading import FileReader
    from gpinspect.tui.screens import SCREENS

    path = config_path()
    table = command_table(SCREENS, read_keys(path), path)
    look = Look(unicode=terminal_is_unicode(), color=color and not os.environ.get("NO_COLOR"))
    reader = FileReader(inspection, names)
    sys.setswitchinterval(TURN)
    gc.freeze()  # what was loaded stays
    gc.set_threshold(*COLLECTING)
    app = InspectApp(reader, look=look, utc=utc, session=session, table=table)
    try:
        app.run()
    finally:
        app.reader.close()
    if app.defect is not None:
        from gpinspect.tui.crash import state_folder, written_report

        raise written_report(app.defect, state_folder()) from app.defect
    return Left(app.snapshot, app.error, app.interrupted)
