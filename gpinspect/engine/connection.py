"""One TCP connection for one lifetime: who is who, what is spoken, which exchanges it carries.

What is spoken is told from the first bytes, on any port. A connection that is not gpfdist is passed over from then on.
"""

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from gpinspect.engine.channel import ENDLESS, NOBODY, Buffer, Channel
from gpinspect.engine.content import Keep
from gpinspect.engine.exchange import LARGEST_HEAD, ExchangeState
from gpinspect.engine.packages import PackageScanner
from gpinspect.engine.request import RequestReader
from gpinspect.engine.response import ResponseReader
from gpinspect.engine.stream import Stream
from gpinspect.engine.tls.preface import recognise_postgres
from gpinspect.engine.tls.recognise import Recognition, recognise
from gpinspect.model import Address
from gpinspect.model import Connection as ConnectionValue

if TYPE_CHECKING:
    from gpinspect.engine.index import Index
    from gpinspect.engine.secure import Secure

_METHOD = re.compile(rb"[A-Z]{2,12} ")
_REQUEST = re.compile(rb"(?:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT) (?:/|\*|https?:)")
"""What counts as a request where the beginning of the connection was not captured."""
_LONGEST_METHOD = len(b"OPTIONS https:")
_METHOD_BEGINS = re.compile(rb"[A-Z]{1,12}\Z")
_TLS = {Recognition.HELLO: "tls", Recognition.RECORDS: "tls", Recognition.MORE: "more", Recognition.NO: "unknown"}
_POSTGRES = {True: "postgres", False: "unknown", None: "more"}


def classify(first: bytes | bytearray) -> str:
    """What the first bytes of one direction say: request, response, tls, postgres, package, "more" (too few to tell), "unknown"."""
    if 0x14 <= first[0] <= 0x17:
        return _TLS[recognise(first)]
    first = bytes(first[:32])
    if _METHOD.match(first):
        return "request"
    if first.startswith(b"HTTP/1."):
        return "response"
    if len(first) < 7 and b"HTTP/1.".startswith(first):
        return "more"
    if first[0] == 0:
        return _POSTGRES[recognise_postgres(first)]
    if first[0:1] == b"F" and len(first) >= 6:
        return "package" if first[1:3] == b"\0\0" and first[5] == 0x2F else "unknown"
    if first[0:1] == b"D" and first[1:5] == b"\0\0\0\0":
        return "response" if b"HTTP/1.".startswith(first[5:12]) and len(first) > 5 else "more" if len(first) == 5 else "unknown"
    if first[0:1] in (b"F", b"D") and len(first) < 6 and first[1:] == bytes(len(first) - 1):
        return "more"
    return "more" if _METHOD_BEGINS.match(first) else "unknown"


class Opening:
    """Holds the first bytes of a direction until it is clear what is spoken (a `Reader`)."""

    __slots__ = ("capture", "connection", "frame", "hole", "ns", "seen", "side")

    def __init__(self, connection: "Connection", side: int) -> None:
        self.connection = connection
        self.side = side
        self.seen = bytearray()
        self.ns = self.frame = self.capture = 0
        self.hole = 0  # bytes in front of `seen` that the capture does not have

    def feed(self, buffer: Buffer, start: int, end: int, ns: int, frame: int, capture: int) -> int:
        if not self.seen:
            self.ns, self.frame, self.capture = ns, frame, capture
        self.seen += buffer[start:end]
        stream = self.connection.channels[self.side]
        stream.end += end - start
        self.connection.consider(self.side)
        stream.end -= end - start
        return end

    def content(self, buffer: Buffer, start: int, end: int) -> None:
        """No content is announced here."""

    def content_end(self, ns: int, frame: int) -> None:
        """No content is announced here."""

    def lost(self, count: int) -> None:
        """The beginning is not in the capture: whatever follows may be anything."""
        if self.seen:
            self.connection.beginning_lost(self.side)
        else:
            self.hole += count

    def cut_short(self, count: int) -> None:
        """No content is announced here."""

    def close(self) -> None:
        """Nothing more will help to tell what it was."""


class Recent(Protocol):
    """What of the capture can still be looked at."""

    def differing(self, stream: Stream, sequence: int, buffer: Buffer, start: int, count: int) -> int:
        """How many of `count` bytes that came again read otherwise than the first time (0 where that is out of reach)."""


class Connection:
    """Two streams and what is known of them together."""

    __slots__ = (
        "answered",
        "capture",
        "channels",
        "client_side",
        "closed_side",
        "end_ns",
        "exchanges",
        "finished",
        "first_frame",
        "id",
        "index",
        "key",
        "last_frame",
        "opened",
        "recent",
        "requests",
        "reset_side",
        "secure",
        "spoken",
        "start_ns",
        "streams",
        "unproven",
        "unreachable",
    )

    def __init__(self, index: "Index", number: int, key: bytes, ns: int, frame: int, capture: int) -> None:
        self.id = number
        self.index = index
        self.recent: Recent = index
        self.key = key  # as sent by side 0
        self.start_ns = ns
        self.first_frame = frame
        self.capture = capture  # where its first frame stands
        self.end_ns = ns
        self.last_frame = frame
        self.opened = False  # the SYN was captured
        self.answered = False  # and the SYN+ACK
        self.spoken = ""  # http, tls, postgres, other
        self.unproven = False  # found in mid-stream: a package is looked for, nothing else points to gpfdist
        self.reset_side: int | None = None
        self.closed_side: int | None = None
        self.finished = False
        self.unreachable = 0  # ICMP messages that said so
        self.exchanges: list[ExchangeState] = []
        first, second = Opening(self, 0), Opening(self, 1)
        self.streams = (Stream(first, self, 0), Stream(second, self, 1))
        self.streams[0].peer, self.streams[1].peer = self.streams[1], self.streams[0]
        self.channels: tuple[Channel, Channel] = self.streams  # what is read: the streams, or the plaintext inside them
        self.client_side: int | None = None
        self.requests: RequestReader | None = None
        self.secure: Secure | None = None

    # who is who -----------------------------------------------------------------------------------------------------

    def roles(self, client: int) -> None:
        self.client_side = client

    @property
    def client(self) -> Channel | None:
        return None if self.client_side is None else self.channels[self.client_side]

    @property
    def server(self) -> Channel | None:
        return None if self.client_side is None else self.channels[1 - self.client_side]

    def _address(self, side: int) -> Address:
        size = 4 if len(self.key) == 12 else 16
        name = self.key[side * size : (side + 1) * size] + self.key[size * 2 + side * 2 : size * 2 + side * 2 + 2]
        return self.index.address(name)

    @property
    def client_address(self) -> Address:
        return self._address(self.client_side or 0)

    @property
    def server_address(self) -> Address:
        return self._address(1 - (self.client_side or 0))

    def who(self, side: int | None) -> str | None:
        if side is None:
            return None
        return "client" if side == (self.client_side or 0) else "server"

    @property
    def reset_by(self) -> str | None:
        return self.who(self.reset_side)

    @property
    def closed_by(self) -> str | None:
        return self.who(self.closed_side)

    # what is spoken -------------------------------------------------------------------------------------------------

    def consider(self, side: int) -> None:
        """More first bytes of a side have come."""
        opening = self.channels[side].reader
        assert isinstance(opening, Opening)
        verdict = classify(opening.seen)
        if verdict == "more":
            return
        if verdict == "request" and not self.opened and not _REQUEST.match(opening.seen):
            if len(opening.seen) < _LONGEST_METHOD:
                return
            verdict = "unknown"  # rows may begin with a word in capitals, too
        if verdict == "request":
            self._http(side)
        elif verdict == "response":
            self._http(1 - side)
        elif verdict in ("tls", "postgres") and self.secure is None:
            self._secure(self._tls_client(side, bytes(opening.seen[:6])) if verdict == "tls" else side, verdict)
        elif verdict == "postgres":
            self._pass("postgres", client=side)
        elif not self.opened or opening.hole:
            self._search(side)
        elif side == 1 or len(opening.seen) > LARGEST_HEAD:
            self._pass("other", client=0)
        # the opener may send what it likes: what the other side answers will tell

    def _http(self, client: int) -> None:
        self.spoken = "http"
        self.unproven = False
        self.roles(client)
        asking, answering = self.channels[client], self.channels[1 - client]
        self.requests = RequestReader(asking, self)
        self._switch(asking, self.requests)
        self._switch(answering, ResponseReader(answering, self))

    def _switch(self, stream: Channel, reader: RequestReader | ResponseReader) -> None:
        """Give the held first bytes of a direction to the reader that understands them."""
        opening = stream.reader
        stream.reader = reader
        if isinstance(opening, Opening):
            if opening.seen:
                stream.end -= len(opening.seen)
                stream.deliver(bytes(opening.seen), 0, len(opening.seen), opening.ns, opening.frame, opening.capture)
        elif isinstance(reader, RequestReader):  # what was sent before the answer was no request head that we could read
            stream.reader = NOBODY
            stream.pass_over(ENDLESS)
        stream.refresh()

    def _tls_client(self, side: int, first: bytes) -> int:
        """Which side is the TLS client: who sends a ClientHello, else who opened, else who has the higher port."""
        if first[:1] == b"\x16" and first[5:] in (b"\1", b"\2"):
            return side if first[5] == 1 else 1 - side
        return 0 if self.opened or self._address(0).port > self._address(1).port else 1

    def _secure(self, client: int, spoken: str) -> None:
        """TLS (or a request for it) from here on; what is inside is read from channels of its own."""
        from gpinspect.engine.secure import Secure

        self.spoken = spoken
        self.unproven = False
        self.roles(client)
        inside = (Opening(self, 0), Opening(self, 1))
        self.secure = Secure(self, self.index.keys, client, spoken == "postgres", inside)
        self.channels = self.secure.channels
        for side in (client, 1 - client):
            stream = self.streams[side]
            opening = stream.reader
            reader = stream.reader = self.secure.reader(side)
            if isinstance(opening, Opening):
                if opening.hole:
                    reader.lost(opening.hole)
                reader.feed(bytes(opening.seen), 0, len(opening.seen), opening.ns, opening.frame, opening.capture)
            stream.refresh()

    def _pass(self, spoken: str, client: int) -> None:
        """Not ours (or not open to us): from here on only counted."""
        self.spoken = spoken
        self.roles(client)
        for channel in self.channels:
            channel.reader = NOBODY
            channel.pass_over(ENDLESS)
            channel.refresh()

    def _search(self, side: int) -> None:
        """The connection began before the capture: look for packages."""
        stream = self.channels[side]
        opening = stream.reader
        assert isinstance(opening, Opening)
        self.unproven = True
        state = ExchangeState(self, self.index.content_key())
        state.start_ns, state.first_frame = opening.ns, opening.frame
        scanner = PackageScanner(stream, state, self.keep(state), found=False)
        stream.reader = scanner
        seen = bytes(opening.seen)
        stream.end -= len(seen)
        stream.deliver(seen, 0, len(seen), opening.ns, opening.frame, opening.capture)
        stream.refresh()

    def beginning_lost(self, side: int) -> None:
        """The first bytes of a side are missing in the capture."""
        if isinstance(self.channels[side].reader, Opening):
            self._search(side)

    def recognised(self, channel: Channel) -> None:
        """A package was found in mid-stream: this side is a server."""
        if self.spoken == "http":
            return
        self.spoken = "http"
        self.unproven = False
        self.roles(0 if channel is self.channels[1] else 1)
        scanner = channel.reader
        assert isinstance(scanner, PackageScanner)
        self.exchanges.append(scanner.state)
        client = self.client
        assert client is not None
        client.reader = NOBODY
        client.pass_over(ENDLESS)
        client.refresh()

    # exchanges ------------------------------------------------------------------------------------------------------

    def _new_exchange(self, ns: int, frame: int) -> ExchangeState:
        state = ExchangeState(self, self.index.content_key())
        state.start_ns, state.first_frame = ns, frame
        self.exchanges.append(state)
        return state

    def exchange_for_request(self, ns: int, frame: int) -> ExchangeState:
        """The exchange that a request beginning here belongs to (a recorder may have written its answer first)."""
        if self.exchanges and not self.exchanges[-1].request.whole and not self.exchanges[-1].finished:
            state = self.exchanges[-1]
            if frame < state.first_frame:
                state.start_ns, state.first_frame = ns, frame
            return state
        return self._new_exchange(ns, frame)

    def exchange_for_response(self, ns: int, frame: int) -> ExchangeState:
        """The exchange that an answer beginning here belongs to."""
        if self.exchanges and not self.exchanges[-1].answered:
            return self.exchanges[-1]
        return self._new_exchange(ns, frame)

    def request_resolved(self) -> None:
        """The answer is here: the request will not become more whole than it is."""
        if self.requests is not None:
            self.requests.resolve()

    def keep(self, state: ExchangeState) -> Keep | None:
        return Keep(self.index.store, state.content_key) if self.index.store is not None else None

    def share(self, text: str | None) -> str | None:
        """The same text object for equal texts: header values repeat from exchange to exchange."""
        return None if text is None else self.index.texts.setdefault(text, text)

    def weird(self, code: str, channel: Channel, frame: int, ns: int, **values: str | int) -> None:
        if channel in self.channels:
            side = self.channels.index(channel)
        elif channel in self.streams:
            side = 0 if channel is self.streams[0] else 1
        else:
            side = 1 - (self.client_side or 0)  # the body of an answer, out of its chunks
        self.index.weird(code, self, side, frame, ns, channel.position, values)

    # the end --------------------------------------------------------------------------------------------------------

    def renew(self, stream: Stream, ns: int, frame: int, capture: int) -> Stream:
        """The ports were used again: this connection is over, and `stream`'s next segment is the first one of another."""
        for each in self.streams:
            each.ack = -1 if each is stream else each.ack  # what it acknowledged last belongs to the other connection
        self.finish()
        return self.index.begin_again(stream.key, ns, frame, capture)

    def finish(self) -> None:
        """Nothing will be captured of this connection any more."""
        if self.finished:
            return
        self.finished = True
        for stream in self.streams:
            stream.finish()
        if self.secure is not None:
            self.secure.finish(self.closed_by == "client")
        for stream in self.streams:
            for code, count in (("GPI020", stream.capture_loss), ("GPI021", stream.network_loss), ("GPI022", stream.differing)):
                if count:
                    self.weird(code, stream, stream.last_frame, stream.last_ns, bytes=count)
            if stream.last_frame and stream.peer.unseen and self.reset_side != stream.peer.side:
                self.weird("GPI025", stream, stream.last_frame, stream.last_ns)

    def last_payload_ns(self) -> int:
        return max(self.streams[0].last_ns, self.streams[1].last_ns, self.start_ns)

    def last_payload_frame(self) -> int:
        return max(self.streams[0].last_frame, self.streams[1].last_frame, self.first_frame)

    def freeze(self, gpfdist_servers: set[Address]) -> ConnectionValue:
        client, server = self.streams[self.client_side or 0], self.streams[1 - (self.client_side or 0)]
        preface = self.secure.preface.facts().preface if self.secure is not None and self.secure.preface is not None else None
        kind = self.spoken or ("other" if client.position or server.position else "silent")
        if kind == "http" and (self.server_address in gpfdist_servers or any(state.gpfdist for state in self.exchanges)):
            kind = "gpfdist"
        return ConnectionValue(
            id=self.id,
            client=self.client_address,
            server=self.server_address,
            kind=kind,
            preface=preface,
            tls=self.secure is not None and (self.secure.preface is None or preface is not None),
            opened=self.opened,
            reset_by=self.reset_by,
            closed_by=self.closed_by,
            client_bytes=client.position,
            server_bytes=server.position,
            missing_bytes=client.missing.total + server.missing.total,
            retransmitted_bytes=client.resent + server.resent,
            start_ns=self.start_ns,
            end_ns=max(self.end_ns, self.last_payload_ns()),
            frames=(self.first_frame, max(self.last_frame, self.last_payload_frame())),
            answered=self.answered,
            unreachable=self.unreachable,
        )


def host_text(host: bytes) -> str:
    """An IPv4 or IPv6 address in its usual text form (RFC 5952)."""
    return str(ip_address(host))
