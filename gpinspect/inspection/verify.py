"""gpinspect and tshark with our Lua dissector read the same capture; every difference is named.

Two implementations that share a grammar and nothing else. Compared are heads, messages, packages, payload, what is missing, and the
findings that both can make.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gpinspect.engine.inflate import Gathered, Inflater
from gpinspect.inspection.verify_tshark import SeenConnection, SeenExchange, see
from gpinspect.model import UNKNOWN, Exchange, Package
from gpinspect.views.objects import wire_text

if TYPE_CHECKING:
    from gpinspect.inspection import Inspection
    from gpinspect.inspection.secrets import Passphrase

__all__ = ["Difference", "Verified", "verify"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that gpinspect and tshark do not have alike. `connection` counts from 1, `exchange` within it; None: no such."""

    capture: str
    connection: int
    exchange: int | None
    what: str
    ours: str
    tshark: str

    def __str__(self) -> str:
        where = f"connection {self.connection}" + (f", exchange {self.exchange}" if self.exchange is not None else "")
        return f"{where}: {self.what}: gpinspect {self.ours}, tshark {self.tshark}"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was compared in one capture, and what differs."""

    capture: str
    connections: int
    exchanges: int
    messages: int
    packages: int
    payload_bytes: int
    codes: int
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...] = ()  # connections that were not compared, and why


def _text(value: object) -> str | None:
    return None if value is None else _printable(wire_text(str(value)) or "")


def _printable(text: str) -> str:
    """As the dissector writes text of the wire: controls as escapes."""
    return "".join(f"\\x{ord(char):02x}" if ord(char) < 0x20 or ord(char) == 0x7F else char for char in text)


REQUEST: Final[dict[str, Callable[[Exchange], object]]] = {
    "method": lambda exchange: exchange.method,
    "path": lambda exchange: exchange.path,
    "xid": lambda exchange: exchange.xid,
    "cid": lambda exchange: exchange.cid,
    "sn": lambda exchange: exchange.sn,
    "segment_id": lambda exchange: exchange.segment,
    "segment_count": lambda exchange: exchange.segment_count,
    "proto": lambda exchange: exchange.proto,
    "seq": lambda exchange: exchange.seq,
    "content_length": lambda exchange: exchange.content_length,
    "csvopt": lambda exchange: exchange.csvopt,
    "database": lambda exchange: exchange.database,
    "user": lambda exchange: exchange.user,
    "session_id": lambda exchange: exchange.gp_session_id,
    "transform": lambda exchange: exchange.transform,
    "seg_datadir": lambda exchange: exchange.data_directory,
}
"""Fields of a request head, and where an exchange has them."""

ANSWER: Final[dict[str, Callable[[Exchange], object]]] = {
    "status": lambda exchange: exchange.status,
    "reason": lambda exchange: exchange.reason,
    "http_version": lambda exchange: exchange.http_version,
    "proto": lambda exchange: exchange.response_proto,
    "version": lambda exchange: exchange.server_version,
}

DIRECTIONS: Final = frozenset({"GPI020", "GPI021", "GPI023", "GPI109"})
"""Findings that gpinspect makes once a direction, and tshark where it meets them: compared as made or not made."""

LOST_IN_TLS: Final = "the capture lacks bytes of its TLS records; tshark decrypts nothing that stands behind them, gpinspect does"
"""Why a connection is not compared."""


def verify(
    path: str,
    dissector: str,
    codes: Collection[str],
    *,
    keylogs: Sequence[str] = (),
    server_keys: Sequence[str] = (),
    passphrase: "Passphrase | None" = None,
) -> Verified:
    """Read one capture with both and compare.

    Args:
        dissector: The text of gpfdist.lua.
        codes: Findings that it can make.

    Raises:
        CaptureError: The input is no capture.
        SourceError: tshark is missing, or the dissector does not run in it.
        TlsKeyError: Key material cannot be read.
    """
    from gpinspect.capture.tshark import tshark_path
    from gpinspect.inspection import inspect

    tool = tshark_path()
    with inspect([path], keylogs=keylogs, server_keys=server_keys, passphrase=passphrase, hashes=True) as ours:
        return compare(path, ours, see(tool, dissector, path, keylogs, server_keys), codes)


def compare(path: str, ours: "Inspection", seen: dict[int, SeenConnection], codes: Collection[str]) -> Verified:
    """Name what differs between an inspection and what tshark showed."""
    by_connection: dict[int, list[Exchange]] = {}
    for exchange in ours.exchanges:
        by_connection.setdefault(exchange.connection, []).append(exchange)
    counted = _codes(ours, codes)
    differences: list[Difference] = []
    left_out: list[str] = []

    def differ(connection: int, exchange: int | None, what: str, mine: object, theirs: object) -> None:
        if mine != theirs:
            differences.append(Difference(path, connection, exchange, what, _shown(mine), _shown(theirs)))

    for number in sorted(by_connection.keys() | {stream + 1 for stream in seen}):
        there = seen.get(number - 1, SeenConnection())
        here = by_connection.get(number, [])
        numbers = [key for key, exchange in sorted(there.exchanges.items()) if exchange.visible]
        if not here and not numbers:
            continue
        connection = ours.connections[number - 1]
        if connection.tls and connection.missing_bytes:
            left_out.append(f"connection {number}: {LOST_IN_TLS}")
            continue
        differ(number, None, "exchanges", len(here), len(numbers))
        for place, (exchange, key) in enumerate(zip(here, numbers, strict=False), 1):
            for what, mine, theirs in _exchange(exchange, there.exchanges[key]):
                differ(number, place, what, mine, theirs)
        for code in sorted(counted[number].keys() | there.codes.keys()):
            mine_count, their_count = counted[number][code], there.codes[code]
            if code in DIRECTIONS:
                mine_count, their_count = min(mine_count, 1), min(their_count, 1)
            differ(number, None, f"findings {code}", mine_count, their_count)
        if not connection.tls:
            differ(number, None, "missing bytes", connection.missing_bytes, there.lost)
    return Verified(
        path,
        len(by_connection),
        len(ours.exchanges),
        sum(sum(exchange.message_counts) for exchange in ours.exchanges if exchange.message_counts is not None),
        sum(len(exchange.packages) for exchange in ours.exchanges),
        sum(exchange.payload_bytes for exchange in ours.exchanges),
        sum(sum(each.values()) for each in counted.values()),
        tuple(differences),
        tuple(left_out),
    )


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)


def _codes(ours: "Inspection", codes: Collection[str]) -> dict[int, Counter[str]]:
    """Findings that the dissector can make as well, by connection."""
    connections = {exchange.connection for exchange in ours.exchanges}
    counted: dict[int, Counter[str]] = {number: Counter() for number in range(1, len(ours.connections) + 1)}
    for weird in ours.weirds:
        if weird.code in codes and weird.connection in connections:
            counted[weird.connection][weird.code] += 1
    for exchange in ours.exchanges:
        counted[exchange.connection]["GPI201"] += len(exchange.errors)
        refused = exchange.status is not None and exchange.status >= 400 and exchange.server_version is not None
        counted[exchange.connection]["GPI203"] += refused
    return counted


def _exchange(ours: Exchange, seen: SeenExchange) -> Iterator[tuple[str, object, object]]:
    """Name, our value, tshark's value."""
    if ours.captured_request:
        for name, of in REQUEST.items():
            yield f"request {name}", _text(of(ours)), seen.request.get(name)
    for name, of in ANSWER.items():
        yield f"answer {name}", _text(of(ours)), seen.answer.get(name)
    counts = {} if ours.message_counts is None else ours.message_counts._asdict()
    for letter in "FOLDE":
        yield f"messages {letter}", counts.get(letter, 0), seen.counts[letter]
    yield "packages", len(ours.packages), len(seen.packages)
    for index, package in enumerate(ours.packages):
        for what, mine, theirs in _package(ours, package, seen.packages.get(index, {})):
            yield f"package {index} {what}", mine, theirs
    yield "errors", [_text(text) for text in ours.errors], seen.errors
    yield "payload SHA-256", ours.payload_sha256, _payload_hash(ours, seen)


def _package(exchange: Exchange, package: Package, seen: dict[str, str]) -> Iterator[tuple[str, object, object]]:
    name = exchange.packages.file_name(package)
    yield "kind", package.kind_name, seen.get("package.kind")
    yield "position", str(package.position), seen.get("package.position")
    yield "length", str(package.length), seen.get("package.length")
    yield "file", None if name is None else _printable(wire_text(name) or ""), seen.get("package.file")
    yield "offset", _number(package.offset), seen.get("package.offset")
    yield "line", _number(package.line), seen.get("package.line")
    if not exchange.zstd:
        yield "complete", "1" if package.complete else "0", seen.get("package.complete", "0")
    yield "first frame", str(package.frame), seen.get("package.first")
    if package.complete:
        yield "last frame", str(package.end_frame), seen.get("package.last")


def _number(value: int) -> str | None:
    return None if value == UNKNOWN else str(value)


def _payload_hash(ours: Exchange, seen: SeenExchange) -> str:
    digest = hashlib.sha256()
    kinds = {index: package.get("package.kind") for index, package in seen.packages.items()}
    pieces = [piece for piece in seen.pieces if piece.package is None or kinds.get(piece.package, "data") == "data"]
    pieces.sort(key=lambda piece: (-1 if piece.package is None else piece.package, piece.position))
    if not ours.zstd:
        for piece in pieces:
            digest.update(piece.data)
        return digest.hexdigest()
    inflaters: dict[int | None, Inflater] = {}
    for piece in pieces:
        data = piece.data
        while data:
            inflater = inflaters.get(piece.package)
            if inflater is None or (inflater.done and piece.package is None):
                inflater = inflaters[piece.package] = Inflater(None)
            if inflater.done or inflater.problem:
                break
            gathered = Gathered()
            used = inflater.feed(data, 0, len(data), gathered)
            digest.update(bytes(gathered.out))
            data = data[used:]
    return digest.hexdigest()
