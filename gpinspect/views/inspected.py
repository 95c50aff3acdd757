"""What views need to see of an inspection, so that they stand below it."""

from collections.abc import Sequence
from typing import Protocol

from gpinspect.model import Connection, Exchange, Finding, Flow, Notice, Session


class Inspected(Protocol):
    """The values of `gpinspect.inspection.Inspection`, read-only."""

    @property
    def sources(self) -> tuple[str, ...]: ...
    @property
    def frames(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def first_ns(self) -> int | None: ...
    @property
    def last_ns(self) -> int | None: ...
    @property
    def notices(self) -> Sequence[Notice]: ...
    @property
    def connections(self) -> Sequence[Connection]: ...
    @property
    def exchanges(self) -> Sequence[Exchange]: ...
    @property
    def sessions(self) -> Sequence[Session]: ...
    @property
    def flows(self) -> Sequence[Flow]: ...
    @property
    def findings(self) -> Sequence[Finding]: ...


def is_ours(found: Inspected) -> bool:
    """Whether there is gpfdist, TLS or a request for TLS in it, whoever asks."""
    return bool(found.exchanges) or any(
        connection.kind in ("gpfdist", "tls") or connection.tls or connection.preface is not None
        for connection in found.connections
    )
