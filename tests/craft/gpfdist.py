"""What gpfdist and its clients say, put together by hand: heads, messages, packages.

Header order and spelling are those of a Greenplum 6.24.3 segment and server.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

VERSION = "6.24.3 build commit:25d3498a400ca5230e81abb94861f23389315213"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
END = b"D\0\0\0\0"

Header = tuple[str, str]


def head(first_line: str, headers: Iterable[Header], end: str = "\r\n") -> bytes:
    """Start line, headers, empty line."""
    return (end.join([first_line, *(f"{name}: {value}" for name, value in headers)]) + end * 2).encode("latin-1")


def request(
    path: str = "/data.txt",
    *,
    segment: int = 0,
    count: int = 4,
    xid: str = "1700000000-0000000042",
    cid: str = "3",
    sn: str = "0",
    proto: int | str = 1,
    host: str = "10.0.0.9:8080",
    csvopt: str = "m0x 92q  0n0h0",
    delimiter: bytes = b"",
    extra: Iterable[Header] = (),
    drop: Iterable[str] = (),
) -> bytes:
    """A GET as a Greenplum segment sends it. `extra` headers come last, `drop` leaves headers out by their exact name."""
    headers = [
        *_common(host, xid, cid, sn, segment, count, delimiter),
        ("X-GP-PROTO", str(proto)),
        ("X-GP-MASTER_HOST", "127.0.0.1"),
        ("X-GP-MASTER_PORT", "5432"),
        ("X-GP-CSVOPT", csvopt),
        ("X-GP_SEG_PG_CONF", f"/data/primary/gpseg{segment}/postgresql.conf"),
        ("X-GP_SEG_DATADIR", f"/data/primary/gpseg{segment}"),
        ("X-GP-DATABASE", "etl"),
        ("X-GP-USER", "gpadmin"),
        ("X-GP-SEG-PORT", str(6000 + segment)),
        ("X-GP-SESSION-ID", "23"),
        *extra,
    ]
    return head(f"GET {path} HTTP/1.1", _without(headers, drop))


def post(
    seq: int = 1,
    body: bytes = b"",
    done: bool = False,
    *,
    path: str = "/out.txt",
    segment: int = 0,
    count: int = 4,
    xid: str = "1700000000-0000000042",
    cid: str = "3",
    sn: str = "0",
    proto: int | str = 0,
    host: str = "10.0.0.9:8080",
    delimiter: bytes = b"",
    length: int | None = None,
    extra: Iterable[Header] = (),
    drop: Iterable[str] = (),
) -> bytes:
    """A POST with its body: OPEN is seq 1 and empty, DONE repeats the last seq and is empty.

    `length` tells a wrong Content-Length.
    """
    headers = [
        *_common(host, xid, cid, sn, segment, count, delimiter),
        ("X-GP-PROTO", str(proto)),
        ("X-GP-SEQ", str(seq)),
        ("Content-Type", "text/xml"),
        *([("X-GP-DONE", "1")] if done else []),
        ("Content-Length", str(len(body) if length is None else length)),
        *extra,
    ]
    return head(f"POST {path} HTTP/1.1", _without(headers, drop)) + body


def ok_head(proto: int = 1, *, version: str = VERSION, zstd: int | None = None) -> bytes:
    """The 200 answer to GET and POST."""
    return head(
        "HTTP/1.0 200 ok",
        [
            ("Content-type", "text/plain"),
            ("Expires", "0"),
            ("X-GPFDIST-VERSION", version),
            ("X-GP-PROTO", str(proto)),
            ("Cache-Control", "no-cache"),
            ("Connection", "close"),
            *([("X-GP-ZSTD", str(zstd))] if zstd is not None else []),
        ],
    )


def late_reply(proto: int = 1, *, version: str = VERSION) -> bytes:
    """What a Greenplum segment gets after the session's end: no body by its length, yet five bytes if protocol 1 was asked for."""
    headers = [("Content-type", "text/plain"), ("Content-length", "0"), *_closing(version)]
    return head("HTTP/1.0 200 ok", headers) + (END if proto else b"")


def error_head(status: int = 404, reason: str = "file not found", *, version: str = VERSION) -> bytes:
    return head(f"HTTP/1.0 {status} {reason}", [("Content-length", "0"), *_closing(version)])


def message(letter: str, content: bytes, length: int | None = None) -> bytes:
    """Type, length, content; `length` tells a wrong length."""
    return struct.pack("!cI", letter.encode(), len(content) if length is None else length) + content


def package_head(name: str | bytes, offset: int, line: int, length: int) -> bytes:
    """F, O, L and the five bytes that begin D."""
    file = name if isinstance(name, bytes) else name.encode()
    return (
        message("F", file)
        + message("O", struct.pack("!Q", offset))
        + message("L", struct.pack("!Q", line))
        + message("D", b"", length)
    )


def package(name: str | bytes, offset: int, line: int, data: bytes) -> bytes:
    """A data package: F O L D."""
    return package_head(name, offset, line, len(data)) + data


def error_message(text: str | bytes) -> bytes:
    return message("E", text if isinstance(text, bytes) else text.encode())


class Block(NamedTuple):
    """What one data package carries."""

    name: str
    offset: int
    line: int
    data: bytes

    @property
    def head(self) -> bytes:
        return package_head(self.name, self.offset, self.line, len(self.data))

    @property
    def bytes(self) -> bytes:
        return self.head + self.data


def blocks(name: str, content: bytes, size: int = 32768, *, header: bool = False, csv: bool = False) -> list[Block]:
    """Cut a file as the server does: whole rows, `size` bytes at most, the header row skipped.

    L is the first row's number (2 after a header), later 0 for text and the record count for CSV.

    Raises:
        ValueError: A row is longer than `size`.
    """
    start = content.index(b"\n") + 1 if header else 0
    line = 2 if header else 1
    cut: list[Block] = []
    while start < len(content):
        stop = len(content) if start + size >= len(content) else content.rindex(b"\n", start, start + size) + 1
        data = content[start:stop]
        cut.append(Block(name, start, line if csv or not cut else 0, data))
        line += data.count(b"\n")
        start = stop
    return cut


def _common(host: str, xid: str, cid: str, sn: str, segment: int, count: int, delimiter: bytes) -> list[Header]:
    return [
        ("Host", host),
        ("Accept", "*/*"),
        ("X-GP-XID", xid),
        ("X-GP-CID", cid),
        ("X-GP-SN", sn),
        ("X-GP-SEGMENT-ID", str(segment)),
        ("X-GP-SEGMENT-COUNT", str(count)),
        *([("X-GP-LINE-DELIM-STR", delimiter.hex().upper())] if delimiter else []),
        ("X-GP-LINE-DELIM-LENGTH", str(len(delimiter) or -1)),
    ]


def _closing(version: str) -> list[Header]:
    return [("Expires", "0"), ("X-GPFDIST-VERSION", version), ("Cache-Control", "no-cache"), ("Connection", "close")]


def _without(headers: list[Header], drop: Iterable[str]) -> list[Header]:
    unwanted = set(drop)
    return [header for header in headers if header[0] not in unwanted]
