"""From inputs to an inspection: capture, engine and analysis put together; what commands, TUI and scripts start from."""

import gc
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gpinspect.analysis import judge
from gpinspect.capture.capture import Capture, open_captures
from gpinspect.capture.source import Record
from gpinspect.engine.content import BODY
from gpinspect.engine.index import Index
from gpinspect.engine.sessions import Correlated, correlate
from gpinspect.errors import SourceError
from gpinspect.inspection.again import MessageBytes, read_again
from gpinspect.inspection.content import SpooledContent
from gpinspect.inspection.cutting import frames_of
from gpinspect.inspection.secrets import KeyMaterial, Passphrase
from gpinspect.model import Connection, Exchange, Finding, Flow, Notice, Session, Weird

if TYPE_CHECKING:
    from gpinspect.engine.secure import Secured

__all__ = ["Inspection", "MessageBytes", "Progress", "inspect"]

Progress = Callable[[int, int | None, int], None]
"""Called now and then while reading: bytes read, bytes in all (None on a pipe), frames so far."""


Payload = tuple[int | None, int, bytes]
"""Package index (None: the body itself), position in its content, bytes."""


class Inspection:
    """What was found in the inputs. Lists are in order of first frame; ids are their place counted from 1.

    It can be looked at while it is still being made: `refresh` brings the lists up to date with what has been read.
    """

    def __init__(self, opener: Callable[[], Capture], material: KeyMaterial, *, keep: bool = False) -> None:
        self._opener = opener
        self._material = material
        self._keep = keep
        self._capture = capture = opener()
        self._content = SpooledContent() if keep else None
        self._index = Index(self._content, lambda: material.keys, hashed=keep)
        self._secrets = 0  # of those in the capture, how many the keys have
        self._found = Correlated([], [], [], [], [], [])
        self.sources = capture.sources
        self.notices: list[Notice] = []
        self.weirds: list[Weird] = []
        self.findings: list[Finding] = []
        self.complete = False

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
            yield from self._pass()

    def _pass(self) -> Iterator[None]:
        for window in self._capture.windows():
            self._learn()
            self._index.run(window)
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
        self.complete = True
        self.refresh()

    def refresh(self) -> None:
        """Bring the lists up to date with what has been read so far."""
        self._found = correlate(self._index.connections)
        self.notices = self._capture.notices + self._index.notices() + self._material.notices()
        self.weirds = self._index.weirds()
        judged = judge(self._found.sessions, self._found.exchanges, self._found.connections, self.weirds, self.notices, self.tls)
        self._found.sessions[:] = judged.sessions
        self.findings = judged.findings
        if self._content is not None and self.complete:
            from gpinspect.inspection.hashes import add_hashes

            add_hashes(self._found, self._content)

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

    def key_log(self, connections: Collection[int]) -> list[str]:
        """Lines of a key log that open what was opened of these connections, each once: secrets, which no output may show."""
        inside = [self._index.connections[number - 1].secure for number in sorted(connections)]
        return list(dict.fromkeys(line for secure in inside if secure is not None for line in secure.tls.key_log_lines()))

    def connection_frames(self, connections: Collection[int]) -> Iterator[Record]:
        """All frames of these connections from the inputs again, as they were captured and in that order.

        Raises:
            SourceError: An input can be read only once and was opened without `again`, or is not what it was.
        """
        known, last = self._index.connections, self.frames
        if self._capture.bytes_total is None:
            yield from frames_of(self._capture.records_again(), known, connections, last)
            return
        with self._opener() as again:
            if again.sources != self.sources:
                raise SourceError("the inputs changed while they were read; cut from copies, or when the recorder has ended")
            yield from frames_of(again.records(), known, connections, last)

    def close(self) -> None:
        self._capture.close()
        if self._content is not None:
            self._content.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


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
) -> Inspection:
    """Open inputs without reading them yet; see `inspect` for the arguments."""
    material = KeyMaterial(keylogs, server_keys, passphrase)

    def opener() -> Capture:
        return open_captures(inputs, again=again, via_tshark=via_tshark)

    return Inspection(opener, material, keep=hashes)


def inspect(
    inputs: Sequence[str],
    *,
    keylogs: Sequence[str] = (),
    server_keys: Sequence[str] = (),
    passphrase: Passphrase | None = None,
    hashes: bool = False,
    again: bool = False,
    via_tshark: bool = False,
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
    )
    inspection.read(progress)
    return inspection
