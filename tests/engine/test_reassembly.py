"""Segments in any order against a reassembler that knows nothing but positions: position -> byte, the one captured first."""

import random
from dataclasses import dataclass, field

import pytest
from craft import Capture, Conversation, head, ok_head, request
from craft.tcp import Name, other
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.feeding import Kept, feed, record_ends
from gpinspect.engine.index import Index

LENGTH = 3000


@dataclass
class Naive:
    """What a capture holds of one direction."""

    seen: dict[int, int] = field(default_factory=dict)
    acked: int = 0

    def segment(self, position: int, data: bytes) -> None:
        for at, byte in enumerate(data, position):
            self.seen.setdefault(at, byte)

    @property
    def end(self) -> int:
        """Behind the last byte that was captured or acknowledged."""
        return max(self.acked, max(self.seen, default=-1) + 1)

    def missing(self) -> list[tuple[int, int]]:
        ranges: list[tuple[int, int]] = []
        for at in range(self.end):
            if at not in self.seen:
                if ranges and ranges[-1][1] == at:
                    ranges[-1] = (ranges[-1][0], at + 1)
                else:
                    ranges.append((at, at + 1))
        return ranges


def body_of(chance: random.Random) -> bytes:
    return bytes(chance.randrange(256) for _ in range(LENGTH))


def send_badly(talk: Conversation, side: Name, body: bytes, chance: random.Random, naive: Naive) -> None:
    """Send a body in segments that are lost, late, doubled, swapped and overlapping; the other side acknowledges what it has.

    Bytes that a recorder missed are never sent again, as nothing asked for them.
    """
    start = talk.sides[side].sent
    naive.acked = start
    arrived = bytearray(len(body))
    plan: list[tuple[float, int, bytes, bool]] = []
    at = slot = 0
    while at < len(body):
        size = chance.choice((1, 7, 100, 400))
        data = body[at : at + size]
        fate = chance.random()
        late = chance.random() * 6 if fate < 0.25 else 0.0
        captured = not 0.25 <= fate < 0.33
        plan.append((slot + late, at, data, captured))
        if captured and fate > 0.85:
            plan.append((slot + chance.random() * 8, at, data, True))  # doubled
        if captured and fate > 0.93:
            back = min(at, chance.choice((1, 50, 300)))
            plan.append((slot + chance.random() * 4, at - back, body[at - back : at] + data, True))  # overlaps what came before
        at += size
        slot += 1
    for _, place, data, captured in sorted(plan, key=lambda step: step[0]):
        arrived[place : place + len(data)] = b"\1" * len(data)
        if captured:
            talk.segment(side, data, position=start + place)
            naive.segment(start + place, data)
        if chance.random() < 0.6:
            naive.acked = acknowledge(talk, other(side), start, arrived)
    talk.sides[side].sent = start + len(body)
    naive.acked = acknowledge(talk, other(side), start, arrived)


def acknowledge(talk: Conversation, side: Name, start: int, arrived: bytearray) -> int:
    have = arrived.find(0)
    reached = start + (have if have >= 0 else len(arrived))
    talk.segment(side, ack=reached)
    return reached


def both_ways(seed: int, client_isn: int, server_isn: int) -> tuple[Capture, dict[Name, Naive]]:
    """A POST with a body, and an answer of protocol 0 with another one."""
    chance = random.Random(seed)
    capture = Capture()
    talk = Conversation(capture, client_isn=client_isn, server_isn=server_isn, mss=1400)
    sides: dict[Name, Naive] = {"client": Naive(), "server": Naive()}
    talk.open()
    bodies: dict[Name, bytes] = {"client": body_of(chance), "server": body_of(chance)}
    heads: dict[Name, bytes] = {
        "client": head("GET /a HTTP/1.1", [("X-GP-PROTO", "0")]),
        "server": ok_head(0),
    }
    if seed % 2:
        heads["client"] = head("POST /a HTTP/1.1", [("X-GP-PROTO", "0"), ("Content-Length", str(LENGTH))])
    for side in ("client", "server"):
        naive = sides[side]
        naive.segment(0, heads[side])
        talk.send(side, heads[side])
        if side == "server" or seed % 2:
            send_badly(talk, side, bodies[side], chance, naive)
    if chance.random() < 0.7:
        talk.close()
    return capture, sides


def held(index: Index, store: Kept) -> dict[str, tuple[list[tuple[int, int]], int]]:
    connection = index.connections[0]
    return {
        name: (list(stream.missing), stream.position) for name, stream in zip(("client", "server"), connection.streams, strict=True)
    }


def check(capture: Capture, sides: dict[Name, Naive], post: bool, cuts: list[int] | None) -> None:
    store = Kept()
    index = feed(capture, cuts, store=store)
    for name, (missing, end) in held(index, store).items():
        naive = sides[name]  # type: ignore[index]
        wanted, last = naive.missing(), naive.end
        if wanted and wanted[-1] == (last - 1, last) and end == last - 1:
            del wanted[-1]  # a single byte beyond the captured end that was acknowledged may as well be a FIN
            last = end
        assert missing == wanted, name
        assert end == last
    state = index.connections[0].exchanges[0]
    if not post:
        assert state.body_start is not None
        base, naive = state.body_start, sides["server"]
    else:
        assert state.posted_start is not None
        base, naive = state.posted_start, sides["client"]
    bytes_kept: dict[int, int] = {}
    for _, position, data in store.pieces[state.content_key]:
        for at, byte in enumerate(data, base + position):
            assert at not in bytes_kept, "no byte is delivered twice"
            bytes_kept[at] = byte
    assert bytes_kept == {at: byte for at, byte in naive.seen.items() if at >= base}
    without = feed(capture, cuts)
    assert held(without, store) == held(index, store)


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    client_isn=st.sampled_from((0, 1000, 2**31 - 700, 2**32 - 1500)),
    server_isn=st.sampled_from((5, 2**31 - 200, 2**32 - 900, 2**32 - 2)),
    hand_over=st.sampled_from(("whole", "records", "cuts")),
)
def test_any_order_of_segments_gives_the_bytes_that_came_first(seed: int, client_isn: int, server_isn: int, hand_over: str) -> None:
    capture, sides = both_ways(seed, client_isn, server_isn)
    ends = record_ends(capture)
    chance = random.Random(seed)
    cuts = {"whole": None, "records": ends, "cuts": [chance.randrange(ends[-1]) for _ in range(30)]}[hand_over]
    check(capture, sides, bool(seed % 2), cuts)


def begun(**arguments: object) -> tuple[Capture, Conversation]:
    capture = Capture()
    talk = Conversation(capture, **arguments)  # type: ignore[arg-type]
    talk.open()
    talk.client(request(proto=0))
    talk.server(ok_head(0))
    return capture, talk


def delivered(capture: Capture) -> bytes:
    store = Kept()
    index = feed(capture, store=store)
    return store.joined(index.connections[0].exchanges[0].content_key)


def test_what_was_captured_first_wins_where_bytes_differ() -> None:
    capture, talk = begun()
    talk.server(b"aaaaaaaaaa")
    talk.overlap("server", 5, b"bbbbbbbbbb")
    start = talk.sides["server"].sent
    talk.segment("server", b"cccc", position=start + 4)
    talk.segment("server", b"dddddddddd", position=start)
    talk.sides["server"].sent = start + 10
    talk.ack("client")
    talk.close()
    assert delivered(capture) == b"a" * 10 + b"b" * 5 + b"dddd" + b"cccc" + b"dd"
    index = feed(capture)
    assert index.connections[0].streams[1].differing == 5 + 4


def test_early_bytes_that_came_twice_fill_the_reordering_buffer_once() -> None:
    """A segment that reaches over one that is there already is kept for what is new in it alone."""
    capture, talk = begun()
    gone = talk.lose("server", b"0" * 100)
    start = talk.sides["server"].sent
    talk.segment("server", b"2" * 100, position=start + 100)
    talk.segment("server", b"1" * 250, position=start)  # 100 in front of it, 50 behind
    index = feed(capture, end=False)
    stream = index.connections[0].streams[1]
    assert stream.early_bytes == 250 == sum(len(early.data) for early in stream.early)
    talk.sides["server"].sent = start + 250
    talk.retransmit(gone)
    talk.close()
    assert feed(capture).connections[0].streams[1].early_bytes == 0
    assert delivered(capture) == b"0" * 100 + b"1" * 100 + b"2" * 100 + b"1" * 50


def test_patience_with_one_hole_is_not_spent_on_the_next() -> None:
    """The recorder writes acknowledgments before the data. Once a hole is filled, 0.2 s begin anew for the one behind it."""
    capture, talk = begun(dt=0.0)
    for _ in range(2):
        start = talk.sides["server"].sent
        talk.segment("server", b"b" * 10, position=start + 10)
        talk.segment("server", b"d" * 10, position=start + 30)
        talk.sides["server"].sent = start + 40
        talk.ack("client")
        talk.segment("server", b"a" * 10, position=start, dt=0.15)
        talk.ack("client", dt=0.1)
        talk.segment("server", b"c" * 10, position=start + 20, dt=0.05)
    talk.close()
    assert delivered(capture) == (b"a" * 10 + b"b" * 10 + b"c" * 10 + b"d" * 10) * 2


def test_an_acknowledged_hole_is_given_up_after_a_while() -> None:
    """0.2 s after its acknowledgment nobody waits any more: what follows is told at once, not at the end."""
    capture, talk = begun()
    talk.gap("server", 10)
    talk.server(b"x" * 10)
    capture.wait(0.3)
    talk.server(b"y" * 10)
    index = feed(capture, end=False)
    stream = index.connections[0].streams[1]
    head_bytes = len(ok_head(0))
    assert list(stream.missing) == [(head_bytes, head_bytes + 10)]
    assert stream.position == head_bytes + 30
    assert (stream.capture_loss, stream.network_loss) == (10, 0)


def test_bytes_that_nobody_acknowledged_are_the_networks_loss() -> None:
    capture, talk = begun()
    talk.lose("server", b"z" * 10)
    talk.server(b"x" * 10)
    stream = feed(capture).connections[0].streams[1]
    assert (stream.capture_loss, stream.network_loss) == (0, 10)


def test_a_leftover_of_an_earlier_connection_makes_no_hole() -> None:
    """Its sequence number is 1.5 GiB ahead, where no window reaches."""
    capture, talk = begun()
    talk.segment("server", b"old rows", position=3 << 29)
    talk.server(b"x" * 10)
    talk.close()
    index = feed(capture)
    assert not index.connections[0].streams[1].missing
    assert delivered(capture) == b"x" * 10


@pytest.mark.parametrize("garbage", [b"", b"\0"])
def test_a_keep_alive_is_no_repeated_byte(garbage: bytes) -> None:
    capture, talk = begun()
    talk.server(b"rows\n")
    talk.keep_alive("server", garbage=garbage)
    talk.close()
    stream = feed(capture).connections[0].streams[1]
    assert (stream.resent, stream.differing, len(stream.missing)) == (0, 0, 0)


def test_bytes_cut_by_the_snap_length_are_missing_and_counted() -> None:
    capture = Capture(snaplen=54 + 40)
    talk = Conversation(capture)
    talk.open()
    talk.recording = True
    for at in range(0, 400, 40):
        talk.client(request(proto=0)[at : at + 40])
    talk.client(request(proto=0)[400:], mss=40)
    talk.server(ok_head(0), mss=40)
    talk.server(b"r" * 100)
    talk.close()
    index = feed(capture)
    stream = index.connections[0].streams[1]
    start = len(ok_head(0))
    assert list(stream.missing) == [(start + 40, start + 100)]
    assert [(notice.code, notice.values) for notice in index.notices()] == [("GPI005", {"frames": 1, "bytes": 60})]


def test_fragments_that_overlap_without_end_are_not_kept() -> None:
    from gpinspect.engine.link import LARGEST_DATAGRAM, MOST_PIECES, Decoder

    decoder = Decoder()
    frame = bytearray(Capture().link.to_bytes(14, "big") + bytes(20 + 1000))
    frame[12:14] = b"\x08\x00"
    frame[14] = 0x45
    frame[16:18] = (1020).to_bytes(2, "big")
    frame[23] = 6
    for place in range(8000):
        frame[20:22] = (0x2000 | (place % 8000)).to_bytes(2, "big")
        decoder.decode(1, bytes(frame), len(frame))
        held_bytes = sum(len(piece) for pieces in decoder._fragments.values() for piece in pieces.values())
        assert held_bytes <= 2 * LARGEST_DATAGRAM
        assert sum(map(len, decoder._fragments.values())) <= MOST_PIECES
