"""The few exceptions: what the caller or the machine did wrong.

What the wire did wrong is never an exception; it is a `gpinspect.model.Finding` and decoding goes on.
Each message names the thing, the value seen, the value wanted, and the next step.
"""


class GpinspectError(Exception):
    """Base of all; `exit_status` is what the command line ends with."""

    exit_status = 3


class CaptureError(GpinspectError):
    """An input cannot be read as a capture.

    Args:
        path: The input as the user named it.
        problem: What was seen, what was wanted, what to do.
        offset: Byte of the (decompressed) input where it went wrong, if there is one.
    """

    def __init__(self, path: str, problem: str, offset: int | None = None) -> None:
        self.path = path
        self.problem = problem
        self.offset = offset
        where = path if offset is None else f"{path}, byte {offset:,}"
        super().__init__(f"{where}: {problem}")


class SourceError(GpinspectError):
    """A device, tool or right is missing."""

    exit_status = 5


class TlsKeyError(GpinspectError):
    """Key material cannot be read. The message never contains any of it."""

    exit_status = 5


class EncodeError(GpinspectError):
    """A value does not fit the field that should carry it."""

    exit_status = 2
