"""What the scapy layer builds it dissects, and what it dissects it builds to the same bytes."""

import socket
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.packet import Packet, Raw
from scapy.supersocket import StreamSocket

from gpinspect.export.scapy import gpfdist as layer
from gpinspect.grammar import messages
from gpinspect.grammar.headers import HEADERS
from gpinspect.grammar.http import parse_request_head
from gpinspect.grammar.httpbuild import RELEASES, SegmentRequest, build_request, build_response

LAYERS = [
    one for one in vars(layer).values() if isinstance(one, type) and issubclass(one, Packet) and one.__name__[:7] == "Gpfdist"
]
NUMBERS = {"decimal", "number", "flag"}
WORDS = st.text(st.characters(codec="latin-1", exclude_categories=("Cc",)), min_size=1).map(str.strip).filter(bool)
TEXTS = WORDS.map(lambda text: text.encode("latin-1"))
COUNTS = st.integers(-(10**17), 10**17)


def fresh(packet: Packet) -> bytes:
    """Bytes built from fields alone."""
    copy = packet.copy()
    copy.clear_cache()
    return bytes(copy)


def fields(direction: str) -> list[tuple[str, str]]:
    wanted = [one for one in HEADERS if (one.direction == "answer") == (direction == "answer")]
    return [(one.name, one.type) for one in wanted]


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (lambda: layer.GpfdistF(file="/data/a.csv"), "46 0000000b 2f646174612f612e637376"),
        (lambda: layer.GpfdistO(offset=258), "4f 00000008 0000000000000102"),
        (lambda: layer.GpfdistL(line=1), "4c 00000008 0000000000000001"),
        (lambda: layer.GpfdistD(rows=b"1,x\n2,y\n"), "44 00000008 312c780a322c790a"),
        (lambda: layer.GpfdistD(), "44 00000000"),
        (lambda: layer.GpfdistE(text=b"no"), "45 00000002 6e6f"),
    ],
)
def test_a_message_has_the_bytes_that_the_protocol_says(message: Any, wire: str) -> None:
    built = bytes(message())
    assert built == bytes.fromhex(wire)
    again = layer.GpfdistMessage(built)
    assert type(again) is type(message())
    assert fresh(again) == built


@given(st.sampled_from("FDE"), st.binary(max_size=300))
def test_a_message_of_bytes_goes_round(letter: str, content: bytes) -> None:
    wire = messages.build_message(letter, content)
    found = layer.GpfdistMessage(wire)
    name = {"F": "file", "D": "rows", "E": "text"}[letter]
    assert (found.type, found.length, found.getfieldval(name)) == (ord(letter), len(content), content)
    assert fresh(found) == bytes(getattr(layer, f"Gpfdist{letter}")(**{name: content})) == wire


@given(st.sampled_from("OL"), st.integers(0, 2**64 - 1))
def test_a_number_goes_round(letter: str, number: int) -> None:
    wire = messages.build_message(letter, number)
    found = layer.GpfdistMessage(wire)
    name = {"O": "offset", "L": "line"}[letter]
    assert (found.length, found.getfieldval(name)) == (8, number)
    assert fresh(found) == bytes(getattr(layer, f"Gpfdist{letter}")(**{name: number})) == wire


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_that_build_to_them(data: bytes) -> None:
    for kind in (layer.GpfdistMessages, layer.GpfdistZstdMessages):
        found = kind(data)
        assert bytes(found) == data
        assert fresh(found) == data


@given(st.lists(st.tuples(st.sampled_from(b"FOLDEx"), st.integers(0, 30), st.binary(max_size=30)), max_size=8))
def test_messages_whose_length_lies_build_to_what_they_were(parts: list[tuple[int, int, bytes]]) -> None:
    data = b"".join(struct.pack(">BI", letter, length) + content for letter, length, content in parts)
    assert fresh(layer.GpfdistMessages(data)) == data


def test_a_body_shows_its_messages() -> None:
    built = layer.gpfdist_package("/data/a.csv", 20, 2, b"1,x\n") / layer.gpfdist_end()
    found = layer.GpfdistMessages(bytes(built))
    assert [(chr(one.type), one.length) for one in found.messages] == [("F", 11), ("O", 8), ("L", 8), ("D", 4), ("D", 0)]
    assert [one.offset for one in found.of("O")] == [20]
    assert found.summary() == "gpfdist FOLDD, 4 B of rows"


@given(st.dictionaries(st.sampled_from([name for name, _ in fields("read")]), st.none(), max_size=12), st.data(), TEXTS)
def test_every_request_header_is_a_field_and_goes_round(names: dict[str, None], data: st.DataObject, path: bytes) -> None:
    kinds = dict(fields("read"))
    given = {name.replace("-", "_"): data.draw(COUNTS if kinds[name] in NUMBERS else TEXTS) for name in names}
    built = bytes(layer.GpfdistRequest(path=path.replace(b" ", b"%20"), **given))
    found = layer.GpfdistRequest(built)
    assert {name: found.getfieldval(name) for name in given} == given
    assert found.unknown_headers == [] and fresh(found) == built
    head = parse_request_head(built)
    assert {name: head.get(name) for name in names} == {
        name: text.decode("latin-1") if isinstance(text := given[name.replace("-", "_")], bytes) else str(text) for name in names
    }


@pytest.mark.parametrize(("name", "kind"), fields("answer"))
def test_every_answer_header_is_a_field_and_goes_round(name: str, kind: str) -> None:
    value = 7 if kind in NUMBERS else b"some text"
    built = bytes(layer.GpfdistResponse(**{name.replace("-", "_"): value}))
    assert built == b"HTTP/1.0 200 ok\r\n%s: %s\r\n\r\n" % (name.encode(), str(7).encode() if value == 7 else b"some text")
    found = layer.GpfdistResponse(built)
    assert found.getfieldval(name.replace("-", "_")) == value
    assert fresh(found) == built


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_segments_send_is_all_fields(release: str, method: str) -> None:
    request = SegmentRequest(
        method=method, target="/a.csv", host="10.0.0.1:8080", xid="7-0000000002", cid="1a", sn="0", gp_segment=3, zstd=1, seq=2,
        done=True, csvopt="m1x 34q 34n0h1", master_host="m", master_port="5432", line_delimiter=b"\r\n", transform="up", user="u",
    )  # fmt: skip
    head = build_request(request, release)
    found = layer.GpfdistRequest(head)
    assert fresh(found) == head
    assert found.unknown_headers == []
    assert (found.method, found.path, found.X_GP_XID, found.X_GP_SEGMENT_ID) == (method.encode(), b"/a.csv", b"7-0000000002", 3)
    assert found.X_GP_LINE_DELIM_STR == b"0D0A"
    found.lines = []
    assert sorted(bytes(found).split(b"\r\n")) == sorted(head.split(b"\r\n"))


@pytest.mark.parametrize("kind", ["ok", "empty", "error", "continue", "status"])
def test_what_gpfdist_answers_is_all_fields(kind: str) -> None:
    head = build_response(kind, proto=1, zstd=1, status=404 if kind == "error" else 200, reason="file not found")
    found = layer.GpfdistResponse(head)
    assert fresh(found) == head and found.unknown_headers == []
    found.lines = []
    assert bytes(found) == head, "fields alone give the order of the wire"


ODD_HEAD = (
    b"GET /a  b HTTP/1.1\nx-gp-xid : 7\r\nX-Gp-Proto:0x1\r\nX-GP-PROTO:\t1\r\nX-GP-SN: 1\r\n \t2\r\nno colon\r\nFoo: Bar\r\n\r\n"
)


def test_spelling_folds_and_bare_line_ends_are_kept() -> None:
    found = layer.GpfdistRequest(ODD_HEAD)
    assert (found.path, found.X_GP_XID, found.X_GP_PROTO, found.X_GP_SN) == (b"/a  b", b"7", 1, b"1 2")
    assert found.unknown_headers == [b"Foo: Bar"] and found.header("foo") == b"Bar" and found.header("x-gp-sn") == b"1 2"
    assert fresh(found) == ODD_HEAD


def test_a_changed_field_changes_its_own_line() -> None:
    found = layer.GpfdistRequest(ODD_HEAD)
    found.X_GP_SN, found.X_GP_CID, found.X_GP_PROTO = "9", "c", None
    built = bytes(found)
    assert built == (b"GET /a  b HTTP/1.1\nx-gp-xid : 7\r\nX-GP-SN: 9\r\nno colon\r\nFoo: Bar\r\nX-GP-CID: c\r\n\r\n")


@given(st.binary(min_size=1, max_size=200), st.sampled_from([b"GET /x HTTP/1.1", b"HTTP/1.0 200 ok\r\n", b"HTTP/", b""]))
def test_any_bytes_are_a_head_that_builds_to_them(data: bytes, opening: bytes) -> None:
    for kind in (layer.GpfdistRequest, layer.GpfdistResponse):
        found = kind(opening + data)
        assert fresh(found) == opening + data
        found.show(dump=True)
        assert found.summary().isprintable()


def test_a_post_counts_its_body_unless_told_not_to() -> None:
    rows = layer.GpfdistRows(rows=b"1\n2\n")
    assert b"\r\nContent-Length: 4\r\n" in bytes(layer.GpfdistRequest(method="POST") / rows)
    assert b"Content-Length" not in bytes(layer.GpfdistRequest(method="POST", Content_Length=b"") / rows)


def test_what_follows_an_answer_is_known_from_its_head() -> None:
    body = bytes(layer.gpfdist_package("/f", 0, 1, b"x\n"))
    for proto, kind in ((1, layer.GpfdistMessages), (0, layer.GpfdistRows), (None, layer.GpfdistRows)):
        assert type(layer.GpfdistResponse(bytes(layer.GpfdistResponse(X_GP_PROTO=proto)) + body).payload) is kind
    zstd = layer.GpfdistResponse(bytes(layer.GpfdistResponse(X_GP_PROTO=1, X_GP_ZSTD=1)) + body)
    assert type(zstd.payload) is layer.GpfdistZstdMessages
    late = layer.GpfdistResponse(build_response("empty") + b"D\0\0\0\0")
    assert late.payload.messages[0].length == 0
    assert type(layer.GpfdistResponse(build_response("error", status=400, reason="x") + b"abc").payload) is Raw


def test_compressed_rows_are_a_frame_that_can_be_opened() -> None:
    import zstandard

    rows = b"1,abc\n" * 60_000
    frame = zstandard.ZstdCompressor(write_content_size=False, write_checksum=True).compress(rows)
    wire = bytes(layer.GpfdistF(file="/f")) + struct.pack(">BI", 0x44, len(rows)) + frame + b"D\0\0\0\0"
    found = layer.GpfdistZstdMessages(wire)
    assert [type(one) for one in found.messages] == [layer.GpfdistF, layer.GpfdistZstdD, layer.GpfdistD]
    assert found.messages[1].frame == frame and found.messages[1].rows == rows
    assert layer.GpfdistZstdD(length=3, frame=b"no").rows is None
    assert fresh(found) == wire


def test_no_field_is_hidden_by_something_that_every_packet_has() -> None:
    for one in LAYERS:
        assert not [field.name for field in one.fields_desc if hasattr(Packet, field.name)], one


def test_ls_shows_every_layer_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    from scapy.packet import ls

    ls(layer.GpfdistRequest)
    shown = capsys.readouterr().out
    for name, _ in fields("read"):
        assert f"\n{name.replace('-', '_')}" in shown
    ls(layer.GpfdistO)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["type", "length", "offset"]
    assert all(one.__doc__ for one in LAYERS)


def test_ten_thousand_messages_in_one_body_are_no_recursion() -> None:
    wire = b"F\0\0\0\0" * 10_000
    assert len(layer.GpfdistMessages(wire).messages) == 10_000


def take(packet: Any, found: list[Any]) -> None:
    while packet:
        found.append(packet)
        packet = packet.payload


def test_a_stream_socket_gives_whole_packages() -> None:
    ours, theirs = socket.socketpair()
    wire = build_response("ok", proto=1) + bytes(layer.gpfdist_package("/f", 0, 1, b"x\n" * 100)) + b"D\0\0\0\0"
    found: list[Any] = []
    with ours:
        theirs.sendall(wire[:300])
        stream = StreamSocket(ours, layer.Gpfdist)
        take(stream.recv(), found)
        theirs.sendall(wire[300:])
        theirs.close()
        take(stream.recv(), found)
    assert [type(one) for one in found] == [layer.GpfdistResponse, layer.GpfdistMessages]
    assert b"".join(one.self_build() for one in found) == wire
