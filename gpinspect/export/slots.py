"""Templates of generated files: `@@name@@` is a slot, and every slot must be filled."""

import re
from collections.abc import Mapping
from typing import Final

from gpinspect.errors import EncodeError

SLOT: Final = re.compile(r"@@([a-z_]+)@@")


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with every slot replaced; values are put in as they are and not searched for slots.

    Raises:
        EncodeError: A slot without a value, a value without a slot, or an `@@` that is no slot.
    """
    slots = set(SLOT.findall(template))
    for wrong, what in ((slots - values.keys(), "slots that nobody fills"), (values.keys() - slots, "values that have no slot")):
        if wrong:
            raise EncodeError(f"template with {what}: {', '.join(sorted(wrong))}; name the same ones in template and generator")
    pieces = SLOT.split(template)
    for text in pieces[::2]:
        if "@@" in text:
            at = text.index("@@")
            raise EncodeError(f"template with a broken slot near {text[at : at + 30]!r}; a slot is @@name@@ in small letters")
    pieces[1::2] = [values[name] for name in pieces[1::2]]
    return "".join(pieces)
