"""One TLS connection as rules look at it, and what a rule tells of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gpinspect.engine.secure import Secured
from gpinspect.engine.tls.report import Alert, TlsReport
from gpinspect.model import Address, Connection, Exchange

MODERN: Final = "TLSv1.3"


@dataclass(frozen=True, slots=True)
class Told:
    """A finding about one connection. Connections with one server are put together where code and `key` are the same."""

    code: str
    values: Mapping[str, str | int] = field(default_factory=dict)
    key: tuple[object, ...] | None = None  # None: the values
    ns: int | None = None
    frame: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One connection with what else the capture has to say about it."""

    secured: Secured
    exchanges: Sequence[Exchange]  # that came out of it
    plain_servers: frozenset[Address]  # that speak HTTP without TLS in this capture
    one_sided: bool  # only one direction was captured
    cut_short: bool  # the capture ends before its traffic does
    last_ns: int  # of the capture

    @property
    def report(self) -> TlsReport:
        return self.secured.report

    @property
    def connection(self) -> Connection:
        return self.secured.connection

    @property
    def postgres(self) -> bool:
        return self.secured.preface is not None

    @property
    def modern(self) -> bool:
        return self.report.version == MODERN

    @property
    def opened(self) -> bool:
        return self.report.decrypted != "none"

    @property
    def whole(self) -> bool:
        """Whether nothing of it is known to be missing in the capture."""
        return self.connection.missing_bytes == 0 and not self.cut_short and not self.one_sided and self.connection.opened

    @property
    def answered(self) -> bool | None:
        """Whether the server sent application data; None: TLS 1.3 that is not opened, where everything looks alike."""
        return _sent(self, self.report.server.data_records, self.report.server.data_bytes_sealed)

    @property
    def asked(self) -> bool | None:
        """Whether the client sent application data; None as for `answered`."""
        return _sent(self, self.report.client.data_records, self.report.client.data_bytes_sealed)

    @property
    def fatal(self) -> Alert | None:
        """The alert that ended the connection, if it can be read. What comes after a close_notify is of no weight."""
        for alert in self.report.alerts:
            if alert.description == "close_notify":
                return None
            if alert.level != "warning":
                return alert
        return None


def _sent(seen: Seen, records: int, sealed: int) -> bool | None:
    if records:
        return True
    if not seen.modern:
        return sealed > 0
    return False if seen.opened or not sealed else None


Rule = Callable[[Seen], Iterator[Told]]


def what(seen: Seen) -> str:
    """`TLSv1.3 TLS_AES_256_GCM_SHA384`, or as much of it as is known."""
    return " ".join(text for text in (seen.report.version or "TLS", seen.report.suite) if text)
