"""Places of rows: one byte range of a file with the Greenplum segment, exchange, package and frames that carried it."""

from dataclasses import dataclass

from gpinspect.model import Exchange
from gpinspect.views.objects import Object, wire_text
from gpinspect.views.tables import Column, Context, Table
from gpinspect.views.text import UNKNOWN_TEXT, clock_text, count_text, printable


@dataclass(frozen=True, slots=True)
class Where:
    """One answer. What the wire did not say is None.

    `position` counts from the first byte of the package's content, or of the body where there is no package. `exact`: `frames` are
    those that carried these bytes first; else the bytes lie somewhere among them. `captured` None: it was not looked at.
    """

    exchange: Exchange
    package: int | None
    file: bytes | None
    offset: int | None  # byte in the file
    line: int | None  # counted from 1 by line feeds
    position: int
    length: int
    captured: bool | None
    frames: tuple[int, int]
    exact: bool
    time_ns: int | None  # first byte of the package, or of the body
    end_ns: int | None


def place_object(where: Where) -> Object:
    """Schema gpinspect.place/1."""
    exchange = where.exchange
    return {
        "schema": "gpinspect.place/1",
        "session": exchange.session,
        "segment": exchange.segment,
        "connection": exchange.connection,
        "client": str(exchange.client),
        "server": str(exchange.server),
        "exchange": exchange.id,
        "package": where.package,
        "file": wire_text(where.file),
        "offset": where.offset,
        "line": where.line,
        "position": where.position,
        "length": where.length,
        "captured": where.captured,
        "frames": list(where.frames),
        "exact": where.exact,
        "time_ns": where.time_ns,
        "end_ns": where.end_ns,
    }


def _count(value: int | None) -> str:
    return UNKNOWN_TEXT if value is None else count_text(value)


def _frames(where: Where, _: Context) -> str:
    first, last = where.frames
    told = f"{first}" if first == last else f"{first}-{last}"
    return told if where.exact else f"among {told}"


def _captured(where: Where, _: Context) -> str:
    return UNKNOWN_TEXT if where.captured is None else "yes" if where.captured else "no"


PLACES: Table[Where] = Table(
    "places",
    (
        Column("Session", lambda w, c: _count(w.exchange.session), "right", priority=2),
        Column("Seg", lambda w, c: _count(w.exchange.segment), "right"),
        Column("Client", lambda w, c: str(w.exchange.client), priority=3),
        Column("Server", lambda w, c: str(w.exchange.server), priority=5),
        Column("Conn", lambda w, c: _count(w.exchange.connection), "right", priority=5),
        Column("Exch", lambda w, c: str(w.exchange.id), "right"),
        Column("Package", lambda w, c: UNKNOWN_TEXT if w.package is None else str(w.package), "right"),
        Column("File", lambda w, c: UNKNOWN_TEXT if w.file is None else printable(w.file), priority=4, least=12, keep="end"),
        Column("Offset", lambda w, c: _count(w.offset), "right"),
        Column("Line", lambda w, c: _count(w.line), "right"),
        Column("Bytes", lambda w, c: _count(w.length), "right", priority=4),
        Column("Captured", _captured, priority=3, tones={"no": "bad"}),
        Column("Frames", _frames),
        Column("Time", lambda w, c: clock_text(w.time_ns, utc=c.utc, digits=6), priority=2),
    ),
)
