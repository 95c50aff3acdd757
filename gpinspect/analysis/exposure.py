"""Findings about what others can see or reach: names in clear text, paths out of the served directory, a file read and written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import islice
from typing import Final

from gpinspect.analysis.case import Case, Scene
from gpinspect.analysis.connections import grouped
from gpinspect.analysis.draft import Draft, about
from gpinspect.grammar.paths import server_path
from gpinspect.model import Address, Exchange, Outcome, Session

SHOWING: Final = (
    ("data_directory", "X-GP_SEG_DATADIR"),
    ("user", "X-GP-USER"),
    ("database", "X-GP-DATABASE"),
)
"""Fields of an exchange, and the headers that they come from."""
HIDING: Final = (("%2e", "."), ("%2f", "/"), ("%5c", "\\"), ("%20", "/"))
"""Ways to write what leads out of a directory; a blank begins another path."""
SYSTEM: Final = ("/etc/", "/proc/", "/sys/", "/root/", "/boot/")
"""Directories that nobody serves on purpose."""
GLOB: Final = frozenset("*?[")
MOST_ALIKE: Final = 200
"""Sessions with one target, or targets that a pattern is held against."""
MOST_PATTERNS: Final = 32
"""Files or patterns of one request that are looked at."""
MOST_NAMES: Final = 1000
"""Names in F of one session that are looked at."""
MOST_PAIRS: Final = 20
"""Findings about targets that are read and written; a hostile capture may have one for each pair of sessions."""


# names in clear text -----------------------------------------------------------------------------------------------------


def names_in_clear(scene: Scene) -> Iterator[Draft]:
    """GPI118, once a server."""
    encrypted = {connection.id for connection in scene.connections if connection.tls}
    servers: dict[Address, list[Exchange]] = {}
    for exchange in scene.exchanges:
        if (exchange.user or exchange.database or exchange.data_directory) and exchange.connection not in encrypted:
            servers.setdefault(exchange.server, []).append(exchange)
    for group in grouped(servers.values(), lambda members: members[0].server):
        members = [member for several in group for member in several]
        shown = [header for field, header in SHOWING if any(getattr(member, field) for member in members)]
        yield Draft("GPI118", {"names": ", ".join(shown)}, **{**about(members), "suffix": ""})


# paths -------------------------------------------------------------------------------------------------------------------


def paths_asked(scene: Scene) -> Iterator[Draft]:
    """GPI117 for requests, once a server and path."""
    asked = [exchange for exchange in scene.exchanges if exchange.path is not None and _leaves(exchange.path)]
    for group in grouped(asked, lambda exchange: (exchange.server, exchange.path)):
        yield Draft("GPI117", {"what": "a request", "path": group[0].path or ""}, **about(group))


@lru_cache(maxsize=1024)
def _leaves(target: str) -> bool:
    """Whether a request target tries to leave its directory. Dots within a name are refused too, but lead nowhere."""
    shown = target.lower()
    for hidden, plain in HIDING:
        shown = shown.replace(hidden, plain)
    return "\\" in shown or ".." in shown.split("/")


def files_named(scene: Scene) -> Iterator[Draft]:
    """GPI117 for names in F, once a session: one with `..` in it, or one from elsewhere than what was asked for.

    What is served from is known only where another file of the same server tells; without, only directories of the system count.
    """
    reading = [case for case in scene.cases if case.session.files]
    roots: dict[Address, set[str]] = {}
    strange: list[tuple[Case, str]] = []
    for case in reading:
        if any(member.transform for member in case.members):
            continue  # F may name a list of files that gpfdist made
        wanted = _asked(case.session.path)
        for file in case.session.files[:MOST_NAMES]:
            root = _root(file.name, wanted)
            if root is not None and ".." not in file.name.split("/"):
                roots.setdefault(case.session.server, set()).add(root)
            else:
                strange.append((case, file.name))
    told: set[int] = set()
    for case, name in strange:
        if case.session.id in told or not _outside(name, roots.get(case.session.server, set())):
            continue
        told.add(case.session.id)
        members = [member for member in case.members if member.packages.data and name.encode(*_RAW) in member.packages.files]
        yield Draft("GPI117", {"what": "the server's F", "path": name}, **about(members or case.members))


_RAW: Final = ("utf-8", "surrogateescape")


def _outside(name: str, roots: set[str]) -> bool:
    parts = name.split("/")
    if ".." in parts or "\\" in name:
        return True
    if roots:
        return not any(name.startswith(root.rstrip("/") + "/") for root in roots)
    return name.startswith(SYSTEM)


@lru_cache(maxsize=256)
def _asked(path: str | None) -> tuple[tuple[str, ...], ...]:
    """The components of every file or pattern that a request names."""
    if path is None:
        return ()
    return tuple(tuple(part for part in name.split("/") if part) for name in server_path(path).parts[:MOST_PATTERNS])


def _root(name: str, wanted: Sequence[tuple[str, ...]]) -> str | None:
    """The directory below which `name` is what was asked for, or in a directory that was; None when it is neither."""
    parts = name.split("/")
    for pattern in wanted:
        for below in (0, 1):  # a directory stands for the files in it
            start = len(parts) - len(pattern) - below
            if start >= 1 and all(map(fnmatchcase, parts[start:], pattern)):
                return "/".join(parts[:start]) or "/"
    return None


# read and written --------------------------------------------------------------------------------------------------------


def read_while_written(scene: Scene) -> Iterator[Draft]:
    """GPI416: sessions that read and sessions that write the same path of one server at the same time."""
    writing: dict[Address, dict[str, list[Case]]] = {}
    for case in scene.cases:
        session = case.session
        if case.writes and session.path is not None and _took(case):
            several = writing.setdefault(session.server, {}).setdefault(server_path(session.path).key, [])
            if len(several) < MOST_ALIKE:
                several.append(case)
    if not writing:
        return
    count = 0
    for case in scene.cases:
        targets = writing.get(case.session.server)
        if targets is None or case.writes or case.session.path is None or not _took(case):
            continue
        for target in _targets(server_path(case.session.path).parts[:MOST_PATTERNS], targets):
            for other in targets[target]:
                if not _overlap(case.session, other.session):
                    continue
                count += 1
                if count > MOST_PAIRS:
                    return
                values: dict[str, str | int] = {"path": "/" + target, "read": case.session.id, "write": other.session.id}
                yield Draft("GPI416", values, **about([*case.members, *other.members]))


def _targets(patterns: Sequence[str], targets: Mapping[str, object]) -> Iterator[str]:
    """Those of the targets that a request names or whose pattern it fits."""
    for pattern in patterns:
        if pattern in targets:
            yield pattern
        elif not GLOB.isdisjoint(pattern):
            yield from (target for target in islice(targets, MOST_ALIKE) if fnmatchcase(target, pattern))


def _took(case: Case) -> bool:
    return any(member.outcome is not Outcome.REFUSED for member in case.members)


def _overlap(one: Session, other: Session) -> bool:
    return one.start_ns <= other.end_ns and other.start_ns <= one.end_ns


SCENE_RULES: Final[tuple[Callable[[Scene], Iterator[Draft]], ...]] = (names_in_clear, paths_asked, files_named, read_while_written)
