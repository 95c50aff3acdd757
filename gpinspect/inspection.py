"""From inputs to an inspection: capture, engine and analysis put together; what commands, TUI and scripts start from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gpinspect.model import Connection, Exchange, Finding, Flow, Notice, Session

Progress = Callable[[int, int | None, int], None]
"""Called now and then while reading: bytes read, bytes in all (None on a pipe), frames so far."""


@dataclass(frozen=True, slots=True)
class MessageBytes:
    """The bytes of one package as they were on the wire (plain protocol 1 bytes, after TLS if there was any).

    `pieces` are (position in `data`, length, frame number), in order; bytes in no piece were not captured and stand as zeros in `data`.
    """

    data: bytes
    pieces: tuple[tuple[int, int, int], ...]


class Inspection:
    """What was found in the inputs. Lists are in order of first frame; ids are their place counted from 1."""

    sources: tuple[str, ...]
    frames: int
    bytes: int  # of the inputs, decompressed
    first_ns: int | None
    last_ns: int | None
    notices: list[Notice]
    connections: list[Connection]
    exchanges: list[Exchange]
    sessions: list[Session]
    flows: list[Flow]
    findings: list[Finding]

    def read_package(self, exchange: int, index: int) -> MessageBytes:
        """Fetch the bytes of package `index` of exchange `exchange` from the capture again."""
        raise NotImplementedError


def inspect(
    inputs: Sequence[str],
    *,
    keylogs: Sequence[str] = (),
    server_keys: Sequence[str] = (),
    hashes: bool = False,
    again: bool = False,
    progress: Progress | None = None,
) -> Inspection:
    """Read captures (files, directories, globs, `-`) as one and say what is in them.

    Args:
        hashes: Work out SHA-256 of payloads (content is spooled to a temporary file).
        again: Keep what cannot be read twice (pipes, compressed files) in a temporary file, so that `read_package` works.
    """
    raise NotImplementedError
