"""HTTP heads: as real programs send them, odd ones, and cut anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.errors import EncodeError
from gpinspect.grammar import http
from gpinspect.grammar.refusals import refusal, seen_by_server

READ_6 = (
    b"GET /gp-tr.txt HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: */*\r\nX-GP-XID: 152-0000000002\r\nX-GP-CID: 2\r\n"
    b"X-GP-SN: 0\r\nX-GP-SEGMENT-ID: 2\r\nX-GP-SEGMENT-COUNT: 4\r\nX-GP-LINE-DELIM-LENGTH: -1\r\nX-GP-PROTO: 1\r\n"
    b"X-GP-MASTER_HOST: 127.0.0.1\r\nX-GP-MASTER_PORT: 5432\r\nX-GP-CSVOPT: m0x 92q  0n0h0\r\n"
    b"X-GP_SEG_PG_CONF: /data/primary/gpseg2/postgresql.conf\r\nX-GP_SEG_DATADIR: /data/primary/gpseg2\r\n"
    b"X-GP-DATABASE: etl\r\nX-GP-USER: gpadmin\r\nX-GP-SEG-PORT: 6002\r\nX-GP-SESSION-ID: 152\r\nX-GP-TRANSFORM: up\r\n\r\n"
)
DONE_6 = (
    b"POST /out/x.dat HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: */*\r\nX-GP-XID: 50-0000000003\r\nX-GP-CID: 3\r\n"
    b"X-GP-SN: 0\r\nX-GP-SEGMENT-ID: 0\r\nX-GP-SEGMENT-COUNT: 4\r\nX-GP-LINE-DELIM-LENGTH: -1\r\nX-GP-PROTO: 0\r\n"
    b"X-GP-SEQ: 2\r\nContent-Type: text/xml\r\nX-GP-DONE: 1\r\nContent-Length: 0\r\n\r\n"
)
READ = http.SegmentRequest(
    target="/gp-tr.txt",
    host="127.0.0.1:8080",
    xid="152-0000000002",
    cid="2",
    sn="0",
    gp_segment=2,
    segment_count=4,
    master_host="127.0.0.1",
    master_port="5432",
    csvopt="m0x 92q  0n0h0",
    seg_pg_conf="/data/primary/gpseg2/postgresql.conf",
    seg_datadir="/data/primary/gpseg2",
    database="etl",
    user="gpadmin",
    seg_port="6002",
    gp_session_id="152",
    transform="up",
)
DONE = http.SegmentRequest(
    method="POST",
    target="/out/x.dat",
    host="127.0.0.1:8080",
    xid="50-0000000003",
    cid="3",
    sn="0",
    segment_count=4,
    proto=0,
    seq=2,
    done=True,
)


def test_request_of_a_real_segment_is_read_with_its_spelling() -> None:
    head = http.parse_request_head(READ_6)
    assert (head.method, head.target, head.version) == ("GET", "/gp-tr.txt", "HTTP/1.1")
    assert head.get("x-gp-csvopt") == "m0x 92q  0n0h0"
    assert head.line("x-gp_seg_datadir") == "X-GP_SEG_DATADIR: /data/primary/gpseg2"
    assert len(head.headers) == 19
    assert head.complete and head.complete_line
    assert head.misspelt == () and head.duplicates == ()


def test_requests_are_built_byte_for_byte_as_6_sends_them() -> None:
    assert http.build_request(READ, "6") == READ_6
    assert http.build_request(DONE, "6") == DONE_6


def _names(raw: bytes) -> list[str]:
    return [name for name, _ in http.parse_request_head(raw).headers]


def test_7_sends_the_master_before_the_protocol_and_the_coordinator_behind() -> None:
    names = _names(http.build_request(http.SegmentRequest(**{**_dict(READ), "zstd": 1, "seg_logdir": "log"}), "7"))
    assert names[7:15] == [
        "X-GP-LINE-DELIM-LENGTH",
        "X-GP-ZSTD",
        "X-GP-MASTER_HOST",
        "X-GP-MASTER_PORT",
        "X-GP-PROTO",
        "X-GP-COORDINATOR_HOST",
        "X-GP-COORDINATOR_PORT",
        "X-GP-CSVOPT",
    ]
    assert names[15:18] == ["X-GP_SEG_PG_CONF", "X-GP_SEG_DATADIR", "X-GP_SEG_LOGDIR"]


def test_row_end_travels_as_hex_and_expect_comes_last() -> None:
    request = http.SegmentRequest(**{**_dict(DONE), "line_delimiter": b"\r\n", "done": False, "expect": True})
    head = http.parse_request_head(http.build_request(request))
    assert head.get("X-GP-LINE-DELIM-STR") == "0D0A"
    assert head.get("X-GP-LINE-DELIM-LENGTH") == "2"
    assert head.headers[-2:] == (("Content-Length", "0"), ("Expect", "100-continue"))


def _dict(request: http.SegmentRequest) -> dict[str, object]:
    return {name: getattr(request, name) for name in http.SegmentRequest.__dataclass_fields__}


ANSWERS = {
    "ok": b"HTTP/1.0 200 ok\r\nContent-type: text/plain\r\nExpires: 0\r\nX-GPFDIST-VERSION: V\r\nX-GP-PROTO: 1\r\n"
    b"Cache-Control: no-cache\r\nConnection: close\r\nX-GP-ZSTD: 1\r\n\r\n",
    "empty": b"HTTP/1.0 200 ok\r\nContent-type: text/plain\r\nContent-length: 0\r\nExpires: 0\r\nX-GPFDIST-VERSION: V\r\n"
    b"Cache-Control: no-cache\r\nConnection: close\r\n\r\n",
    "error": b"HTTP/1.0 404 file not found\r\nContent-length: 0\r\nExpires: 0\r\nX-GPFDIST-VERSION: V\r\n"
    b"Cache-Control: no-cache\r\nConnection: close\r\n\r\n",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n",
    "status": b"HTTP/1.0 200 ok\r\nContent-type: text/plain\r\nExpires: 0\r\nX-GPFDIST-VERSION: V\r\n"
    b"Cache-Control: no-cache\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_answers_are_built_byte_for_byte(kind: str) -> None:
    values = {"ok": {"proto": 1, "zstd": 1}, "error": {"status": 404, "reason": "file not found"}}.get(kind, {})
    assert http.build_response(kind, server_version="V", **values) == ANSWERS[kind]


def test_answer_reason_is_the_rest_of_the_line_exactly() -> None:
    head = http.parse_response_head(b"HTTP/1.0 404 file open failure /data/x y: Permission denied \r\n\r\n")
    assert (head.version, head.status) == ("HTTP/1.0", 404)
    assert head.reason == "file open failure /data/x y: Permission denied "


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/1.0 200 ok", 200, "ok"),
        (b"HTTP/1.1 200", 200, ""),
        (b"HTTP/1.0 two ok", None, "two ok"),
        (b"HTTP/1.0 2000 ok", None, "2000 ok"),
        (b"HTTP/1.0 \xb2\xb2\xb2 ok", None, "\xb2\xb2\xb2 ok"),
        (b"ICY 200 ok", None, None),
        (b"", None, None),
    ],
)
def test_odd_status_lines_have_no_invented_status(line: bytes, status: int | None, reason: str | None) -> None:
    head = http.parse_response_head(line + b"\r\n\r\n")
    assert (head.status, head.reason) == (status, reason)


@pytest.mark.parametrize("cut", range(len(READ_6) + 1))
def test_a_head_cut_anywhere_counts_only_its_whole_lines(cut: int) -> None:
    head = http.parse_request_head(READ_6[:cut])
    whole = READ_6[:cut].count(b"\n")
    assert head.complete_line == (whole > 0)
    assert head.method == ("GET" if whole else None)
    assert len(head.headers) == max(0, min(whole - 1, 19))
    assert head.complete == (cut == len(READ_6))


def test_bare_lf_folds_and_blanks_before_the_colon_are_taken() -> None:
    head = http.parse_request_head(b"GET /a HTTP/1.0\nX-GP-XID : 1\n  2\n\t3\nX-GP-PROTO:1\n\nbody: 1\n")
    assert head.headers == (("X-GP-XID", "1 2 3"), ("X-GP-PROTO", "1"))
    assert head.line("X-GP-XID") == "X-GP-XID : 1\n  2\n\t3"
    assert head.complete


def test_of_duplicate_headers_the_last_wins_and_the_fact_is_kept() -> None:
    head = http.parse_request_head(b"GET /a HTTP/1.1\r\nX-GP-PROTO: 1\r\nx-gp-proto: 0\r\n\r\n")
    assert head.get("X-GP-PROTO") == "0"
    assert head.duplicates == ("x-gp-proto",)
    assert head.spelling("X-GP-PROTO") == "x-gp-proto"


def test_misspelt_names_are_those_that_somebody_compares_exactly() -> None:
    head = http.parse_request_head(
        b"POST /a HTTP/1.1\r\nhost: a\r\nx-gp-xid: 1\r\nX-GP-SEG_PG_CONF: x\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n"
    )
    assert head.misspelt == ("x-gp-xid", "content-length", "expect")
    answer = http.parse_response_head(b"HTTP/1.0 200 ok\r\nContent-Length: 0\r\nx-gp-proto: 1\r\n\r\n")
    assert answer.misspelt == ("x-gp-proto",)


def test_bytes_beyond_ascii_survive_and_blanks_of_unicode_are_no_blanks() -> None:
    head = http.parse_request_head(b"GET /\xfc HTTP/1.1\r\nX-GP-USER: \xa0\xe4\x85\r\n\r\n")
    assert head.target == "/\xfc"
    assert head.get("X-GP-USER") == "\xa0\xe4\x85"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"GET /a b.txt HTTP/1.1", ("GET", "/a b.txt", "HTTP/1.1")),
        (b"GET  /a  HTTP/1.1", ("GET", "/a", "HTTP/1.1")),
        (b"GET\t/a\tHTTP/1.1", ("GET", "/a", "HTTP/1.1")),
        (b"GET /a", ("GET", "/a", None)),
        (b"GET HTTP/1.1", ("GET", None, "HTTP/1.1")),
        (b"GET", ("GET", None, None)),
        (b"", (None, None, None)),
    ],
)
def test_request_lines_that_are_not_three_words(line: bytes, expected: tuple[str | None, ...]) -> None:
    head = http.parse_request_head(line + b"\r\n\r\n")
    assert (head.method, head.target, head.version) == expected


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("GET /a HTTP/1.1", ("GET", "/a", "HTTP/1.1")),
        (r"GET /a\b HTTP/1.1", ("GET", "/ab", "HTTP/1.1")),
        (r"GET /a\ b HTTP/1.1", ("GET", "/a b", "HTTP/1.1")),
        ('GET "/a b" HTTP/1.1', ("GET", "/a b", "HTTP/1.1")),
        ("GET '/a b' HTTP/1.1", ("GET", "/a b", "HTTP/1.1")),
        ("GET /a b HTTP/1.1", ("GET", "/a", "b", "HTTP/1.1")),
        ('GET "/a HTTP/1.1', ("GET", "/a HTTP/1.1")),
        ("GET /a\\", ("GET", "/a\\")),
        ("  ", ()),
    ],
)
def test_the_server_cuts_its_request_line_like_a_shell(line: str, tokens: tuple[str, ...]) -> None:
    assert http.server_tokens(line) == tokens


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\n\r\n"])
def test_the_end_of_a_head_is_found_however_it_arrives(end: bytes) -> None:
    stream = b"GET / HTTP/1.1\r\nA: 1" + end
    tail = b"body\n\n\r\n\r\n"
    assert http.head_end(stream + tail) == len(stream)
    buffer, searched, found = bytearray(), 0, -1
    for byte in stream + tail:
        buffer.append(byte)
        found = http.head_end(buffer, searched)
        if found >= 0:
            break
        searched = len(buffer)
    assert found == len(stream) == len(buffer)


def test_the_first_empty_line_ends_the_head_whatever_its_form() -> None:
    assert http.head_end(b"A\n\n\r\nB") == 3
    assert http.head_end(b"A\n\r\n\n") == 4
    assert http.head_end(b"A\r\n\r\r\n") == -1


@given(st.lists(st.sampled_from([b"\r", b"\n", b"A"]), max_size=30).map(b"".join), st.data())
def test_searching_in_steps_finds_what_searching_at_once_finds(stream: bytes, data: st.DataObject) -> None:
    whole = http.head_end(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    searched, found = 0, -1
    for cut in [*cuts, len(stream)]:
        found = http.head_end(stream[:cut], searched)
        if found >= 0:
            break
        searched = cut
    assert found == whole


hostile = st.lists(
    st.sampled_from([b"\r\n", b"\n", b" ", b"\t", b":", b"\0", b"X-GP-PROTO: 1", b"GET / HTTP/1.1", b"\\", b'"', b"%2e", b"\xff"])
    | st.binary(max_size=8),
    max_size=40,
).map(b"".join)


@given(hostile)
def test_hostile_heads_never_raise(raw: bytes) -> None:
    request, answer = http.parse_request_head(raw), http.parse_response_head(raw)
    for head in (request, answer):
        assert head.raw == raw
        for name, value in head.headers:
            assert head.get(name) is not None and name.strip(" \t\r") == name
            assert head.line(name) is not None
            assert "\n" not in value
        assert isinstance(head.misspelt, tuple) and isinstance(head.duplicates, tuple)
    for release in ("4.3", "5", "6", "7"):
        refusal(request, release)
    assert request.complete_line == (b"\n" in raw)


@pytest.mark.parametrize("value", ["a\r\nX: 1", "a\nb", "a\0", "\u20ac"])
def test_values_that_would_break_a_head_are_not_built(value: str) -> None:
    with pytest.raises(EncodeError):
        http.build_request(http.SegmentRequest(target="/a", user=value))


def test_headers_that_no_segment_could_send_are_not_built() -> None:
    fits = 1024 - 5 - len("X-GP-USER")
    assert http.build_request(http.SegmentRequest(user="u" * fits))
    with pytest.raises(EncodeError, match="X-GP-USER"):
        http.build_request(http.SegmentRequest(user="u" * (fits + 1)))
    with pytest.raises(EncodeError, match="release"):
        http.build_request(READ, "8")
    with pytest.raises(EncodeError, match="protocol"):
        http.build_response("ok")
    with pytest.raises(EncodeError, match="known are"):
        http.build_response("maybe")


def _refused(changes: dict[bytes, bytes], release: str = "6") -> list[tuple[int, str]]:
    raw = READ_6
    for old, new in changes.items():
        assert old in raw
        raw = raw.replace(old, new)
    return [(found.status, found.reason) for found in refusal(http.parse_request_head(raw), release)]


REFUSED = {
    "no protocol": ({b"X-GP-PROTO: 1\r\n": b""}, 400, "invalid request (no gp-proto)"),
    "lower case in 6": ({b"X-GP-PROTO": b"x-gp-proto"}, 400, "invalid request (no gp-proto)"),
    "protocol 2": ({b"PROTO: 1": b"PROTO: 2"}, 400, "invalid request (invalid gp-proto)"),
    "no transaction": ({b"X-GP-XID: 152-0000000002\r\n": b""}, 400, "invalid request (missing X-GP-* header)"),
    "relative path": ({b"/gp-tr.txt": b"/../etc/passwd"}, 400, "invalid request due to relative path"),
    "hidden relative path": ({b"/gp-tr.txt": b"/%2e%2E/x"}, 400, "invalid request due to relative path"),
    "backslash": (
        {b"/gp-tr.txt": b"/a%5Cb"},
        400,
        "invalid request, escape character backslash '\\' is not allowed.",
    ),
    "empty path": ({b"/gp-tr.txt": b"/"}, 400, "invalid request (unable to set path)"),
    "blank in path": ({b"/gp-tr.txt": b"/a b"}, 400, "invalid request"),
    "put": ({b"GET": b"PUT"}, 400, "invalid request"),
    "lower-case method": ({b"GET": b"get"}, 400, "invalid request"),
    "http 2": ({b"HTTP/1.1": b"HTTP/2.0"}, 400, "invalid request"),
    "old options": ({b"m0x 92q  0n0h0": b"m0x92q0h0"}, 400, "bad request, csvopt doesn't match the format"),
    "odd row end": (
        {b"X-GP-LINE-DELIM-LENGTH: -1": b"X-GP-LINE-DELIM-STR: 0D0\r\nX-GP-LINE-DELIM-LENGTH: 1"},
        400,
        "invalid EOL encoding",
    ),
    "row end of another length": (
        {b"X-GP-LINE-DELIM-LENGTH: -1": b"X-GP-LINE-DELIM-STR: 0D0A\r\nX-GP-LINE-DELIM-LENGTH: 1"},
        400,
        "invalid EOL length",
    ),
    "sequence 0": ({b"X-GP-PROTO: 1": b"X-GP-PROTO: 1\r\nX-GP-SEQ: 0"}, 400, "invalid sequence number"),
    "too large": ({b"gpadmin": b"g" * 4096}, 400, "forbidden"),
    "too large and cut": ({b"gpadmin": b"g" * 4096, b"up\r\n\r\n": b"up"}, 400, "forbidden"),
    "too large behind a nul": ({b"gpadmin": b"\0" + b"g" * 4096}, 400, "forbidden"),
    "cut": ({b"up\r\n\r\n": b"up\r\n"}, 408, "time out"),
    "nul": ({b"gpadmin": b"gp\0admin"}, 408, "time out"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_rules_of_the_server_are_found(name: str) -> None:
    changes, status, reason = REFUSED[name]
    assert _refused(changes)[0] == (status, reason)


def test_a_request_of_a_real_segment_breaks_no_rule() -> None:
    assert _refused({}) == []
    assert _refused({b"PROTO: 1": b"PROTO: 0x1"}) == []
    assert _refused({b"PROTO: 1": b"PROTO: abc"}) == []


def test_releases_differ_in_case_protocol_backslash_and_options() -> None:
    assert _refused({b"X-GP-": b"x-gp-"}, "7") == []
    assert _refused({b"X-GP-PROTO: 1\r\n": b""}, "4.3") == []
    assert _refused({b"/gp-tr.txt": b"/a%5Cb"}, "4.3") == []
    assert _refused({b"m0x 92q  0n0h0": b"m0x92q0h0"}, "4.3") == []


def test_the_status_page_is_served_whatever_the_headers() -> None:
    assert refusal(http.parse_request_head(b"GET /gpfdist/status HTTP/1.1\r\nHost: a\r\n\r\n")) == []
    assert refusal(http.parse_request_head(b"GET gpfdist/status HTTP/1.1\r\nHost: a\r\n\r\n"))


def test_the_server_keeps_fifty_headers() -> None:
    raw = b"GET /a HTTP/1.1\r\n" + b"".join(b"A%d: 1\r\n" % n for n in range(50)) + b"X-GP-PROTO: 1\r\n\r\n"
    head = http.parse_request_head(raw)
    assert head.get("X-GP-PROTO") == "1"
    assert "X-GP-PROTO" not in seen_by_server(head)
    assert refusal(head)[0].reason == "invalid request (no gp-proto)"
