"""Which release a gpfdist says it is, and which releases a segment can be of, as its request gives it away."""

import re
from functools import lru_cache
from typing import Final

from gpinspect.grammar import csvopt

OLDEST, NEWEST = 4, 7
_NUMBER = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?")
_SERVER = re.compile(r"\"?\d{1,4}\.\d")
_CLOUDBERRY: Final = frozenset((1, 2, 3))
"""Cloudberry counts its releases anew; they behave as 7."""

_BY_FORM: Final = {"old": frozenset((4,)), "plain": frozenset((5, 6)), "padded": frozenset((6, 7))}
_WITH_ZSTD: Final = frozenset((6, 7))
_WITH_COORDINATOR: Final = frozenset((7,))
WRITING_TWICE: Final = frozenset(("6.24.5",))
"""Releases between pull requests 15722 and 16168 of greenplum-db/gpdb that are known."""


@lru_cache(maxsize=256)
def server_release(text: str | None) -> str | None:
    """`6.24.5` from the text of X-GPFDIST-VERSION; None where it is not that of a gpfdist (`Spring XD`, `unknown`)."""
    if text is None or not _SERVER.match(text):
        return None
    found = _NUMBER.search(text)
    return None if found is None else ".".join(part for part in found.groups() if part is not None)


@lru_cache(maxsize=256)
def server_major(text: str | None) -> int | None:
    """4, 5, 6 or 7 from the text of X-GPFDIST-VERSION; None for other servers."""
    release = server_release(text)
    if release is None:
        return None
    major = int(release.partition(".")[0])
    if major in _CLOUDBERRY:
        return NEWEST
    return major if OLDEST <= major <= NEWEST else None


@lru_cache(maxsize=256)
def client_majors(options: str | None, zstd: bool, coordinator: bool) -> frozenset[int]:
    """Major releases that a segment can be of; empty where nothing tells, or no release sends it so.

    Args:
        options: X-GP-CSVOPT of the request. Without `n`: 4.3; unpadded: 5 and early 6; padded: 6 and 7.
        zstd: It offers X-GP-ZSTD: 6.27 and later, 7.
        coordinator: It has X-GP-COORDINATOR_HOST: 7.
    """
    told = []
    parsed = csvopt.parse(options) if options is not None else None
    if parsed is not None and parsed.form in _BY_FORM:
        told.append(_BY_FORM[parsed.form])
    if zstd:
        told.append(_WITH_ZSTD)
    if coordinator:
        told.append(_WITH_COORDINATOR)
    return frozenset.intersection(*told) if told else frozenset()


def majors_text(majors: frozenset[int]) -> str:
    """`4.3`, `5 or 6`, `7`."""
    return " or ".join("4.3" if major == OLDEST else str(major) for major in sorted(majors))
