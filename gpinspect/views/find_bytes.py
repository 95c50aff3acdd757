"""Bytes that a person searches for, written as hexadecimal (`44 00`, `0x4400`) or as text."""

import re

_PAIRS = re.compile(r"[0-9a-fA-F]{2}(?:\s+[0-9a-fA-F]{2})+")
_SOLID = re.compile(r"(?:[0-9a-fA-F]{2})+")


def needles(text: str) -> tuple[bytes, ...]:
    """What to search for, most likely meaning first; quotes make text of anything, `0x` makes bytes of it."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return (text[1:-1].encode("utf-8", "surrogateescape"),) if len(text) > 2 else ()
    if not text:
        return ()
    plain = text.encode("utf-8", "surrogateescape")
    stripped = text.strip()
    if stripped.lower().startswith("0x") and _SOLID.fullmatch(stripped[2:]):
        return (bytes.fromhex(stripped[2:]), plain)
    if _PAIRS.fullmatch(stripped):
        return (bytes.fromhex(stripped), plain)
    if _SOLID.fullmatch(stripped):
        return (plain, bytes.fromhex(stripped))
    return (plain,)


def find(data: bytes, text: str, position: int, *, back: bool = False, here: bool = False) -> tuple[int, int] | None:
    """Where one of the meanings stands next, as [from, to), going round at the ends; None where none does.

    Args:
        position: Where the person stands.
        here: A hit at `position` counts.
    """
    for needle in needles(text):
        if not needle:
            continue
        if back:
            at = data.rfind(needle, 0, max(position - 1, 0) + len(needle)) if position else -1
            at = at if 0 <= at < position else data.rfind(needle)
        else:
            at = data.find(needle, position if here else position + 1)
            at = at if at >= 0 else data.find(needle)
        if at >= 0:
            return at, at + len(needle)
    return None
