"""Do packages end where rows end? A sample of them is read again from the capture; reading the capture itself costs nothing more.

What comes of it are weirds like those of the engine, so that the analysis need not know where they are from.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from gpinspect.errors import GpinspectError
from gpinspect.grammar import csvopt
from gpinspect.grammar.layouts import END_PACKAGE
from gpinspect.inspection.again import MessageBytes
from gpinspect.model import UNKNOWN, Exchange, Outcome, Place, Session, Weird
from gpinspect.model.packages import ASSUMED, DATA, Package, PackageTable

MOST_SESSIONS: Final = 16
"""Sessions that are looked into."""
MOST_PACKAGES: Final = 4
"""Packages of one session that are read again."""
MOST_CANDIDATES: Final = 24
"""Packages of one answer that are considered."""
LARGEST: Final = 1 << 20
"""Bytes of a package beyond which it is not read."""
NEAR_START: Final = 1 << 16
"""Bytes of a body beyond which packages inside TLS are not read: they are opened from the connection's first frame on."""
ROWS_SPLIT: Final = "GPI221"
LENGTH_TOO_LARGE: Final = "GPI120"

DOUBT: Final = frozenset({"GPI101", "GPI103", "GPI107", "GPI108"})
"""Weirds after which packages may not be what they seem."""
_Item = TypeVar("_Item")

Reader = Callable[[int, int], MessageBytes]
"""Bytes of package `index` of exchange `id`."""


class _Choice(NamedTuple):
    """A package that must end with the end of a row."""

    exchange: Exchange
    number: int  # index into its packages
    package: Package


def odd_ends(
    sessions: Sequence[Session], exchanges: Sequence[Exchange], encrypted: frozenset[int], doubtful: frozenset[int], read: Reader
) -> Iterator[Weird]:
    """GPI221, once a session, for packages in mid file that end in mid row; GPI120 for a D that is longer than what came.

    Args:
        exchanges: All; their ids count from 1.
        encrypted: Ids of connections with TLS.
        doubtful: Ids of connections whose messages could not all be told; they are left out.

    Raises:
        Nothing: what cannot be read again is not looked at.
    """
    reading = [session for session in sessions if session.proto == 1 and session.payload_bytes]
    for session in _spread(reading, MOST_SESSIONS):
        members = [member for number in session.members if (member := exchanges[number - 1]).connection not in doubtful]
        try:
            yield from _split(session, members, encrypted, read)
            yield from _too_large(members, encrypted, read)
        except (GpinspectError, OSError, IndexError):
            return  # an input that can be read only once


def _split(session: Session, members: Sequence[Exchange], encrypted: frozenset[int], read: Reader) -> Iterator[Weird]:
    options = next((member.csvopt for member in members if member.csvopt is not None), None)
    delimiter = next((member.line_delimiter for member in members if member.line_delimiter), None)
    looked = 0
    split: list[_Choice] = []
    for choice in _choices(session, members, encrypted):
        got = read(choice.exchange.id, choice.number)
        content = got.data[choice.package.head :]
        if got.missing or len(content) != choice.package.length:
            continue
        looked += 1
        if not ends_a_row(content, options, delimiter):
            split.append(choice)
    if split:
        first = split[0]
        name = first.exchange.packages.file_name(first.package)
        file = name.decode("utf-8", "surrogateescape") if name is not None else "a file without name"
        values: dict[str, str | int] = {"count": len(split), "looked": looked, "file": file}
        yield _weird(ROWS_SPLIT, first.exchange, first.package, values)


def _choices(session: Session, members: Sequence[Exchange], encrypted: frozenset[int]) -> list[_Choice]:
    """Whole packages that are not the last of their file, spread over the session."""
    ends = {
        file.name.encode("utf-8", "surrogateescape"): file.first_offset + file.bytes + sum(end - start for start, end in file.gaps)
        for file in session.files
    }
    eligible = []
    for member in _spread([member for member in members if member.packages.data], MOST_PACKAGES):
        table = member.packages
        for index in _spread(range(len(table)), MOST_CANDIDATES):
            package = table[index]
            if _inner(table, index, package, ends, member.connection in encrypted):
                eligible.append(_Choice(member, index, package))
    if any(choice.exchange.connection in encrypted for choice in eligible):
        return eligible[:1]  # inside TLS each costs a second way through its connection
    return _spread(eligible, MOST_PACKAGES)


def _inner(table: PackageTable, index: int, package: Package, ends: dict[bytes, int], encrypted: bool) -> bool:
    """Whether more of its file is known to follow: by offset, else (a bare D) by a further package of the same answer."""
    if package.kind != DATA or not package.complete or package.flags & ASSUMED or package.length > LARGEST:
        return False
    if encrypted and package.position > NEAR_START:
        return False
    name = table.file_name(package)
    if name is not None and package.offset != UNKNOWN:
        return package.offset + package.length < ends.get(name, 0)
    return index + 1 < len(table) and table[index + 1].kind == DATA


def ends_a_row(content: bytes, options: str | None, delimiter: bytes | None) -> bool:
    """Whether content that begins with a row ends with the end of one, as gpfdist cuts rows.

    Args:
        options: X-GP-CSVOPT; None, or one that cannot be read: text.
        delimiter: That of X-GP-LINE-DELIM-STR; rows of CSV end as the options say.

    Source: fstream.c, fstream_read and scan_csv_records (6.24.3).
    """
    parsed = csvopt.parse(options) if options is not None else None
    if parsed is None or not parsed.csv:
        return content.endswith(delimiter or b"\n")
    return content.endswith(parsed.row_end) and not _quoted(content, parsed.quote, parsed.escape)


def _quoted(content: bytes, quote: int, escape: int) -> bool:
    """Whether the end stands within quotes. A doubled quote opens and closes, so it counts as none."""
    if not 0 < quote < 256:
        return False
    mark = bytes((quote,))
    if 0 < escape < 256 and escape != quote:
        content = _escaped(escape).sub(b"", content)
    return content.count(mark) % 2 == 1


@lru_cache(maxsize=16)
def _escaped(escape: int) -> re.Pattern[bytes]:
    return re.compile(re.escape(bytes((escape,))) + b".", re.DOTALL)


def _too_large(members: Sequence[Exchange], encrypted: frozenset[int], read: Reader) -> Iterator[Weird]:
    """The last D of an answer that ended inside it, when what came of it ends with an empty D."""
    for member in members:
        table = member.packages
        if member.outcome is not Outcome.BROKEN or not len(table) or member.connection in encrypted:
            continue
        package = table[-1]
        if package.kind != DATA or package.complete or package.length > LARGEST or package.flags:
            continue
        got = read(member.id, len(table) - 1)
        came = len(got.data) - package.head
        if not got.missing and came < package.length and got.data[package.head :].endswith(END_PACKAGE):
            yield _weird(LENGTH_TOO_LARGE, member, package, {"length": package.length, "bytes": came})
            return


def _weird(code: str, exchange: Exchange, package: Package, values: dict[str, str | int]) -> Weird:
    return Weird(code, exchange.connection, "server", Place(package.frame, package.ns, package.position), values)


def _spread(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most `most` items, evenly from first to last."""
    if len(items) <= most:
        return list(items)
    return [items[number * (len(items) - 1) // (most - 1)] for number in range(most)]
