"""Heads line by line: what each header means, and what is wrong with it."""

from gpinspect.views.heads import HeadLine, answer_view, line_details, request_view

HEAD = b"GET /a.csv HTTP/1.1\r\nHost: h:8080\r\nX-GP-XID: 1-2\r\nX-GP-CID: 3\r\nX-GP-SN: 0\r\nX-GP-PROTO: 1\r\n"


def request(more: bytes = b"", *, end: bytes = b"\r\n") -> dict[str, HeadLine]:
    return {line.name: line for line in request_view(HEAD + more + end).lines}


def test_a_head_as_segments_send_it_has_nothing_wrong() -> None:
    assert [line.problem for line in request().values() if line.problem] == []


def test_a_name_in_another_case_says_how_it_is_spelt() -> None:
    line = request(b"x-gp-segment-id: 3\r\n")["x-gp-segment-id"]
    assert line.problem.startswith("spelt x-gp-segment-id, wanted X-GP-SEGMENT-ID") and line.state == "!"


def test_a_number_that_is_none_is_wrong() -> None:
    assert request(b"X-GP-SEGMENT-ID: two\r\n")["X-GP-SEGMENT-ID"].state == "x"


def test_a_request_without_a_protocol_lacks_it() -> None:
    view = request_view(HEAD.replace(b"X-GP-PROTO: 1\r\n", b"") + b"\r\n")
    assert view.lines[-1].name == "(X-GP-PROTO)" and "400 invalid request (no gp-proto)" in view.lines[-1].problem


def test_two_of_xid_cid_and_sn_are_not_enough() -> None:
    view = request_view(HEAD.replace(b"X-GP-SN: 0\r\n", b"") + b"\r\n")
    assert [line.name for line in view.lines if line.state == "x"] == ["(X-GP-SN)"]


def test_of_two_headers_with_one_name_the_last_counts() -> None:
    lines = request_view(HEAD + b"X-GP-USER: a\r\nX-GP-USER: b\r\n\r\n").lines
    first, last = (line for line in lines if line.name == "X-GP-USER")
    assert "the last one counts" in first.problem and not last.problem


def test_csv_options_are_told_in_words() -> None:
    line = request(b"X-GP-CSVOPT: m1x 34q 39n1h1\r\n")["X-GP-CSVOPT"]
    assert dict(line.more)["says"] == "CSV, quote ', escape \", row end LF, a header row"


def test_a_head_that_was_cut_says_so() -> None:
    assert list(request(end=b""))[-1] == "(cut)"


def test_a_header_of_somebody_else_is_explained_as_that() -> None:
    assert "never looks at it" in request(b"X-Forwarded-For: 1.2.3.4\r\n")["X-Forwarded-For"].meaning


def test_a_refusal_tells_its_cause() -> None:
    line = answer_view(b"HTTP/1.0 400 invalid request (no gp-proto)\r\n\r\n").lines[0]
    assert line.state == "x" and "X-GP-PROTO" in line.meaning


def test_text_from_the_wire_is_escaped() -> None:
    line = request(b"X-GP-USER: a\x1b[31m\r\n")["X-GP-USER"]
    assert line.value == r"a\x1b[31m" and all(told.text.isprintable() for told in line_details(line))


def test_a_head_that_was_not_captured_has_no_lines() -> None:
    assert request_view(None).lines == () and answer_view(None).lines == ()
