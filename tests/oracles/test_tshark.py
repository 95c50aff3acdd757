"""tshark reads the same captures: connections, heads, and the bytes of each direction must be the same."""

import hashlib
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from craft import Capture
from engine.shapes import SHAPES

from gpinspect.inspection import inspect

FOLDER = Path(__file__).resolve().parent.parent.parent / "captures"
SHIPPED = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".pcap", ".pcapng"))
CRAFTED = [
    "ethernet",
    "vlan",
    "qinq",
    "sll",
    "sll2",
    "null",
    "loop",
    "raw",
    "gre",
    "ipip",
    "vxlan",
    "ip options",
    "fragments",
    "padding",
    "ipv6 ethernet",
    "ipv6 extension headers",
    "ipv6 in ipv4",
    "wrap",
    "half close",
    "lost and sent again",
    "overlaps",
    "out of time order",
    "reused ports",
    "many at once",
    "keep-alives",
]


@cache
def tshark() -> str:
    found = shutil.which("tshark")
    assert found is not None, "tshark is not there: these tests compare with it; apt-get install tshark, or its like"
    return found


def fields(path: Path, wanted: str, *names: str) -> list[list[str]]:
    """Fields of every frame that a display filter lets through, of our ports read as HTTP."""
    command = [tshark(), "-n", "-r", str(path), "-Y", wanted, "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]
    for port in (8080, 8081):
        command += ["-d", f"tcp.port=={port},http"]
    command += ["-o", "tcp.reassemble_out_of_order:TRUE", "-o", "http.desegment_body:FALSE"]  # a body may never end
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 2), done.stderr  # 2: the file is cut
    return [line.split("|") for line in done.stdout.splitlines()]


def followed(path: Path, stream: int) -> tuple[bytes, bytes]:
    """The bytes of both directions of a TCP stream (of who opened it first) as tshark puts them together."""
    command = [tshark(), "-n", "-r", str(path), "-q", "-z", f"follow,tcp,raw,{stream}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 2), done.stderr
    sides = (bytearray(), bytearray())
    for line in done.stdout.splitlines():
        digits = line.strip()
        if digits and all(char in "0123456789abcdef" for char in digits):
            sides[line.startswith("\t")].extend(bytes.fromhex(digits))
    return bytes(sides[0]), bytes(sides[1])


@pytest.fixture
def crafted(tmp_path: Path) -> Path:
    return tmp_path / "crafted.pcap"


def same_connections(path: Path) -> None:
    theirs: dict[str, tuple[set[str], set[int]]] = {}
    for number, *ports in fields(path, "tcp", "tcp.stream", "tcp.srcport", "tcp.dstport"):
        theirs[number.split(",")[-1]] = (set(), {int(port.split(",")[-1]) for port in ports})
    with inspect([str(path)]) as inspection:
        ours = [{connection.client.port, connection.server.port} for connection in inspection.connections]
    assert ours == [ports for _, ports in theirs.values()]


def same_bytes(path: Path, fewest: int) -> None:
    """Bytes of each direction, connection by connection, and at least so many in all."""
    with inspect([str(path)]) as inspection:
        index = inspection._index
        count = len(index.connections)
        sizes = [tuple(stream.position - stream.missing.total for stream in c.streams) for c in index.connections]
    total = 0
    for number in range(count):
        theirs = followed(path, number)
        assert sizes[number] == tuple(map(len, theirs)), number
        total += sum(map(len, theirs))
    assert total >= fewest


def same_payload(path: Path) -> None:
    """The rows of every exchange are the very bytes that stand in tshark's stream."""
    with inspect([str(path)], hashes=True) as inspection:
        for exchange in inspection.exchanges:
            if exchange.zstd:
                continue
            sides = followed(path, exchange.connection - 1)
            pieces = list(inspection.payload(exchange.id))
            state = inspection._found.states[exchange.id - 1]
            asking = state.connection.client_side or 0
            wire = sides[asking if exchange.method == "POST" else 1 - asking]
            base = state.posted_start if exchange.method == "POST" else state.body_start
            for package, position, data in pieces:
                assert base is not None
                start = base + position
                if package is not None:
                    row = exchange.packages[package]
                    start += row.position + row.head
                assert hashlib.sha256(wire[start : start + len(data)]).digest() == hashlib.sha256(data).digest()


def same_heads(path: Path) -> int:
    """Method, target and status of every connection as tshark has them; gives how many answers were compared."""
    asked: dict[int, tuple[str, str]] = {}
    for stream, method, uri in fields(path, "http.request.method", "tcp.stream", "http.request.method", "http.request.uri"):
        asked.setdefault(int(stream), (method, uri))
    codes = fields(path, "http.response.code", "tcp.stream", "http.response.code")
    answered = {int(stream): int(code) for stream, code in codes if code != "100"}
    with inspect([str(path)]) as inspection:
        ours = {exchange.connection - 1: exchange for exchange in inspection.exchanges}
    for stream, head in asked.items():
        if head[0] in ("GET", "POST"):
            assert (ours[stream].method, ours[stream].path) == head
    for stream, status in answered.items():
        assert ours[stream].status == status
    assert {number for number, exchange in ours.items() if exchange.status is not None} == set(answered)
    return len(answered)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_captures_have_tsharks_connections(name: str) -> None:
    same_connections(FOLDER / name)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_captures_have_tsharks_bytes(name: str) -> None:
    same_bytes(FOLDER / name, 500)
    same_payload(FOLDER / name)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_captures_have_tsharks_heads(name: str) -> None:
    assert same_heads(FOLDER / name) > 0


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_captures_have_tsharks_connections_and_bytes(name: str, crafted: Path) -> None:
    capture: Capture = SHAPES[name]()
    capture.write(crafted)
    same_connections(crafted)
    same_bytes(crafted, 1000)
    same_payload(crafted)
