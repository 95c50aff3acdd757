"""The packages of one response body: a row of 70 bytes each, never an object each.

A *package* is what a Greenplum segment takes as one: the messages F O L in front of a D and the D itself (kind `data`), an
empty D (`end`), or an E (`error`).
"""

import struct
import sys
from array import array
from collections.abc import Iterator
from itertools import compress
from typing import NamedTuple

UNKNOWN = (1 << 64) - 1
"""Stands for "the wire did not say" in `offset`, `line` and the times of a row."""

NO_FILE = (1 << 32) - 1
KINDS = ("data", "end", "error")
DATA, END, ERROR = range(3)

COMPLETE = 1  # flag: the last byte of the content was reached and none of it is missing
ASSUMED = 2  # flag: found again after lost framing
ZSTD = 4  # flag: the content is one zstd frame; `length` is its decompressed size

ROW = struct.Struct("<QIIIQQQQIIQBB")
_LINE = struct.Struct("<Q")
_AT_LINE = struct.calcsize("<QIIIQ")
_END_NS, _END_FRAME = struct.Struct("<Q"), struct.Struct("<I")
_AT_END_NS, _AT_END_FRAME, _AT_FLAGS = struct.calcsize("<QIIIQQQ"), struct.calcsize("<QIIIQQQQI"), struct.calcsize("<QIIIQQQQIIQB")


class Package(NamedTuple):
    """One row. Positions count bytes of the response body (after the head), times are nanoseconds since the epoch."""

    position: int  # of its first message
    head: int  # bytes of F, O, L and the type and length of D: content starts at position + head
    length: int  # bytes of content as the D or E message says
    file: int  # index into PackageTable.files, or NO_FILE
    offset: int  # of the first byte in the file, UNKNOWN without O
    line: int  # of the first row, 0 = the server did not know, UNKNOWN without L
    ns: int  # first byte
    end_ns: int  # last byte, UNKNOWN while it has not come
    frame: int  # of the first byte
    end_frame: int  # of the last byte seen
    capture: int  # position in the capture of the first frame that holds a byte of it
    kind: int
    flags: int

    @property
    def kind_name(self) -> str:
        return KINDS[self.kind]

    @property
    def complete(self) -> bool:
        return bool(self.flags & COMPLETE)


class Times(NamedTuple):
    """Of each data package: `length` as its D says, `ns` of its first and `end_ns` of its last byte (or UNKNOWN), `flags`."""

    length: "array[int]"
    ns: "array[int]"
    end_ns: "array[int]"
    flags: "array[int]"


def _column(rows: bytearray, at: int, code: str) -> "array[int]":
    """The field at byte `at` of every row."""
    column = array(code)
    size = column.itemsize
    picked = bytearray(size * (len(rows) // ROW.size))
    for byte in range(size):
        picked[byte::size] = rows[at + byte :: ROW.size]
    column.frombytes(picked)
    if sys.byteorder == "big":
        column.byteswap()
    return column


class PackageTable:
    """Rows in wire order, with the file names and error texts they point at.

    `files` are the names of F as sent (bytes), each once; a name stays in force until the next F.
    """

    __slots__ = ("_rows", "data", "files", "known_files")

    def __init__(self) -> None:
        self._rows = bytearray()
        self.data = 0  # data packages among the rows
        self.files: list[bytes] = []
        self.known_files: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._rows) // ROW.size

    def __getitem__(self, index: int) -> Package:
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        return Package._make(ROW.unpack_from(self._rows, index * ROW.size))

    def __iter__(self) -> Iterator[Package]:
        for index in range(len(self)):
            yield self[index]

    def spans(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Of each data package: index, file index, offset, length, and body position of its content (quicker than rows)."""
        for index, row in enumerate(ROW.iter_unpack(self._rows)):
            if row[11] == DATA:
                yield index, row[3], row[4], row[2], row[0] + row[1]

    def line(self, index: int) -> int:
        """L of one package (quicker than the row)."""
        line: int = _LINE.unpack_from(self._rows, index * ROW.size + _AT_LINE)[0]
        return line

    def data_times(self) -> Times:
        """Lengths and times of the data packages as columns: cut out of the rows in strides, a few copies in all."""
        rows = self._rows
        kinds = bytes(rows[_AT_FLAGS - 1 :: ROW.size])
        columns = (
            _column(rows, struct.calcsize("<QI"), "I"),
            _column(rows, _AT_END_NS - 8, "Q"),
            _column(rows, _AT_END_NS, "Q"),
            array("B", rows[_AT_FLAGS :: ROW.size]),
        )
        data = len(kinds.rstrip(bytes((END, ERROR))))
        if data == self.data:
            return Times(*(column[:data] if data < len(kinds) else column for column in columns))
        wanted = [kind == DATA for kind in kinds]
        return Times(*(array(column.typecode, compress(column, wanted)) for column in columns))

    def append(self, *row: int) -> None:
        """Add a row; the order of values is that of `Package`."""
        self._rows += ROW.pack(*row)
        self.data += row[11] == DATA

    def close_last(self, end_ns: int, end_frame: int, flags: int) -> None:
        """The content of the last row has come to its end; `flags` are added to its own."""
        at = len(self._rows) - ROW.size
        _END_NS.pack_into(self._rows, at + _AT_END_NS, end_ns)
        _END_FRAME.pack_into(self._rows, at + _AT_END_FRAME, end_frame)
        self._rows[at + _AT_FLAGS] |= flags

    def file_index(self, name: bytes) -> int:
        """Index of a name of F in `files`, which learns it if it is new."""
        index = self.known_files.get(name)
        if index is None:
            index = self.known_files[name] = len(self.files)
            self.files.append(name)
        return index

    def file_name(self, package: Package) -> bytes | None:
        return None if package.file == NO_FILE else self.files[package.file]
