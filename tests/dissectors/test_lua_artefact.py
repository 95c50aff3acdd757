"""The Lua file is made from the grammar: up to date, complete, and every slot of its template filled."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from gpinspect.cli.group import gpinspect
from gpinspect.errors import EncodeError
from gpinspect.export import lua
from gpinspect.export.lua import tables
from gpinspect.grammar import findings, messages, outline
from gpinspect.grammar.headers import HEADERS
from gpinspect.grammar.statuses import STATUSES

from .lua_running import LUA


def test_the_shipped_file_is_up_to_date_and_says_what_made_it() -> None:
    result = CliRunner().invoke(gpinspect, ["export", "lua", "--check", str(LUA)])
    assert (result.exit_code, result.output) == (0, "")
    assert LUA.read_text(encoding="utf-8").startswith("-- Made by: gpinspect export lua. Change the grammar")


def test_a_file_that_differs_is_told_with_status_1(tmp_path: Path) -> None:
    path = tmp_path / "gpfdist.lua"
    assert CliRunner().invoke(gpinspect, ["export", "lua", "-o", str(path)]).exit_code == 0
    path.write_text(path.read_text(encoding="utf-8").replace("LARGEST_NAME", "LARGEST_MANE", 1), encoding="utf-8")
    result = CliRunner().invoke(gpinspect, ["export", "lua", "--check", str(path)])
    assert result.exit_code == 1
    assert "gpinspect export lua -o" in result.output


def test_a_slot_that_nobody_fills_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(tables.FILLINGS, "statuses")
    with pytest.raises(EncodeError, match="statuses"):
        lua.dissector()


def test_a_filling_without_a_slot_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tables.FILLINGS, "surplus", lambda: "")
    with pytest.raises(EncodeError, match="surplus"):
        lua.dissector()


def test_every_header_of_the_grammar_has_a_field_of_its_own() -> None:
    text = LUA.read_text(encoding="utf-8")
    for header in HEADERS:
        assert f'"gpfdist.{tables.header_key(header.name)}"' in text, header.name
    assert tables.header_key("X-GP-SEGMENT-ID") == "segment_id"
    assert tables.header_key("X-GP_SEG_PG_CONF") == "seg_pg_conf"
    assert tables.header_key("X-GPFDIST-VERSION") == "version"


def test_no_two_fields_have_one_name() -> None:
    names = re.findall(r'^F\.\w+ = ProtoField\.\w+\("([^"]+)"', LUA.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(names) > 70
    assert len(names) == len(set(names))


def test_every_letter_of_protocol_1_is_there() -> None:
    letters = next(field.values for field in outline.walk(messages.MESSAGE) if field.path == "type")
    assert {letter for _, letter in letters} == set("FOLDE")
    for number, letter in letters:
        assert f'[0x{number:02x}] = {{letter = "{letter}"' in LUA.read_text(encoding="utf-8")


def test_codes_have_the_severity_of_the_catalogue() -> None:
    text = LUA.read_text(encoding="utf-8")
    for code, group in tables.CODES.items():
        kind = findings.kind(code)
        assert f'{code} = {{"{kind.name}", "{group}", "{tables.SEVERITIES[kind.severity]}"}}' in text


def test_the_dissector_complains_with_codes_of_its_table_only() -> None:
    said = set(re.findall(r'complain\(side, "(GPI\d{3})"', LUA.read_text(encoding="utf-8")))
    assert said - {"GPI111", "GPI114"} <= tables.CODES.keys()
    assert len(said) >= 12


def test_every_status_line_is_explained() -> None:
    text = LUA.read_text(encoding="utf-8")
    for status in STATUSES:
        assert tables.quoted(status.cause) in text


@pytest.mark.parametrize("word", ["bit32", "bit.band", "table.move", "string.unpack", "utf8.", "goto ", " // ", "math.tointeger"])
def test_only_words_that_every_lua_of_wireshark_has_are_used(word: str) -> None:
    code = [line.partition(" --")[0] for line in LUA.read_text(encoding="utf-8").splitlines() if not line.startswith("--")]
    strings = re.compile(r'"(?:[^"\\]|\\.)*"')
    assert not any(word in strings.sub('""', line) for line in code)
