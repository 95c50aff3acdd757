"""`explain`: every subject is answered in plain text, and nothing hostile reaches the terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.grammar import findings, headers, sentences, statuses
from gpinspect.views.explain import explain, subjects, suggestions


def _told(*subject: str) -> str:
    text = explain(subject)
    assert text is not None
    return text


@pytest.mark.parametrize("subject", subjects())
def test_every_subject_is_answered_within_a_hundred_columns(subject: str) -> None:
    text = _told(*subject.split(" "))
    assert text.endswith("\n")
    for line in text.split("\n"):
        assert len(line) <= 100 or " " not in line.strip()


def test_subjects_are_headers_messages_statuses_codes_and_sentences() -> None:
    known = set(subjects())
    assert {field.name for field in headers.HEADERS} <= known
    assert {kind.code for kind in findings.ALL} | {kind.name for kind in findings.ALL} <= known
    assert len([name for name in known if name[:3].isdigit()]) == len(statuses.STATUSES)
    assert {sentence.text for sentence in sentences.SENTENCES} <= known


def test_header_in_any_case_shows_its_exact_spelling_for_both_directions() -> None:
    text = _told("x-gp-proto")
    assert "X-GP-PROTO: 1" in text
    assert "400 invalid request (no gp-proto)" in text
    assert "gpfdist's answer" in text


def test_message_letter_tells_layout_and_what_a_segment_does() -> None:
    text = _told("o")
    assert "0x4f" in text and "offset: uint, 8 bytes" in text and "not of length 8" in text


def test_code_alone_lists_every_text_of_it() -> None:
    text = _told("404")
    for reason in ("file not found", "Multiple reader to a pipe", "No matching file(s) found"):
        assert reason in text
    assert "time out" not in text


def test_status_with_its_text_gives_that_one_only() -> None:
    text = _told("404", "file", "not", "found")
    assert "404 file not found" in text and "Multiple reader" not in text
    assert _told("HTTP/1.0 404 file not found") == text
    assert "earlier request of the same session" in _told("session error").replace("\n", " ")


def test_options_are_read_field_by_field() -> None:
    text = _told("csvopt", "m1x 34q 34n3h1")
    assert 'escape 34, the character "' in text and "CR LF" in text and "header" in text
    assert "refuse" in _told("csvopt", "m1x34q34h1")
    assert "wanted m, x, q, n and h" in _told("csvopt", "m1x34")
    assert _told("m1x 34q 34n3h1") == text


def test_sql_error_leads_to_wire_event_and_findings() -> None:
    text = _told("gpfdist error: unknown meta type 108")
    assert "GPI103 unknown-message" in text
    refused = _told("ERROR:  http response code 404 from gpfdist (gpfdist://h/a): HTTP/1.0 404 file not found  (seg0)")
    assert "No such file" in refused and "Multiple reader" not in refused


def test_finding_by_code_and_name_is_the_same_page() -> None:
    assert _told("gpi209") == _told("session-reopened")
    assert "`-k`" in _told("GPI209")


def test_request_for_tls_shows_bytes_and_answers() -> None:
    text = _told("SSLRequest")
    assert "04 d2 16 2f" in text and "S:" in text and "N:" in text


@pytest.mark.parametrize("subject", [(), ("",), ("nonsense",), ("X-GP-NOTHING",), ("999",), ("404x",)])
def test_unknown_subjects_are_none(subject: tuple[str, ...]) -> None:
    assert explain(subject) is None


def test_suggestions_are_close_and_can_be_explained() -> None:
    assert suggestions(["X-GP-PRTO"])[0] == "X-GP-PROTO"
    assert "session-reopened" in suggestions(["session-reopend"])
    assert any("too long" in name or "too-long" in name for name in suggestions(["too long"]))
    for name in suggestions(["segment"]):
        assert explain([name]) is not None


@given(st.lists(st.text(max_size=20), max_size=4))
def test_no_subject_raises(subject: list[str]) -> None:
    explain(subject)
    assert len(suggestions(subject)) <= 5


@given(st.sampled_from(["csvopt ", "X-GP-CSVOPT: ", "404 ", "gpfdist error - ", "m1x34q34n0h0"]), st.text(max_size=40))
def test_control_characters_of_a_subject_never_come_back(start: str, text: str) -> None:
    answer = explain([start + "\x1b[31m\x9b1m\u202e" + text])
    if answer is not None:
        assert all(character.isprintable() or character == "\n" for character in answer)
