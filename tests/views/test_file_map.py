"""Which bytes of a file went to which Greenplum segment, as ranges and as bars."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gpinspect.model import Exchange, FileCoverage
from gpinspect.views.file_map import cell_range, coverage_bar, file_map, owner_bar, share_bar, spread
from gpinspect.views.who import at_offset, line_offset
from views.samples import exchange, table

NAME = b"/data/a.csv"
WHOLE = FileCoverage("/data/a.csv", 0, 40, 4, (), ())


def members(*parts: tuple[int, int, bytes]) -> list[Exchange]:
    """Exchanges of Greenplum segments 0, 1, ... out of (segment, offset, content)."""
    known = sorted({segment for segment, _, _ in parts})
    return [
        exchange(
            number + 1,
            segment=segment,
            packages=table(*((NAME, offset, content) for owner, offset, content in parts if owner == segment)),
        )
        for number, segment in enumerate(known)
    ]


def test_the_letter_of_the_segment_that_has_more_than_half_of_a_cell_stands_in_it() -> None:
    found = file_map(members((0, 0, b"x" * 20), (1, 20, b"x" * 20)), NAME)
    assert owner_bar(spread(found, 0, 40, 4), {0: "a", 1: "b"}, WHOLE) == "aabb"
    assert owner_bar(spread(found, 0, 40, 1), {0: "a", 1: "b"}, WHOLE) == "*"


def test_a_gap_of_one_byte_is_seen_however_short_the_bar_is() -> None:
    file = FileCoverage("/data/a.csv", 0, 999, 2, ((500, 501),), ())
    found = file_map(members((0, 0, b"x" * 500), (0, 501, b"x" * 499)), NAME)
    assert owner_bar(spread(found, 0, 1000, 10), {0: "a"}, file) == "aaaaa_aaaa"
    assert coverage_bar(file, 10) == "#####_####"


def test_bytes_that_came_twice_are_marked() -> None:
    file = FileCoverage("/data/a.csv", 0, 40, 3, (), ((10, 12),))
    found = file_map(members((0, 0, b"x" * 40), (1, 10, b"xx")), NAME)
    assert owner_bar(spread(found, 0, 40, 4), {0: "a", 1: "b"}, file) == "a!aa"
    assert [found.segment(answer.piece) for answer in at_offset(found, 11)] == [0, 1]


def test_a_bar_with_more_cells_than_bytes_repeats_each_byte() -> None:
    found = file_map(members((0, 0, b"xx"), (1, 2, b"xx")), NAME)
    assert owner_bar(spread(found, 0, 4, 8), {0: "a", 1: "b"}, WHOLE) == "aaaabbbb"


def test_the_part_of_each_cell_that_a_segment_got() -> None:
    found = file_map(members((0, 0, b"x" * 15), (1, 15, b"x" * 25)), NAME)
    assert share_bar(spread(found, 0, 40, 4), 0) == [1.0, 0.5, 0.0, 0.0]


def test_what_each_segment_got_adds_up() -> None:
    found = file_map(members((0, 0, b"x" * 15), (3, 15, b"x" * 25), (0, 40, b"x")), NAME)
    assert [tuple(part) for part in found.parts] == [(0, "a", 16, 2, 0, 41), (3, "b", 25, 1, 15, 40)]


@given(st.integers(0, 1 << 70), st.integers(1, 1 << 70), st.integers(1, 200))
def test_cells_cover_every_byte_and_none_is_empty(low: int, span: int, width: int) -> None:
    ranges = [cell_range(low, low + span, width, cell) for cell in range(width)]
    assert ranges[0][0] == low and ranges[-1][1] >= low + span
    assert all(start < end for start, end in ranges)
    assert all(after[0] <= before[1] for before, after in pairwise(ranges))


class Whole:
    """A package that was captured."""

    missing = 0

    def __init__(self, data: bytes) -> None:
        self.data = data


def ask(parts: list[tuple[int, int, bytes]], line: int) -> tuple[int | None, str]:
    own = members(*parts)
    found = file_map(own, NAME)
    contents = {offset: content for _, offset, content in parts}

    def fetch(piece: object) -> Whole:
        start = own[piece.member].packages[piece.package].offset  # type: ignore[attr-defined]
        head = own[piece.member].packages[piece.package].head  # type: ignore[attr-defined]
        return Whole(b"h" * head + contents[start])

    steps = line_offset(found, line, fetch)  # type: ignore[arg-type]
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def test_a_line_is_counted_from_the_package_whose_number_the_server_told() -> None:
    # every sample package says line 1, so the first one counts
    assert ask([(0, 0, b"a\nb\n")], 2) == (2, "")
    assert ask([(0, 0, b"a\nb\n")], 1) == (0, "")


def test_a_line_that_nobody_got_is_said_to_be_none() -> None:
    offset, why = ask([(0, 0, b"a\nb\n")], 9)
    assert offset is None and "ends in line 2" in why
