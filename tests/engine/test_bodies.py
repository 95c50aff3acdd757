"""Bodies of writes: which bytes gpfdist reads, whether they end a row, and heads that were captured in part."""

import pytest
from craft import END, Capture, Conversation, late_reply, ok_head, package, post, request

from engine.feeding import exchanges, one, sessions
from gpinspect.model import Outcome

ROWS = b"1,some text\n" * 40


def write(sent: bytes, *, cuts: int = 1448) -> Capture:
    capture = Capture()
    talk = Conversation(capture, mss=cuts)
    talk.open()
    talk.client(sent)
    talk.server(ok_head(0))
    talk.close("server")
    return capture


@pytest.mark.parametrize("cuts", [1, 7, 1448])
@pytest.mark.parametrize(
    ("body", "delimiter", "ends"),
    [
        (ROWS, None, True),
        (ROWS[:-1], None, False),
        (b"\n", None, True),
        (b"x", None, False),
        (b"1,a\r\n", "0D0A", True),
        (b"1,a|#", "7C23", True),
        (b"1,a|", "7C23", False),
        (b"1,a\n", "7C23", True),  # an LF always ends a row
    ],
)
def test_whether_a_body_ends_with_the_end_of_a_row(body: bytes, delimiter: str | None, ends: bool, cuts: int) -> None:
    sent = post(2, body)
    if delimiter is not None:
        length = b"X-GP-LINE-DELIM-STR: %s\r\nX-GP-LINE-DELIM-LENGTH: %d\r\n" % (delimiter.encode(), len(delimiter) // 2)
        sent = sent.replace(b"X-GP-LINE-DELIM-LENGTH: -1\r\n", length)
    exchange = one(write(sent, cuts=cuts))
    assert (exchange.outcome, exchange.payload_bytes, exchange.row_end) == (Outcome.ACCEPTED, len(body), ends)
    assert exchange.unread_body is None


def test_empty_body_says_nothing_about_rows() -> None:
    assert one(write(post(1))).row_end is None


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"Content-Length: 480", b"Transfer-Encoding: chunked", "chunked"),
        (b"Content-Length: 480", b"content-length: 480", "spelling"),
        (b"Content-Length: 480\r\n", b"", "no Content-Length"),
        (b"Content-Length: 480", b"Content-Length: 240", "goes on"),
        (b"\r\n", b"\n", "CR LF"),
    ],
)
def test_body_that_gpfdist_does_not_read_says_why(old: bytes, new: bytes, why: str) -> None:
    head, _, body = post(2, ROWS).partition(b"\r\n\r\n")
    assert old in head + b"\r\n" and len(body) == 480
    sent = (head + b"\r\n\r\n").replace(old, new) + body
    unread = one(write(sent)).unread_body
    assert unread is not None and why in unread


def test_hole_over_the_last_byte_leaves_the_row_end_open() -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    sent = post(2, ROWS)
    talk.client(sent[:-30])
    talk.gap("client", 30)
    talk.server(ok_head(0))
    talk.close("server")
    exchange = one(capture)
    assert (exchange.payload_bytes, exchange.missing_bytes, exchange.row_end) == (len(ROWS) - 30, 30, None)


def in_part(answer: bytes, keep: int, rest: bytes) -> Capture:
    """An answer of whose head the first `keep` bytes were captured; a whole session of another connection beside it."""
    capture = Capture()
    for number, whole in ((0, True), (1, False)):
        talk = Conversation(capture, client=("10.0.0.1", 40000 + number))
        talk.open()
        talk.client(request(segment=number, count=2))
        if whole:
            talk.server(ok_head())
            talk.server(package("/data/a.csv", 0, 1, ROWS) + END)
        else:
            talk.server(answer[:keep])
            talk.gap("server", len(answer) - keep)
            talk.server(rest)
        talk.close("server")
    return capture


def test_head_captured_in_part_keeps_its_whole_lines_and_its_session() -> None:
    answer = ok_head()
    keep = answer.index(b"X-GP-PROTO") + 4
    capture = in_part(answer, keep, package("/data/a.csv", len(ROWS), 0, ROWS) + END)
    _, second = exchanges(capture)
    assert (second.status, second.reason, second.http_version) == (200, "ok", "HTTP/1.0")
    assert second.server_version and second.response_proto is None
    assert (second.payload_bytes, second.ended, second.outcome) == (len(ROWS), True, Outcome.COMPLETE)
    (session,) = sessions(capture)
    assert (session.exchanges, session.payload_bytes) == (2, 2 * len(ROWS))


def test_end_package_alone_after_a_lost_head_is_counted() -> None:
    answer = late_reply(0)
    capture = in_part(answer, 0, END)
    _, second = exchanges(capture)
    assert second.message_counts is not None and second.message_counts.D == 1
    assert second.ended and second.status is None
    assert len(sessions(capture)) == 1
