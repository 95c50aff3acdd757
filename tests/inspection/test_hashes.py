"""SHA-256 of payload in the orders that the contract names, and payload handed out piece by piece."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from craft import END, Capture, Conversation, ok_head, package, package_head, post, read_session, request, sha256, write_session

from gpinspect.inspection import Inspection, inspect

ROWS = b"".join(b"%d,some text of row %d\n" % (n, n) for n in range(900))
NOTHING = hashlib.sha256(b"").hexdigest()
OFFER = [("X-GP-ZSTD", "1")]
Inspect = Callable[[Capture], Inspection]


@pytest.fixture
def inspected(tmp_path: Path) -> Iterator[Callable[[Capture], Inspection]]:
    opened = []

    def of(capture: Capture) -> Inspection:
        opened.append(inspect([str(capture.write(tmp_path / "a.pcap"))], hashes=True))
        return opened[-1]

    yield of
    for inspection in opened:
        inspection.close()


def talk_of(capture: Capture, port: int = 40000) -> Conversation:
    talk = Conversation(capture, ("10.0.0.1", port))
    talk.open()
    return talk


def test_a_read_is_hashed_by_file_and_offset(inspected: Inspect) -> None:
    capture = Capture()
    truth = read_session(capture, {"/d/b.txt": ROWS, "/d/a.txt": ROWS[:9000]}, segments=3, late=1, package_size=2000, header=True)
    (session,) = inspected(capture).sessions
    assert (session.payload_bytes, session.payload_sha256) == (truth.payload_bytes, truth.payload_sha256)
    assert {file.name: file.sha256 for file in session.files} == {name: file.sha256 for name, file in truth.files.items()}


def test_exchanges_and_flows_are_hashed_in_wire_order(inspected: Inspect) -> None:
    capture = Capture()
    truth = read_session(capture, {"/d/b.txt": ROWS, "/d/a.txt": ROWS[:9000]}, segments=3, late=1, package_size=2000)
    inspection = inspected(capture)
    by_segment = sorted(inspection.exchanges, key=lambda exchange: exchange.segment or 0)
    assert [exchange.payload_sha256 for exchange in by_segment] == [exchange.payload_sha256 for exchange in truth.exchanges]
    assert [flow.payload_sha256 for flow in inspection.flows] == [exchange.payload_sha256 for exchange in truth.exchanges]
    assert by_segment[2].payload_sha256 == NOTHING


def test_no_byte_of_a_file_is_counted_twice(inspected: Inspect) -> None:
    capture = Capture()
    for number in range(2):  # the second reads everything again, as after the session was forgotten
        talk = talk_of(capture, 40000 + number)
        talk.client(request(segment=number))
        talk.server(ok_head() + package("/d/a", 0, 1, ROWS[:5000]) + package("/d/a", 5000, 0, ROWS[5000:9000]) + END)
        talk.close()
    (session,) = inspected(capture).sessions
    assert (session.payload_bytes, session.payload_sha256) == (9000, sha256(ROWS[:9000]))
    assert session.files[0].overlaps == ((0, 9000),)


def test_a_file_with_a_hole_is_hashed_as_far_as_it_was_captured(inspected: Inspect) -> None:
    capture = Capture()
    talk = talk_of(capture)
    talk.client(request())
    talk.server(ok_head())
    talk.server(package_head("/d/a", 0, 1, 5000))
    talk.server(ROWS[:2000])
    talk.gap("server", ROWS[2000:3000])
    talk.server(ROWS[3000:5000] + package("/d/a", 5000, 0, ROWS[5000:6000]) + END)
    talk.close()
    inspection = inspected(capture)
    (session,) = inspection.sessions
    captured = ROWS[:2000] + ROWS[3000:6000]
    assert (session.payload_bytes, session.payload_sha256, session.files[0].sha256) == (5000, sha256(captured), sha256(captured))
    assert session.files[0].gaps == ((2000, 3000),)
    assert (inspection.exchanges[0].payload_sha256, inspection.exchanges[0].missing_bytes) == (sha256(captured), 1000)
    places = [(package_, at, len(data)) for package_, at, data in inspection.payload(1)]
    assert places == [(0, 0, 2000), (0, 3000, 2000), (1, 0, 1000)]


def test_protocol_0_is_hashed_in_order_of_connection(inspected: Inspect) -> None:
    capture = Capture()
    talks = [talk_of(capture, 40000 + n) for n in range(2)]
    for number, talk in enumerate(talks):
        talk.client(request(proto=0, segment=1 - number))
        talk.server(ok_head(0))
    talks[1].server(ROWS[5000:9000])
    talks[0].server(ROWS[:5000])
    for talk in talks:
        talk.close()
    (session,) = inspected(capture).sessions
    assert (session.payload_bytes, session.payload_sha256) == (9000, sha256(ROWS[:9000]))


def test_a_write_is_hashed_by_segment_and_seq(inspected: Inspect) -> None:
    capture = Capture()
    truth = write_session(capture, [[ROWS[:3000], ROWS[3000:4000]], [ROWS[4000:5000], ROWS[5000:9000]]])
    (session,) = inspected(capture).sessions
    assert (
        (session.payload_bytes, session.payload_sha256)
        == (9000, sha256(ROWS[:9000]))
        == (truth.payload_bytes, truth.payload_sha256)
    )


def posts(capture: Capture, *bodies: tuple[int, int, bytes]) -> None:
    for number, (segment, seq, body) in enumerate(bodies):
        talk = talk_of(capture, 41000 + number)
        talk.client(post(seq, body, segment=segment))
        talk.server(ok_head(0))
        talk.close()


def test_repeats_of_a_write_are_dropped_and_order_of_arrival_is_not_order_of_rows(inspected: Inspect) -> None:
    capture = Capture()
    posts(capture, (1, 2, b"c\n"), (0, 2, b"a\n"), (0, 2, b"a\n"), (0, 3, b"b\n"), (1, 3, b"d\n"))
    inspection = inspected(capture)
    (session,) = inspection.sessions
    assert (session.payload_bytes, session.payload_sha256) == (8, sha256(b"a\nb\nc\nd\n"))
    assert [exchange.payload_sha256 for exchange in inspection.exchanges] == [
        sha256(body) for body in (b"c\n", b"a\n", b"a\n", b"b\n", b"d\n")
    ]


def test_writes_without_seq_are_hashed_in_order_of_connection(inspected: Inspect) -> None:
    capture = Capture()
    for number, body in enumerate((b"z\n", b"a\n")):
        talk = talk_of(capture, 41000 + number)
        talk.client(post(1, body, drop=["X-GP-SEQ"]))
        talk.server(ok_head(0))
        talk.close()
    assert inspected(capture).sessions[0].payload_sha256 == sha256(b"z\na\n")


def test_compressed_bodies_are_hashed_as_what_they_hold(inspected: Inspect) -> None:
    capture = Capture()
    frame = zstandard.ZstdCompressor().compress(ROWS)
    for seq, body in ((1, b""), (2, frame), (3, frame[:-20])):
        talk = talk_of(capture, 41000 + seq)
        talk.client(post(seq, body, extra=OFFER))
        talk.server(ok_head(0, zstd=1))
        talk.close()
    inspection = inspected(capture)
    assert [exchange.payload_sha256 for exchange in inspection.exchanges] == [NOTHING, sha256(ROWS), NOTHING]
    assert [exchange.payload_bytes for exchange in inspection.exchanges] == [0, len(ROWS), 0]
    assert inspection.sessions[0].payload_sha256 == sha256(ROWS)
    assert b"".join(data for _, _, data in inspection.payload(2)) == ROWS


def test_a_posted_bomb_is_hashed_in_small_pieces(tmp_path: Path) -> None:
    """256 MiB of one letter in 8 KiB: handed out a few MiB at a time."""
    block = ((128 << 10) << 3 | 1 << 1).to_bytes(3, "little") + b"a"
    last = ((128 << 10) << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"a"
    frame = b"\x28\xb5\x2f\xfd\x00\x48" + block * 2047 + last
    capture = Capture()
    talk = talk_of(capture)
    talk.client(post(2, frame, extra=OFFER))
    talk.server(ok_head(0, zstd=1))
    talk.close()
    with inspect([str(capture.write(tmp_path / "a.pcap"))], hashes=True) as inspection:
        assert inspection.exchanges[0].payload_bytes == 256 << 20
        sizes = [len(data) for _, _, data in inspection.payload(1)]
    assert (sum(sizes), max(sizes) <= 8 << 20) == (256 << 20, True)


def test_hashes_of_payload_and_of_files_agree_with_each_other_when_zstd_is_damaged(inspected: Inspect) -> None:
    frame = bytearray(zstandard.ZstdCompressor(write_content_size=False).compress(ROWS[:8000]))
    frame[6] |= 0x06  # its only block becomes one of the reserved kind
    good = zstandard.ZstdCompressor(write_content_size=False).compress(ROWS[8000:9000])
    capture = Capture()
    talk = talk_of(capture)
    talk.client(request(extra=OFFER))
    talk.server(ok_head(zstd=1))
    talk.server(package_head("/d/a", 0, 1, 8000) + bytes(frame))
    talk.server(package_head("/d/a", 8000, 0, 1000) + good + END)
    talk.close()
    inspection = inspected(capture)
    (session,) = inspection.sessions
    assert (session.payload_bytes, session.files[0].bytes) == (1000, 1000)
    assert session.payload_sha256 == sha256(ROWS[8000:9000]) == inspection.exchanges[0].payload_sha256
    assert session.files[0].gaps == ((0, 8000),)


def test_without_hashes_there_are_none_and_payload_cannot_be_asked_for(tmp_path: Path) -> None:
    capture = Capture()
    read_session(capture, {"/d/a.txt": ROWS})
    with inspect([str(capture.write(tmp_path / "a.pcap"))]) as inspection:
        assert {exchange.payload_sha256 for exchange in inspection.exchanges} == {None}
        assert inspection.sessions[0].payload_sha256 is None
        with pytest.raises(ValueError, match="hashes=True"):
            list(inspection.payload(1))


def test_two_captures_are_hashed_as_one(tmp_path: Path) -> None:
    """The frames of one load, dealt out to two files."""
    capture = Capture()
    truth = read_session(capture, {"/d/a.txt": ROWS}, segments=2, package_size=3000)
    names = []
    for number in range(2):
        part = Capture()
        part.records = capture.records[number::2]
        names.append(str(part.write(tmp_path / f"{number}.pcap")))
    with inspect(names, hashes=True) as inspection:
        (session,) = inspection.sessions
    assert (session.payload_bytes, session.payload_sha256) == (truth.payload_bytes, truth.payload_sha256)
