"""Whole healthy sessions, and the truth about them as it was known before a byte was written."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from craft.files import Capture
from craft.gpfdist import END, Block, blocks, late_reply, ok_head, post, request
from craft.tcp import Conversation

TURN = 3  # packages that the server gives to one connection before it looks at the next


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class FileTruth:
    name: str
    first_offset: int
    bytes: int
    packages: int
    sha256: str  # of what is delivered: without a header row


@dataclass(frozen=True)
class ExchangeTruth:
    segment: int
    payload_bytes: int
    payload_sha256: str
    message_counts: dict[str, int] | None
    outcome: str  # word of the JSON contract
    packages: tuple[tuple[str, int, int, int], ...] = ()  # (file, offset, line, length)


@dataclass(frozen=True)
class ReadTruth:
    files: dict[str, FileTruth]
    exchanges: tuple[ExchangeTruth, ...]  # by Greenplum segment
    payload_bytes: int
    payload_sha256: str  # files by name, each by offset
    conversations: tuple[Conversation, ...] = field(repr=False)


@dataclass(frozen=True)
class WriteTruth:
    exchanges: tuple[ExchangeTruth, ...]  # in order of connection
    payload_bytes: int
    payload_sha256: str  # bodies by Greenplum segment, then SEQ


def read_session(
    capture: Capture,
    files: Mapping[str, bytes],
    segments: int = 4,
    *,
    package_size: int = 32768,
    late: int = 0,
    path: str = "/data.txt",
    server: tuple[str, int] = ("10.0.0.9", 8080),
    client_hosts: Sequence[str] = ("10.0.0.1",),
    first_port: int = 40000,
    header: bool = False,
    csv: bool = False,
    conversation: Mapping[str, Any] | None = None,
    **naming: Any,
) -> ReadTruth:
    """A read that `segments` Greenplum segments share, up to three packages a turn; the last `late` of them come too late.

    Args:
        files: Content by absolute name, in the order in which the server opens them.
        conversation: More arguments of `Conversation`.
        naming: More arguments of `request`, such as xid, cid, sn, csvopt, delimiter.
    """
    cut = {name: blocks(name, content, package_size, header=header, csv=csv) for name, content in files.items()}
    queue = [block for name in files for block in cut[name]]
    dealt: list[list[Block]] = [[] for _ in range(segments)]
    talks = [
        Conversation(capture, (client_hosts[number % len(client_hosts)], first_port + number), server, **(conversation or {}))
        for number in range(segments)
    ]
    wanted = [request(path, segment=number, count=segments, **naming) for number in range(segments)]
    early = segments - late
    for number, talk in enumerate(talks[:early]):
        talk.open()
        talk.client(wanted[number])
        talk.server(ok_head(1))
    turn = 0
    while queue:
        for block in queue[:TURN]:
            talks[turn].server(block.head)
            talks[turn].server(block.data)
            dealt[turn].append(block)
        del queue[:TURN]
        turn = (turn + 1) % early
    for talk in talks[:early]:
        talk.server(END)
        talk.close()
    for number, talk in enumerate(talks[early:], early):
        talk.open()
        talk.client(wanted[number])
        talk.server(late_reply(1))
        talk.close()
    whole = {name: b"".join(block.data for block in cut[name]) for name in files}
    everything = b"".join(whole[name] for name in sorted(whole))
    return ReadTruth(
        files={
            name: FileTruth(name, cut[name][0].offset, len(data), len(cut[name]), sha256(data))
            for name, data in whole.items()
            if cut[name]
        },
        exchanges=tuple(_read_truth(number, dealt[number], number >= early) for number in range(segments)),
        payload_bytes=len(everything),
        payload_sha256=sha256(everything),
        conversations=tuple(talks),
    )


def write_session(
    capture: Capture,
    bodies: Sequence[Sequence[bytes]],
    *,
    path: str = "/out.txt",
    server: tuple[str, int] = ("10.0.0.9", 8080),
    client_hosts: Sequence[str] = ("10.0.0.1",),
    first_port: int = 40000,
    conversation: Mapping[str, Any] | None = None,
    **naming: Any,
) -> WriteTruth:
    """A write: per Greenplum segment OPEN, its bodies, DONE, each a connection of its own.

    A segment without bodies sends nothing.
    """
    exchanges: list[ExchangeTruth] = []
    for number, parts in enumerate(bodies):
        steps = [(1, b"", False), *((2 + index, body, False) for index, body in enumerate(parts)), (1 + len(parts), b"", True)]
        for seq, body, done in steps if parts else []:
            host = client_hosts[number % len(client_hosts)]
            talk = Conversation(capture, (host, first_port + len(exchanges)), server, **(conversation or {}))
            talk.open()
            talk.client(post(seq, body, done, path=path, segment=number, count=len(bodies), **naming))
            talk.server(ok_head(0))
            talk.close()
            exchanges.append(ExchangeTruth(number, len(body), sha256(body), None, "accepted"))
    whole = b"".join(body for parts in bodies for body in parts)
    return WriteTruth(tuple(exchanges), len(whole), sha256(whole))


def _read_truth(number: int, dealt: list[Block], late: bool) -> ExchangeTruth:
    payload = b"".join(block.data for block in dealt)
    counts = {"F": len(dealt), "O": len(dealt), "L": len(dealt), "D": len(dealt) + 1, "E": 0}
    rows = tuple((block.name, block.offset, block.line, len(block.data)) for block in dealt)
    return ExchangeTruth(number, len(payload), sha256(payload), counts, "late" if late else "complete", rows)
