"""What settings of `ssl`, `require_ssl` and `sslmode` lead to, and whether a connection is what they lead to.

`ssl` and `require_ssl` are the server's, `sslmode` is the client's; the 24 combinations are the rows of openGauss's matrix
(`gpinspect.engine.tls.preface.MATRIX`). PostgreSQL has no `require_ssl`: `hostssl` lines alone in pg_hba.conf do the same.
"""

from dataclasses import dataclass

from gpinspect.engine.tls.preface import MATRIX, SSL_MODES, Row

__all__ = ["SSL_MODES", "Expectation", "agrees", "expected_rows", "result_words"]

_RESULTS = {
    "refused": "a clear start, which the server refuses",
    "clear": "a clear start, not encrypted",
    "second": "a clear start that is refused, then SSLRequest, S and TLS on a second connection",
    "encrypted": "SSLRequest, S, TLS",
    "declined": "SSLRequest, N, then a clear start, not encrypted",
    "given up": "SSLRequest, N, and the client leaves",
}
"""What is seen on the wire, in words."""

_BY_MODE = {  # sslmode -> with ssl off; with ssl on and require_ssl off; with both on
    "disable": ("clear", "clear", "refused"),
    "allow": ("clear", "clear", "second"),
    "prefer": ("declined", "encrypted", "encrypted"),
    "require": ("given up", "encrypted", "encrypted"),
    "verify-ca": ("given up", "encrypted", "encrypted"),
    "verify-full": ("given up", "encrypted", "encrypted"),
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """Settings that are known; None for one that is not."""

    ssl: bool | None = None
    require_ssl: bool | None = None
    sslmode: str | None = None

    @property
    def empty(self) -> bool:
        return self == Expectation()

    def fits(self, row: Row) -> bool:
        return self.ssl in (None, row.ssl) and self.require_ssl in (None, row.require_ssl) and self.sslmode in (None, row.sslmode)


def expected_rows(expectation: Expectation) -> tuple[int, ...]:
    """Numbers of the rows that fit, ascending: exactly one when all three settings are known."""
    return tuple(number for number, row in MATRIX.items() if expectation.fits(row))


def agrees(expected: tuple[int, ...], seen: tuple[int, ...] | None) -> bool | None:
    """Whether a connection that can be the rows `seen` can be one of those expected; None where it negotiated nothing."""
    return None if seen is None else not set(expected).isdisjoint(seen)


def result_words(rows: tuple[int, ...]) -> str:
    """What rows look like on the wire, in words, each once."""
    kinds = dict.fromkeys(_BY_MODE[MATRIX[row].sslmode][MATRIX[row].ssl * (1 + MATRIX[row].require_ssl)] for row in rows)
    return "; or ".join(_RESULTS[kind] for kind in kinds) or "nothing that the matrix knows"
