"""Fields, lines and bytes of a package, tied together by position."""

import struct

from gpinspect.model import Package
from gpinspect.views.package_content import PackageContent, first_opened, package_content, path_to, visible
from views.samples import table

NAME = b"/a.csv"
ROWS = b"1,x\n2,yy\n3"
HEAD = 5 + len(NAME) + 13 + 13 + 5
DATA = (
    b"F" + struct.pack("!I", len(NAME)) + NAME
    + b"O" + struct.pack("!IQ", 8, 47)
    + b"L" + struct.pack("!IQ", 8, 1)
    + b"D" + struct.pack("!I", len(ROWS)) + ROWS
)  # fmt: skip


def made(
    data: bytes = DATA, pieces: tuple[tuple[int, int, int], ...] | None = None, delimiter: bytes | None = None
) -> PackageContent:
    package: Package = table((NAME, 47, ROWS))[0]
    assert package.head == HEAD
    return package_content(package, data, ((0, len(data), 4),) if pieces is None else pieces, delimiter)


def ends(content: PackageContent) -> list[int]:
    """Where lines end in the content; each begins where the one before ended."""
    lines = [content.line(index) for index in range(len(content.breaks))]
    assert [start for start, _ in lines] == [HEAD, *(end for _, end in lines[:-1])]
    return [end - HEAD for _, end in lines]


def test_content_is_cut_behind_each_line_feed() -> None:
    content = made()
    assert [content.line(index) for index in range(len(content.breaks))] == [
        (HEAD, HEAD + 4),
        (HEAD + 4, HEAD + 9),
        (HEAD + 9, HEAD + 10),
    ]
    assert [content.line_text(index) for index in range(3)] == ["1,x", "2,yy", "3"]


def test_another_delimiter_of_rows_is_respected() -> None:
    content = made(delimiter=b"y")
    assert [content.line(index) for index in range(len(content.breaks))] == [
        (HEAD, HEAD + 7),
        (HEAD + 7, HEAD + 8),
        (HEAD + 8, HEAD + 10),
    ]


def test_a_byte_leads_to_its_line_and_bytes_of_the_head_to_none() -> None:
    content = made()
    assert [content.line_at(position) for position in (0, HEAD - 1, HEAD, HEAD + 4, HEAD + 9, HEAD + 10)] == [
        None,
        None,
        0,
        1,
        2,
        None,
    ]


def test_a_byte_leads_to_the_innermost_field() -> None:
    root = made().root
    assert path_to(root, 5) == (0, 2)  # the name, behind type and length of F
    assert path_to(root, 5 + len(NAME)) == (1, 0)  # the type of O
    assert path_to(root, HEAD + 4) == (3, 3)  # the second line, behind type, length and the first


def test_a_tree_shows_what_is_inside_of_open_nodes_only() -> None:
    root = made().root
    assert [line.path for line in visible(root, frozenset())] == [()]
    assert [line.path for line in visible(root, {(), (1,)})] == [(), (0,), (1,), (1, 0), (1, 1), (1, 2), (2,), (3,)]
    assert first_opened(root) == {(), (3,)}


def test_the_frame_of_a_byte_is_that_of_its_piece() -> None:
    content = made(pieces=((0, 10, 4), (10, 5, 0), (20, 5, 9)))
    assert [content.frame_at(position) for position in (0, 9, 12, 17, 20, 24, 25)] == [4, 4, None, None, 9, 9, None]


def test_bytes_that_were_not_captured_are_never_shown_as_values() -> None:
    content = made(DATA[:HEAD] + b"1\0\0\n", pieces=((0, HEAD + 1, 4), (HEAD + 3, 1, 5)))
    assert content.line_text(0) == "1??"
    line = content.hex_line(HEAD // 16)
    at = HEAD % 16
    assert line.digits[at : at + 4] == ("31", "??", "??", "0a")


def test_hex_lines_can_be_asked_for_in_any_order() -> None:
    content = made()
    assert content.hex_lines() == -(-len(DATA) // 16)
    last = content.hex_line(content.hex_lines() - 1)
    assert bytes.fromhex("".join(last.digits)) == DATA[last.start :]


def test_an_empty_package_has_nothing_to_show() -> None:
    content = made(b"", pieces=())
    assert content.hex_lines() == 0 and len(content.breaks) == 0 and content.frame_at(0) is None
