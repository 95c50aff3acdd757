"""Runs commands and says what they used: CPU of the process as the kernel counted it, peak memory, what was printed."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")
BOUND_S = 100


@dataclass(frozen=True)
class Run:
    """One process from start to end."""

    cpu_s: float  # user and system
    peak_mib: float  # not below the launcher's own, about 9 MiB
    status: int  # negative: ended by that signal
    finished: bool  # False: stopped at the bound
    stdout: str
    stderr: str


def run(command: Sequence[str], bound_s: int = BOUND_S) -> Run:
    """Run one command under a parent of its own.

    Raises:
        RuntimeError: The parent itself failed.
    """
    with tempfile.TemporaryDirectory(prefix="gpinspect-bench-") as folder:
        out, error = Path(folder, "out"), Path(folder, "err")
        parent = [sys.executable, "-I", "-S", str(LAUNCHER), str(bound_s), str(out), str(error), *command]
        told = subprocess.run(parent, capture_output=True, text=True, check=False)
        if told.returncode:
            raise RuntimeError(f"the measuring parent ended with {told.returncode}: {told.stderr.strip()}")
        user, system, peak, status, late = told.stdout.split()
        return Run(
            float(user) + float(system),
            int(peak) / 1024,
            int(status),
            late == "0",
            out.read_text(errors="replace"),
            error.read_text(errors="replace"),
        )


def warm(path: Path) -> None:
    """Bring a file into the page cache."""
    buffer = bytearray(1 << 22)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def rotations(count: int, rounds: int) -> list[list[int]]:
    """Orders for each round: A B C, B C A, C A B, ... so that nobody always follows the same neighbour's start."""
    return [[(start + step) % count for step in range(count)] for start in range(rounds)]
