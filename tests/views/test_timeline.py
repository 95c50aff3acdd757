"""Greenplum segments over time, in cells counted by hand."""

from typing import Any

from gpinspect.model import Cause, Exchange, FlowStall, Outcome, Stall
from gpinspect.model.packages import COMPLETE, DATA, PackageTable
from gpinspect.views.timeline import Timeline
from views import samples

START, SECOND = samples.START, samples.SECOND


def member(number: int, *stretches: tuple[float, float], **changed: Any) -> Exchange:
    """Packages of 1,000 bytes over these seconds, of a session of ten seconds."""
    table = PackageTable()
    for first, last in stretches:
        table.append(0, 48, 1000, 0, 0, 0, START + round(first * SECOND), START + round(last * SECOND), 1, 2, 0, DATA, COMPLETE)
    return samples.exchange(
        number, packages=table, payload_bytes=1000 * len(stretches), **{"end_ns": START + 10 * SECOND, **changed}
    )


def timeline(*members: Exchange, stalls: Any = (), ascii_only: bool = False) -> Timeline:
    session = samples.session(end_ns=START + 10 * SECOND, payload_bytes=sum(one.payload_bytes for one in members))
    return Timeline(session, members, stalls, ascii_only=ascii_only)


def stall(segment: int, first: float, last: float, cause: Cause = Cause.SEGMENT) -> Stall:
    begin, end = START + round(first * SECOND), START + round(last * SECOND)
    return Stall(1, cause, "x", begin, end, (FlowStall(1, 1, segment, begin, end),), "")


def test_payload_is_a_shade_waiting_a_dot_and_the_end_a_glyph() -> None:
    strip = timeline(member(1, (2, 4))).strip(0, 10)
    assert strip.cells[2] in "░▒▓█" and strip.cells[3] in "░▒▓█"
    assert strip.cells[:2] == "··" and strip.cells[4:9] == "·····"
    assert (strip.cells[9], strip.tones[9]) == ("●", "good")
    assert (strip.name, strip.bytes, strip.end) == ("00", "1,000 B", "complete")


def test_segment_that_joined_late_is_blank_before() -> None:
    assert timeline(member(1), member(2, start_ns=START + 5 * SECOND)).strip(1, 10).cells[:5] == "     "


def test_stall_shows_the_letter_of_its_cause_on_its_segment_only() -> None:
    made = timeline(member(1), member(2), stalls=[stall(1, 3, 6), stall(1, 7, 8.5, Cause.NETWORK)])
    assert made.strip(1, 10).cells[3:6] == "GGG"
    assert made.strip(1, 10).cells[7] == "N"
    assert "G" not in made.strip(0, 10).cells
    assert made.strip(1, 10).stalled_ns == round(4.5 * SECOND)


def test_broken_end_is_told_by_glyph_and_word() -> None:
    strip = timeline(member(1, end_ns=START + 5 * SECOND, outcome=Outcome.BROKEN)).strip(0, 10)
    assert (strip.cells[5], strip.tones[5], strip.end, strip.tone) == ("✖", "bad", "broken", "bad")
    assert strip.cells[6:] == "    "


def test_ascii_has_nothing_but_ascii() -> None:
    made = timeline(member(1, (2, 4)), member(2, outcome=Outcome.CANCELLED), ascii_only=True)
    assert all(made.strip(number, 40).cells.isascii() for number in range(2))
    assert made.axis(40).isascii()


def test_zoom_shows_a_part_and_moving_stops_at_the_ends() -> None:
    made = timeline(member(1, (5, 5.5)))
    made.zoom(0.5)
    assert (made.start_ns, made.end_ns) == (START + round(2.5 * SECOND), START + round(7.5 * SECOND))
    made.move(10)
    assert (made.start_ns, made.end_ns) == (START + 5 * SECOND, START + 10 * SECOND)
    made.move(-10)
    assert made.start_ns == START
    made.zoom(100)
    assert (made.start_ns, made.end_ns) == (START, START + 10 * SECOND)


def test_axis_names_begin_and_end_in_as_many_cells_as_there_are() -> None:
    axis = timeline(member(1)).axis(60)
    assert len(axis) == 60
    assert axis.startswith("0 ns") and axis.endswith("10.0 s")


def test_stall_leads_to_the_line_of_its_first_segment() -> None:
    made = timeline(member(1), member(2))
    assert made.place_of(stall(1, 3, 6)) == (1, START + 3 * SECOND)
    assert made.place_of(stall(9, 3, 6)) is None


def test_thousand_segments_are_worked_out_only_where_they_are_looked_at() -> None:
    made = timeline(*(member(number, (1, 2)) for number in range(1, 1001)))
    assert made.rows() == 1000
    assert made.strip(999, 50).name == "999"
    assert len(made._kept) == 1


def test_neighbours_share_a_line_with_small_letters_where_only_some_are_held_up() -> None:
    made = timeline(member(1), member(2), member(3), stalls=[stall(0, 3, 6), stall(1, 5, 6), stall(2, 3, 6)])
    assert made.rows(2) == 2
    both = made.strip(0, 10, 2)
    assert (both.name, both.segments, both.cells[3:6]) == ("00-01", (0, 1), "ggG")
    assert made.strip(1, 10, 2).cells[3:6] == "GGG"


def test_lines_of_a_heavy_session_are_known_once_they_were_worked_out_and_not_for_another_stretch_of_time() -> None:
    made = timeline(member(1, (2, 4)), member(2, (5, 6)))
    assert made.known(0, 10) is None and made.outline(1, 10).name == "01" and made.outline(1, 10).cells == " " * 10
    assert list(made.work_out([1, 0], 10)) == [1, 2]
    assert made.known(0, 10) == made.strip(0, 10) and made.known(1, 10) is not None
    steps = made.work_out([0, 1], 10)
    next(steps)
    made.window(START + 2 * SECOND, START + 4 * SECOND)
    assert list(steps) == [] and made.known(1, 10) is None


def test_a_session_is_heavy_from_its_packages() -> None:
    assert not timeline(member(1, (2, 4))).heavy
    assert timeline(member(1, *((2.0, 4.0) for _ in range(20_001)))).heavy
