"""An inspection under a mask: what a report shows of it names no host, user, database or file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from gpinspect.engine.secure import Secured
from gpinspect.engine.tls.reasons import SENTENCES
from gpinspect.grammar import findings as catalogue
from gpinspect.model import Connection, Exchange, Finding, Flow, Notice, Session, Stall
from gpinspect.views.inspected import Inspected
from gpinspect.views.redaction import Mask

_WORDS: Final = str.maketrans(dict.fromkeys("\"'`.,;:()[]{}<>/|=*?!#%", " "))


@dataclass(frozen=True, slots=True)
class Masked:
    """The masked values of an inspection."""

    sources: tuple[str, ...]
    frames: int
    bytes: int
    first_ns: int | None
    last_ns: int | None
    notices: Sequence[Notice]
    connections: Sequence[Connection]
    exchanges: Sequence[Exchange]
    sessions: Sequence[Session]
    flows: Sequence[Flow]
    findings: Sequence[Finding]
    stalls: Sequence[Stall] = ()


def masked(found: Inspected, mask: Mask) -> Masked:
    """Everything that names somebody or something is masked; numbers, times and the words of gpfdist stay."""
    return Masked(
        tuple(mask.path(source) for source in found.sources),
        found.frames,
        found.bytes,
        found.first_ns,
        found.last_ns,
        [replace(notice, source=mask.path(notice.source), values=_values(notice.values, mask)) for notice in found.notices],
        [_connection(connection, mask) for connection in found.connections],
        [_exchange(exchange, mask) for exchange in found.exchanges],
        [_session(session, mask) for session in found.sessions],
        [replace(flow, host=mask.host(flow.host)) for flow in found.flows],
        [_finding(finding, mask) for finding in found.findings],
        tuple(getattr(found, "stalls", ())),
    )


def masked_tls(tls: Sequence[Secured], mask: Mask) -> list[Secured]:
    """TLS connections without addresses, and without the names of keys in the reasons why they stay closed."""
    return [
        one._replace(
            connection=_connection(one.connection, mask),
            report=replace(one.report, reason=_optional(one.report.reason, lambda text: _guarded(text, mask))),
        )
        for one in tls
    ]


def _optional(text: str | None, by: Callable[[str], str]) -> str | None:
    return None if text is None else by(text)


def _connection(connection: Connection, mask: Mask) -> Connection:
    return replace(connection, client=mask.address(connection.client), server=mask.address(connection.server))


def _exchange(exchange: Exchange, mask: Mask) -> Exchange:
    return replace(
        exchange,
        client=mask.address(exchange.client),
        server=mask.address(exchange.server),
        path=_optional(exchange.path, mask.path),
        reason=_optional(exchange.reason, mask.sentence),
        errors=tuple(mask.sentence(text) for text in exchange.errors),
        database=_optional(exchange.database, mask.database),
        user=_optional(exchange.user, mask.user),
        transform=_optional(exchange.transform, mask.name),
    )


def _session(session: Session, mask: Mask) -> Session:
    return replace(
        session,
        server=mask.address(session.server),
        path=_optional(session.path, mask.path),
        files=tuple(replace(file, name=mask.path(file.name)) for file in session.files),
        errors=tuple(mask.sentence(text) for text in session.errors),
        database=_optional(session.database, mask.database),
        user=_optional(session.user, mask.user),
    )


_BY_NAME: Final[Mapping[str, Callable[[Mask], Callable[[str], str]]]] = {
    "path": lambda mask: mask.path,
    "paths": lambda mask: mask.path,
    "file": lambda mask: mask.path,
    "name": lambda mask: mask.name,
    "directory": lambda mask: mask.path,
    "source": lambda mask: mask.path,
    "user": lambda mask: mask.user,
    "database": lambda mask: mask.database,
    "host": lambda mask: mask.host,
    "server": lambda mask: mask.authority,
    "client": lambda mask: mask.authority,
    "address": lambda mask: mask.authority,
    "subject": lambda mask: mask.name,
    "issuer": lambda mask: mask.name,
    "text": lambda mask: mask.sentence,
    "reason": lambda mask: mask.sentence,
}
"""Values of findings that are known to name something."""


@cache
def _our_words() -> frozenset[str]:
    """Words that the catalogue itself uses: they betray nothing."""
    texts = [f"{kind.message} {kind.explanation} {kind.cause} {kind.advice}" for kind in catalogue.ALL] + [*SENTENCES.values()]
    return frozenset(word.lower() for text in texts for word in text.translate(_WORDS).split())


def _values(values: Mapping[str, str | int], mask: Mask) -> dict[str, str | int]:
    return {name: value if isinstance(value, int) else _value(name, value, mask) for name, value in values.items()}


def _value(name: str, value: str, mask: Mask) -> str:
    by = _BY_NAME.get(name)
    return by(mask)(value) if by is not None else _guarded(value, mask)


def _guarded(text: str, mask: Mask) -> str:
    """Text that is partly ours: numbers and words of the catalogue stay."""
    ours = _our_words()
    parts = []
    for part in text.split(" "):
        bare = part.strip("\"'`.,;:()[]")
        kept = bare.lower() in ours or bare.replace(",", "").replace("-", "").isdecimal()
        parts.append(part if kept else mask.path(part) if "/" in part else mask.name(part))
    return " ".join(parts)


def _finding(finding: Finding, mask: Mask) -> Finding:
    values = _values(finding.values, mask)
    message = catalogue.kind(finding.code).render(values)
    suffix = _guarded(finding.suffix, mask)
    return replace(finding, message=f"{message} ({suffix})" if suffix else message, values=values, suffix=suffix)
