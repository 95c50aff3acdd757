"""One connection from its first byte to its last: read a request, answer it, half-close, wait.

Source: gpfdist.c, do_read_request, handle_get_request, handle_post_request, do_write, request_end, request_shutdown_sock (6.24.3).
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from gpinspect.errors import EncodeError
from gpinspect.grammar.http import HEAD_LIMIT
from gpinspect.grammar.httpbuild import build_response
from gpinspect.grammar.layouts import AFTER_NAME, NUMBER_LENGTH, D, L, O
from gpinspect.grammar.messages import build_end, build_error, build_message
from gpinspect.grammar.refusals import Refusal
from gpinspect.peers.server.hooks import Act
from gpinspect.peers.server.places import RefusedError
from gpinspect.peers.server.posting import Posting
from gpinspect.peers.server.reading import Block, Failed
from gpinspect.peers.server.request import TIME_OUT, HeadReader, Request, read_request
from gpinspect.peers.server.sessions import Session, Told
from gpinspect.peers.server.threads import quick
from gpinspect.peers.server.transforms import said
from gpinspect.peers.server.wire import Wire
from gpinspect.peers.server.works import ReadWork

if TYPE_CHECKING:
    import zstandard

    from gpinspect.peers.server.desk import Desk, Work
    from gpinspect.peers.server.settings import ServerSettings

END: Final = build_end()
_LARGE: Final = 1 << 18
"""Bytes of rows from which compressing is done beside the event loop."""

Log = Callable[[str], None]


class Away(Exception):  # noqa: N818 - no error: the connection is over
    """Hooks ended the connection."""


class Answering:
    """The life of a connection.

    Args:
        wire: Ready for bytes; TLS is set up.
        log: Takes a line.
    """

    def __init__(self, wire: Wire, desk: "Desk", settings: "ServerSettings", peer: str, log: Log) -> None:
        self._wire = wire
        self._desk = desk
        self._settings = settings
        self._peer = peer
        self._log = log
        self._request: Request | None = None
        self._name = b""
        self._name_message = b""
        self._frames: zstandard.ZstdCompressor | None = None

    async def run(self) -> None:
        """Until nothing more is to be done; never raises for what the peer does."""
        try:
            if await self._answer():
                await self._wire.finish()
                await asyncio.wait_for(self._until_end(), self._settings.linger)
        except (OSError, TimeoutError):
            pass
        except Away:
            return
        self._wire.close()

    async def _until_end(self) -> None:
        receive: Callable[[], Awaitable[bytes]] = getattr(self._wire, "discard", self._wire.receive)
        while await receive():
            pass

    async def _answer(self) -> bool:
        """Whether an answer was given; False: the peer left, or gets none."""
        reader = HeadReader()
        while True:
            try:
                data = await asyncio.wait_for(self._wire.receive(), self._settings.head_timeout or None)
            except TimeoutError:
                await self._refuse(TIME_OUT)
                return True
            if not data:
                self._log(f"{self._peer} left before its request was whole ({HEAD_LIMIT} bytes are waited for at most)")
                return False
            found = reader.feed(data)
            if found is not None:
                break
        if isinstance(found, Refusal):
            await self._refuse(found)
            return True
        head, behind = found
        self._log(f"{self._peer} requests {head.target}")
        request = read_request(head, self._settings)
        if isinstance(request, Refusal):
            await self._refuse(request)
            return True
        self._request = request
        if request.path.status_page:
            await self._status_page()
            return True
        return await self._from_session(request, behind)

    async def _from_session(self, request: Request, behind: bytes) -> bool:
        found = await self._desk.attach(request)
        if isinstance(found, Refusal):
            await self._refuse(found)
            return True
        if isinstance(found, Told):
            self._log(f"{self._peer} session already ended. return empty response (OK)")
            await self._head(build_response("empty", server_version=self._settings.version))
            if request.proto == 1:
                await self.send(END)
            return True
        session, opened = found
        self._log(f"{self._peer} {'new' if opened else 'joined'} session {session.number} ({session.key})")
        if request.get:
            await self._get(request, session, opened)
            return True
        return await Posting(self, self._wire, self._desk, self._settings).run(request, session, behind)

    async def _get(self, request: Request, session: "Session[Work]", opened: bool) -> None:
        work = session.work
        assert isinstance(work, ReadWork)
        given = False  # this member got a block
        left = False
        try:
            await self.ok(request)
            number = 0
            while True:
                for _ in range(self._settings.blocks_a_turn):
                    if given and self._wire.gone():
                        raise ConnectionResetError
                    block = await work.next()
                    if not isinstance(block, Block):
                        await self._end(request, session, work, block, opened)
                        return
                    if not given and self._wire.gone():
                        work.give_back(block)
                        return
                    given = work.given = True
                    number += 1
                    await self._package(request, number, block)
                self._desk.read_bytes += work.count()
                await asyncio.sleep(0)  # the next member's turn
        except (OSError, Away, asyncio.CancelledError):
            left = True
            raise
        finally:
            await self._desk.leave(session, broken=left and given)

    async def _package(self, request: Request, number: int, block: Block) -> None:
        if request.proto == 0:
            head = b""
        else:
            if block.name != self._name:
                self._name, self._name_message = block.name, build_message("F", block.name)
            head = self._name_message + AFTER_NAME.pack(
                O, NUMBER_LENGTH, block.offset, L, NUMBER_LENGTH, block.line, D, len(block.rows)
            )
        rows = block.rows
        if request.zstd is not None:
            rows = await self._compressed(rows)
        hooks = self._settings.hooks
        if hooks is not None:
            instead = await self._obey(await hooks.before_package(request, number, head, rows))
            if instead is not None:
                await self.send(instead)
                return
        if head:
            await self.send(head)
        await self.send(rows)

    async def _compressed(self, rows: bytes) -> bytes:
        """One frame without size and checksum, as gpfdist's streaming makes it."""
        if self._frames is None:
            import zstandard

            self._frames = zstandard.ZstdCompressor(
                level=self._settings.compress_level, write_content_size=False, write_checksum=False
            )
        compressor = self._frames

        def compress() -> bytes:
            frame = compressor.compressobj()
            return frame.compress(rows) + frame.flush()

        return compress() if len(rows) < _LARGE else await quick(compress)

    async def _end(self, request: Request, session: "Session[Work]", work: ReadWork, met: Failed | None, opened: bool) -> None:
        """The last bytes of a read: an error for the member that meets it, the end package for the others."""
        self._desk.mark_ended(session, failed=isinstance(met, Failed))
        if request.proto == 0:
            return
        if isinstance(met, Failed):
            self._log(f"{self._peer} send error message: {met.text.decode('latin-1')}")
            await self.send(build_error(met.text))
            return
        if opened and (text := said(work.stderr)):
            await self.send(build_error(text))
        end = END
        if self._settings.hooks is not None:
            instead = await self._obey(await self._settings.hooks.before_end(request, END))
            end = END if instead is None else instead
        await self.send(end)

    async def ok(self, request: Request) -> None:
        """The head of an answer that goes well."""
        await self._head(build_response("ok", server_version=self._settings.version, proto=request.proto, zstd=request.zstd))

    async def go_on(self) -> None:
        """What a client that said `Expect` waits for."""
        await self.send(build_response("continue"))

    async def refuse(self, problem: RefusedError) -> None:
        """An error that files gave."""
        await self._refuse(Refusal(problem.status, problem.reason, ""))

    async def _refuse(self, refusal: Refusal) -> None:
        self._log(f"HTTP ERROR: {self._peer} - {refusal.status} {refusal.reason}")
        try:
            head = build_response("error", server_version=self._settings.version, status=refusal.status, reason=refusal.reason)
        except EncodeError:  # a name that no line can hold
            head = build_response("error", server_version=self._settings.version, status=refusal.status, reason="file open failure")
        await self._head(head)

    async def _status_page(self) -> None:
        """Four lines of what was done since the start.

        Source: gpfdist.c, send_gpfdist_status (6.24.3).
        """
        lines = (
            f"requst_time {time.strftime('%Y-%m-%d %H:%M:%S')}",
            f"read_bytes {self._desk.read_bytes}",
            f"total_bytes {self._desk.total_bytes}",
            f"total_sessions {self._desk.table.made}",
        )
        await self._head(build_response("status", server_version=self._settings.version))
        await self.send("".join(f"{line}\r\n" for line in lines).encode("ascii"))

    async def _head(self, head: bytes) -> None:
        if self._settings.hooks is not None:
            instead = await self._obey(await self._settings.hooks.before_head(self._request, head))
            head = head if instead is None else instead
        await self.send(head)

    async def send(self, data: bytes) -> None:
        """Send, past the hooks."""
        if self._settings.hooks is not None:
            act = await self._settings.hooks.sending(self._request, self._wire.sent, data)
            if act.data is not None or act.then != "go":
                await self._obey(act)
                data = b"" if act.data is None else act.data
                if act.then != "go":
                    raise Away
        if data:
            await self._wire.send(data)

    async def _obey(self, act: Act) -> bytes | None:
        """Do what a hook wants; the bytes that it wants sent, None: what was meant.

        Raises:
            Away: The connection is over.
        """
        if act.then == "go":
            return act.data
        if act.data:
            await self._wire.send(act.data)
        if act.then == "rst":
            self._wire.reset()
            raise Away
        with contextlib.suppress(OSError, TimeoutError):
            await self._wire.finish()
            await asyncio.wait_for(self._until_end(), self._settings.linger)
        self._wire.close()
        raise Away
