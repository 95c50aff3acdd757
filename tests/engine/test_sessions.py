"""Which exchanges make a session, what repeats count, and what of each file was delivered."""

from itertools import pairwise

from craft import (
    END,
    Capture,
    Conversation,
    error_head,
    head,
    late_reply,
    ok_head,
    package,
    package_head,
    post,
    read_session,
    request,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.feeding import feed, sessions
from gpinspect.engine import coverage
from gpinspect.engine.sessions import correlate
from gpinspect.model import Session

ROWS = b"1,some text\n" * 50
GIVEN = ok_head() + package("/d/a", 0, 1, ROWS) + END


def talked(*pairs: tuple[bytes, bytes], ports: int = 40000, server: tuple[str, int] = ("10.0.0.9", 8080)) -> Capture:
    """One connection a pair of request and answer."""
    capture = Capture()
    for number, (asked, answer) in enumerate(pairs):
        talk = Conversation(capture, ("10.0.0.1", ports + number), server)
        talk.open()
        talk.client(asked)
        if answer:
            talk.server(answer)
        talk.close()
    return capture


def named(capture: Capture) -> list[tuple[str | None, str | None, int]]:
    return [(session.tid, session.path, session.exchanges) for session in sessions(capture)]


TID = "1700000000-0000000042.3.0"


def test_exchanges_with_the_same_name_are_one_session() -> None:
    capture = talked((request(segment=0), GIVEN), (request(segment=1), ok_head() + END), (request(segment=2), late_reply()))
    assert named(capture) == [(f"{TID}.1", "/data.txt", 3)]
    (session,) = sessions(capture)
    assert (session.segments, session.segments_with_data, session.segment_count) == ((0, 1, 2), (0,), 4)


def test_each_part_of_the_name_tells_sessions_apart() -> None:
    asked = [request(), request(xid="9"), request(cid="a"), request(sn="1"), request("/other"), request(proto=0)]
    answers = [GIVEN] * 5 + [ok_head(0) + ROWS]
    assert len(sessions(talked(*zip(asked, answers, strict=True)))) == 6


def test_two_servers_never_share_a_session() -> None:
    capture = talked((request(), GIVEN))
    other = talked((request(), GIVEN), ports=41000, server=("10.0.0.9", 8081))
    capture.records += other.records
    assert len(sessions(capture)) == 2


def test_paths_that_the_server_takes_for_one_make_one_session() -> None:
    paths = ["/a b.txt".replace(" ", "%20"), "//a%20b.txt", "/%61%20/b.txt", "/a%20%20b.txt"]
    assert named(talked(*((request(path), GIVEN) for path in paths))) == [(f"{TID}.1", paths[0], 4)]


def test_the_answer_tells_the_protocol() -> None:
    assert named(talked((request(proto=1), ok_head(0) + ROWS))) == [(f"{TID}.0", "/data.txt", 1)]


def test_an_answer_with_a_body_and_no_protocol_is_protocol_0() -> None:
    web = head("HTTP/1.1 200 OK", [("Content-Length", str(len(ROWS)))]) + ROWS
    assert named(talked((request(proto=1), web))) == [(f"{TID}.0", "/data.txt", 1)]


def test_a_late_request_joins_the_session_that_has_the_rest_of_its_name() -> None:
    """Asked for protocol 1, but all that were served got protocol 0 (-g 0)."""
    capture = talked(
        (request(segment=0), ok_head(0) + ROWS),
        (request(segment=1), late_reply(0)),
        (request(segment=2), error_head(500, "session error")),
    )
    assert named(capture) == [(f"{TID}.0", "/data.txt", 3)]


def test_a_late_request_prefers_its_own_protocol() -> None:
    capture = talked((request(), ok_head(0) + ROWS), (request(), GIVEN), (request(segment=2), late_reply()))
    assert named(capture) == [(f"{TID}.0", "/data.txt", 1), (f"{TID}.1", "/data.txt", 2)]


def test_a_statement_that_was_only_refused_is_a_session_without_payload() -> None:
    (session,) = sessions(talked((request(segment=0), error_head()), (request(segment=1), error_head())))
    assert (session.tid, session.payload_bytes, session.errors, session.exchanges) == (f"{TID}.1", 0, ("file not found",), 2)


def test_a_refused_request_with_no_protocol_belongs_to_none() -> None:
    capture = talked((request(proto=7), error_head(400, "invalid request (invalid gp-proto)")), (request(), GIVEN))
    assert named(capture) == [(f"{TID}.1", "/data.txt", 1)]


def test_requests_without_a_name_are_sessions_of_their_own_if_served() -> None:
    nameless = request(drop=["X-GP-XID", "X-GP-CID", "X-GP-SN"])
    part = request(drop=["X-GP-SN"])
    capture = talked((nameless, GIVEN), (nameless, GIVEN), (part, error_head(400, "invalid request (missing X-GP-* header)")))
    assert named(capture) == [(None, "/data.txt", 1), (None, "/data.txt", 1)]


def test_probes_belong_to_none() -> None:
    capture = talked((head("GET /gpfdist/status HTTP/1.1", []), ok_head()), (head("GET / HTTP/1.1", []), error_head(400, "x")))
    assert named(capture) == []


def test_a_write_and_a_read_of_one_file_are_two_sessions() -> None:
    capture = talked((request("/a"), GIVEN), (post(1, path="/a"), ok_head(0)))
    assert [(session.method, session.proto) for session in sessions(capture)] == [("GET", 1), ("POST", 0)]


def write(*steps: tuple[int, bytes, bool], segment: int = 0) -> list[tuple[bytes, bytes]]:
    return [(post(seq, body, done, segment=segment), ok_head(0)) for seq, body, done in steps]


def outcomes(capture: Capture) -> list[str]:
    return [str(exchange.outcome) for exchange in correlate(feed(capture).connections).exchanges]


def test_the_same_seq_again_is_a_duplicate_and_counts_once() -> None:
    capture = talked(*write((1, b"", False), (2, ROWS, False), (2, ROWS, False), (3, ROWS[:12], False), (3, b"", True)))
    assert outcomes(capture) == ["accepted", "accepted", "duplicate", "accepted", "accepted"]
    (session,) = sessions(capture)
    assert session.payload_bytes == len(ROWS) + 12


def test_an_open_starts_the_count_again() -> None:
    """The server forgets what it had, so the same SEQ is written a second time."""
    capture = talked(*write((1, b"", False), (2, ROWS, False), (1, b"", False), (2, ROWS, False), (2, ROWS, False)))
    assert outcomes(capture) == ["accepted", "accepted", "accepted", "accepted", "duplicate"]
    assert sessions(capture)[0].payload_bytes == 2 * len(ROWS)


def test_seq_is_counted_for_each_segment() -> None:
    capture = talked(*write((1, b"", False), (2, ROWS, False)), *write((1, b"", False), (2, ROWS, False), segment=1))
    assert outcomes(capture) == ["accepted"] * 4
    assert sessions(capture)[0].segments_with_data == (0, 1)


def test_a_refused_seq_may_be_sent_again() -> None:
    steps = [*write((1, b"", False)), (post(2, ROWS), error_head(500, "internal error")), *write((2, ROWS, False))]
    assert outcomes(talked(*steps)) == ["accepted", "refused", "accepted"]
    (session,) = sessions(talked(*steps))
    assert (session.payload_bytes, session.errors) == (len(ROWS), ("internal error",))


def test_bodies_without_seq_are_no_duplicates() -> None:
    bare = post(2, ROWS, drop=["X-GP-SEQ"])
    assert outcomes(talked((bare, ok_head(0)), (bare, ok_head(0)))) == ["accepted", "accepted"]


def test_discarded_bodies_add_nothing_to_the_session() -> None:
    (session,) = sessions(talked(*write((1, b"", False), (2, ROWS, False)), (post(3, ROWS), late_reply(0))))
    assert session.payload_bytes == len(ROWS)


def test_errors_and_reasons_are_told_once_each() -> None:
    capture = talked(*[(request(segment=n), error_head(500, "session error")) for n in range(3)])
    assert sessions(capture)[0].errors == ("session error",)


def test_sessions_and_exchanges_stand_in_order_of_first_frame() -> None:
    capture = Capture()
    talks = [Conversation(capture, ("10.0.0.1", 40000 + n)) for n in range(3)]
    for talk in talks:
        talk.open()
    for number in (2, 0, 1):
        talks[number].client(request(f"/{number}"))
    for talk in talks:
        talk.server(GIVEN)
        talk.close()
    assert [session.path for session in sessions(capture)] == ["/2", "/0", "/1"]


# coverage ----------------------------------------------------------------------------------------------------------------


def test_files_of_a_whole_read_are_covered_without_gap() -> None:
    capture = Capture()
    files = {"/d/b.txt": ROWS * 9, "/d/a.txt": ROWS * 3}
    truth = read_session(capture, files, segments=3, package_size=1000, header=True)
    (session,) = sessions(capture)
    assert [file.name for file in session.files] == ["/d/a.txt", "/d/b.txt"]
    for file in session.files:
        want = truth.files[file.name]
        assert (file.first_offset, file.bytes, file.packages) == (want.first_offset, want.bytes, want.packages)
        assert (file.gaps, file.overlaps) == ((), ())
    assert session.payload_bytes == truth.payload_bytes


Lost = list[tuple[int, int]]


def lossy(packages: list[tuple[int, int, Lost]]) -> tuple[Session, list[tuple[int, int, set[int]]]]:
    """One connection: packages of the file at (offset, length), of each the parts [from, to) that the recorder missed."""
    capture = Capture()
    talk = Conversation(capture, mss=60_000)
    talk.open()
    talk.client(request())
    talk.server(ok_head())
    truth = []
    for offset, length, lost in packages:
        talk.server(package_head("/d/a", offset, 0, length))
        missing = {at for start, stop in lost for at in range(start, min(stop, length))}
        at = 0
        while at < length:
            stop = at
            while stop < length and (stop in missing) == (at in missing):
                stop += 1
            if at in missing:
                talk.gap("server", stop - at)
            else:
                talk.server(b"x" * (stop - at))
            at = stop
        truth.append((offset, length, {offset + at for at in range(length)} - {offset + at for at in missing}))
    talk.server(END)
    talk.close()
    (session,) = sessions(capture)
    return session, truth


RANGES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), max_size=3)


@settings(max_examples=150, deadline=None)
@given(packages=st.lists(st.tuples(st.integers(0, 120), st.integers(1, 40), RANGES), min_size=1, max_size=6))
def test_coverage_is_what_a_set_of_bytes_says(packages: list[tuple[int, int, Lost]]) -> None:
    session, truth = lossy(packages)
    (file,) = session.files
    everything: set[int] = set().union(*(seen for _, _, seen in truth))
    first = min(offset for offset, _, _ in truth)
    last = max([offset for offset, _, _ in truth] + [at + 1 for at in everything])
    twice = {at for at in everything if sum(at in seen for _, _, seen in truth) > 1}
    assert (file.first_offset, file.bytes, file.packages) == (first, len(everything), len(truth))
    assert {at for start, stop in file.gaps for at in range(start, stop)} == set(range(first, last)) - everything
    assert {at for start, stop in file.overlaps for at in range(start, stop)} == twice
    for ranges in (file.gaps, file.overlaps):
        assert list(ranges) == sorted(ranges) and all(a[1] < b[0] for a, b in pairwise(ranges))
    assert session.payload_bytes == len(everything)


@settings(max_examples=100, deadline=None)
@given(spans=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12))
def test_once_gives_each_byte_of_a_file_to_the_span_that_begins_first(spans: list[tuple[int, int]]) -> None:
    ordered = sorted(coverage.Span(start, start + length, number, 0, 0) for number, (start, length) in enumerate(spans))
    owner: dict[int, int] = {}
    for span in ordered:
        for at in range(span.start, span.end):
            owner.setdefault(at, span.exchange)
    given_to = {at: span.exchange for span in coverage.once(iter(ordered)) for at in range(span.start, span.end)}
    assert given_to == owner


def test_a_package_whose_rows_were_all_missed_still_says_where_the_file_begins() -> None:
    session, _ = lossy([(100, 20, [(0, 20)]), (120, 20, [])])
    (file,) = session.files
    assert (file.first_offset, file.bytes, file.gaps) == (100, 20, ((100, 120),))


def test_a_last_package_whose_rows_were_all_missed_is_a_gap_up_to_its_offset_alone() -> None:
    session, _ = lossy([(0, 20, []), (50, 20, [(0, 20)])])
    assert session.files[0].gaps == ((20, 50),)


def test_packages_without_offset_count_and_are_of_no_file() -> None:
    from craft import message

    capture = talked((request(), ok_head() + message("D", ROWS) + message("D", ROWS[:12]) + END))
    (session,) = sessions(capture)
    assert (session.files, session.payload_bytes) == ((), len(ROWS) + 12)


def test_offsets_up_to_the_largest_number_are_taken() -> None:
    session, _ = lossy([((1 << 64) - 100, 50, [])])
    assert (session.files[0].first_offset, session.files[0].bytes) == ((1 << 64) - 100, 50)


def test_flows_add_up_to_their_session() -> None:
    capture = Capture()
    read_session(capture, {"/d/a.txt": ROWS * 9}, segments=3, package_size=1000)
    found = correlate(feed(capture).connections)
    assert sum(flow.payload_bytes for flow in found.flows) == found.sessions[0].payload_bytes
    assert [flow.segment for flow in found.flows] == [0, 1, 2]
