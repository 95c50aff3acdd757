"""The Wireshark dissector in Lua: a template, its parts, and the tables that the grammar fills in.

A slot of the template is `@@name@@`; `@@part_NAME@@` stands for the file NAME.lua. Every slot must be filled.
"""

from importlib.resources import files

from gpinspect.export.slots import SLOT, fill

MADE = "Made by: gpinspect export lua. Change the grammar or the template, not this file."

_PART = "part_"


def dissector() -> str:
    """The text of gpfdist.lua.

    Raises:
        EncodeError: The template and the tables do not fit together.
    """
    from gpinspect.export.lua import tables

    template = _text("template")
    parts = {slot: _text(slot.removeprefix(_PART)).rstrip("\n") for slot in SLOT.findall(template) if slot.startswith(_PART)}
    return fill(template, {"made": MADE, **{name: filling() for name, filling in tables.FILLINGS.items()}, **parts})


def _text(name: str) -> str:
    return files("gpinspect.export.lua").joinpath(f"{name}.lua").read_text(encoding="utf-8")
