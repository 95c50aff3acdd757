"""Three panes on the bytes of one package: fields, rows, hex. Each only draws; the screen ties them together by byte position."""

from collections.abc import Iterator, Sequence

from rich.style import Style

from gpinspect.tui.look import BOLD, DIM, PLAIN, REVERSE, Look, Part
from gpinspect.tui.virtual import LineView
from gpinspect.views.hexdump import WIDTH
from gpinspect.views.package_content import PackageContent, Path, TreeLine, first_opened, path_to, visible
from gpinspect.views.tree import Node, Range

UNDERLINE = Style(underline=True, bold=True)
FRAME_ROOM = 2
"""Blanks in front of the frame number of a line of hex."""


class Pane(LineView):
    """A pane on a package, empty until there is one."""

    title = ""

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self.content: PackageContent | None = None
        self.active = False

    def set_content(self, content: PackageContent | None) -> None:
        self.content = content
        self.cursor = 0
        self.changed()

    def selection(self) -> Range:
        """The bytes that the cursor stands on."""
        raise NotImplementedError

    def follow_to(self, position: int) -> None:
        """Put the cursor on what holds a byte, because another pane stands there."""
        raise NotImplementedError

    def sideways(self, step: int) -> None:
        """The keys to the left and right."""


class TreePane(Pane):
    """The fields of a package; what is inside of some can be folded away."""

    title = "fields"

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self.opened: set[Path] = set()
        self.rows: list[TreeLine] = []

    def set_content(self, content: PackageContent | None) -> None:
        self.opened = set() if content is None else first_opened(content.root)
        self.rows = [] if content is None else list(visible(content.root, self.opened))
        super().set_content(content)

    def count(self) -> int:
        return len(self.rows)

    def parts(self, index: int) -> Sequence[Part]:
        row = self.rows[index]
        mark = " " if row.open is None else "-" if row.open else "+"
        node = row.node
        label = self.look.text(node.label)
        place = f"  at {node.start:,}, {node.length:,} B" if row.open is not None and row.path else ""
        return [
            (f"{'  ' * len(row.path)}{mark} ", PLAIN),
            (label, BOLD),
            (f"  {self.look.text(node.value)}", PLAIN),
            (place, PLAIN),
        ]

    def node(self) -> Node | None:
        """The field under the cursor."""
        return self.rows[self.cursor].node if self.rows else None

    def selection(self) -> Range:
        node = self.node()
        return (0, 0) if node is None else (node.start, node.end)

    def follow_to(self, position: int) -> None:
        if self.content is None:
            return
        path = path_to(self.content.root, position)
        self.opened.update(path[:length] for length in range(len(path)))
        self._rebuild(path)

    def fold(self, wanted: bool | None) -> None:
        """Open or close the node under the cursor; None: the other way than it is."""
        if not self.rows:
            return
        row = self.rows[self.cursor]
        if row.open is None or row.open == wanted:
            if wanted is False and row.path:
                self.move_to(next(at for at, other in enumerate(self.rows) if other.path == row.path[:-1]))
            return
        self.opened ^= {row.path}
        self._rebuild(row.path)

    def sideways(self, step: int) -> None:
        self.fold(step > 0)

    def _rebuild(self, path: Path) -> None:
        assert self.content is not None
        self.rows = list(visible(self.content.root, self.opened))
        self.cursor = next((at for at, row in enumerate(self.rows) if row.path == path), 0)
        self.changed()


class RowsPane(Pane):
    """The content of a package, cut at line ends (a quoted field may hold some)."""

    title = "rows"

    def count(self) -> int:
        return 0 if self.content is None else len(self.content.breaks)

    def parts(self, index: int) -> Sequence[Part]:
        assert self.content is not None
        number = self.content.line_number(index)
        if number is None:
            digits = len(str(len(self.content.breaks)))
            return [(f"{index + 1:>{digits}}  ", DIM), (self.look.text(self.content.line_text(index)), PLAIN)]
        digits = len(f"{self.content.package.line + len(self.content.breaks):,}")
        return [(f"{f'{number:,}':>{digits}}  ", DIM), (self.look.text(self.content.line_text(index)), PLAIN)]

    def selection(self) -> Range:
        return self.content.line(self.cursor) if self.content is not None and self.count() else (0, 0)

    def follow_to(self, position: int) -> None:
        line = None if self.content is None else self.content.line_at(position)
        if line is not None:
            self.move_to(line, tell=False)


class HexPane(Pane):
    """The bytes, sixteen a line, with the frame in which the first of each came; `lit` bytes are shown in reverse.

    The cursor is one byte: `position`.
    """

    title = "hex"

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self.position = 0
        self.lit: Range = (0, 0)

    def count(self) -> int:
        return 0 if self.content is None else self.content.hex_lines()

    def set_content(self, content: PackageContent | None) -> None:
        self.position, self.lit = 0, (0, 0)
        super().set_content(content)

    def light(self, lit: Range) -> None:
        """Show these bytes in reverse."""
        self.lit = lit
        self.refresh()

    def selection(self) -> Range:
        return self.position, self.position + 1

    def follow_to(self, position: int) -> None:
        self.position = position
        super().move_to(position // WIDTH, tell=False)

    def move_to(self, index: int, *, tell: bool = True) -> None:
        index = min(max(index, 0), max(0, self.count() - 1))
        size = len(self.content.data) if self.content is not None else 0
        self.position = max(0, min(index * WIDTH + self.position % WIDTH, size - 1))
        super().move_to(index, tell=tell)

    def sideways(self, step: int) -> None:
        if self.content is None or not self.content.data:
            return
        self.position = min(max(self.position + step, 0), len(self.content.data) - 1)
        super().move_to(self.position // WIDTH, tell=False)
        self.post_message(self.Moved(self))

    def _marked(self, index: int) -> Iterator[Part]:
        yield (">" if index == self.cursor else " "), BOLD
        yield from self.parts(index)

    def parts(self, index: int) -> Sequence[Part]:
        assert self.content is not None
        line = self.content.hex_line(index)
        digits = max(4, len(f"{len(self.content.data):x}"))
        styles = [self._style(line.start + at) for at in range(len(line.digits))]
        made: list[Part] = [(f"{line.start:0{digits}x}  ", PLAIN)]
        for at in range(WIDTH):
            if at == WIDTH // 2:
                made.append((" ", PLAIN))
            made.append((line.digits[at], styles[at]) if at < len(styles) else ("  ", PLAIN))
            both = at + 1 < len(styles) and self._is_lit(line.start + at) and self._is_lit(line.start + at + 1)
            made.append((" ", REVERSE if both and at + 1 != WIDTH // 2 else PLAIN))
        made.append((" ", PLAIN))
        made += [(character, styles[at]) for at, character in enumerate(line.characters)]
        frame = self._frame(index)
        if frame and digits + 2 + 3 * WIDTH + 2 + WIDTH + FRAME_ROOM + len(frame) < self.size.width:
            made.append((" " * (WIDTH - len(line.characters) + FRAME_ROOM) + frame, PLAIN))
        return made

    def _is_lit(self, position: int) -> bool:
        return self.lit[0] <= position < self.lit[1]

    def _style(self, position: int) -> Style:
        if self.active and position == self.position:
            return UNDERLINE
        return REVERSE if self._is_lit(position) else PLAIN

    def _frame(self, index: int) -> str:
        """The frame of the first byte of a line, where it is another than that of the line before."""
        assert self.content is not None
        frame = self.content.frame_at(index * WIDTH)
        before = self.content.frame_at((index - 1) * WIDTH) if index else None
        return "" if frame is None or frame == before else f"{frame:,}"
