"""What a field carries besides its layout: unit, source, releases, and what each side does when it is wrong.

A `Note` is a string, so Construct keeps it as the documentation of a field (`field * Note(...)`) and `outline` hands it on.
"""

from typing import Self

ALL_RELEASES = "4.3, 5, 6, 7, Cloudberry"


class Note(str):
    """Documentation of one field; the string itself says what the field means.

    Args:
        meaning: One or two sentences.
        unit: What one of it is: "bytes", "rows", "ASCII letter", …
        source: Where it is known from: upstream file and function, an RFC, or a capture of real programs.
        releases: Which releases put it on the wire.
        server: What gpfdist does when it is wrong or missing.
        client: What a Greenplum segment does when it is wrong or missing.
    """

    unit: str
    source: str
    releases: str
    server: str
    client: str

    def __new__(cls, meaning: str, *, unit: str, source: str, releases: str = ALL_RELEASES, server: str, client: str) -> Self:
        note = super().__new__(cls, meaning)
        note.unit = unit
        note.source = source
        note.releases = releases
        note.server = server
        note.client = client
        return note
