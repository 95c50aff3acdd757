"""Reading in a thread of its own, and what it hands to the screens: frozen snapshots, progress, and how it ended.

The thread is a daemon: an input that gives nothing (a pipe) must not keep the program from ending.
"""

import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gpinspect.engine.secure import Secured
from gpinspect.errors import GpinspectError, SourceError
from gpinspect.inspection import Inspection, MessageBytes
from gpinspect.model import Connection, Exchange, Finding, Flow, Notice, Session
from gpinspect.views.browse import Entry, entries

FIRST_LOOK = 0.1
"""Seconds of reading after which something is shown."""
LOOK_EVERY = 0.5
LOOK_SHARE = 10
"""Between two looks passes at least so many times the time that the last one took."""
TELL_EVERY = 0.1
"""Seconds between two words about progress."""
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
    """Reading is over. `error`: it could not go on; `cancelled`: the person stopped it."""

    error: GpinspectError | None = None
    cancelled: bool = False


News = Snapshot | Progress | Ended


class Reader(Protocol):
    """What the application reads from."""

    @property
    def sources(self) -> tuple[str, ...]: ...
    def start(self, tell: Callable[[News], object]) -> None:
        """Begin; `tell` is called from another thread, last with `Ended`."""

    def cancel(self) -> None: ...
    def fetch(self, exchange: Exchange, index: int) -> MessageBytes:
        """Read a package again. Raises GpinspectError, or IndexError when there is no such package."""

    def close(self) -> None: ...


class FileReader:
    """Reads an inspection that was opened with `again`."""

    def __init__(self, inspection: Inspection) -> None:
        self._inspection = inspection
        self._lock = threading.Lock()  # held while the engine works, and while it is looked at
        self._asked = 0  # looks that wait for the lock
        self._cancelled = threading.Event()
        self._thread: threading.Thread | None = None
        self._total = total_size(inspection.sources)
        self._done = 0  # bytes read

    @property
    def sources(self) -> tuple[str, ...]:
        return self._inspection.sources

    def start(self, tell: Callable[[News], object]) -> None:
        self._thread = threading.Thread(target=self._work, args=(tell,), name="reading", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        """Stop, and let go of files unless the thread still waits for its input."""
        self.cancel()
        if self._thread is not None:
            self._thread.join(1.0)
            if self._thread.is_alive():
                return
        self._inspection.close()

    # in the thread ----------------------------------------------------------------------------------------------------

    def _work(self, tell: Callable[[News], object]) -> None:
        error: GpinspectError | None = None
        try:
            self._read(tell)
        except GpinspectError as problem:
            error = problem
        except OSError as problem:
            error = SourceError(f"{problem.filename or 'the input'}: {problem.strerror or problem}; reading stopped")
        with self._lock:
            if error is None and not self._cancelled.is_set():
                self._inspection.finish()
            else:
                self._inspection.refresh()
            last = snapshot(self._inspection, self._done, self._total)
        tell(last)
        tell(Ended(error, self._cancelled.is_set()))

    def _read(self, tell: Callable[[News], object]) -> None:
        steps = self._inspection.steps()
        begun = time.monotonic()
        look, told = begun + FIRST_LOOK, begun
        try:
            while not self._cancelled.is_set():
                if self._asked:
                    time.sleep(0.001)  # a lock is not fair: let who waits have it
                with self._lock:
                    try:
                        next(steps)
                    except StopIteration:
                        self._done = max(self._done, self._inspection.bytes)
                        return
                    self._done = self._inspection.bytes
                now = time.monotonic()
                if now - told >= TELL_EVERY:
                    told = now
                    tell(Progress(self._done, self._total, self._inspection.frames, self._done / (now - begun)))
                if now >= look:
                    with self._lock:
                        self._inspection.refresh()
                        tell(snapshot(self._inspection, self._done, self._total))
                    took = time.monotonic() - now
                    look = now + took + max(LOOK_EVERY, LOOK_SHARE * took)
        finally:
            with self._lock:
                steps.close()  # type: ignore[attr-defined]

    # from the screens -------------------------------------------------------------------------------------------------

    def fetch(self, exchange: Exchange, index: int) -> MessageBytes:
        """The package may be of an earlier snapshot: its table tells which exchange it is today.

        Raises:
            GpinspectError: The input cannot be read again, or is being waited for.
            IndexError: There is no such package.
        """
        self._asked += 1
        try:
            if not self._lock.acquire(timeout=PATIENCE):
                raise SourceError(BUSY)
        finally:
            self._asked -= 1
        try:
            return self._inspection.read_package(self._today(exchange), index)
        finally:
            self._lock.release()

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
