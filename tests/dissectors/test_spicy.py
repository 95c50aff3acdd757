"""The Spicy grammar, as far as it can be judged without a Spicy compiler: its structure, and its message units on bytes.

The reader below knows the few constructs that the message units use, and nothing else: integers, sized bytes, one level of
`switch`, parameters, and a condition. It says that these units mean what the grammar means, not that Spicy compiles them.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.export.spicy import generate
from gpinspect.grammar.headers import HEADERS
from gpinspect.grammar.messages import LETTERS, parse_message

FOLDER = Path(__file__).resolve().parent.parent.parent / "dissectors" / "spicy"
GRAMMAR = (FOLDER / "gpfdist.spicy").read_text(encoding="utf-8")
EVENTS = (FOLDER / "gpfdist.evt").read_text(encoding="utf-8")
CODE = re.sub(r"^\s*#.*$|(?<=;)\s+#.*$", "", GRAMMAR, flags=re.MULTILINE)
UNITS = {
    name: (parameters, body)
    for name, parameters, body in re.findall(r"^(?:public )?type (\w+) = unit(\([^{]*\))? \{\n(.*?)^\};", CODE, re.M | re.S)
}
BUILT_IN = {"bytes", "uint8", "uint16", "uint32", "uint64", "bool", "Word", "Blanks", "NewLine", "RestOfLine", "HeaderName"}


class Ended(Exception):  # noqa: N818 - bytes that end too early are no error of anybody
    """More bytes are wanted."""


def field(text: str, data: bytes, at: int, known: dict[str, int], found: dict[str, Any]) -> int:
    """Read one field, `name: type ...`."""
    name, _, kind = text.partition(":")
    kind = kind.strip()
    condition = re.search(r" if \( (.*) \)$", kind)
    if condition is not None:
        wanted = condition[1].replace("! zstd", "not zstd").replace("&&", "and").replace("||", "or")
        if not eval(wanted, {}, dict(known)):
            return at
        kind = kind[: condition.start()]
    unit = re.match(r"([A-Z])\((.*)\)$", kind)
    if unit is not None:
        names = re.findall(r"(\w+):", UNITS[unit[1]][0])
        values = [known[one.strip().removeprefix("self.")] for one in unit[2].split(",")]
        return read(unit[1], data, at, dict(zip(names, values, strict=True)), found)
    integer = re.match(r"uint(\d+)", kind)
    size = int(integer[1]) // 8 if integer else known[re.match(r"bytes &size=(?:self\.)?(\w+)", kind)[1]]  # type: ignore[index]
    if at + size > len(data):
        raise Ended
    found[name.strip()] = known[name.strip()] = int.from_bytes(data[at : at + size]) if integer else data[at : at + size]  # type: ignore[assignment]
    return at + size


def read(unit: str, data: bytes, at: int, known: dict[str, int], found: dict[str, Any]) -> int:
    """Read one unit; `found` gets its fields."""
    body = UNITS[unit][1]
    for switch, chosen_by, cases, plain in re.findall(
        r"^    (switch \( (.*?) \) \{\n(.*?)^    \};)|^    (\w+: .*?);$", body, re.M | re.S
    ):
        if not switch:
            at = field(plain, data, at, known, found)
            continue
        table = dict(re.findall(r"^\s+(\S+) -> (.*);$", cases, re.M))
        key = known[chosen_by.removeprefix("self.")]
        names = {number: f"Letter::{name}" for name, number in LETTERS.items()}
        at = field(table.get(names.get(key, "") if "Letter" in cases else str(key), table["*"]), data, at, known, found)
    return at


def message(data: bytes) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    try:
        found["size"] = read("Message", data, 0, {"zstd": 0}, found)
    except Ended:
        return None
    return found


@given(st.sampled_from([*LETTERS.values(), 0x58]), st.sampled_from([0, 7, 8, 9, 20]), st.binary(max_size=24))
def test_the_message_units_read_what_the_grammar_reads(letter: int, length: int, content: bytes) -> None:
    data = bytes([letter]) + length.to_bytes(4, "big") + content
    ours, theirs = parse_message(data), message(data)
    if ours is None:
        assert theirs is None
    else:
        assert theirs == {"letter": letter, "length": length, ours.field: ours.content, "size": ours.size}


def test_the_letters_are_those_of_protocol_1() -> None:
    (letters,) = re.findall(r"type Letter = enum \{(.*?)\};", CODE, re.S)
    assert {name: int(number, 16) for name, number in re.findall(r"(\w) = (0x\w+)", letters)} == LETTERS


def test_brackets_and_every_type_and_unit_have_their_counterpart() -> None:
    bare = re.sub(r'b?"[^"]*"|/[^/\n]+/', "", CODE)
    for opening, closing in ("{}", "()", "[]"):
        assert bare.count(opening) == bare.count(closing) > 0
    used = set(re.findall(r"^\s+(?:\S+ -> )?\w*:\s+\(?(\w+)", bare, re.M))
    assert used - BUILT_IN <= set(UNITS)
    assert set(UNITS) - used <= {"Requests", "Replies", "Message"}


@pytest.mark.parametrize("header", sorted({one.name for one in HEADERS}))
def test_every_header_of_the_grammar_is_a_variable_that_is_set(header: str) -> None:
    variable = header.lower().replace("-", "_")
    for unit, reader, answer in (("Request", "RequestHeader", False), ("Reply", "ReplyHeader", True)):
        if any(one.name == header and (one.direction == "answer") == answer for one in HEADERS):
            assert f'    var {variable}: bytes = b"";\n' in UNITS[unit][1]
            assert f'if ( name == b"{header.lower()}" )\n            {unit.lower()}.{variable} = self.value;' in UNITS[reader][1]


def test_the_events_name_units_and_fields_that_are_there() -> None:
    hooks = re.findall(r"^on GPFDIST::(\w+).*? -> event (\S+)\((.*)\);$", EVENTS, re.M)
    assert [event for _, event, _ in hooks] == [
        f"gpfdist::{name}" for name in ("request", "reply", "message", "name", "offset", "line", "text")
    ]
    for unit, _, values in hooks:
        for name in re.findall(r"self\.(\w+)", values):
            assert re.search(rf"^\s+(?:var |\d+ -> )?{name}:", UNITS[unit][1], re.M), (unit, name)
    for unit in re.findall(r"parse \w+ with GPFDIST::(\w+)", EVENTS):
        assert f"public type {unit} = unit" in GRAMMAR


def test_the_file_says_that_no_compiler_has_seen_it() -> None:
    assert "never compiled" in GRAMMAR
    assert "Never compiled" in EVENTS
    assert set(generate.PARTS) == {"grammar", "evt"}
