"""The example package of the protocol document: 55 bytes, file /data/a.csv, offset 0, line 1, two rows."""

from hypothesis import given
from hypothesis import strategies as st

from gpinspect.model.packages import COMPLETE, DATA, END, ERROR, ZSTD, Package
from gpinspect.views.tree import Node, missing_ranges, package_tree

EXAMPLE = bytes.fromhex(
    "460000000b 2f646174612f612e637376 4f00000008 0000000000000000 4c00000008 0000000000000001 4400000008 312c780a322c790a"
)


def row(kind: int = DATA, flags: int = COMPLETE, head: int = 47, length: int = 8) -> Package:
    return Package(0, head, length, 0, 0, 1, 0, 0, 1, 1, 0, kind, flags)


def flat(node: Node) -> list[Node]:
    return [node, *(inner for child in node.children for inner in flat(child))]


def test_example_package_becomes_four_messages_with_their_ranges() -> None:
    tree = package_tree(row(), EXAMPLE)
    assert [(child.label, child.value, child.start, child.length) for child in tree.children] == [
        ("F file name", "/data/a.csv", 0, 16),
        ("O offset", "0", 16, 13),
        ("L line", "1", 29, 13),
        ("D rows", "8 bytes, 2 line ends", 42, 13),
    ]
    assert (tree.label, tree.value, tree.length) == ("data package", "55 bytes", 55)


def test_rows_are_nodes_up_to_a_limit() -> None:
    rows = package_tree(row(), EXAMPLE).children[3].children[2:]
    assert [(node.label, node.value, node.start, node.length) for node in rows] == [
        ("line 1", "1,x\\n", 47, 4),
        ("line 2", "2,y\\n", 51, 4),
    ]
    folded = package_tree(row(), EXAMPLE, rows=1).children[3].children[-1]
    assert (folded.label, folded.value, folded.start, folded.length) == ("further lines", "4 bytes, 1 line end", 51, 4)


def test_position_finds_the_innermost_field() -> None:
    tree = package_tree(row(), EXAMPLE)
    found = tree.at(17)
    assert found is not None and (found.label, found.value, found.start) == ("length", "8", 17)
    assert tree.at(55) is None


def test_end_package_says_end_of_data() -> None:
    tree = package_tree(row(END, head=5, length=0), bytes.fromhex("4400000000"))
    assert (tree.label, tree.children[0].value) == ("end package", "end of data")


def test_error_package_shows_its_text() -> None:
    tree = package_tree(row(ERROR, head=5, length=4), b"E\x00\x00\x00\x04a\x1bbc")
    assert (tree.children[0].label, tree.children[0].value) == ("E error text", "a\\x1bbc")


def test_unknown_letter_is_shown_raw() -> None:
    tree = package_tree(row(), b"Q\x00\x00\x00\x03\x00ab" + EXAMPLE[42:])
    assert (tree.children[0].label, tree.children[0].children[2].value) == ("unknown message 0x51", "\\x00ab")
    assert tree.children[1].label == "D rows"


def test_number_of_another_size_than_eight_is_shown_raw() -> None:
    tree = package_tree(row(), b"O\x00\x00\x00\x02\x01\x02" + EXAMPLE[42:])
    assert (tree.children[0].label, tree.children[0].value) == ("O offset of a wrong size", "\\x01\\x02")


def test_cut_content_says_how_much_did_not_come() -> None:
    tree = package_tree(row(flags=0), EXAMPLE[:-3])
    assert tree.children[3].value == "8 bytes, 1 line end; cut, 3 bytes of it did not come"


def test_bytes_that_were_not_captured_are_never_read_as_values() -> None:
    pieces = [(0, 21, 1), (29, 26, 2)]
    tree = package_tree(row(), EXAMPLE, pieces)
    assert missing_ranges(55, pieces) == ((21, 29),)
    assert tree.children[1].value == "<8 bytes not captured>"
    assert tree.value == "55 bytes, 8 of them not captured"


def test_a_lost_message_head_stops_the_taking_apart() -> None:
    tree = package_tree(row(), EXAMPLE, [(0, 16, 1), (30, 25, 2)])
    assert [child.label for child in tree.children] == ["F file name", "not taken apart"]


def test_compressed_content_is_one_frame_of_another_size() -> None:
    data = EXAMPLE[:42] + bytes.fromhex("4400000064 28b52ffd0048")
    tree = package_tree(row(flags=COMPLETE | ZSTD, length=100), data)
    assert tree.children[3].value == "100 bytes in a zstd frame of 6 bytes"


@given(st.binary(max_size=120), st.lists(st.tuples(st.integers(0, 130), st.integers(0, 40), st.just(1)), max_size=4))
def test_any_bytes_become_a_tree_that_tiles_them_and_is_safe_to_show(data: bytes, pieces: list[tuple[int, int, int]]) -> None:
    tree = package_tree(row(), data, pieces)
    position = 0
    for child in tree.children:
        assert child.start == position
        position = child.end
    assert position == len(data)
    assert all(node.value.isprintable() and node.label.isprintable() for node in flat(tree))
