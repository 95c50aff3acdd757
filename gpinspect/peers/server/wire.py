"""One connection as a stream of bytes, plain or in TLS: receive, send, half-close, reset.

TLS runs over memory, so that close_notify, FIN and the waits between them are ours to time.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from typing import Final, Protocol

_NO_LINGER: Final = struct.pack("ii", 1, 0)
_LINGER: Final = struct.pack("ii", 1, 10)
_PIECE: Final = 1 << 16
_CLOSED: Final = 7  # TCP_CLOSE of Linux


class Wire(Protocol):
    """What a connection can do. Everything raises `OSError` when the peer is gone."""

    sent: int

    async def receive(self) -> bytes:
        """What has come, at most 64 KiB; nothing at the end of the peer's stream."""
        ...

    async def send(self, data: bytes) -> None:
        """Send all, waiting while the peer does not take it."""
        ...

    async def finish(self) -> None:
        """End our stream; the peer's may go on."""
        ...

    def gone(self) -> bool:
        """Whether the peer reset the connection, as far as that is known without waiting."""
        ...

    def reset(self) -> None:
        """Close with a reset."""
        ...

    def close(self) -> None: ...


class PlainWire:
    """A connected, non-blocking socket."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()
        self.sent = 0
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)

    async def receive(self) -> bytes:
        return await self._loop.sock_recv(self._socket, _PIECE)

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)
        self.sent += len(data)

    async def finish(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def gone(self) -> bool:
        if not hasattr(socket, "TCP_INFO"):
            return False
        try:
            return self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _CLOSED
        except OSError:
            return True

    def reset(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.close()

    def close(self) -> None:
        self._socket.close()


class TlsWire:
    """TLS over a plain wire, as the server."""

    def __init__(self, plain: PlainWire, context: ssl.SSLContext) -> None:
        self._plain = plain
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self.sent = 0

    async def handshake(self) -> None:
        """Agree with the peer.

        Raises:
            OSError: It does not come about; the alert for the peer has been sent.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._more()
                continue
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self._flush()
                raise
            await self._flush()
            return

    async def receive(self) -> bytes:
        while True:
            try:
                data = self._tls.read(_PIECE)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._more()
                continue
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            await self._flush()
            return data

    async def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view) :]
        await self._flush()
        self.sent += len(data)

    async def finish(self) -> None:
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()  # says close_notify and does not wait for the peer's
        await self._flush()
        await self._plain.finish()

    async def discard(self) -> bytes:
        """Bytes that come behind our close_notify; nobody looks at them."""
        return await self._plain.receive()

    def gone(self) -> bool:
        return self._plain.gone()

    def reset(self) -> None:
        self._plain.reset()

    def close(self) -> None:
        self._plain.close()

    async def _more(self) -> None:
        data = await self._plain.receive()
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    async def _flush(self) -> None:
        data = self._out.read()
        if data:
            await self._plain.send(data)
