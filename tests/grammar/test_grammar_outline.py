"""The visitor over the declarations: layouts for the hot loop, fields for generators, places for views."""

import re

import construct
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.grammar import layouts, messages, outline, postgres
from gpinspect.grammar.notes import Note

DECLARATIONS = {
    "MESSAGE": messages.MESSAGE,
    "MESSAGE_HEAD": messages.MESSAGE_HEAD,
    "DATA_PACKAGE": messages.DATA_PACKAGE,
    "E_MESSAGE": messages.E_MESSAGE,
    "NEGOTIATION": postgres.NEGOTIATION,
    "REPLY": postgres.REPLY,
    "STARTUP": postgres.STARTUP,
}


def test_layouts_written_out_are_those_of_the_declarations() -> None:
    assert outline.fixed_run(messages.MESSAGE_HEAD).format == layouts.MESSAGE_HEAD.format == ">BI"
    assert outline.fixed_run(messages.DATA_PACKAGE, after="file.name").format == layouts.AFTER_NAME.format == ">BIQBIQBI"
    assert outline.fixed_run(messages.O_MESSAGE).format == layouts.NUMBER_MESSAGE.format == ">BIQ"
    assert {"F": layouts.F, "O": layouts.O, "L": layouts.L, "D": layouts.D, "E": layouts.E} == messages.LETTERS
    assert set(messages.LETTERS.values()) == layouts.KNOWN
    assert messages.build_end() == layouts.END_PACKAGE
    assert layouts.AFTER_NAME.size == 13 + 13 + 5
    assert layouts.PACKAGE_HEAD == 36


def test_layout_after_the_name_reads_the_documented_package() -> None:
    package = messages.build_data_package(b"/data/a.csv", 4711, 12, b"1,x\n")
    assert layouts.AFTER_NAME.unpack_from(package, 16) == (0x4F, 8, 4711, 0x4C, 8, 12, 0x44, 4)


@pytest.mark.parametrize("name", DECLARATIONS)
def test_every_declaration_stays_in_the_closed_subset_and_is_documented(name: str) -> None:
    for field in outline.walk(DECLARATIONS[name]):
        if field.kind in ("struct", "switch"):
            continue
        assert isinstance(field.doc, Note), f"{name}.{field.path} has no note"
        parts = (field.doc, field.doc.unit, field.doc.source, field.doc.releases, field.doc.server, field.doc.client)
        assert all(parts), f"{name}.{field.path} has an empty note"


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("inner" / construct.Struct("name" / construct.CString("utf8")), "inner.name"),
        ("rest" / construct.GreedyBytes, "rest"),
        ("letter" / construct.Enum(construct.Bytes(1), F=b"F"), "letter"),
        ("kind" / construct.Switch(construct.this.a, {1: construct.Int8ub}), "kind"),
        ("sized" / construct.Bytes(lambda context: 3), "sized"),
        ("list" / construct.Array(3, construct.Int8ub), "list"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_outside_the_closed_subset_is_named(field: construct.Construct, path: str) -> None:
    with pytest.raises(TypeError, match=rf"^{re.escape(path)}: .* outside the subset"):
        list(outline.walk(construct.Struct("a" / construct.Int8ub, field)))


def test_sizes_tell_the_field_they_come_from() -> None:
    fields = {field.path: field for field in outline.walk(messages.MESSAGE)}
    assert fields["type"].values == ((0x44, "D"), (0x45, "E"), (0x46, "F"), (0x4C, "L"), (0x4F, "O"))
    assert (fields["length"].kind, fields["length"].size) == ("uint", 4)
    assert fields["content"].sized_by == "type"
    assert fields["content[F].name"].sized_by == "length"
    assert fields["content[O][8].offset"].size == 8
    assert {field.path: field.sized_by for field in outline.walk(postgres.STARTUP)}["parameters"] == "length - 8"


def test_a_layout_refuses_fields_without_size_and_two_byte_orders() -> None:
    with pytest.raises(TypeError, match=r"^name: no fixed size"):
        outline.layout(outline.walk(messages.F_MESSAGE))
    with pytest.raises(TypeError, match=r"^b: byte order"):
        outline.layout(outline.walk(construct.Struct("a" / construct.Int16ub, "b" / construct.Int16ul)))
    with pytest.raises(KeyError):
        outline.fixed_run(messages.MESSAGE, after="nothing")


def test_places_of_fields_are_byte_ranges_of_the_documented_package() -> None:
    package = messages.build_data_package(b"/data/a.csv", 0, 1, b"1,x\n2,y\n")
    places = {field.path: (field.start, field.end) for field in outline.locate(messages.DATA_PACKAGE, b"--" + package, 2)}
    assert places["file"] == (2, 18)
    assert places["file.name"] == (7, 18)
    assert places["offset.offset"] == (23, 31)
    assert places["line.line"] == (36, 44)
    assert places["rows.rows"] == (49, 57)


def test_places_of_a_cut_package_end_at_the_cut_field() -> None:
    package = messages.build_data_package(b"/data/a.csv", 0, 1, b"1,x\n2,y\n")
    cut = outline.locate(messages.DATA_PACKAGE, package[:50])
    assert cut[-1].path == "rows.rows"
    assert (cut[-1].start, cut[-1].end, cut[-1].complete) == (47, 50, False)
    assert [field.path for field in cut if not field.complete] == ["rows", "rows.rows"]


whole_messages = st.tuples(st.sampled_from(b"FOLDEx"), st.binary(max_size=12) | st.binary(min_size=8, max_size=8)).map(
    lambda pair: bytes([pair[0]]) + len(pair[1]).to_bytes(4, "big") + pair[1]
)
chains = st.lists(whole_messages, max_size=5).map(b"".join) | st.just(
    messages.build_data_package(b"/a", 1, 2, b"rows\n") + postgres.build_startup({"user": "me"})
)


@given(st.sampled_from(sorted(DECLARATIONS)), st.binary(max_size=80) | chains)
def test_places_never_leave_the_bytes_and_agree_with_construct(name: str, data: bytes) -> None:
    found = outline.locate(DECLARATIONS[name], data)
    assert all(0 <= field.start <= field.end <= len(data) for field in found)
    try:
        parsed = DECLARATIONS[name].parse(data)
    except construct.ConstructError:
        return
    assert found and all(field.complete for field in found)
    leaves = [field for field in found if field.kind != "struct"]
    assert DECLARATIONS[name].build(parsed) == b"".join(data[field.start : field.end] for field in leaves)
