"""The bytes of one package and three ways to look at them, tied to each other by byte position: fields, lines of rows, hex.

Positions count bytes from the first one of the package.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gpinspect.model import UNKNOWN, Package
from gpinspect.views.hexdump import WIDTH, HexLine, hexdump
from gpinspect.views.rows import row_starts
from gpinspect.views.text import printable
from gpinspect.views.tree import Node, Range, missing_ranges, package_tree

Path = tuple[int, ...]
"""Which child at each level leads to a node; () is the package itself."""

LINE_SHOWN = 1000
"""Bytes of one line of rows that are shown."""


class TreeLine(NamedTuple):
    """A node that is visible. `open` None: it has nothing inside."""

    path: Path
    node: Node
    open: bool | None


@dataclass(frozen=True, slots=True)
class PackageContent:
    """One package, read again.

    Attributes:
        pieces: (position, length, frame) of what was captured, in order; frame 0 = not known.
        breaks: Position of the first byte of each line of the content.
    """

    package: Package
    data: bytes
    pieces: tuple[tuple[int, int, int], ...]
    missing: tuple[Range, ...]
    root: Node
    breaks: Sequence[int] = field(repr=False)

    def line(self, index: int) -> Range:
        """Where line `index` of the content stands."""
        end = self.breaks[index + 1] if index + 1 < len(self.breaks) else len(self.data)
        return self.breaks[index], end

    def line_text(self, index: int) -> str:
        """A line as printable text, with `?` in place of every byte that was not captured; cut if it is very long."""
        start, end = self.line(index)
        shown = bytearray(self.data[start : min(end, start + LINE_SHOWN)])
        for low, high in self.missing:
            low, high = max(low - start, 0), min(high - start, len(shown))
            if low < high:
                shown[low:high] = b"?" * (high - low)
        return printable(bytes(shown).rstrip(b"\r\n")) + ("…" if end - start > LINE_SHOWN else "")

    def line_number(self, index: int) -> int | None:
        """The line of the file that row `index` begins in, by what L said and the line feeds since; None where L did not say."""
        if self.package.line in (0, UNKNOWN) or self.missing:
            return None
        return self.package.line + self.data.count(b"\n", self.breaks[0], self.breaks[index])

    def line_at(self, position: int) -> int | None:
        """Index of the line that holds a byte; None in front of the content."""
        index = bisect_right(self.breaks, position) - 1
        return index if index >= 0 and position < len(self.data) else None

    def hex_lines(self) -> int:
        return -(-len(self.data) // WIDTH)

    def hex_line(self, index: int) -> HexLine:
        """Sixteen bytes from 16 x `index` on."""
        start = index * WIDTH
        near = tuple((low, high) for low, high in self.missing if low < start + WIDTH and start < high)
        return next(hexdump(self.data, start, WIDTH, near))

    def frame_at(self, position: int) -> int | None:
        """Number of the frame a byte came in; None if it was not captured or the frame is not known."""
        index = bisect_right(self.pieces, position, key=lambda piece: piece[0]) - 1
        if index < 0:
            return None
        start, length, frame = self.pieces[index]
        return frame if frame and position < start + length else None


def package_content(
    package: Package,
    data: bytes,
    pieces: tuple[tuple[int, int, int], ...],
    delimiter: bytes | None = None,
    csvopt: str | None = None,
) -> PackageContent:
    """Take a package apart.

    Args:
        delimiter: What ends a row, where it is not a line feed.
        csvopt: X-GP-CSVOPT of the request: rows of CSV may hold row ends in quotes.
    """
    root = package_tree(package, data, pieces)
    breaks = row_starts(data, min(package.head, len(data)), csvopt, delimiter)
    return PackageContent(package, data, pieces, missing_ranges(len(data), pieces), root, breaks)


# the tree -----------------------------------------------------------------------------------------------------------------


def visible(root: Node, opened: set[Path] | frozenset[Path]) -> Iterator[TreeLine]:
    """Nodes of a tree from top to bottom, with the inside of those that are open."""
    waiting: list[tuple[Path, Node]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        is_open = (path in opened) if node.children else None
        yield TreeLine(path, node, is_open)
        if is_open:
            waiting.extend(((*path, number), child) for number, child in reversed(list(enumerate(node.children))))


def path_to(root: Node, position: int) -> Path:
    """The way to the innermost node that holds a byte."""
    path: Path = ()
    node = root
    while True:
        inner = next((number for number, child in enumerate(node.children) if child.start <= position < child.end), None)
        if inner is None:
            return path
        path, node = (*path, inner), node.children[inner]


def first_opened(root: Node) -> set[Path]:
    """What is open at first: the package, and its last message (the rows, or the error text)."""
    return {(), (len(root.children) - 1,)} if root.children else {()}
