"""Captures into the engine, in pieces of any size, with the fast path on or off; payload kept in memory."""

import io
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from craft import Capture

import gpinspect.engine.index as index_module
from gpinspect.capture import SLACK, RecordLayout, Window
from gpinspect.engine.index import Index
from gpinspect.engine.link import FastLayout
from gpinspect.engine.link import fast_layout as real_fast_layout
from gpinspect.engine.sessions import Correlated, correlate
from gpinspect.engine.tls.keys import KeyStore

FILE_HEAD = 24
RECORD = 16
START_POSITION = 24  # capture position of the first record


class Kept:
    """A content store in memory: what was stored, as (package, position, bytes), by exchange key."""

    def __init__(self) -> None:
        self.pieces: dict[int, list[tuple[int, int, bytes]]] = defaultdict(list)

    def store(self, exchange: int, package: int, position: int, data: bytes) -> None:
        self.pieces[exchange].append((package, position, data))

    def joined(self, exchange: int) -> bytes:
        return b"".join(data for _, _, data in self.pieces[exchange])


def layout_of(capture: Capture) -> RecordLayout:
    order = "<" if capture.byteorder == "little" else ">"
    unit = 1 if capture.nanoseconds else 1000
    return RecordLayout(struct.Struct(order + "0s0s0sIIII"), RECORD, b"", b"", False, 10**9, unit, 0, capture.link)


def _never(link: int, version: int) -> FastLayout | None:
    """A fast layout that fits no frame: every one takes the slow way."""
    layout = real_fast_layout(link, version)
    return None if layout is None else layout._replace(version=-1)


def feed(
    capture: Capture,
    cuts: Iterable[int] | None = None,
    *,
    slow: bool = False,
    store: Any = None,
    end: bool = True,
    keys: KeyStore | None = None,
) -> Index:
    """Give a capture to an index.

    Args:
        cuts: Positions (from the first record) at which the bytes that are there end; None gives everything at once.
        slow: Switch the fast path off.
        store: Where payload goes.
        end: Say at the end that the capture is over.
        keys: What opens TLS.
    """
    data = capture.pcap()[FILE_HEAD:]
    index = Index(store, None if keys is None else lambda: keys)
    layout = layout_of(capture)
    before = index_module.fast_layout
    if slow:
        index_module.fast_layout = _never
    try:
        at = 0
        for stop in [*sorted(set(cuts or ())), len(data)]:
            # a window of its own for each stretch: what the engine wants to keep it has to copy
            stretch = bytearray(data[at:stop]) + b"\xee" * SLACK
            window = Window(stretch, 0, stop - at, START_POSITION + at, layout)
            index.run(window)
            assert 0 <= window.start <= window.end
            stretch[:] = b"\xcc" * len(stretch)
            at += window.start
        assert at == len(data)
    finally:
        index_module.fast_layout = before
    if end:
        index.finish()
    return index


def record_ends(capture: Capture) -> list[int]:
    """Where each record ends, from the first one's start."""
    ends = []
    at = 0
    for record in capture.records:
        at += RECORD + len(record.data)
        ends.append(at)
    return ends


def told(index: Index) -> dict[str, Any]:
    """Everything that the index says and that does not hang on how the frames were handed over."""
    found: Correlated = correlate(index.connections)
    return {
        "exchanges": found.exchanges,
        "packages": [[tuple(package) for package in exchange.packages] for exchange in found.exchanges],
        "files": [exchange.packages.files for exchange in found.exchanges],
        "sessions": found.sessions,
        "flows": found.flows,
        "lost": [
            [(s.position, list(s.missing), s.capture_loss, s.network_loss, s.resent) for s in connection.streams]
            for connection in index.connections
        ],
        "weirds": sorted(
            (w.code, w.connection, w.sender, w.place, sorted(w.values.items())) for w in index.weirds() if w.code != "GPI022"
        ),
        "frames": index.frames,
    }


def exchanges(capture: Capture, **how: Any) -> list[Any]:
    return correlate(feed(capture, **how).connections).exchanges


def sessions(capture: Capture, **how: Any) -> list[Any]:
    return correlate(feed(capture, **how).connections).sessions


def one(capture: Capture, **how: Any) -> Any:
    """The only exchange of a capture."""
    found = exchanges(capture, **how)
    assert len(found) == 1, found
    return found[0]


def pieces_of(data: bytes, sizes: Iterator[int]) -> Iterator[bytes]:
    """Cut bytes into stretches of these sizes, the rest last."""
    source = io.BytesIO(data)
    for size in sizes:
        piece = source.read(size)
        if not piece:
            return
        yield piece
    rest = source.read()
    if rest:
        yield rest
