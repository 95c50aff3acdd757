"""Captures of the benchmark carry what their truth says: tshark puts the streams together, the walk over messages is by hand."""

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks.generate import Made, generate, size_of
from benchmarks.shapes import SHAPES

SIZE = 1_000_000
SEALED = [name for name, shape in SHAPES.items() if shape.suite]
CLEAR = [name for name in SHAPES if name not in SEALED]


def tshark(path: Path, *arguments: str) -> str:
    command = ["tshark", "-n", "-r", str(path), "-o", "ip.check_checksum:TRUE", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def sent(path: Path) -> list[dict[str, bytes]]:
    """What each side of each TCP stream sent, by its address, put in order by sequence number; streams in order of first frame."""
    fields = ["tcp.stream", "ip.src", "tcp.srcport", "tcp.seq", "tcp.payload"]
    shown = tshark(path, "-Y", "tcp.len>0", "-T", "fields", *(word for name in fields for word in ("-e", name)))
    pieces: dict[int, dict[str, dict[int, bytes]]] = {}
    for line in shown.splitlines():
        stream, host, port, seq, payload = line.split("\t")
        side = pieces.setdefault(int(stream), {}).setdefault(f"{host}:{port}", {})
        side[int(seq)] = bytes.fromhex(payload)
    return [{side: joined(found) for side, found in sides.items()} for _, sides in sorted(pieces.items())]


def joined(found: dict[int, bytes]) -> bytes:
    data = b""
    for seq in sorted(found):
        assert seq == 1 + len(data), "a hole or an overlap"
        data += found[seq]
    return data


def content(request: bytes, response: bytes) -> tuple[bytes, dict[str, int]]:
    """Payload of an exchange and its messages by letter."""
    if request.startswith(b"POST"):
        return request.partition(b"\r\n\r\n")[2], dict.fromkeys("FOLDE", 0)
    body, counts, payload = response.partition(b"\r\n\r\n")[2], dict.fromkeys("FOLDE", 0), b""
    place = 0
    while place < len(body):
        length = int.from_bytes(body[place + 1 : place + 5], "big")
        counts[chr(body[place])] += 1
        if body[place : place + 1] == b"D":
            payload += body[place + 5 : place + 5 + length]
        place += 5 + length
    assert place == len(body)
    return payload, counts


def streams_of(made: Made) -> list[dict[str, Any]]:
    return [json.loads(line) for line in made.streams.read_text().splitlines()]


@pytest.mark.parametrize("shape", CLEAR)
def test_streams_that_tshark_puts_together_are_those_of_the_truth(tmp_path: Path, shape: str) -> None:
    made = generate(shape, SIZE, tmp_path, seed=3)
    found = {}
    for stream in sent(made.path):
        client = next(address for address in stream if not address.endswith(":8080"))
        payload, counts = content(stream[client], stream["10.0.0.9:8080"])
        found[client] = (len(payload), hashlib.sha256(payload).hexdigest(), counts)
    rows = streams_of(made)
    assert found == {row["client"]: (row["payload_bytes"], row["payload_sha256"], row["message_counts"]) for row in rows}
    assert made.truth["payload_bytes"] == sum(size for size, _, _ in found.values()) > 0
    summed = {letter: sum(counts[letter] for _, _, counts in found.values()) for letter in "FOLDE"}
    assert made.truth["message_counts"] == summed
    assert made.truth["messages"] == sum(made.truth["message_counts"].values())
    assert made.truth["connections"] == len(rows)


def opened(made: Made, stream: int) -> list[bytes]:
    """What client and server said inside TLS."""
    settings = ["-q", "--disable-protocol", "http", "-d", "tcp.port==8080,tls", "-o", f"tls.keylog_file:{made.keylog}"]
    shown = tshark(made.path, *settings, "-z", f"follow,tls,raw,{stream}")
    lines = [line for line in shown.splitlines() if re.fullmatch(r"\t?[0-9a-f]+", line)]
    return [bytes.fromhex("".join(line for line in lines if line.startswith("\t") == server)) for server in (False, True)]


@pytest.mark.parametrize("shape", SEALED)
def test_what_tshark_opens_is_what_the_truth_says(tmp_path: Path, shape: str) -> None:
    made = generate(shape, SIZE, tmp_path, seed=3)
    total = 0
    for stream, row in enumerate(sorted(streams_of(made), key=lambda row: int(row["client"].rpartition(":")[2]))):
        client, server = opened(made, stream)
        payload, counts = content(client, server)
        assert (len(payload), hashlib.sha256(payload).hexdigest(), counts) == (
            row["payload_bytes"],
            row["payload_sha256"],
            row["message_counts"],
        )
        total += len(client) + len(server)
    assert made.truth["sealed_bytes"] == total > made.truth["payload_bytes"] > 0


@pytest.mark.parametrize("shape", SEALED)
def test_handshakes_are_those_of_the_suite_and_records_are_full(tmp_path: Path, shape: str) -> None:
    made = generate(shape, SIZE, tmp_path)
    fields = ["-Y", "tls.handshake.type==2", "-T", "fields", "-e", "tls.handshake.ciphersuite"]
    number = {"tls-gcm": "0xc02f", "tls-cbc": "0x002f"}[shape]  # IANA
    assert tshark(made.path, "-d", "tcp.port==8080,tls", *fields).split() == [number] * 8
    lengths = tshark(made.path, "-d", "tcp.port==8080,tls", "-Y", "tls.app_data", "-T", "fields", "-e", "tls.record.length")
    full = {"tls-gcm": 16384 + 8 + 16, "tls-cbc": 16384 + 16 + 16 + 20}[shape]  # nonce and tag; IV, padding block and HMAC
    found = [int(length) for line in lengths.split() for length in line.split(",")]
    assert max(found) == full
    assert found.count(full) > 0.8 * made.truth["payload_bytes"] / 16384


def test_a_capture_without_its_key_log_is_made_again(tmp_path: Path) -> None:
    made = generate("tls-gcm", 200_000, tmp_path)
    assert made.keylog is not None
    made.keylog.unlink()
    again = generate("tls-gcm", 200_000, tmp_path)
    assert again.keylog is not None
    assert again.keylog.read_text().count("CLIENT_RANDOM") == again.truth["connections"]
    assert generate("post", 200_000, tmp_path).keylog is None


@pytest.mark.parametrize("shape", SHAPES)
def test_a_capture_is_as_large_as_asked_and_whole(tmp_path: Path, shape: str) -> None:
    made = generate(shape, SIZE, tmp_path)
    assert made.path.stat().st_size == made.truth["capture_bytes"] >= SIZE
    assert made.truth["capture_bytes"] < SIZE + 8 * 3 * (330 << 10)  # every connection ends its turn
    assert len(tshark(made.path, "-T", "fields", "-e", "frame.number").split()) == made.truth["frames"]
    spoken = ["-d", "tcp.port==8080,tls"] if made.keylog else []  # else it looks for HTTP in ciphertext
    assert tshark(made.path, *spoken, "-Y", "ip.checksum.status==0 || _ws.malformed") == ""


def test_only_the_lossy_shape_is_disturbed_and_it_really_is(tmp_path: Path) -> None:
    flags = "tcp.analysis.flags && !tcp.analysis.window_update && !tcp.analysis.reused_ports"
    assert tshark(generate("mtu1500", SIZE, tmp_path).path, "-Y", flags) == ""
    lossy = generate("lossy", 8 * SIZE, tmp_path)
    assert lossy.truth["lost_frames"] > 0
    holes = tshark(lossy.path, "-Y", "tcp.analysis.lost_segment", "-T", "fields", "-e", "frame.number").split()
    late = "tcp.analysis.retransmission || tcp.analysis.out_of_order || tcp.analysis.fast_retransmission"
    assert holes
    assert len(tshark(lossy.path, "-Y", late, "-T", "fields", "-e", "frame.number").split()) == lossy.truth["lost_frames"]


def test_one_acknowledgement_goes_with_two_data_frames(tmp_path: Path) -> None:
    path = generate("mtu1500", SIZE, tmp_path).path
    data, acks = (
        len(tshark(path, "-Y", f"tcp.flags.syn==0 && {which}", "-T", "fields", "-e", "frame.number").split())
        for which in ("tcp.srcport==8080 && tcp.len>0", "tcp.dstport==8080 && tcp.len==0")
    )
    assert 0.48 < acks / data < 0.55


def test_the_seed_decides_every_byte(tmp_path: Path) -> None:
    one = generate("many", 200_000, tmp_path / "a", seed=1).path.read_bytes()
    assert generate("many", 200_000, tmp_path / "b", seed=1).path.read_bytes() == one
    assert generate("many", 200_000, tmp_path / "c", seed=2).path.read_bytes() != one


def test_a_capture_that_is_there_is_taken_and_a_damaged_one_is_made_again(tmp_path: Path) -> None:
    made = generate("post", 200_000, tmp_path)
    before = made.path.stat().st_mtime_ns
    assert generate("post", 200_000, tmp_path).path.stat().st_mtime_ns == before
    whole = made.path.read_bytes()
    made.path.write_bytes(whole[:-1])
    assert generate("post", 200_000, tmp_path).path.read_bytes() == whole


def test_sizes_are_read_in_powers_of_1024() -> None:
    assert [size_of(text) for text in ("4096", "100M", "1g", "2KiB")] == [4096, 100 << 20, 1 << 30, 2048]


def test_package_size_is_what_was_asked_for(tmp_path: Path) -> None:
    small, large = (generate("mtu1500", SIZE, tmp_path, package=size).truth for size in (4096, 65536))
    assert small["message_counts"]["F"] == pytest.approx(small["payload_bytes"] / 4096, rel=0.02)
    assert large["message_counts"]["F"] == pytest.approx(large["payload_bytes"] / 65536, rel=0.02)
