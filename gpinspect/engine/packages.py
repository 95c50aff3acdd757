"""Protocol 1: from response bytes to package rows, without looking at rows of data.

Layouts come from the grammar. The usual package (F O L D in one stretch) takes one unpack; everything else goes message by message.
After lost framing the scanner looks for a plausible F O L D chain and goes on from there, marked as assumed.
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gpinspect.engine.channel import ENDLESS, Buffer, Channel
from gpinspect.engine.content import Keep
from gpinspect.engine.inflate import MAGIC, Inflater
from gpinspect.grammar.layouts import (
    AFTER_NAME,
    END_PACKAGE,
    LARGEST_BLOCK,
    LARGEST_LENGTH,
    LARGEST_NAME,
    MESSAGE_HEAD,
    D,
    E,
    F,
    L,
    O,
)
from gpinspect.model import packages as rows
from gpinspect.model.packages import NO_FILE, UNKNOWN, PackageTable

if TYPE_CHECKING:
    from gpinspect.engine.exchange import ExchangeState

HEAD = MESSAGE_HEAD.size
NUMBER = struct.Struct(">Q")
LARGEST_ERROR_TEXT = 1 << 16
SEARCH_LIMIT = 16 << 20
"""Bytes of a stream in which a package is looked for, when it is not known to be gpfdist at all."""

LETTERS = {F: 0, O: 1, L: 2, D: 3, E: 4}
CHAIN = b"O\0\0\0\x08"
NAME_BEGINS = b"F\0"  # a name is no longer than 256 bytes
TAIL = HEAD + LARGEST_NAME + AFTER_NAME.size + len(MAGIC)


class PackageScanner:
    """Reads a response body of protocol 1 (a `Reader`)."""

    def __init__(
        self, channel: Channel, state: "ExchangeState", keep: Keep | None, *, zstd: bool = False, found: bool = True
    ) -> None:
        self.channel = channel
        self.state = state
        self.keep = keep
        self.zstd = zstd
        self.table = PackageTable()
        self.counts = (
            state.counts if state.counts is not None else [0, 0, 0, 0, 0]
        )  # Cloudberry may have sent an end in front of the head
        state.table = self.table
        state.counts = self.counts
        self.partial = bytearray()  # of a message head that is not whole yet, or the tail of a search
        self.marks: list[tuple[int, int, int, int]] = []  # stream position, ns, frame, capture of stretches that `partial` is of
        self.searching = not found
        self.unsure = False  # the content of the last package may be zstd, which was not to be seen
        self.searched = 0  # bytes looked through without finding a package
        self.lost_at = 0  # stream position where framing was lost
        self.assumed = False
        self.over = False
        self.file = NO_FILE
        self.name_length = -1  # of the last F
        self.name = b""
        self.inflater: Inflater | None = None
        self.error_text: bytearray | None = None
        self.missing_before = 0
        self.last = (NO_FILE, UNKNOWN)  # file and offset of the last data package
        self._fresh()
        if not found:
            state.framing = False

    def _fresh(self) -> None:
        """No message of the next package has been seen."""
        self.begin: int | None = None  # body position of its first message
        self.offset = UNKNOWN
        self.line = UNKNOWN

    # structure ------------------------------------------------------------------------------------------------------

    def feed(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> int:
        if self.inflater is not None:
            return self._inflate(buffer, start, end, ns, frame)
        if self.over:
            self.state.trailing += end - start
            return end
        if self.searching:
            return self._search(buffer, start, end, ns, frame, capture)
        position = self.channel.end - (self.state.body_start or 0)
        if self.begin is None and not self.partial and buffer[start] == F and end - start > 40:
            reached = self._usual(buffer, start, end, position, ns, frame, capture)
            if reached:
                return reached
        return self._message(buffer, start, end, position, ns, frame, capture)

    def _usual(self, buffer: Buffer, start: int, end: int, position: int, ns: int, frame: int, capture: int) -> int:
        """A whole F O L D head in one stretch; 0 if it is not one."""
        length: int = MESSAGE_HEAD.unpack_from(buffer, start)[1]
        after = start + HEAD + length
        if length > LARGEST_NAME or after + AFTER_NAME.size > end:
            return 0
        o, o_length, offset, l, l_length, line, d, size = AFTER_NAME.unpack_from(buffer, after)  # noqa: E741
        if o != O or l != L or d != D or o_length != 8 or l_length != 8 or not 0 < size <= LARGEST_LENGTH:
            return 0
        name = buffer[start + HEAD : after]
        if length != self.name_length or name != self.name:
            self._named(bytes(name))
        counts = self.counts
        counts[0] += 1
        counts[1] += 1
        counts[2] += 1
        reached = after + AFTER_NAME.size
        self.unsure = False
        self._data(position, reached - start, size, offset, line, ns, frame, capture)
        return reached

    def _named(self, name: bytes) -> None:
        self.name = name
        self.name_length = len(name)
        self.file = self.table.file_index(name)

    def _message(self, buffer: Buffer, start: int, end: int, position: int, ns: int, frame: int, capture: int) -> int:
        """One message head, which may come in several stretches."""
        partial = self.partial
        if not partial:
            self.begun = (position, ns, frame, capture)
        wanted = HEAD
        while True:
            more = min(end, start + max(0, wanted - len(partial)))
            partial += buffer[start:more]
            start = more
            if len(partial) < wanted:
                return start
            letter, length = MESSAGE_HEAD.unpack_from(partial, 0)
            needs = self._needs(letter, length)
            if needs == wanted:
                break
            wanted = needs
        body = bytes(partial[HEAD:])
        partial.clear()
        self._take(letter, length, body, *self.begun)
        return start

    def _needs(self, letter: int, length: int) -> int:
        """Bytes that must be together before a message can be taken."""
        if letter == F and length <= LARGEST_NAME:
            return HEAD + length
        if letter in (O, L) and length == 8:
            return HEAD + 8
        return HEAD

    def _take(self, letter: int, length: int, body: bytes, position: int, ns: int, frame: int, capture: int) -> None:
        """A message head is whole; `body` is the content of F, O or L."""
        column = LETTERS.get(letter)
        if column is None or length > LARGEST_LENGTH:
            shown = chr(letter) if 0x20 < letter < 0x7F else f"0x{letter:02x}"
            if self.unsure:
                pass  # its content was zstd perhaps, and longer or shorter than D says
            elif column is None:
                self.state.connection.weird("GPI103", self.channel, frame, ns, letter=shown, position=position)
            else:
                self.state.connection.weird("GPI107", self.channel, frame, ns, letter=shown, length=length, position=position)
            self._lose_framing(position)
            self.partial += MESSAGE_HEAD.pack(letter, length)[1:]  # the next head may begin in what was taken for one
            self.marks.append((position + 1 + (self.state.body_start or 0), ns, frame, capture))
            return
        self.unsure = False
        self.counts[column] += 1 if letter != D else 0
        if self.begin is None:
            self.begin, self.begin_ns, self.begin_frame, self.begin_capture = position, ns, frame, capture
        if letter == D:
            here = position + HEAD - self.begin
            self._data(self.begin, here, length, self.offset, self.line, self.begin_ns, self.begin_frame, self.begin_capture)
        elif letter == E:
            self._error(position, length, ns, frame, capture)
        elif letter == F and length <= LARGEST_NAME:
            self._named(body)
        elif letter == F:
            self.state.connection.weird("GPI106", self.channel, frame, ns, length=length)
            self.file, self.name, self.name_length = NO_FILE, b"", -1
            self.channel.pass_over(length)
        elif length != 8:
            self.state.connection.weird("GPI105", self.channel, frame, ns, letter=chr(letter), length=length)
            self.channel.pass_over(length)
        elif letter == O:
            self.offset = NUMBER.unpack(body)[0]
        else:
            self.line = NUMBER.unpack(body)[0]

    # content --------------------------------------------------------------------------------------------------------

    def _data(self, position: int, head: int, length: int, offset: int, line: int, ns: int, frame: int, capture: int) -> None:
        state, channel = self.state, self.channel
        self.counts[3] += 1
        if not self.zstd:
            state.announced += length
        if state.first_byte_ns is None:
            state.first_byte_ns = ns
        flags = rows.ASSUMED if self.assumed else 0
        self.assumed = False
        if not length:
            self.table.append(
                position, head, 0, NO_FILE, offset, line, ns, ns, frame, frame, capture, rows.END, flags | rows.COMPLETE
            )
            state.ended = True
            self.over = True
            self._fresh()
            return
        if self.zstd:
            flags |= rows.ZSTD
        self.table.append(position, head, length, self.file, offset, line, ns, UNKNOWN, frame, frame, capture, rows.DATA, flags)
        self.begin = None
        self.last = (self.file, offset)
        self.offset = self.line = UNKNOWN
        self.missing_before = channel.missing.total
        if self.keep is not None:
            self.keep.open_package(len(self.table) - 1)
        if self.zstd:
            state.cut[len(self.table) - 1] = 0
            if length > LARGEST_BLOCK:
                state.connection.weird("GPI107", channel, frame, ns, letter="D", length=length, position=position)
                self._lose_framing(position + head)
                return
            self.inflater = Inflater(length)
        else:
            channel.pass_over(length, self.keep is not None)

    def _error(self, position: int, length: int, ns: int, frame: int, capture: int) -> None:
        self.table.append(position, HEAD, length, NO_FILE, UNKNOWN, UNKNOWN, ns, UNKNOWN, frame, frame, capture, rows.ERROR, 0)
        self.error_text = bytearray()
        self.missing_before = self.channel.missing.total
        self.state.errors.append("")
        if self.state.first_byte_ns is None:
            self.state.first_byte_ns = ns
        self._fresh()
        if length:
            self.channel.pass_over(length, True)
        else:
            self.content_end(ns, frame)

    def content(self, buffer: Buffer, start: int, end: int) -> None:
        if self.error_text is not None:
            room = LARGEST_ERROR_TEXT - len(self.error_text)
            self.error_text += buffer[start : min(end, start + max(0, room))]
            self.state.errors[-1] = self.error_text.decode("utf-8", "backslashreplace")
        elif self.keep is not None and self.begin is None and len(self.table):
            last = self.table[-1]
            at = self.channel.position - (self.state.body_start or 0) - last.position - last.head
            self.keep.write(at, buffer, start, end)

    def content_end(self, ns: int, frame: int) -> None:
        if self.begin is not None:
            return  # the content of a strange F, O or L
        self.error_text = None
        self.table.close_last(ns, frame, rows.COMPLETE if self.channel.missing.total == self.missing_before else 0)

    def _inflate(self, buffer: Buffer, start: int, end: int, ns: int, frame: int) -> int:
        """The content of a D is one zstd frame; where it ends, the next message begins."""
        inflater = self.inflater
        assert inflater is not None
        state, given = self.state, inflater.given
        used = inflater.feed(buffer, start, end, self.keep)
        state.announced += inflater.given - given
        state.cut[len(self.table) - 1] = inflater.given
        if inflater.problem:
            state.connection.weird("GPI108", self.channel, frame, ns, problem=inflater.problem)
            self.inflater = None
            self._lose_framing(self.channel.position + used - (state.body_start or 0))
        elif inflater.done:
            self.inflater = None
            wanted = self.table[-1].length
            if inflater.given == wanted:
                del state.cut[len(self.table) - 1]
            else:
                problem = f"the frame holds {inflater.given} bytes, D announced {wanted}"
                state.connection.weird("GPI108", self.channel, frame, ns, problem=problem)
            self.table.close_last(ns, frame, rows.COMPLETE if inflater.given == wanted else 0)
        return start + used

    # lost and found -------------------------------------------------------------------------------------------------

    def cut_short(self, count: int) -> None:
        """Of the content of the last message, `count` bytes are gone, and with them the place of the next message."""
        if self.error_text is None and self.begin is None and len(self.table):
            self.state.announced -= count
            self.state.cut[len(self.table) - 1] = self.table[-1].length - count
        self.error_text = None

    def lost(self, count: int) -> None:
        """Bytes of a head (or of a zstd frame) are missing: where the next message begins is not known any more."""
        if self.over:
            return
        if self.searching and count:
            self.channel.end -= count  # the head that is looked for stands in front of the hole
            self._bare_head()
            if not self.searching:
                self._into_the_hole(count)
                return
            self.channel.end += count
        self.inflater = None
        self.state.framing = False
        self._lose_framing(self.channel.position - (self.state.body_start or 0))

    def _lose_framing(self, position: int) -> None:
        """Where the next message begins is not known from `position` of the body on."""
        if not self.searching:
            channel = self.channel
            self.state.connection.weird("GPI101", channel, channel.last_frame, channel.last_ns, position=position)
            self.lost_at = position + (self.state.body_start or 0)
        self.searching = True
        self.partial.clear()
        self.marks.clear()
        self._fresh()

    def _search(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> int:
        """Look for F len name O 8 offset L 8 line D len."""
        kept = len(self.partial)
        window = bytes(self.partial) + bytes(buffer[start:end])
        self.marks.append((self.channel.end, ns, frame, capture))
        state = self.state
        request = state.request
        guess = not state.head_whole and not state.response_zstd and (request.zstd_offered or not request.whole)
        # then the content tells if it is zstd
        wanted = AFTER_NAME.size + (len(MAGIC) if guess else 0)
        for at, head in self._chains(window, wanted):
            if guess:
                self.zstd = state.response_zstd = window.startswith(MAGIC, at + AFTER_NAME.size)
            return self._found(window, head, kept, start)
        self.searched += end - start
        self.partial = bytearray(window[-TAIL:])
        first = self.channel.end + end - start - len(self.partial)
        while len(self.marks) > 1 and self.marks[1][0] <= first:
            del self.marks[0]
        if self.state.connection.unproven and self.searched > SEARCH_LIMIT:
            self.partial.clear()
            self.channel.pass_over(ENDLESS)
        return end

    def _chains(self, window: bytes, wanted: int) -> Iterator[tuple[int, int]]:
        """Where a plausible chain has its O, and where its F begins; behind the O there are `wanted` bytes at least."""
        at = window.find(CHAIN)
        while 0 <= at <= len(window) - wanted:
            if (
                self._plausible(window, at)
                and (head := self._head_before(window, at)) is not None
                and self._follows(window[head + HEAD : at], AFTER_NAME.unpack_from(window, at)[2])
            ):
                yield at, head
            at = window.find(CHAIN, at + 1)

    def _bare_head(self) -> None:
        """Bytes are missing behind a head that is whole: its package counts, though nothing tells whether its content is zstd.

        `partial` is the tail of what was looked through, so such a head ends with it or a few bytes earlier.
        """
        window = bytes(self.partial)
        for at, head in self._chains(window, AFTER_NAME.size):
            if len(window) - at - AFTER_NAME.size < len(MAGIC):
                self._found(window, head, len(window), 0)
                return

    def _into_the_hole(self, count: int) -> None:
        """Of the content of the package that was found, and perhaps of what follows it, the next `count` bytes are missing."""
        channel = self.channel
        self.unsure = True
        self.missing_before -= 1  # the hole was counted before the package was found
        inside = min(channel.left, count)
        channel.left -= inside
        if not channel.left:
            self.content_end(channel.last_ns, channel.last_frame)
        if count > inside:
            channel.end += count - inside
            self.lost(count - inside)

    def _head_before(self, window: bytes, at: int) -> int | None:
        """Where the F whose name ends at `at` begins."""
        if self.name and window.endswith(self.name, 0, at):
            begin = at - len(self.name) - HEAD
            if begin >= 0 and MESSAGE_HEAD.unpack_from(window, begin) == (F, len(self.name)):
                return begin
        lowest = max(0, at - HEAD - LARGEST_NAME)
        begin = window.rfind(NAME_BEGINS, lowest, at)
        while begin >= 0:
            if begin < at - HEAD and MESSAGE_HEAD.unpack_from(window, begin)[1] == at - begin - HEAD:
                return begin
            begin = window.rfind(NAME_BEGINS, lowest, begin + len(NAME_BEGINS) - 1)
        return None

    def _plausible(self, window: bytes, at: int) -> bool:
        o, o_length, offset, l, l_length, _, d, size = AFTER_NAME.unpack_from(window, at)  # noqa: E741
        return bool(o == O and l == L and d == D and o_length == l_length == 8 and 0 < size <= LARGEST_LENGTH and offset < 1 << 60)

    def _follows(self, name: bytes, offset: int) -> bool:
        """A connection gets the blocks of a file in order: an earlier offset is an accident in the rows."""
        file, last = self.last
        return self.table.known_files.get(name) != file or last == UNKNOWN or offset > last

    def _found(self, window: bytes, head: int, kept: int, start: int) -> int:
        state, channel = self.state, self.channel
        behind = kept - head  # bytes of the head that came in earlier stretches
        _, ns, frame, capture = max(mark for mark in self.marks if mark[0] <= channel.end - behind)
        if state.body_start is None:
            state.body_start = channel.end - behind
            state.connection.recognised(channel)
        elif not self.state.connection.unproven:
            skipped = channel.end - behind - self.lost_at
            state.connection.weird(
                "GPI102", channel, frame, ns, position=channel.end - behind - state.body_start, skipped=max(0, skipped)
            )
        self.searching = self.unsure = False
        self.assumed = True
        state.framing = True
        self.partial.clear()
        length: int = MESSAGE_HEAD.unpack_from(window, head)[1]
        after = head + HEAD + length
        _, _, offset, _, _, line, _, size = AFTER_NAME.unpack_from(window, after)
        self._named(window[head + HEAD : after])
        for column in range(3):
            self.counts[column] += 1
        reached = after + AFTER_NAME.size
        position = channel.end - behind - state.body_start
        rest = window[reached:kept]  # content that came in earlier stretches, while it was not clear what it is
        channel.end -= len(rest)
        self._data(position, reached - head, size, offset, line, ns, frame, capture)
        if rest:
            channel.deliver(rest, 0, len(rest), channel.last_ns, channel.last_frame, capture)
        return start + max(0, reached - kept)

    def close(self) -> None:
        """The stream is over: an end package may be all that is left of it."""
        if self.state.trailing:
            channel = self.channel
            self.state.connection.weird("GPI109", channel, channel.last_frame, channel.last_ns, bytes=self.state.trailing)
        self._compare_length()
        if self.searching:
            self._bare_head()
        alone = self.state.body_start is None and not self.state.connection.unproven
        if self.searching and self.partial.endswith(END_PACKAGE) and (alone or self.state.body_start is not None):
            if self.state.body_start is None:
                self.state.body_start = self.channel.end - HEAD
            position = self.channel.end - self.state.body_start - HEAD
            self.assumed = True
            self.searching = False
            self.state.framing = True
            self._data(position, HEAD, 0, UNKNOWN, UNKNOWN, self.channel.last_ns, self.channel.last_frame, 0)

    def _compare_length(self) -> None:
        """libcurl stops at the announced length: messages beyond it never reach the segment, and missing ones are an error."""
        state, channel = self.state, self.channel
        if state.response_length is None or state.body_start is None or state.connection.closed_by is None:
            return
        came = channel.position - state.body_start
        if came != state.response_length:
            told = f"Content-Length: {state.response_length} for a body of {came} bytes"
            state.connection.weird("GPI115", channel, channel.last_frame, channel.last_ns, what=told)
