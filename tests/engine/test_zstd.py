"""Compressed rows: frames whole, cut anywhere, damaged, with holes, and bombs."""

import random
import resource
import time

import pytest
import zstandard
from craft import END, Capture, Conversation, error_head, message, ok_head, package_head, post, request

from engine.feeding import Kept, exchanges, feed, one, told
from gpinspect.engine.inflate import MAGIC, Inflater
from gpinspect.grammar.zstd import BLOCK_HEAD, FrameHead, block_head, frame_head
from gpinspect.model.packages import DATA

ROWS = b"".join(b"%d,%d,text of row %d\n" % (n, n * n % 977, n) for n in range(20_000))
OFFER = [("X-GP-ZSTD", "1")]


def squeezed(rows: bytes, level: int = 1) -> bytes:
    """A frame as a server makes it: no content size, no checksum."""
    return zstandard.ZstdCompressor(level=level, write_content_size=False).compress(rows)


def read(*parts: bytes, mss: int = 1448, proto: int = 1, close: bool = True) -> Capture:
    capture = Capture()
    talk = Conversation(capture, mss=mss)
    talk.open()
    talk.client(request(proto=proto, extra=OFFER))
    talk.server(ok_head(proto, zstd=1))
    for part in parts:
        talk.server(part)
    if close:
        talk.close()
    return capture


def packed(offset: int, rows: bytes) -> bytes:
    return package_head("/a", offset, 0, len(rows)) + squeezed(rows)


def whole_blocks(frame: bytes) -> int:
    """Decompressed bytes of the whole zstd blocks in a cut frame, by its block heads and the size of their content."""
    head = frame_head(frame)
    if not isinstance(head, FrameHead):
        return 0
    at, blocks = head.length, 0
    while (block := block_head(frame[at : at + BLOCK_HEAD])) is not None:
        at += BLOCK_HEAD + block.size_on_wire
        if at > len(frame):
            break
        blocks += 1
        if block.last:
            return len(ROWS)
    return blocks * (128 << 10)


def test_frames_are_counted_by_what_they_hold() -> None:
    kept = Kept()
    exchange = one(read(packed(0, ROWS[:30_000]), packed(30_000, ROWS[30_000:60_000]), END), store=kept)
    assert (exchange.payload_bytes, exchange.zstd, exchange.outcome) == (60_000, True, "complete")
    assert kept.joined(1) == ROWS[:60_000]
    assert exchange.message_counts == (2, 2, 2, 3, 0)


@pytest.mark.parametrize("mss", [1, 3, 100])
def test_frames_cut_into_small_segments_give_the_same(mss: int) -> None:
    parts = (packed(0, ROWS[:3000]), packed(3000, ROWS[3000:3001]), packed(3001, ROWS[3001:9000]), END)
    kept = Kept()
    exchange = one(read(*parts, mss=mss), store=kept)
    assert kept.joined(1) == ROWS[:9000]
    assert (exchange.payload_bytes, exchange.message_counts) == (9000, (3, 3, 3, 4, 0))
    assert told(feed(read(*parts, mss=mss))) == told(feed(read(*parts, mss=mss), slow=True))


def test_incompressible_rows_are_longer_on_the_wire() -> None:
    rows = random.Random(1).randbytes(20_000)
    assert len(squeezed(rows)) > len(rows)
    assert one(read(packed(0, rows), END)).payload_bytes == 20_000


def test_a_frame_cut_anywhere_counts_its_whole_blocks() -> None:
    body = packed(0, ROWS)
    head = len(package_head("/a", 0, 0, 1))
    assert len(ROWS) > 3 * (128 << 10)
    for end in (head, head + 3, head + 5, head + 6, head + 8, *range(head + 100, len(body), 9000), len(body) - 1, len(body)):
        kept = Kept()
        exchange = one(read(body[:end], mss=60_000), store=kept)
        wanted = whole_blocks(body[head:end])
        assert exchange.payload_bytes == wanted == len(kept.joined(1)), end
        assert ROWS.startswith(kept.joined(1))
        assert exchange.packages[0].complete == (end == len(body))


def test_a_damaged_frame_gives_what_stands_in_front_of_the_damage() -> None:
    frame = bytearray(squeezed(ROWS))
    first = block_head(frame[6:9])
    assert first is not None
    second = block_head(frame[9 + first.size_on_wire :])
    assert second is not None
    frame[12 + first.size_on_wire + second.size_on_wire] |= 0x06  # the third block becomes one of the reserved kind
    capture = read(package_head("/a", 0, 0, len(ROWS)) + bytes(frame), packed(len(ROWS), ROWS[:500]), END)
    exchange = one(capture)
    assert {"GPI108", "GPI101", "GPI102"} == {weird.code for weird in feed(capture).weirds()}
    assert exchange.payload_bytes - 500 in (128 << 10, 256 << 10)  # a block that ends within 256 bytes of the damage may go with it
    assert [p.complete for p in exchange.packages if p.kind == DATA] == [False, True]


def test_damage_anywhere_invents_no_bytes() -> None:
    chance = random.Random(2)
    body = packed(0, ROWS[:5000]) + packed(5000, ROWS[5000:9000]) + END
    for _ in range(150):
        changed = bytearray(body)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        kept = Kept()
        capture = read(bytes(changed), mss=chance.choice((100, 1448)))
        for exchange in exchanges(capture, store=kept):
            assert exchange.payload_bytes == len(kept.joined(1))
            assert exchange.payload_bytes <= sum(p.length for p in exchange.packages if p.kind == DATA)


def test_a_frame_that_holds_less_than_announced_counts_what_it_holds() -> None:
    capture = read(package_head("/a", 0, 0, 600) + squeezed(ROWS[:500]), packed(600, ROWS[:300]), END)
    exchange = one(capture)
    assert (exchange.payload_bytes, exchange.ended) == (800, True)
    assert [p.complete for p in exchange.packages if p.kind == DATA] == [False, True]
    assert "GPI108" in {weird.code for weird in feed(capture).weirds()}


def test_a_frame_that_holds_more_than_announced_gives_none_of_it() -> None:
    capture = read(package_head("/a", 0, 0, 400) + squeezed(ROWS[:500]), END)
    assert one(capture).payload_bytes == 0
    assert "GPI108" in {weird.code for weird in feed(capture).weirds()}


def test_an_announced_length_that_no_server_sends_counts_nothing() -> None:
    """1 GiB in one package: -m goes to 256 MiB."""
    capture = read(package_head("/a", 0, 0, 1 << 30) + squeezed(ROWS[:500]), packed(500, ROWS[:300]), END)
    assert one(capture).payload_bytes == 300


def test_a_hole_in_a_frame_costs_that_frame() -> None:
    capture = Capture()
    talk = Conversation(capture, mss=60_000)
    talk.open()
    talk.client(request(extra=OFFER))
    talk.server(ok_head(zstd=1))
    talk.server(packed(0, ROWS[:3000]))
    frame = squeezed(ROWS)
    first = block_head(frame[6:9])
    assert first is not None
    cut = 9 + first.size_on_wire + 50
    talk.server(package_head("/a", 3000, 0, len(ROWS)))
    talk.server(frame[:cut])
    talk.gap("server", frame[cut : cut + 100])
    talk.server(frame[cut + 100 :])
    talk.server(packed(3000 + len(ROWS), ROWS[:700]) + END)
    talk.close()
    kept = Kept()
    exchange = one(capture, store=kept)
    assert exchange.payload_bytes == 3000 + (128 << 10) + 700
    assert kept.joined(1) == ROWS[:3000] + ROWS[: 128 << 10] + ROWS[:700]
    assert (exchange.ended, exchange.outcome) == (True, "complete")


def test_protocol_0_frames_follow_one_another() -> None:
    for mss in (1, 7, 1448):
        kept = Kept()
        exchange = one(read(squeezed(ROWS[:800]), squeezed(ROWS[800:2000]), mss=mss, proto=0), store=kept)
        assert (exchange.payload_bytes, exchange.outcome) == (2000, "closed")
        assert kept.joined(1) == ROWS[:2000]


def written(*steps: tuple[bytes, bytes | None], offer: bool = True, cut: int = 0) -> list[object]:
    """POSTs of one segment: body, and the answer (None: none)."""
    capture = Capture()
    for number, (body, answer) in enumerate(steps):
        talk = Conversation(capture, ("10.0.0.1", 40000 + number))
        talk.open()
        whole = post(number + 1, body, extra=OFFER if offer else [])
        talk.client(whole[: len(whole) - cut])
        if answer is not None:
            talk.server(answer)
        talk.close()
    return exchanges(capture)


ONESHOT = zstandard.ZstdCompressor(level=1).compress(ROWS[:5000])


@pytest.mark.parametrize(
    ("steps", "offer", "payload"),
    [
        ([(b"", ok_head(0, zstd=1)), (ONESHOT, ok_head(0, zstd=1))], True, 5000),
        ([(b"", ok_head(0)), (ONESHOT, ok_head(0))], True, len(ONESHOT)),  # the server does not compress: these are rows
        ([(b"", ok_head(0, zstd=1)), (ROWS[:500], ok_head(0, zstd=1))], True, 0),  # no frame
        ([(b"", ok_head(0, zstd=1)), (ROWS[:500], ok_head(0))], False, 500),  # plain between compressed ones
        ([(b"", ok_head(0, zstd=1)), (ONESHOT, None)], True, 5000),  # unanswered: OPEN told that the server compresses
        ([(b"", ok_head(0)), (ONESHOT, None)], True, len(ONESHOT)),
        (
            [
                (b"", ok_head(0, zstd=1)),
                (b"not zstd", error_head(500, "zstd decompression error, error is Unknown frame descriptor")),
            ],
            True,
            0,
        ),
        ([(b"", ok_head(0, zstd=1)), (ONESHOT[:-9], ok_head(0, zstd=1))], True, 0),  # cut: one block, no whole one
    ],
)
def test_the_answer_tells_whether_a_body_is_compressed(steps: list[tuple[bytes, bytes | None]], offer: bool, payload: int) -> None:
    exchange = written(*steps, offer=offer)[-1]
    assert exchange.payload_bytes == payload  # type: ignore[attr-defined]


@pytest.mark.parametrize("mss", [1, 2, 3, 5, 1448])
def test_a_compressed_body_in_pieces(mss: int) -> None:
    capture = Capture()
    talk = Conversation(capture, mss=mss)
    talk.open()
    talk.client(post(2, ONESHOT, extra=OFFER))
    talk.server(ok_head(0, zstd=1))
    talk.close()
    assert one(capture).payload_bytes == 5000


def bomb(blocks: int) -> bytes:
    """A frame of RLE blocks: 4 bytes on the wire, 128 KiB each."""
    block = ((128 << 10) << 3 | 1 << 1).to_bytes(3, "little") + b"a"
    return MAGIC + b"\x00\x48" + block * blocks + ((128 << 10) << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"a"


def test_a_bomb_takes_neither_memory_nor_time() -> None:
    """4 GiB out of 128 KiB."""
    data = bomb(32_767)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    inflater = Inflater(None)
    assert inflater.feed(data, 0, len(data), None) == len(data)
    assert (inflater.given, inflater.done) == (4 << 30, True)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 80 << 10  # KiB
    assert time.process_time() - began < 20  # some 0.4 s; a bound against hanging, not a measurement


def test_a_bomb_in_a_package_stops_at_the_announced_length() -> None:
    capture = read(package_head("/a", 0, 0, 1 << 20) + bomb(3000), packed(0, ROWS[:500]), END)
    exchange = one(capture)
    assert exchange.payload_bytes <= (1 << 20) + 500
    assert exchange.packages[1].complete


def test_a_frame_that_wants_too_large_a_window_is_refused() -> None:
    frame = MAGIC + b"\x00" + bytes([21 << 3]) + b"\x01\0\0"  # 2 GiB
    capture = read(package_head("/a", 0, 0, 500) + frame, END)
    assert one(capture).payload_bytes == 0
    assert "GPI108" in {weird.code for weird in feed(capture).weirds()}


def test_an_error_stands_in_clear_between_frames() -> None:
    exchange = one(read(packed(0, ROWS[:300]), message("E", b"line too long"), END))
    assert (exchange.errors, exchange.payload_bytes, exchange.outcome) == (("line too long",), 300, "error")
