"""Conversations that many rows begin from: reads and writes with one thing changed."""

from typing import Any

from craft import END, VERSION, Block, Capture, Conversation, blocks, error_head, late_reply, ok_head, post, request

FILE = "/data/rows.txt"
PATH = "/rows.txt"
ROWS = b"".join(b"%05d,some text\n" % number for number in range(200))
BLOCKS = blocks(FILE, ROWS, 1024)
KEYLESS = ("X-GP-USER", "X-GP-DATABASE", "X-GP_SEG_DATADIR")
PORT = 40000


def begin(capture: Capture, number: int = 0, *, server: tuple[str, int] = ("10.0.0.9", 8080), **how: Any) -> Conversation:
    """A connection that has been opened."""
    talk = Conversation(capture, ("10.0.0.1", PORT + number), server, **how)
    talk.open()
    return talk


def ask(
    capture: Capture, number: int = 0, *, count: int = 1, server: tuple[str, int] = ("10.0.0.9", 8080), **naming: Any
) -> Conversation:
    """A connection whose GET has been sent."""
    talk = begin(capture, number, server=server)
    talk.client(request(naming.pop("path", PATH), **{"segment": number, "count": count, **naming}))
    return talk


def serve(capture: Capture, number: int = 0, *, version: str = VERSION, zstd: int | None = None, **asked: Any) -> Conversation:
    """A connection whose GET has been answered with the head."""
    talk = ask(capture, number, **asked)
    talk.server(ok_head(1, version=version, zstd=zstd))
    return talk


def finish(talk: Conversation, *parts: bytes | Block) -> None:
    """Packages, the end of data, and the close."""
    for part in parts:
        talk.server(part.bytes if isinstance(part, Block) else part)
    talk.server(END)
    talk.close()


def healthy(capture: Capture, **asked: Any) -> None:
    """One segment reads the whole file."""
    finish(serve(capture, **asked), *BLOCKS)


def refuse(capture: Capture, status: int, reason: str, number: int = 0, **asked: Any) -> None:
    """A GET that is answered with an error."""
    talk = ask(capture, number, **asked)
    talk.server(error_head(status, reason))
    talk.close()


def late(capture: Capture, number: int = 0, **asked: Any) -> None:
    """A GET after the end of the session."""
    talk = ask(capture, number, **asked)
    talk.server(late_reply(1))
    talk.close()


class Writes:
    """Posts one after the other, each on a connection of its own."""

    def __init__(self, capture: Capture, *, version: str = VERSION, count: int = 1, **naming: Any) -> None:
        self.capture = capture
        self.version = version
        self.count = count
        self.naming = naming
        self.sent = 0

    def send(self, seq: int, body: bytes = b"", *, done: bool = False, segment: int = 0, **naming: Any) -> Conversation:
        """A post that was sent and not answered yet."""
        self.sent += 1
        talk = begin(self.capture, self.sent)
        talk.client(post(seq, body, done, segment=segment, count=self.count, **{**self.naming, **naming}))
        return talk

    def taken(self, seq: int, body: bytes = b"", *, done: bool = False, segment: int = 0, **naming: Any) -> None:
        talk = self.send(seq, body, done=done, segment=segment, **naming)
        talk.server(ok_head(0, version=self.version))
        talk.close()

    def refused(self, status: int, reason: str, seq: int, body: bytes = b"", *, segment: int = 0, **naming: Any) -> None:
        talk = self.send(seq, body, segment=segment, **naming)
        talk.server(error_head(status, reason, version=self.version))
        talk.close()

    def broken(self, seq: int, body: bytes = b"", *, segment: int = 0, by: str = "client", **naming: Any) -> None:
        """A post whose connection was reset before its answer."""
        talk = self.send(seq, body, segment=segment, **naming)
        talk.rst(by)  # type: ignore[arg-type]


def written(capture: Capture, **how: Any) -> None:
    """One segment writes two bodies."""
    writes = Writes(capture, **how)
    writes.taken(1)
    writes.taken(2, b"a\n")
    writes.taken(3, b"b\n")
    writes.taken(3, done=True)
