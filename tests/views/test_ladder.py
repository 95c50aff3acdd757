"""The ladder: order of time, folded runs, lanes on and off the screen."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpinspect.model import Cause, Exchange, FlowStall, Outcome, Severity, Stall
from gpinspect.model.packages import COMPLETE, DATA, END, PackageTable
from gpinspect.views.ladder import LONGEST_SHOWN, Ladder, Toward, What
from gpinspect.views.ladder_lines import ASCII, frame, heading, line, minimap
from gpinspect.views.text import cells
from views import samples

START, SECOND = samples.START, samples.SECOND
MS = SECOND // 1000


def member(number: int, *packages_ms: float, **changed: Any) -> Exchange:
    """Segment `number - 1`: packages of 1,000 bytes at these milliseconds, the end package 1 ms behind the last."""
    table = PackageTable()
    file = table.file_index(b"/data/a.csv")
    for at, ms in enumerate(packages_ms):
        ns = START + round(ms * MS)
        table.append(1048 * at, 48, 1000, file, 1000 * at, at + 1, ns, ns + 10, 4, 5, 0, DATA, COMPLETE)
    last = START + round(max(packages_ms, default=0) * MS) + MS
    table.append(1048 * len(packages_ms), 5, 0, file, 0, 0, last, last, 6, 6, 0, END, COMPLETE)
    changed = {"start_ns": START, "first_byte_ns": START + MS // 2, "end_ns": last + MS, **changed}
    return samples.exchange(number, packages=table, payload_bytes=1000 * len(packages_ms), **changed)


def ladder(*members: Exchange, **more: Any) -> Ladder:
    made = Ladder(samples.session(), members, **more)
    for _ in made.prepare():
        pass
    return made


def rows(made: Ladder) -> list[tuple[What, int | None, int]]:
    return [(rung.what, rung.lane, rung.count) for rung in (made[at] for at in range(len(made)))]


def test_rows_stand_in_order_of_time_over_all_segments() -> None:
    made = ladder(member(1, 1, 3), member(2, 2))
    times = [made[at].ns for at in range(len(made))]
    assert times == sorted(times)
    packages = [(rung.lane, rung.index) for rung in (made[at] for at in range(len(made))) if rung.what is What.PACKAGE]
    assert packages == [(0, 0), (1, 0), (0, 1)]


def test_run_of_ordinary_packages_shows_first_and_last_and_counts_the_rest() -> None:
    made = ladder(member(1, *range(1, 11)))
    shown = [row for row in rows(made) if row[0] in (What.PACKAGE, What.FOLDED)]
    assert shown == [(What.PACKAGE, 0, 1), (What.FOLDED, None, 8), (What.PACKAGE, 0, 1)]
    folded = next(made[at] for at in range(len(made)) if made[at].what is What.FOLDED)
    assert folded.note == "8 more, folded: 8,000 B to 1 segment"


def test_folded_run_opens_where_it_stands_and_folds_again() -> None:
    made = ladder(member(1, *range(1, 11)))
    before = len(made)
    at = next(at for at in range(len(made)) if made[at].what is What.FOLDED)
    made.toggle(at)
    assert len(made) == before + 7
    assert made[at].index == 1
    made.toggle(at + 2)
    assert len(made) == before


def test_pause_is_never_folded_away() -> None:
    made = ladder(member(1, *range(1, 11), *range(311, 321)))
    folds = [row[2] for row in rows(made) if row[0] is What.FOLDED]
    assert folds == [8, 8]


def test_few_packages_are_shown_one_by_one() -> None:
    made = ladder(member(1, *range(1, LONGEST_SHOWN + 1)))
    assert [row[0] for row in rows(made)].count(What.PACKAGE) == LONGEST_SHOWN


def test_only_chosen_segments_have_lanes_and_rows() -> None:
    made = ladder(member(1, 1), member(2, 2), member(3, 3), segments=frozenset({0, 2}))
    assert [lane.name for lane in made.lanes] == ["seg00", "seg02"]
    assert {rung.exchange.segment for rung in (made[at] for at in range(len(made))) if rung.exchange} == {0, 2}


def test_exchange_without_packages_shifts_nothing() -> None:
    bare = samples.exchange(2, packages=PackageTable(), status=404, reason="file not found", outcome=Outcome.REFUSED, segment=1)
    made = ladder(member(1, 1, 2), bare, member(3, 3))
    packages = [(rung.exchange.id, rung.index) for rung in (made[at] for at in range(len(made))) if rung.what is What.PACKAGE]  # type: ignore[union-attr]
    assert packages == [(1, 0), (1, 1), (3, 0)]
    refused = next(made[at] for at in range(len(made)) if made[at].label.startswith("404"))
    assert (refused.note, refused.tone) == ("file not found", "bad")


def test_stalls_and_findings_stand_at_their_time() -> None:
    stall = Stall(
        1, Cause.SEGMENT, "one_full_window_stops_one_flow", START + MS, START + 2000 * MS,
        (FlowStall(2, 2, 1, START + MS, START + 2000 * MS),), "window 0 for 2.00 s",
    )  # fmt: skip
    found = samples.finding(Severity.ERROR, time_ns=START + 2 * MS, segment=0)
    made = ladder(member(1, 1, 2500), member(2, 2), stalls=[stall], findings=[found])
    at = next(at for at in range(len(made)) if made[at].what is What.STALL)
    assert made[at].note == "stalled 2.00 s by segment: one full window stops one flow"
    assert made[at].lane == 1
    assert made.next_of(0, frozenset({What.STALL}), 1) == at
    assert made.next_of(at, frozenset({What.STALL}), 1) is None
    assert made[made.next_of(at, frozenset({What.FINDING}), -1) or 0].finding is found


@given(st.lists(st.lists(st.integers(0, 400), max_size=30), min_size=1, max_size=5), st.booleans(), st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_folded_every_package_is_there_once(times: list[list[int]], fold: bool, data: st.DataObject) -> None:
    made = ladder(*(member(number, *sorted(own)) for number, own in enumerate(times, 1)))
    made.set_fold(fold)
    for _ in range(data.draw(st.integers(0, 3))):
        made.toggle(data.draw(st.integers(0, len(made) - 1)))
    counted = [rung.count for rung in (made[at] for at in range(len(made))) if rung.what in (What.PACKAGE, What.FOLDED)]
    assert sum(counted) == sum(map(len, times))
    ns = [made[at].ns for at in range(len(made))]
    assert ns == sorted(ns)
    probe = data.draw(st.sampled_from(ns))
    assert made[made.row_at(probe)].ns == probe


def test_arrows_lead_from_the_server_to_the_lane_and_back() -> None:
    made = ladder(member(1, 1), member(2, 2))
    shown = frame(80, 0, 2)
    text = {
        rung.what: "".join(piece for piece, _ in line(rung, "0.0000", shown, made))
        for rung in (made[at] for at in range(len(made)))
    }
    assert "│◄─" in text[What.REQUEST] and "┤" in text[What.REQUEST]
    assert "├─" in text[What.PACKAGE] and "►│" in text[What.PACKAGE]
    assert heading(made, shown).split() == ["t(s)", "server", "seg00", "seg01", "note"]
    assert minimap(made, shown) == "[00-01]/2"


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_no_line_is_wider_than_the_screen_and_lanes_off_it_are_named(width: int) -> None:
    made = ladder(*(member(number, number, 40 * number) for number in range(1, 21)))
    shown = frame(width, 5, 20, ascii_only=True)
    assert shown.signs is ASCII
    for at in range(len(made)):
        rung = made[at]
        whole = "".join(piece for piece, _ in line(rung, "12345.678901", shown, made))
        assert cells(whole) <= width
        assert whole.isascii() or "…" in whole
        if rung.lane is not None and not shown.first <= rung.lane < shown.first + shown.lanes:
            assert f"seg{rung.lane:02d}" in whole
    assert frame(80, 0, 20).lanes == 3


def test_reset_shows_who_sent_it() -> None:
    made = ladder(member(1, 1, reset_by="client", closed_by="client", outcome=Outcome.CANCELLED))
    close = next(made[at] for at in range(len(made)) if made[at].what is What.CLOSE)
    assert (close.toward, close.label, close.tone) == (Toward.SERVER, "RST", "warn")
    assert "╳" in "".join(piece for piece, _ in line(close, "0", frame(80, 0, 1), made))


def test_hostile_names_and_reasons_stay_on_their_line() -> None:
    nasty = samples.exchange(1, path=samples.NASTY, reason=samples.NASTY, status=404, outcome=Outcome.REFUSED)
    made = ladder(nasty)
    for at in range(len(made)):
        whole = "".join(piece for piece, _ in line(made[at], "0", frame(80, 0, 1), made))
        assert whole.isprintable()


@pytest.mark.parametrize("fold", [True, False])
def test_jumps_pass_over_runs_of_packages_folded_or_not(fold: bool) -> None:
    made = ladder(member(1, *range(1, 40)), member(2, *range(1, 40)))
    made.set_fold(fold)
    ends = [at for at in range(len(made)) if made[at].what is What.END]
    found, at = [], made.next_of(0, frozenset({What.END}), 1)
    while at is not None:
        found.append(at)
        at = made.next_of(at, frozenset({What.END}), 1)
    assert found == ends and len(ends) == 2
    assert made.next_of(ends[1], frozenset({What.END}), -1) == ends[0]
    assert made.next_of(0, frozenset({What.STALL}), 1) is None


def test_folded_run_tells_its_bytes_however_long_it_is() -> None:
    made = ladder(member(1, *(1 + at / 100 for at in range(10_000))))
    (folded,) = [made[at] for at in range(len(made)) if made[at].what is What.FOLDED]
    assert folded.count == 9_998 and "10.0 MB to 1 segment" in folded.note
