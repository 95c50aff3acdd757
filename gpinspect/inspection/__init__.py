"""From inputs to an inspection: capture, engine and analysis put together; what commands, TUI and scripts start from."""

import gc
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gpinspect.analysis import judge
from gpinspect.capture.capture import Capture, open_captures
from gpinspect.capture.source import Record
from gpinspect.engine.content import BODY
from gpinspect.engine.index import Index
from gpinspect.engine.sessions import Correlated, correlate
from gpinspect.errors import SourceError
from gpinspect.inspection.again import HeadBytes, MessageBytes, read_again, read_heads
from gpinspect.inspection.content import SpooledContent
from gpinspect.inspection.cutting import frames_of
from gpinspect.inspection.secrets import KeyMaterial, Passphrase
from gpinspect.inspection.stalls import Watch, attribute, in_order
from gpinspect.model import Connection, Exchange, Finding, Flow, Notice, Session, Stall, Vantage, VantageEstimate, Weird
from gpinspect.model.root import RootSession

if TYPE_CHECKING:
    from gpinspect.engine.secure import Secured
    from gpinspect.inspection.root import Root
    from gpinspect.views.redaction import Mask

__all__ = ["HeadBytes", "Inspection", "MessageBytes", "Progress", "inspect"]

Progress = Callable[[int, int | None, int], None]
"""Called now and then while reading: bytes read, bytes in all (None on a pipe), frames so far."""


Password = bytes | None
"""Of a protected key; None where there is none."""

BREATH = 128
"""Records that are read again without a pause."""

Payload = tuple[int | None, int, bytes]
"""Package index (None: the body itself), position in its content, bytes."""


class Inspection:
    """What was found in the inputs. Lists are in order of first frame; ids are their place counted from 1.

    It can be looked at while it is still being made: `refresh` brings the lists up to date with what has been read.
    """

    def __init__(
        self,
        opener: Callable[[], Capture],
        material: KeyMaterial,
        *,
        keep: bool = False,
        root: "Root | None" = None,
        vantage: Vantage | None = None,
    ) -> None:
        self._opener = opener
        self._material = material
        self._keep = keep
        self._root = root
        self._capture = capture = opener()
        self._content = SpooledContent() if keep else None
        self._index = Index(self._content, lambda: material.keys, hashed=keep)
        self._watch = Watch(self._index)
        self._vantage = vantage
        self.stalls: list[Stall] = []
        self.vantage: VantageEstimate | None = None
        self._secrets = 0  # of those in the capture, how many the keys have
        self._found = Correlated([], [], [], [], [], [])
        self.sources = capture.sources
        self.notices: list[Notice] = []
        self.weirds: list[Weird] = []
        self.findings: list[Finding] = []
        self.complete = False
        self.guard: AbstractContextManager[object] = nullcontext()
        """Held while `steps` works on what came, and not while it waits for more: a lock, for who looks from another thread."""
        self.breathe: Callable[[], object] = _no_breath
        """Called now and then while the lists are brought up to date: the place to let another thread have its turn."""

    # what was read ----------------------------------------------------------------------------------------------------

    @property
    def frames(self) -> int:
        return self._index.frames

    @property
    def bytes(self) -> int:
        """Bytes read of the inputs, as they are on disk."""
        return self._capture.bytes_read

    @property
    def first_ns(self) -> int | None:
        return self._index.first_ns

    @property
    def last_ns(self) -> int | None:
        return self._index.last_ns

    @property
    def connections(self) -> list[Connection]:
        return self._found.connections

    @property
    def exchanges(self) -> list[Exchange]:
        return self._found.exchanges

    @property
    def sessions(self) -> list[Session]:
        return self._found.sessions

    @property
    def flows(self) -> list[Flow]:
        return self._found.flows

    @property
    def tls(self) -> "list[Secured]":
        """Connections that speak TLS or asked for it, and plain PostgreSQL ones."""
        if all(connection.secure is None for connection in self._index.connections):
            return []
        from gpinspect.engine.secure import secured

        return secured(self._index.connections, self._found.connections)

    # making it --------------------------------------------------------------------------------------------------------

    def read(self, progress: Progress | None = None) -> None:
        """Read the inputs to their end and bring the lists up to date.

        Raises:
            CaptureError: An input is no capture.
            SourceError: There is no room for payload.
        """
        with _no_collection():
            self._read(progress)

    def _read(self, progress: Progress | None) -> None:
        for _ in self.steps():
            if progress is not None:
                progress(self._capture.bytes_read, self._capture.bytes_total, self._index.frames)
        self.finish()

    def steps(self) -> Iterator[None]:
        """Read the inputs window by window, for callers that do something in between.

        Secrets that stand behind the packets they open make it read the inputs a second time.
        """
        revision = self._material.revision
        yield from self._pass()
        if self._material.revision > revision and self._capture.bytes_total is not None and self._index.needs_secrets():
            self._index.finish()
            self._capture.close()
            self._capture = self._opener()
            if self._content is not None:
                self._content.close()
                self._content = SpooledContent()
            self._index = Index(self._content, lambda: self._material.keys, hashed=self._keep)
            self._watch = Watch(self._index)
            yield from self._pass()

    def _pass(self) -> Iterator[None]:
        for window in self._capture.windows():
            with self.guard:
                self._learn()
                begin, frame = window.start, self._index.frames
                self._index.run(window)
                self._watch.seen(window, begin, frame)
            yield
        self._learn()

    def _learn(self) -> None:
        """Take secrets over that the capture, or a key log that is being written, has shown since the last time."""
        new = self._capture.secrets[self._secrets :]
        for secret in new:
            self._material.keys.add_dsb(secret)
        self._secrets += len(new)
        self._material.learn()

    def finish(self) -> None:
        """Nothing more will be read: settle what is open."""
        self._index.finish()
        self._watch.tracer.finish()
        self.complete = True
        self.refresh()

    def refresh(self) -> None:
        """Bring the lists up to date with what has been read so far."""
        self._found = correlate(self._index.connections)
        self.breathe()
        self.notices = self._capture.notices + self._index.notices() + self._material.notices()
        self.weirds = self._index.weirds()
        if self.complete:
            self.weirds += self._odd_ends()
        found = self._found
        roots = self._compared() if self.complete else None
        judged = judge(found.sessions, found.exchanges, found.connections, self.weirds, self.notices, self.tls, roots)
        self._found.sessions[:] = judged.sessions
        self.findings = judged.findings
        self.breathe()
        attributed = attribute(self._watch.tracer.connections, self._index.connections, found, self._vantage)
        self.stalls, self.vantage = attributed.stalls, attributed.vantage
        self._found.flows[:] = attributed.flows
        self.findings = in_order(self.findings, attributed.findings)
        if self._content is not None and self.complete:
            from gpinspect.inspection.hashes import add_hashes

            add_hashes(self._found, self._content)

    def _odd_ends(self) -> list[Weird]:
        """What a sample of packages, read again, shows at their ends."""
        from gpinspect.inspection.row_ends import DOUBT, odd_ends

        encrypted = frozenset(connection.id for connection in self.connections if connection.tls)
        doubtful = frozenset(weird.connection for weird in self.weirds if weird.code in DOUBT)

        slowly = _Slowly(self._capture, self.breathe)

        def read(exchange: int, index: int) -> MessageBytes:
            return read_again(slowly, self._found.states[exchange - 1], index, merged=len(self.sources) > 1)

        return list(odd_ends(self.sessions, self.exchanges, encrypted, doubtful, read))

    def _compared(self) -> dict[int, RootSession] | None:
        """What the files on the server are, where somebody named their folder."""
        if self._root is None:
            return None
        from gpinspect.inspection.rooted import compare

        return compare(self._root, self._found, self._content)

    # looking closer ---------------------------------------------------------------------------------------------------

    def payload(self, exchange: int) -> Iterator[Payload]:
        """Package index (None: the body itself), position in its content, and bytes of the payload of an exchange, in wire order.

        Raises:
            ValueError: The inspection was made without keeping payload.
        """
        if self._content is None:
            raise ValueError("payload was not kept: inspect(..., hashes=True)")
        from gpinspect.inspection.hashes import payload

        state = self._found.states[exchange - 1]
        for package, position, data in payload(self._content, state, self._found.exchanges[exchange - 1]):
            yield None if package == BODY else package, position, data

    def read_package(self, exchange: int, index: int) -> MessageBytes:
        """Fetch the bytes of package `index` of exchange `exchange` from the capture again.

        Raises:
            SourceError: The input can be read only once and was opened without `again`.
        """
        return read_again(self._capture, self._found.states[exchange - 1], index, merged=len(self.sources) > 1)

    def read_head(self, exchange: int) -> HeadBytes:
        """Fetch the heads of request and answer of exchange `exchange` from the capture again.

        Raises:
            SourceError: As `read_package`.
        """
        return read_heads(self._capture, self._found.states[exchange - 1], merged=len(self.sources) > 1)

    def with_key(self, name: str, password: Password = None) -> "Inspection":
        """The same inputs with one more file of key material, not read yet. The keys are known to both from now on.

        Raises:
            TlsKeyError: The file is no key material.
            SourceError: An input can be read only once.
        """
        if self._capture.bytes_total is None:
            raise SourceError("what came out of a pipe cannot be opened again with a key; save it to a file and open that")
        self._material.add(name, password)
        return Inspection(self._opener, self._material, keep=self._keep, root=self._root, vantage=self._vantage)

    def key_log(self, connections: Collection[int]) -> list[str]:
        """Lines of a key log that open what was opened of these connections, each once: secrets, which no output may show."""
        inside = [self._index.connections[number - 1].secure for number in sorted(connections)]
        return list(dict.fromkeys(line for secure in inside if secure is not None for line in secure.tls.key_log_lines()))

    def connection_frames(self, connections: Collection[int]) -> Iterator[Record]:
        """All frames of these connections from the inputs again, as they were captured and in that order.

        Raises:
            SourceError: An input can be read only once and was opened without `again`, or is not what it was.
        """
        with self._again() as capture:
            yield from frames_of(_frames(capture), self._index.connections, connections, self.frames)

    def redacted_frames(self, connections: Collection[int], mask: "Mask") -> Iterator[Record]:
        """The same frames under a mask: nobody's rows, names and addresses are in them, and what is told of them stays.

        Raises:
            SourceError: As `connection_frames`.
        """
        from gpinspect.inspection.redact import Rewriter, plans_of

        with self._again() as capture:
            plans = plans_of(capture, connections, self.frames, mask)
        with self._again() as capture:
            rewriter = Rewriter(mask, plans)
            yield from frames_of(_frames(capture), self._index.connections, connections, self.frames, rewriter)

    def records(self) -> Iterator[Record]:
        """All frames once more, as they were captured and in that order.

        Raises:
            SourceError: As `connection_frames`.
        """
        with self._again() as capture:
            yield from islice(_frames(capture), self.frames)

    @contextmanager
    def _again(self) -> Iterator[Capture]:
        """The inputs for one more reading; pipes as they were kept."""
        if self._capture.bytes_total is None:
            yield self._capture
            return
        with self._opener() as again:
            if again.sources != self.sources:
                raise SourceError("the inputs changed while they were read; cut from copies, or when the recorder has ended")
            yield again

    def close(self) -> None:
        self._capture.close()
        if self._content is not None:
            self._content.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class _Slowly:
    """A capture that is read again with pauses in which another thread has its turn."""

    def __init__(self, capture: Capture, breathe: Callable[[], object]) -> None:
        self._capture = capture
        self._breathe = breathe

    def records_at(self, position: int) -> Iterator[Record]:
        for number, record in enumerate(self._capture.records_at(position)):
            if not number % BREATH:
                self._breathe()
            yield record


def _no_breath() -> None:
    """Nobody waits for a turn."""


def _frames(capture: Capture) -> Iterator[Record]:
    """Every frame, once more where the capture is a pipe."""
    return capture.records_again() if capture.bytes_total is None else capture.records()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Nothing that the engine makes is garbage before the end; looking for some costs more the more connections there are."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def open_inspection(
    inputs: Sequence[str],
    *,
    keylogs: Sequence[str] = (),
    server_keys: Sequence[str] = (),
    passphrase: Passphrase | None = None,
    hashes: bool = False,
    again: bool = False,
    via_tshark: bool = False,
    display_filter: str = "",
    root: str | None = None,
    vantage: Vantage | None = None,
) -> Inspection:
    """Open inputs without reading them yet; see `inspect` for the arguments."""
    material = KeyMaterial(keylogs, server_keys, passphrase)

    def opener() -> Capture:
        return open_captures(inputs, again=again, via_tshark=via_tshark, display_filter=display_filter)

    files = None
    if root is not None:
        from gpinspect.inspection.root import Root

        files = Root(root)
    return Inspection(opener, material, keep=hashes, root=files, vantage=vantage)


def inspect(
    inputs: Sequence[str],
    *,
    keylogs: Sequence[str] = (),
    server_keys: Sequence[str] = (),
    passphrase: Passphrase | None = None,
    hashes: bool = False,
    again: bool = False,
    via_tshark: bool = False,
    display_filter: str = "",
    root: str | None = None,
    vantage: Vantage | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Read captures (files, directories, globs, `-`) as one and say what is in them.

    Args:
        keylogs: TLS key log files (NSS format).
        server_keys: PEM files with private keys of servers.
        passphrase: Asked for the passphrase of a protected key, with the name of its file.
        hashes: Keep payload in a temporary file and work out its SHA-256 values.
        again: Keep what cannot be read twice (pipes, compressed files) in a temporary file, so that `read_package` works.
        via_tshark: Let tshark convert formats that are not read here.
        display_filter: A Wireshark filter: tshark chooses the frames that are read, which are numbered anew; empty: all.
        vantage: Where the recorder stood, where that is known; else it is estimated.
        root: Folder with the files of the server; sessions are compared with them, with `hashes` byte by byte.
        progress: Told how far reading has come.

    Raises:
        CaptureError: An input is no capture, or nothing of it can be read.
        SourceError: tshark is wanted and missing, or there is no room for payload.
        TlsKeyError: Key material cannot be read.
    """
    inspection = open_inspection(
        inputs,
        keylogs=keylogs,
        server_keys=server_keys,
        passphrase=passphrase,
        hashes=hashes,
        again=again,
        via_tshark=via_tshark,
        display_filter=display_filter,
        root=root,
        vantage=vantage,
    )
    inspection.read(progress)
    return inspection
