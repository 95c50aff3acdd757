"""Crafted captures hold what was ordered: tshark, which shares no code with us, says so."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from craft import (
    END,
    ETHERNET,
    LOOP,
    NULL,
    RAW,
    SLL,
    SLL2,
    Capture,
    Conversation,
    blocks,
    checksum,
    late_reply,
    message,
    ok_head,
    package,
    post,
    read_session,
    request,
    write_session,
)

CHECKED = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
BAD = "ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0 || _ws.malformed"
FLAGS = {
    "gap": "tcp.analysis.lost_segment",
    "unseen": "tcp.analysis.ack_lost_segment",
    "again": "tcp.analysis.retransmission",
    "disorder": "tcp.analysis.out_of_order",
    "duplicate ack": "tcp.analysis.duplicate_ack",
    "keep alive": "tcp.analysis.keep_alive",
    "zero window": "tcp.analysis.zero_window",
    "window update": "tcp.analysis.window_update",
}


def tshark(path: Path, *arguments: str) -> str:
    command = ["tshark", "-n", "-r", str(path), *CHECKED, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def frames_with(path: Path, display_filter: str) -> list[int]:
    return [int(line) for line in tshark(path, "-Y", display_filter, "-T", "fields", "-e", "frame.number").split()]


def stream(path: Path, side: int, number: int = 0) -> bytes:
    """What one side of a TCP stream sent, as tshark puts it together (0 = client)."""
    lines = tshark(path, "-q", "-z", f"follow,tcp,raw,{number}").split("=\n")[-2].splitlines()[4:]
    return b"".join(bytes.fromhex(line) for line in lines if line.startswith("\t") == bool(side) and not line.startswith("="))


def saved(capture: Capture, tmp_path: Path, name: str = "a.pcap") -> Path:
    return capture.write(tmp_path / name)


def healthy(capture: Capture, **how: object) -> None:
    talk = Conversation(capture, **how)  # type: ignore[arg-type]
    talk.open()
    talk.client(request())
    talk.server(ok_head())
    talk.server(package("/data/a.txt", 0, 1, b"row\n" * 1000) + END)
    talk.close()


def test_checksum_of_the_example_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert checksum(bytes.fromhex("0001f203f4f5f6")) == checksum(bytes.fromhex("0001f203f4f5f600"))


@pytest.mark.parametrize("name", ["a.pcap", "a.pcapng"])
@pytest.mark.parametrize("link", [ETHERNET, NULL, LOOP, RAW, SLL, SLL2])
@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_every_link_carries_the_same_stream_with_right_checksums(tmp_path: Path, link: int, name: str, byteorder: str) -> None:
    capture = Capture(link=link, byteorder=byteorder)  # type: ignore[arg-type]
    healthy(capture)
    path = saved(capture, tmp_path, name)
    assert frames_with(path, BAD) == []
    assert frames_with(path, "tcp.checksum.status==1") == list(range(1, len(capture) + 1))
    assert stream(path, 0) == request()
    assert stream(path, 1) == ok_head() + package("/data/a.txt", 0, 1, b"row\n" * 1000) + END


V6 = {"client": ("fd00::1", 40000), "server": ("fd00::9", 8080)}
CARRIED: list[dict[str, object]] = [
    {"vlan": (7,)},
    {"vlan": (7, 8)},
    {"tunnel": "gre"},
    {"tunnel": "gre-ethernet"},
    {"tunnel": "vxlan"},
    {"tunnel": "ipip"},
    {"tunnel": "gre", **V6},
    {"tunnel": "ipip", **V6},
    {"tunnel": "vxlan", **V6},
    {"ip_options": b"\x94\x04\0\0"},
    {"fragment": 512},
    {"padding": True},
    {"trailer": b"\x01\x02\x03\x04"},
    {"timestamps": True, "scale": 7},
    {"offloaded": True},
    {"client_isn": 2**32 - 20, "server_isn": 2**32 - 1000},
    V6,
    {"fragment": 512, **V6},
    {"extensions": ((0, b"\x01\x04\0\0\0\0"), (60, b"\x01\x04\0\0\0\0")), **V6},
]


@pytest.mark.parametrize("how", CARRIED, ids=lambda how: "-".join(how))
def test_every_carriage_carries_the_same_stream_with_right_checksums(tmp_path: Path, how: dict[str, object]) -> None:
    capture = Capture()
    healthy(capture, **how)
    path = saved(capture, tmp_path)
    assert frames_with(path, BAD) == []
    assert stream(path, 0) == request()
    assert stream(path, 1) == ok_head() + package("/data/a.txt", 0, 1, b"row\n" * 1000) + END


def test_vlan_ids_and_fragments_are_seen_as_such(tmp_path: Path) -> None:
    capture = Capture()
    healthy(capture, vlan=(7, 8))
    shown = tshark(saved(capture, tmp_path), "-T", "fields", "-e", "ieee8021ad.id", "-e", "vlan.id").splitlines()
    assert shown == ["7\t8"] * len(capture)
    capture = Capture()
    healthy(capture, fragment=512)
    assert len(frames_with(saved(capture, tmp_path), "ip.flags.mf==1")) > 4


def test_offloaded_frames_have_no_ip_length(tmp_path: Path) -> None:
    capture = Capture()
    healthy(capture, offloaded=True, mss=60000)
    assert all(record.data[16:18] == b"\0\0" for record in capture.records)


def open_read(capture: Capture, **how: object) -> Conversation:
    talk = Conversation(capture, **how)  # type: ignore[arg-type]
    talk.open()
    talk.client(request())
    talk.server(b"a" * 1000)
    return talk


def test_a_gap_is_acknowledged_and_not_captured(tmp_path: Path) -> None:
    capture = Capture()
    talk = open_read(capture)
    before = len(capture)
    talk.gap("server", 500)
    talk.server(b"b" * 100)
    path = saved(capture, tmp_path)
    assert frames_with(path, FLAGS["unseen"])[0] == before + 1
    assert frames_with(path, FLAGS["gap"]) == [before + 2]


def test_a_lost_piece_holds_the_acknowledgement_until_it_is_sent_again(tmp_path: Path) -> None:
    capture = Capture()
    talk = open_read(capture)
    before = len(capture)
    piece = talk.lose("server", b"b" * 100)
    talk.server(b"c" * 100)
    talk.retransmit(piece, dt=0.3)
    talk.server(b"d" * 100)
    path = saved(capture, tmp_path)
    assert frames_with(path, FLAGS["gap"]) == [before + 1]
    assert frames_with(path, FLAGS["again"]) == [before + 3]
    acks = tshark(path, "-Y", "tcp.srcport==40000", "-T", "fields", "-e", "tcp.ack").split()
    assert [int(ack) - 1 for ack in acks[-4:]] == [1000, 1000, 1200, 1300]
    assert stream(path, 1) == b"a" * 1000 + b"b" * 100 + b"c" * 100 + b"d" * 100


def test_a_spurious_repeat_is_a_retransmission(tmp_path: Path) -> None:
    capture = Capture()
    talk = open_read(capture)
    [piece] = talk.server(b"b" * 100)
    before = len(capture)
    talk.retransmit(piece, dt=0.3)
    path = saved(capture, tmp_path)
    assert frames_with(path, f"{FLAGS['again']} || tcp.analysis.spurious_retransmission") == [before + 1]
    assert stream(path, 1) == b"a" * 1000 + b"b" * 100


def test_swapped_segments_are_out_of_order(tmp_path: Path) -> None:
    capture = Capture()
    talk = open_read(capture)
    before = len(capture)
    talk.swap("server", b"b" * 100, b"c" * 100)
    path = saved(capture, tmp_path)
    assert frames_with(path, FLAGS["disorder"]) == [before + 2]
    assert stream(path, 1) == b"a" * 1000 + b"b" * 100 + b"c" * 100


def test_an_overlap_repeats_old_bytes_and_brings_new_ones(tmp_path: Path) -> None:
    capture = Capture()
    talk = open_read(capture)
    talk.overlap("server", 40, b"a" * 40 + b"b" * 60)
    talk.server(b"c")
    path = saved(capture, tmp_path)
    assert stream(path, 1) == b"a" * 1000 + b"b" * 60 + b"c"
    capture = Capture()
    talk = open_read(capture)
    talk.overlap("server", 40, b"x" * 40 + b"b" * 60)
    assert capture.records[-2].data[-100:] == b"x" * 40 + b"b" * 60


def test_keep_alives_and_closed_windows_are_flagged(tmp_path: Path) -> None:
    capture = Capture()
    talk = open_read(capture)
    before = len(capture)
    talk.keep_alive("server", dt=30)
    talk.keep_alive("server", garbage=b"\0", dt=30)
    talk.zero_window("client")
    talk.window_update("client", dt=2)
    path = saved(capture, tmp_path)
    assert frames_with(path, FLAGS["keep alive"]) == [before + 1, before + 3]
    assert frames_with(path, FLAGS["zero window"]) == [before + 5]
    assert frames_with(path, FLAGS["window update"]) == [before + 6]


def test_the_window_is_scaled_after_the_handshake(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture, scale=7)
    talk.sides["client"].window = 1 << 20
    talk.open()
    shown = tshark(saved(capture, tmp_path), "-T", "fields", "-e", "tcp.window_size").split()
    assert shown == ["65535", "65535", str(1 << 20)]


def test_one_side_alone_and_the_middle_of_a_stream(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture, only="server")
    talk.client(request())
    talk.server(b"x" * 5000)
    talk.fin("server")
    path = saved(capture, tmp_path)
    assert set(tshark(path, "-T", "fields", "-e", "tcp.srcport").split()) == {"8080"}
    assert frames_with(path, "tcp.flags.syn==1") == []


def test_a_reset_and_a_port_used_twice_are_two_streams(tmp_path: Path) -> None:
    capture = Capture()
    open_read(capture).rst("client")
    capture.wait(100)
    open_read(capture, client_isn=77, server_isn=99).close()
    path = saved(capture, tmp_path)
    assert len(frames_with(path, "tcp.flags.reset==1")) == 1
    assert set(tshark(path, "-T", "fields", "-e", "tcp.stream").split()) == {"0", "1"}


def test_snap_length_cuts_the_frame_and_keeps_its_length(tmp_path: Path) -> None:
    capture = Capture(snaplen=96)
    healthy(capture)
    shown = tshark(saved(capture, tmp_path), "-T", "fields", "-e", "frame.cap_len", "-e", "frame.len").splitlines()
    lengths = [tuple(map(int, line.split())) for line in shown]
    assert max(captured for captured, _ in lengths) == 96
    assert max(original for _, original in lengths) == 54 + 1448


@pytest.mark.parametrize(
    ("name", "nanoseconds", "shown"), [("a.pcap", True, "789"), ("a.pcap", False, "000"), ("a.pcapng", True, "789")]
)
def test_times_are_kept_to_the_resolution_of_the_file(tmp_path: Path, name: str, nanoseconds: bool, shown: str) -> None:
    capture = Capture(nanoseconds=nanoseconds, now_ns=1_700_000_000_123_456_789)
    Conversation(capture, dt=0).open()
    times = tshark(saved(capture, tmp_path, name), "-T", "fields", "-e", "frame.time_epoch").split()
    assert times == [f"1700000000.123456{shown}"] * 3


@pytest.mark.parametrize("resolution", [6, 9, 3, 0x80 | 20])
def test_pcapng_resolutions_tell_the_same_second(tmp_path: Path, resolution: int) -> None:
    capture = Capture(now_ns=1_700_000_000_500_000_000)
    Conversation(capture, dt=0).open()
    path = tmp_path / "a.pcapng"
    path.write_bytes(capture.pcapng(resolution))
    assert {float(time) for time in tshark(path, "-T", "fields", "-e", "frame.time_epoch").split()} == {1_700_000_000.5}


def test_the_data_package_of_the_protocol_document() -> None:
    """The bytes of protocol.md 5.1, written down by hand."""
    wanted = """
        46 0000000b 2f646174612f612e637376
        4f 00000008 0000000000000000
        4c 00000008 0000000000000001
        44 00000008 312c780a322c790a
        44 00000000"""
    assert package("/data/a.csv", 0, 1, b"1,x\n2,y\n") + END == bytes.fromhex("".join(wanted.split()))
    assert message("D", b"", 7) == b"D\0\0\0\x07"


def test_heads_are_those_of_the_real_peers() -> None:
    lines = request("/a.csv", segment=1, count=2).decode().split("\r\n")
    assert lines[0] == "GET /a.csv HTTP/1.1"
    assert lines[6:9] == ["X-GP-SEGMENT-ID: 1", "X-GP-SEGMENT-COUNT: 2", "X-GP-LINE-DELIM-LENGTH: -1"]
    assert b"X-GP-LINE-DELIM-STR: 0D0A\r\nX-GP-LINE-DELIM-LENGTH: 2\r\n" in request(delimiter=b"\r\n")
    assert b"X-GP-XID" not in request(drop=["X-GP-XID"])
    assert late_reply().endswith(b"\r\n\r\nD\0\0\0\0")
    assert b"X-GP-PROTO" not in late_reply()
    assert late_reply(0).endswith(b"\r\n\r\n")
    assert post(3, done=True).endswith(b"X-GP-SEQ: 3\r\nContent-Type: text/xml\r\nX-GP-DONE: 1\r\nContent-Length: 0\r\n\r\n")


def test_blocks_are_whole_rows_and_tile_the_file_after_its_header() -> None:
    content = b"name\n" + b"".join(b"%d\n" % number for number in range(500))
    cut = blocks("/d/a", content, 100, header=True, csv=True)
    assert (cut[0].offset, cut[0].line) == (5, 2)
    assert b"".join(block.data for block in cut) == content[5:]
    assert all(block.data.endswith(b"\n") and len(block.data) <= 100 for block in cut)
    assert all(block.offset == 5 + sum(len(one.data) for one in cut[:index]) for index, block in enumerate(cut))
    assert cut[1].line == 2 + cut[0].data.count(b"\n")
    assert {block.line for block in blocks("/d/a", content, 100)[1:]} == {0}


def test_a_read_session_delivers_its_truth(tmp_path: Path) -> None:
    capture = Capture()
    files = {"/data/b.txt": b"bbb\n" * 3000, "/data/a.txt": b"aaaa\n" * 4000}
    truth = read_session(capture, files, 4, package_size=1000, late=1)
    path = saved(capture, tmp_path)
    assert frames_with(path, BAD) == []
    assert frames_with(path, "tcp.analysis.flags") == []
    assert truth.payload_sha256 == hashlib.sha256(files["/data/a.txt"] + files["/data/b.txt"]).hexdigest()
    assert truth.payload_bytes == 32000
    assert [one.outcome for one in truth.exchanges] == ["complete"] * 3 + ["late"]
    for number, one in enumerate(truth.exchanges):
        head, _, body = stream(path, 1, number).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.0 200 ok")
        payload, counts = walked(body)
        assert counts == one.message_counts
        assert (len(payload), hashlib.sha256(payload).hexdigest()) == (one.payload_bytes, one.payload_sha256)


def walked(body: bytes) -> tuple[bytes, dict[str, int]]:
    """Contents of D and messages by letter, told apart by hand."""
    counts = dict.fromkeys("FOLDE", 0)
    payload, place = b"", 0
    while place < len(body):
        letter, length = chr(body[place]), int.from_bytes(body[place + 1 : place + 5], "big")
        counts[letter] += 1
        payload += body[place + 5 : place + 5 + length] if letter == "D" else b""
        place += 5 + length
    return payload, counts


def test_a_write_session_is_open_data_done_on_connections_of_their_own(tmp_path: Path) -> None:
    capture = Capture()
    truth = write_session(capture, [[b"1\n" * 900, b"2\n"], [], [b"3\n"]])
    path = saved(capture, tmp_path)
    assert frames_with(path, f"{BAD} || tcp.analysis.flags") == []
    assert [one.segment for one in truth.exchanges] == [0, 0, 0, 0, 2, 2, 2]
    bodies = [stream(path, 0, number).partition(b"\r\n\r\n")[2] for number in range(7)]
    assert bodies == [b"", b"1\n" * 900, b"2\n", b"", b"", b"3\n", b""]
    assert truth.payload_sha256 == hashlib.sha256(b"".join(bodies)).hexdigest()
