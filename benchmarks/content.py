"""What travels: rows from a seeded pool, heads, packages; and the truth about them as they are handed out."""

import hashlib
import json
import random
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

VERSION = "6.24.3 build commit:25d3498a400ca5230e81abb94861f23389315213"
END = b"D\0\0\0\0"
POOL = 4 << 20  # bytes of rows; a capture repeats them at ever other places


class Rows:
    """Whole rows of text, 15 to 38 bytes each, without end."""

    def __init__(self, rng: random.Random) -> None:
        words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "D", "F", "O", "L"]
        rows, size = [], 0
        while size < POOL:
            row = f"{rng.randrange(10**8):08d}|{rng.choice(words)}|{rng.randrange(10**6)}|{rng.randrange(1 << 40)}\n".encode()
            rows.append(row)
            size += len(row)
        self.pool = b"".join(rows)
        self.view = memoryview(self.pool)
        self.cursor = 0

    def take(self, size: int) -> memoryview:
        """The next rows, `size` bytes at most."""
        if self.cursor + size > len(self.pool):
            self.cursor = self.pool.index(b"\n", self.cursor % 997) + 1
        stop = self.pool.rindex(b"\n", self.cursor, self.cursor + size) + 1
        rows = self.view[self.cursor : stop]
        self.cursor = stop
        return rows


@dataclass
class Tally:
    """What one connection carried."""

    client: str
    server: str
    session: int
    segment: int
    packages: int = 0  # F O L D
    ends: int = 0
    payload_bytes: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def payload(self, data: bytes | memoryview) -> None:
        self.payload_bytes += len(data)
        self.digest.update(data)

    @property
    def counts(self) -> dict[str, int]:
        return {"F": self.packages, "O": self.packages, "L": self.packages, "D": self.packages + self.ends, "E": 0}


class Truth:
    """Sums over the capture; one line of JSON for every connection goes to `lines` as soon as it has ended."""

    def __init__(self, lines: TextIO) -> None:
        self.lines = lines
        self.counts: Counter[str] = Counter(dict.fromkeys("FOLDE", 0))
        self.payload_bytes = self.connections = self.sessions = self.lost_frames = 0

    def add(self, tally: Tally, lost_frames: int) -> None:
        self.counts.update(tally.counts)
        self.payload_bytes += tally.payload_bytes
        self.connections += 1
        self.lost_frames += lost_frames
        row = {
            "client": tally.client,
            "server": tally.server,
            "session": tally.session,
            "segment": tally.segment,
            "payload_bytes": tally.payload_bytes,
            "payload_sha256": tally.digest.hexdigest(),
            "message_counts": tally.counts,
        }
        self.lines.write(json.dumps(row) + "\n")

    def as_dict(self) -> dict[str, object]:
        return {
            "message_counts": dict(self.counts),
            "messages": self.counts.total(),
            "payload_bytes": self.payload_bytes,
            "connections": self.connections,
            "sessions": self.sessions,
            "lost_frames": self.lost_frames,
        }


class Source:
    """One file that the Greenplum segments of a session share.

    Args:
        size: Gives the bytes of the next package, at most.
        ended: True once the file has no more.
    """

    def __init__(self, rows: Rows, name: str, size: Callable[[], int], ended: Callable[[], bool]) -> None:
        self.rows, self.size, self.ended = rows, size, ended
        self.file = struct.pack("!cI", b"F", len(name)) + name.encode() + struct.pack("!cI", b"O", 8)
        self.offset = 0

    def take(self) -> tuple[bytes, memoryview] | None:
        """F O L and the five bytes that begin D, and the rows; None at the end."""
        if self.ended():
            return None
        rows = self.rows.take(self.size())
        line = 0 if self.offset else 1
        head = self.file + struct.pack("!QcIQcI", self.offset, b"L", 8, line, b"D", len(rows))
        self.offset += len(rows)
        return head, rows


def naming(statement: int) -> str:
    return f"X-GP-XID: 1700000000-{statement:010d}\r\nX-GP-CID: 3\r\nX-GP-SN: 0\r\n"


def get(path: str, statement: int, segment: int, count: int) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 10.0.0.9:8080\r\nAccept: */*\r\n{naming(statement)}X-GP-SEGMENT-ID: {segment}\r\n"
        f"X-GP-SEGMENT-COUNT: {count}\r\nX-GP-LINE-DELIM-LENGTH: -1\r\nX-GP-PROTO: 1\r\nX-GP-MASTER_HOST: 127.0.0.1\r\n"
        "X-GP-MASTER_PORT: 5432\r\nX-GP-CSVOPT: m0x 92q  0n0h0\r\n"
        f"X-GP_SEG_PG_CONF: /data/primary/gpseg{segment}/postgresql.conf\r\nX-GP_SEG_DATADIR: /data/primary/gpseg{segment}\r\n"
        f"X-GP-DATABASE: etl\r\nX-GP-USER: gpadmin\r\nX-GP-SEG-PORT: {6000 + segment}\r\nX-GP-SESSION-ID: 23\r\n\r\n"
    ).encode()


def post(path: str, statement: int, segment: int, count: int, seq: int, length: int, done: bool) -> bytes:
    """The head alone."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 10.0.0.9:8080\r\nAccept: */*\r\n{naming(statement)}X-GP-SEGMENT-ID: {segment}\r\n"
        f"X-GP-SEGMENT-COUNT: {count}\r\nX-GP-LINE-DELIM-LENGTH: -1\r\nX-GP-PROTO: 0\r\nX-GP-SEQ: {seq}\r\n"
        f"Content-Type: text/xml\r\n{'X-GP-DONE: 1' + chr(13) + chr(10) if done else ''}Content-Length: {length}\r\n\r\n"
    ).encode()


def ok(proto: int) -> bytes:
    return (
        f"HTTP/1.0 200 ok\r\nContent-type: text/plain\r\nExpires: 0\r\nX-GPFDIST-VERSION: {VERSION}\r\nX-GP-PROTO: {proto}\r\n"
        "Cache-Control: no-cache\r\nConnection: close\r\n\r\n"
    ).encode()


def late() -> bytes:
    return (
        f"HTTP/1.0 200 ok\r\nContent-type: text/plain\r\nContent-length: 0\r\nExpires: 0\r\nX-GPFDIST-VERSION: {VERSION}\r\n"
        "Cache-Control: no-cache\r\nConnection: close\r\n\r\n"
    ).encode()
