"""Two items beside each other: what counts as a difference, and by how much."""

from dataclasses import replace

from gpinspect.model import Outcome
from gpinspect.views.side_by_side import EXCHANGE, FLOW, content_pairs, pair, pairs
from views.samples import NASTY, SECOND, exchange, flow


def differing(rows: list) -> dict[str, str]:  # type: ignore[type-arg]
    return {one.what: one.how for one in rows if one.differs}


def test_an_exchange_and_itself_do_not_differ() -> None:
    assert differing(pairs(EXCHANGE, exchange(), exchange(), utc=True)) == {}


def test_ids_ports_and_times_of_day_are_no_difference() -> None:
    other = exchange(2, segment=0, start_ns=exchange().start_ns + SECOND, end_ns=exchange().end_ns + SECOND)
    other = replace(other, first_byte_ns=other.start_ns + 5)
    assert differing(pairs(EXCHANGE, exchange(), other, utc=True)) == {}


def test_a_payload_differs_by_its_bytes_and_an_end_by_its_word() -> None:
    found = differing(pairs(EXCHANGE, exchange(), exchange(payload_bytes=108, outcome=Outcome.BROKEN), utc=True))
    assert found["payload"] == "+100 B" and found["outcome"] == ""


def test_durations_within_ten_milliseconds_are_the_same() -> None:
    assert not pair("time", 1_000_000, 10_000_000, "ns").differs
    assert pair("time", SECOND, 2 * SECOND, "ns").how == "+1.000000 s"


def test_rates_within_a_fifth_are_the_same() -> None:
    assert not pair("rate", 100.0, 119.0, "rate").differs
    assert pair("rate", 100.0, 250.0, "rate").how == "x2.50"


def test_a_flow_of_another_host_differs() -> None:
    assert "host" in differing(pairs(FLOW, flow(), flow(host="10.0.0.10"), utc=True))


def test_contents_differ_from_the_first_byte_that_is_not_the_same() -> None:
    rows = list(content_pairs(b"1,a\n2,b\n", b"1,a\n2,c\n"))
    assert [(one.what, one.a, one.b) for one in rows[:2]] == [
        ("content differs from byte", "6", "6"),
        ("row 2 of it", "2,b", "2,c"),
    ]
    assert [one.differs for one in content_pairs(b"same", b"same")] == [False]


def test_a_content_that_goes_on_differs_where_the_other_one_ends() -> None:
    first, row, *_ = content_pairs(b"1,a\n", b"1,a\n2,b\n")
    assert first.a == "4" and (row.a, row.b) == ("(nothing)", "2,b")


def test_text_from_the_wire_is_escaped() -> None:
    one = pair("path", NASTY, NASTY + "x")
    assert one.a.isprintable() and one.b.isprintable() and one.differs
