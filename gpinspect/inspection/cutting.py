"""The frames of some connections, fetched from the inputs again as they were captured, or under a mask."""

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from gpinspect.capture.source import Record
from gpinspect.engine.connection import Connection
from gpinspect.engine.link import KNOWN_LINKS, Decoder, TcpSegment
from gpinspect.errors import SourceError

if TYPE_CHECKING:
    from gpinspect.inspection.redact import Note, Rewriter

MOST_HELD: Final = 512
"""Frames that wait for the last fragment of a datagram: only then is its connection known."""


class Owners:
    """Whose a TCP segment is. A pair of addresses and ports belongs to one connection until the first frame of the next one."""

    def __init__(self, connections: Iterable[Connection], wanted: Collection[int]) -> None:
        self._wanted = frozenset(wanted)
        self._begun: dict[bytes, list[Connection]] = {}  # by the name that each side sends with
        for connection in connections:
            for stream in connection.streams:
                self._begun.setdefault(stream.key, []).append(connection)

    def owner(self, key: bytes, frame: int) -> Connection | None:
        """The connection of a TCP segment, if it is wanted."""
        begun = self._begun.get(key)
        if begun is None:
            return None
        index = 0 if len(begun) == 1 and begun[0].first_frame <= frame else _latest(begun, frame)
        return begun[index] if index >= 0 and begun[index].id in self._wanted else None


def _latest(begun: list[Connection], frame: int) -> int:
    return bisect_right(begun, frame, key=lambda connection: connection.first_frame) - 1


class _Held:
    """A frame that waits, for its own verdict or for one in front of it."""

    __slots__ = ("datagram", "note", "record", "wanted")

    def __init__(self, record: Record, datagram: bytes | None, wanted: bool | None, note: "Note | None" = None) -> None:
        self.record = record
        self.datagram = datagram
        self.wanted = wanted
        self.note = note


class _Line:
    """Frames in the order of the capture; fragments wait in it until the rest of their datagram has come (bounded)."""

    def __init__(self) -> None:
        self._line: deque[_Held] = deque()
        self._undecided: dict[bytes, list[_Held]] = {}

    def __len__(self) -> int:
        return len(self._line)

    def fragment(self, record: Record, datagram: bytes, note: "Note | None") -> None:
        held = _Held(record, datagram, None, note)
        self._undecided.setdefault(datagram, []).append(held)
        self._line.append(held)

    def settle(self, datagram: bytes) -> list[_Held]:
        """The rest of a datagram has come: its fragments wait no more. They go unless the caller wants them."""
        settled = self._undecided.pop(datagram, [])
        for held in settled:
            held.wanted = False
        return settled

    def add(self, record: Record) -> None:
        self._line.append(_Held(record, None, True))

    def ready(self, most: int) -> Iterator[Record]:
        """Frames from the front that wait for nothing more; fragments without their rest only keep a line of `most` frames."""
        while self._line:
            first = self._line[0]
            if first.wanted is None:
                if len(self._line) <= most or first.datagram is None:
                    return
                self.settle(first.datagram)
            self._line.popleft()
            if first.wanted:
                yield first.record


def frames_of(
    records: Iterable[Record],
    connections: Iterable[Connection],
    wanted: Collection[int],
    last: int,
    rewriter: "Rewriter | None" = None,
) -> Iterator[Record]:
    """Frames of the connections with the ids `wanted`, in the order of the capture: also what was sent again, early or late.

    A fragmented datagram is there with all its fragments, or not at all. ICMP messages about a connection are there, too.

    Args:
        records: Every frame that the connections were found in, the first one numbered 1.
        last: Number of the last frame that counts; what a growing file has got since is left out.
        rewriter: Puts every frame under a mask; None: as they were captured.

    Raises:
        SourceError: There are fewer frames than that.
    """
    owners = Owners(connections, wanted)
    decoder = Decoder() if rewriter is None else rewriter.decoder
    line = _Line()
    frame = 0
    for frame, record in enumerate(records, 1):
        if record.link in KNOWN_LINKS:
            tcp = decoder.decode(record.link, record.captured, record.original)
            datagram = decoder.datagram
            if tcp is not None:
                owner = owners.owner(tcp.key, frame)
                held = line.settle(datagram) if datagram is not None else []
                if owner is not None:
                    made = _rewritten(record, held, tcp, owner, rewriter)
                    for waiting, its in zip(held, made, strict=False):
                        waiting.wanted, waiting.record = True, its
                    if not len(line):
                        yield from made[-1:]
                    elif made:
                        line.add(made[-1])
            elif datagram is not None:
                line.fragment(record, datagram, rewriter.note() if rewriter is not None else None)
            elif decoder.unreachable is not None and owners.owner(decoder.unreachable, frame) is not None:
                line.add(record if rewriter is None else rewriter.notice(record))
            yield from line.ready(MOST_HELD)
        if frame >= last:
            break
    yield from line.ready(0)
    if frame < last:
        raise SourceError(f"only {frame:,} of {last:,} frames could be read again: an input changed; cut from a copy of it")


def _rewritten(record: Record, held: list[_Held], tcp: TcpSegment, owner: Connection, rewriter: "Rewriter | None") -> list[Record]:
    """The frames of one TCP segment: those that waited for its last fragment, and the one that came now."""
    if rewriter is None:
        return [*(waiting.record for waiting in held), record]
    if not held:
        return [rewriter.whole(record, tcp, owner)]
    notes = [waiting.note for waiting in held if waiting.note is not None]
    return rewriter.datagram([*(waiting.record for waiting in held), record], notes, tcp, owner)
