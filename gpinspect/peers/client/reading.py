"""One segment's read, from the head of the answer to its end: sans-io. Bytes go in, events come out.

Source: url_curl.c, header_callback, check_response, gp_proto0_read and gp_proto1_read (6.24.3).
"""

from collections.abc import Iterator

from gpinspect.engine.inflate import Gathered, Inflater
from gpinspect.peers.client import sayings
from gpinspect.peers.client.answer import Answer, HeadReader
from gpinspect.peers.client.chunks import Dechunker
from gpinspect.peers.client.events import Answered, Ended, Event, Failed, Rows
from gpinspect.peers.client.messages import MessageReader
from gpinspect.peers.client.place import Place

TIMED_OUT = 408


class SegmentRead:
    """What a segment makes of the server's bytes.

    Args:
        place: Where it reads; for the sentences.
        address: What the host was resolved to.
    """

    def __init__(self, place: Place, address: str | None = None) -> None:
        self._place = place
        self._address = address
        self._head = HeadReader()
        self._messages: MessageReader | None = None
        self._inflater: Inflater | None = None
        self._chunks: Dechunker | None = None  # None: the body comes as it is, or has ended
        self._left: int | None = None  # of a body with Content-Length
        self._given = False
        self.answer: Answer | None = None
        self.over = False

    @property
    def packages(self) -> int:
        """D messages with rows so far."""
        return 0 if self._messages is None else self._messages.packages

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take bytes of the server; gives what they tell. What comes behind the end is left alone, as a segment does."""
        if self.over:
            return
        if self.answer is None:
            data = self._head.feed(data)
            if self._head.problem:
                yield self._failed(sayings.connecting(self._place, self._address, 0, self._head.problem))
                return
            if self._head.answer is None:
                return
            yield from self._answered(self._head.answer)
        if data and not self.over:
            yield from self._body(data)

    def _answered(self, answer: Answer) -> Iterator[Event]:
        self.answer = answer
        self._left = answer.length
        if not answer.fine:
            yield self._refusal(answer)
        elif answer.proto not in (0, 1):
            yield self._failed(f"unknown gpfdist protocol {answer.proto}")
        else:
            yield Answered(answer)
            if answer.chunked:
                self._chunks, self._left = Dechunker(), None
            if answer.proto == 1:
                self._messages = MessageReader(answer.zstd is not None)
            elif answer.empty:
                self.over = True
                yield Ended(late=True)
            elif answer.zstd is not None:
                self._inflater = Inflater(None)

    def _refusal(self, answer: Answer) -> Failed:
        self.over = True
        if answer.status == TIMED_OUT:
            detail = f"Unexpected response from gpfdist server: {answer.status} {answer.status_line}"
            return Failed(sayings.not_opened(self._place), detail, refused=True)
        return Failed(sayings.refused(self._place, answer.status, answer.status_line), refused=True)

    def _body(self, data: bytes) -> Iterator[Event]:
        chunks = self._chunks
        if chunks is None:
            yield from self._content(data)
            return
        data = chunks.feed(data)
        if data:
            yield from self._content(data)
        if chunks.problem and not self.over:
            yield self._failed(sayings.connecting(self._place, self._address, 0, chunks.problem))
        elif chunks.over and not self.over:
            self._chunks = None
            yield from self.closed()

    def _content(self, data: bytes) -> Iterator[Event]:
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        if self._messages is not None:
            for event in self._messages.feed(data):
                self.over = self._messages.over
                yield event
        elif self._inflater is not None:
            yield from self._frames(data)
        elif data:
            yield self._piece(data)
        if self._left == 0 and not self.over:
            yield from self.closed()

    def _piece(self, data: bytes) -> Rows:
        first, self._given = not self._given, True
        return Rows(data, None, None, first, False)

    def _frames(self, data: bytes) -> Iterator[Event]:
        """Protocol 0 with zstd: frames back to back."""
        at = 0
        while at < len(data):
            assert self._inflater is not None
            gathered = Gathered()
            taken = self._inflater.feed(data, at, len(data), gathered)
            at += taken
            if gathered.out:
                yield self._piece(bytes(gathered.out))
            if self._inflater.problem:
                yield self._failed(sayings.bad_frame(self._inflater.problem))
                return
            if self._inflater.done:
                self._inflater = Inflater(None)
            elif not taken:
                return

    def closed(self, errno: int = 0, words: str = "Empty reply from server") -> Iterator[Event]:
        """The server closed the connection, or it broke with `errno`."""
        if self.over:
            return
        if self.answer is None:
            yield self._failed(sayings.connecting(self._place, self._address, errno, words))
            return
        if self._messages is not None:
            event = self._messages.closed()
            if event is not None:
                yield event
        elif errno or self._left or self._chunks is not None:
            yield self._failed(sayings.CLOSED_IN_ROWS, sayings.CONNECTION_HINT)
        else:
            if self._given:
                yield Rows(b"", None, None, False, True)
            yield Ended(proven=False)
        self.over = True

    def _failed(self, sentence: str, detail: str = "") -> Failed:
        self.over = True
        return Failed(sentence, detail)
