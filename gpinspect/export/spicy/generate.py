"""The texts of `gpfdist.spicy` and `gpfdist.evt`: what the grammar knows, put into their templates.

Every switch of the declaration becomes a unit of its own, so nothing of Spicy is needed but fields, sizes and one level of
`switch`.
"""

from importlib.resources import files
from typing import Final

from gpinspect.export import wire_order
from gpinspect.export.slots import fill
from gpinspect.grammar import messages, outline

PARTS: Final = {"grammar": "gpfdist.spicy.in", "evt": "gpfdist.evt.in"}
MADE: Final = "# Made by: gpinspect export spicy {part}. Change the grammar or the template, not this file."
PORT: Final = 8080
_KEY: Final = ("X-GP-XID", "X-GP-CID", "X-GP-SN", "X-GP-SEGMENT-ID", "X-GP-SEGMENT-COUNT", "X-GP-PROTO", "X-GP-SEQ", "X-GP-DONE")


def part(name: str) -> str:
    """The text of one of `PARTS`.

    Raises:
        EncodeError: Template and generator name different slots.
    """
    template = (files(__package__) / PARTS[name]).read_text(encoding="utf-8")
    values = _grammar() if name == "grammar" else _evt()
    return fill(template, {"made": MADE.format(part=name), **values})


def _grammar() -> dict[str, str]:
    request, reply = wire_order.request_headers(), wire_order.response_headers()
    fields = {field.path: field for field in outline.walk(messages.MESSAGE)}
    cases, units = [], []
    for letter in messages.LETTERS:
        argument = "self.length, zstd" if letter == "D" else "self.length"
        cases.append(f"        Letter::{letter} -> {letter.lower()}: {letter}({argument});")
        units.append(_unit(letter, [field for path, field in fields.items() if path.startswith(f"content[{letter}]")]))
    cases.append(f"        * -> {_leaf(fields['content[else].unknown'], 'self.')};")
    return {
        "request_vars": _variables(request),
        "request_sets": _sets(request, "request"),
        "reply_vars": _variables(reply),
        "reply_sets": _sets(reply, "reply"),
        "letters": ",\n".join(f"    {name} = {number:#x}" for number, name in fields["type"].values),
        "letter_type": _type(fields["type"]),
        "length_type": _type(fields["length"]),
        "cases": "\n".join(cases),
        "units": "\n\n".join(units),
    }


def _evt() -> dict[str, str]:
    events = []
    for field in outline.walk(messages.MESSAGE):
        name = field.path.rpartition(".")[2]
        letter = field.path.removeprefix("content[")[:1]
        if letter in messages.LETTERS and field.kind in ("uint", "bytes") and "[else]" not in field.path and letter != "D":
            chosen = f" if ( length == {field.size} )" if field.kind == "uint" else ""
            events.append(f"on GPFDIST::{letter}{chosen} -> event gpfdist::{name}($conn, $is_orig, self.{name});")
    return {"port": str(PORT), "key": ", ".join(f"self.{_variable(name)}" for name in _KEY), "events": "\n".join(events)}


def _unit(letter: str, fields: list[outline.Field]) -> str:
    """The content of one letter."""
    leaves = [field for field in fields if field.kind not in ("struct", "switch")]
    parameters = "length: uint32, zstd: bool" if letter == "D" else "length: uint32"
    lines = [f"# {_first_sentence(leaves[0].doc)}", f"type {letter} = unit({parameters}) {{"]
    switch = next((field for field in fields if field.kind == "switch"), None)
    if switch is not None:
        lines.append(f"    switch ( {switch.sized_by} ) {{")
        for leaf in leaves:
            key = leaf.path.rpartition("[")[2].partition("]")[0]
            lines.append(f"        {'*' if key == 'else' else key} -> {_leaf(leaf)};")
        lines.append("    };")
    elif letter == "D":
        plain = _leaf(leaves[0])
        lines += [f"    {plain} &chunked if ( ! zstd || length == 0 );", "    frame: ZstdFrame if ( zstd && length > 0 );"]
    else:
        lines += [f"    {_leaf(leaf)};" for leaf in leaves]
    return "\n".join([*lines, "};"])


def _leaf(field: outline.Field, of: str = "") -> str:
    name = field.path.rpartition(".")[2]
    return f"{name}: {_type(field)}" if field.kind != "bytes" else f"{name}: bytes &size={of}{field.sized_by or field.size}"


def _type(field: outline.Field) -> str:
    assert field.size is not None and field.format is not None and field.format[0] in ">!B"
    return f"uint{8 * field.size}"


def _variable(header: str) -> str:
    return header.lower().replace("-", "_")


def _variables(headers: list[str]) -> str:
    return "\n".join(f'    var {_variable(name)}: bytes = b"";' for name in headers)


def _sets(headers: list[str], unit: str) -> str:
    lines = []
    for name in headers:
        lines += [f'        if ( name == b"{name.lower()}" )', f"            {unit}.{_variable(name)} = self.value;"]
    return "\n".join(lines)


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".") + "."
