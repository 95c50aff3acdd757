"""From frames to verdicts: conversations built byte by byte, through the whole inspection."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from craft import (
    END,
    Block,
    Capture,
    Conversation,
    blocks,
    error_head,
    error_message,
    head,
    late_reply,
    message,
    ok_head,
    post,
    read_session,
    request,
    write_session,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpinspect.inspection import Inspection, inspect
from gpinspect.model import Delivery, Severity

PROVEN, REFUTED, UNPROVABLE = Delivery.PROVEN, Delivery.REFUTED, Delivery.UNPROVABLE
FILE = "/data/rows.txt"
ROWS = b"".join(b"%05d,some text\n" % number for number in range(400))


def look(capture: Capture, folder: Path) -> Inspection:
    inspection = inspect([str(capture.write(folder / "made.pcap"))])
    inspection.close()
    return inspection


EVERYWHERE = "GPI118"
"""That names and rows are readable is noted of every load without TLS."""


def codes(inspection: Inspection, least: Severity = Severity.NOTE) -> set[str]:
    return {finding.code for finding in inspection.findings if finding.severity >= least and finding.code != EVERYWHERE}


def verdict(inspection: Inspection) -> tuple[Delivery, tuple[str, ...]]:
    (session,) = inspection.sessions
    return session.delivery, session.delivery_reasons


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("csv", [False, True])
def test_healthy_read_is_proven_with_notes_only(tmp_path: Path, header: bool, csv: bool) -> None:
    capture = Capture()
    csvopt = f"m{int(csv)}x 34q 34n0h{int(header)}"
    read_session(capture, {"/d/a": ROWS, "/d/b": ROWS[::1]}, 3, package_size=512, late=1, header=header, csv=csv, csvopt=csvopt)
    found = look(capture, tmp_path)
    assert verdict(found) == (PROVEN, ())
    assert codes(found) == {"GPI205"}


def test_healthy_write_is_proven_and_its_reopened_target_is_a_note(tmp_path: Path) -> None:
    capture = Capture()
    write_session(capture, [[b"a\n", b"b\n"], [], [b"c\n"]])
    found = look(capture, tmp_path)
    assert verdict(found) == (PROVEN, ())
    assert codes(found) == {"GPI414"} and codes(found, Severity.WARNING) == set()


def served(capture: Capture, number: int = 0, count: int = 1) -> Conversation:
    """A conversation whose GET has been answered with the head."""
    talk = Conversation(capture, ("10.0.0.1", 40000 + number))
    talk.open()
    talk.client(request(segment=number, count=count))
    talk.server(ok_head(1))
    return talk


def killed(capture: Capture) -> None:
    talk = served(capture)
    block = blocks(FILE, ROWS, 1024)[0]
    talk.server(block.head)
    talk.server(block.data[:100])
    talk.close()


def limited(capture: Capture) -> None:
    talk = served(capture)
    talk.server(blocks(FILE, ROWS, 1024)[0].bytes)
    talk.rst("client")


def failed(capture: Capture) -> None:
    talk = served(capture)
    talk.server(error_message("line too long in file /data/rows.txt near (7 bytes)"))
    talk.close()


def warned(capture: Capture) -> None:
    talk = served(capture)
    talk.server(blocks(FILE, ROWS, 1 << 16)[0].bytes + error_message("sed: warning") + END)
    talk.close()


def stopped(capture: Capture) -> None:
    served(capture).server(blocks(FILE, ROWS, 1024)[0].bytes)


def too_late(capture: Capture) -> None:
    talk = Conversation(capture)
    talk.open()
    talk.client(request(count=1))
    talk.server(late_reply(1))
    talk.close()


def missing_file(capture: Capture) -> None:
    talk = Conversation(capture)
    talk.open()
    talk.client(request(count=1))
    talk.server(error_head(404, "file not found"))
    talk.close()


def raw(capture: Capture) -> None:
    talk = Conversation(capture)
    talk.open()
    talk.client(request(count=1, proto=0))
    talk.server(ok_head(0) + ROWS)
    talk.close()


def bare(capture: Capture) -> None:
    talk = served(capture)
    talk.server(message("D", b"1,x\n") + END)
    talk.close()


def captured_in_part(capture: Capture) -> None:
    talk = served(capture)
    first, second = blocks(FILE, ROWS, 4096)
    talk.server(first.head)
    talk.server(first.data[:1000])
    talk.gap("server", first.data[1000:2000])
    talk.server(first.data[2000:] + second.bytes + END)
    talk.close()


def begun_before(capture: Capture) -> None:
    talk = Conversation(capture)
    talk.client(request(count=1))
    talk.server(ok_head(1) + blocks(FILE, ROWS, 1 << 16)[0].bytes + END)
    talk.close()


def lower_case_answer(capture: Capture) -> None:
    talk = Conversation(capture)
    talk.open()
    talk.client(request(count=1))
    talk.server(ok_head(1).replace(b"X-GP-PROTO", b"x-gp-proto") + blocks(FILE, ROWS, 1 << 16)[0].bytes + END)
    talk.close()


def unknown_letter(capture: Capture) -> None:
    talk = served(capture)
    talk.server(b"Q\0\0\0\1x" + END)
    talk.close()


@pytest.mark.parametrize(
    ("story", "delivery", "wanted", "least"),
    [
        (killed, REFUTED, {"GPI210"}, Severity.ERROR),
        (limited, UNPROVABLE, {"GPI204"}, Severity.NOTE),
        (failed, REFUTED, {"GPI201"}, Severity.ERROR),
        (warned, REFUTED, {"GPI202"}, Severity.ERROR),
        (stopped, UNPROVABLE, {"GPI211"}, Severity.NOTE),
        (too_late, UNPROVABLE, {"GPI215"}, Severity.WARNING),
        (missing_file, REFUTED, {"GPI203"}, Severity.ERROR),
        (raw, UNPROVABLE, {"GPI214"}, Severity.NOTE),
        (bare, UNPROVABLE, {"GPI218"}, Severity.NOTE),
        (captured_in_part, UNPROVABLE, {"GPI020", "GPI217"}, Severity.WARNING),
        (begun_before, UNPROVABLE, {"GPI024"}, Severity.NOTE),
        (lower_case_answer, REFUTED, {"GPI114"}, Severity.ERROR),
    ],
)
def test_story_has_its_verdict_and_its_findings(
    tmp_path: Path, story: Callable[[Capture], None], delivery: Delivery, wanted: set[str], least: Severity
) -> None:
    capture = Capture()
    story(capture)
    found = look(capture, tmp_path)
    assert found.sessions[0].delivery is delivery
    assert wanted <= set(found.sessions[0].delivery_reasons) | codes(found)
    assert codes(found, least) == wanted
    grave = codes(found, Severity.WARNING)
    assert not grave if least is Severity.NOTE else grave


def test_unknown_letter_is_never_proven(tmp_path: Path) -> None:
    capture = Capture()
    unknown_letter(capture)
    found = look(capture, tmp_path)
    assert found.sessions[0].delivery is not PROVEN
    assert "GPI103" in codes(found, Severity.ERROR)


def test_refused_connection_is_told_beside_a_load(tmp_path: Path) -> None:
    capture = Capture()
    read_session(capture, {FILE: ROWS}, 2)
    again = Conversation(capture, ("10.0.0.1", 50000))
    again.syn("client")
    again.rst("server")
    found = look(capture, tmp_path)
    assert codes(found, Severity.WARNING) == {"GPI027"}
    assert verdict(found) == (PROVEN, ())


def test_plain_health_check_is_a_note(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(head("GET /gpfdist/status HTTP/1.1", [("Host", "10.0.0.9:8080"), ("Accept", "*/*")]))
    talk.server(head("HTTP/1.0 200 OK", [("X-GPFDIST-VERSION", "6.24.3"), ("Connection", "close")]) + b"read_bytes 5\r\n")
    talk.close()
    found = look(capture, tmp_path)
    assert codes(found) == {"GPI213"} and found.sessions == []


def test_write_with_a_lost_answer_and_a_repeat_is_not_proven(tmp_path: Path) -> None:
    capture = Capture()
    for number, (seq, body, done, answered) in enumerate(
        [(1, b"", False, True), (2, b"a\n", False, False), (2, b"a\n", False, True), (2, b"", True, True)]
    ):
        talk = Conversation(capture, ("10.0.0.1", 40000 + number))
        talk.open()
        talk.client(post(seq, body, done, count=1))
        if answered:
            talk.server(ok_head(0))
        talk.close()
    found = look(capture, tmp_path)
    assert verdict(found) == (UNPROVABLE, ("GPI405",))


# any split of a file -----------------------------------------------------------------------------------------------------

FAULTS = ("none", "lost", "repeated", "killed", "reset", "uncaptured", "failed")


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[list[Block]], str, int]:
    """Blocks of one file dealt to segments, a fault, and the segment it befalls."""
    cuts = sorted(draw(st.sets(st.integers(1, len(ROWS) // 16 - 1), min_size=2, max_size=12)))
    edges = [0, *(cut * 16 for cut in cuts), len(ROWS)]
    all_blocks = [Block(FILE, start, int(start == 0), ROWS[start:end]) for start, end in pairwise(edges) if start < end]
    segments = draw(st.integers(1, 4))
    dealt: list[list[Block]] = [[] for _ in range(segments)]
    fault = draw(st.sampled_from(FAULTS))
    victim = draw(st.integers(0, len(all_blocks) - 2))  # the last one cannot be missed: the length of the file is not on the wire
    owner = 0
    for number, block in enumerate(all_blocks):
        segment = draw(st.integers(0, segments - 1))
        if number == victim:
            owner = segment
            if fault == "lost":
                continue
        dealt[segment].append(block)
        if number == victim and fault == "repeated":
            dealt[draw(st.integers(0, segments - 1))].append(block)
    return dealt, fault, owner


@given(stories())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_split_of_a_file_gets_the_verdict_of_its_fault(tmp_path: Path, story: tuple[list[list[Block]], str, int]) -> None:
    dealt, fault, victim = story
    capture = Capture()
    talks = [served(capture, number, len(dealt)) for number in range(len(dealt))]
    for number, (talk, own) in enumerate(zip(talks, dealt, strict=True)):
        hit = number == victim
        for index, block in enumerate(own):
            if hit and index == 0 and fault == "uncaptured":
                talk.server(block.head)
                talk.gap("server", block.data)
            else:
                talk.server(block.bytes)
        if hit and fault in ("killed", "reset", "failed"):
            if fault == "failed":
                talk.server(error_message("cannot read file"))
            if fault == "reset":
                talk.rst("client")
            else:
                talk.close()
        else:
            talk.server(END)
            talk.close()
    found = look(capture, tmp_path)
    wanted = {
        "none": (PROVEN, ()),
        "lost": (REFUTED, ("GPI207",)),
        "repeated": (REFUTED, ("GPI208",)),
        "killed": (REFUTED, ("GPI210",)),
        "reset": (UNPROVABLE, ("GPI204",)),
        "failed": (REFUTED, ("GPI201",)),
        "uncaptured": (UNPROVABLE, ("GPI020",)),
    }[fault]
    delivery, reasons = verdict(found)
    assert (delivery, set(wanted[1]) <= set(reasons)) == (wanted[0], True), reasons
    if fault == "none":
        assert codes(found) == set()


@pytest.mark.parametrize("side", ["client", "server"])
def test_capture_of_one_direction_says_so_and_proves_nothing(tmp_path: Path, side: str) -> None:
    capture = Capture()
    read_session(capture, {FILE: ROWS}, 2, conversation={"only": side})
    found = look(capture, tmp_path)
    assert "GPI025" in codes(found)
    assert {session.delivery for session in found.sessions} == {UNPROVABLE}
    assert all("GPI025" in session.delivery_reasons for session in found.sessions)


def test_request_number_that_is_none_is_told(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(count=1).replace(b"X-GP-SEGMENT-ID: 0", b"X-GP-SEGMENT-ID: zero"))
    talk.server(ok_head(1) + blocks(FILE, ROWS, 1 << 16)[0].bytes + END)
    talk.close()
    found = look(capture, tmp_path)
    (finding,) = (finding for finding in found.findings if finding.code == "GPI113")
    assert "X-GP-SEGMENT-ID has the odd value 'zero'" in finding.message
    assert finding.session == 1
