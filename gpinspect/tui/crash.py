"""A report of a defect of ours: where it happened and with which versions. No payload, no keys, no names from the wire."""

import os
import platform
import time
import traceback
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from gpinspect import __version__


class TuiDefectError(RuntimeError):
    """The interface ended because of a defect; the message says where the report lies."""


def state_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where reports go ($XDG_STATE_HOME); None without a home."""
    base = environment.get("XDG_STATE_HOME") or ""
    if not base.startswith("/"):
        home = environment.get("HOME") or ""
        if not home.startswith("/"):
            return None
        base = f"{home}/.local/state"
    return Path(base) / "gpinspect"


def report_text(defect: BaseException) -> str:
    """Kind and place of a defect. Its message and the values of variables are left out: they may be somebody's data."""
    lines = [
        f"gpinspect {__version__}, textual {version('textual')}, Python {platform.python_version()}, {platform.system()}",
        f"terminal {os.environ.get('TERM', '-')}, locale {os.environ.get('LC_ALL') or os.environ.get('LANG') or '-'}",
        "",
    ]
    cause: BaseException | None = defect
    for _ in range(5):
        if cause is None:
            break
        lines.append(f"{type(cause).__module__}.{type(cause).__name__}")
        lines += [line.rstrip() for line in traceback.StackSummary.extract(traceback.walk_tb(cause.__traceback__)).format()]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(lines) + "\n"


def written_report(defect: BaseException, folder: Path | None) -> TuiDefectError:
    """Write the report; gives the error that tells where it lies."""
    kind = type(defect).__name__
    last = traceback.extract_tb(defect.__traceback__)[-1:]
    where = f"{kind} in {Path(last[0].filename).name} line {last[0].lineno}" if last else kind
    if folder is None:
        return TuiDefectError(f"{where}; no report was written: HOME is not set")
    path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(report_text(defect))
    except OSError as error:
        return TuiDefectError(f"{where}; no report was written to {folder}: {error.strerror}")
    return TuiDefectError(f"{where}; a report without any captured data lies in {path}")
