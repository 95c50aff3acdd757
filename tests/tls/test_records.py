"""The record layer on its own: framing, holes, hostile bytes."""

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from gpinspect.engine.tls.connection import TlsConnection
from gpinspect.engine.tls.handshake import LARGEST_MESSAGE, MessageReader
from gpinspect.engine.tls.keys import KeyStore
from gpinspect.engine.tls.recognise import Recognition, recognise
from gpinspect.engine.tls.records import LARGEST_FRAGMENT, RecordStream


class Sink:
    def __init__(self):
        self.seen = []

    def record(self, kind, minor, fragment):
        self.seen.append(("record", kind, minor, bytes(fragment)))

    def damaged(self, kind, minor, size, tail):
        self.seen.append(("damaged", kind, minor, size, tail))

    def astray(self, count, tail):
        self.seen.append(("astray", count))


def record(kind: int, body: bytes) -> bytes:
    return bytes((kind, 3, 3)) + len(body).to_bytes(2, "big") + body


def fed(*pieces: bytes | int, gathering: bool = False) -> list:
    """What a stream says of bytes and holes; `gathering`: a piece that is fewer than wanted goes straight into the record."""
    sink = Sink()
    stream = RecordStream(sink)
    for piece in pieces:
        if isinstance(piece, int):
            stream.lose(piece)
        elif gathering and len(piece) < stream.wants:
            stream.buffer += piece
            stream.wants -= len(piece)
        else:
            stream.feed(piece, 1, 2, 3)
    stream.close()
    return sink.seen


BODIES = st.lists(st.tuples(st.sampled_from((20, 21, 22, 23, 24)), st.binary(max_size=60)), max_size=8)


@given(BODIES, st.randoms(use_true_random=False))
def test_records_come_out_however_they_are_cut(bodies, chance):
    stream, pieces, at = b"".join(record(kind, body) for kind, body in bodies), [], 0
    while at < len(stream):
        step = chance.randint(1, 9)
        pieces.append(stream[at : at + step])
        at += step
    assert fed(*pieces) == fed(stream) == [("record", kind, 3, body) for kind, body in bodies]


def test_a_hole_inside_a_record_leaves_the_next_header_known():
    assert fed(record(23, b"abcdefgh")[:7], 3, b"fgh" + record(21, b"zz")) == [
        ("damaged", 23, 3, 8, b"fgh"),
        ("record", 21, 3, b"zz"),
    ]


def test_a_hole_to_the_exact_end_of_a_record_costs_no_search():
    assert fed(record(23, b"abcdefgh")[:7], 6, record(21, b"zz")) == [("damaged", 23, 3, 8, b""), ("record", 21, 3, b"zz")]


def test_two_holes_in_one_record_are_one_damage():
    assert fed(record(23, bytes(20))[:6], 5, bytes(4), 5, bytes(5)) == [("damaged", 23, 3, 20, bytes(5))]


def test_a_hole_over_a_header_is_bridged_by_two_headers_that_chain():
    tail = b"rest of a lost record"
    assert fed(record(23, b"first"), 100, tail, record(23, b"x" * 30), record(22, b"y")) == [
        ("record", 23, 3, b"first"),
        ("astray", 100 + len(tail)),
        ("record", 23, 3, b"x" * 30),
        ("record", 22, 3, b"y"),
    ]


def test_a_header_that_only_looks_like_one_does_not_chain():
    lure = bytes((23, 3, 3, 0, 9)) + b"no header follows"
    seen = fed(50, lure, record(23, b"x" * 30), record(22, b"y"))
    assert seen == [("astray", 50 + len(lure)), ("record", 23, 3, b"x" * 30), ("record", 22, 3, b"y")]


def test_a_cut_last_record_is_damage_and_a_cut_header_is_lost_framing():
    assert fed(record(23, b"abcdef")[:8]) == [("damaged", 23, 3, 6, b"")]
    assert fed(record(23, b"abc") + b"\x17\x03") == [("record", 23, 3, b"abc"), ("astray", 2)]


def test_bytes_that_are_no_record_are_passed_over_to_the_next_chain():
    seen = fed(record(23, b"abc"), b"GET / HTTP/1.0\r\n\r\n", record(23, b"def"), record(23, b"ghi"))
    assert seen == [("record", 23, 3, b"abc"), ("astray", 18), ("record", 23, 3, b"def"), ("record", 23, 3, b"ghi")]


def test_no_fragment_longer_than_the_protocol_allows_is_waited_for():
    head = bytes((23, 3, 3)) + (LARGEST_FRAGMENT + 1).to_bytes(2, "big")
    assert fed(head + bytes(100))[0][0] == "astray"


@given(st.lists(st.one_of(st.binary(max_size=200), st.integers(1, 70000)), max_size=12))
def test_every_byte_is_accounted_for(pieces):
    seen = fed(*pieces)
    total = sum(piece if isinstance(piece, int) else len(piece) for piece in pieces)
    inside = sum(5 + (len(s[3]) if s[0] == "record" else s[3]) for s in seen if s[0] != "astray")
    short = sum(s[1] for s in seen if s[0] == "astray")
    cut = any(s[0] == "damaged" for s in seen[-1:])
    assert inside + short == total or (cut and inside + short > total)


HEADS = st.builds(lambda kind, size: bytes((kind, 3, 3)) + size.to_bytes(2, "big"), st.integers(20, 24), st.integers(0, 40))


@given(st.lists(st.one_of(HEADS, st.binary(max_size=30), st.integers(1, 60)), max_size=30))
def test_bytes_put_straight_into_a_record_and_bytes_that_are_fed_are_the_same(pieces):
    assert fed(*pieces, gathering=True) == fed(*pieces)


def test_hostile_streams_cost_time_in_proportion_to_their_length():
    chance = random.Random(1)
    # every eleven bytes something that chains once and then goes wrong
    nasty = (bytes((23, 3, 3, 0, 1)) + b"x" + bytes((23, 3, 3, 255, 255))) * 40_000
    noise = b"".join(bytes((chance.randint(20, 23), 3, chance.randint(0, 4))) + chance.randbytes(9) for _ in range(40_000))
    for stream in (nasty, noise, b"\x17" * 400_000, b"\x17\x03" * 200_000):
        start = time.process_time()
        connection = TlsConnection(KeyStore(), lambda *_: None, lambda *_: None)
        for at in range(0, len(stream), 1448):
            connection.feed(1, stream[at : at + 1448], 1, 1, 1)
        connection.close(1)
        connection.close(0)
        assert connection.report().decrypted == "none"
        assert time.process_time() - start < 20  # a bound against hanging, not a measurement


def test_a_handshake_message_of_sixteen_megabytes_is_passed_over_without_being_kept():
    reader = MessageReader()
    assert list(reader.feed(b"\x0b\xff\xff\xff" + bytes(1000))) == []
    for _ in range(1023):
        assert list(reader.feed(bytes(16384))) == []
    assert reader.oversized == 1 and len(reader._buffer) < LARGEST_MESSAGE
    rest = 0xFFFFFF - 1000 - 1023 * 16384
    assert list(reader.feed(bytes(rest) + b"\x0e\0\0\0")) == [(14, b"\x0e\0\0\0")]


def test_tls_is_recognised_by_its_first_bytes():
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(40)
    assert recognise(hello) is Recognition.HELLO
    assert recognise(bytes.fromhex("160303004a020000460303")) is Recognition.HELLO
    assert recognise(bytes.fromhex("15030300020228")) is Recognition.HELLO
    assert recognise(record(23, b"x" * 40) + record(23, b"y")) is Recognition.RECORDS
    assert all(recognise(hello[:size]) is Recognition.MORE for size in range(11))
    for other in (b"GET /", b"\0\0\0\x08\x04\xd2\x16\x2f", b"\x17\x03\x03\0\0", b"HTTP/1.0", record(23, b"x" * 40) + b"abcde"):
        assert recognise(other) is Recognition.NO
