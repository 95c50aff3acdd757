"""Requests as segments write them, and raw sockets."""

import asyncio
import socket

from gpinspect.grammar.httpbuild import SegmentRequest, build_request

TEXT = "m0x 92q  0n0h0"
CSV = "m1x 34q 34n0h0"
CSV_HEADER = "m1x 34q 34n0h1"


def get(path: str, segment: int = 0, xid: str = "1-0000000001", options: str = TEXT, count: int = 4, **more: object) -> bytes:
    asked = SegmentRequest(
        target=path, host="h:1", xid=xid, cid="1", sn="0", gp_segment=segment, segment_count=count, csvopt=options, **more
    )
    return build_request(asked)


def post(path: str, body: bytes = b"", seq: int | None = 1, done: bool = False, xid: str = "2-1", **more: object) -> bytes:
    asked = SegmentRequest(
        method="POST", target=path, host="h:1", xid=xid, cid="1", sn="0", seq=seq, done=done,
        **{"content_length": len(body), "segment_count": 4, "proto": 0, **more},
    )  # fmt: skip
    return build_request(asked) + body


def status(answer: bytes) -> str:
    """The status line."""
    return answer.partition(b"\r\n")[0].decode("latin-1")


def body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


async def until_end(host: str, port: int, *pieces: bytes, pause: float = 0) -> bytes:
    """Send pieces, and give what comes until the end; a reset counts as one."""
    reader, writer = await asyncio.open_connection(host, port)
    out = b""
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        while data := await reader.read(65536):
            out += data
    except OSError:
        pass
    finally:
        writer.close()
    return out


def reset(sock: socket.socket) -> None:
    """Close with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()
