"""What a report says of TLS: how much of it there is, what was opened, the reason where it was not, and the pace all the same."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gpinspect.model import Notice
from gpinspect.views.text import bytes_text, duration_text, plural, printable, rate_text

if TYPE_CHECKING:
    from gpinspect.engine.secure import Secured

HOSTS_SHOWN = 2
KINDS_SHOWN = 2
EMBEDDED = "GPI006"

SEGMENT_LOG = "set SSLKEYLOGFILE in the environment of the segments' postmaster, restart, load again, then --keylog FILE"
SEGMENT_KEY = "--server-key server.key of the gpfdist host is enough; or a key log of the segments (SSLKEYLOGFILE)"
POSTGRES_LOG = "--keylog FILE of a client that writes one: libpq 18 (sslkeylogfile), or a preload library"
POSTGRES_KEY = "--server-key with the server's private key is enough; or a key log of the client"

_Line = tuple[str, int]
"""Text and level of indentation."""


def tls_lines(tls: "Sequence[Secured]", notices: Sequence[Notice], *, screen: bool, brief: bool = False) -> Iterator[_Line]:
    """Lines about TLS, none where there is none.

    Args:
        screen: Fold what exceeds a screen.
        brief: On a screen, leave out how to get a secret and the pace of hosts: there is more to see.
    """
    spoken = [one for one in tls if one.preface is None or one.preface.tls]
    secrets = sum(_count(notice) for notice in notices if notice.code == EMBEDDED)
    if spoken:
        yield _summary(spoken, screen), 0
    closed = [one for one in spoken if one.report.decrypted == "none"]
    groups: dict[tuple[str, bool, bool], list[Secured]] = {}
    for one in spoken:
        if one.report.reason_code is not None:
            name = (one.report.reason_code, one.preface is not None, one.report.forward_secret is not False)
            groups.setdefault(name, []).append(one)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    for (_, postgres, forward), members in ordered[: 1 if screen else None]:
        count = f" ({len(members):,} connections)" if len(members) > 1 else ""
        yield f"why: {printable(members[0].report.reason or '')}{count}", 1
        if members[0].report.needs_secrets and not (screen and brief):
            yield f"how: {_how(postgres, forward)}", 1
    if screen and len(ordered) > 1:
        yield f"and {plural(len(ordered) - 1, 'other reason')}", 1
    if not (screen and brief):
        yield from _paces(closed, HOSTS_SHOWN if screen else None)
    if secrets:
        yield f"the capture carries {plural(secrets, 'TLS secret')}: whoever has the file can open its connections", 0


def _count(notice: Notice) -> int:
    value = notice.values.get("count", 1)
    return value if isinstance(value, int) else 1


def _summary(spoken: "Sequence[Secured]", screen: bool) -> str:
    kinds = Counter(" ".join(filter(None, (one.report.version, one.report.suite))) or "unknown" for one in spoken)
    shown = kinds.most_common(KINDS_SHOWN if screen else None)
    listing = ", ".join(f"{number:,} {printable(name)}" for name, number in shown)
    if len(kinds) > len(shown):
        listing += f" and {len(kinds) - len(shown):,} more"
    states = Counter(one.report.decrypted for one in spoken)
    opened = states["full"] + states["partial"]
    partly = f", {states['partial']:,} of them in part" if states["partial"] else ""
    return f"{plural(len(spoken), 'connection')}: {listing}; {opened:,} opened{partly}"


def _how(postgres: bool, forward_secret: bool) -> str:
    if postgres:
        return POSTGRES_LOG if forward_secret else POSTGRES_KEY
    return SEGMENT_LOG if forward_secret else SEGMENT_KEY


def what_helps(one: "Secured") -> str:
    """Which secret would open a connection and how to come by it; "" where none is needed, or none can help."""
    if not one.report.needs_secrets:
        return ""
    return _how(one.preface is not None, one.report.forward_secret is not False)


def _paces(closed: "Sequence[Secured]", shown: int | None) -> Iterator[_Line]:
    """Bytes of records a client host, largest first: sizes are visible without keys."""
    hosts: dict[str, list[Secured]] = {}
    for one in closed:
        failed = any(alert.level == "fatal" and not alert.encrypted for alert in one.report.alerts)
        if not failed and (one.report.client.data_bytes_sealed or one.report.server.data_bytes_sealed):
            hosts.setdefault(one.connection.client.host, []).append(one)
    rows = sorted(((_sealed(members), host, members) for host, members in hosts.items()), key=lambda row: (-row[0], row[1]))
    for size, host, members in rows[:shown]:
        ns = _span(members)
        rate = f" ({rate_text(size, ns)} MB/s)" if ns > 0 else ""
        yield f"{host}: {plural(len(members), 'connection')}, {bytes_text(size)} in records in {duration_text(ns)}{rate}", 1
    if shown is not None and len(rows) > shown:
        yield f"and {plural(len(rows) - shown, 'more host')}", 1


def _sealed(members: "Sequence[Secured]") -> int:
    return sum(one.report.client.data_bytes_sealed + one.report.server.data_bytes_sealed for one in members)


def _span(members: "Sequence[Secured]") -> int:
    """Nanoseconds from the first byte of these connections to the last."""
    sides = [side for one in members for side in (one.report.client, one.report.server)]
    first = [side.first_ns for side in sides if side.first_ns is not None]
    last = [side.last_ns for side in sides if side.last_ns is not None]
    return max(last) - min(first) if first and last else 0
