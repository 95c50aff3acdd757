"""Reading in a thread of its own, and what it hands to the screens: frozen snapshots, progress, and how it ended.

The thread is a daemon: an input that gives nothing (a pipe) must not keep the program from ending. While it waits for its input it
holds nothing: a second thread then shows what has come, and packages can be read again.
"""

import os
import stat
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from gpinspect.capture.source import Record
from gpinspect.engine.secure import Secured
from gpinspect.errors import GpinspectError, SourceError
from gpinspect.inspection import HeadBytes, Inspection, MessageBytes
from gpinspect.model import Connection, Exchange, Finding, Flow, Notice, Session, Stall
from gpinspect.views.browse import Entry, entries, exchange_key

FIRST_LOOK = 0.1
"""Seconds of reading after which something is shown."""
LOOK_EVERY = 0.5
LOOK_SHARE = 10
"""Between two looks passes at least so many times the time that the last one took."""
WATCH_EVERY = 0.2
"""Seconds between two glances at an input that may have gone quiet."""
TELL_EVERY = 0.1
"""Seconds between two words about progress."""
GIVE_WAY = 0.02
"""Seconds that reading stands still after a key, so that the key is answered as if nothing else went on."""
PATIENCE = 3.0
"""Seconds that a look at one package waits for the reader, which may be waiting for its input."""

BUSY = "the input is being waited for; try again when more of it has come"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An inspection as it was at one moment (`gpinspect.views.inspected.Inspected`), and the rows of the first list."""

    sources: tuple[str, ...] = ()
    frames: int = 0
    bytes: int = 0
    total: int | None = None  # bytes there are to read, None where nobody knows
    first_ns: int | None = None
    last_ns: int | None = None
    notices: tuple[Notice, ...] = ()
    connections: tuple[Connection, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    sessions: tuple[Session, ...] = ()
    flows: tuple[Flow, ...] = ()
    findings: tuple[Finding, ...] = ()
    stalls: tuple[Stall, ...] = ()
    tls: tuple[Secured, ...] = ()  # once everything is read
    complete: bool = False
    entries: tuple[Entry, ...] = field(default=(), repr=False)


def snapshot(found: Inspection, done: int, total: int | None) -> Snapshot:
    """Args:
    done: Bytes read of the inputs; closed ones do not know any more.
    """
    return Snapshot(
        sources=found.sources,
        frames=found.frames,
        bytes=done,
        total=total,
        first_ns=found.first_ns,
        last_ns=found.last_ns,
        notices=tuple(found.notices),
        connections=tuple(found.connections),
        exchanges=tuple(found.exchanges),
        sessions=tuple(found.sessions),
        flows=tuple(found.flows),
        findings=tuple(found.findings),
        stalls=tuple(found.stalls),
        tls=tuple(found.tls) if found.complete else (),
        complete=found.complete,
        entries=entries(found, settled=found.complete),
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far reading has come; `rate` is bytes a second."""

    bytes: int
    total: int | None
    frames: int
    rate: float


@dataclass(frozen=True, slots=True)
class Ended:
    """Reading is over. `error`: it could not go on; `cancelled`: the person stopped it; `defect`: we are to blame."""

    error: GpinspectError | None = None
    cancelled: bool = False
    defect: Exception | None = None


News = Snapshot | Progress | Ended


class Reader(Protocol):
    """What the application reads from."""

    @property
    def sources(self) -> tuple[str, ...]: ...
    @property
    def growing(self) -> bool:
        """Nobody knows how much there will be: a pipe."""

    def start(self, tell: Callable[[News], object]) -> None:
        """Begin; `tell` is called from another thread, last with `Ended`."""

    def cancel(self) -> None: ...
    def give_way(self) -> None:
        """A key was pressed: let it be answered before anything else is done."""

    def fetch(self, exchange: Exchange, index: int) -> MessageBytes:
        """Read a package again. Raises GpinspectError, or IndexError when there is no such package."""

    def heads(self, exchange: Exchange) -> HeadBytes:
        """Read the heads of an exchange again. Raises GpinspectError."""

    def with_key(self, name: str, password: bytes | None = None) -> "Reader":
        """What reads the same inputs with one more file of key material, not started yet. Raises GpinspectError."""

    def frames(self, connections: Collection[int]) -> Iterator[Record]:
        """All frames of these connections once more. Raises GpinspectError."""

    def close(self) -> None: ...


class FileReader:
    """Reads an inspection that was opened with `again`.

    Args:
        names: What inputs are called, where it is not the name they were opened by.
    """

    def __init__(self, inspection: Inspection, names: Mapping[str, str] = MappingProxyType({})) -> None:
        self._inspection = inspection
        self._lock = threading.RLock()  # held while the engine works, and while it is looked at
        inspection.guard = self._lock
        inspection.breathe = self._breathe
        self._asked = 0  # looks that wait for the lock
        self._cancelled = threading.Event()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._total = total_size(inspection.sources)
        self._names = names
        self._steps = 0  # windows that were read
        self._seen = 0  # of them, how many the last look has seen
        self._next_look = 0.0
        self._begun = 0.0
        self._rest_until = 0.0

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(self._names.get(name, name) for name in self._inspection.sources)

    @property
    def growing(self) -> bool:
        return self._total is None

    def start(self, tell: Callable[[News], object]) -> None:
        self._begun = time.monotonic()
        self._next_look = self._begun + FIRST_LOOK
        self._thread = threading.Thread(target=self._work, args=(tell,), name="reading", daemon=True)
        self._thread.start()
        if self.growing:
            threading.Thread(target=self._watch, args=(tell,), name="watching", daemon=True).start()

    def cancel(self) -> None:
        """Stop reading; where it waits for its input, what has come is the result."""
        self._cancelled.set()

    def give_way(self) -> None:
        self._rest_until = time.monotonic() + GIVE_WAY

    def close(self) -> None:
        """Stop, and let go of files unless the thread still waits for its input."""
        self.cancel()
        if self._thread is not None:
            self._thread.join(1.0)
            if self._thread.is_alive():
                return
        self._inspection.close()

    # in the threads ---------------------------------------------------------------------------------------------------

    def _work(self, tell: Callable[[News], object]) -> None:
        try:
            self._end(tell, self._read(tell))
        except Exception as defect:
            self._over.set()
            tell(Ended(defect=defect))

    def _read(self, tell: Callable[[News], object]) -> GpinspectError | None:
        """Everything there is; gives what went wrong."""
        steps = self._inspection.steps()
        told = self._begun
        try:
            while not self._cancelled.is_set():
                if self._asked:
                    time.sleep(0.001)  # a lock is not fair: let who waits have it
                self._breathe()
                if next(steps, False) is False:
                    break
                self._steps += 1
                now = time.monotonic()
                if now - told >= TELL_EVERY:
                    told = now
                    tell(self._progress(now))
                if now >= self._next_look:
                    self._look(tell)
        except GpinspectError as problem:
            return problem
        except OSError as problem:
            return SourceError(f"{problem.filename or 'the input'}: {problem.strerror or problem}; reading stopped")
        finally:
            with self._lock:
                steps.close()  # type: ignore[attr-defined]
        return None

    def _breathe(self) -> None:
        """Let a key be answered."""
        rest = self._rest_until - time.monotonic()
        if rest > 0:
            time.sleep(min(rest, GIVE_WAY))

    def _progress(self, now: float) -> Progress:
        done = self._inspection.bytes
        return Progress(done, self._total, self._inspection.frames, done / max(now - self._begun, 0.001))

    def _look(self, tell: Callable[[News], object]) -> None:
        with self._lock:
            if self._over.is_set():
                return
            begun, self._seen = time.monotonic(), self._steps
            self._inspection.refresh()
            tell(self._snapshot())
            took = time.monotonic() - begun
            self._next_look = begun + took + max(LOOK_EVERY, LOOK_SHARE * took)

    def _snapshot(self) -> Snapshot:
        found = snapshot(self._inspection, self._inspection.bytes, self._total)
        return replace(found, sources=self.sources) if self._names else found

    def _watch(self, tell: Callable[[News], object]) -> None:
        """Look while the other thread waits for more; end where the person does not want to wait."""
        try:
            while not self._over.wait(WATCH_EVERY):
                now = time.monotonic()
                if self._cancelled.is_set():
                    self._end(tell, None)
                elif self._steps > self._seen and now >= self._next_look:
                    self._look(tell)
                    tell(self._progress(now))
        except Exception as defect:
            self._over.set()
            tell(Ended(defect=defect))

    def _end(self, tell: Callable[[News], object], error: GpinspectError | None) -> None:
        with self._lock:
            if self._over.is_set():
                return
            self._over.set()
            if error is None and not self._cancelled.is_set():
                self._inspection.finish()
            else:
                self._inspection.refresh()
            last = self._snapshot()
        tell(last)
        tell(Ended(error, self._cancelled.is_set()))

    # from the screens -------------------------------------------------------------------------------------------------

    def fetch(self, exchange: Exchange, index: int) -> MessageBytes:
        """The package may be of an earlier snapshot: its table tells which exchange it is today.

        Raises:
            GpinspectError: The input cannot be read again, or is being waited for.
            IndexError: There is no such package.
        """
        with self._looking():
            return self._inspection.read_package(self._today(exchange), index)

    def heads(self, exchange: Exchange) -> HeadBytes:
        """The exchange may be of an earlier snapshot.

        Raises:
            GpinspectError: As `fetch`.
        """
        with self._looking():
            wanted = exchange_key(exchange)
            known = self._inspection.exchanges
            near = known[exchange.id - 1 : exchange.id]
            today = next((one for one in (*near, *known) if exchange_key(one) == wanted), None)
            if today is None:
                raise SourceError("this exchange is not among those that were read")
            return self._inspection.read_head(today.id)

    def with_key(self, name: str, password: bytes | None = None) -> "FileReader":
        """Raises:
        GpinspectError: The file is no key material, or an input can be read only once.
        """
        return FileReader(self._inspection.with_key(name, password), self._names)

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """The engine stands still."""
        self._asked += 1
        try:
            if not self._lock.acquire(timeout=PATIENCE):
                raise SourceError(BUSY)
        finally:
            self._asked -= 1
        try:
            yield
        finally:
            self._lock.release()

    def frames(self, connections: Collection[int]) -> Iterator[Record]:
        """Once everything is read.

        Raises:
            SourceError: An input is not what it was, or cannot be read again.
        """
        return self._inspection.connection_frames(connections)

    def _today(self, exchange: Exchange) -> int:
        known = self._inspection.exchanges
        if exchange.id <= len(known) and known[exchange.id - 1].packages is exchange.packages:
            return exchange.id
        return next((other.id for other in known if other.packages is exchange.packages), exchange.id)


def total_size(sources: tuple[str, ...]) -> int | None:
    """Bytes of all inputs; None when one of them is no ordinary file."""
    total = 0
    for source in sources:
        try:
            found = os.stat(source)  # noqa: PTH116
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        total += found.st_size
    return total


def base_names(sources: tuple[str, ...]) -> str:
    """Names of the inputs for a title: `load.pcapng`, `load.pcapng and 3 more`."""
    if not sources:
        return "-"
    more = f" and {len(sources) - 1:,} more" if len(sources) > 1 else ""
    return f"{Path(sources[0]).name or sources[0]}{more}"
