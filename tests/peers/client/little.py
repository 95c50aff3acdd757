"""A gpfdist small enough to be read in a minute, and servers that answer whatever a test wants: for a client on its own."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from gpinspect.grammar.http import RequestHead, head_end, parse_request_head
from gpinspect.grammar.httpbuild import build_response
from gpinspect.grammar.messages import build_data_package, build_end

OK = build_response("ok", proto=1)
RAW = build_response("ok", proto=0)
LATE = build_response("empty")
Answer = Callable[["Little", RequestHead, bytes], bytes | None]


@dataclass
class Little:
    """What a server saw. `answers` are taken in turn, the last one again and again; None as an answer: no word, and the close."""

    answers: list[bytes | Answer | None]
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    port: int = 0
    resets: int = 0  # connections that the client reset
    continues: int = 0
    stays: bool = False  # the connection is kept open behind the answer

    def url(self, path: str = "/a.txt", scheme: str = "gpfdist", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ssl.SSLError):
            try:
                await self._serve(reader, writer)
            except ConnectionError:
                self.resets += 1
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = await reader.readuntil(b"\r\n\r\n")
        assert head_end(raw) == len(raw)
        head = parse_request_head(raw)
        self.heads.append(raw)
        if head.get("Expect"):
            self.continues += 1
            writer.write(build_response("continue"))
        body = await reader.readexactly(int(head.get("Content-Length") or 0))
        self.bodies.append(body)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        said = answer(self, head, body) if callable(answer) else answer
        if said is None:
            return
        writer.write(said)
        await writer.drain()
        if self.stays:
            await asyncio.sleep(30)
        with contextlib.suppress(OSError):
            writer.write_eof()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(), 5)


@contextlib.asynccontextmanager
async def little(*answers: bytes | Answer | None, context: ssl.SSLContext | None = None, **more: object) -> AsyncIterator[Little]:
    """A server on loopback that answers so."""
    made = Little(list(answers), **more)  # type: ignore[arg-type]
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


def package(rows: bytes, offset: int = 0, file: bytes = b"/data/a.txt", line: int = 0) -> bytes:
    return build_data_package(file, offset, line, rows)


def message(letter: bytes, content: bytes, length: int | None = None) -> bytes:
    """A message by hand, so that it can be wrong."""
    return letter + struct.pack(">I", len(content) if length is None else length) + content


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sharing:
    """Answers GETs of protocol 1: blocks are handed out in turn, `share` to each connection, until there are none."""

    def __init__(self, blocks: list[bytes], share: int = 3, file: bytes = b"/data/a.txt", start: int = 0) -> None:
        self.blocks = blocks
        self.share = share
        self.file = file
        self.at = start

    def __call__(self, server: Little, head: RequestHead, body: bytes) -> bytes:
        if not self.blocks:
            return LATE + build_end()
        said = [OK]
        for rows in self.blocks[: self.share]:
            said.append(package(rows, self.at, self.file))
            self.at += len(rows)
        del self.blocks[: self.share]
        return b"".join(said) + build_end()


class Taking:
    """Answers POSTs as gpfdist does: SEQ by SEQ, each segment on its own."""

    def __init__(self, zstd: int | None = None) -> None:
        self.rows: dict[str, list[bytes]] = {}
        self.last: dict[str, int] = {}
        self.done: list[str] = []
        self.zstd = zstd

    def __call__(self, server: Little, head: RequestHead, body: bytes) -> bytes:
        gp_segment, seq = head.get("X-GP-SEGMENT-ID") or "", int(head.get("X-GP-SEQ") or 0)
        ok = build_response("ok", proto=0, zstd=self.zstd)
        if head.get("X-GP-DONE"):
            self.done.append(gp_segment)
            return ok
        last = self.last.get(gp_segment, 0)
        if seq == last and seq > 1:
            return ok
        if seq != last + 1:
            return build_response("error", status=400, reason="invalid request due to wrong sequence number")
        self.last[gp_segment] = seq
        if body and self.zstd:
            import zstandard

            body = zstandard.ZstdDecompressor().decompress(body)
        self.rows.setdefault(gp_segment, []).append(body)
        return ok
