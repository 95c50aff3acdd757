"""Did the files end where the packages end, and did the last bytes arrive? What stands against a proof although nothing is missing.

Nobody on the wire says how long a file is. That the last package is the last one of its file follows from who was there: where
every Greenplum segment of the cluster is in the capture, nobody else can have got more. Where some are not, the size of the last
package tells: gpfdist fills a block with whole rows up to `-m` bytes (32 KiB at least), so a clearly shorter one ends its file.
"""

import re
from collections.abc import Iterator
from typing import Final

from gpinspect.analysis.case import Case
from gpinspect.analysis.draft import Bearing, Draft, about, about_session
from gpinspect.grammar.paths import server_path
from gpinspect.model import UNKNOWN, FileCoverage, Outcome
from gpinspect.model.packages import NO_FILE

SMALLEST_BLOCK: Final = 32768
"""Bytes that a block may have at least (`-m`)."""
CLEARLY: Final = 1024
"""Bytes that the last block must lack at least before it counts as shorter than a full one: rows are seldom longer."""
SPREAD: Final = 4
"""Times that the full blocks differ among each other, which is about the longest row, that it must lack."""
GOODBYE: Final = 128
"""Bytes inside TLS that need no acknowledgment: the alert that says goodbye."""
_RELEASE: Final = re.compile(r"\d+\.\d+")
"""What X-GPFDIST-VERSION of gpfdist has; other servers give out blocks of any size."""
ENDED: Final = (Outcome.COMPLETE, Outcome.OPEN)


def end_not_shown(case: Case) -> Iterator[Draft]:
    """GPI238: others may have got what follows."""
    missing = case.unaccounted
    if missing == 0 or case.session.proto != 1 or not case.ended_as(Outcome.COMPLETE, Outcome.LATE):
        return
    files = case.session.files
    if any(file.gaps for file in files):
        return  # that says it already
    path = case.session.path
    fills = _RELEASE.search(case.session.server_version or "")
    if fills and len(files) == 1 and path is not None and names_one_file(path) and _ends_short(case, files[0]):
        return
    told = "an unknown number of" if missing is None else missing
    yield Draft("GPI238", {"missing": told}, Bearing.HINDERS, **about_session(case.session, case.members))


def not_acknowledged(case: Case) -> Iterator[Draft]:
    """GPI239: rows that were sent, and whose arrival the capture does not show although it shows other acknowledgments."""
    encrypted = {connection.id for connection in case.connections if connection.tls}
    left = [
        member
        for member in case.ended_as(*ENDED)
        if member.packages.data and (member.unacknowledged or 0) > (GOODBYE if member.connection in encrypted else 0)
    ]
    left = [member for member in left if member.outcome is Outcome.COMPLETE]
    if left:
        count = sum(member.unacknowledged or 0 for member in left)
        yield Draft("GPI239", {"bytes": count}, Bearing.HINDERS, **about(left, end=True))


def names_one_file(path: str) -> bool:
    """Whether a request target can name no more than one file."""
    parts = server_path(path).parts
    return len(parts) == 1 and not set("*?[").intersection(parts[0]) and not parts[0].endswith("/")


def _ends_short(case: Case, file: FileCoverage) -> bool:
    """Whether the last package of the only file is clearly shorter than a full one."""
    name = file.name.encode("utf-8", "surrogateescape")
    last = (-1, 0)  # offset and length
    shortest, longest = 1 << 32, 0
    for member in case.members:
        table = member.packages
        for _, number, offset, length, _ in table.spans():
            if number == NO_FILE or table.files[number] != name or offset == UNKNOWN:
                return False
            if (offset, length) > last:
                (offset, length), last = last, (offset, length)
            if offset >= 0:
                shortest, longest = min(shortest, length), max(longest, length)
    if not longest:
        shortest = longest = SMALLEST_BLOCK
    return longest - last[1] > max(CLEARLY, SPREAD * (longest - shortest))


RULES: Final = (end_not_shown, not_acknowledged)
