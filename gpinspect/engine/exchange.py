"""One request and its response while they are being seen; `freeze` gives the value that leaves the engine."""

from typing import TYPE_CHECKING

from gpinspect.model import Exchange, MessageCounts, Outcome, PackageTable

if TYPE_CHECKING:
    from gpinspect.engine.channel import Channel
    from gpinspect.engine.connection import Connection

STATUS_PAGE = "/gpfdist/status"

LARGEST_HEAD = 1 << 16
"""Bytes of a head that are kept; gpfdist itself refuses 4096."""


LARGEST_UNCONFIRMED = 1 << 30
"""Bytes that can be on their way at once (RFC 7323); a larger distance means that the acknowledgment is ahead."""


class RequestFacts:
    """What is kept of a request head. Unknown is None."""

    __slots__ = (
        "bare",
        "cid",
        "content_length",
        "coordinator",
        "csvopt",
        "data_directory",
        "database",
        "done",
        "gp_session_id",
        "line_delimiter",
        "method",
        "path",
        "proto",
        "segment",
        "segment_count",
        "seq",
        "sn",
        "transform",
        "user",
        "whole",
        "xid",
        "zstd_offered",
    )

    def __init__(self) -> None:
        self.method: str | None = None
        self.path: str | None = None
        self.xid: str | None = None
        self.cid: str | None = None
        self.sn: str | None = None
        self.segment: int | None = None
        self.segment_count: int | None = None
        self.proto: int | None = None
        self.seq: int | None = None
        self.done = False
        self.content_length: int | None = None
        self.csvopt: str | None = None
        self.line_delimiter: bytes | None = None
        self.database: str | None = None
        self.user: str | None = None
        self.gp_session_id: str | None = None
        self.transform: str | None = None
        self.zstd_offered = False
        self.data_directory: str | None = None
        self.coordinator = False  # it names a coordinator, as segments of 7 do
        self.bare = False  # the head has no X-GP- header at all
        self.whole = False  # the head was captured to its end


NO_REQUEST = RequestFacts()


class ExchangeState:
    """Filled by the readers of one connection."""

    __slots__ = (
        "announced",
        "body_bytes",
        "body_end",
        "body_start",
        "chunked",
        "connection",
        "content_key",
        "continued",
        "counts",
        "cut",
        "ended",
        "errors",
        "finished",
        "first_byte_ns",
        "first_frame",
        "foreign",
        "framing",
        "head_whole",
        "http_version",
        "last_frame",
        "last_ns",
        "no_frame",
        "posted",
        "posted_end",
        "posted_missing",
        "posted_start",
        "posted_zstd",
        "raw_body",
        "raw_length",
        "reason",
        "request",
        "response_length",
        "response_proto",
        "response_zstd",
        "row_end",
        "server_version",
        "start_ns",
        "status",
        "table",
        "trailing",
        "unread_body",
    )

    def __init__(self, connection: "Connection", content_key: int) -> None:
        self.connection = connection
        self.content_key = content_key  # under which its payload is kept, if it is
        self.request: RequestFacts = NO_REQUEST
        self.start_ns: int | None = None
        self.first_frame = 0
        self.status: int | None = None
        self.reason: str | None = None
        self.http_version: str | None = None
        self.response_proto: int | None = None
        self.response_length: int | None = None  # of a body of messages, which gpfdist never announces
        self.response_zstd = False
        self.server_version: str | None = None
        self.head_whole = False  # the head of the response was captured to its end
        self.foreign = False  # the response has neither X-GPFDIST-VERSION nor X-GP-PROTO
        self.continued = False  # a 100 Continue came first
        self.first_byte_ns: int | None = None
        self.counts: list[int] | None = None  # F O L D E
        self.errors: list[str] = []
        self.ended = False
        self.framing = True  # protocol 1: where messages begin is known
        self.table: PackageTable | None = None
        self.announced = 0  # bytes that the D messages announced; of zstd and where track was lost, bytes that came
        self.cut: dict[int, int] = {}  # bytes of content that came of packages which gave less than their D announced
        self.raw_body = False  # a protocol 0 body that is payload
        self.raw_length: int | None = None  # its bytes, where the head says how many
        self.chunked: Channel | None = None  # the response body out of its chunks, positions counted in it from 0
        self.body_start: int | None = None  # position of the response body in the server's stream
        self.body_end: int | None = None
        self.body_bytes = 0  # decompressed bytes of a protocol 0 body, if it is zstd
        self.no_frame = False  # a body that should be zstd is none
        self.posted_start: int | None = None  # position of the request body in the client's stream
        self.posted_end: int | None = None
        self.posted = 0  # bytes of it that came, missing ones among them
        self.posted_zstd: int | None = None  # decompressed bytes, None if it does not begin like a zstd frame
        self.row_end: bool | None = None  # the request body ends with the end of a row
        self.unread_body: str | None = None  # why gpfdist does not read the request body, or not all of it
        self.trailing = 0  # bytes after the end package
        self.finished = False  # the response is whole and the connection may carry another exchange
        self.last_ns: int | None = None
        self.last_frame = 0

    @property
    def channel(self) -> "Channel | None":
        """Where the response body stands: in the server's stream, or out of its chunks."""
        return self.connection.server if self.chunked is None else self.chunked

    # what the response says -----------------------------------------------------------------------------------------

    @property
    def answered(self) -> bool:
        return self.status is not None

    @property
    def gpfdist(self) -> bool:
        """The exchange by itself shows that gpfdist or a Greenplum segment takes part."""
        request = self.request
        spoke = self.answered and not self.foreign
        asked = request is not NO_REQUEST and (not request.bare or request.path == STATUS_PAGE) and request.method is not None
        return spoke or self.spoke_messages or asked

    @property
    def spoke_messages(self) -> bool:
        """Messages of protocol 1 were in the response."""
        return self.counts is not None and any(self.counts)

    @property
    def visible(self) -> bool:
        """A request whose head is whole, or something that was answered, or messages without a captured request."""
        return self.request.whole or self.answered or self.spoke_messages

    def effective_proto(self) -> int | None:
        """The protocol that was spoken, as far as the response tells; None for a refused, late or missing answer."""
        if self.response_proto is not None:
            return self.response_proto
        if not self.answered:
            return 1 if self.spoke_messages and self.request is NO_REQUEST else self._shown_proto()
        if not self.head_whole and self.response_proto is None:
            return self._shown_proto()
        return 0 if self.status == 200 and self.raw_body and self._body_length() else None

    def _shown_proto(self) -> int | None:
        """1 where more than an end package shows it, which also follows a late answer."""
        return 1 if self.counts is not None and (any(self.counts[:3]) or self.counts[4] or self.announced) else None

    def _body_length(self) -> int:
        channel = self.channel
        if self.body_start is None or channel is None:
            return 0
        end = channel.position if self.body_end is None else self.body_end
        return max(0, end - self.body_start)

    # payload --------------------------------------------------------------------------------------------------------

    def payload_bytes(self, posted_zstd: bool) -> tuple[int, int]:
        """Bytes of payload that were captured, and bytes of it that the capture lacks."""
        request, connection, server = self.request, self.connection, self.channel
        total = lacking = 0
        if self.table is not None and self.body_start is not None and server is not None:
            total = self.announced - self._unfinished(server.position - self.body_start)
            if not self.response_zstd:
                lacking = sum(end - start for start, end in self._missing_content())
                total -= lacking
        elif self.raw_body and self.body_start is not None and server is not None:
            if self.response_zstd:
                total = self.body_bytes
            else:
                end = self.body_start + self._body_length()
                lacking = sum(b - a for a, b in server.missing.within(self.body_start, end))
                total = end - self.body_start - lacking
        if self.posted_start is not None and connection.client is not None:
            if posted_zstd:
                return self.posted_zstd or 0, 0
            end = connection.client.position if self.posted_end is None else self.posted_end
            end = min(end, self.posted_start + (request.content_length or 0))
            lost = sum(b - a for a, b in connection.client.missing.within(self.posted_start, max(end, self.posted_start)))
            total += max(0, end - self.posted_start) - lost
            lacking += lost
        return total, lacking

    def _unfinished(self, now: int) -> int:
        """Announced bytes of the last package that have not come, the body having reached position `now`."""
        assert self.table is not None
        if not len(self.table):
            return 0
        last = self.table[-1]
        if last.kind:
            return 0
        if self.response_zstd or len(self.table) - 1 in self.cut:
            return 0
        return max(0, last.position + last.head + last.length - now)

    def _missing_content(self) -> list[tuple[int, int]]:
        """Stretches of D content that were not captured, as stream positions."""
        server, table = self.channel, self.table
        assert server is not None and table is not None and self.body_start is not None
        if not server.missing:
            return []
        found: list[tuple[int, int]] = []
        for index, _, _, length, content in table.spans():
            start = self.body_start + content
            found += server.missing.within(start, start + self.cut.get(index, length))
        return found

    # how it ended ---------------------------------------------------------------------------------------------------

    def outcome(self, repeated: bool, payload: int) -> Outcome:
        """The word of the JSON contract. `repeated`: this Greenplum segment had had the same SEQ accepted before."""
        request, connection = self.request, self.connection
        if self.status == 408:
            return Outcome.REFUSED
        if request.whole and (request.method not in ("GET", "POST") or request.path == STATUS_PAGE or request.bare):
            return Outcome.PROBE
        if self.answered and (self.status or 0) >= 400:
            return Outcome.REFUSED
        if request.method == "POST":
            if not self.answered:
                return Outcome.OPEN if connection.closed_by is None else Outcome.UNANSWERED
            if (request.content_length or 0) and self.posted and not request.done:
                if self.response_proto is None:
                    return Outcome.DISCARDED
                return Outcome.DUPLICATE if repeated else Outcome.ACCEPTED
            return Outcome.ACCEPTED
        if self.errors:
            return Outcome.ERROR
        if self.head_whole and self.status == 200 and self.response_proto is None and not self.raw_body:
            return Outcome.LATE
        if self.ended:
            return Outcome.COMPLETE
        if self.answered and self.raw_body and self._body_over():
            return Outcome.LOST if self._uncertain() else Outcome.CLOSED
        if self._uncertain():
            return Outcome.LOST
        if connection.closed_by is None:
            return Outcome.OPEN
        return Outcome.CANCELLED if connection.closed_by == "client" else Outcome.BROKEN

    def _body_over(self) -> bool:
        """A body that is payload came to its end: by its announced length, else with the server's FIN."""
        if self.raw_length is not None:
            return self.body_end is not None and self.body_end - (self.body_start or 0) == self.raw_length
        return self.connection.reset_by is None and self.connection.closed_by == "server"

    def _uncertain(self) -> bool:
        """Bytes are missing that could have told how it ended."""
        connection = self.connection
        server = connection.server
        if server is None or connection.client_side is None:
            return False
        asking, answering = connection.streams[connection.client_side], connection.streams[1 - connection.client_side]
        if answering.next is None:
            return asking.ack > 0
        if not self.framing or (self.answered and not self.head_whole):
            return True
        missing = list(server.missing.within(max(0, server.position - 1), server.position))
        return bool(missing)

    def _unacknowledged(self) -> int | None:
        """Bytes at the end of the server's stream that its receiver never confirmed, as far as the capture shows."""
        connection = self.connection
        if connection.client_side is None:
            return None
        asking, answering = connection.streams[connection.client_side], connection.streams[1 - connection.client_side]
        if asking.ack < 0 or answering.next is None:
            return None
        behind = (answering.next - asking.ack) & 0xFFFFFFFF
        return behind if behind <= LARGEST_UNCONFIRMED else 0

    def freeze(self, number: int, session: int | None, repeated: bool, posted_zstd: bool) -> Exchange:
        """The exchange as it stands now."""
        request, connection = self.request, self.connection
        payload, lacking = self.payload_bytes(posted_zstd)
        last_ns = self.last_ns if self.last_ns is not None else connection.last_payload_ns()
        last_frame = self.last_frame or connection.last_payload_frame()
        start_ns = self.start_ns if self.start_ns is not None else connection.start_ns
        return Exchange(
            id=number,
            session=session,
            connection=connection.id,
            client=connection.client_address,
            server=connection.server_address,
            method=request.method,
            path=request.path,
            xid=request.xid,
            cid=request.cid,
            sn=request.sn,
            segment=request.segment,
            segment_count=request.segment_count,
            proto=request.proto,
            response_proto=self.response_proto,
            seq=request.seq,
            done=request.done,
            status=self.status,
            reason=self.reason,
            http_version=self.http_version,
            message_counts=MessageCounts(*self.counts) if self.counts is not None and self.spoke_messages else None,
            payload_bytes=payload,
            errors=tuple(self.errors),
            ended=self.ended,
            outcome=self.outcome(repeated, payload),
            reset_by=connection.reset_by,
            closed_by=connection.closed_by,
            start_ns=start_ns,
            first_byte_ns=self.first_byte_ns,
            end_ns=max(last_ns, start_ns),
            frames=(self.first_frame, max(last_frame, self.first_frame)),
            server_version=self.server_version,
            csvopt=request.csvopt,
            line_delimiter=request.line_delimiter,
            database=request.database,
            user=request.user,
            gp_session_id=request.gp_session_id,
            transform=request.transform,
            content_length=request.content_length,
            zstd_offered=request.zstd_offered,
            zstd=posted_zstd if request.method == "POST" else self.response_zstd,
            missing_bytes=lacking,
            row_end=self.row_end,
            unread_body=self.unread_body,
            data_directory=request.data_directory,
            coordinator_named=request.coordinator,
            captured_request=request is not NO_REQUEST,
            unacknowledged=self._unacknowledged(),
            packages=self.table if self.table is not None else PackageTable(),
        )
