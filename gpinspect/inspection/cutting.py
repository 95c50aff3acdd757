"""The frames of some connections, fetched from the inputs again as they were captured."""

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Iterator

from gpinspect.capture.source import Record
from gpinspect.engine.connection import Connection
from gpinspect.engine.link import KNOWN_LINKS, Decoder
from gpinspect.errors import SourceError

MOST_HELD = 512
"""Frames that wait for the last fragment of a datagram: only then is its connection known."""


class Owners:
    """Whose a TCP segment is. A pair of addresses and ports belongs to one connection until the first frame of the next one."""

    def __init__(self, connections: Iterable[Connection], wanted: Collection[int]) -> None:
        self._begun: dict[bytes, list[tuple[int, bool]]] = {}  # by the name that each side sends with: first frame, wanted
        for connection in connections:
            begun = (connection.first_frame, connection.id in wanted)
            for stream in connection.streams:
                self._begun.setdefault(stream.key, []).append(begun)

    def wanted(self, key: bytes, frame: int) -> bool:
        begun = self._begun.get(key)
        if begun is None:
            return False
        index = bisect_right(begun, frame, key=lambda entry: entry[0]) - 1
        return index >= 0 and begun[index][1]


class _Held:
    """A frame that waits, for its own verdict or for one in front of it."""

    __slots__ = ("datagram", "record", "wanted")

    def __init__(self, record: Record, datagram: bytes | None, wanted: bool | None) -> None:
        self.record = record
        self.datagram = datagram
        self.wanted = wanted


class _Line:
    """Frames in the order of the capture; fragments wait in it until the rest of their datagram has come (bounded)."""

    def __init__(self) -> None:
        self._line: deque[_Held] = deque()
        self._undecided: dict[bytes, list[_Held]] = {}

    def __len__(self) -> int:
        return len(self._line)

    def fragment(self, record: Record, datagram: bytes) -> None:
        held = _Held(record, datagram, None)
        self._undecided.setdefault(datagram, []).append(held)
        self._line.append(held)

    def decide(self, datagram: bytes, wanted: bool) -> None:
        """The rest of a datagram has come (or will not): its fragments stay, or go."""
        for held in self._undecided.pop(datagram, ()):
            held.wanted = wanted

    def add(self, record: Record) -> None:
        self._line.append(_Held(record, None, True))

    def ready(self, most: int) -> Iterator[Record]:
        """Frames from the front that wait for nothing more; fragments without their rest only keep a line of `most` frames."""
        while self._line:
            first = self._line[0]
            if first.wanted is None:
                if len(self._line) <= most or first.datagram is None:
                    return
                self.decide(first.datagram, False)
            self._line.popleft()
            if first.wanted:
                yield first.record


def frames_of(records: Iterable[Record], connections: Iterable[Connection], wanted: Collection[int], last: int) -> Iterator[Record]:
    """Frames of the connections with the ids `wanted`, in the order of the capture: also what was sent again, early or late.

    A fragmented datagram is there with all its fragments, or not at all.

    Args:
        records: Every frame that the connections were found in, the first one numbered 1.
        last: Number of the last frame that counts; what a growing file has got since is left out.

    Raises:
        SourceError: There are fewer frames than that.
    """
    owners = Owners(connections, wanted)
    decoder = Decoder()
    line = _Line()
    frame = 0
    for frame, record in enumerate(records, 1):
        if record.link in KNOWN_LINKS:
            tcp = decoder.decode(record.link, record.captured, record.original)
            datagram = decoder.datagram
            if tcp is None:
                if datagram is not None:
                    line.fragment(record, datagram)
            else:
                its = owners.wanted(tcp.key, frame)
                if datagram is not None:
                    line.decide(datagram, its)
                if its and not len(line):
                    yield record
                elif its:
                    line.add(record)
            yield from line.ready(MOST_HELD)
        if frame >= last:
            break
    yield from line.ready(0)
    if frame < last:
        raise SourceError(f"only {frame:,} of {last:,} frames could be read again: an input changed; cut from a copy of it")
