from hypothesis import given
from hypothesis import strategies as st

from gpinspect.views.hexdump import hexdump


def test_a_full_line_has_two_groups_of_eight() -> None:
    (line,) = hexdump(b"F\x00\x00\x00\x11/data/order")
    assert line.text() == "0000  46 00 00 00 11 2f 64 61  74 61 2f 6f 72 64 65 72  F..../data/order"


def test_a_short_line_keeps_its_text_column_in_place() -> None:
    first, second = hexdump(bytes(range(0x41, 0x41 + 17)))
    assert first.text().index("ABCDEFGH") == second.text().index("Q", 6)
    assert second.text(3).startswith("010  51 ")


def test_bytes_not_captured_are_not_shown_as_zeros() -> None:
    (line,) = hexdump(b"AB\x00\x00EF", missing=((2, 4),))
    assert (line.digits, line.characters) == (("41", "42", "??", "??", "45", "46"), "AB??EF")


@given(st.binary(max_size=100), st.integers(0, 50), st.integers(0, 60))
def test_lines_give_the_bytes_back(data: bytes, start: int, length: int) -> None:
    lines = list(hexdump(data, start, length))
    assert bytes(int(digits, 16) for line in lines for digits in line.digits) == data[start : start + length]
    assert all(len(line.hex_text) == 48 and line.characters.isprintable() for line in lines)
