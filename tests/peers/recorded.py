"""Recorded conversations: what each side of each connection of a capture sent, joined without our own engine.

Also what is needed to hold a server against them: the source files as far as the packages carry them, and packages taken apart.
"""

import asyncio
import bz2
import gzip
import re
import struct
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import dpkt
import zstandard

VERSION = re.compile(rb"X-GPFDIST-VERSION: ([^\r]*)\r\n")


@dataclass
class Talk:
    """Both sides of one connection."""

    client: bytes = b""
    server: bytes = b""
    number: int = 0  # by the first frame
    syn: dict[bool, int] = field(default_factory=dict)
    pieces: dict[bool, dict[int, bytes]] = field(default_factory=lambda: {True: {}, False: {}})
    reset: bool = False
    server_port: int = 0
    start: int = 0  # frame of the SYN
    end: int = 1 << 60  # frame of the server's first FIN or RST

    @property
    def head(self) -> bytes:
        return self.client.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"

    @property
    def answer(self) -> tuple[bytes, bytes]:
        """Head and body of the final answer."""
        head, mark, body = self.server.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
        return head + mark, body

    def header(self, name: str) -> str | None:
        found = re.search(rb"(?i)^" + name.encode() + rb":\s*([^\r\n]*)", self.client.partition(b"\r\n\r\n")[0], re.M)
        return found[1].decode() if found else None

    @property
    def path(self) -> str:
        return self.client.split(b" ", 2)[1].decode("latin-1") if self.client.count(b" ") > 1 else ""

    @property
    def method(self) -> str:
        return self.client.split(b" ", 1)[0].decode("latin-1")

    @property
    def session(self) -> tuple[str | None, ...]:
        return (self.method, *(self.header(n) for n in ("X-GP-XID", "X-GP-CID", "X-GP-SN", "X-GP-PROTO")), self.path)


def talks(capture: Path) -> list[Talk]:
    """Every connection of a capture, in order of its SYN; each side's bytes up to the first that is missing."""
    found: dict[tuple[bytes, int, bytes, int], Talk] = {}
    done: list[Talk] = []
    with capture.open("rb") as file:
        reader = dpkt.pcapng.Reader(file) if capture.suffix == ".pcapng" else dpkt.pcap.Reader(file)
        try:
            for frame, (_, data) in enumerate(reader):
                _take(reader.datalink(), data, found, done, frame)
        except (dpkt.NeedData, dpkt.UnpackError, ValueError):
            pass
    for talk in done:
        for client in (True, False):
            joined = _join(talk.pieces[client], talk.syn.get(client))
            if client:
                talk.client = joined
            else:
                talk.server = joined
    return [talk for talk in done if talk.client]


def _take(link: int, data: bytes, found: dict[tuple[bytes, int, bytes, int], Talk], done: list[Talk], number: int) -> None:
    frame = {1: dpkt.ethernet.Ethernet, 113: dpkt.sll.SLL, 276: dpkt.sll2.SLL2}[link](data)
    packet = frame.data
    if not isinstance(packet, (dpkt.ip.IP, dpkt.ip6.IP6)) or not isinstance(packet.data, dpkt.tcp.TCP):
        return
    tcp = packet.data
    there, back = (packet.src, tcp.sport, packet.dst, tcp.dport), (packet.dst, tcp.dport, packet.src, tcp.sport)
    if tcp.flags & dpkt.tcp.TH_SYN and not tcp.flags & dpkt.tcp.TH_ACK:
        known = found.get(there)
        if known is None or known.syn.get(True) != (tcp.seq + 1) & 0xFFFFFFFF:
            found.pop(back, None)
            found[there] = Talk(number=len(done), server_port=tcp.dport, start=number)
            done.append(found[there])
        found[there].syn[True] = (tcp.seq + 1) & 0xFFFFFFFF
        return
    talk, client = (found[there], True) if there in found else (found.get(back), False)
    if talk is None:
        return
    if tcp.flags & dpkt.tcp.TH_SYN:
        talk.syn[False] = (tcp.seq + 1) & 0xFFFFFFFF
        return
    if not client and tcp.flags & (dpkt.tcp.TH_FIN | dpkt.tcp.TH_RST):
        talk.end = min(talk.end, number)
    talk.reset = talk.reset or bool(tcp.flags & dpkt.tcp.TH_RST)
    if (tcp.data and tcp.seq not in talk.pieces[client]) or (tcp.data and len(tcp.data) > len(talk.pieces[client][tcp.seq])):
        talk.pieces[client][tcp.seq] = bytes(tcp.data)


def _join(pieces: dict[int, bytes], start: int | None) -> bytes:
    if start is None:
        return b""
    out = bytearray()
    for position, data in sorted(((seq - start) & 0xFFFFFFFF, data) for seq, data in pieces.items()):
        if position > len(out):
            break
        out[position:] = data if position + len(data) > len(out) else bytes(out[position:])
    return bytes(out)


@dataclass(frozen=True)
class Package:
    file: bytes
    offset: int
    line: int
    rows: bytes


def packages(body: bytes, compressed: bool) -> tuple[list[Package], bytes]:
    """Packages of a body of protocol 1, and what stands behind the last of them."""
    out = []
    position = 0
    while body[position : position + 1] == b"F":
        (length,) = struct.unpack_from(">I", body, position + 1)
        name = body[position + 5 : position + 5 + length]
        at = position + 5 + length
        if len(body) < at + 31:
            break
        o, eight, offset, line_letter, eight2, line, d, size = struct.unpack_from(">BIQBIQBI", body, at)
        assert (o, eight, line_letter, eight2, d) == (0x4F, 8, 0x4C, 8, 0x44)
        at += 31
        if compressed:
            frame = zstandard.ZstdDecompressor().decompressobj()
            rows = frame.decompress(body[at:])
            if not frame.eof:
                break
            at = len(body) - len(frame.unused_data)
        else:
            rows = body[at : at + size]
            at += size
        if len(rows) != size:
            break
        out.append(Package(name, offset, line, rows))
        position = at
    return out, body[position:]


def sources(all_talks: list[Talk]) -> dict[bytes, bytes]:
    """Files whose packages tile them from a first offset (the header row, made up here) on; nothing else."""
    seen: dict[bytes, dict[int, bytes]] = {}
    for talk in all_talks:
        if talk.method == "GET" and talk.header("X-GP-PROTO") == "1":
            head, body = talk.answer
            for package in packages(body, b"X-GP-ZSTD" in head)[0]:
                seen.setdefault(package.file, {})[package.offset] = package.rows
    files = {}
    for name, blocks in seen.items():
        first = min(blocks)
        data = b"h" * (first - 1) + b"\n" if first else b""
        for offset, rows in sorted(blocks.items()):
            if offset != len(data):
                break
            data += rows
        else:
            files[name] = data
    return files


def folder_of(name: bytes, path: str) -> bytes | None:
    """The directory that was served, from a name in F and the path that was asked for."""
    part = unquote(path).lstrip("/").split("#")[0]
    fixed = re.split(r"[*?\[ ]", part)[0].rstrip("/")
    at = name.find(b"/" + fixed.encode("latin-1"))
    return name[:at] if at >= 0 else None


def lay_out(all_talks: list[Talk], root: Path) -> str:
    """Write what was read into `root`, as far as it is known; the directory that clients are told."""
    shown = b"/data/etl"
    for name, data in sources(all_talks).items():
        asked = [talk.path for talk in all_talks if talk.method == "GET"]
        shown = next((found for path in asked if (found := folder_of(name, path)) is not None), shown)
        place = root / name[len(shown) + 1 :].decode()
        place.parent.mkdir(parents=True, exist_ok=True)
        pack = {".gz": gzip.compress, ".bz2": bz2.compress}.get(place.suffix, bytes)
        place.write_bytes(pack(data))
    for talk in all_talks:
        place = root / talk.path.partition("?")[0].lstrip("/")
        if talk.method == "GET" and talk.header("X-GP-PROTO") == "0" and not place.exists():
            header = b"h\n" if "h1" in (talk.header("X-GP-CSVOPT") or "") else b""
            place.write_bytes(header + talk.answer[1])
        if talk.method == "POST":
            place.parent.mkdir(parents=True, exist_ok=True)
    return shown.decode()


def version_of(all_talks: list[Talk]) -> str:
    found = VERSION.search(b"".join(talk.server for talk in all_talks))
    return found[1].decode() if found else "unknown"


async def play(host: str, port: int, all_talks: list[Talk]) -> list[bytes]:
    """Ask everything again, each request when those whose answers had ended before it are answered; the answers in order."""
    done = {talk.number: asyncio.Event() for talk in all_talks}

    async def one(talk: Talk) -> bytes:
        for other in all_talks:
            if other.end < talk.start:
                await done[other.number].wait()
        try:
            return await ask(host, port, talk.client)
        finally:
            done[talk.number].set()

    return await asyncio.gather(*[one(talk) for talk in all_talks])


def form(answer: bytes) -> tuple[bytes, bytes]:
    """An answer without its packages: head, and what stands behind the packages."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, packages(body, b"X-GP-ZSTD" in head)[1]


async def ask(host: str, port: int, request: bytes) -> bytes:
    """Send a request, and give all that comes until the server's FIN."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


def told(answer: bytes) -> Counter[Package]:
    """The packages of an answer, plain or compressed, each counted."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return Counter(packages(body, b"X-GP-ZSTD" in head)[0])
