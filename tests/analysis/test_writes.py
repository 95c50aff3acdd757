"""Judgements about writes, from values made by hand."""

import pytest

from gpinspect.model import Delivery, Notice, Outcome, Severity

from .hand import SECOND, START, Made, covered, packages

PROVEN, REFUTED, UNPROVABLE = Delivery.PROVEN, Delivery.REFUTED, Delivery.UNPROVABLE


def healthy() -> Made:
    made = Made()
    made.segment_writes(0, 100, 200)
    made.segment_writes(2, 50)
    made.session()
    return made


def test_healthy_write_is_proven_and_its_reopened_target_is_a_note() -> None:
    made = healthy()
    assert made.codes() == ["GPI414"]
    assert made.verdict() == (PROVEN, ())


def test_segments_without_rows_are_not_missed() -> None:
    assert healthy().findings("GPI206") == []


def test_segment_without_done_is_named_and_may_still_be_writing() -> None:
    made = Made()
    made.segment_writes(0, 100)
    made.write(1, segment=1)
    made.write(2, 100, segment=1)
    made.session()
    found = made.one("GPI404")
    assert found.message == "segment 1 opened the target but never finished"
    assert (found.severity, found.segment, found.exchange) == (Severity.WARNING, 1, 5)
    assert made.verdict() == (UNPROVABLE, ("GPI404",))


def test_a_thousand_unfinished_segments_are_one_finding() -> None:
    made = Made()
    for segment in range(1000):
        made.write(1, segment=segment)
    made.session()
    assert made.one("GPI404").message.startswith("1,000 segments: 0, 1, 2,")


def test_unfinished_write_of_a_capture_that_was_cut_cannot_be_judged() -> None:
    made = Made()
    made.write(1)
    made.write(2, 10)
    made.session()
    made.notices.append(Notice("GPI001", "a.pcap", {"position": 100}))
    assert made.verdict() == (UNPROVABLE, ("GPI404",))


def test_write_that_is_still_going_on_cannot_be_judged() -> None:
    made = Made()
    made.write(1)
    made.write(2, 10, outcome=Outcome.OPEN)
    made.session()
    assert made.verdict() == (UNPROVABLE, ("GPI211", "GPI404"))


def test_more_data_after_done_wants_another_done() -> None:
    made = Made()
    made.segment_writes(0, 100)
    made.write(3, 10, segment=0)
    made.session()
    assert made.verdict() == (UNPROVABLE, ("GPI404",))


def test_repeated_number_is_a_note_and_no_obstacle() -> None:
    made = Made()
    made.write(1)
    made.write(2, 100)
    made.write(2, 100, outcome=Outcome.DUPLICATE)
    made.write(2, done=True)
    made.session()
    found = made.one("GPI402")
    assert (found.severity, found.exchange) == (Severity.NOTE, 3)
    assert "X-GP-SEQ 2 " in found.message
    assert made.verdict() == (PROVEN, ())
    assert healthy().findings("GPI402") == []


def test_discarded_data_refutes() -> None:
    made = healthy()
    made.write(3, 4096, segment=2, outcome=Outcome.DISCARDED)
    made.session([made.exchanges[-1]])
    assert "4,096 bytes of X-GP-SEQ 3" in made.one("GPI403").message
    assert made.judged().sessions[1].delivery is REFUTED
    assert healthy().findings("GPI403") == []


def test_refused_number_has_a_code_of_its_own_and_refutes() -> None:
    made = Made()
    made.write(1)
    made.write(5, 10, outcome=Outcome.REFUSED, status=400, reason="invalid request due to wrong sequence number")
    made.session()
    assert "X-GP-SEQ 5" in made.one("GPI401").message
    assert made.findings("GPI203") == []
    assert made.verdict() == (REFUTED, ("GPI401",))
    assert healthy().findings("GPI401") == []


def test_missing_number_is_said_to_be_absent() -> None:
    made = Made()
    made.write(1)
    made.write(None, 10, outcome=Outcome.REFUSED, status=400, reason="invalid request due to missing sequence number")
    made.session()
    assert "X-GP-SEQ (absent)" in made.one("GPI401").message


def test_refused_data_refutes() -> None:
    made = Made()
    made.write(1)
    made.write(2, 10, outcome=Outcome.REFUSED, status=500, reason="cannot write into file")
    made.session()
    assert "500 cannot write into file" in made.one("GPI203").message
    assert made.verdict() == (REFUTED, ("GPI203",))


def test_write_that_timed_out_and_was_taken_when_it_came_again_is_a_warning_and_stands_against_nothing() -> None:
    made = Made()
    made.write(1)
    made.write(2, 10, outcome=Outcome.REFUSED, status=408, reason="time out")
    made.write(2, 10)
    made.write(2, done=True)
    made.session()
    assert (made.one("GPI411").severity, made.findings("GPI203")) == (Severity.WARNING, [])
    assert made.verdict() == (PROVEN, ())


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ({"outcome": Outcome.REFUSED, "status": 415, "reason": "Unsupported File Type"}, "GPI203"),
        ({"outcome": Outcome.UNANSWERED, "status": None, "reason": None}, "GPI405"),
    ],
)
def test_failed_write_that_was_sent_again_and_taken_only_forbids_a_proof(failure: dict[str, object], code: str) -> None:
    made = Made()
    made.write(1)
    made.write(2, 10, **failure)  # type: ignore[arg-type]
    made.write(2, 10)
    made.write(3, 10)
    made.write(3, done=True)
    made.session()
    assert made.verdict() == (UNPROVABLE, (code,))


def test_unanswered_write_whose_successor_was_taken_is_no_gap() -> None:
    made = Made()
    made.write(1)
    made.write(2, 10, outcome=Outcome.UNANSWERED, status=None)
    made.write(3, 10)
    made.write(3, done=True)
    made.session()
    assert made.verdict() == (UNPROVABLE, ("GPI405",))
    assert "X-GP-SEQ 2 " in made.one("GPI405").message
    assert healthy().findings("GPI405") == []


def test_number_that_nobody_sent_is_a_write_that_the_capture_does_not_have() -> None:
    made = Made()
    made.write(1)
    made.write(2, 10)
    made.write(5, 10)
    made.write(5, done=True)
    made.session()
    assert "X-GP-SEQ 3 to 4 " in made.one("GPI406").message
    assert made.verdict() == (UNPROVABLE, ("GPI406",))
    assert healthy().findings("GPI406") == []


@pytest.mark.parametrize("notice", ["GPI004", None])
def test_number_that_nobody_sent_is_explained_by_loss_in_the_capture(notice: str | None) -> None:
    made = Made()
    made.write(1)
    made.write(3, 10, on={"missing_bytes": 0 if notice else 3})
    made.write(3, done=True)
    made.session()
    if notice:
        made.notices.append(Notice(notice, "a.pcapng", {"count": 3}))
    assert made.verdict() == (UNPROVABLE, ("GPI406",))


def test_write_whose_beginning_was_not_captured_cannot_be_judged() -> None:
    made = Made()
    made.write(7, 10)
    made.write(7, done=True)
    made.session()
    assert "X-GP-SEQ 1 to 6 " in made.one("GPI406").message
    assert made.verdict() == (UNPROVABLE, ("GPI406",))


def test_open_starts_the_count_again() -> None:
    made = Made()
    made.write(1)
    made.write(2, 10)
    made.write(1)
    made.write(2, 10)
    made.write(2, done=True)
    made.session()
    assert made.verdict() == (PROVEN, ())


def test_writes_without_numbers_prove_nothing() -> None:
    made = Made()
    made.write(None, 10)
    made.write(None, done=True)
    made.session()
    assert made.one("GPI407").severity is Severity.NOTE
    assert made.verdict() == (UNPROVABLE, ("GPI407",))
    assert healthy().findings("GPI407") == []


def test_body_shorter_than_announced_stands_in_the_way_of_a_proof() -> None:
    made = Made()
    made.write(1)
    made.write(2, 100, payload_bytes=60)
    made.write(2, done=True)
    made.session()
    assert "60 of 100 bytes" in made.one("GPI408").message
    assert made.verdict() == (UNPROVABLE, ("GPI408",))


def test_compressed_body_is_not_measured_by_its_rows() -> None:
    made = Made()
    made.write(1)
    made.write(2, 100, payload_bytes=60, zstd=True)
    made.write(2, done=True)
    made.session()
    assert made.verdict() == (PROVEN, ())


def test_writer_without_segment_number_is_told_so() -> None:
    made = Made()
    made.write(1, segment=None)
    made.session()
    assert made.one("GPI404").message.startswith("a client without segment number")


def test_segment_without_done_refutes_when_the_capture_goes_on_long_after() -> None:
    made = Made()
    made.write(1)
    made.write(2, 10)
    made.session()
    made.connection(start_ns=made.exchanges[-1].end_ns + 11_000_000_000, end_ns=made.exchanges[-1].end_ns + 11_000_000_001)
    assert made.verdict() == (REFUTED, ("GPI404",))


def _unfinished(*, pause_s: int, after_s: int) -> Made:
    """Two bodies with a pause between them, no DONE, and a capture that goes on for a while."""
    made = Made()
    at = START
    for seq, size in ((1, 0), (2, 10), (3, 10)):
        made.write(seq, size, on={"start_ns": at, "end_ns": at + SECOND})
        at += SECOND + pause_s * SECOND
    made.session()
    last = made.exchanges[-1].end_ns
    made.connection(start_ns=last + after_s * SECOND, end_ns=last + after_s * SECOND + 1)
    return made


def test_segment_that_always_takes_its_time_may_still_come() -> None:
    assert _unfinished(pause_s=0, after_s=15).verdict() == (REFUTED, ("GPI404",))
    assert _unfinished(pause_s=5, after_s=15).verdict() == (UNPROVABLE, ("GPI404",))
    assert _unfinished(pause_s=5, after_s=150).verdict() == (REFUTED, ("GPI404",))


@pytest.mark.parametrize(
    ("xid", "refuted"),
    [
        ("23-0000000003", True),  # the next command of the same database session
        ("24-0000000003", False),  # another session's
        ("23-0000000001", False),  # an earlier command
        ("1700000000-0000000003", False),  # a time and a transaction, which says nothing about sessions
    ],
)
def test_next_command_of_the_database_session_shows_that_the_statement_is_over(xid: str, refuted: bool) -> None:
    made = Made()
    made.write(1)
    made.write(2, 10)
    made.session(tid="23-0000000002.2.0.0")
    later = START + 4 * SECOND
    made.read(segment_count=1, xid=xid, packages=packages((0, 10)), on={"start_ns": later, "end_ns": later + 1})
    made.session(xid=xid, tid=f"{xid}.2.0.1", files=(covered(10),))
    assert made.verdict() == ((REFUTED if refuted else UNPROVABLE), ("GPI404",))


def test_segments_that_may_have_written_unseen_stand_in_the_way_of_a_proof() -> None:
    made = Made()
    made.segment_writes(0, 10)
    made.session()
    assert made.verdict() == (PROVEN, ())
    made.notices.append(Notice("GPI004", "a.pcapng", {"count": 3}))
    assert made.verdict() == (UNPROVABLE, ("GPI206",))


def test_done_that_was_sent_and_not_answered_is_no_missing_done() -> None:
    made = Made()
    made.write(1)
    made.write(2, 10)
    made.write(2, done=True, outcome=Outcome.UNANSWERED, status=None, reason=None)
    made.session()
    assert made.findings("GPI404") == []
    assert made.verdict() == (UNPROVABLE, ("GPI405",))


def test_done_names_a_write_that_the_capture_does_not_have() -> None:
    """DONE repeats the number of the last write: 1, 2, 2 with DONE."""
    made = Made()
    made.write(1)
    made.write(2, done=True)
    made.session()
    assert "X-GP-SEQ 2 " in made.one("GPI406").message
    assert made.verdict() == (UNPROVABLE, ("GPI406",))


@pytest.mark.parametrize("changed", [{"row_end": False}, {"unread_body": "it is chunked"}])
def test_body_that_the_server_throws_away_refutes(changed: dict[str, object]) -> None:
    made = Made()
    made.write(1)
    made.write(2, 10, **changed)
    made.write(2, done=True)
    made.session()
    code = "GPI410" if "row_end" in changed else "GPI409"
    assert made.one(code).severity is Severity.ERROR
    assert made.verdict() == (REFUTED, (code,))


def test_body_of_zstd_is_written_to_its_last_byte() -> None:
    made = Made()
    made.write(1)
    made.write(2, 10, row_end=False, zstd=True)
    made.write(2, done=True)
    made.session()
    assert made.verdict()[0] is PROVEN


def test_error_in_the_answer_to_a_write_refutes() -> None:
    made = Made()
    made.write(1)
    made.write(2, 10, errors=("sort: write failed",))
    made.write(2, done=True)
    made.session()
    assert "sort: write failed" in made.one("GPI201").message
    assert made.verdict() == (REFUTED, ("GPI201",))
