"""Messages of protocol 1, taken and checked as a Greenplum segment does it: F, O and L in any order or not at all, D counts.

What a segment does not look at (whether offsets fit together, whether rows are whole) is not looked at here either; who takes
the rows may. Sans-io, and never more in memory than `WHOLE` bytes of one D.

Source: url_curl.c, gp_proto1_read (6.24.3; zstd: 7).
"""

from collections.abc import Generator, Iterator
from typing import Final

from gpinspect.engine.inflate import Gathered, Inflater
from gpinspect.grammar.layouts import LARGEST_NAME, MESSAGE_HEAD, NUMBER_LENGTH, D, E, F, L, O
from gpinspect.peers.client import sayings
from gpinspect.peers.client.events import Ended, Event, Failed, Rows

WHOLE: Final = 4 << 20
"""Rows of a D up to this size are given in one piece."""

LARGEST_TEXT: Final = 1 << 16
"""Bytes of an E that are kept."""

_NUMBERS: Final = {O: "offset", L: "line number"}


class MessageReader:
    """Takes the body of an answer of protocol 1.

    Args:
        zstd: Rows are compressed, one frame a D.
    """

    def __init__(self, zstd: bool = False) -> None:
        self._held = bytearray()
        self._letter = 0
        self._left: int | None = None  # content of the message that is still to come; None: a message is due
        self._begun = False  # rows of this D were given
        self._zstd = zstd
        self._inflater: Inflater | None = None
        self._file: bytes | None = None
        self._offset: int | None = None
        self.packages = 0  # D messages with rows, begun
        self.over = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take bytes; gives what they tell. After an end or a failure nothing is looked at any more."""
        if self.over:
            return
        held = self._held
        held += data
        at = 0
        try:
            while not self.over:
                if self._left is None:
                    if len(held) - at < MESSAGE_HEAD.size:
                        return
                    letter, length = MESSAGE_HEAD.unpack_from(held, at)
                    at += MESSAGE_HEAD.size
                    event = self._begin(letter, length)
                    if event is not None:
                        yield event
                    continue
                if self._letter == D:
                    taken = yield from self._rows(held, at)
                else:
                    taken = yield from self._small(held, at)
                if not taken:
                    return
                at += taken
        finally:
            del held[:at]

    def _begin(self, letter: int, length: int) -> Event | None:
        """Check the head of a message."""
        if length > 0x7FFFFFFF:
            return self._fail(sayings.bad_length(letter, length - (1 << 32)))
        if letter == D and not length:
            self.over = True
            return Ended()
        if letter in _NUMBERS and length != NUMBER_LENGTH:
            return self._fail(sayings.wrong_number(_NUMBERS[letter], length))
        if letter == F and length > LARGEST_NAME:
            return self._fail(sayings.long_name(length))
        if letter not in (F, O, L, D, E):
            return self._fail(sayings.unknown_letter(letter))
        if letter == E and not length:
            return self._fail(sayings.NO_TEXT)
        self._letter, self._left = letter, length
        if letter == F and not length:
            self._file, self._left = b"", None
        if letter == D:
            self._begun = False
            self.packages += 1
            if self._zstd:
                self._inflater = Inflater(length)
        return None

    def _small(self, held: bytearray, at: int) -> Generator[Event, None, int]:
        """Content of F, O, L or E; returns how many bytes were taken."""
        assert self._left is not None
        enough = min(self._left, LARGEST_TEXT)
        if len(held) - at < enough:
            return 0
        content = bytes(held[at : at + enough])
        if self._letter == E:
            yield self._fail(sayings.told(_text(content)))
        elif self._letter == F:
            self._file = content
        elif self._letter == O:
            self._offset = int.from_bytes(content, "big")
        self._left = None
        return enough

    def _rows(self, held: bytearray, at: int) -> Generator[Event, None, int]:
        """Content of D; returns how many bytes were taken."""
        if self._inflater is not None:
            return (yield from self._frame(held, at))
        assert self._left is not None
        there = len(held) - at
        if there < self._left and (there < WHOLE or not there):
            return 0
        size = min(there, self._left)
        self._left -= size
        with memoryview(held) as view:
            data = bytes(view[at : at + size])
        yield self._given(data, self._left == 0)
        return size

    def _frame(self, held: bytearray, at: int) -> Generator[Event, None, int]:
        """A frame, or some of it. A segment goes on with the next frame until D's length is reached."""
        inflater = self._inflater
        assert inflater is not None and self._left is not None
        if at >= len(held):
            return 0
        gathered = Gathered()
        taken = inflater.feed(held, at, len(held), gathered)
        if inflater.problem:
            yield self._fail(sayings.bad_frame(inflater.problem))
            return taken
        self._left -= len(gathered.out)
        done = inflater.done and not self._left
        if gathered.out or done:
            yield self._given(bytes(gathered.out), done)
        elif inflater.done:
            yield self._fail(sayings.bad_frame("a frame without rows within a D"))
        if inflater.done and self._left is not None:
            self._inflater = Inflater(self._left)
        return taken

    def _given(self, data: bytes, last: bool) -> Rows:
        rows = Rows(data, self._file, self._offset, not self._begun, last)
        self._begun = True
        if self._offset is not None:
            self._offset += len(data)
        if last:
            self._left = self._offset = self._inflater = None
        return rows

    def closed(self) -> Event | None:
        """The server closed (or reset) the connection; None when that is as it should be."""
        if self.over:
            return None
        held = len(self._held)
        if self._left is None:
            return self._fail(sayings.incomplete(held) if held else sayings.CLOSED)
        if self._letter == D:
            if self._inflater is not None:
                return self._fail(sayings.CUT_FRAME)
            return self._fail(sayings.CLOSED_IN_ROWS, sayings.CONNECTION_HINT)
        if self._letter == E:
            return self._fail(sayings.told(_text(bytes(self._held))))
        return self._fail(sayings.incomplete(held))

    def _fail(self, sentence: str, detail: str = "") -> Failed:
        self.over = True
        self._left = None
        return Failed(sentence, detail)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")
