"""Rows counted the way gpfdist cuts them, against a reading byte by byte."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from gpinspect.grammar.rows import CsvRows, EitherRows, TextRows, counter


def slowly(data: bytes, quote: int, escape: int, row_end: bytes) -> int:
    """Byte by byte, as scan_csv_records of fstream.c does it."""
    rows, quoted, escaped, last, loose = 0, False, False, 0, False
    for byte in data:
        loose = True
        if quoted:
            if escaped:
                escaped = False
            elif byte == quote:
                quoted = False
            elif byte == escape:
                escaped = True
        elif (len(row_end) == 1 and byte == row_end[0]) or (len(row_end) == 2 and bytes((last, byte)) == row_end):
            rows += 1
            loose = False
        elif byte == quote:
            quoted = True
        last = byte
    return rows + loose


ALPHABET = st.lists(st.sampled_from([b"a", b'"', b"\\", b"\n", b"\r", b"\r\n", b","]), max_size=40).map(b"".join)


@given(ALPHABET, st.sampled_from([34, 92]), st.sampled_from([b"\n", b"\r", b"\r\n"]), st.lists(st.integers(0, 60), max_size=5))
@settings(max_examples=600, deadline=None)
def test_csv_rows_are_those_of_gpfdist_however_the_content_is_cut(
    data: bytes, escape: int, row_end: bytes, cuts: list[int]
) -> None:
    rows = CsvRows(34, escape, row_end)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        rows.feed(data[start:end])
    assert rows.total() == slowly(data, 34, escape, row_end)


@given(ALPHABET, st.sampled_from([b"\n", b"\r\n", b"|-|", b"aa"]), st.lists(st.integers(0, 60), max_size=5))
@settings(max_examples=600, deadline=None)
def test_text_rows_end_at_the_delimiter_however_the_content_is_cut(data: bytes, delimiter: bytes, cuts: list[int]) -> None:
    rows = TextRows(delimiter)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        rows.feed(data[start:end])
    parts = data.split(delimiter)
    assert rows.total() == len(parts) - (not parts[-1])


def test_rows_of_unknown_format_are_known_where_both_readings_agree() -> None:
    plain, quoted = EitherRows(), EitherRows()
    plain.feed(b'1,"x"\n2,y\n')
    quoted.feed(b'1,"x\ny"\n2,y\n')
    assert (plain.total(), quoted.total()) == (2, None)


def test_options_decide_how_rows_are_counted() -> None:
    content = b'1,"x\ny"\n2,y\n'
    for options, wanted in (("m1x 34q 34n0h0", 2), ("m0x 92q  0n0h0", 3), (None, None), ("nonsense", None)):
        rows = counter(options, None)
        rows.feed(content)
        assert rows.total() == wanted
