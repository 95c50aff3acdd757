"""One crafted exchange for every outcome and every way that a head or a body can be written."""

import random
import struct
from collections.abc import Callable

import pytest
from craft import (
    ACK,
    CONTINUE,
    END,
    RST,
    Capture,
    Conversation,
    error_head,
    error_message,
    head,
    late_reply,
    message,
    ok_head,
    package,
    package_head,
    post,
    request,
)

from engine.feeding import exchanges, feed, one, told
from gpinspect.model import Outcome

ROWS = b"1,some text\n" * 50
Talk = Callable[[Conversation], None]


def captured(how: Talk, *, mss: int = 1448, opened: bool = True, **arguments: object) -> Capture:
    capture = Capture()
    talk = Conversation(capture, mss=mss, **arguments)  # type: ignore[arg-type]
    if opened:
        talk.open()
    how(talk)
    return capture


def answered(*server: bytes, asked: bytes | None = None, close: str | None = "server") -> Talk:
    def how(talk: Conversation) -> None:
        talk.client(request() if asked is None else asked)
        for part in server:
            talk.server(part)
        if close:
            talk.close(close)  # type: ignore[arg-type]

    return how


def reset(talk: Conversation) -> None:
    answered(ok_head(), package_head("/a", 0, 1, 5000), ROWS, close=None)(talk)
    talk.rst("client")


def reset_by_server(talk: Conversation) -> None:
    answered(ok_head(), package_head("/a", 0, 1, 5000), ROWS, close=None)(talk)
    talk.rst("server")


def lost_end(talk: Conversation) -> None:
    answered(ok_head(), package("/a", 0, 1, ROWS), close=None)(talk)
    talk.gap("server", END)
    talk.close()


def lost_answer(talk: Conversation) -> None:
    talk.client(request())
    talk.gap("server", ok_head() + package("/a", 0, 1, ROWS) + END)
    talk.close()


def silent(talk: Conversation) -> None:
    """A body that the server never answers."""
    talk.client(post(2, ROWS))
    talk.fin("server")


DATA = post(2, ROWS)
PLAIN_GET = request(proto=0)
WEB = head("HTTP/1.1 200 OK", [("Content-Length", str(len(ROWS))), ("Connection", "close")])

OUTCOMES: dict[str, tuple[Outcome, Talk]] = {
    "whole read": (Outcome.COMPLETE, answered(ok_head(), package("/a", 0, 1, ROWS), END)),
    "read of nothing": (Outcome.COMPLETE, answered(ok_head(), END)),
    "whole read, then a reset": (
        Outcome.COMPLETE,
        lambda talk: (answered(ok_head(), END, close=None)(talk), talk.rst("client"))[0],
    ),
    "late": (Outcome.LATE, answered(late_reply())),
    "late, protocol 0 asked for": (Outcome.LATE, answered(late_reply(0), asked=PLAIN_GET)),
    "late, no five bytes": (Outcome.LATE, answered(late_reply(0))),
    "protocol 0 to the FIN": (Outcome.CLOSED, answered(ok_head(0), ROWS, asked=PLAIN_GET)),
    "protocol 0, asked for 1": (Outcome.CLOSED, answered(ok_head(0), ROWS)),
    "web server": (Outcome.CLOSED, answered(WEB, ROWS)),
    "web server, client closes first": (Outcome.CLOSED, answered(WEB, ROWS, close="client")),
    "web server breaks off": (Outcome.BROKEN, answered(WEB, ROWS[:100])),
    "protocol 0, client closes": (Outcome.CANCELLED, answered(ok_head(0), ROWS, asked=PLAIN_GET, close="client")),
    "protocol 0, still going": (Outcome.OPEN, answered(ok_head(0), ROWS, asked=PLAIN_GET, close=None)),
    "error message": (Outcome.ERROR, answered(ok_head(), error_message("line too long in file /a near (0 bytes)"))),
    "error message and end": (Outcome.ERROR, answered(ok_head(), package("/a", 0, 1, ROWS), error_message("x"), END)),
    "not found": (Outcome.REFUSED, answered(error_head())),
    "server error": (Outcome.REFUSED, answered(error_head(500, "session error"))),
    "timed out": (Outcome.REFUSED, answered(error_head(408, "time out"), asked=request()[:90])),
    "reset by the client": (Outcome.CANCELLED, reset),
    "closed by the client": (Outcome.CANCELLED, answered(ok_head(), package("/a", 0, 1, ROWS), close="client")),
    "reset by the server": (Outcome.BROKEN, reset_by_server),
    "closed by the server": (Outcome.BROKEN, answered(ok_head(), package("/a", 0, 1, ROWS))),
    "never answered": (Outcome.BROKEN, answered()),
    "capture ends": (Outcome.OPEN, answered(ok_head(), package("/a", 0, 1, ROWS), close=None)),
    "capture ends before the answer": (Outcome.OPEN, answered(close=None)),
    "end not captured": (Outcome.LOST, lost_end),
    "answer not captured": (Outcome.LOST, lost_answer),
    "open": (Outcome.ACCEPTED, answered(ok_head(0), asked=post(1))),
    "data": (Outcome.ACCEPTED, answered(ok_head(0), asked=DATA)),
    "done": (Outcome.ACCEPTED, answered(ok_head(0), asked=post(2, done=True))),
    "done to nobody": (Outcome.ACCEPTED, answered(late_reply(0), asked=post(2, done=True))),
    "data to nobody": (Outcome.DISCARDED, answered(late_reply(0), asked=DATA)),
    "refused data": (Outcome.REFUSED, answered(error_head(400, "invalid request due to wrong sequence number"), asked=DATA)),
    "unanswered data": (Outcome.UNANSWERED, silent),
    "data, capture ends": (Outcome.OPEN, answered(asked=DATA, close=None)),
    "status page": (
        Outcome.PROBE,
        answered(
            head("HTTP/1.0 200 ok", [("X-GPFDIST-VERSION", "6")]),
            b"read_bytes 0\r\n",
            asked=head("GET /gpfdist/status HTTP/1.1", []),
        ),
    ),
    "no X-GP header": (
        Outcome.PROBE,
        answered(error_head(400, "invalid request (no gp-proto)"), asked=head("GET / HTTP/1.1", [("Host", "x")])),
    ),
    "other method": (Outcome.PROBE, answered(error_head(400, "invalid request"), asked=request().replace(b"GET", b"PUT", 1))),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcome(name: str) -> None:
    outcome, how = OUTCOMES[name]
    assert one(captured(how)).outcome == outcome


@pytest.mark.parametrize("name", OUTCOMES)
def test_split_anywhere_nothing_changes(name: str) -> None:
    """Byte by byte, and in pieces of any size: the exchange is the same but for frames and times."""
    _, how = OUTCOMES[name]

    def facts(capture: Capture) -> object:
        (exchange,) = exchanges(capture)
        rows = [(p.position, p.head, p.length, p.file, p.offset, p.line, p.kind, p.flags) for p in exchange.packages]
        still = ("frames", "start_ns", "first_byte_ns", "end_ns")
        return [getattr(exchange, name) for name in exchange.__slots__ if name not in (*still, "packages")], rows

    whole = facts(captured(how))
    assert facts(captured(how, mss=1)) == whole
    for mss in (2, 3, 5, 7, 41, 300):
        assert facts(captured(how, mss=mss)) == whole


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcomes_are_the_same_on_both_ways(name: str) -> None:
    _, how = OUTCOMES[name]
    for mss in (1, 1448):
        capture = captured(how, mss=mss)
        assert told(feed(capture)) == told(feed(capture, slow=True))


def test_a_late_answer_counts_its_five_bytes() -> None:
    exchange = one(captured(answered(late_reply())))
    assert (exchange.message_counts, exchange.ended, exchange.payload_bytes, exchange.response_proto) == (
        (0, 0, 0, 1, 0),
        True,
        0,
        None,
    )
    without = one(captured(answered(late_reply(0))))
    assert (without.message_counts, without.ended) == (None, False)


@pytest.mark.parametrize(
    "asked",
    [
        request().replace(b"\r\n", b"\n"),
        request(drop=["X-GP-USER"]).replace(b"X-GP-XID: ", b"X-GP-XID:\r\n \t "),
        request().replace(b"X-GP-XID: ", b"X-GP-XID \t:   "),
        request().replace(b"X-GP-", b"x-gp-"),
    ],
    ids=["bare LF", "folded", "blanks before the colon", "lower case"],
)
def test_request_heads_in_every_writing(asked: bytes) -> None:
    exchange = one(captured(answered(ok_head(), END, asked=asked)))
    assert (exchange.xid, exchange.cid, exchange.sn) == ("1700000000-0000000042", "3", "0")
    assert (exchange.segment, exchange.segment_count, exchange.proto) == (0, 4, 1)
    assert (exchange.method, exchange.path, exchange.outcome) == ("GET", "/data.txt", "complete")


def test_lower_case_names_are_told() -> None:
    capture = captured(answered(ok_head(), END, asked=request().replace(b"X-GP-PROTO", b"x-gp-proto")))
    assert [(weird.code, weird.values["name"]) for weird in feed(capture).weirds()] == [("GPI111", "x-gp-proto")]


def test_values_are_read_as_the_server_reads_them_and_never_invented() -> None:
    asked = request(
        drop=["X-GP-SEGMENT-ID", "X-GP-SEGMENT-COUNT"], proto="0x1", extra=[("X-GP-SEGMENT-ID", "abc"), ("X-GP-SEQ", "")]
    )
    exchange = one(captured(answered(ok_head(), END, asked=asked)))
    assert (exchange.segment, exchange.segment_count, exchange.proto, exchange.seq) == (None, None, 1, None)


def test_continue_is_no_answer() -> None:
    def how(talk: Conversation) -> None:
        whole = post(2, ROWS, extra=[("Expect", "100-continue")])
        talk.client(whole[: -len(ROWS)])
        talk.server(CONTINUE)
        talk.client(ROWS)
        talk.server(ok_head(0))
        talk.close()

    exchange = one(captured(how))
    assert (exchange.status, exchange.http_version, exchange.reason) == (200, "HTTP/1.0", "ok")
    assert (exchange.outcome, exchange.payload_bytes) == ("accepted", len(ROWS))


def test_a_request_cut_short_says_what_its_whole_lines_say() -> None:
    asked = request(path="/x.txt")
    exchange = one(captured(answered(error_head(408, "time out"), asked=asked[: asked.index(b"X-GP-CID") + 4])))
    assert (exchange.method, exchange.path, exchange.xid, exchange.cid) == ("GET", "/x.txt", "1700000000-0000000042", None)


def test_a_request_line_alone_says_nothing_before_its_end() -> None:
    exchange = one(captured(answered(error_head(408, "time out"), asked=b"GET /x.txt HTT")))
    assert (exchange.method, exchange.path, exchange.outcome) == (None, None, "refused")


def test_what_a_client_sends_behind_its_request_is_no_exchange() -> None:
    def how(talk: Conversation) -> None:
        talk.client(request() + request("/second"))
        talk.server(ok_head() + END)
        talk.client(request("/third"))
        talk.close()

    assert one(captured(how)).path == "/data.txt"


def test_a_server_that_keeps_the_connection_answers_twice() -> None:
    keep = head("HTTP/1.1 200 OK", [("Content-Length", str(len(ROWS)))])

    def how(talk: Conversation) -> None:
        for number in (1, 2):
            talk.client(request(f"/{number}"))
            talk.server(keep + ROWS[:100])
            talk.server(ROWS[100:])
        talk.close()

    first, second = exchanges(captured(how))
    assert (first.path, first.outcome, first.payload_bytes) == ("/1", "closed", len(ROWS))
    assert (second.path, second.outcome, second.payload_bytes) == ("/2", "closed", len(ROWS))
    assert first.end_ns < second.start_ns and first.frames[1] < second.frames[0]


def test_cloudberry_sends_the_end_of_a_post_in_front_of_the_status_line() -> None:
    exchange = one(captured(answered(END + ok_head(1), asked=post(1, proto=1))))
    assert (exchange.status, exchange.response_proto, exchange.outcome) == (200, 1, "accepted")
    assert (exchange.message_counts, exchange.ended) == ((0, 0, 0, 1, 0), True)


def test_greenplum_sends_the_end_of_a_post_behind_the_head() -> None:
    exchange = one(captured(answered(ok_head(1), END, asked=post(1, proto=1))))
    assert (exchange.message_counts, exchange.ended, exchange.outcome) == ((0, 0, 0, 1, 0), True, "accepted")


def test_an_error_message_in_the_answer_to_a_post() -> None:
    exchange = one(captured(answered(ok_head(0), error_message("exit status 1"), asked=post(2, done=True))))
    assert (exchange.errors, exchange.message_counts) == (("exit status 1",), (0, 0, 0, 0, 1))


def test_messages_without_a_captured_request_are_an_exchange() -> None:
    capture = captured(answered(ok_head(), package("/a", 0, 1, ROWS), END), only="server")
    exchange = one(capture)
    assert (exchange.method, exchange.path, exchange.captured_request) == (None, None, False)
    assert (exchange.status, exchange.payload_bytes, exchange.outcome) == (200, len(ROWS), "complete")


def test_one_direction_alone_leaves_the_end_open() -> None:
    """The server's side was not recorded; the client's acknowledgments show that there was one."""
    exchange = one(captured(answered(ok_head(), package("/a", 0, 1, ROWS), END), only="client"))
    assert (exchange.status, exchange.outcome, exchange.payload_bytes) == (None, "lost", 0)


def test_rows_that_look_like_heads_stay_rows() -> None:
    rows = ok_head() + END + package("/b", 0, 1, b"x\n")
    exchange = one(captured(answered(ok_head(), package("/a", 0, 1, rows), END)))
    assert (exchange.message_counts, exchange.payload_bytes) == ((1, 1, 1, 2, 0), len(rows))


def test_an_end_of_wrong_length_is_rows() -> None:
    exchange = one(captured(answered(ok_head(), package("/a", 0, 1, ROWS), message("D", b"", 3))))
    assert (exchange.ended, exchange.outcome) == (False, "broken")


@pytest.mark.parametrize("length", ["-5", "x", "99999999999999999999999"])
def test_a_content_length_that_cannot_be_is_no_body(length: str) -> None:
    asked = post(2, b"", drop=["Content-Length"], extra=[("Content-Length", length)])
    assert one(captured(answered(ok_head(0), asked=asked))).payload_bytes == 0


def test_a_body_of_nine_exabytes_is_counted_as_far_as_it_came() -> None:
    exchange = one(captured(answered(ok_head(0), asked=post(2, ROWS, length=(1 << 63) - 1))))
    assert exchange.payload_bytes == len(ROWS)


def test_a_head_without_end_is_dropped_with_a_word() -> None:
    capture = captured(answered(asked=b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", close=None))
    index = feed(capture)
    assert [weird.code for weird in index.weirds()] == ["GPI110"]
    state = index.connections[0].exchanges[0]
    assert not state.visible


def test_no_bytes_of_any_kind_raise() -> None:
    """Two thousand dialogues of parts in any order, with bytes changed."""
    chance = random.Random(4)
    parts = [
        request(),
        post(2, ROWS),
        ok_head(),
        ok_head(0),
        late_reply(),
        END,
        CONTINUE,
        package("/a", 0, 1, ROWS),
        error_message("x"),
    ]
    parts += [
        struct.pack(">cI", b"D", 1 << 31),
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"\x16\x03\x01\0\5\1\0\0\1\0",
        b"",
        b"\n\n",
        b"HTTP/1.0 9",
    ]
    capture = Capture()
    for number in range(400):
        talk = Conversation(capture, ("10.0.0.1", 1024 + number), mss=chance.choice((1, 50, 1448)))
        if number % 3:
            talk.open()
        for _ in range(chance.randrange(6)):
            data = bytearray(chance.choice(parts))
            for _ in range(chance.randrange(3)):
                if data:
                    data[chance.randrange(len(data))] = chance.randrange(256)
            talk.send(chance.choice(("client", "server")), bytes(data)[: chance.randrange(600)])
        if number % 2:
            talk.segment("client", flags=chance.choice((RST, RST | ACK)))
    sent = sum(len(record.data) for record in capture.records)
    found = exchanges(capture)
    assert sum(exchange.payload_bytes for exchange in found) < sent
    assert told(feed(capture)) == told(feed(capture, slow=True))
