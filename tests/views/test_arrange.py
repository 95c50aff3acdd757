"""Lists that were filtered and sorted."""

import random

from gpinspect.views.arrange import Arrangement, arranged, cell_key, finished
from gpinspect.views.browse import Listing
from gpinspect.views.editing import Line
from gpinspect.views.filter_help import checked, completion
from gpinspect.views.find_bytes import find, needles
from gpinspect.views.fuzzy import ranked, score
from gpinspect.views.rows import row_starts
from gpinspect.views.spots import jump
from gpinspect.views.tables import Column


def listing(numbers: list[int | None]) -> Listing[tuple[int, int | None]]:
    """Rows of (place, number)."""
    columns: tuple[Column[tuple[int, int | None]], ...] = (
        Column("Place", lambda row, c: str(row[0])),
        Column("Number", lambda row, c: "-" if row[1] is None else f"{row[1]:,}"),
        Column("Half", lambda row, c: "x"),
    )
    keys = {"Number": lambda row: row[1], "Half": lambda row: None if row[1] is None else row[1] / 2}
    return Listing(columns, list(enumerate(numbers)), lambda row: row[0], sort_keys=keys)


def test_rows_are_sorted_either_way_and_equal_ones_keep_their_order() -> None:
    rng = random.Random(1)
    numbers = [rng.choice((None, *range(-50, 50))) for _ in range(70_000)]
    base = listing(numbers)
    known = [row for row in base.items if row[1] is not None]
    unknown = [row for row in base.items if row[1] is None]
    for column in ("Number", "Half"):
        for reverse in (False, True):
            found = finished(arranged(base, Arrangement(sort=column, reverse=reverse), None))
            assert list(found.items) == sorted(known, key=lambda row: row[1] or 0, reverse=reverse) + unknown


def test_a_filter_leaves_what_fits_in_its_order_and_columns_can_be_hidden() -> None:
    base = listing(list(range(10)))
    found = finished(arranged(base, Arrangement(hidden=frozenset({"Half"})), lambda row: (row[1] or 0) % 3 == 0))
    assert [row[0] for row in found.items] == [0, 3, 6, 9]
    assert [column.name for column in found.columns] == ["Place", "Number"]
    assert found.find(6, 0) == 2 and found.find(5, 0) is None


def test_reverse_alone_turns_the_list_round() -> None:
    found = finished(arranged(listing([1, 2, 3]), Arrangement(reverse=True), None))
    assert [row[0] for row in found.items] == [2, 1, 0]


def test_cells_compare_as_a_person_expects() -> None:
    cells = ["9,999 B", "10.5 kB", "2 MB", "proven", "Refuted", "-"]
    keys = [cell_key(cell) for cell in cells]
    assert keys[-1] is None and keys[:-1] == sorted(key for key in keys if key is not None)
    assert (cell_key("5 ms") or ()) < (cell_key("1 s") or ())


def test_a_jump_goes_to_the_next_row_that_way_and_not_beyond_the_last() -> None:
    rows = [2, 5, 9]
    assert [jump(rows, 2, 1), jump(rows, 2, 9), jump(rows, 9, 1), jump(rows, 9, -1), jump(rows, 9, -9), jump(rows, 2, -1)] == [
        5, 9, None, 5, 2, None,
    ]  # fmt: skip


# filters that are being written ---------------------------------------------------------------------------------------------


def candidates(text: str, kind: str = "sessions") -> tuple[str, ...]:
    return completion(text, len(text), kind, lambda field: ["/data/a.csv", "/b c"]).candidates


def test_names_signs_values_and_joints_are_offered_where_they_may_stand() -> None:
    assert candidates("ver")[0] == "verdict"
    assert "==" in candidates("verdict ")
    assert candidates("verdict == ") == ("proven", "refuted", "unprovable")
    assert candidates("verdict in (proven, ref") == ("refuted",)
    assert candidates('path ~ "/b') == ('"/b c"',)
    assert candidates("verdict == proven ") == ("&&", "||")
    assert candidates("verdict == proven && pat")[0] == "path"
    assert candidates("done == ", "exchanges") == ("true", "false")


def test_a_word_is_replaced_from_its_beginning() -> None:
    assert completion("a == 1 && verd", 14, "sessions", lambda field: ()).start == 10


def test_what_is_wrong_with_a_filter_is_told_with_its_place() -> None:
    assert checked("", "sessions").mistake is None and checked("", "sessions").filter is None
    mistake = checked("verdict == provn", "sessions").mistake
    assert mistake is not None and (mistake.start, mistake.end) == (11, 16)


def test_a_line_is_edited_with_the_usual_keys() -> None:
    line = Line().insert("one two\x1b")
    assert line.text == "one two " and line.caret == 8
    assert line.key("ctrl+w") == Line("one ", 4)
    assert line.key("home") == Line("one two ", 0) and line.key("ctrl+u") == Line("", 0)
    assert Line("ab", 1).key("delete") == Line("a", 1) and Line("ab", 1).key("backspace") == Line("b", 0)
    assert line.key("f5") is None


# searching ------------------------------------------------------------------------------------------------------------------


def test_a_few_letters_find_a_command() -> None:
    names = ["findings", "filter", "page-down", "follow"]
    assert ranked("fil", names, lambda name: (name, ""))[0] == "filter"
    assert ranked("pd", names, lambda name: (name, "")) == ["page-down"]
    assert ranked("", names, lambda name: (name, "")) == names
    assert score("zz", "filter") is None


def test_bytes_are_written_as_hexadecimal_or_as_text() -> None:
    assert needles("44 00") == (b"D\0", b"44 00") and needles("0x4400")[0] == b"D\0"
    assert needles("44") == (b"44", b"D") and needles('"44 00"') == (b"44 00",) and needles("") == ()


def test_a_search_goes_on_and_round() -> None:
    data = b"abcabc"
    assert find(data, "bc", 0) == (1, 3) and find(data, "bc", 1) == (4, 6) and find(data, "bc", 4) == (1, 3)
    assert find(data, "bc", 4, back=True) == (1, 3) and find(data, "bc", 1, back=True) == (4, 6)
    assert find(data, "a", 0, here=True) == (0, 1) and find(data, "zz", 0) is None


# rows -----------------------------------------------------------------------------------------------------------------------


def starts(data: bytes, options: str | None, delimiter: bytes | None = None) -> list[int]:
    return list(row_starts(data, 0, options, delimiter))


def test_a_row_end_in_quotes_ends_no_row_of_csv_and_one_of_text() -> None:
    data = b'1,"a\nb"\n2,c\n'
    assert starts(data, "m1x 34q 34n0h0") == [0, 8]
    assert starts(data, "m0x 92q  0n0h0") == [0, 5, 8]
    assert starts(data, None) == [0, 5, 8]


def test_quotes_that_are_doubled_or_escaped_close_nothing() -> None:
    assert starts(b'"a""\nb"\nc\n', "m1x 34q 34n0h0") == [0, 8]
    assert starts(b'"a\\"\nb"\nc\n', "m1x 92q 34n0h0") == [0, 8]


def test_rows_end_as_the_request_says() -> None:
    assert starts(b"a\rb\r", "m1x 34q 34n2h0") == [0, 2]
    assert starts(b"a\nb\r\nc", "m1x 34q 34n3h0") == [0, 5]
    assert starts(b"a||b||", "m0x 92q  0n0h0", b"||") == [0, 3]
