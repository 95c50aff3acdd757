"""Columns and words in the room there is."""

from hypothesis import given
from hypothesis import strategies as st

from gpinspect.views.fitting import Fitted, fit, packed, padded, wrap
from gpinspect.views.tables import Column
from gpinspect.views.text import cells

COLUMNS: tuple[Column[str], ...] = (
    Column("Id", lambda value, c: value, "right"),
    Column("Path", lambda value, c: value, least=6, keep="end"),
    Column("Rate", lambda value, c: value, priority=3),
    Column("Time", lambda value, c: value, priority=2),
)


def test_everything_is_shown_whole_where_there_is_room() -> None:
    assert fit(COLUMNS, [2, 20, 4, 4], 36) == (Fitted(0, 2), Fitted(1, 20), Fitted(2, 4), Fitted(3, 4))


def test_what_may_be_shortened_is_before_anything_is_dropped() -> None:
    assert fit(COLUMNS, [2, 20, 4, 4], 30) == (Fitted(0, 2), Fitted(1, 14), Fitted(2, 4), Fitted(3, 4))


def test_the_largest_priority_goes_first() -> None:
    assert fit(COLUMNS, [2, 20, 4, 4], 20) == (Fitted(0, 2), Fitted(1, 10), Fitted(3, 4))
    assert fit(COLUMNS, [2, 20, 4, 4], 12) == (Fitted(0, 2), Fitted(1, 8))


@given(st.lists(st.integers(1, 40), min_size=4, max_size=4), st.integers(1, 100))
def test_columns_never_take_more_than_there_is(natural: list[int], room: int) -> None:
    fitted = fit(COLUMNS, natural, room)
    assert fitted and sum(one.width for one in fitted) + 2 * (len(fitted) - 1) <= max(room, 1)


@given(st.text(), st.integers(1, 20))
def test_a_padded_cell_has_the_width_of_its_column(text: str, width: int) -> None:
    assert all(cells(padded(text, width, column)) == width for column in COLUMNS)


@given(st.text(st.characters(codec="ascii", categories=["L", "Zs"])), st.integers(8, 40))
def test_wrapped_lines_fit_and_lose_no_word(text: str, width: int) -> None:
    lines = list(wrap(text, width, "  "))
    assert all(cells(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_wrapping_breaks_at_blanks_and_inside_words_that_are_too_long() -> None:
    assert list(wrap("one two three", 8)) == ["one two", "three"]
    assert list(wrap("abcdefghij", 6, "  ")) == ["abcd", "  efgh", "  ij"]
    assert list(wrap("", 9)) == [""]


def test_what_does_not_fit_whole_is_left_out_from_the_end() -> None:
    assert packed(["one", "", "two", "three"], 10) == "one  two"
    assert packed(["toolong"], 3) == ""
