"""Lists of the walk as plain data."""

from dataclasses import replace

from gpinspect.model import Delivery, Finding, Outcome, Severity
from gpinspect.views.browse import BELIEVED, entries, exchange_listing, flow_rows, step_word, unseen_segments
from gpinspect.views.package_list import PackageLines, TimeMode, package_listing, seconds_text
from gpinspect.views.session_list import entry_listing
from gpinspect.views.tables import Context
from views import samples
from views.samples import START, exchange, flow, session, table

UTC = Context(utc=True)


def test_an_exchange_without_session_has_a_row_between_the_sessions() -> None:
    probe = exchange(3, session=None, path="/gpfdist/status", outcome=Outcome.PROBE, start_ns=START - 1)
    rows = entries(samples.Found(exchanges=[exchange(1), exchange(2), probe]))
    assert [row.word for row in rows] == ["probe", "proven"]
    assert [row.tone for row in rows] == ["", "good"]


def test_a_session_is_as_bad_as_the_worst_of_its_proof_its_exchanges_and_its_findings() -> None:
    def tone(outcome: Outcome, delivery: Delivery, *severities: Severity, settled: bool = True) -> str:
        findings = [Finding("GPI210", "x", severity, "m", "a", session=1) for severity in severities]
        found = samples.Found(
            exchanges=[exchange(1, outcome=outcome), exchange(2)], sessions=[session(delivery=delivery)], findings=findings
        )
        return entries(found, settled=settled)[0].tone

    assert tone(Outcome.COMPLETE, Delivery.PROVEN) == "good"
    assert tone(Outcome.COMPLETE, Delivery.PROVEN, Severity.NOTE) == "good"
    assert tone(Outcome.COMPLETE, Delivery.PROVEN, Severity.NOTE, Severity.ERROR) == "bad"
    assert tone(Outcome.COMPLETE, Delivery.UNPROVABLE) == ""
    assert tone(Outcome.CANCELLED, Delivery.UNPROVABLE) == "warn"
    assert tone(Outcome.BROKEN, Delivery.PROVEN) == "bad"
    assert tone(Outcome.COMPLETE, Delivery.REFUTED) == "bad"
    assert tone(Outcome.OPEN, Delivery.UNPROVABLE) == "warn"
    assert tone(Outcome.OPEN, Delivery.UNPROVABLE, settled=False) == ""


def test_a_row_begins_with_the_character_of_its_state() -> None:
    found = samples.Found(sessions=[session(delivery=Delivery.REFUTED)])
    assert entry_listing(entries(found), UTC).cells(0)[0] == "x"


def test_a_connection_that_stayed_closed_has_a_row_and_others_have_none() -> None:
    connections = [samples.connection(number, kind=kind) for number, kind in ((7, "tls"), (8, "other"), (1, "gpfdist"))]
    rows = entries(samples.Found(connections=connections))
    assert [row.connection.id for row in rows if row.connection is not None] == [7]


def test_an_item_is_found_again_by_its_key_wherever_it_went() -> None:
    rows = entries(samples.Found())
    listing = entry_listing(rows, UTC)
    key = listing.key(rows[0])
    early = entries(samples.Found(sessions=[session(1, path="/early", start_ns=START - 9), session(2)], exchanges=[]))
    assert entry_listing(early, UTC).find(key, near=0) == 1
    assert entry_listing((), UTC).find(key) is None


def test_shares_are_of_the_largest_payload() -> None:
    flows = [flow(segment=0, payload_bytes=30), flow(segment=1, payload_bytes=60), flow(session=2, segment=0, payload_bytes=90)]
    rows = flow_rows(samples.Found(flows=flows), session(segments=(0, 1)))
    assert [(row.segment, row.share) for row in rows] == [(0, 0.5), (1, 1.0)]


def test_unseen_segments_are_named_as_long_as_their_number_is_believable() -> None:
    assert unseen_segments(session(segments=(0, 2), segment_count=4)) == (1, 3)
    assert unseen_segments(session(segments=(0,), segment_count=BELIEVED + 1)) == ()
    assert unseen_segments(session(segments=(0,), segment_count=None)) == ()
    assert unseen_segments(session(segments=(0,), segment_count=-5)) == ()


def test_the_steps_of_a_write_are_named() -> None:
    post = exchange(method="POST", seq=1, content_length=0)
    assert step_word(post) == "OPEN"
    assert step_word(replace(post, seq=2, content_length=9)) == "DATA"
    assert step_word(replace(post, seq=1, content_length=9)) == "DATA"
    assert step_word(replace(post, seq=2, done=True)) == "DONE"
    assert step_word(exchange()) == "-"
    assert exchange_listing([post], UTC).cells(0)[4] == "OPEN"


def test_packages_tell_offset_length_and_the_silence_before_them() -> None:
    made = table((b"/data/a.csv", 47, b"1,x\n"))
    lines = PackageLines(exchange(packages=made), START - 1_000_000)
    listing = package_listing(lines, TimeMode.SINCE, UTC)
    names = [column.name for column in listing.columns]
    first, last = (dict(zip(names, listing.cells(index), strict=True)) for index in range(2))
    assert (first["Since start"], first["Gap"], first["File"], first["Offset"], first["Bytes"]) == (
        "0.001000", "-", "a.csv", "47", "4",
    )  # fmt: skip
    assert (last["Kind"], last["File"], last["Offset"], last["Gap"], last["Frames"]) == ("end", "-", "-", "1 ns", "6")


def test_a_table_that_grows_keeps_the_length_it_was_seen_with() -> None:
    made = table((b"a", 0, b"1\n"), end=False)
    lines = PackageLines(exchange(packages=made), START)
    made.append(99, 5, 0, 0, 0, 0, START, START, 6, 6, 0, 1, 1)
    assert len(lines) == 1 and len(list(lines)) == 1


def test_the_package_of_a_frame_is_the_last_that_began_by_then() -> None:
    made = table()
    made.append(5, 5, 0, 0, 0, 0, START, START, 9, 12, 0, 0, 1)
    lines = PackageLines(exchange(packages=made), START)  # these begin in frames 6 and 9
    assert [lines.at_frame(frame) for frame in (1, 6, 8, 9, 99)] == [0, 0, 0, 1, 1]


def test_seconds_are_cut_not_rounded() -> None:
    assert [seconds_text(ns) for ns in (0, 1_999, -1_500_000, 61_000_000_999)] == ["0.000000", "0.000001", "-0.001500", "61.000000"]


def test_time_modes_come_round() -> None:
    assert TimeMode.SINCE.following.following.following is TimeMode.SINCE
