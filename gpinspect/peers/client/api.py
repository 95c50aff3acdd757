"""`ReferenceClient`: a Greenplum cluster's segments, for people's own tests."""

import io
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, BinaryIO, Self

from gpinspect.peers.client.faults import NO_FAULTS, Faults
from gpinspect.peers.client.fetching import ReadOptions, fetch
from gpinspect.peers.client.results import Result
from gpinspect.peers.client.sending import WriteOptions, send
from gpinspect.peers.client.sinks import Sink
from gpinspect.peers.client.statement import OFFERS_ZSTD, Statement, fresh_xid
from gpinspect.peers.tls import ClientTls

AS_SET = ReadOptions()
AS_BUILT = WriteOptions()


class ReferenceClient:
    """So many Greenplum segments of one release, ready to read and write.

        async with ReferenceClient(segments=4) as client:
            read = await client.fetch("gpfdist://127.0.0.1:8080/orders.csv", csv=True, header=True)
            assert read.ok and read.content == rows

    Every call is a statement of its own, with an X-GP-XID that nobody had before, unless one is given.

    Args:
        segments: Primaries of the cluster.
        release: "4.3", "5", "6" or "7": whose heads are sent.
        tls: For gpfdists:// URLs.
        faults: Makes them misbehave.
        values: What all statements say; fields of `Statement`, such as `user` and `database`.
    """

    def __init__(
        self,
        segments: int = 1,
        *,
        release: str = "6",
        tls: ClientTls | None = None,
        faults: Faults = NO_FAULTS,
        **values: Any,
    ) -> None:
        values.setdefault("zstd", 1 if release in OFFERS_ZSTD else None)
        self._fresh = "xid" not in values
        self._statement = Statement(**{"xid": "0-0000000000", "segment_count": segments, "release": release, **values})
        self._tls = tls
        self._faults = faults

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing stays open between two calls."""

    def statement(self, **values: Any) -> Statement:
        """The next statement, with `values` over those of the client."""
        if self._fresh:
            values.setdefault("xid", fresh_xid())
        return replace(self._statement, **values)

    async def fetch(
        self,
        urls: str | Sequence[str],
        options: ReadOptions = AS_SET,
        *,
        sink: Sink | None = None,
        **values: Any,
    ) -> Result:
        """Read as one SELECT does. Without a sink the rows are in `content`, each source file by offset.

        Raises:
            EncodeError: URLs or values that a segment could not use.
            TlsKeyError: TLS files are missing or do not fit.
        """
        return await fetch(_several(urls), self.statement(**values), options, sink=sink, tls=self._tls, faults=self._faults)

    async def send(
        self,
        urls: str | Sequence[str],
        rows: bytes | BinaryIO,
        options: WriteOptions = AS_BUILT,
        **values: Any,
    ) -> Result:
        """Write rows as one INSERT does.

        Raises:
            EncodeError: URLs or values that a segment could not use.
            TlsKeyError: TLS files are missing or do not fit.
        """
        source = io.BytesIO(rows) if isinstance(rows, bytes) else rows
        return await send(_several(urls), source.read, self.statement(**values), options, tls=self._tls, faults=self._faults)


def _several(urls: str | Sequence[str]) -> Sequence[str]:
    return (urls,) if isinstance(urls, str) else urls
