"""Captures of formats that only tshark reads, turned into pcapng by it and read from its pipe.

tshark is used as a converter, and to choose frames with a display filter; nothing that it makes of them is taken over. pyshark
knows where to find it, also on other systems.
"""

import configparser
import contextlib
import os
import shutil
import subprocess
import tempfile

from gpinspect.capture.raw import BrokenInputError, Descriptor
from gpinspect.errors import SourceError

OLDEST = "2.0"
LONGEST_WORD = 500
"""Characters of tshark's complaint that are passed on."""


def tshark_path() -> str:
    """Find tshark.

    Raises:
        SourceError: It is not installed, or older than `OLDEST`.
    """
    try:
        from pyshark.tshark import tshark
    except ImportError as error:
        raise SourceError("pyshark, which finds tshark, is not installed; install it with: pip install pyshark") from error
    try:
        # without a path pyshark obeys a config.ini in the current directory, which may be anybody's
        path = str(tshark.get_process_path(shutil.which("tshark")))
    except tshark.TSharkNotFoundException as error:
        raise SourceError(
            "tshark is not installed, wanted for --via tshark and --display-filter; "
            "install it (Debian, Ubuntu: apt install tshark; Red Hat: dnf install wireshark-cli; macOS: brew install wireshark)"
        ) from error
    except configparser.Error as error:
        raise SourceError(f"the config.ini that pyshark reads is damaged: {error}") from error
    try:
        version = tshark.get_tshark_version(path)
    except (tshark.TSharkVersionException, OSError, subprocess.SubprocessError) as error:
        raise SourceError(f"{path} does not tell its version; see whether it runs: {path} --version") from error
    if str(version) and not version >= type(version)(OLDEST):
        raise SourceError(f"{path} is version {version}, wanted {OLDEST} or later; install a newer one")
    return path


class Converted:
    """The pcapng that tshark makes of a file, as a raw source.

    `readinto` raises `BrokenInputError` with tshark's own words where it gave up, after what it had written.

    Args:
        display_filter: Only the frames that Wireshark would show with it; empty: all.
    """

    def __init__(self, path: str, tool: str, display_filter: str = "") -> None:
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close
        command = [tool, "-n", "-r", os.path.abspath(path), "-w", "-", "-F", "pcapng"]  # noqa: PTH100 - a name may start with "-"
        if display_filter:
            command += ["-Y", display_filter]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._words)
        except OSError as error:
            self._words.close()
            raise SourceError(f"{tool} can not be started: {error.strerror}") from error
        assert self._process.stdout is not None
        self._pipe = Descriptor(self._process.stdout.fileno(), owned=False)

    @property
    def consumed(self) -> int:
        return self._pipe.consumed

    def readinto(self, view: memoryview, /) -> int:
        count = self._pipe.readinto(view)
        if not count and self._process.wait():
            raise BrokenInputError(f"tshark: {self._complaint()}")
        return count

    def close(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        self._words.close()

    def _complaint(self) -> str:
        """The last line that tshark wrote in its own name, which is taken off; else its last one."""
        self._words.seek(0)
        lines = self._words.read().decode("utf-8", "replace").strip().splitlines()
        lines = [line for line in lines if line.startswith("tshark: ")] or lines  # it also draws where a filter is wrong
        words = lines[-1].removeprefix("tshark: ") if lines else f"ended with status {self._process.returncode}"
        return "".join(letter if letter.isprintable() else "?" for letter in words)[:LONGEST_WORD]
