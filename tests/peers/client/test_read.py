"""What a reading segment makes of the server's bytes, fed whole, byte by byte and at random cuts."""

from itertools import pairwise

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.grammar import sentences
from gpinspect.grammar.httpbuild import build_response
from gpinspect.grammar.messages import build_end, build_error
from gpinspect.peers.client.events import Answered, Ended, Event, Failed, Rows
from gpinspect.peers.client.place import parse_place
from gpinspect.peers.client.reading import SegmentRead

from .little import LATE, OK, RAW, message, package

PLACE = parse_place("gpfdist://127.0.0.1:8080/a.txt")


def read(data: bytes, cuts: list[int] | None = None, *, errno: int = 0) -> list[Event]:
    """Feed at these cuts, then close."""
    reading = SegmentRead(PLACE, "127.0.0.1")
    found: list[Event] = []
    edges = [0, *(sorted(cut for cut in cuts or [] if cut < len(data))), len(data)]
    for start, end in pairwise(edges):
        found += reading.feed(data[start:end])
    found += reading.closed(errno)
    return [event for event in found if not isinstance(event, Answered)]


def joined(events: list[Event]) -> tuple[bytes, list[Event]]:
    return b"".join(one.data for one in events if isinstance(one, Rows)), [one for one in events if not isinstance(one, Rows)]


WHOLE = OK + package(b"1,x\n2,y\n", 47, b"/data/a.csv", 1) + package(b"3,z\n", 55, b"/data/a.csv") + build_end()


def test_rows_come_with_file_and_offset_until_the_empty_d() -> None:
    assert read(WHOLE) == [
        Rows(b"1,x\n2,y\n", b"/data/a.csv", 47, True, True),
        Rows(b"3,z\n", b"/data/a.csv", 55, True, True),
        Ended(),
    ]


@pytest.mark.parametrize("tail", [b"", b"behind the end"])
def test_bytes_one_by_one_tell_the_same(tail: bytes) -> None:
    assert read(WHOLE + tail, list(range(1, len(WHOLE)))) == read(WHOLE)


@given(st.lists(st.integers(1, len(WHOLE)), max_size=12, unique=True))
def test_random_cuts_tell_the_same(cuts: list[int]) -> None:
    assert read(WHOLE, cuts) == read(WHOLE)


def test_only_d_messages_are_needed_and_any_order_is_taken() -> None:
    line_first = message(b"L", bytes(8)) + message(b"O", bytes(7) + b"\5") + message(b"D", b"a\n") + message(b"D", b"b\n")
    assert read(OK + line_first + build_end())[:2] == [Rows(b"a\n", None, 5, True, True), Rows(b"b\n", None, None, True, True)]


def test_a_long_d_comes_in_pieces_that_know_their_place() -> None:
    rows = bytes(5 << 20)
    pieces = [one for one in read(OK + package(rows, 10), [200, 2 << 20, 4 << 20, (4 << 20) + 4000]) if isinstance(one, Rows)]
    assert len(pieces) > 1 and b"".join(one.data for one in pieces) == rows
    at = 10
    for number, one in enumerate(pieces):
        assert (one.offset, one.first, one.last) == (at, number == 0, number == len(pieces) - 1)
        at += len(one.data)


FAILURES = {
    "no answer": (b"", "error code = 0 (Success); (Empty reply from server)"),
    "no http": (b"SSH-2.0-x\r\n", "(the answer is not HTTP)"),
    "between messages": (OK + package(b"a\n"), "gpfdist error: server closed connection"),
    "in rows": (OK + package(b"abc\n")[:-2], "gpfdist server closed connection"),
    "in a head": (OK + b"F\0\0", "gpfdist error: incomplete packet - packet len 3"),
    "negative": (OK + b"D\x80\0\0\0", "gpfdist error: bad packet type 68 len -2147483648"),
    "letter": (OK + b"line too long", "gpfdist error: unknown meta type 108"),
    "long name": (OK + message(b"F", bytes(257)), "gpfdist error: filename too long (257)"),
    "short offset": (OK + message(b"O", bytes(4)), "gpfdist error: offset not of length 8 (4)"),
    "long line": (OK + message(b"L", bytes(9)), "gpfdist error: line number not of length 8 (9)"),
    "told": (
        OK + build_error(b"line too long in file /a near (0 bytes)"),
        "gpfdist error - line too long in file /a near (0 bytes)",
    ),
    "told nothing": (OK + build_error(b""), "gpfdist error: please check gpfdist log messages."),
    "refused": (
        build_response("error", status=404, reason="file not found"),
        "http response code 404 from gpfdist (gpfdist://127.0.0.1:8080/a.txt): HTTP/1.0 404 file not found",
    ),
    "timed out": (
        build_response("error", status=408, reason="time out"),
        'could not open "gpfdist://127.0.0.1:8080/a.txt" for reading',
    ),
}


@pytest.mark.parametrize("what", FAILURES)
def test_a_failure_has_the_sentence_of_a_segment_and_why_knows_it(what: str) -> None:
    data, sentence = FAILURES[what]
    for cuts in ([], list(range(1, len(data)))):
        *_, last = read(data, cuts)
        assert isinstance(last, Failed) and last.sentence.endswith(sentence)
    if what not in ("no answer", "no http"):
        assert sentences.lookup(last.sentence) is not None


def test_a_reset_in_place_of_an_answer_names_its_number() -> None:
    (failed,) = read(b"", errno=104)
    assert isinstance(failed, Failed)
    assert "error code = 104 (Connection reset by peer)" in failed.sentence and sentences.lookup(failed.sentence) is not None


def test_a_late_answer_is_an_end_without_rows_whatever_follows() -> None:
    assert read(LATE + build_end()) == [Ended(late=True)]


def test_protocol_0_ends_with_the_close_and_proves_nothing() -> None:
    assert joined(read(RAW + b"a\nb\n", [len(RAW) + 1])) == (b"a\nb\n", [Ended(proven=False)])


def test_a_header_in_other_letters_makes_it_protocol_0_as_with_the_real_client() -> None:
    data = WHOLE.replace(b"X-GP-PROTO", b"x-gp-proto")
    assert joined(read(data)) == (data[data.index(b"\r\n\r\n") + 4 :], [Ended(proven=False)])


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;x=y\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_chunks_are_taken_apart_as_libcurl_does_it(size: int) -> None:
    head, _, body = WHOLE.partition(b"\r\n\r\n")
    data = head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body, size)
    for cuts in ([], list(range(1, len(data)))):
        assert read(data, cuts) == read(WHOLE)


@pytest.mark.parametrize(
    ("body", "ended"), [(b"2\r\na\n\r\n0\r\n\r\n", True), (b"2\r\na\n\r\n", False), (b"2\r\na\n\r\nzz\r\n", False)]
)
def test_a_body_of_protocol_0_in_chunks_ends_with_the_last_one(body: bytes, ended: bool) -> None:
    events = read(RAW.replace(b"Connection", b"Transfer-Encoding: chunked\r\nConnection") + body)
    assert joined(events)[0] == b"a\n" and isinstance(events[-1], Ended if ended else Failed)


def test_content_length_ends_a_body_of_protocol_0() -> None:
    head = RAW.replace(b"Connection", b"Content-Length: 4\r\nConnection")
    assert joined(read(head + b"a\nb\nc\n"))[0] == b"a\nb\n"


ZSTD = build_response("ok", proto=1, zstd=1)


def compressed(rows: bytes, offset: int = 0) -> bytes:
    """F O L D with the length of the rows, then the frame."""
    plain = package(rows, offset)
    return plain[: len(plain) - len(rows)] + zstandard.ZstdCompressor().compress(rows)


def test_zstd_frames_end_where_they_end() -> None:
    rows = b"abc,def\n" * 4000
    data = ZSTD + compressed(rows) + compressed(b"x\n", len(rows)) + build_end()
    for cuts in ([], list(range(1, len(data)))):
        assert joined(read(data, cuts)) == (rows + b"x\n", [Ended()])


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (compressed(b"abc\n" * 90)[:-3], "connection to gpfdist error: stream ends unexpectedly"),
        (package(b"no frame at all"), "ZSTD_decompressStream failed, error is "),
        (compressed(b"abc\n" * 9).replace(b"D\0\0\0\x24", b"D\0\0\0\x20"), "ZSTD_decompressStream failed, error is "),
    ],
)
def test_a_bad_frame_has_the_sentence_of_a_segment(body: bytes, sentence: str) -> None:
    *_, last = read(ZSTD + body)
    assert isinstance(last, Failed) and last.sentence.startswith(sentence)
    assert sentences.lookup(last.sentence) is not None


@given(st.binary(max_size=400), st.lists(st.integers(1, 600), max_size=6))
def test_any_bytes_end_in_a_word_and_never_in_an_exception(noise: bytes, cuts: list[int]) -> None:
    chunks = RAW.replace(b"Connection", b"Transfer-Encoding: chunked\r\nConnection")
    for start in (b"", OK, ZSTD, RAW, chunks, build_response("ok", proto=0, zstd=1)):
        events = read(start + noise, cuts)
        assert isinstance(events[-1], Ended | Failed)
