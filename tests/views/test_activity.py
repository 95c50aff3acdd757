"""Payload over time, with stretches counted by hand."""

import pytest

from gpinspect.model import UNKNOWN, Exchange
from gpinspect.model.packages import COMPLETE, DATA, END, PackageTable
from gpinspect.views.activity import activity, coarser, levels, runs
from views import samples

START, SECOND = samples.START, samples.SECOND


def read_of(*packages: tuple[float, float | None, int]) -> Exchange:
    """Packages of (first byte, last byte in seconds after START, length)."""
    table = PackageTable()
    for first, last, length in packages:
        end = UNKNOWN if last is None else START + round(last * SECOND)
        table.append(0, 48, length, 0, 0, 0, START + round(first * SECOND), end, 1, 2, 0, DATA, COMPLETE)
    table.append(0, 5, 0, 0, 0, 0, START, START, 1, 2, 0, END, COMPLETE)
    return samples.exchange(packages=table)


def test_package_counts_in_the_stretches_it_took() -> None:
    moved = activity([read_of((0.5, 2.5, 1000))], START, START + 4 * SECOND, 4)
    assert moved == pytest.approx([250, 500, 250, 0])


def test_package_that_took_no_time_counts_where_it_came() -> None:
    assert activity([read_of((3, 3, 10), (0, None, 5))], START, START + 4 * SECOND, 4) == [5, 0, 0, 10]


def test_package_at_the_very_end_counts_in_the_last_stretch() -> None:
    assert activity([read_of((4, 4, 10))], START, START + 4 * SECOND, 4) == [0, 0, 0, 10]


def test_window_leaves_out_what_lies_outside_and_cuts_what_reaches_in() -> None:
    inside = activity([read_of((0, 4, 400), (5, 6, 7))], START + SECOND, START + 3 * SECOND, 2)
    assert inside == pytest.approx([100, 100])


def test_write_counts_from_its_request_to_its_answer() -> None:
    post = samples.exchange(method="POST", payload_bytes=100, first_byte_ns=START + SECOND, end_ns=START + 2 * SECOND)
    assert activity([post], START, START + 4 * SECOND, 4) == pytest.approx([50, 50, 0, 0])


def test_runs_join_neighbours() -> None:
    assert runs([0, 1, 2, 0, 3]) == ((0.2, 0.6), (0.8, 1.0))
    assert runs([0, 0]) == ()


def test_coarser_keeps_the_sum() -> None:
    assert coarser([1, 2, 3, 4], 2) == [3, 7]
    assert coarser([1, 2], 4) == [1, 2]


def test_levels_are_quarters_of_what_is_usual() -> None:
    (row,) = levels([[0, 1, 30, 60, 90, 100]])
    assert list(row) == [0, 1, 2, 3, 4, 4]
