"""X-GP-CSVOPT: how the rows of a file are written, in the four forms that releases use.

    padded    m1x 34q 34n0h1     6, 7, Cloudberry: escape and quote right-aligned in three columns
    plain     m1x34q34n0h1       5, early 6
    old       m1x34q34h1         4.3: no row end
    swapped   m1x34q34h1n0       no known sender; servers from 5 on take it

A server of 5 or later refuses the old form, and a server of 4.3 does not see `h` behind an `n`.
"""

import re
from dataclasses import dataclass
from typing import Final

FORMS: Final = ("padded", "plain", "old", "swapped")
NEWLINES: Final = {0: "not declared", 1: "LF", 2: "CR", 3: "CR LF"}

_NUMBER = r"[ \t]*(\d{1,9})"
_TEXT = re.compile(f"m{_NUMBER}x{_NUMBER}q{_NUMBER}(?:n{_NUMBER}h{_NUMBER}|h{_NUMBER}(?:n{_NUMBER})?)", re.ASCII)
_PADDED = re.compile(r"m\dx(?:  \d| \d\d|\d{3})q(?:  \d| \d\d|\d{3})n\dh\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """One X-GP-CSVOPT."""

    csv: bool  # False: text, and custom formats
    escape: int  # byte value; 0 = none
    quote: int  # byte value; 0 for text
    newline: int | None  # 0 not declared, 1 LF, 2 CR, 3 CR LF; None: the form does not say (4.3)
    header: bool  # the first row of every file is dropped
    form: str = "padded"
    rest: str = ""  # what stands behind the form; servers do not look at it

    @property
    def row_end(self) -> bytes:
        """Row end of CSV rows. Rows of text end with the line delimiter of other headers."""
        return {2: b"\r", 3: b"\r\n"}.get(self.newline or 0, b"\n")

    def build(self) -> str:
        """The text of the header, in `form`."""
        m, h = int(self.csv), int(self.header)
        if self.form == "padded":
            text = f"m{m}x{self.escape:3d}q{self.quote:3d}n{self.newline or 0}h{h}"
        elif self.form == "old":
            text = f"m{m}x{self.escape}q{self.quote}h{h}"
        elif self.form == "swapped":
            text = f"m{m}x{self.escape}q{self.quote}h{h}n{self.newline or 0}"
        else:
            text = f"m{m}x{self.escape}q{self.quote}n{self.newline or 0}h{h}"
        return text + self.rest


def parse(text: str) -> CsvOptions | None:
    """Read X-GP-CSVOPT in any of the four forms; None when it is none of them.

    Raises:
        Nothing.

    Source: gpfdist.c, session_attach (6.24.3): blanks in front of numbers are skipped, text behind the form is not looked at.
    """
    found = _TEXT.match(text)
    if found is None:
        return None
    m, x, q, n_first, h_second, h_first, n_second = (None if value is None else int(value) for value in found.groups())
    assert m is not None and x is not None and q is not None
    if h_first is None:
        newline, header = n_first, h_second
        form = "padded" if _PADDED.fullmatch(found[0]) else "plain"
    else:
        newline, header = n_second, h_first
        form = "old" if n_second is None else "swapped"
    return CsvOptions(bool(m), x, q, newline, bool(header), form, text[found.end() :])


def problem(text: str) -> str | None:
    """What is wrong with a value of X-GP-CSVOPT, in words; None when nothing is."""
    options = parse(text)
    if options is None:
        return "wanted m, x, q, n and h, each followed by a number, like `m1x 34q 34n0h0`"
    if options.escape > 255 or options.quote > 255:
        return f"escape {options.escape} and quote {options.quote} are byte values; 255 is the largest"
    if options.newline not in (None, *NEWLINES):
        return f"row end {options.newline} is unknown; 0 not declared, 1 LF, 2 CR, 3 CR LF"
    if options.rest.strip():
        return "text behind the options is not looked at by any server"
    return None
