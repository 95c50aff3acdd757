"""Writes: the body of a POST into the target of its session, in the order that sequence numbers ask for.

Source: gpfdist.c, handle_post_request, decompress_write_loop (6.24.3 and 7).
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gpinspect.grammar.layouts import END_PACKAGE
from gpinspect.grammar.refusals import Refusal
from gpinspect.peers.server.places import RefusedError
from gpinspect.peers.server.request import Request
from gpinspect.peers.server.sessions import Session, Step, step, written
from gpinspect.peers.server.wire import Wire
from gpinspect.peers.server.works import WriteWork
from gpinspect.peers.server.writing import INCOMPLETE

if TYPE_CHECKING:
    from gpinspect.peers.server.answering import Answering
    from gpinspect.peers.server.desk import Desk, Work
    from gpinspect.peers.server.settings import ServerSettings

_SLICE: Final = 512
"""Bytes of a frame that are decompressed at a time: a short frame may stand for a lot of rows."""

_DAMAGED: Final = "zstd decompression error, error is "


class Posting:
    """One POST of a session."""

    def __init__(self, answering: "Answering", wire: Wire, desk: "Desk", settings: "ServerSettings") -> None:
        self._answering = answering
        self._wire = wire
        self._desk = desk
        self._settings = settings

    async def run(self, request: Request, session: "Session[Work]", behind: bytes) -> bool:
        """Take the body and answer.

        Args:
            behind: Bytes of the body that came with the head.

        Returns:
            Whether there was an answer.
        """
        poison = False
        problem: RefusedError | None = None
        answer = True
        try:
            what = step(session, request)
            if isinstance(what, Refusal):
                raise RefusedError(what.status, what.reason)
            if what is Step.WRITE:
                poison = self._settings.release == "6"  # newer ones let a broken write be tried again
                answer = await self._write(request, session, behind)
            if answer and what in (Step.WRITE, Step.OPEN):
                written(session, request)
            poison = False
        except RefusedError as raised:
            problem, poison = raised, False
        except BaseException:
            await self._desk.leave(session, poison=poison)
            raise
        if not answer:
            self._wire.reset()
            await self._desk.leave(session)
            return False
        early = self._settings.release != "cloudberry"
        failed: Refusal | None = None
        if not early:
            failed = await self._desk.leave(session)
        try:
            if problem is None and failed is None:
                if request.proto == 1 and not early:
                    await self._answering.send(END_PACKAGE)
                await self._answering.ok(request)
                if request.proto == 1 and early:
                    await self._answering.send(END_PACKAGE)
            else:
                await self._answering.refuse(problem or RefusedError(failed.status, failed.reason))  # type: ignore[union-attr]
        finally:
            if early:
                await self._desk.leave(session)
        return True

    async def _write(self, request: Request, session: "Session[Work]", behind: bytes) -> bool:
        """The body goes in; False where gpfdist gives no answer at all.

        Raises:
            RefusedError: It does not.
            OSError: The client left.
        """
        work = session.work
        assert isinstance(work, WriteWork)
        if work.target.error is not None:
            raise RefusedError(500, work.target.error)
        if request.zstd is not None and request.content_length > self._settings.block:
            return False
        if request.expects:
            await self._answering.go_on()
        pieces = self._body(request.content_length, behind)
        if request.zstd is not None and request.content_length:
            await self._frame(work, b"".join([piece async for piece in pieces]))
            return True
        body = work.target.body()
        async for piece in pieces:
            if not await work.call(partial(body.feed, piece)):
                raise work.target.fail(INCOMPLETE)
        if not await work.call(body.finish):
            raise work.target.fail(INCOMPLETE)
        return True

    async def _body(self, length: int, behind: bytes) -> AsyncIterator[bytes]:
        """The body in stretches of about a block, so that a call to the file is worth it."""
        wanted = min(self._settings.block, 1 << 20)
        parts, have, left = [behind[:length]], min(len(behind), length), length
        left -= have
        while left:
            data = await self._wire.receive()
            if not data:
                raise ConnectionAbortedError("the client left within the body")
            data = data[:left]
            left -= len(data)
            parts.append(data)
            have += len(data)
            if have >= wanted:
                yield b"".join(parts)
                parts, have = [], 0
        if have:
            yield b"".join(parts)

    @staticmethod
    async def _frame(work: WriteWork, data: bytes) -> None:
        """Rows of one zstd frame; also a last row without its end goes in, and a frame without its end counts as one."""
        import zstandard

        frame: Any = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()

        def write() -> None:
            for start in range(0, len(data), _SLICE):
                if frame.eof:
                    return
                rows = frame.decompress(data[start : start + _SLICE])
                if rows:
                    work.target.write(rows)

        try:
            await work.call(write)
        except zstandard.ZstdError as problem:
            raise RefusedError(500, _DAMAGED + str(problem).rpartition(": ")[2]) from problem
