"""What sessions do: hand out blocks of rows, or take bodies. The asynchronous side of `reading` and `writing`."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import IO, Any

from gpinspect.peers.server.places import RefusedError
from gpinspect.peers.server.reading import BATCH, Block, Failed, RowStream
from gpinspect.peers.server.sources import StoppedError
from gpinspect.peers.server.threads import quick, slow
from gpinspect.peers.server.writing import RowTarget


class Stop:
    """Tells threads that wait for a pipe to give up."""

    __slots__ = ("_also", "asked")

    def __init__(self, also: "Stop | None" = None) -> None:
        self._also = also
        self.asked = False

    def __call__(self) -> bool:
        return self.asked or (self._also is not None and self._also())


class ReadWork:
    """Blocks for the members of a read session; each goes to one of them.

    Args:
        stderr: What a transform wrote to its standard error; for the member that opened the session.
        clean: Called once when no more is read.
    """

    def __init__(self, stream: RowStream, stop: Stop, stderr: IO[bytes] | None, clean: Callable[[], None]) -> None:
        self._stream = stream
        self._stop = stop
        self.stderr = stderr
        self._clean = clean
        self._ready: deque[Block | Failed | None] = deque()
        self._fetching: asyncio.Task[None] | None = None
        self._counted = 0
        self._last = False  # nothing comes behind what is ready
        self.over = False
        self.given = False  # a block went to a member

    @property
    def size(self) -> int:
        """Bytes of the files on disk, as far as they were opened."""
        return self._stream.size

    @property
    def ready(self) -> bool:
        """Whether a block can be had without waiting."""
        return bool(self._ready)

    def count(self) -> int:
        """Bytes read since the last call."""
        read = self._stream.read_bytes
        fresh, self._counted = read - self._counted, read
        return fresh

    async def next(self) -> Block | Failed | None:
        """The next block; a failure for the one member that meets it; None at the end."""
        while not self.over:
            if self._ready:
                item = self._ready.popleft()
                if not isinstance(item, Block):
                    self.end()
                elif self._stream.ahead and not self._last and len(self._ready) * len(item.rows) < BATCH // 2:
                    self._start()  # members that all wait for one read would wake together and find too little
                return item
            await asyncio.shield(self._start())
        return None

    def give_back(self, block: Block) -> None:
        """Somebody took a block and cannot have it."""
        if not self.over:
            self._ready.appendleft(block)

    def end(self) -> None:
        """Nobody gets anything any more."""
        if self.over:
            return
        self.over = True
        self._stop.asked = True
        self._ready.clear()
        if self._fetching is None:
            self._close()

    def _start(self) -> "asyncio.Task[None]":
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            taken = await (slow if self._stream.slow else quick)(self._stream.take)
            self._last = not isinstance(taken[-1], Block)
            self._ready.extend(taken)
        except StoppedError:
            self.over = True
        finally:
            self._fetching = None
        if self.over:
            self._ready.clear()
            self._close()

    def _close(self) -> None:
        self._stream.close()
        self._clean()


class WriteWork:
    """The target of a write session; one body's rows go in at a time."""

    def __init__(self, target: RowTarget, stop: Stop, slow_target: bool, clean: Callable[[], None]) -> None:
        self.target = target
        self._stop = stop
        self._slow = slow_target
        self._clean = clean
        self._lock = asyncio.Lock()
        self._closed = False

    async def call(self, work: Callable[[], Any]) -> Any:
        """Run something that writes."""
        async with self._lock:
            return await (slow if self._slow else quick)(work)

    async def close(self, *, now: bool = False) -> None:
        """Close the target once.

        Args:
            now: Do not wait for the reader of a pipe, or for a program.

        Raises:
            RefusedError: What was held back does not go in, or a transform failed.
        """
        self._stop.asked = self._stop.asked or now
        if self._closed:
            return
        self._closed = True
        try:
            await self.call(self.target.close)
        finally:
            self._clean()

    async def drop(self) -> None:
        """Close; nobody is there who could be told of an error."""
        with contextlib.suppress(RefusedError, StoppedError):
            await self.close(now=True)
