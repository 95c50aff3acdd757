"""The hot loop: capture records in, connections with their exchanges and package rows out.

A frame that is in order and lies inside content costs one look-up, one comparison and a few stores; everything else takes the slow
way through `Decoder` and `Stream.arrive`, which gives the same answers. Content is not touched unless a store wants it.
"""

import struct
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from gpinspect.capture.records import LATEST_NS, doubt
from gpinspect.capture.window import Window, classic_head
from gpinspect.engine.channel import Buffer
from gpinspect.engine.connection import Connection, host_text
from gpinspect.engine.content import ContentStore
from gpinspect.engine.exchange import ExchangeState
from gpinspect.engine.link import ACK, FIN, RST, SYN, Decoder, TcpSegment, fast_layout, plain_headers
from gpinspect.engine.stream import MASK, NEVER, Stream
from gpinspect.model import Address, Notice, Place, Weird

if TYPE_CHECKING:
    from gpinspect.engine.tls.keys import KeyStore

_U16 = struct.Struct(">H")
_SEQUENCE = struct.Struct(">IIB")

Tap = Callable[[int, int, bytes, int], None]
"""Shown every piece of plaintext of TLS: side, position of its first byte in that direction, bytes, frame number."""

BodyTap = Callable[[ExchangeState, int, bytes, int], None]
"""Shown every piece of a body out of its chunks: exchange, position of its first byte in the body, bytes, frame number."""

HeadTap = Callable[[ExchangeState, bool, bytes, int], None]
"""Shown every head: exchange, whether it is that of the answer, its bytes as far as they came, frame number."""

MOST_WEIRDS = 32
"""Weirds of one code that are kept for one connection; the rest is counted."""
SWITCH_AFTER = 16
"""Frames in a row of the other IP version after which the fast layout is changed."""
LOOK_BACK = 64
"""Earlier frames of a stream that are looked at for bytes that came again."""


class Index:
    """Takes windows of capture records (a `FrameSink`) and holds what they say, in bounded memory: it grows with connections,
    exchanges and packages, not with bytes."""

    def __init__(
        self, store: ContentStore | None = None, keys: "Callable[[], KeyStore] | None" = None, hashed: bool = False
    ) -> None:
        self.store = store
        self._keys = keys
        self._key_store: KeyStore | None = None
        self.hashed = hashed  # SHA-256 of the plaintext of TLS is wanted
        self.tap: Tap | None = None
        self.body_tap: BodyTap | None = None
        self.head_tap: HeadTap | None = None
        self.frames = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.connections: list[Connection] = []
        self.texts: dict[str, str] = {}
        self.backward = 0  # frames whose time is before that of the frame in front of them
        self._streams: dict[bytes, Stream] = {}
        self._addresses: dict[bytes, Address] = {}
        self._decoder = Decoder()
        self._versions: dict[int, int] = {}  # link type -> IP version of its fast layout
        self._other = 0
        self._unknown_links: Counter[int] = Counter()
        self._weirds: list[tuple[str, Connection, int | None, Place, dict[str, str | int]]] = []
        self._weird_counts: Counter[tuple[int, str]] = Counter()
        self._contents = 0
        self._buffer: Buffer = b""
        self._begin = 0
        self._at = 0

    # the loop -------------------------------------------------------------------------------------------------------

    def run(self, window: Window) -> None:
        """Take every whole record that fits the layout of the window; move its `start` behind them."""
        while self._run(window):
            pass  # the capture turned out to be mostly of the other IP version

    def _run(self, window: Window) -> bool:
        layout = window.layout
        version = self._versions.setdefault(layout.link, 4)
        fast = fast_layout(layout.link, version)
        if self.first_ns is None and window.start + layout.length <= window.end:
            _, _, _, high, low, _, _ = layout.head.unpack_from(window.buffer, window.start)
            self.first_ns = high * layout.high_ns + low * layout.low_ns + layout.base_ns
            self.last_ns = self.first_ns
        self._buffer = window.buffer
        self._begin = window.start
        if fast is None:
            self._skip(window)
            return False
        head, header, kind, interface, sized, high_ns, low_ns, base_ns, link = layout
        unpack_head, unpack_classic = head.unpack_from, classic_head(head.format).unpack_from
        unpack, tag, ip_version, unfragmented, reach, base = fast[0].unpack_from, *fast[1:]
        buffer, at, end, shift = window.buffer, window.start, window.end, window.base
        view = memoryview(buffer)
        streams = self._streams
        headers = plain_headers(base)
        frame = self.frames
        last = self.last_ns or 0
        latest = at
        earliest_high = -(base_ns // high_ns) if base_ns < 0 else 0
        latest_high = (LATEST_NS - base_ns) // high_ns - 1
        second, second_ns = -1, 0  # `high` of the frame before, in nanoseconds
        while True:  # behind `end` there is slack to read, and a record that begins there ends behind it too
            start = at + header
            if not sized:  # classic pcap has neither kinds nor interfaces
                high, low, captured, original = unpack_classic(buffer, at)
                following = start + captured
            else:
                its_kind, size, its_interface, high, low, captured, original = unpack_head(buffer, at)
                following = start + captured
                if its_kind != kind or its_interface != interface:
                    break
                if following > at + size or not earliest_high <= high <= latest_high:
                    break
                following = at + size
            if following > end:
                break
            frame += 1
            latest = at
            its_tag, its_version, total, fragment, protocol, key, sequence, ack, control = unpack(buffer, start)
            if (
                protocol == 6
                and its_tag == tag
                and its_version == ip_version
                and total + reach <= captured
                and (fragment == unfragmented or not fragment)
                and (header_end := headers[control])
                and (stream := streams.get(key)) is not None
            ):
                length = total - header_end
                if length == 0:
                    stream.ack = ack
                    if stream.watching:
                        stream.peer.acknowledged(high * high_ns + low * low_ns + base_ns)
                    at = following
                    continue
                if length > 0:
                    if high != second:
                        second, second_ns = high, high * high_ns + base_ns
                    ns = second_ns + low * low_ns
                    if sequence == stream.expected:
                        stream.expected = stream.next = (sequence + length) & MASK
                        left = stream.left - length
                        if left > 0:
                            stream.left = left
                            stream.last_ns = ns
                            stream.last_frame = frame
                            at = following
                            continue
                        begin = start + reach + header_end
                        room = stream.room - length
                        if room > 0:
                            stream.room = room
                            stream.last_ns = ns
                            stream.last_frame = frame
                            gathered = stream.gathered
                            gathered += view[begin : begin + length]
                            at = following
                            continue
                        stream.ack = ack
                        if stream.room:
                            stream.last_ns = ns
                            stream.last_frame = frame
                            stream.reader.feed(buffer, begin, begin + length, ns, frame, shift + at)
                            stream.end += length
                            at = following
                            continue
                        if left == 0:
                            stream.left = 0
                            stream.last_ns = ns
                            stream.last_frame = frame
                            stream.reader.content_end(ns, frame)
                            at = following
                            continue
                        stream.deliver(buffer, begin, begin + length, ns, frame, shift + at)
                        if stream.wanted:
                            stream.expected = NEVER
                        at = following
                        continue
                    stream.ack = ack
                    if stream.watching:
                        stream.peer.acknowledged(ns)
                    self._at = start
                    stream.arrive(sequence, buffer, start + reach + header_end, length, length, ns, frame, shift + at)
                    at = following
                    continue
            if doubt(layout, size if sized else 0, high, low, captured, original):
                frame -= 1
                break
            ns = high * high_ns + low * low_ns + base_ns
            if ns < last:
                self.backward += 1
            last = ns
            self._at = start
            self._slow(link, buffer, start, captured, original, ns, frame, shift + at)
            if self._versions[link] != version:
                at = following
                break
            at = following
        window.start = at
        self._buffer = b""
        if frame > self.frames:
            _, _, _, high, low, _, _ = unpack_head(buffer, latest)
            self.last_ns = high * high_ns + low * low_ns + base_ns
            self.frames = frame
        return self._versions[link] != version

    def _skip(self, window: Window) -> None:
        """Count the records of a link type that is not known."""
        layout = window.layout
        at, end = window.start, window.end
        while at + layout.length <= end:
            kind, size, interface, high, low, captured, original = layout.head.unpack_from(window.buffer, at)
            following = at + size if layout.sized else at + layout.length + captured
            if kind != layout.kind or interface != layout.interface or following > end:
                break
            if doubt(layout, size if layout.sized else 0, high, low, captured, original):
                break
            self.frames += 1
            self._unknown_links[layout.link] += 1
            self.last_ns = high * layout.high_ns + low * layout.low_ns + layout.base_ns
            at = following
        window.start = at

    def take(self, link: int, data: bytes, original: int, ns: int, frame: int, capture: int) -> None:
        """Take one frame, the slow way: the same answers as `run`, for frames that are read again."""
        self._versions.setdefault(link, 4)
        self._slow(link, data, 0, len(data), original, ns, frame, capture)

    # the slow way ---------------------------------------------------------------------------------------------------

    def _slow(self, link: int, buffer: Buffer, start: int, captured: int, original: int, ns: int, frame: int, capture: int) -> None:
        data = bytes(buffer[start : start + captured])
        tcp = self._decoder.decode(link, data, original)
        if tcp is None:
            if self._decoder.unreachable is not None:
                self._unreachable(self._decoder.unreachable, ns, frame)
            return
        version = 4 if len(tcp.key) == 12 else 6
        if version != self._versions[link]:
            self._other += 1
            if self._other > SWITCH_AFTER:
                self._other = 0
                self._versions[link] = version
        stream = self._streams.get(tcp.key)
        if tcp.flags & SYN:
            stream = self._syn(stream, tcp, ns, frame, capture)
        elif stream is None:
            stream = self._connection(tcp.key, ns, frame, capture).streams[0]
        connection = stream.connection
        connection.end_ns = ns
        connection.last_frame = frame
        if tcp.flags & ACK and not tcp.flags & (RST | SYN):
            stream.ack = tcp.acknowledgment
            if stream.watching:
                stream.peer.acknowledged(ns)
        if stream.next is None and tcp.flags & FIN and not tcp.flags & (SYN | RST):
            stream.pick_up(tcp.sequence)  # else the first payload decides: a bare acknowledgment may be a keep-alive
        if tcp.length:
            sequence = tcp.sequence + 1 if tcp.flags & SYN else tcp.sequence
            if not (tcp.flags & RST):
                stream.arrive(sequence & MASK, tcp.data, tcp.start, tcp.captured, tcp.length, ns, frame, capture)
        if tcp.flags & (FIN | RST):
            self._closing(stream, tcp)

    def _unreachable(self, key: bytes, ns: int, frame: int) -> None:
        """An ICMP message about a segment of a stream; only one that answers the opening of a connection is of interest."""
        stream = self._streams.get(key)
        if stream is not None and stream.peer.next is None and not stream.connection.answered:
            connection = stream.connection
            connection.unreachable += 1
            connection.end_ns = ns
            connection.last_frame = frame

    def _syn(self, stream: Stream | None, tcp: TcpSegment, ns: int, frame: int, capture: int) -> Stream:
        """An opening segment: of a new connection, or the second one of it, or one sent again."""
        first = (tcp.sequence + 1) & MASK
        answer = bool(tcp.flags & ACK)
        if stream is not None:
            connection = stream.connection
            begun = stream.syn
            if begun is not None:
                fits = begun == first
            elif stream.next is None:
                fits = answer and connection.opened
            else:
                fits = stream.origin == first  # captured behind the first payload
            if not fits:
                connection.finish()
                stream = None
        if stream is None:
            connection = self._connection(tcp.key, ns, frame, capture, opener=not answer)
            stream = connection.streams[1 if answer else 0]
        connection = stream.connection
        if stream.syn is None:
            stream.syn = first
            if stream.next is None:
                stream.begin(first)
            stream.refresh()
        if answer:
            connection.answered = True
            if stream.peer.next is None:
                stream.peer.begin(tcp.acknowledgment)
        connection.opened = True
        return stream

    def _connection(self, key: bytes, ns: int, frame: int, capture: int, opener: bool = True) -> Connection:
        """A new connection, whose side 0 sends with `key` (or, if not `opener`, receives)."""
        size = 4 if len(key) == 12 else 16
        other = key[size : 2 * size] + key[:size] + key[2 * size + 2 :] + key[2 * size : 2 * size + 2]
        if not opener:
            key, other = other, key
        connection = Connection(self, len(self.connections) + 1, key, ns, frame, capture)
        self.connections.append(connection)
        self._streams[key], self._streams[other] = connection.streams
        for stream, text in zip(connection.streams, (key, other), strict=True):
            stream.key = text
        return connection

    def begin_again(self, key: bytes, ns: int, frame: int, capture: int) -> Stream:
        """A new connection with the ports of an earlier one, of which nobody saw a SYN; gives the stream that sends with `key`."""
        return self._connection(key, ns, frame, capture).streams[0]

    def _closing(self, stream: Stream, tcp: TcpSegment) -> None:
        connection = stream.connection
        if connection.closed_side is None:
            connection.closed_side = stream.side
        if tcp.flags & RST:
            if connection.reset_side is None:
                connection.reset_side = stream.side
        else:
            stream.fin = True
            if stream.next == (tcp.sequence + tcp.length) & MASK and not stream.early:
                stream.end_reading()

    def differing(self, stream: Stream, sequence: int, buffer: Buffer, start: int, count: int) -> int:
        """How many bytes of a segment that came again read otherwise than the first time, as far as the window reaches back."""
        if stream.snapped or not isinstance(self._buffer, bytearray):
            return 0
        size = 12 if len(stream.key) == 12 else 36
        at = self._at
        for _ in range(LOOK_BACK):
            at = self._buffer.rfind(stream.key, self._begin, at)
            if at < 12:
                return 0
            tcp = at + size - 4
            its_sequence, _, offset = _SEQUENCE.unpack_from(self._buffer, tcp + 4)
            length = _U16.unpack_from(self._buffer, at - 10)[0] - 20 if size == 12 else _U16.unpack_from(self._buffer, at - 4)[0]
            header = (offset >> 2) & 60
            ahead = (sequence - its_sequence) & MASK
            if ahead < length - header:
                again = min(length - header - ahead, count)
                old = self._buffer[tcp + header + ahead : tcp + header + ahead + again]
                new = bytes(buffer[start : start + again])
                return 0 if old == new else sum(a != b for a, b in zip(old, new, strict=False))
        return 0

    # what was noticed -----------------------------------------------------------------------------------------------

    def content_key(self) -> int:
        """A number under which the content of a new exchange is kept."""
        self._contents += 1
        return self._contents

    @property
    def keys(self) -> "KeyStore":
        """Key material for TLS; asked for when the first connection that speaks it is met."""
        if self._key_store is None:
            from gpinspect.engine.tls.keys import KeyStore

            self._key_store = self._keys() if self._keys is not None else KeyStore()
        return self._key_store

    def address(self, name: bytes) -> Address:
        """The address whose host and port stand in `name` as on the wire; the same object for the same name."""
        found = self._addresses.get(name)
        if found is None:
            found = self._addresses[name] = Address(host_text(name[:-2]), int.from_bytes(name[-2:], "big"))
        return found

    def weird(
        self, code: str, connection: Connection, side: int | None, frame: int, ns: int, position: int, values: dict[str, str | int]
    ) -> None:
        """Something that a well-behaved peer, network or recorder does not do."""
        name = (connection.id, code)
        self._weird_counts[name] += 1
        if self._weird_counts[name] <= MOST_WEIRDS:
            self._weirds.append((code, connection, side, Place(frame, ns, position), values))

    def weirds(self) -> list[Weird]:
        """All of them, with the sender told. Of one code at most `MOST_WEIRDS` a connection; the last one says how many more."""
        found = []
        seen: Counter[tuple[int, str]] = Counter()
        for code, connection, side, place, values in self._weirds:
            name = (connection.id, code)
            seen[name] += 1
            more = self._weird_counts[name] - MOST_WEIRDS
            if more > 0 and seen[name] == MOST_WEIRDS:
                values = {**values, "more": more}
            found.append(Weird(code, connection.id, connection.who(side) or "", place, values))
        return found

    def notices(self) -> list[Notice]:
        """What concerns the capture as a whole."""
        found = [Notice("GPI003", "", {"link": link, "frames": frames}) for link, frames in sorted(self._unknown_links.items())]
        snapped = [stream for connection in self.connections for stream in connection.streams if stream.snapped]
        if snapped:
            frames, count = sum(s.snapped_frames for s in snapped), sum(s.snapped for s in snapped)
            found.append(Notice("GPI005", "", {"frames": frames, "bytes": count}))
        if self.backward:
            found.append(Notice("GPI008", "", {"frames": self.backward}))
        return found

    def needs_secrets(self) -> bool:
        """A TLS connection stayed closed (or was opened in part) that a secret could open."""
        return any(
            connection.secure is not None and connection.secure.tls.report().needs_secrets for connection in self.connections
        )

    def finish(self) -> None:
        """The capture is over."""
        for connection in self.connections:
            connection.finish()
