"""Protocol 1 messages: the bytes of the protocol documents, round trips, and what damaged ones become."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.errors import EncodeError
from gpinspect.grammar import layouts, messages

# one data package of two rows and the end of data, byte by byte
PACKAGE = bytes.fromhex(
    "46 0000000b 2f646174612f612e6373764f 00000008 00000000000000004c 00000008 000000000000000144 00000008 312c780a322c790a"
)
END = bytes.fromhex("44 00000000")

u64 = st.integers(0, 2**64 - 1)
names = st.binary(min_size=1, max_size=255)


def test_the_documented_package_reads_as_file_offset_line_and_rows() -> None:
    assert messages.parse_data_package(PACKAGE + END) == (b"/data/a.csv", 0, 1, b"1,x\n2,y\n")


def test_the_documented_package_is_built_byte_for_byte() -> None:
    assert messages.build_data_package(b"/data/a.csv", 0, 1, b"1,x\n2,y\n") == PACKAGE
    assert messages.build_end() == END == layouts.END_PACKAGE


def test_messages_of_the_documented_package_come_one_by_one() -> None:
    seen, stream = [], PACKAGE + END
    while stream:
        message = messages.parse_message(stream)
        assert message is not None
        seen.append((chr(message.letter), message.length, message.content, message.end))
        stream = stream[message.size :]
    assert seen == [
        ("F", 11, b"/data/a.csv", False),
        ("O", 8, 0, False),
        ("L", 8, 1, False),
        ("D", 8, b"1,x\n2,y\n", False),
        ("D", 0, b"", True),
    ]


@pytest.mark.parametrize("cut", range(len(PACKAGE)))
def test_a_package_cut_anywhere_wants_more_bytes(cut: int) -> None:
    assert messages.parse_data_package(PACKAGE[:cut]) is None


def test_unknown_letter_says_so_and_keeps_its_content() -> None:
    message = messages.parse_message(b"l\0\0\0\3abcrest")
    assert message == (0x6C, 3, "unknown", b"abc")
    assert not message.known
    assert messages.MESSAGE.parse(b"l\0\0\0\3abc").content.unknown == b"abc"


def test_offset_of_nine_bytes_says_so_and_keeps_its_content() -> None:
    assert messages.parse_message(b"O\0\0\0\x09123456789") == (0x4F, 9, "wrong_size", b"123456789")
    damaged = PACKAGE[:16] + b"O\0\0\0\x09123456789" + PACKAGE[29:]
    assert messages.parse_data_package(damaged) == ("offset.length", 9, 8)


def test_line_before_offset_is_no_package_of_a_real_server() -> None:
    swapped = PACKAGE[:16] + PACKAGE[29:42] + PACKAGE[16:29] + PACKAGE[42:]
    assert messages.parse_data_package(swapped) == ("offset.type", 0x4C, 0x4F)


def test_length_of_four_gib_wants_more_bytes_and_no_memory() -> None:
    assert messages.parse_message(b"D\xff\xff\xff\xffabc") is None


def test_error_message_keeps_its_text() -> None:
    text = b"line too long in file /data/a.csv near (4096 bytes)"
    assert messages.parse_message(messages.build_error(text)) == (0x45, len(text), "text", text)


@given(names, u64, u64, st.binary(min_size=1, max_size=300))
def test_what_is_built_is_read_again(file: bytes, offset: int, line: int, rows: bytes) -> None:
    built = messages.build_data_package(file, offset, line, rows)
    assert messages.parse_data_package(built) == (file, offset, line, rows)
    assert len(built) == 36 + len(file) + len(rows)


@given(st.binary(max_size=64))
def test_what_is_read_is_built_again(data: bytes) -> None:
    message = messages.parse_message(data)
    if message is not None and message.field not in ("unknown", "wrong_size"):
        assert messages.build_message(chr(message.letter), message.content) == data[: message.size]


@given(st.integers(0, 255), st.binary(max_size=40))
def test_every_letter_with_its_content_has_a_value(letter: int, content: bytes) -> None:
    message = messages.parse_message(bytes([letter]) + len(content).to_bytes(4, "big") + content)
    assert message is not None
    assert (message.letter, message.length) == (letter, len(content))
    assert message.known == (chr(letter) in "FOLDE")


@pytest.mark.parametrize(("letter", "content"), [("X", b""), ("O", b"12345678"), ("F", 7), ("L", -1), ("O", 1 << 64)], ids=str)
def test_a_message_that_cannot_be_is_not_built(letter: str, content: bytes | int) -> None:
    with pytest.raises(EncodeError):
        messages.build_message(letter, content)


def test_a_package_without_rows_is_not_built_because_it_would_be_the_end() -> None:
    with pytest.raises(EncodeError, match="end of data"):
        messages.build_data_package(b"/a", 0, 1, b"")
    with pytest.raises(EncodeError, match="256 bytes"):
        messages.build_data_package(b"a" * 256, 0, 1, b"x")


def test_compiled_declaration_agrees_with_the_interpreted_one() -> None:
    compiled = messages.MESSAGE.compile()
    for data in (PACKAGE, END, b"l\0\0\0\1x", b"O\0\0\0\1x", b"E\0\0\0\2no"):
        assert compiled.parse(data) == messages.MESSAGE.parse(data)
