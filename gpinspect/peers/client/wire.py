"""Sockets of a client: one connection that reads, writes, and ends as a segment ends it. The only place with a socket."""

import asyncio
import contextlib
import os
import re
import socket
import ssl
from typing import Final

from gpinspect.peers.client.place import Place
from gpinspect.peers.tls import ClientTls

BUFFER: Final = 1 << 18
"""Bytes taken from the socket at a time."""

FAREWELL: Final = 1.0
"""Seconds that a finished reader waits for the server's FIN, so that both sides close in order."""

FAREWELL_BYTES: Final = 1 << 16
"""Bytes that may come meanwhile (the five of a late answer); more is left unread."""

_ERRNO = re.compile(r"\[Errno (\d+)\]")


class WireError(Exception):
    """The connection could not be made, or broke; `errno` is 0 where the machine gave none. Does not leave this room."""

    def __init__(self, errno: int, words: str) -> None:
        super().__init__(words)
        self.errno = errno
        self.words = words


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @property
    def raw(self) -> socket.socket:
        """The socket beneath, for faults that need it."""
        found: socket.socket = self.writer.get_extra_info("socket")
        return found

    async def send(self, *parts: bytes) -> None:
        """Send parts one after the other.

        Raises:
            WireError: The connection broke.
        """
        try:
            for part in parts:
                self.writer.write(part)
            await self.writer.drain()
        except (OSError, ssl.SSLError) as problem:
            raise _error(problem) from problem

    async def receive(self) -> bytes:
        """Some bytes; none when the server closed its side.

        Raises:
            WireError: The connection broke.
        """
        try:
            return await self.reader.read(BUFFER)
        except (OSError, ssl.SSLError) as problem:
            raise _error(problem) from problem

    async def finish(self) -> None:
        """Wait a moment for the server's FIN, then close."""
        with contextlib.suppress(TimeoutError, WireError):
            async with asyncio.timeout(FAREWELL):
                left = FAREWELL_BYTES
                while left > 0 and (data := await self.receive()):
                    left -= len(data)
        await self.close()

    async def close(self) -> None:
        """FIN; with unread bytes the machine makes it a RST, as with a segment that has enough."""
        self.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(FAREWELL):
                await self.writer.wait_closed()

    def abort(self) -> None:
        """Leave at once, what is unread stays unread: RST where there is any."""
        self.writer.transport.abort()

    def reset(self) -> None:
        """Leave with RST, whatever is unread."""
        with contextlib.suppress(OSError):
            self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.abort()


async def resolve(place: Place) -> str:
    """The address of a host, as the segment puts it into `Host:`.

    Raises:
        WireError: The name has none.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise WireError(0, f"Could not resolve host: {place.host}") from problem
    return str(found[0][4][0])


async def connect(place: Place, address: str, tls: ClientTls | None, context: ssl.SSLContext | None) -> Wire:
    """Open a connection.

    Args:
        tls: Of libpq's modes `allow` and `prefer` it says when to go without; else only `context` counts.

    Raises:
        WireError: It could not be made.
    """
    if context is None:
        return await _open(place, address, None)
    assert tls is not None
    first, then = (None, context) if tls.plain_first else (context, None)
    try:
        return await _open(place, address, first)
    except WireError:
        if not (tls.plain_first or tls.plain_after):
            raise
        return await _open(place, address, then)


async def _open(place: Place, address: str, context: ssl.SSLContext | None) -> Wire:
    try:
        if context is None:
            reader, writer = await asyncio.open_connection(address, place.port, limit=BUFFER)
        else:
            reader, writer = await asyncio.open_connection(
                address, place.port, limit=BUFFER, ssl=context, server_hostname=place.host, ssl_shutdown_timeout=FAREWELL
            )
    except (OSError, ssl.SSLError, EOFError) as problem:
        raise _error(problem) from problem
    return Wire(reader, writer)


def _error(problem: Exception) -> WireError:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return WireError(0, f"SSL certificate problem: {problem.verify_message}")
    if isinstance(problem, ssl.SSLError):
        return WireError(0, f"SSL: {problem.reason or problem}")
    errno = getattr(problem, "errno", None)
    if errno is None:  # asyncio puts several attempts into one text
        found = _ERRNO.search(str(problem))
        errno = int(found[1]) if found else 0
    if isinstance(problem, ConnectionError) and not errno:
        errno = 104
    return WireError(errno, os.strerror(errno) if errno else str(problem) or type(problem).__name__)
