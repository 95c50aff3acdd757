"""Where payload goes when somebody asked for it."""

from typing import Protocol

from gpinspect.engine.channel import Buffer

BODY = -1
"""Stands for "the body itself" where a package number is wanted (protocol 0 and POST)."""


class ContentStore(Protocol):
    """Takes payload as it is seen and keeps it outside of memory."""

    def store(self, exchange: int, package: int, position: int, data: bytes) -> None:
        """Keep `data`, which stands at `position` in the content of `package` (or of the body) of exchange `exchange`."""


class Keep:
    """The payload of one exchange on its way to a store. Positions count bytes of the content of one package, or of the body."""

    __slots__ = ("_exchange", "_package", "_store")

    def __init__(self, store: ContentStore, exchange: int) -> None:
        self._store = store
        self._exchange = exchange
        self._package = BODY

    def open_package(self, index: int) -> None:
        self._package = index

    def write(self, position: int, buffer: Buffer, start: int, end: int) -> None:
        self._store.store(self._exchange, self._package, position, bytes(buffer[start:end]))
