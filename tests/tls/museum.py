"""The recorded truth: captures with their sidecars, and conversations of OpenSSL's own tools with what was typed into them."""

import json
from functools import cache
from pathlib import Path

from gpinspect.engine.tls.keys import KeyStore

from .streams import Stream, embedded_secrets, streams

CAPTURES = Path(__file__).parents[2] / "captures" / "tls"
RECORDINGS = Path(__file__).parent / "recordings"

NAMES = sorted(path.stem for path in CAPTURES.glob("*.json"))
RECORDED = sorted(path.stem for path in RECORDINGS.glob("*.json"))


@cache
def sidecar(name: str) -> dict:
    return json.loads((CAPTURES / f"{name}.json").read_text())


@cache
def connections(name: str) -> dict[int, Stream]:
    facts = sidecar(name)
    return streams(CAPTURES / facts["file"], facts["server_port"])


def events(name: str) -> list:
    """Events of the first connection of a capture."""
    return connections(name)[sidecar(name)["connections"][0]["client_port"]].events


def keylog(name: str) -> bytes:
    (file,) = [file for file in sidecar(name)["keys"] if file.endswith(".keylog")]
    return (CAPTURES / file).read_bytes()


def store(*files: str, text: bytes = b"") -> KeyStore:
    """A key store with key files of the captures (keys/…) and key log text."""
    keys = KeyStore()
    for file in files:
        data = (CAPTURES / file).read_bytes()
        if file.endswith(".key"):
            keys.add_server_key(data, None, Path(file).name)
        else:
            keys.add_keylog(data, file)
    if text:
        keys.add_keylog(text, "text")
    return keys


def key_sets(name: str) -> list[tuple[str, KeyStore]]:
    """The ways in which the sidecar says that a capture opens, each with a fresh key store."""
    facts = sidecar(name)
    if facts["embedded_secrets"]:
        keys = KeyStore()
        keys.add_dsb(embedded_secrets(CAPTURES / facts["file"]))
        return [("embedded", keys)]
    if facts["each_key_alone"]:
        return [(file, store(file)) for file in facts["keys"]]
    return [("all", store(*facts["keys"]))]


@cache
def recording(name: str) -> dict:
    return json.loads((RECORDINGS / f"{name}.json").read_text())


def recorded_events(name: str) -> list:
    return [("bytes", side, bytes.fromhex(data), 10**18 + n, n + 1) for n, (side, data) in enumerate(recording(name)["events"])]


def recorded_keys(name: str) -> KeyStore:
    keys = KeyStore()
    keys.add_keylog("\n".join(recording(name)["keylog"]).encode() + b"\n")
    return keys


def recorded_plain(name: str) -> tuple[bytes, bytes]:
    return recording(name)["client_sent"].encode(), recording(name)["server_sent"].encode()


def recording_server_key() -> KeyStore:
    keys = KeyStore()
    keys.add_server_key((RECORDINGS / "server.key").read_bytes(), None, "server.key")
    return keys


def first_of(events: list, side: int) -> int:
    """Index of the first event of a side."""
    return next(index for index, event in enumerate(events) if event[1] == side)


def positions(events: list, side: int) -> bytes:
    """All bytes of a side that were captured, joined."""
    return b"".join(value for what, where, value, *_ in events if what == "bytes" and where == side)


def records(stream: bytes) -> list[tuple[int, int, int]]:
    """(type, position of the header, length of the fragment) of the records of a whole stream: a second, naive reader."""
    found, at = [], 0
    while at + 5 <= len(stream):
        length = int.from_bytes(stream[at + 3 : at + 5], "big")
        found.append((stream[at], at, length))
        at += 5 + length
    return found


def punch(events: list, side: int, start: int, end: int) -> list:
    """The same events without the bytes [start, end) of a side: a hole stands in their place."""
    out, position = [], 0
    for event in events:
        what, where, value, ns, frame = event
        if where != side or what != "bytes":
            out.append(event)
            continue
        first, last = position, position + len(value)
        position = last
        low, high = max(first, start), min(last, end)
        if low >= high:
            out.append(event)
            continue
        if first < low:
            out.append((what, side, value[: low - first], ns, frame))
        out.append(("hole", side, high - low, ns, frame))
        if high < last:
            out.append((what, side, value[high - first :], ns, frame))
    return out


def flip(events: list, side: int, position: int) -> list:
    """The same events with one bit of a side's stream turned."""
    out, at = [], 0
    for event in events:
        what, where, value, ns, frame = event
        if what == "bytes" and where == side:
            if at <= position < at + len(value):
                changed = bytearray(value)
                changed[position - at] ^= 1
                event = (what, side, bytes(changed), ns, frame)
            at += len(value)
        out.append(event)
    return out
