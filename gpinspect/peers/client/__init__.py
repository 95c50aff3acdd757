"""The reference client: N Greenplum segments that read from gpfdist and write to it.

    place, statement       where a URL leads, what all segments of a statement say: the heads, release by release
    answer, messages,
    reading, writing,
    backoff, dealing       what the other side's bytes mean and what comes next: sans-io
    ledger, sinks          rows counted and held together; where they go
    wire, fetching,
    sending                the sockets
    faults                 places where it can be made to misbehave

Refuses to guess: what a real segment does not look at is told besides, never in place of its own sentence.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpinspect.peers.client.api import ReferenceClient as ReferenceClient

__all__ = ["ReferenceClient"]


def __getattr__(name: str) -> Any:
    if name == "ReferenceClient":
        from gpinspect.peers.client import api

        return api.ReferenceClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
