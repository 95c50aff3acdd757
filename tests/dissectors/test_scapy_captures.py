"""The scapy layer and gpinspect read the same captures and say the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from craft import Capture, Conversation, ok_head, package, request
from scapy.packet import Raw

from gpinspect.export.scapy import gpfdist as layer

from .scapy_reading import Side, packages, read, rows_hash

FOLDER = Path(__file__).resolve().parent.parent.parent / "captures"
COMPARED = [
    "gp-get-csv-header-4seg.pcapng",
    "gp-get-csv-loss.pcapng",
    "gp-get-csv-mtu1500.pcapng",
    "gp-get-two-servers.pcapng",
    "gp-get-cursor-close.pcapng",
    "gp-get-killed-server.pcapng",
    "gp-get-line-too-long-s.pcapng",
    "gp-get-404.pcapng",
    "gp-get-cooked.pcap",
    "gp-get-nanosecond.pcap",
    "curl-late-segments-2.pcapng",
    "curl-get-p0-text-1seg.pcapng",
    "curl-get-p1-wildcard-2seg.pcapng",
    "curl-post-2seg.pcapng",
    "m7-get-zstd-csv-mtu1500-3seg.pcap",
]


def ours(verb: str, path: Path, *options: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "gpinspect.cli", verb, str(path), "--json", "-q", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def decoded(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value


@pytest.mark.parametrize("name", COMPARED)
def test_a_recorded_capture_has_the_same_requests_answers_packages_and_rows(name: str) -> None:
    path = FOLDER / name
    exchanges = ours("exchanges", path, "--hash")
    listed = ours("packages", path)
    assert exchanges
    for port in {int(one["server"].rsplit(":", 1)[1]) for one in exchanges}:
        layer.gpfdist_port(port)
    sides = read(path)
    for exchange in exchanges:
        asked = sides[exchange["client"], exchange["server"]]
        said = sides[exchange["server"], exchange["client"]]
        (request,) = asked[layer.GpfdistRequest]
        assert [decoded(request.getfieldval(key)) for key in ("method", "path", "X_GP_XID", "X_GP_CID", "X_GP_SN")] == [
            exchange[key] for key in ("method", "path", "xid", "cid", "sn")
        ]
        assert [exchange[key] for key in ("segment", "segment_count", "proto", "seq")] == [
            request.X_GP_SEGMENT_ID,
            request.X_GP_SEGMENT_COUNT,
            request.X_GP_PROTO,
            request.X_GP_SEQ,
        ]
        (answer,) = said[layer.GpfdistResponse]
        assert (answer.status, decoded(answer.reason), answer.X_GP_PROTO) == tuple(
            exchange[key] for key in ("status", "reason", "response_proto")
        )
        keys = ("position", "file", "offset", "line", "length", "kind", "complete")
        assert packages(said) == [{key: one[key] for key in keys} for one in listed if one["exchange"] == exchange["id"]]
        assert [decoded(one.text) for one in said.messages if type(one) is layer.GpfdistE] == exchange["errors"]
        if exchange["payload_bytes"]:
            assert rows_hash(said if exchange["method"] == "GET" else asked) == exchange["payload_sha256"]
        assert not asked[Raw] and not said[Raw]


def test_what_was_dissected_builds_to_the_bytes_of_the_stream() -> None:
    layer.gpfdist_port(8080)
    sides = read(FOLDER / "gp-get-csv-loss.pcapng")
    tshark = [side.bytes for side in sides.values()]
    assert all(one.startswith((b"GET /gp-get-csv-loss.csv HTTP/1.1\r\n", b"HTTP/1.0 200 ok\r\n")) for one in tshark)
    assert sum(one.endswith(b"D\0\0\0\0") for one in tshark) == 4


def crafted(tmp_path: Path, disturb: Any, **how: Any) -> tuple[Side, Side]:
    capture = Capture()
    talk = Conversation(capture, **how)
    talk.open()
    talk.client(request(segment=0))
    talk.server(ok_head())
    talk.server(package("/data/a.csv", 0, 1, b"1,x\n"))
    disturb(talk)
    path = tmp_path / "crafted.pcap"
    path.write_bytes(capture.pcap())
    sides = read(path)
    client, server = sides
    return sides[client], sides.get((client[1], client[0]), sides[server])


def test_a_server_that_goes_within_a_package_leaves_a_short_one(tmp_path: Path) -> None:
    def disturb(talk: Any) -> None:
        talk.server(package("/data/a.csv", 4, 0, b"2,y\n" * 9)[:60])
        talk.close()

    _, said = crafted(tmp_path, disturb)
    assert [(one["offset"], one["length"], one["complete"]) for one in packages(said)] == [(0, 4, True), (4, 36, False)]


def test_a_hole_is_neither_filled_nor_bridged(tmp_path: Path) -> None:
    def disturb(talk: Any) -> None:
        talk.gap("server", 100)
        for _ in range(40):
            talk.server(b"z" * 30_000)
        talk.close()

    _, said = crafted(tmp_path, disturb)
    assert [one["offset"] for one in packages(said)] == [0]
    raw = b"".join(one.load for one in said[Raw])
    assert raw == b"z" * 1_200_000


def test_sequence_numbers_that_wrap_lose_nothing(tmp_path: Path) -> None:
    from engine.shapes import SHAPES

    path = tmp_path / "wrap.pcap"
    SHAPES["wrap"]().write(path)
    exchanges = ours("exchanges", path, "--hash")
    for port in {int(one["server"].rsplit(":", 1)[1]) for one in exchanges}:
        layer.gpfdist_port(port)
    sides = read(path)
    hashes = {rows_hash(sides[one["server"], one["client"]]) for one in exchanges if one["method"] == "GET"}
    assert hashes == {one["payload_sha256"] for one in exchanges if one["method"] == "GET"}
