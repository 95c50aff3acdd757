"""What there is to say about one input once it has been read: cut, damaged, frames dropped by the recorder, secrets found."""

import re

from gpinspect.errors import CaptureError
from gpinspect.model import Notice

POSITION_BITS = 48
"""A capture position is the number of the input (from 0) above this many bits of place in its (decompressed) bytes."""

POSITION_MASK = (1 << POSITION_BITS) - 1

KEY_LOG_LINE = re.compile(rb"^[A-Z_0-9]+ ", re.MULTILINE)

MOST_SECRETS = 1 << 26
"""Bytes of TLS secrets that are kept of one input."""


class Journal:
    """Gathers what a reader meets. A cut or damage ends the reading of its input, so there is at most one.

    Args:
        source: The input as the user named it.
        secrets: Where the content of TLS key log blocks is put.
    """

    def __init__(self, source: str, secrets: list[bytes] | None = None) -> None:
        self.source = source
        self.frames = False  # at least one was handed out
        self.dropped = 0  # frames that the recorder lost, as it says itself
        self.damaged: tuple[int, str] | None = None
        self._secrets = secrets if secrets is not None else []
        self._secret_count = 0
        self._secret_bytes = 0
        self._notices: list[Notice] = []

    def cut(self, position: int) -> None:
        """The input ends inside a record that starts at this capture position."""
        self._notices.append(Notice("GPI001", self.source, {"position": position & POSITION_MASK}))

    def damage(self, position: int, problem: str) -> None:
        """What stands at this capture position can not be."""
        self.damaged = (position & POSITION_MASK, problem)
        self._say_damaged(position, problem)

    def keep_secret(self, position: int, secret: bytes) -> None:
        """Keep the content of a TLS key log block; it never appears in a notice."""
        if self._secret_bytes > MOST_SECRETS:
            return
        self._secret_bytes += len(secret) + 64
        if self._secret_bytes > MOST_SECRETS:
            self._say_damaged(position, f"more than {MOST_SECRETS:,} bytes of TLS secrets; this and later ones are left out")
            return
        self._secret_count += max(1, len(KEY_LOG_LINE.findall(secret)))
        self._secrets.append(secret)

    def finish(self) -> list[Notice]:
        """Everything that is to be said, once, after the last frame.

        Raises:
            CaptureError: It was damaged before even one frame was read.
        """
        if self.damaged and not self.frames:
            position, problem = self.damaged
            raise CaptureError(self.source, f"damaged in front of its first frame: {problem}. Record or copy it again", position)
        notices, self._notices = self._notices, []
        if self.dropped:
            notices.append(Notice("GPI004", self.source, {"count": self.dropped}))
        if self._secret_count:
            notices.append(Notice("GPI006", self.source, {"count": self._secret_count}))
        return notices

    def _say_damaged(self, position: int, problem: str) -> None:
        values: dict[str, str | int] = {"position": position & POSITION_MASK, "problem": problem}
        self._notices.append(Notice("GPI002", self.source, values))
