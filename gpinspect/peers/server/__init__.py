"""A gpfdist to point segments at: `ReferenceServer`, for tests and as `gpinspect serve`.

    async with ReferenceServer(directory="data", port=0) as server:
        ...  # server.url("a.csv")

Requests, rows, sessions and files are modules of their own, without sockets; this one listens.
"""

import asyncio
import contextlib
import errno
import logging
import os
import socket
import ssl
from types import TracebackType
from typing import Any, Final, Self

from gpinspect.errors import SourceError
from gpinspect.model import Address
from gpinspect.peers.server.answering import Answering
from gpinspect.peers.server.desk import Desk
from gpinspect.peers.server.settings import ServerSettings
from gpinspect.peers.server.sources import StoppedError
from gpinspect.peers.server.wire import PlainWire, TlsWire, Wire

__all__ = ["ReferenceServer", "ServerSettings"]

_LOG = logging.getLogger(__name__)
_CROWDED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_NO_FAMILY: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
_HIGHEST: Final = 65535


class ReferenceServer:
    """A gpfdist. An asynchronous context: it listens inside, and is gone behind.

    Args:
        settings: What it is told; or the fields of `ServerSettings` as keywords.

    Raises:
        SourceError: On entering: no port is free, or the directory is not there.
        TlsKeyError: On entering: a certificate or key cannot be used.
    """

    def __init__(self, settings: ServerSettings | None = None, **fields: Any) -> None:
        self.settings = settings or ServerSettings(**fields)
        self.addresses: tuple[Address, ...] = ()
        self._context: ssl.SSLContext | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: list[socket.socket] = []

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.addresses[0].port

    @property
    def connections(self) -> int:
        """Connections that are not over."""
        return len(self._tasks) - len(self._sockets)

    def url(self, path: str) -> str:
        """LOCATION of a path on this server."""
        return f"{'gpfdist' if self._context is None else 'gpfdists'}://{self.addresses[0]}/{path.lstrip('/')}"

    async def __aenter__(self) -> Self:
        settings = self.settings
        folder = settings.absolute
        if folder == "/" or not os.path.isdir(folder):  # noqa: PTH112
            raise SourceError(
                f"{settings.directory}: {'may not be /' if folder == '/' else 'is no directory'}; name the folder to serve"
            )
        self._context = None if settings.tls is None else settings.tls.context()
        self._desk = Desk(settings)
        self._sockets = self._listen()
        self.addresses = tuple(Address(*found.getsockname()[:2]) for found in self._sockets)
        for listening in self._sockets:
            self._spawn(self._accept(listening))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listening in self._sockets:
            listening.close()
        self._sockets = []
        await self._desk.stop()

    async def serve_forever(self) -> None:
        """Until cancelled."""
        await asyncio.Event().wait()

    def _listen(self) -> list[socket.socket]:
        """Sockets on the first port of the range that every address has free."""
        settings = self.settings
        last = max(settings.last_port or settings.port, settings.port)
        problem: OSError | None = None
        tries = range(settings.port, last + 1) if settings.port else [0] * 16
        for port in tries:
            try:
                return self._bind(port)
            except OSError as met:
                problem = met
                if met.errno != errno.EADDRINUSE:
                    break
        assert problem is not None
        where = f"{', '.join(settings.hosts)} port {settings.port}" + (f" to {last}" if last > settings.port else "")
        raise SourceError(f"{where}: {problem.strerror or problem}; choose another port with -p, or a range with -p and -P")

    def _bind(self, port: int) -> list[socket.socket]:
        made: list[socket.socket] = []
        try:
            for host in self.settings.hosts:
                try:
                    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
                except socket.gaierror as problem:
                    raise SourceError(f"{host}: {problem.strerror}; wanted an address of this machine") from problem
                for family, kind, proto, _, address in found:
                    if port == 0 and made:
                        address = (address[0], made[0].getsockname()[1], *address[2:])
                    try:
                        made.append(self._one(family, kind, proto, address))
                    except OSError as problem:
                        if problem.errno not in _NO_FAMILY or not made:
                            raise
        except BaseException:
            for each in made:
                each.close()
            raise
        return made

    def _one(self, family: int, kind: int, proto: int, address: Any) -> socket.socket:
        listening = socket.socket(family, kind, proto)
        try:
            listening.setblocking(False)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(address)
            listening.listen(self.settings.backlog)
        except BaseException:
            listening.close()
            raise
        return listening

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            _LOG.error("a connection ended in a defect: %s: %s", type(problem).__name__, problem, exc_info=problem)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connected, address = await loop.sock_accept(listening)
            except OSError as problem:
                if problem.errno in _CROWDED:
                    await asyncio.sleep(0.05)
                continue
            self._spawn(self._connection(connected, str(Address(*address[:2]))))

    async def _connection(self, connected: socket.socket, peer: str) -> None:
        try:
            plain = PlainWire(connected)
            wire: Wire = plain
            if self.settings.hooks is not None:
                act = await self.settings.hooks.before_accept(peer)
                if act.data:
                    await plain.send(act.data)
                if act.then != "go":
                    plain.reset() if act.then == "rst" else plain.close()
                    return
            if self._context is not None:
                wire = secured = TlsWire(plain, self._context)
                # who stays silent harms nobody else, and is sent away as late as one without TLS
                await asyncio.wait_for(secured.handshake(), self.settings.head_timeout or None)
            await Answering(wire, self._desk, self.settings, peer, _info).run()
        except (OSError, TimeoutError, StoppedError) as problem:
            _LOG.info("%s: connection failed: %s", peer, problem)
        finally:
            with contextlib.suppress(OSError):
                connected.close()


def _info(line: str) -> None:
    _LOG.info("%s", line)
