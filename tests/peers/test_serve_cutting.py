"""Where blocks are cut, against a reading byte by byte, as the server's own scan goes."""

from hypothesis import given
from hypothesis import strategies as st

from gpinspect.grammar.csvopt import CsvOptions
from gpinspect.grammar.layouts import AFTER_NAME, D, L, O
from gpinspect.grammar.messages import build_data_package, build_message
from gpinspect.peers.server.cutting import Cut, cut_csv, first_cutter, last_cutter
from gpinspect.peers.server.writing import Body

DATA = st.lists(st.sampled_from([b'"', b"'", b"\\", b"\n", b"\r", b"\r\n", b"a", b",", b"\0"]), max_size=60).map(b"".join)


def byte_by_byte(data: bytes, csv: CsvOptions, only_first: bool) -> Cut:
    quoted = escaped = False
    last = rows = 0
    for position in range(len(data)):
        byte = data[position]
        if quoted:
            if escaped:
                escaped = False
            elif byte == csv.quote:
                quoted = False
            elif byte == csv.escape:
                escaped = True
        elif data[: position + 1].endswith(csv.row_end):
            rows, last = rows + 1, position + 1
            if only_first:
                break
        elif byte == csv.quote:
            quoted = True
    return Cut(last, rows)


@given(DATA, st.sampled_from([34, 39]), st.sampled_from([34, 39, 92, 0]), st.sampled_from([0, 1, 2, 3]), st.booleans())
def test_csv_is_cut_where_the_scan_of_every_byte_cuts_it(
    data: bytes, quote: int, escape: int, newline: int, only_first: bool
) -> None:
    csv = CsvOptions(True, escape, quote, newline, False)
    assert cut_csv(data, csv, only_first=only_first) == byte_by_byte(data, csv, only_first)


@given(DATA, st.sampled_from([b"", b"\n", b"\r\n", b"a,"]))
def test_text_is_cut_behind_a_row_end_and_nowhere_else(data: bytes, delimiter: bytes) -> None:
    end = delimiter or b"\n"
    cut = last_cutter(None, delimiter)(data).end
    assert (cut == 0 and end not in data) or (data[:cut].endswith(end) and end not in data[cut:])
    first = first_cutter(None, delimiter)(data).end
    assert first == (data.find(end) + len(end) if end in data else 0)


@given(st.lists(st.binary(max_size=8).map(lambda row: row.replace(b"\n", b"") + b"\n"), max_size=30), st.data())
def test_body_is_written_whole_however_it_is_cut(rows: list[bytes], choice: st.DataObject) -> None:
    data = b"".join(rows)
    written: list[bytes] = []
    body = Body(16, b"\n", written.append)
    while data:
        size = choice.draw(st.integers(1, len(data)))
        assert body.feed(data[:size])
        data = data[size:]
    assert body.finish()
    assert b"".join(written) == b"".join(rows)
    assert all(part.endswith(b"\n") and len(part) <= 16 for part in written)


@given(st.binary(min_size=1, max_size=255), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary(min_size=1))
def test_package_heads_of_the_quick_way_are_those_of_construct(name: bytes, offset: int, line: int, rows: bytes) -> None:
    quick = build_message("F", name) + AFTER_NAME.pack(O, 8, offset, L, 8, line, D, len(rows)) + rows
    assert quick == build_data_package(name, offset, line, rows)
