"""Where requests get their session: files are opened beside the event loop, once for all who ask for the same.

Source: gpfdist.c, session_attach, session_detach, sessions_cleanup (6.24.3).
"""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Coroutine
from typing import IO, Any

from gpinspect.grammar.refusals import Refusal
from gpinspect.peers.server.places import Place, RefusedError
from gpinspect.peers.server.reading import RowStream
from gpinspect.peers.server.request import Request
from gpinspect.peers.server.sessions import Session, SessionTable, Told
from gpinspect.peers.server.settings import ServerSettings
from gpinspect.peers.server.sources import FileSource, Source
from gpinspect.peers.server.threads import quick, slow
from gpinspect.peers.server.transforms import ProgramSource, Transform, choose, list_file
from gpinspect.peers.server.works import ReadWork, Stop, WriteWork
from gpinspect.peers.server.writing import RowTarget, single

Work = ReadWork | WriteWork


class Desk:
    """The sessions of one server."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self.place = Place(settings.absolute, settings.shown_directory)
        self.table: SessionTable[Work] = SessionTable(settings.keep)
        self._opening: dict[str, asyncio.Task[Session[Work] | Refusal]] = {}
        self._later: set[asyncio.Task[Any]] = set()
        self._stop = Stop()  # of the whole server
        self.read_bytes = 0
        self.total_bytes = 0

    async def attach(self, request: Request) -> tuple[Session[Work], bool] | Refusal | Told:
        """Join or make the session of a request.

        Returns:
            The session and whether this request made it, a refusal, or EMPTY when the session is over.
        """
        parts = self._settings.files or request.path.parts
        key = self.table.key(request, " ".join(self.place.full(part).decode("latin-1") for part in parts))
        if isinstance(key, Refusal):
            return key
        while True:
            running = self._opening.get(key)
            if running is not None:
                await asyncio.wait([running])
                continue
            found = self.table.find(key, request)
            if isinstance(found, Session):
                self.table.join(found, request, time.monotonic())
                return found, False
            if found is not Told.NEW:
                return found
            task = asyncio.create_task(self._make(key, request))
            self._opening[key] = task
            task.add_done_callback(lambda _: self._opening.pop(key, None))
            made = await asyncio.shield(task)
            if isinstance(made, Refusal):
                return made
            self.table.join(made, request, time.monotonic())
            return made, True

    async def leave(self, session: Session[Work], *, broken: bool = False, poison: bool = False) -> Refusal | None:
        """Detach a request.

        Args:
            broken: Its connection went away in the middle; a read ends for all members then.
            poison: Later requests of the session get an error.

        Returns:
            Why the target of a write could not be closed properly.
        """
        work = session.work
        session.failed = session.failed or poison
        if isinstance(work, ReadWork):
            self.read_bytes += work.count()
            if broken or poison:
                work.end()
            session.ended = session.ended or work.over
        close = self.table.leave(session, time.monotonic())
        if isinstance(work, ReadWork):
            if session.members == 0 and not session.ended:  # nobody got a row: the next one may start anew
                work.end()
                self.table.drop(session)
            return None
        if poison:
            session.ended = True
            self._spawn(work.drop())
        elif close and self._settings.close_delay:
            self._spawn(self._close_later(session))
        elif close:
            return await self._close(session)
        return None

    def mark_ended(self, session: Session[Work], *, failed: bool = False) -> None:
        """A member met the end of the rows, or an error."""
        session.ended = True
        session.failed = session.failed or failed

    async def stop(self) -> None:
        """End every session."""
        self._stop.asked = True
        for session in self.table.all():
            if isinstance(session.work, ReadWork):
                session.work.end()
            else:
                await session.work.drop()
        for task in [*self._later, *self._opening.values()]:
            task.cancel()

    async def _close(self, session: Session[Work]) -> Refusal | None:
        assert isinstance(session.work, WriteWork)
        self.table.drop(session)
        try:
            await session.work.close()
        except RefusedError as problem:
            return Refusal(problem.status, problem.reason, "the target must take all rows")
        return None

    async def _close_later(self, session: Session[Work]) -> None:
        await asyncio.sleep(self._settings.close_delay)
        if self.table.idle(session) and not session.ended:
            session.ended = True
            await self._close(session)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _make(self, key: str, request: Request) -> Session[Work] | Refusal:
        for old in self.table.outdated(time.monotonic()):
            if isinstance(old.work, ReadWork):
                old.work.end()
            else:
                self._spawn(old.work.drop())
        try:
            work = await self._open(request)
        except RefusedError as problem:
            return Refusal(problem.status, problem.reason, "the files must be there and usable")
        if isinstance(work, ReadWork):
            self.total_bytes += work.size
        return self.table.add(key, request, work, time.monotonic())

    async def _open(self, request: Request) -> Work:
        parts = self._settings.files or request.path.parts
        transform = None
        if request.transform is not None:
            paths = " ".join(self.place.full(part).decode("latin-1") for part in parts)
            transform = choose(self._settings.transforms, request.transform, "input" if request.get else "output", paths)
        if request.get:
            return await quick(lambda: self._open_read(request, parts, transform))
        paths_found = await quick(lambda: self.place.expand_for_writing(parts))
        path = single(paths_found)
        waits = transform is not None or self.place.is_pipe(path)
        return await (slow if waits else quick)(lambda: self._open_write(request, path, transform, waits))

    def _open_read(self, request: Request, parts: tuple[str, ...], transform: Transform | None) -> ReadWork:
        stop = Stop(self._stop)
        stderr = _stderr(transform)
        lists: list[str] = []
        paths = self.place.expand(parts)
        named = [(path, self.place.shown(path)) for path in paths]
        opener: Callable[[bytes], Source] = lambda path: FileSource(self.place, path, stop)  # noqa: E731
        if transform is not None:
            for path in paths:
                os.close(self.place.open_read(path)[0])  # a program gets no name that leads elsewhere
            if transform.paths:
                lists.append(list_file(paths))
                listed = os.fsencode(lists[0])
                named = [(listed, listed)]
            shown = dict(named)
            opener = lambda path: ProgramSource(transform, path, shown[path], stderr, stop)  # noqa: E731
        stream = RowStream(
            named,
            opener,
            request.csv,
            request.delimiter,
            self._settings.block,
            None if transform is not None else self._probe,
        )
        return ReadWork(stream, stop, stderr, lambda: _clean(stderr, lists))

    def _probe(self, path: bytes) -> None:
        """Whether a later file of a session could be opened; a pipe is left alone, its writer would take notice."""
        if not self.place.is_pipe(path):
            FileSource(self.place, path, Stop()).close()

    def _open_write(self, request: Request, path: bytes, transform: Transform | None, waits: bool) -> WriteWork:
        stop = Stop(self._stop)
        stderr = _stderr(transform)
        if transform is not None:
            self.place.check_parent(path)
        target = RowTarget(
            self.place,
            path,
            self._settings.block,
            request.delimiter,
            stop,
            synchronous=self._settings.synchronous,
            transform=transform,
            stderr=stderr,
        )
        return WriteWork(target, stop, waits, lambda: _clean(stderr, []))


def _stderr(transform: Transform | None) -> IO[bytes] | None:
    return tempfile.TemporaryFile() if transform is not None and transform.stderr_to_client else None


def _clean(stderr: IO[bytes] | None, lists: list[str]) -> None:
    for name in lists:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108
