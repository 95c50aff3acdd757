"""Rows under a mask: every byte that is no structure becomes filler, byte by byte, so lengths, row ends and quoting stay.

A byte is replaced by what it is and, in text, by whether an escape stands in front of it: that makes the mask of a byte the same in
whatever TCP segment it comes, early, late or again. What stays: row ends, the delimiters that are in use, control characters that
serve as one, quote and escape, and `\\N`, the NULL of text. Letters, digits and all other signs become `X`; characters of more than
one byte become others that take as many. `\\X` means X to the database: an escape never turns into another one.
"""

import re
import string
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gpinspect.grammar.csvopt import parse

DELIMITERS: Final = b"\t\n\v\f\r\x01\x02\x03\x1c\x1d\x1e\x1f,;|:^~"
ESCAPE: Final = 0x5C
NULL: Final = 0x4E
_QUOTES: Final = b"\"'"
_ALNUM: Final = (string.ascii_letters + string.digits).encode()
_X: Final = 0x58


def _table(kept: bytes) -> bytes:
    """What becomes of each byte; high bytes become valid UTF-8 if they were."""
    table = bytearray(b"X" * 256)
    table[0x80:0xC0] = b"\xa9" * 0x40
    table[0xC2:0xE0] = b"\xc3" * 0x1E
    table[0xE0:0xF0] = b"\xe3" * 0x10
    table[0xF0:0xF5] = b"\xf0" * 5
    for byte in kept:
        if byte not in _ALNUM:
            table[byte] = byte
    return bytes(table)


@dataclass(frozen=True, slots=True)
class RowRule:
    """How rows of one format are masked. `text`: a backslash escapes, and `\\N` is NULL."""

    table: bytes
    text: bool
    between: bytes = b""  # a row delimiter with letters in it, which no table can keep

    def fill(self, rows: bytes, escaped: bool) -> bytes:
        """Masked rows.

        Args:
            escaped: The byte in front of them is a backslash that escapes the first of them.
        """
        if self.between and self.between in rows:
            parts = rows.split(self.between)
            return self.between.join(self._fill(part, escaped and not number) for number, part in enumerate(parts))
        return self._fill(rows, escaped)

    def _fill(self, rows: bytes, escaped: bool) -> bytes:
        if not rows:
            return b""
        if not self.text or (ESCAPE not in rows and not escaped):
            return rows.translate(self.table)
        front = b""
        if escaped:
            front = b"N" if rows[0] == NULL else bytes((self.table[rows[0]],))
            rows = rows[1:]
        # letters are free after the first step: A stands for an escaped backslash, B for a NULL
        rows = rows.translate(_FIRST_STEP[self.table]).replace(b"\\\\", b"A").replace(b"\\N", b"B")
        return front + rows.replace(b"N", b"X").replace(b"B", b"\\N").replace(b"A", b"\\\\")


_FIRST_STEP: Final[dict[bytes, bytes]] = {}


def ends_escaped(rows: bytes, escaped: bool) -> bool:
    """Whether the byte behind `rows` is escaped; `escaped`: so is the first of them."""
    run = len(rows) - len(rows.rstrip(b"\\"))
    return bool((run + (escaped and run == len(rows))) & 1)


@lru_cache(maxsize=256)
def row_rule(csvopt: str | None, delimiter: bytes | None) -> RowRule:
    """The rule for what a request said of its rows; without X-GP-CSVOPT everything stays that could be structure."""
    options = parse(csvopt) if csvopt else None
    delimiter = delimiter or b""
    kept = DELIMITERS + delimiter
    between = delimiter if any(byte in _ALNUM or not byte for byte in delimiter) else b""
    if options is None:
        return _rule(kept + _QUOTES + b"\\", True, between)
    kept += bytes(byte for byte in (options.escape, options.quote) if 0 < byte < 256)
    return _rule(kept, not options.csv and options.escape == ESCAPE, between)


def _rule(kept: bytes, text: bool, between: bytes) -> RowRule:
    table = _table(kept)
    if table not in _FIRST_STEP:
        step = bytearray(table)
        step[NULL] = NULL
        _FIRST_STEP[table] = bytes(step)
    return RowRule(table, text, between)


class RowCounter:
    """Counts the row ends of content that is not kept, quoting understood; content begins with a row."""

    def __init__(self, csvopt: str | None, delimiter: bytes | None) -> None:
        options = parse(csvopt) if csvopt else None
        csv = options is not None and options.csv
        self.row_end = options.row_end if options is not None and csv else delimiter or b"\n"
        self._quote = bytes((options.quote,)) if options is not None and csv and 0 < options.quote < 256 else b""
        self._escape = bytes((options.escape,)) if options is not None and csv and 0 < options.escape < 256 else b""
        self._quoted = False
        self._rest = b""
        self.closed = False  # what came until now ends with the end of a row

    def feed(self, content: bytes) -> int:
        """Row ends in the next piece of content."""
        if not content:
            return 0
        content = self._rest + content
        self._rest = b""
        if self._escape and self._escape != self._quote:
            content = re.sub(re.escape(self._escape) + b".", b"  ", content, flags=re.DOTALL)
        if len(self.row_end) > 1 and self.row_end.startswith(content[-1:]):
            self._rest = content[-1:]
            content = content[:-1]
        if not self._quote:
            self.closed = not self._rest and content.endswith(self.row_end)
            return content.count(self.row_end)
        parts = content.split(self._quote)
        found = sum(part.count(self.row_end) for part in parts[self._quoted :: 2])
        self._quoted ^= not len(parts) & 1
        self.closed = not self._rest and not self._quoted and content.endswith(self.row_end)
        return found
