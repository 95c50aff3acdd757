"""From sentences to causes, and from causes to what a capture proves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.grammar import findings as catalogue
from gpinspect.grammar import sentences, statuses
from gpinspect.views.why import causes, seen, segment_named, why_object, why_text
from views import samples


def codes(sentence: str) -> set[str]:
    return {kind.code for cause in causes(sentence) for kind in cause.proof}


@pytest.mark.parametrize("sentence", [entry.text for entry in sentences.SENTENCES])
def test_every_sentence_has_a_cause_and_a_proof_or_a_place_to_look(sentence: str) -> None:
    assert causes(sentence)
    for cause in causes(sentence):
        assert cause.cause and cause.advice and (cause.proof or cause.look)


@pytest.mark.parametrize("status", [status for status in statuses.STATUSES if status.code >= 400], ids=lambda status: status.text)
def test_every_refusal_is_found_by_its_text_and_by_its_line_and_proved_by_a_finding(status: statuses.Status) -> None:
    for sentence in (status.text, f"HTTP/1.0 {status.code} {status.text}"):
        assert any(cause.cause == status.cause for cause in causes(sentence)), sentence
    assert "GPI203" in codes(status.text)


def test_every_sentence_that_a_finding_names_leads_to_that_finding() -> None:
    for kind in catalogue.ALL:
        if kind.sql is not None:
            assert kind.code in codes(kind.sql) or "http response code" in kind.sql, kind.code


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("ERROR:  gpfdist error: unknown meta type 108  (seg3 slice1 10.0.0.1:6003 pid=812)", "GPI103"),
        ("2026-11-20 09:34:32|ERROR|gpfdist error: server closed connection encountered while running INSERT", "GPI210"),
        ('connection with gpfdist failed for "gpfdist://h:8081/a", effective url: "http://h:8081/a": error code = 111', "GPI027"),
        ("http response code 400 from gpfdist (u): HTTP/1.0 400 invalid request due to wrong sequence number", "GPI401"),
        ("http response code 400 from gpfdist (u): HTTP/1.0 400 bad request, csvopt doesn't match the format", "GPI112"),
        ("gpfdist error - line too long in file /d/a.csv near (5 bytes)", "GPI201"),
    ],
)
def test_lines_of_real_logs_lead_to_the_finding(line: str, code: str) -> None:
    assert code in codes(line)


def test_a_log_line_of_gpfdist_is_read_for_its_status_text() -> None:
    told = causes("2026-11-20 09:34:32 27 WARN [1:1:0:5] http error: 404 Multiple reader to a pipe is forbidden. - 10.0.0.1")
    assert [cause.sentence for cause in told] == ["HTTP/1.0 404 Multiple reader to a pipe is forbidden."]


@pytest.mark.parametrize("sentence", ["", "hello there", "ok", "200 ok", "ERROR: syntax error at or near SELECT"])
def test_sentences_that_nobody_says_have_no_cause(sentence: str) -> None:
    assert causes(sentence) == ()


def test_another_refusal_in_the_capture_proves_nothing() -> None:
    refused = samples.finding(code="GPI203", name="refused", message="refused: 500 session error")
    told = causes("http response code 404 from gpfdist (u): HTTP/1.0 404 file not found")
    assert [seen(cause, [refused]) for cause in told] == [(), ()]
    right = samples.finding(code="GPI203", name="refused", message="refused: 404 file not found")
    assert all(seen(cause, [refused, right])[0].findings == (right,) for cause in told)


def test_the_segment_that_the_sentence_names_comes_first() -> None:
    line = "gpfdist error: server closed connection  (seg3 slice1 10.0.0.1:6003 pid=812)"
    assert segment_named(line) == 3 and segment_named("no segment") is None
    other, own = samples.finding(segment=1), samples.finding(segment=3)
    (cause,) = causes(line)
    assert seen(cause, [other, own], 3)[0].findings == (own, other)
    assert why_object(cause, [other, own], 3)["in_capture"] == {"GPI210": [2, 1]}
    assert why_object(cause)["in_capture"] is None


def test_a_capture_without_the_proof_is_told_so() -> None:
    told = causes("gpfdist error: server closed connection")
    assert "none of these findings is in it" in why_text(told, []) and "tcpdump" in why_text(told)
    assert "session 1 seg 1 exch 2, frames 3-9: stream ended" in why_text(told, [samples.finding()])


@given(st.text(max_size=80), st.sampled_from(["", "gpfdist error - ", "http response code 404 from gpfdist (", "HTTP/1.0 404 "]))
def test_no_sentence_raises_or_comes_back_with_control_characters(text: str, start: str) -> None:
    nasty = samples.finding(message=samples.NASTY)
    for told in (why_text(causes(start + text)), why_text(causes("gpfdist server closed connection" + text), [nasty])):
        assert all(character.isprintable() or character == "\n" for character in told)
