"""The pure parts: where URLs lead, who takes which, what heads say, when something goes again, where rows are cut."""

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.errors import EncodeError
from gpinspect.grammar.http import parse_request_head
from gpinspect.grammar.rows import CsvRows, counter
from gpinspect.peers.client.backoff import Backoff
from gpinspect.peers.client.counting import whole_counter
from gpinspect.peers.client.dealing import Dealer, RowCutter
from gpinspect.peers.client.events import Rows
from gpinspect.peers.client.ledger import Stretches
from gpinspect.peers.client.place import parse_place, spread_reads, spread_writes
from gpinspect.peers.client.sinks import StreamSink
from gpinspect.peers.client.statement import Statement


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "transform", "authority"),
    [
        ("gpfdist://h:8080/a.csv", "h", 8080, "/a.csv", "", "10.0.0.9:8080"),
        ("gpfdists://h:8080/a%20b.csv", "h", 8080, "/a%20b.csv", "", "h:8080"),
        ("gpfdist://h/a", "h", 80, "/a", "", "10.0.0.9"),
        ("gpfdists://h/a", "h", 80, "/a", "", "h:80"),
        ("gpfdist://[::1]:8081/*.txt", "::1", 8081, "/*.txt", "", "10.0.0.9:8081"),
        ("gpfdist://h:8080", "h", 8080, "/", "", "10.0.0.9:8080"),
        ("gpfdist://h:8080/a#transform=up", "h", 8080, "/a", "up", "10.0.0.9:8080"),
        ("http://h:8000/a?b=c", "h", 8000, "/a?b=c", "", "h:8000"),
    ],
)
def test_a_url_is_read_as_a_segment_reads_it(url: str, host: str, port: int, target: str, transform: str, authority: str) -> None:
    place = parse_place(url)
    assert (place.host, place.port, place.target, place.transform) == (host, port, target, transform)
    assert place.authority("10.0.0.9") == authority


def test_a_v6_address_stands_in_brackets() -> None:
    assert parse_place("gpfdist://[::1]:8081/a").authority("::1") == "[::1]:8081"


@pytest.mark.parametrize(
    "url",
    ["gpfdist://h:8080/a b", "file:///a", "gpfdist://:80/a", "gpfdist://h:0/a", "gpfdist://h:x/a", f"gpfdist://{'h' * 100}/a"],
)
def test_a_url_that_no_segment_could_use_is_refused(url: str) -> None:
    with pytest.raises(EncodeError):
        parse_place(url)


def test_the_planner_repeats_the_list_and_gives_entries_to_free_segments_in_order() -> None:
    assert spread_reads(["a", "b"], 5) == {0: "a", 1: "b", 2: "a", 3: "b", 4: "a"}
    assert spread_reads(["a", "b"], 5, 2, skipped=frozenset({1})) == {0: "a", 2: "b", 3: "a", 4: "b"}


def test_max_segs_counts_for_each_entry_and_the_others_stay_away_at_random() -> None:
    seen = {frozenset(spread_reads(["a"], 4, 3, seed=seed)) for seed in range(40)}
    assert {len(one) for one in seen} == {3} and len(seen) == 4


def test_more_urls_than_segments_is_an_error_before_anything() -> None:
    for spread in (spread_reads, spread_writes):
        with pytest.raises(EncodeError):
            spread(["a", "b"], 1)


@pytest.mark.parametrize(
    ("release", "options"), [("4.3", "m1x34q34h1"), ("5", "m1x34q34n0h1"), ("6", "m1x 34q 34n0h1"), ("7", "m1x 34q 34n0h1")]
)
def test_csv_options_are_written_as_the_release_writes_them(release: str, options: str) -> None:
    statement = Statement(xid="1-0000000001", release=release, csv=True, header=True)
    head = parse_request_head(statement.read_head(parse_place("gpfdist://h:1/a"), 0, "h"))
    assert head.get("X-GP-CSVOPT") == options
    assert (head.get("X-GP-COORDINATOR_HOST") is not None) is (release == "7")


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ({}, "m0x 92q  0n0h0"),
        ({"newline": "CRLF", "csv": True}, "m1x 34q 34n3h0"),
        ({"csv": True, "quote": 39, "escape": 92, "header": True}, "m1x 92q 39n0h1"),
        ({"escape": 0}, "m0x  0q  0n0h0"),
    ],
)
def test_csv_options_come_from_the_format(values: dict[str, object], options: str) -> None:
    assert Statement(xid="1-1", **values).csvopt == options  # type: ignore[arg-type]


def test_names_beyond_ascii_are_sent_as_utf_8() -> None:
    head = Statement(xid="1-1", user="Zoë").read_head(parse_place("gpfdist://h:1/å.txt"), 0, "h")
    assert head.startswith("GET /å.txt HTTP/1.1\r\n".encode()) and "X-GP-USER: Zoë\r\n".encode() in head


def test_pieces_of_two_segments_never_mix_within_a_d() -> None:
    written: list[bytes] = []
    sink = StreamSink(written.append)
    pieces = [(0, b"1a", True, False), (1, b"2a", True, False), (1, b"2b\n", False, True), (0, b"1b\n", False, True)]
    for gp_segment, data, first, last in pieces:
        sink.take(gp_segment, "h:1", Rows(data, b"f", 0, first, last))
    sink.finish()
    assert b"".join(written) == b"2a2b\n1a1b\n"


def test_waits_double_up_to_64_seconds_and_end_with_the_timeout() -> None:
    backoff, now, waits = Backoff(0.0, 300.0), 0.0, []
    while (wait := backoff.wait(now)) is not None:
        waits.append(wait)
        now += wait
    assert waits == [1, 2, 4, 8, 16, 32, 64, 64, 64, 45] and backoff.tries == 11


def bodies(data: bytes, cutter: RowCutter, largest: int, gp_segments: int = 1) -> list[bytes]:
    return list(Dealer(io.BytesIO(data).read, cutter, b"\n", largest, gp_segments).bodies())


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 120), st.integers(1, 9))
def test_bodies_are_whole_rows_and_together_the_input(lengths: list[int], largest: int, gp_segments: int) -> None:
    data = b"".join(b"x" * length + b"\n" for length in lengths)
    found = bodies(data, RowCutter(), largest, gp_segments)
    assert b"".join(found) == data and all(body.endswith(b"\n") for body in found)
    assert all(len(body) <= largest or body.count(b"\n") == 1 for body in found)


@pytest.mark.parametrize("escape", [34, 92])
def test_csv_is_cut_where_the_row_counter_sees_row_ends(escape: int) -> None:
    chance = random.Random(6)
    for _ in range(300):
        record = "".join(chance.choice(["a", ",", '""', "\n", "\\\\", '\\"' if escape == 92 else "x"]) for _ in range(12))
        data = b"".join(b'"' + record.encode() + b'",z\n' for _ in range(chance.randrange(1, 8)))
        for body in bodies(data, RowCutter(b"\n", 34, escape), chance.randrange(1, 60)):
            rows, counting = 0, CsvRows(34, escape)
            for byte in range(len(body)):
                counting.feed(body[byte : byte + 1])
            rows = counting.total()
            counting.feed(b"tail")
            assert counting.total() == rows + 1  # nothing was open behind the body


def test_a_quote_that_is_never_closed_makes_one_row_of_the_rest() -> None:
    for escape in (34, 92):
        assert bodies(b'1\n2,"x\n3\n4\n', RowCutter(b"\n", 34, escape), 4) == [b"1\n", b'2,"x\n3\n4\n']


@given(st.lists(st.sampled_from([b"a", b",", b'"', b"\n", b"\r", b"\\"]), max_size=30))
@pytest.mark.parametrize("options", ["m1x 34q 34n0h0", "m1x 34q 34n3h0", "m1x 34q 34n2h0", "m1x 92q 34n0h0", "m0x 92q  0n0h0"])
def test_rows_counted_at_once_are_those_of_the_slow_counter(options: str, parts: list[bytes]) -> None:
    data = b"".join(parts)
    slow = counter(options, b"")
    slow.feed(data)
    assert whole_counter(options, b"")(data) == slow.total()


def test_stretches_tell_gaps_and_bytes_that_came_twice_in_any_order() -> None:
    found = Stretches()
    for start, end in ((40, 50), (0, 10), (20, 30), (45, 55), (10, 20)):
        found.add(start, end)
    assert (found.first, found.gaps, found.twice, found.twice_at) == (0, [(30, 40)], 5, 45)
