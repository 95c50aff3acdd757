"""Masks of names, addresses, rows and frames of zstd, each by itself."""

import random
from ipaddress import ip_address
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.grammar.headers import EXACT
from gpinspect.inspection.redact_heads import POLICIES, error_text, messages, request_head, response_head
from gpinspect.inspection.redact_plan import FILLER, Plan
from gpinspect.inspection.redact_rows import RowCounter, row_rule
from gpinspect.inspection.redact_zstd import Block, FrameReader, render
from gpinspect.views.redaction import Mask

TEXT, CSV = "m0x 92q  0n0h0", "m1x 34q 34n0h0"


@pytest.fixture
def mask() -> Mask:
    return Mask(b"sixteen bytes at")


# names ------------------------------------------------------------------------------------------------------------------


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12), max_size=30))
def test_different_names_get_different_masks_of_the_same_length(texts: list[str]) -> None:
    mask = Mask(b"sixteen bytes at")
    made = {text.lower(): mask.name(text.lower()) for text in texts if text.lower() == text}
    assert all(len(new.encode()) == len(old.encode()) for old, new in made.items())
    assert len(set(made.values())) == len(made)


def test_one_digit_names_use_up_all_ten_and_none_twice(mask: Mask) -> None:
    assert sorted(mask.name(str(digit)) for digit in range(10)) == [str(digit) for digit in range(10)]


@pytest.mark.parametrize("text", ["10.0.0.9", "192.168.1.255", "127.0.0.1", "2001:db8::1", "fe80::a:1", "::1"])
def test_addresses_stay_addresses_of_the_same_length(mask: Mask, text: str) -> None:
    made = mask.host(text)
    assert (len(made), ip_address(made).version) == (len(text), ip_address(text).version)
    assert made != text
    assert mask.packed(ip_address(text).packed) == ip_address(made).packed


def test_hosts_of_one_network_stay_in_one_network(mask: Mask) -> None:
    first, second, other = (mask.host(text).split(".") for text in ("10.1.2.3", "10.1.2.4", "10.1.7.3"))
    assert first[:3] == second[:3] and first[3] != second[3]
    assert first[:2] == other[:2] and first[2] != other[2]


def test_a_path_on_the_request_line_and_the_file_it_opens_still_belong_together(mask: Mask) -> None:
    assert mask.path("/srv/etl/orders.tbl.gz").endswith(mask.path("/etl/orders.tbl.gz"))


@pytest.mark.parametrize(
    ("path", "kept"),
    [("/gpfdist/status", "/gpfdist/status"), ("/ab%2e%2e/x?[ab]*.csv", "%2e%2e/"), ("/ab.txt#transform=cd", "#transform=")],
)
def test_what_a_path_means_to_the_server_stays(mask: Mask, path: str, kept: str) -> None:
    assert kept in mask.path(path) and len(mask.path(path)) == len(path)


def test_ports_of_a_host_header_stay_and_its_address_does_not(mask: Mask) -> None:
    assert mask.authority("10.0.0.9:8080") == mask.host("10.0.0.9") + ":8080"
    assert mask.authority("[2001:db8::1]:8080") == f"[{mask.host('2001:db8::1')}]:8080"
    assert mask.authority("etl7.example.org:8080").endswith(":8080")


def test_an_error_text_keeps_the_words_of_gpfdist_and_loses_the_row_it_quotes(mask: Mask) -> None:
    made = error_text(mask, b"line too long in file /srv/orders.tbl near Smith, Brook Street")
    assert made.startswith(b"line too long in file /") and b".tbl near " in made
    assert not {b"srv", b"orders", b"Smith", b"Brook", b"Street"} & set(made.replace(b"/", b" ").replace(b",", b" ").split())


# heads ------------------------------------------------------------------------------------------------------------------


def test_every_header_that_means_something_has_a_policy() -> None:
    assert {name.lower().encode() for name in EXACT} <= set(POLICIES)


def test_a_header_that_nobody_listed_loses_its_value_and_its_name(mask: Mask) -> None:
    made = request_head(mask, b"GET /x HTTP/1.1\r\nX-Api-Token: hunter2\r\nX-GP-Unheard: of\r\n\r\n")
    assert b"X-XXX-XXXXX: XXXXXXX\r\n" in made and b"X-GP-XXXXXXX: XX\r\n" in made


def test_a_number_that_is_none_is_no_place_to_hide_in(mask: Mask) -> None:
    made = request_head(mask, b"GET /x HTTP/1.1\r\nX-GP-SEQ: 12\r\nX-GP-SEGMENT-ID: hunter\r\n\r\n")
    assert b"X-GP-SEQ: 12\r\n" in made and b"hunter" not in made


@given(st.binary(max_size=300))
def test_any_bytes_taken_for_structure_keep_their_length(raw: bytes) -> None:
    mask = Mask(b"sixteen bytes at")
    for made in (request_head(mask, raw), response_head(mask, raw), error_text(mask, raw)):
        assert len(made) == len(raw)
    assert len(messages(mask, raw)) <= len(raw)


def test_the_name_in_a_file_message_is_masked_and_the_numbers_stay(mask: Mask) -> None:
    raw = b"F\0\0\0\x06/a.csvO\0\0\0\x08\0\0\0\0\0\0\0\x07L\0\0\0\x08\0\0\0\0\0\0\0\x01D\0\0\0\x05"
    made = messages(mask, raw)
    assert made[:5] == raw[:5] and made[11:] == raw[11:] and made[5:7] != raw[5:7] and made[7:11] == b".csv"


# rows -------------------------------------------------------------------------------------------------------------------


def test_text_rows_keep_delimiters_row_ends_escapes_and_null() -> None:
    made = row_rule(TEXT, None).fill(b"Ann\t\\N\ta\\tb\t\\\\N\tN\t3.5\n", False)
    assert made == b"XXX\t\\N\tX\\XX\t\\\\X\tX\tXXX\n"


def test_csv_rows_keep_quotes_and_what_stands_quoted_keeps_its_row_ends() -> None:
    made = row_rule(CSV, None).fill(b'1,"a ""b"" c\nd",\\N\r\n', False)
    assert made == b'X,"XX""X""XX\nX",XX\r\n'


def test_letters_of_more_than_one_byte_stay_valid_and_as_long() -> None:
    rows = "Zürich\t東京\t𝄞\n".encode()
    made = row_rule(TEXT, None).fill(rows, False)
    assert (len(made), len(made.decode())) == (len(rows), len(rows.decode()))


def test_a_row_delimiter_of_letters_stays() -> None:
    assert row_rule(TEXT, b"EOL").fill(b"abEOLEOcdEOL", False) == b"XXEOLXXXXEOL"


@given(st.binary(max_size=200).map(lambda data: bytes(b"\\Nab\n"[byte % 5] for byte in data)), st.data())
def test_rows_are_masked_alike_however_they_are_cut(rows: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=8)))
    whole, pieces = Plan(b"salt"), Plan(b"salt")
    for plan in (whole, pieces):
        plan.origin = 0
        plan.rows(0, 1000, row_rule(TEXT, None))
        plan.settle()
    together = whole.fill(0, rows, len(rows))
    parts = [rows[start:end] for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    at, made = 0, b""
    for part in filter(None, parts):
        made += pieces.fill(at, part, len(part))
        at += len(part)
    assert len(made) == len(rows)
    assert made == together


# plans ------------------------------------------------------------------------------------------------------------------


def test_what_nobody_understood_is_filler() -> None:
    plan = Plan(b"salt")
    plan.origin = 100
    plan.literal(4, b"kept")
    plan.settle()
    assert plan.fill(plan.position(102), b"secretly", 8) == b"XXkeptXX"
    assert plan.fill(plan.position(90), b"earlier", 7) == b"X" * 7


def test_literals_go_before_rows_and_rows_fill_what_they_leave() -> None:
    plan = Plan(b"salt")
    plan.rows(0, 8, row_rule(CSV, None))
    plan.literal(2, b"k,")
    plan.literal(6, b"\n")
    plan.settle()
    assert plan.fill(0, b"ab,,ab,,z", 9) == b"XXk,XX\n,X"


def test_sequence_numbers_may_wrap() -> None:
    plan = Plan(b"salt")
    plan.origin = 2**32 - 4
    plan.literal(0, b"abcdefgh")
    plan.settle()
    assert plan.fill(plan.position(2**32 - 4), b"......", 6) == b"abcdef"
    assert plan.fill(plan.position(2), b"..", 2) == b"gh"
    assert plan.fill(plan.position(2**32 - 2), b"..", 2) == b"cd"


def test_bytes_that_came_twice_and_differ_differ_under_the_mask() -> None:
    plan = Plan(b"salt")
    plan.contested(0, 4)
    plan.settle()
    first, second, third = (plan.fill(0, data, 4) for data in (b"abcd", b"abXd", b"abcd"))
    assert first == third == b"XXXX"
    assert [old == new for old, new in zip(first, second, strict=True)] == [True, True, False, True]


# zstd -------------------------------------------------------------------------------------------------------------------


def masked_frame(frame: bytes, cuts: list[int], csvopt: str = TEXT) -> bytes:
    reader = FrameReader(RowCounter(csvopt, None))
    made = bytearray(b"?" * len(frame))
    edges = [0, *sorted(cuts), len(frame)]
    told = [one for start, end in pairwise(edges) for one in reader.feed(start, frame[start:end])]
    for one in (*told, *reader.close()):
        position, data = (one.position, render(one, FILLER)) if isinstance(one, Block) else one
        made[position : position + len(data)] = data
    return bytes(made)


@given(st.integers(0, 2**32), st.booleans(), st.sampled_from((1, 3, 9)), st.data())
def test_a_frame_of_filler_is_as_long_and_gives_as_much_with_as_many_rows(
    seed: int, check: bool, level: int, data: st.DataObject
) -> None:
    dice = random.Random(seed)
    rows = b"".join(b"%d\tSmith%d\n" % (dice.randrange(10**9), number) for number in range(dice.choice((1, 5, 400, 20_000))))
    frame = zstandard.ZstdCompressor(level=level, write_checksum=check).compress(rows)
    made = masked_frame(frame, data.draw(st.lists(st.integers(0, len(frame)), max_size=4)))
    assert len(made) == len(frame)
    opened = zstandard.ZstdDecompressor().decompress(made)
    assert len(opened) == len(rows) and opened.endswith(b"\n") and b"Smith" not in opened
    if len(rows) > 200:
        assert opened.count(b"\n") == rows.count(b"\n")


def test_rows_that_cannot_be_compressed_are_masked_as_well() -> None:
    rows = random.Random(1).randbytes(300_000)
    frame = zstandard.ZstdCompressor().compress(rows)
    made = masked_frame(frame, [])
    assert len(zstandard.ZstdDecompressor().decompress(made)) == len(rows)
    assert not any(rows[at : at + 8] in made for at in range(0, len(rows) - 8, 997))


def test_a_damaged_frame_stays_damaged() -> None:
    frame = bytearray(zstandard.ZstdCompressor().compress(b"".join(b"%d rows\n" % (n * n) for n in range(1000))))
    frame[9:40] = b"\xff" * 31  # the Huffman table of the first block
    with pytest.raises(zstandard.ZstdError):
        zstandard.ZstdDecompressor().decompress(bytes(frame))
    with pytest.raises(zstandard.ZstdError):
        zstandard.ZstdDecompressor().decompress(masked_frame(bytes(frame), []))


def test_row_ends_are_counted_outside_of_quotes() -> None:
    counter = RowCounter(CSV, None)
    assert [counter.feed(part) for part in (b'1,"a\n', b'b"\n2,""\n', b'3,"')] == [0, 2, 0]
    assert not counter.closed
