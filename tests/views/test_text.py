import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from gpinspect.views.text import (
    bytes_text,
    cells,
    clock_text,
    count_text,
    duration_text,
    plural,
    printable,
    rate_text,
    shorten,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def test_control_sequences_of_the_wire_are_escaped() -> None:
    assert printable("a\x1b[31mb\x00\x7f\x9b\r\n\t") == "a\\x1b[31mb\\x00\\x7f\\x9b\\r\\n\\t"


def test_marks_that_turn_or_hide_text_are_escaped() -> None:
    assert printable("\u202ea\u200bb\u2028\ufe0f\U000e0041") == "\\u202ea\\u200bb\\u2028\\ufe0f\\U000e0041"


def test_bytes_that_are_not_utf8_are_escaped_one_by_one() -> None:
    assert printable(b"caf\xc3\xa9 \xff\xfe") == "café \\xff\\xfe"
    assert printable("\udcff\ud800") == "\\xff\\ud800"


@given(st.one_of(ANY_TEXT, st.binary()))
def test_nothing_of_the_wire_reaches_a_terminal_as_control(text: str | bytes) -> None:
    shown = printable(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp", "Cn", "Co"}
    shown.encode("utf-8")


@given(st.text(), st.integers(0, 40), st.sampled_from(["start", "end", "both"]))
def test_shortened_text_keeps_within_its_cells(text: str, width: int, keep: str) -> None:
    shown = printable(text)
    assert cells(shorten(shown, width, keep=keep)) <= width
    if cells(shown) <= width:
        assert shorten(shown, width, keep=keep) == shown


def test_a_path_is_shortened_in_front_so_that_the_name_stays() -> None:
    assert shorten("/very/long/orders.tbl", 11, keep="end") == "…orders.tbl"
    assert shorten("abcdefghij", 5) == "abcd…"
    assert shorten("漢字漢字", 5) == "漢字…"


def test_sizes_have_three_digits_above_ten_thousand_bytes() -> None:
    assert [bytes_text(n) for n in (None, 0, 9_999, 11_560, 999_600, 220_000_000, 2**63)] == [
        "-", "0 B", "9,999 B", "11.6 kB", "1.00 MB", "220 MB", "9.22 EB",
    ]  # fmt: skip


def test_unknown_numbers_are_a_dash_and_known_zero_is_zero() -> None:
    assert (count_text(None), count_text(0), count_text(153_728)) == ("-", "0", "153,728")


def test_no_rate_is_invented_for_no_time() -> None:
    assert rate_text(10, 0) == rate_text(10, -5) == rate_text(None, 5) == "-"
    assert rate_text(78_200_000, 1_000_000_000) == "78.2"


def test_durations_read_in_their_natural_unit() -> None:
    second = 10**9
    assert [duration_text(n) for n in (None, 820, 400_000, 9_670_000_000, 192 * second, 16_260 * second, 183_600 * second)] == [
        "-", "820 ns", "0.40 ms", "9.67 s", "3m12s", "4h31m", "2d03h",
    ]  # fmt: skip
    assert duration_text(-2 * second) == "-2.00 s"


@given(st.integers(-(2**70), 2**70))
def test_a_time_that_no_calendar_has_is_still_shown(ns: int) -> None:
    assert clock_text(ns, utc=True)
    assert clock_text(ns)


def test_clock_is_cut_not_rounded() -> None:
    assert clock_text(1_700_000_000_999_999_999, utc=True) == "22:13:20.999"
    assert clock_text(1_700_000_000_000_000_001, utc=True, date=True, digits=9) == "2023-11-14 22:13:20.000000001"
    assert clock_text(None) == "-"


def test_plurals() -> None:
    assert [plural(1, "error"), plural(2, "error"), plural(2, "query", "queries")] == ["1 error", "2 errors", "2 queries"]
