"""One conversation seen at two points: both captures are derived from the same frames, so offset, delay and loss are known."""

import random
from collections.abc import Collection
from pathlib import Path

from craft import END, Block, Capture, Conversation, Record, ok_head, request

OFFSET_NS = 37_500_000
TO_SERVER_NS = 400_000
TO_CLIENT_NS = 400_000
SERVER_IP = bytes((10, 0, 0, 9))


def from_server(record: Record) -> bool:
    """Whether the IPv4 source of an Ethernet frame is the server."""
    return record.data[26:30] == SERVER_IP


def payload_of(record: Record) -> int:
    """Bytes of TCP payload of an Ethernet frame."""
    total = int.from_bytes(record.data[16:18], "big")
    return total - 20 - (record.data[46] >> 4) * 4


def derive(
    capture: Capture,
    folder: Path,
    *,
    offset_ns: int = OFFSET_NS,
    to_server_ns: int = TO_SERVER_NS,
    to_client_ns: int = TO_CLIENT_NS,
    lost: Collection[int] = (),
    unseen_far: Collection[int] = (),
    unseen_near: Collection[int] = (),
    drift_ppb: int = 0,
    jitter_ns: int = 0,
    seed: int = 1,
) -> tuple[Path, Path]:
    """Captures near the client and near the server of a conversation that was written as somebody in the middle would see it.

    A frame passes its sender's end at the time written, the other end one delay later. The clock at the server is ahead.

    Args:
        lost: Indices of frames that do not reach the other end.
        unseen_far, unseen_near: Indices that the recorder at the receiver's end, or at the sender's, does not see.
    """
    chance = random.Random(seed)
    near, far = Capture(), Capture()
    start = capture.records[0].time_ns
    sides: tuple[list[Record], list[Record]] = ([], [])
    for index, record in enumerate(capture.records):
        back = from_server(record)
        delay = (to_client_ns if back else to_server_ns) + (chance.randrange(jitter_ns) if jitter_ns else 0)
        here = record.time_ns + (delay if back else 0)
        there = record.time_ns + (0 if back else delay)
        there += offset_ns + (there - start) * drift_ppb // 1_000_000_000
        received, sent = (0, 1) if back else (1, 0)
        times = (here, there)
        if index not in lost and index not in unseen_far:
            sides[received].append(record._replace(time_ns=times[received]))
        if index not in unseen_near:
            sides[sent].append(record._replace(time_ns=times[sent]))
    for side, made in zip(sides, (near, far), strict=True):
        made.records = sorted(side, key=lambda record: record.time_ns)
    return near.write(folder / "near.pcap"), far.write(folder / "far.pcap")


def load(capture: Capture, packages: int = 12, size: int = 4000, gap: float = 0.01, segments: int = 2) -> list[Conversation]:
    """A read whose packages are dealt out in turn, one every `gap` seconds."""
    talks = [Conversation(capture, ("10.0.0.1", 40000 + number), dt=0.002) for number in range(segments)]
    for number, talk in enumerate(talks):
        talk.open()
        talk.client(request("/a.txt", segment=number, count=segments))
        talk.server(ok_head(1))
    for number in range(packages):
        block = Block("/data/a.txt", number * size, number, b"x" * (size - 1) + b"\n")
        capture.wait(gap)
        talks[number % segments].server(block.bytes, dt=0.0001)
    for talk in talks:
        talk.server(END)
        talk.close()
    return talks
