"""What can not be read twice, kept in a temporary file that has no name and is gone with the process."""

import os
import tempfile

from gpinspect.capture.raw import Raw
from gpinspect.errors import SourceError


class Spooling:
    """Gives the bytes of a source and writes down a copy of them.

    Args:
        raw: The source, decompressed; closed by `close`. The copy stays readable until `drop`.
    """

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        try:
            self._file = tempfile.TemporaryFile(prefix="gpinspect-", buffering=0)  # noqa: SIM115 - lives as long as the capture
        except OSError as error:
            raise _no_room(error) from error

    @property
    def consumed(self) -> int:
        return self._raw.consumed

    @property
    def fd(self) -> int:
        """Descriptor of the copy, for reading at positions."""
        return self._file.fileno()

    def readinto(self, view: memoryview, /) -> int:
        count = self._raw.readinto(view)
        done = 0
        try:
            while done < count:
                done += os.write(self._file.fileno(), view[done:count])
        except OSError as error:
            raise _no_room(error) from error
        return count

    def close(self) -> None:
        self._raw.close()

    def drop(self) -> None:
        self._file.close()


def _no_room(error: OSError) -> SourceError:
    return SourceError(
        f"{tempfile.gettempdir()}: what was read can not be kept there to be read again: {error.strerror}. "
        "Make room, or name another directory in TMPDIR"
    )
