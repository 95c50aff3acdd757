"""Judgements about reads, from values made by hand."""

import dataclasses
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import pytest

from gpinspect.analysis.queries import join
from gpinspect.grammar import findings, statuses
from gpinspect.model import Address, Delivery, MessageCounts, Notice, Outcome, Severity

from .hand import FILE, SECOND, START, Made, covered, packages, whole_read

PROVEN, REFUTED, UNPROVABLE = Delivery.PROVEN, Delivery.REFUTED, Delivery.UNPROVABLE


def test_healthy_read_is_proven_and_gives_notes_only() -> None:
    made = whole_read()
    assert made.verdict() == (PROVEN, ())
    assert made.codes(Severity.WARNING) == []


def test_a_thousand_late_segments_are_one_note() -> None:
    made = whole_read(segments=1001, late=1000)
    note = made.one("GPI205")
    assert (note.session, note.segment, note.exchange, note.severity) == (1, None, None, Severity.NOTE)
    assert note.message.endswith("(1,000 segments: 1, 2, 3, 4, 5, 6, 7, 8, …)")
    assert note.frames == (20, 10019)
    assert made.verdict() == (PROVEN, ())


def test_a_single_late_segment_is_named_by_its_ids() -> None:
    note = whole_read().one("GPI205")
    assert (note.session, note.segment, note.exchange, note.connection, note.frames) == (1, 3, 4, 4, (40, 49))
    assert "(" not in note.message
    assert whole_read(late=0).findings("GPI205") == []


@pytest.mark.parametrize(
    ("outcome", "code", "severity", "delivery"),
    [
        (Outcome.CANCELLED, "GPI204", Severity.NOTE, UNPROVABLE),
        (Outcome.BROKEN, "GPI210", Severity.ERROR, REFUTED),
        (Outcome.OPEN, "GPI211", Severity.NOTE, UNPROVABLE),
        (Outcome.LOST, "GPI212", Severity.WARNING, UNPROVABLE),
    ],
)
def test_an_end_without_the_end_package_has_its_finding_and_forbids_a_proof(
    outcome: Outcome, code: str, severity: Severity, delivery: Delivery
) -> None:
    made = Made()
    made.read(segment_count=2)
    made.read(outcome, segment_count=2)
    made.session()
    finding = made.one(code)
    assert (finding.severity, finding.segment, finding.exchange, finding.time_ns) == (severity, 1, 2, START + SECOND + 2)
    assert made.verdict() == (delivery, (code,))
    assert whole_read().findings(code) == []


def test_server_that_goes_first_on_a_connection_with_missing_bytes_is_no_refutation() -> None:
    made = Made()
    made.read(Outcome.BROKEN, segment_count=1, on={"missing_bytes": 10})
    made.session()
    assert made.verdict() == (UNPROVABLE, ("GPI210",))


def test_lost_outcome_tells_how_many_bytes_are_missing() -> None:
    made = Made()
    made.read(Outcome.LOST, segment_count=2, on={"missing_bytes": 12345})
    made.session()
    assert "12,345 bytes" in made.one("GPI212").message
    unknown = Made()
    unknown.read(Outcome.LOST, segment_count=2)
    unknown.session()
    assert "an unknown number of bytes" in unknown.one("GPI212").message


def test_reset_by_the_client_after_the_end_was_sent_is_a_segment_that_left() -> None:
    made = Made()
    made.read(segment_count=2, on={"reset_by": "client"})
    made.read(segment_count=2)
    made.session()
    assert made.verdict() == (UNPROVABLE, ("GPI204",))
    assert made.codes(Severity.WARNING) == []


def test_reset_by_the_client_after_the_end_inside_tls_is_how_libcurl_says_goodbye() -> None:
    made = Made()
    made.read(segment_count=1, on={"reset_by": "client", "tls": True})
    made.session()
    assert made.verdict() == (PROVEN, ())


def test_reset_of_a_late_connection_is_nothing() -> None:
    made = Made()
    made.read(segment_count=2)
    made.read(Outcome.LATE, segment_count=2, on={"reset_by": "client"})
    made.session()
    assert made.verdict() == (PROVEN, ())


def test_error_message_refutes_although_the_others_ended_well() -> None:
    made = Made()
    made.read(Outcome.ERROR, errors=("line too long in file /data/a.txt near (71284 bytes)",), ended=False, segment_count=2)
    made.read(segment_count=2)
    made.session()
    assert "line too long in file /data/a.txt near (71284 bytes)" in made.one("GPI201").message
    assert made.verdict() == (REFUTED, ("GPI201",))


def test_error_in_front_of_the_end_package_has_a_code_of_its_own() -> None:
    made = Made()
    made.read(Outcome.ERROR, errors=("warning: x",), ended=True, segment_count=1)
    made.session()
    assert made.verdict() == (REFUTED, ("GPI202",))
    assert made.findings("GPI201") == []


def test_empty_error_text_and_endless_error_text_are_said_within_bounds() -> None:
    made = Made()
    made.read(Outcome.ERROR, errors=("",), segment_count=2, ended=False)
    made.read(Outcome.ERROR, errors=("x" * 65536 + "{0}",), segment_count=2, ended=False)
    made.session()
    first, second = made.findings("GPI201")
    assert "no text" in first.message
    assert len(second.message) < 400 and second.message.endswith("…")


def test_wire_text_is_put_in_as_it_is() -> None:
    made = Made()
    text = "{file} \x1b[31m%s {0.__class__}"
    made.read(Outcome.ERROR, errors=(text,), segment_count=1)
    made.session()
    assert text in made.one("GPI201").message


def test_a_thousand_error_texts_do_not_flood() -> None:
    made = Made()
    for number in range(1000):
        made.read(Outcome.ERROR, errors=(f"line {number}",), ended=False, segment_count=1000)
        made.refused(404, f"file {number}", segment_count=1000)
    made.session()
    assert len(made.findings("GPI201")) == 8
    assert len(made.findings("GPI203")) == 8


def test_refusal_of_every_segment_is_one_finding_and_refutes() -> None:
    made = Made()
    for _ in range(4):
        made.refused(404, "file not found")
    made.session()
    found = made.one("GPI203")
    assert "404 file not found (segments 0, 1, 2 and 3)" in found.message
    assert made.verdict() == (REFUTED, ("GPI203",))
    assert made.findings("GPI206") == []


def test_refusal_comes_with_the_advice_for_its_text() -> None:
    made = Made()
    made.refused(404, "file not found")
    made.refused(418, "teapot")
    made.session()
    known, unknown = made.findings("GPI203")
    status = statuses.lookup(404, "file not found")
    assert status is not None and known.advice == status.advice
    assert unknown.advice == findings.kind("GPI203").advice


def test_refusal_after_an_error_is_told_apart_from_it() -> None:
    made = Made()
    made.read(Outcome.ERROR, errors=("line too long",), ended=False)
    made.refused(500, "session error")
    made.session()
    assert made.verdict() == (REFUTED, ("GPI201", "GPI203"))


def _some(*lengths: int, segments: int = 4, **session: Any) -> Made:
    """One of `segments` segments reads packages of these lengths back to back; the others are not in the capture."""
    made = Made()
    edges = [0, *accumulate(lengths)]
    rows = list(zip(edges, lengths, strict=False))
    made.read(segment_count=segments, payload_bytes=edges[-1], packages=packages(*rows))
    made.session(**{"files": (covered(edges[-1]),) if lengths else (), **session})
    return made


def test_missing_segments_are_a_note_and_no_obstacle_where_the_end_of_the_file_is_to_be_seen() -> None:
    made = _some(32700, 32750, 10000)
    assert "3 of 4 segments" in made.one("GPI206").message
    assert made.verdict() == (PROVEN, ())
    assert whole_read().findings("GPI206") == []


def test_small_file_of_one_block_shows_its_end() -> None:
    assert _some(400).verdict() == (PROVEN, ())


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: _some(32700, 32750, 32710), "the last block is a full one"),
        (lambda: _some(32700, 30000, 31000), "rows may be as long as what it lacks"),
        (lambda: _some(32000), "the only block may be a full one"),
        (lambda: _some(), "somebody else may have got all rows"),
        (lambda: _some(32700, 32750, 10000, path="/part-*.txt"), "the next file may have gone elsewhere"),
        (lambda: _some(32700, 32750, 10000, path="/a.txt%20b.txt"), "so may the second one"),
        (lambda: _some(32700, 32750, 10000, path=None), "nobody knows what was asked for"),
    ],
)
def test_missing_segments_are_an_obstacle_where_they_may_have_got_what_follows(made: Callable[[], Made], why: str) -> None:
    assert made().verdict() == (UNPROVABLE, ("GPI238",)), why
    assert made().codes(Severity.WARNING) == []


def test_cluster_of_unknown_size_may_have_more_segments() -> None:
    full, short = _some(32700, 32750, 32710), _some(32700, 32750, 100)
    for made in (full, short):
        made.exchanges[0] = dataclasses.replace(made.exchanges[0], segment_count=None)
        made.sessions[0] = dataclasses.replace(made.sessions[0], segment_count=None)
    assert full.verdict() == (UNPROVABLE, ("GPI238",))
    assert "an unknown number of segments" in full.one("GPI238").message
    assert short.verdict() == (PROVEN, ())


def test_session_without_a_name_is_that_of_one_request() -> None:
    assert _some(32700, 32750, 32710, tid=None, xid=None, segment_count=None).verdict() == (PROVEN, ())


def test_segments_that_read_from_another_server_are_not_missing() -> None:
    made = Made()
    for number in range(4):
        made.read(segment=number, segment_count=4, packages=packages((number // 2 * 32700, 32700, int(number < 2))))
    one, two = made.exchanges[0::2], made.exchanges[1::2]
    made.session(one, files=(covered(65400),))
    made.session(two, files=(covered(65400),), server=Address("10.0.0.10", 8080))
    judged = made.judged()
    assert [session.delivery for session in judged.sessions] == [PROVEN, PROVEN]
    assert [(session.query_delivery, session.query_sessions) for session in judged.sessions] == [(PROVEN, 2), (PROVEN, 2)]
    alone = Made()
    for member in one:
        alone.read(segment=member.segment, segment_count=4, packages=member.packages)
    alone.session(files=(covered(65400),))
    assert alone.verdict() == (UNPROVABLE, ("GPI238",))


def test_segments_of_another_scan_or_statement_say_nothing() -> None:
    made = Made()
    for number in range(4):
        made.read(segment=number, segment_count=4, packages=packages((number // 2 * 32700, 32700, int(number < 2))))
    made.session(made.exchanges[0::2], files=(covered(65400),))
    made.session(made.exchanges[1::2], files=(covered(65400),), sn="1", tid="23-0000000002.2.1.1")
    assert [session.delivery for session in made.judged().sessions] == [UNPROVABLE, UNPROVABLE]


def test_missing_segments_are_an_obstacle_where_the_recorder_dropped_frames() -> None:
    made = _some(32700, 10000)
    made.notices.append(Notice("GPI004", "a.pcapng", {"count": 12}))
    assert made.verdict() == (UNPROVABLE, ("GPI206",))


def test_rows_that_nobody_acknowledged_are_not_proven_to_have_arrived() -> None:
    made = Made()
    made.read(segment_count=1, payload_bytes=100, packages=packages((0, 100)), unacknowledged=60)
    made.session(files=(covered(100),))
    assert "60 bytes" in made.one("GPI239").message
    assert made.verdict() == (UNPROVABLE, ("GPI239",))
    whole = Made()
    whole.read(segment_count=1, payload_bytes=100, packages=packages((0, 100)), unacknowledged=0)
    whole.session(files=(covered(100),))
    assert whole.verdict() == (PROVEN, ())


def test_alert_at_the_end_of_tls_needs_no_acknowledgment() -> None:
    for count, delivery in ((50, PROVEN), (500, UNPROVABLE)):
        made = Made()
        made.read(segment_count=1, payload_bytes=100, packages=packages((0, 100)), unacknowledged=count, on={"tls": True})
        made.session(files=(covered(100),))
        assert made.verdict()[0] is delivery


@pytest.mark.parametrize(
    ("several", "together"),
    [
        ((PROVEN, PROVEN), PROVEN),
        ((PROVEN, UNPROVABLE), UNPROVABLE),
        ((PROVEN, UNPROVABLE, REFUTED), REFUTED),
        ((REFUTED,), REFUTED),
    ],
)
def test_statement_is_as_good_as_its_worst_session(several: tuple[Delivery, ...], together: Delivery) -> None:
    assert join(several) is together
    assert join(several[::-1]) is together


def test_protocol_0_is_said_once_and_proves_nothing() -> None:
    made = Made()
    for _ in range(3):
        made.read(Outcome.CLOSED, response_proto=0, ended=False, payload_bytes=50, segment_count=3)
    made.session(proto=0)
    assert made.one("GPI214").severity is Severity.NOTE
    assert made.verdict() == (UNPROVABLE, ("GPI214",))
    assert whole_read().findings("GPI214") == []


def test_packages_without_offsets_prove_nothing() -> None:
    made = Made()
    made.read(segment_count=1, packages=packages((0, 10), offsets=False), message_counts=MessageCounts(0, 0, 0, 2, 0))
    made.session()
    assert made.verdict() == (UNPROVABLE, ("GPI218",))
    assert made.one("GPI218").severity is Severity.NOTE
    assert whole_read().findings("GPI218") == []


def test_session_whose_first_member_was_late_was_not_seen_whole() -> None:
    made = Made()
    made.read(Outcome.LATE, segment_count=2)
    made.read(Outcome.LATE, segment_count=2)
    made.session()
    assert made.one("GPI215").segment == 0
    assert made.verdict() == (UNPROVABLE, ("GPI215",))
    assert whole_read().findings("GPI215") == []


# the same rows twice -----------------------------------------------------------------------------------------------------


def _twice(pause_s: float, *, overlap: bool = True, first: Outcome = Outcome.COMPLETE) -> Made:
    made = Made()
    made.read(first, segment_count=2, payload_bytes=100, packages=packages((0, 100)))
    again = START + SECOND + int(pause_s * SECOND)
    when = {"start_ns": again, "end_ns": again + SECOND}
    made.read(segment_count=2, payload_bytes=100, packages=packages((0, 100)), on=when)
    made.session(files=(covered(100, overlaps=((0, 100),)) if overlap else covered(200),))
    return made


def test_session_read_again_after_its_end_is_reopened() -> None:
    found = _twice(303).one("GPI209")
    assert "after 303 s" in found.message
    assert (found.segment, found.exchange) == (1, 2)
    assert _twice(303).verdict() == (REFUTED, ("GPI208", "GPI209"))


def test_session_read_again_after_a_restart_of_the_server_is_reopened_at_once() -> None:
    assert "after 2.5 s" in _twice(2.5).one("GPI209").message


def test_member_that_asks_before_the_others_are_through_reopens_nothing() -> None:
    made = _twice(-0.5)
    assert made.findings("GPI209") == []
    assert made.verdict() == (REFUTED, ("GPI208",))


def test_rest_of_the_file_after_a_segment_left_is_no_second_reading() -> None:
    assert _twice(303, overlap=False, first=Outcome.CANCELLED).findings("GPI209") == []


def test_protocol_0_body_after_the_server_forgot_the_session_is_a_second_reading() -> None:
    made = Made()
    made.read(Outcome.CLOSED, response_proto=0, payload_bytes=50, segment_count=2)
    late = START + 400 * SECOND
    made.read(Outcome.CLOSED, response_proto=0, payload_bytes=50, segment_count=2, on={"start_ns": late, "end_ns": late + 1})
    made.session(proto=0)
    assert made.one("GPI209").severity is Severity.ERROR
    soon = Made()
    for second in (0, 299):
        soon.read(
            Outcome.CLOSED,
            response_proto=0,
            payload_bytes=50,
            on={"start_ns": START + second * SECOND, "end_ns": START + second * SECOND},
        )
    soon.session(proto=0)
    assert soon.findings("GPI209") == []


# tiling ------------------------------------------------------------------------------------------------------------------


def _gap(*, outcome: Outcome = Outcome.COMPLETE, segments: int = 2, inside: bool = False, **on: object) -> Made:
    """Bytes 100 to 199 of 300 are in no package, or (`inside`) in the cut package of the first member."""
    made = Made()
    rows = ((0, 100), (100, 100)) if inside else ((0, 100),)
    made.read(outcome, segment_count=2, payload_bytes=100, packages=packages(*rows), on=dict(on), closed_by=None)
    if segments > 1:
        made.read(segment_count=2, payload_bytes=100, packages=packages((200, 100, 0)))
    made.session(files=(covered(300, gaps=((100, 200),)),))
    return made


def test_gap_that_nothing_explains_is_an_error_and_refutes() -> None:
    found = _gap().one("GPI207")
    assert (found.severity, found.session) == (Severity.ERROR, 1)
    assert f"{FILE}: 100 bytes from 100 to 199" in found.message
    assert _gap().verdict() == (REFUTED, ("GPI207",))
    assert whole_read().findings("GPI207") == []


def test_gap_beside_a_segment_that_left_is_a_note() -> None:
    made = _gap(outcome=Outcome.CANCELLED)
    assert made.codes(Severity.WARNING) == []
    assert made.verdict() == (UNPROVABLE, ("GPI204", "GPI216"))


def test_gap_in_the_package_of_a_segment_that_left_is_a_note_even_with_loss_elsewhere() -> None:
    made = _gap(outcome=Outcome.CANCELLED, inside=True)
    made.connections[1] = dataclasses.replace(made.connections[1], missing_bytes=3)
    assert [finding.code for finding in made.judged().findings if finding.code.startswith("GPI21")] == ["GPI216"]


def test_gap_with_bytes_missing_in_the_capture_is_a_warning_and_neither_proves_nor_refutes() -> None:
    made = _gap(missing_bytes=150)
    assert made.one("GPI217").severity is Severity.WARNING
    assert made.findings("GPI207") == []
    assert made.verdict() == (UNPROVABLE, ("GPI217",))


def test_gap_with_a_connection_older_than_the_capture_is_not_captured() -> None:
    assert _gap(opened=False).verdict() == (UNPROVABLE, ("GPI024", "GPI217"))


def test_gap_with_a_segment_that_is_not_in_the_capture_cannot_be_judged() -> None:
    made = Made()
    made.read(segment_count=2, payload_bytes=200, packages=packages((0, 100), (200, 100)))
    made.session(files=(covered(300, gaps=((100, 200),)),))
    assert made.verdict() == (UNPROVABLE, ("GPI217",))


def test_gap_in_a_package_that_is_still_coming_is_no_finding() -> None:
    made = _gap(outcome=Outcome.OPEN, inside=True)
    assert made.codes() == ["GPI211"]
    assert made.verdict() == (UNPROVABLE, ("GPI211",))


def test_gap_in_a_package_that_a_dying_server_cut_is_an_error() -> None:
    assert _gap(outcome=Outcome.BROKEN, inside=True).verdict() == (REFUTED, ("GPI207", "GPI210"))


def test_content_cut_off_by_the_snap_length_is_a_note_of_the_capture_alone() -> None:
    made = Made()
    made.read(segment_count=1, payload_bytes=200, missing_bytes=100, packages=packages((0, 300)), on={"missing_bytes": 100})
    made.session(files=(covered(300, gaps=((100, 200),)),))
    made.notices.append(Notice("GPI005", "", {"frames": 1, "bytes": 100}))
    assert made.codes() == ["GPI005"]
    assert made.verdict() == (UNPROVABLE, ("GPI005",))


def test_gap_is_cut_where_packages_end() -> None:
    made = Made()
    made.read(Outcome.CANCELLED, segment_count=2, payload_bytes=50, packages=packages((0, 100)))
    made.read(
        segment_count=2, payload_bytes=100, missing_bytes=20, packages=packages((100, 20), (120, 80)), on={"missing_bytes": 20}
    )
    made.session(files=(covered(200, gaps=((50, 120),)),))
    assert "50 bytes from 50 to 99" in made.one("GPI216").message
    assert "20 bytes from 100 to 119" in made.one("GPI217").message


def test_parts_of_a_gap_with_the_same_cause_are_one_stretch() -> None:
    made = Made()
    made.read(Outcome.CANCELLED, segment_count=2, payload_bytes=50, packages=packages((0, 100)))
    made.read(segment_count=2, payload_bytes=100, packages=packages((200, 100, 0)))
    made.session(files=(covered(300, gaps=((50, 200),)),))
    found = made.one("GPI216")
    assert "150 bytes from 50 to 199" in found.message and "stretches" not in found.message


def test_many_gaps_of_one_file_are_one_finding() -> None:
    made = Made()
    made.read(segment_count=1, packages=packages(*((number * 20, 10) for number in range(1000))))
    gaps = tuple((number * 20 + 10, number * 20 + 20) for number in range(999))
    made.session(files=(covered(19990, gaps=gaps),))
    found = made.one("GPI207")
    assert "9,990 bytes from 10 to 19,979" in found.message and "in 999 stretches" in found.message


def test_gaps_of_very_many_files_do_not_flood() -> None:
    made = Made()
    made.read(segment_count=1)
    made.session(files=tuple(covered(30, name=f"/d/{number}", gaps=((10, 20),)) for number in range(500)))
    found = made.findings("GPI207")
    assert len(found) == 8
    assert "and 492 more files" in found[-1].message


def test_overlap_refutes_unless_offsets_were_only_assumed() -> None:
    made = Made()
    first = made.read(segment_count=1, payload_bytes=300, packages=packages((0, 200), (100, 200)))
    made.session(files=(covered(300, overlaps=((100, 200),)),))
    assert "100 bytes from 100 to 199" in made.one("GPI208").message
    assert made.verdict() == (REFUTED, ("GPI208",))
    made.weird("GPI102", first, position=5, skipped=3)
    assert made.verdict() == (UNPROVABLE, ("GPI102", "GPI208"))
    assert whole_read().findings("GPI208") == []


# the beginning of a file -------------------------------------------------------------------------------------------------


def _from(offset: int, line: int, csvopt: str | None) -> Made:
    made = Made()
    made.read(segment_count=1, packages=packages((offset, 100, line)), csvopt=csvopt)
    made.session(files=(covered(100, first=offset),))
    return made


def test_file_without_header_must_begin_with_its_first_byte() -> None:
    made = _from(20, 1, "m1x 34q 34n0h0")
    assert "20 bytes from 0 to 19" in made.one("GPI207").message
    assert made.verdict() == (REFUTED, ("GPI207",))
    assert _from(0, 1, "m1x 34q 34n0h0").verdict() == (PROVEN, ())


@pytest.mark.parametrize("line", [1, 2])
def test_header_row_is_not_missed(line: int) -> None:
    assert _from(20, line, "m1x 34q 34n0h1").verdict() == (PROVEN, ())


@pytest.mark.parametrize("line", [0, 525])
def test_first_block_behind_the_header_row_is_missed(line: int) -> None:
    assert _from(32800, line, "m1x 34q 34n0h1").verdict() == (REFUTED, ("GPI207",))


def test_old_servers_count_the_lines_of_a_header_row() -> None:
    assert _from(40, 4, "m1x34q34h1").verdict() == (PROVEN, ())


def test_header_row_is_looked_for_in_every_file() -> None:
    made = Made()
    table = packages((20, 80, 2), name="/d/a")
    table.append(116, 36, 80, table.file_index(b"/d/b"), 32800, 0, START, START + 1, 4, 5, 0, 0, 1)
    made.read(segment_count=1, packages=table, csvopt="m1x 34q 34n0h1", message_counts=MessageCounts(2, 2, 2, 3, 0))
    made.session(files=(covered(80, name="/d/a", first=20), covered(80, name="/d/b", first=32800)))
    assert made.one("GPI207").message.startswith("/d/b: 32,800 bytes from 0 to 32,799")


def test_file_name_that_is_no_utf_8_is_judged_like_any_other() -> None:
    made = Made()
    raw = b"/d/\xff\xfe"
    table = packages()
    table.append(0, 36, 300, table.file_index(raw), 0, 1, START, START + 1, 4, 5, 0, 0, 1)
    made.read(Outcome.CANCELLED, segment_count=1, packages=table, message_counts=MessageCounts(1, 1, 1, 1, 0))
    made.session(files=(covered(300, name=raw.decode("utf-8", "surrogateescape"), gaps=((100, 200),)),))
    assert made.one("GPI216").message.startswith("/d/\udcff\udcfe: 100 bytes")


def test_offsets_at_the_end_of_the_world_do_no_harm() -> None:
    made = Made()
    far = (1 << 64) - 2
    made.read(segment_count=1, packages=packages((far, (1 << 31) - 1), (0, 10)))
    made.session(files=(covered(far + 10, gaps=((10, far),)),))
    assert made.verdict() == (REFUTED, ("GPI207",))
