"""N Greenplum segments that read: the asyncio shell around `SegmentRead`."""

import asyncio
import contextlib
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gpinspect.peers.client import sayings
from gpinspect.peers.client.backoff import Backoff
from gpinspect.peers.client.events import Ended, Event, Failed, Rows
from gpinspect.peers.client.faults import NO_FAULTS, Faults
from gpinspect.peers.client.ledger import Ledger
from gpinspect.peers.client.place import Place, parse_place, spread_reads
from gpinspect.peers.client.reading import SegmentRead
from gpinspect.peers.client.results import FlowResult, Result
from gpinspect.peers.client.sinks import Memory, Sink
from gpinspect.peers.client.statement import Statement, status_head
from gpinspect.peers.client.together import Progress, secure_context, together
from gpinspect.peers.client.wire import Wire, WireError, connect, resolve
from gpinspect.peers.tls import ClientTls

NO_ROUTE: Final = 113
"""EHOSTUNREACH: the one error of connecting after which a read is tried again."""

STATUS_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How segments read; times in seconds."""

    timeout: float = 0.0  # readable_external_table_timeout; 0: for ever
    tick: float = 5.0  # a segment looks at the clock so often
    retry_timeout: float = 300.0  # gpfdist_retry_timeout
    refusal_pause: float = 1.0  # a segment waits so long before it tells of a refusal
    max_segs: int = 64  # gp_external_max_segs
    limit: int | None = None  # rows that are enough
    seed: int | None = None  # of the choice which segments stay away


class _Reader:
    """One segment's connection."""

    def __init__(self, load: "_Load", gp_segment: int, place: Place) -> None:
        self.load = load
        self.gp_segment = gp_segment
        self.place = place
        self.server = f"{place.host}:{place.port}"
        self.outcome = "cancelled"
        self.bytes = 0
        self.packages = 0
        self.connections = 0
        self.seconds = 0.0
        self._address: str | None = None

    async def run(self) -> None:
        began = asyncio.get_running_loop().time()
        try:
            await self._run()
        finally:
            self.seconds = asyncio.get_running_loop().time() - began

    async def _run(self) -> None:
        load = self.load
        try:
            await load.faults.connecting(self.gp_segment)
            wire = await self._connected()
        except WireError as problem:
            self._fail(sayings.connecting(self.place, self._address, problem.errno, problem.words))
            return
        if wire is None:
            return
        try:
            await self._read(wire)
        except BaseException:
            wire.abort()
            raise

    async def _connected(self) -> Wire | None:
        load = self.load
        clock = asyncio.get_running_loop().time
        backoff = Backoff(clock(), load.options.retry_timeout)
        while True:
            try:
                self._address = await resolve(self.place)
                self.connections += 1
                return await connect(self.place, self._address, load.tls, load.context if self.place.secure else None)
            except WireError as problem:
                if problem.errno != NO_ROUTE:
                    raise
                wait = backoff.wait(clock())
            if wait is None:
                self._fail(sayings.quit_after(self.place, backoff.tries))
                return None
            await asyncio.sleep(wait)

    async def _read(self, wire: Wire) -> None:
        load = self.load
        reading = SegmentRead(self.place, self._address)
        received = 0
        try:
            await wire.send(load.faults.head(self.gp_segment, load.statement.read_head(self.place, self.gp_segment, self._address)))
        except WireError as problem:
            self._take_all(reading.closed(problem.errno, problem.words))
        while not reading.over:
            await load.faults.reading(self.gp_segment, wire, received)
            try:
                data = await self._received(wire)
            except WireError as problem:
                self._take_all(reading.closed(problem.errno, problem.words))
                break
            if data is None:
                wire.abort()
                await self._ask_status()
                return
            received += len(data)
            for event in reading.feed(data) if data else reading.closed():
                if not isinstance(event, Rows):
                    await self._end(event)
                    continue
                if not self._rows(event):
                    wire.abort()
                    return
                if event.first and event.file is not None:
                    await load.faults.package(self.gp_segment, wire, reading.packages)
            self.packages = reading.packages
        self.packages = reading.packages
        await (wire.finish() if self.outcome != "failed" else wire.close())

    async def _received(self, wire: Wire) -> bytes | None:
        """Bytes; none at the close; None: it took longer than a segment waits."""
        options = self.load.options
        if not options.timeout:
            return await wire.receive()
        waited = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(options.tick):
                    return await wire.receive()
            waited += options.tick
            if waited > options.timeout:
                return None

    def _rows(self, rows: Rows) -> bool:
        """Hand rows on; False when there are enough."""
        load = self.load
        if load.ledger.enough:
            self.outcome = "limited"
            return False
        rows = load.ledger.take(self.gp_segment, self.server, rows)
        self.bytes += len(rows.data)
        load.sink.take(self.gp_segment, self.server, rows)
        if load.progress is not None:
            load.progress(load.ledger.bytes, load.ledger.rows)
        if load.ledger.enough:
            self.outcome = "limited"
            load.stop()
            return False
        return True

    def _take_all(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Rows):
                self._rows(event)
            else:
                self._settle(event)

    async def _end(self, event: Event) -> None:
        if isinstance(event, Failed) and event.refused and not event.detail:
            await asyncio.sleep(self.load.options.refusal_pause)
        self._settle(event)

    def _settle(self, event: Event) -> None:
        if isinstance(event, Ended):
            self.outcome = "late" if event.late else "complete" if event.proven else "closed"
        elif isinstance(event, Failed):
            self._fail(event.sentence, event.detail)

    async def _ask_status(self) -> None:
        """What a segment does when it has waited too long: it asks for the status page, always without TLS, and gives up."""
        page = b""
        with contextlib.suppress(WireError, TimeoutError):
            async with asyncio.timeout(self.load.options.tick):
                self.connections += 1
                wire = await connect(self.place, self._address or self.place.host, None, None)
                try:
                    await wire.send(status_head(self.place, self._address))
                    while len(page) < STATUS_BYTES and (data := await wire.receive()):
                        page += data
                finally:
                    await wire.close()
        told = page.partition(b"\r\n\r\n")[2].decode("latin-1").split("\r\n")
        detail = "gpfdist status: " + ", ".join(line for line in told if line) if any(told) else "no answer from /gpfdist/status"
        self._fail(sayings.SILENT, detail)

    def _fail(self, sentence: str, detail: str = "") -> None:
        self.outcome = "failed"
        self.load.fail(sayings.Failure(self.gp_segment, sentence, detail))

    def result(self) -> FlowResult:
        return FlowResult(
            gp_segment=self.gp_segment,
            url=self.place.url,
            outcome="limited" if self.outcome == "cancelled" and self.load.ledger.enough else self.outcome,
            rows=self.load.ledger.rows_of(self.gp_segment),
            payload_bytes=self.bytes,
            packages=self.packages,
            connections=self.connections,
            seconds=self.seconds,
        )


class _Load:
    """What the segments of one statement share."""

    def __init__(
        self,
        statement: Statement,
        options: ReadOptions,
        sink: Sink,
        tls: ClientTls | None,
        context: ssl.SSLContext | None,
        faults: Faults,
        progress: Progress | None,
    ) -> None:
        self.statement = statement
        self.options = options
        self.sink = sink
        self.tls = tls
        self.context = context
        self.faults = faults
        self.progress = progress
        self.ledger = Ledger(statement.csvopt, statement.delimiter, header=statement.header, limit=options.limit)
        self.failures: list[sayings.Failure] = []
        self._stopped = asyncio.Event()

    def fail(self, failure: sayings.Failure) -> None:
        """One segment's error ends the statement: the others are cancelled."""
        self.failures.append(failure)
        self.stop()

    def stop(self) -> None:
        self._stopped.set()

    async def run(self, readers: Sequence[_Reader]) -> None:
        await together([reader.run() for reader in readers], self._stopped, lambda place: readers[place].outcome == "failed")


async def fetch(
    urls: Sequence[str],
    statement: Statement,
    options: ReadOptions = ReadOptions(),
    *,
    sink: Sink | None = None,
    tls: ClientTls | None = None,
    faults: Faults = NO_FAULTS,
    progress: Progress | None = None,
    skipped: frozenset[int] | None = None,
) -> Result:
    """Read with `statement.segment_count` segments, as one SELECT does.

    Args:
        sink: Where rows go; None: into `content` of the result.
        tls: Of gpfdists:// URLs.
        skipped: Segments that stay away where `max_segs` leaves some out; None: chosen at random.

    Raises:
        EncodeError: URLs or values that a segment could not use.
        TlsKeyError: Files of `tls` are missing or do not fit, or a gpfdists:// URL without `tls`.
        SourceError: There is no room for rows.
    """
    spread = spread_reads(urls, statement.segment_count, options.max_segs, skipped=skipped, seed=options.seed)
    places = {url: parse_place(url) for url in urls}
    context = secure_context(places.values(), tls)
    memory = Memory() if sink is None else None
    load = _Load(statement, options, memory or sink or Memory(), tls, context, faults, progress)
    readers = [_Reader(load, gp_segment, places[url]) for gp_segment, url in spread.items()]
    for reader in readers:
        statement.read_head(reader.place, reader.gp_segment, reader.place.host)  # bad values are told before anything starts
    began = asyncio.get_running_loop().time()
    await load.run(readers)
    seconds = asyncio.get_running_loop().time() - began
    load.sink.finish()
    limited = load.ledger.enough
    whole = not load.failures and not limited
    return Result(
        rows=load.ledger.rows,
        payload_bytes=load.ledger.bytes,
        seconds=seconds,
        flows=tuple(reader.result() for reader in readers),
        failures=tuple(load.failures),
        problems=tuple(load.ledger.problems()) if whole else (),
        limited=limited,
        content=memory.content if memory is not None else b"",
    )
