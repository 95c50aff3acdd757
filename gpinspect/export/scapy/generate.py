"""The text of the scapy layer: what the grammar knows, put into `gpfdist.py.in`."""

from functools import cache
from importlib.resources import files
from typing import Final

from gpinspect.export import wire_order
from gpinspect.export.slots import fill
from gpinspect.grammar import layouts, messages, outline
from gpinspect.grammar.headers import lookup

MADE: Final = "# Made by: gpinspect export scapy. Change the grammar or the template, not this file."
PORT: Final = 8080

_RENAMED: Final = {"name": "file"}
"""Fields that a scapy packet has an attribute for."""

_KINDS: Final = {"decimal": "decimal", "number": "base0", "flag": "decimal"}
"""How header types of the grammar are read; all others are bytes."""


@cache
def layer() -> str:
    """The text of the layer."""
    return fill((files(__package__) / "gpfdist.py.in").read_text(encoding="utf-8"), _values())


def _values() -> dict[str, str]:
    cases = _cases()
    numbers = [letter for letter, field in cases.items() if field.kind == "uint"]
    length = next(field for field in outline.walk(messages.MESSAGE_HEAD) if field.path == "length")
    assert length.format is not None
    return {
        "made": MADE,
        "port": str(PORT),
        "types": "{" + ", ".join(f'{number}: "{letter}"' for letter, number in messages.LETTERS.items()) + "}",
        "largest_d": str(layouts.LARGEST_BLOCK),
        "length_format": length.format.replace(">", "!"),
        "request_fields": _header_fields(wire_order.request_headers()),
        "response_fields": _header_fields(wire_order.response_headers(), answer=True),
        "message_classes": "\n\n\n".join(_message_class(letter, field) for letter, field in cases.items()),
        "class_table": "{" + ", ".join(f"{messages.LETTERS[letter]}: Gpfdist{letter}" for letter in cases) + "}",
        "numbers": "{" + ", ".join(str(messages.LETTERS[letter]) for letter in numbers) + "}",
        "number_size": str(layouts.NUMBER_LENGTH),
    }


def _cases() -> dict[str, outline.Field]:
    """The field that each letter's content is."""
    cases: dict[str, outline.Field] = {}
    for field in outline.walk(messages.MESSAGE):
        case = field.path.removeprefix("content[")
        if case != field.path and field.kind not in ("struct", "switch") and "[else]" not in field.path:
            cases[case[0]] = field
    return cases


def _message_class(letter: str, field: outline.Field) -> str:
    name = field.path.rpartition(".")[2]
    name = _RENAMED.get(name, name)
    if field.kind == "uint":
        assert field.size == layouts.NUMBER_LENGTH
        sized = [f'        IntField("length", {field.size}),', f'        LongField("{name}", 0),']
    else:
        sized = [
            f'        FieldLenField("length", None, length_of="{name}", fmt="!I"),',
            f'        StrLenField("{name}", b"", length_from=lambda pkt: pkt.length),',
        ]
    number = messages.LETTERS[letter]
    lines = [
        f"class Gpfdist{letter}(GpfdistMessage):",
        f'    """{_first_sentence(field.doc)}"""',
        "",
        f'    name = "gpfdist {letter}"',
        "    fields_desc = [",
        f'        ByteEnumField("type", {number}, TYPES),',
        *sized,
        "    ]",
    ]
    return "\n".join(lines)


def _header_fields(names: list[str], *, answer: bool = False) -> str:
    lines = []
    for name in names:
        known = [field for field in lookup(name) if (field.direction == "answer") == answer]
        kind = _KINDS.get(known[0].type, "text") if known else "text"
        lines.append(f'        _header("{name.replace("-", "_")}", b"{name}", "{kind}"),')
    return "\n".join(lines)


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".") + "."
