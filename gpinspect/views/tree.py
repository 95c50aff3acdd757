"""One package of protocol 1 as a tree of fields with byte ranges, read through the grammar.

Ranges count bytes of the package from its first one, so a hex dump beside the tree can follow it. What was not captured says so
and is never read as a value; what fits no rule is shown raw.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gpinspect.grammar import messages, outline
from gpinspect.model.packages import ZSTD, Package
from gpinspect.views.text import count_text, plural, printable, shorten

ROWS_SHOWN = 50
TEXT_SHOWN = 400
"""Bytes of one text or row that a node shows."""

MESSAGES_SHOWN = 200
"""Messages in front of the content that are taken apart; what is beyond is shown raw."""

NAMES = {"F": "file name", "O": "offset", "L": "line", "D": "rows", "E": "error text"}
_KINDS = {"data": "data package", "end": "end package", "error": "error package"}

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Node:
    """A field: what it is, what it says, and which bytes of the package it is made of. `note` is its documentation."""

    label: str
    value: str
    start: int
    length: int
    children: tuple["Node", ...] = ()
    note: str = ""

    @property
    def end(self) -> int:
        return self.start + self.length

    def at(self, position: int) -> "Node | None":
        """The innermost node that holds this byte."""
        if not self.start <= position < self.end:
            return None
        return next((inner for child in self.children if (inner := child.at(position))), self)


def missing_ranges(size: int, pieces: Sequence[tuple[int, int, int]]) -> tuple[Range, ...]:
    """What of `size` bytes no piece (position, length, frame) covers, as [from, to) in order."""
    holes: list[Range] = []
    reached = 0
    for position, length, _ in sorted(pieces):
        if position > reached:
            holes.append((reached, min(position, size)))
        reached = max(reached, position + length)
    if reached < size:
        holes.append((reached, size))
    return tuple(holes)


def package_tree(
    package: Package, data: bytes, pieces: Sequence[tuple[int, int, int]] | None = None, *, rows: int = ROWS_SHOWN
) -> Node:
    """Take one package apart.

    Args:
        data: Its bytes, from the first one of F, O, L (or of D or E).
        pieces: Which of them were captured, as `MessageBytes.pieces`; None = all.
        rows: Rows of D that get a node of their own.
    """
    missing = () if pieces is None else missing_ranges(len(data), pieces)
    children = tuple(_messages(package, data, missing, rows))
    lost = sum(high - low for low, high in missing)
    value = f"{count_text(len(data))} bytes" + (f", {count_text(lost)} of them not captured" if lost else "")
    return Node(_KINDS[package.kind_name], value, 0, len(data), children)


def _messages(package: Package, data: bytes, missing: tuple[Range, ...], rows: int) -> Iterator[Node]:
    position = 0
    for _ in range(MESSAGES_SHOWN):
        if position >= len(data):
            return
        if _meets(missing, position, min(position + 5, len(data))):
            break
        compressed = bool(package.flags & ZSTD) and data[position] == messages.LETTERS["D"]
        node = _message(data, position, missing, rows, compressed)
        yield node
        position = node.end
    if position < len(data):
        yield _raw("not taken apart", data, position, len(data), missing)


def _message(data: bytes, start: int, missing: tuple[Range, ...], rows: int, compressed: bool) -> Node:
    """The message at `start`: its letter, length and content as children."""
    head = outline.locate(messages.MESSAGE_HEAD, data, start)
    children = [_field(field, data, missing) for field in head]
    if not all(field.complete for field in head):
        return Node("cut message", "its head is not whole", start, len(data) - start, tuple(children))
    letter, length = head[0].value, int(head[1].value)
    known = isinstance(letter, str)
    name = NAMES[letter] if known else "unknown message"
    label = f"{letter} {name}" if known else f"{name} 0x{letter:02x}"
    first = start + 5
    end = min(first + length, len(data))
    if compressed:
        end = len(data)
        children.append(_raw("zstd frame", data, first, end, missing))
        value = f"{plural(length, 'byte')} in a zstd frame of {plural(end - first, 'byte')}"
    elif letter == "D":
        value = _rows_value(data, first, end, length)
        children.extend(_rows(data, first, end, missing, rows))
    else:
        located = outline.locate(messages.MESSAGE, data, start)
        content = next((field for field in located if field.path.startswith("content.")), None)
        if content is None or not content.complete or not known:
            child = _raw("content", data, first, end, missing)
        else:
            child = _field(content, data, missing)
            label = label if content.path in _EXPECTED else f"{label} of a wrong size"
        children.append(child)
        value = child.value
    if end - first < length and not compressed:
        value += f"; cut, {count_text(length - (end - first))} bytes of it did not come"
    return Node(label, value, start, end - start, tuple(children))


_EXPECTED = {"content.name", "content.offset", "content.line", "content.rows", "content.text"}


def _field(field: outline.Located, data: bytes, missing: tuple[Range, ...]) -> Node:
    label = field.path.rpartition(".")[2].replace("_", " ")
    length = field.end - field.start
    if not field.complete or _meets(missing, field.start, field.end):
        return replace(_raw(label, data, field.start, field.end, missing), note=str(field.doc))
    if isinstance(field.value, bytes):
        value = _bytes_value(field.value)
    elif isinstance(field.value, int):
        value = count_text(field.value)
    else:
        value = repr(field.value)
    return Node(label, value, field.start, length, note=str(field.doc))


def _bytes_value(data: bytes) -> str:
    return shorten(printable(data[:TEXT_SHOWN]), TEXT_SHOWN) + ("…" if len(data) > TEXT_SHOWN else "")


def _rows_value(data: bytes, first: int, end: int, length: int) -> str:
    if length == 0:
        return "end of data"
    lines = data.count(b"\n", first, end)
    return f"{plural(length, 'byte')}, {plural(lines, 'line end')}"


def _rows(data: bytes, first: int, end: int, missing: tuple[Range, ...], rows: int) -> Iterator[Node]:
    """Content of D split behind each line feed; what is beyond `rows` is one node."""
    position = first
    for number in range(1, rows + 1):
        if position >= end:
            return
        feed = data.find(b"\n", position, end)
        stop = end if feed < 0 else feed + 1
        yield _raw(f"line {number}", data, position, stop, missing)
        position = stop
    if position < end:
        left = data.count(b"\n", position, end)
        value = f"{plural(end - position, 'byte')}, {plural(left, 'line end')}"
        yield Node("further lines", value, position, end - position)


def _raw(label: str, data: bytes, start: int, end: int, missing: tuple[Range, ...]) -> Node:
    """Bytes as text, with a count in place of each stretch that was not captured."""
    parts: list[str] = []
    position = start
    limit = min(end, start + TEXT_SHOWN)
    for low, high in missing:
        low, high = max(low, start), min(high, end)
        if low >= high or low >= limit:
            continue
        parts.append(printable(data[position:low]))
        parts.append(f"<{plural(high - low, 'byte')} not captured>")
        position = high
    parts.append(printable(data[position : max(position, limit)]))
    shown = max(position, limit)
    return Node(label, "".join(parts) + ("…" if shown < end else ""), start, end - start)


def _meets(missing: tuple[Range, ...], start: int, end: int) -> bool:
    return any(low < end and start < high for low, high in missing)
