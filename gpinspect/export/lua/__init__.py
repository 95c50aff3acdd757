"""The Wireshark dissector in Lua: a template, its parts, and the tables that the grammar fills in.

Every `{{slot}}` of the template must have a filling, and every filling a slot; `{{part NAME}}` stands for the file NAME.lua.
"""

import re
from importlib.resources import files

MADE = "Made by: gpinspect export lua. Change the grammar or the template, not this file."
DEFAULT_PATH = "dissectors/wireshark/gpfdist.lua"

_SLOT = re.compile(r"\{\{([a-z_]+(?: [a-z_]+)?)\}\}")


class SlotError(ValueError):
    """A slot of the template has no filling, or a filling no slot: a fault of the program."""


def fill(template: str, fillings: dict[str, str]) -> str:
    """The template with every slot replaced.

    Raises:
        SlotError: A slot and its filling do not meet; the message names both kinds.
    """
    slots = set(_SLOT.findall(template))
    unfilled, unused = slots - fillings.keys(), fillings.keys() - slots
    if unfilled or unused:
        raise SlotError(f"slots without a filling: {sorted(unfilled)}; fillings without a slot: {sorted(unused)}")
    return _SLOT.sub(lambda slot: fillings[slot[1]], template)


def dissector() -> str:
    """The text of gpfdist.lua.

    Raises:
        SlotError: The template and the tables do not fit together.
    """
    from gpinspect.export.lua import tables

    template = _text("template")
    parts = {slot: _text(slot.removeprefix("part ")).rstrip("\n") for slot in _SLOT.findall(template) if slot.startswith("part ")}
    fillings = {name: filling() for name, filling in tables.FILLINGS.items()}
    return fill(template, {"made": MADE, **fillings, **parts})


def _text(name: str) -> str:
    return files("gpinspect.export.lua").joinpath(f"{name}.lua").read_text(encoding="utf-8")
