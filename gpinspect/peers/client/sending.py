"""N Greenplum segments that write: the asyncio shell around `SegmentWrite`."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gpinspect.peers.client import sayings
from gpinspect.peers.client.answer import Answer, HeadReader
from gpinspect.peers.client.backoff import Backoff
from gpinspect.peers.client.counting import whole_counter
from gpinspect.peers.client.dealing import Dealer, Read, RowCutter
from gpinspect.peers.client.faults import NO_FAULTS, Faults
from gpinspect.peers.client.place import Place, parse_place, spread_writes
from gpinspect.peers.client.results import FlowResult, Result
from gpinspect.peers.client.statement import Statement
from gpinspect.peers.client.together import Progress, aside, secure_context, together
from gpinspect.peers.client.wire import Wire, WireError, connect, resolve
from gpinspect.peers.client.writing import Again, Post, Refused, SegmentWrite, Taken
from gpinspect.peers.tls import ClientTls

CONTINUE_WAIT: Final = 1.0
"""Seconds after which libcurl sends a body although 100 Continue has not come."""

AT_ONCE: Final = 1 << 16
"""Bytes of a body that libcurl sends together with the head."""

RETRIES_TOLD: Final = 20

WAITING_BODIES: Final = 2
"""Bodies that are cut ahead for each segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """How segments write; times in seconds."""

    bufsize: int = 1 << 16  # writable_external_table_bufsize, in bytes
    retry_timeout: float = 300.0  # gpfdist_retry_timeout: of one POST and of all its tries
    expect_above: int | None = None  # bytes; None: as libcurl at the time of the release


class _Writer:
    """One segment: takes bodies from its queue until None comes."""

    def __init__(self, load: "_Load", gp_segment: int, place: Place) -> None:
        self.load = load
        self.gp_segment = gp_segment
        self.place = place
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING_BODIES)
        self.outcome = "idle"
        self.rows = 0
        self.bytes = 0
        self.packages = 0
        self.connections = 0
        self.seconds = 0.0
        self._write = SegmentWrite(
            load.statement, place, gp_segment, place.host, expect_above=load.options.expect_above
        )  # the address is known when the first row comes

    async def run(self) -> None:
        clock = asyncio.get_running_loop().time
        began: float | None = None
        while (rows := await self.queue.get()) is not None:
            if began is None:
                began = clock()
                self.outcome = "cancelled"
                if not await self._resolve() or not await self._post(self._write.open()):
                    return
            if not await self._post(self._write.data(rows), rows):
                return
            self._count(rows)
            self.seconds = clock() - began
        if began is not None and await self._post(self._write.done()):
            self.outcome = "accepted"
            self.seconds = clock() - began

    def _count(self, rows: bytes) -> None:
        count = self.load.count(rows)
        self.rows += count
        self.bytes += len(rows)
        self.packages += 1
        self.load.moved(len(rows), count)

    async def _resolve(self) -> bool:
        try:
            self._write.address = await resolve(self.place)
        except WireError as problem:
            return self._fail(sayings.connecting(self.place, None, problem.errno, problem.words))
        return True

    async def _post(self, wanted: Post, rows: bytes = b"") -> bool:
        """Send a POST, again and again if need be; False: the statement failed."""
        load = self.load
        post = load.faults.post(self.gp_segment, wanted)
        if post is None:
            return True
        clock = asyncio.get_running_loop().time
        backoff = Backoff(clock(), load.options.retry_timeout)
        while True:
            verdict: Taken | Again | Refused
            try:
                async with asyncio.timeout(load.options.retry_timeout):
                    verdict = self._write.answered(post, await self._once(post))
            except (WireError, TimeoutError) as problem:
                verdict = Again(str(problem) or "no answer in time")
            if isinstance(verdict, Taken):
                if verdict.discarded:
                    load.problems.append(
                        f"segment {self.gp_segment}: {len(rows):,} bytes of rows, SEQ {post.seq}, got the empty answer of a "
                        "session that is over: the server threw them away, and a real segment does not notice"
                    )
                return True
            if isinstance(verdict, Refused):
                return self._fail(verdict.sentence)
            load.again(self.gp_segment, post, verdict.why)
            wait = backoff.wait(clock())
            if wait is None:
                return self._fail(sayings.quit_after(self.place, backoff.tries), verdict.why)
            await asyncio.sleep(wait)

    async def _once(self, post: Post) -> Answer:
        """One connection: request, answer, close.

        Raises:
            WireError: No answer came.
        """
        load = self.load
        await load.faults.connecting(self.gp_segment)
        self.connections += 1
        address = self._write.address or self.place.host
        wire = await connect(self.place, address, load.tls, load.context if self.place.secure else None)
        try:
            await load.faults.sending(self.gp_segment, wire, post)
            head = HeadReader()
            await self._send(wire, post, head)
            await load.faults.sent(self.gp_segment, wire, post)
            while head.answer is None:
                await _more(wire, head)
        except BaseException:
            wire.abort()
            raise
        await wire.finish()
        return head.answer

    async def _send(self, wire: Wire, post: Post, head: HeadReader) -> None:
        if not post.expect:
            if len(post.body) <= AT_ONCE:
                wire.writer.write(post.head + post.body)
            else:
                wire.writer.write(post.head)
                wire.writer.write(post.body)  # goes out while the answer is waited for, as it may come before the body is read
            return
        await wire.send(post.head)
        try:
            async with asyncio.timeout(CONTINUE_WAIT):
                while not head.continued and head.answer is None:
                    await _more(wire, head)
        except TimeoutError:
            pass
        if head.answer is None:
            wire.writer.write(post.body)

    def _fail(self, sentence: str, detail: str = "") -> bool:
        self.outcome = "failed"
        self.load.fail(sayings.Failure(self.gp_segment, sentence, detail))
        return False

    def result(self) -> FlowResult:
        return FlowResult(
            gp_segment=self.gp_segment,
            url=self.place.url,
            outcome=self.outcome,
            rows=self.rows,
            payload_bytes=self.bytes,
            packages=self.packages,
            connections=self.connections,
            seconds=self.seconds,
        )


async def _more(wire: Wire, head: HeadReader) -> None:
    data = await wire.receive()
    if not data:
        raise WireError(0, "Empty reply from server")
    head.feed(data)
    if head.problem:
        raise WireError(0, head.problem)


class _Load:
    """What the segments of one statement share."""

    def __init__(
        self,
        statement: Statement,
        options: WriteOptions,
        tls: ClientTls | None,
        context: ssl.SSLContext | None,
        faults: Faults,
        progress: Progress | None,
    ) -> None:
        self.statement = statement
        self.count = whole_counter(statement.csvopt, statement.row_end)
        self.options = options
        self.tls = tls
        self.context = context
        self.faults = faults
        self.failures: list[sayings.Failure] = []
        self.problems: list[str] = []
        self.retries: list[str] = []
        self.stopped = asyncio.Event()
        self.bytes = 0
        self.rows = 0
        self._progress = progress

    def moved(self, count: int, rows: int) -> None:
        self.bytes += count
        self.rows += rows
        if self._progress is not None:
            self._progress(self.bytes, self.rows)

    def again(self, gp_segment: int, post: Post, why: str) -> None:
        """A POST has to go again."""
        if len(self.retries) < RETRIES_TOLD:
            self.retries.append(f"segment {gp_segment}: {post.kind.upper()} with SEQ {post.seq} goes again: {why}")

    def fail(self, failure: sayings.Failure) -> None:
        """One segment's error ends the statement: nobody sends DONE any more."""
        self.failures.append(failure)
        self.stopped.set()

    async def deal(self, dealer: Dealer, writers: Sequence[_Writer]) -> None:
        """Hand bodies out until there are none."""
        bodies = dealer.bodies()
        turn = 0
        while (rows := await aside(lambda: next(bodies, None))) is not None:
            await writers[turn % len(writers)].queue.put(rows)
            turn += 1
        for writer in writers:
            await writer.queue.put(None)


async def send(
    urls: Sequence[str],
    read: Read,
    statement: Statement,
    options: WriteOptions = WriteOptions(),
    *,
    tls: ClientTls | None = None,
    faults: Faults = NO_FAULTS,
    progress: Progress | None = None,
) -> Result:
    """Write with `statement.segment_count` segments, as one INSERT does: whole rows, dealt out in turn.

    Args:
        read: Gives the rows, so many bytes at most a call; none at the end. It is called in a thread.
        tls: Of gpfdists:// URLs.

    Raises:
        EncodeError: URLs or values that a segment could not use.
        TlsKeyError: Files of `tls` are missing or do not fit, or a gpfdists:// URL without `tls`.
    """
    places = {url: parse_place(url) for url in urls}
    context = secure_context(places.values(), tls)
    load = _Load(statement, options, tls, context, faults, progress)
    spread = spread_writes(urls, statement.segment_count)
    writers = [_Writer(load, gp_segment, places[url]) for gp_segment, url in spread.items()]
    for writer in writers:
        statement.write_head(writer.place, writer.gp_segment, writer.place.host, seq=1, done=False, length=0, expect=False)
    quote = statement.quote if statement.csv else None
    cutter = RowCutter(statement.row_end, quote, statement.escape)
    dealer = Dealer(read, cutter, statement.row_end, options.bufsize, len(writers))
    clock = asyncio.get_running_loop().time
    began = clock()
    runs = [*(writer.run() for writer in writers), load.deal(dealer, writers)]
    await together(runs, load.stopped)
    notes = ("the last row had no row end; it got one, as servers drop such rows",) if dealer.ended_row else ()
    return Result(
        rows=load.rows,
        payload_bytes=load.bytes,
        seconds=clock() - began,
        flows=tuple(writer.result() for writer in writers),
        failures=tuple(load.failures),
        problems=tuple(load.problems),
        notes=(*notes, *load.retries),
    )
