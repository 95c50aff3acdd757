"""Captures written by hand, field by field, and a sink that reads windows as the layout documents. struct only."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from gpinspect.capture import LARGEST_RECORD, SLACK, Capture, Window, open_captures

SECOND = 1_000_000_000


class Frame(NamedTuple):
    ns: int
    data: bytes
    original: int
    link: int = 1


def frame(ns: int, data: bytes, original: int | None = None, link: int = 1) -> Frame:
    return Frame(ns, data, len(data) if original is None else original, link)


# classic pcap


def pcap_header(order: str = "<", nano: bool = False, link: int = 1, version: tuple[int, int] = (2, 4)) -> bytes:
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    return struct.pack(f"{order}IHHiIII", magic, *version, 0, 0, 262144, link)


def pcap_record(one: Frame, order: str = "<", nano: bool = False) -> bytes:
    high, rest = divmod(one.ns, SECOND)
    low = rest if nano else rest // 1000
    return struct.pack(f"{order}IIII", high, low, len(one.data), one.original) + one.data


def pcap(frames: list[Frame], order: str = "<", nano: bool = False, link: int = 1) -> bytes:
    return pcap_header(order, nano, link) + b"".join(pcap_record(one, order, nano) for one in frames)


# pcapng


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def block(kind: int, content: bytes, order: str = "<") -> bytes:
    content = padded(content)
    length = len(content) + 12
    return struct.pack(f"{order}II", kind, length) + content + struct.pack(f"{order}I", length)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + padded(value)


def end_of_options(order: str = "<") -> bytes:
    return struct.pack(f"{order}HH", 0, 0)


def section(order: str = "<", options: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, *version, -1) + options, order)


def interface(order: str = "<", link: int = 1, snap: int = 0, resolution: int | None = None, offset: int | None = None) -> bytes:
    options = option(2, b"eth0", order)
    if resolution is not None:
        options += option(9, bytes([resolution]), order)
    if offset is not None:
        options += option(14, struct.pack(f"{order}q", offset), order)
    return block(1, struct.pack(f"{order}HHI", link, 0, snap) + options + end_of_options(order), order)


def enhanced(number: int, ticks: int, data: bytes, order: str = "<", original: int | None = None, options: bytes = b"") -> bytes:
    original = len(data) if original is None else original
    head = struct.pack(f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), original)
    return block(6, head + padded(data) + options, order)


def obsolete(number: int, ticks: int, data: bytes, order: str = "<", original: int | None = None) -> bytes:
    original = len(data) if original is None else original
    head = struct.pack(f"{order}HHIIII", number, 0xFFFF, ticks >> 32, ticks & 0xFFFFFFFF, len(data), original)
    return block(2, head + padded(data), order)


def simple(data: bytes, order: str = "<", original: int | None = None) -> bytes:
    return block(3, struct.pack(f"{order}I", len(data) if original is None else original) + data, order)


def statistics(number: int, order: str = "<", by_interface: int | None = None, by_system: int | None = None) -> bytes:
    options = b""
    if by_interface is not None:
        options += option(5, struct.pack(f"{order}Q", by_interface), order)
    if by_system is not None:
        options += option(7, struct.pack(f"{order}Q", by_system), order)
    return block(5, struct.pack(f"{order}III", number, 0, 0) + options + end_of_options(order), order)


def secrets(text: bytes, order: str = "<", kind: int = 0x544C534B) -> bytes:
    return block(10, struct.pack(f"{order}II", kind, len(text)) + text, order)


def names(order: str = "<") -> bytes:
    record = struct.pack(f"{order}HH", 1, 9) + padded(bytes([127, 0, 0, 1]) + b"mdw1\0")
    return block(4, record + struct.pack(f"{order}HH", 0, 0) + option(1, b"a comment", order), order)


def custom(content: bytes = b"whatever", order: str = "<") -> bytes:
    return block(0xBAD, struct.pack(f"{order}I", 32473) + content, order)


# reading


class Sink:
    """Takes records as `RecordLayout` and `FrameSink` say, one unpack a record, and keeps a copy of each frame."""

    def __init__(self, most: int | None = None) -> None:
        self.frames: list[Frame] = []
        self.positions: list[int] = []
        self.windows = 0
        self.most = most  # records taken of one window

    def run(self, window: Window) -> None:
        layout = window.layout
        assert len(window.buffer) >= window.end + SLACK
        self.windows += 1
        taken = 0
        while window.start + layout.length <= window.end and taken != self.most:
            kind, size, name, high, low, captured, original = layout.head.unpack_from(window.buffer, window.start)
            if kind != layout.kind or name != layout.interface:
                return
            if captured > LARGEST_RECORD or captured == original == 0 or low >= layout.high_ns // layout.low_ns:
                return
            if layout.sized and (size % 4 or size < layout.length + captured + 4):
                return
            after = window.start + (size if layout.sized else layout.length + captured)
            ns = high * layout.high_ns + low * layout.low_ns + layout.base_ns
            if after > window.end or not 0 <= ns < 1 << 63:
                return
            first = window.start + layout.length
            self.frames.append(Frame(ns, bytes(window.buffer[first : first + captured]), original, layout.link))
            self.positions.append(window.base + window.start)
            window.start = after
            taken += 1


class Result(NamedTuple):
    frames: list[Frame]
    positions: list[int]
    notices: list[tuple[str, dict[str, str | int]]]
    secrets: list[bytes]
    windows: int


def drain(capture: Capture, most: int | None = None) -> Result:
    sink = Sink(most)
    for window in capture.windows():
        sink.run(window)
    notices = [(notice.code, notice.values) for notice in capture.notices]
    return Result(sink.frames, sink.positions, notices, capture.secrets, sink.windows)


def read(*names: object, again: bool = False) -> Result:
    with open_captures([str(name) for name in names], again=again) as capture:
        return drain(capture)


class Cuts:
    """A raw source that gives its bytes in pieces of given sizes, the last size for ever."""

    def __init__(self, data: bytes, sizes: Iterator[int]) -> None:
        self._data = memoryview(data)
        self._sizes = sizes
        self.consumed = 0

    def readinto(self, view: memoryview, /) -> int:
        count = min(next(self._sizes), len(view), len(self._data) - self.consumed)
        view[:count] = self._data[self.consumed : self.consumed + count]
        self.consumed += count
        return count

    def close(self) -> None:
        pass
