"""The package scanner against the Construct grammar: the same bytes, good and damaged, whole, byte by byte and in between."""

import random
import struct
from typing import NamedTuple

import pytest
from craft import END, Capture, Conversation, error_message, message, ok_head, package, package_head, request
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.feeding import Kept, feed, one
from gpinspect.engine.channel import Channel
from gpinspect.engine.exchange import ExchangeState
from gpinspect.engine.packages import PackageScanner
from gpinspect.grammar.messages import parse_message
from gpinspect.model.packages import ASSUMED, COMPLETE, DATA, NO_FILE, UNKNOWN, ZSTD
from gpinspect.model.packages import END as END_KIND
from gpinspect.model.packages import ERROR as ERROR_KIND

FRAME = 7
LARGEST = (1 << 31) - 1


class Said(NamedTuple):
    """What a body says, by either reader."""

    counts: list[int]
    rows: list[tuple[int, int, int, bytes | None, int, int, int, bool]]
    errors: list[str]
    ended: bool
    trailing: int


class Silent:
    """A connection that takes note of nothing."""

    unproven = False

    def __init__(self) -> None:
        self.codes: list[str] = []

    def weird(self, code: str, *place: object, **values: object) -> None:
        self.codes.append(code)


def scanned(body: bytes, sizes: list[int] | None = None) -> tuple[Said, ExchangeState, PackageScanner]:
    """Read a body with the scanner, in stretches of these sizes (the last one again and again)."""
    channel = Channel(None)  # type: ignore[arg-type]
    state = ExchangeState(Silent(), 1)  # type: ignore[arg-type]
    state.body_start = 0
    scanner = channel.reader = PackageScanner(channel, state, None)
    at = number = 0
    while at < len(body):
        size = len(body) if not sizes else sizes[min(number, len(sizes) - 1)]
        stretch = bytearray(body[at : at + size])
        channel.deliver(stretch, 0, len(stretch), 1000 + at, FRAME, at)
        stretch[:] = b"\xcc" * len(stretch)
        at += size
        number += 1
    table = scanner.table
    rows = [
        (p.kind, p.position, p.head, None if p.file == NO_FILE else table.files[p.file], p.offset, p.line, p.length, p.complete)
        for p in table
        if not p.flags & ASSUMED
    ]
    return Said(scanner.counts, rows, state.errors, state.ended, state.trailing), state, scanner


def parsed(body: bytes) -> tuple[Said, bool]:
    """Read a body with Construct, and whether it came to a message that is none, where framing ends."""
    counts = [0, 0, 0, 0, 0]
    rows: list[tuple[int, int, int, bytes | None, int, int, int, bool]] = []
    errors: list[str] = []
    name: bytes | None = None
    offset = line = UNKNOWN
    begin: int | None = None
    at = 0
    while len(body) - at >= 5:
        letter, length = struct.unpack_from(">cI", body, at)
        if letter not in b"FOLDE" or length > LARGEST:
            return Said(counts, rows, errors, False, 0), True
        whole = parse_message(body[at : at + 5 + length])
        small = letter in b"FOL" and ((letter == b"F" and length <= 256) or length == 8)
        if whole is None and small:
            break  # not yet told: nothing is taken of it
        counts["FOLDE".index(letter.decode())] += 1
        begin = at if begin is None else begin
        if letter == b"D":
            head = at + 5 - begin
            if not length:
                rows.append((END_KIND, begin, head, None, offset, line, 0, True))
                return Said(counts, rows, errors, True, len(body) - at - 5), False
            rows.append((DATA, begin, head, name, offset, line, length, whole is not None))
            begin, offset, line = None, UNKNOWN, UNKNOWN
        elif letter == b"E":
            text = body[at + 5 : at + 5 + length]
            rows.append((ERROR_KIND, at, 5, None, UNKNOWN, UNKNOWN, length, whole is not None))
            errors.append(text[: 1 << 16].decode("utf-8", "backslashreplace"))
            begin, offset, line = None, UNKNOWN, UNKNOWN
        elif whole is not None:
            if whole.field == "name":
                name = whole.content if length <= 256 else None  # type: ignore[assignment]
            elif whole.field == "offset":
                offset = whole.content  # type: ignore[assignment]
            elif whole.field == "line":
                line = whole.content  # type: ignore[assignment]
        if whole is None:
            break
        at += whole.size
    return Said(counts, rows, errors, False, 0), False


def agree(body: bytes, sizes: list[int] | None) -> None:
    want, lost = parsed(body)
    got, _, scanner = scanned(body, sizes)
    if lost:  # the scanner goes on where Construct cannot; up to there they agree
        found = [p for p in scanner.table if p.flags & ASSUMED]
        before = [a - (found != [] and 0) for a in got.counts]
        assert got.rows[: len(want.rows)] == want.rows
        assert got.errors[: len(want.errors)] == want.errors
        assert all(a >= b for a, b in zip(before, want.counts, strict=True))
        if not found:
            assert got == want
    else:
        assert got == want


LENGTHS = st.sampled_from((0, 1, 8, 30, 255, 256, 257, 300))
NUMBERS = st.integers(0, (1 << 64) - 2)
MESSAGES = st.one_of(
    st.builds(package, st.binary(max_size=40), NUMBERS, NUMBERS, st.binary(min_size=1, max_size=90)),
    st.builds(package, st.just(b"/data/a.csv"), NUMBERS, NUMBERS, st.binary(min_size=1, max_size=300)),
    st.builds(lambda n: message("F", b"n" * n), LENGTHS),
    st.builds(lambda n: message("O", struct.pack(">Q", n)), NUMBERS),
    st.builds(lambda n: message("L", struct.pack(">Q", n)), NUMBERS),
    st.builds(lambda letter, n: message(letter, b"4" * n), st.sampled_from("OL"), LENGTHS),
    st.builds(lambda rows: message("D", rows), st.binary(min_size=1, max_size=60)),
    st.builds(error_message, st.binary(max_size=50)),
)
SIZES = st.one_of(st.none(), st.just([1]), st.lists(st.integers(1, 70), min_size=1, max_size=20))


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(MESSAGES, max_size=8), end=st.sampled_from((b"", END, END + b"tail")), cut=st.integers(0, 40), sizes=SIZES)
@example(parts=[package("", 0, 0, b"x")], end=END, cut=0, sizes=[41])
def test_scanner_and_grammar_agree_on_any_messages(parts: list[bytes], end: bytes, cut: int, sizes: list[int] | None) -> None:
    body = b"".join(parts) + end
    agree(body[: len(body) - cut] if cut < len(body) else body, sizes)


@settings(max_examples=300, deadline=None)
@given(
    parts=st.lists(MESSAGES, min_size=1, max_size=8),
    changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=4),
    sizes=SIZES,
)
@example(parts=[package("", 0, 0, b"x"), package("\0", 0, 0, b"x")], changes=[(0, 0)], sizes=[1])
def test_scanner_and_grammar_agree_on_damaged_messages(
    parts: list[bytes], changes: list[tuple[int, int]], sizes: list[int] | None
) -> None:
    body = bytearray(b"".join(parts) + END)
    for at, byte in changes:
        body[at % len(body)] = byte
    agree(bytes(body), sizes)


@settings(max_examples=150, deadline=None)
@given(parts=st.lists(MESSAGES, min_size=1, max_size=8), changes=st.lists(st.integers(0, 1 << 16), max_size=3), sizes=SIZES)
def test_how_a_body_is_cut_changes_nothing(parts: list[bytes], changes: list[int], sizes: list[int] | None) -> None:
    body = bytearray(b"".join(parts) + END)
    for at in changes:
        body[at % len(body)] ^= 0x15
    assert scanned(bytes(body), sizes)[0] == scanned(bytes(body))[0]


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=600), sizes=SIZES)
def test_noise_ends_without_exception(body: bytes, sizes: list[int] | None) -> None:
    agree(body, sizes)


ROWS = b"1,x\n" * 100


def read(*parts: bytes, opened: bool = True) -> Capture:
    capture = Capture()
    talk = Conversation(capture)
    if opened:
        talk.open()
    talk.client(request())
    talk.server(ok_head())
    for part in parts:
        talk.server(part)
    talk.close()
    return capture


def codes(capture: Capture) -> list[str]:
    return [weird.code for weird in feed(capture).weirds()]


def test_a_package_as_the_protocol_document_prints_it() -> None:
    body = bytes.fromhex(
        "460000000b2f646174612f612e6373764f0000000800000000000000004c0000000800000000000000014400000008312c780a322c790a4400000000"
    )
    exchange = one(read(body))
    first, last = exchange.packages
    assert (first.position, first.head, first.length, first.offset, first.line) == (0, 47, 8, 0, 1)
    assert exchange.packages.file_name(first) == b"/data/a.csv"
    assert (last.kind, last.position, last.complete) == (END_KIND, 55, True)
    assert (exchange.message_counts, exchange.payload_bytes, exchange.outcome) == ((1, 1, 1, 2, 0), 8, "complete")


def test_an_offset_of_four_bytes_is_told_and_the_package_counts() -> None:
    capture = read(message("F", b"/a"), message("O", b"\0\0\0\5"), message("D", ROWS), END)
    exchange = one(capture)
    assert (exchange.payload_bytes, exchange.packages[0].offset) == (len(ROWS), UNKNOWN)
    assert (exchange.packages[0].position, exchange.packages[0].head) == (0, 7 + 9 + 5)
    assert "GPI105" in codes(capture)


def test_a_name_that_is_too_long_names_no_file() -> None:
    """Nor is the package of the file that was named before."""
    capture = read(package("/a", 0, 1, ROWS), message("F", b"/" + b"b" * 256) + message("D", ROWS), END)
    packages = list(one(capture).packages)
    assert [package_.file for package_ in packages[:2]] == [0, NO_FILE]
    assert "GPI106" in codes(capture)


@pytest.mark.parametrize("length", [1 << 31, (1 << 32) - 1])
@pytest.mark.parametrize("letter", "FOLDE")
def test_a_length_of_two_gib_and_more_cannot_be(letter: str, length: int) -> None:
    capture = read(package("/a", 0, 1, ROWS), message(letter, b"rows", length))
    exchange = one(capture)
    assert exchange.payload_bytes == len(ROWS)
    assert exchange.message_counts == (1, 1, 1, 1, 0)
    assert {"GPI101", "GPI107"} <= set(codes(capture))


def test_an_unknown_letter_loses_framing_and_the_next_package_finds_it() -> None:
    """The five bytes taken for its head hold the beginning of the next package, which is not lost with them."""
    capture = read(package("/a", 0, 1, ROWS), b"Z", package("/a", 400, 0, ROWS), package("/a", 800, 0, ROWS), END)
    exchange = one(capture)
    assert exchange.message_counts == (3, 3, 3, 4, 0)
    assert [bool(p.flags & ASSUMED) for p in exchange.packages] == [False, True, False, False]
    assert [p.position for p in exchange.packages] == [0, 439, 877, 1315]  # a head is 36 bytes and the name
    assert exchange.outcome == "complete"
    assert codes(capture) == ["GPI103", "GPI101", "GPI102"]
    weirds = {weird.code: weird.values for weird in feed(capture).weirds()}
    assert weirds["GPI103"] == {"letter": "Z", "position": 438}
    assert weirds["GPI102"] == {"position": 439, "skipped": 1}


def test_an_end_in_the_middle_ends_the_reading() -> None:
    capture = read(package("/a", 0, 1, ROWS), END, package("/a", 400, 0, ROWS))
    exchange = one(capture)
    assert (exchange.payload_bytes, exchange.ended, exchange.message_counts) == (len(ROWS), True, (1, 1, 1, 2, 0))
    weird = next(weird for weird in feed(capture).weirds() if weird.code == "GPI109")
    assert weird.values == {"bytes": 38 + len(ROWS)}


def test_a_last_package_that_is_longer_than_announced_ends_in_rows_that_are_no_message() -> None:
    exchange = one(read(package("/a", 0, 1, ROWS), package_head("/a", 400, 0, 300), ROWS, END))
    assert exchange.payload_bytes == 400 + 300
    assert not exchange.packages[1].flags & ASSUMED


def test_a_last_package_that_is_shorter_than_announced_takes_the_end_for_rows() -> None:
    exchange = one(read(package("/a", 0, 1, ROWS), package_head("/a", 400, 0, 500), ROWS, END))
    assert exchange.payload_bytes == 400 + 400 + 5
    assert (exchange.ended, exchange.outcome, exchange.packages[1].complete) == (False, "broken", False)


def test_an_error_and_the_end_behind_it() -> None:
    exchange = one(read(package("/a", 0, 1, ROWS), error_message("no more"), END))
    assert (exchange.errors, exchange.ended, exchange.outcome) == (("no more",), True, "error")
    assert exchange.message_counts == (1, 1, 1, 2, 1)


def test_an_empty_error_is_an_error() -> None:
    assert (one(read(error_message(""))).errors, one(read(error_message(""))).outcome) == (("",), "error")


def test_a_body_full_of_half_chains_is_searched_in_linear_time() -> None:
    """Each five bytes begin what could be a chain; none of them is one. A quadratic search would count steps in the billions."""
    import sys

    body = b"\xff" * 5 + b"O\0\0\0\x08" * 40_000 + b"FFFF" * 20_000
    steps = 0

    def count(frame: object, event: str, argument: object) -> object:
        nonlocal steps
        steps += event == "line"
        return count

    sys.settrace(count)  # type: ignore[arg-type]
    try:
        scanned(body, [1400])
    finally:
        sys.settrace(None)
    assert steps < 40_000 * 25


def test_framing_lost_over_a_head_is_found_again() -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request())
    talk.server(ok_head())
    talk.server(package("/a", 0, 1, ROWS))
    talk.gap("server", package_head("/a", 400, 0, 400))
    talk.server(ROWS)
    talk.server(package("/a", 800, 0, ROWS) + package("/a", 1200, 0, ROWS) + END)
    talk.close()
    exchange = one(capture)
    assert [(p.offset, bool(p.flags & ASSUMED), p.complete) for p in exchange.packages if p.kind == DATA] == [
        (0, False, True),
        (800, True, True),
        (1200, False, True),
    ]
    assert (exchange.payload_bytes, exchange.outcome, exchange.message_counts) == (1200, "complete", (3, 3, 3, 4, 0))
    assert codes(capture) == ["GPI101", "GPI102", "GPI020"]


def test_a_head_found_again_in_two_frames_begins_in_the_first_of_them() -> None:
    """The frame and the capture position of the row are those of its first byte, so that it can be read again."""
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request())
    talk.server(ok_head())
    talk.gap("server", b"F")
    talk.server(b"..." * 10 + package("/a", 0, 1, ROWS)[:20])
    where = len(capture) - 1  # its acknowledgment comes behind it
    talk.server(package("/a", 0, 1, ROWS)[20:])
    talk.close()
    row = one(capture).packages[0]
    assert row.frame == where
    assert row.ns == capture.records[where - 1].time_ns
    assert row.flags & ASSUMED and row.flags & COMPLETE


def test_compressed_rows_found_in_mid_stream_are_known_by_their_magic() -> None:
    """Also where the head of the package is a frame of its own, as the server sends it."""
    import zstandard

    capture = Capture()
    talk = Conversation(capture)
    frame = zstandard.ZstdCompressor(write_content_size=False).compress(ROWS)
    talk.server(b"the middle of something\n")
    for offset in (0, 400):
        talk.server(package_head("/a", offset, 0, len(ROWS)))
        talk.server(frame)
    talk.server(END)
    talk.close()
    exchange = one(capture)
    assert exchange.zstd
    assert exchange.payload_bytes == 2 * len(ROWS)
    assert [p.flags & ZSTD for p in exchange.packages if p.kind == DATA] == [ZSTD, ZSTD]
    assert exchange.ended


def test_rows_in_capitals_in_mid_stream_are_no_request() -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.server(b"HAMBURG 20095,x\nBERLIN 10115,y\n")
    talk.server(package("/a", 0, 1, ROWS) + END)
    talk.close()
    exchange = one(capture)
    assert (exchange.server.port, exchange.payload_bytes, exchange.outcome) == (8080, len(ROWS), "complete")
    assert not exchange.captured_request


def test_random_cuts_of_a_long_body_agree() -> None:
    chance = random.Random(1)
    body = (
        b"".join(package(f"/data/{n % 3}.txt", n * 50, 0, chance.randbytes(chance.choice((1, 50, 3000)))) for n in range(60)) + END
    )
    whole = scanned(body)[0]
    for _ in range(10):
        assert scanned(body, [chance.randrange(1, 400) for _ in range(1000)])[0] == whole
    assert whole.counts == [60, 60, 60, 61, 0]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("mss", [1, 2, 3, 4, 5, 50])
def test_packages_found_in_mid_stream_in_small_pieces_lose_no_byte(mss: int, compressed: bool) -> None:
    """Rows of one and two bytes, too: shorter than the magic by which compressed rows are known."""
    import zstandard

    rows = [b"x", b"y\n", ROWS[:50], b"z"]
    capture = Capture()
    talk = Conversation(capture, mss=mss)
    talk.server(b"the middle of something\n")
    for number, part in enumerate(rows):
        wire = zstandard.ZstdCompressor(write_content_size=False).compress(part) if compressed else part
        talk.server(package_head("/a", number * 100, 0, len(part)) + wire)
    talk.server(END)
    talk.close()
    kept = Kept()
    exchange = one(capture, store=kept)
    (pieces,) = [found for found in kept.pieces.values() if found]
    joined = {index: b"".join(data for package_, _, data in pieces if package_ == index) for index in range(len(rows))}
    assert [joined[index] for index in range(len(rows))] == rows
    assert (exchange.payload_bytes, exchange.zstd, exchange.ended) == (54, compressed, True)
    assert all(row.complete for row in exchange.packages)
