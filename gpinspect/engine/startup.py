"""The start-up message of a PostgreSQL or openGauss client: who wants what of the server. Not for everybody's eyes.

What comes behind it (a password first of all) is never kept.
"""

from dataclasses import dataclass, field

from gpinspect.engine.tls.preface import GSS_REQUEST, SSL_REQUEST

LONGEST = 10_000
"""Bytes that a server takes as a start-up message (PostgreSQL, MAX_STARTUP_PACKET_LENGTH)."""

_REQUESTS = (SSL_REQUEST, GSS_REQUEST)


@dataclass(frozen=True, slots=True)
class Startup:
    """Names and values as they were sent; `repr` shows none of them."""

    parameters: tuple[tuple[str, str], ...] = field(repr=False)


class StartupWatch:
    """Takes what a client says, from its first byte, and keeps its start-up message."""

    __slots__ = ("_held", "_over")

    def __init__(self) -> None:
        self._held = bytearray()
        self._over = False

    def feed(self, data: bytes | memoryview) -> None:
        """The next bytes of the client; not looked at once it is clear what stands at the beginning."""
        if self._over:
            return
        self._held += data[: LONGEST + 32 - len(self._held)]
        while bytes(self._held[:8]) in _REQUESTS:
            del self._held[:8]
        if len(self._held) < 4 or any(request.startswith(self._held) for request in _REQUESTS):
            return
        length = int.from_bytes(self._held[:4], "big")
        if not 9 <= length <= LONGEST or not b"\0\3".startswith(self._held[4:6]):
            self.stop()
        elif len(self._held) >= length:
            del self._held[length:]
            self._over = True

    def stop(self) -> None:
        """Bytes are missing, or it is something else."""
        self._held.clear()
        self._over = True

    def startup(self) -> Startup | None:
        """None where there was no whole start-up message."""
        if not (self._over and self._held):
            return None
        from gpinspect.grammar.postgres import parse_startup

        parsed = parse_startup(bytes(self._held))
        return None if parsed is None else Startup(parsed.parameters)
