"""Two exchanges, flows, packages or sessions beside each other: what is compared, both values, and what differs.

Sessions are compared by `gpinspect.inspection.compare`; what it gives is put into the same rows.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from gpinspect.model import UNKNOWN, Exchange, Flow, Package
from gpinspect.views.browse import Listing, span_ns, state_column, step_word
from gpinspect.views.package_list import PackageLine
from gpinspect.views.tables import Column, Context, Tone
from gpinspect.views.text import UNKNOWN_TEXT, bytes_text, clock_text, count_text, duration_text, printable, rate_text, shorten
from gpinspect.views.times import seconds_text

ROUND = 1.2
"""Durations and rates within this factor count as the same."""
JITTER_NS = 10_000_000
LONGEST = 2_000
"""Characters of a value that are kept."""


class Pair(NamedTuple):
    """One thing on both sides; texts are printable. `how`: by how much they differ, "" where that is no number."""

    what: str
    a: str
    b: str
    differs: bool
    tone: Tone
    how: str = ""


class Fact(NamedTuple):
    """One thing to be compared. `unit`: "bytes", "ns", "rate" (bytes a second), "time" (of day), "" for the value itself.

    What is `own` to each (an id, a port) may differ without that being a difference.
    """

    what: str
    value: Callable[[Any], Any]
    unit: str = ""
    own: bool = False


def pairs(facts: Sequence[Fact], a: Any, b: Any, *, utc: bool) -> list[Pair]:
    return [pair(fact.what, fact.value(a), fact.value(b), fact.unit, own=fact.own, utc=utc) for fact in facts]


def pair(what: str, a: Any, b: Any, unit: str = "", *, own: bool = False, utc: bool = False, tone: Tone = "warn") -> Pair:
    differs = not own and not _same(a, b, unit)
    how = _how(a, b, unit) if differs or unit == "time" else ""
    return Pair(what, shown(a, unit, utc=utc), shown(b, unit, utc=utc), differs, tone if differs else "", how)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(a: Any, b: Any, unit: str) -> bool:
    if a == b or unit == "time":
        return True
    if unit not in ("ns", "rate") or not _number(a) or not _number(b):
        return False
    if unit == "ns" and abs(a - b) <= JITTER_NS:
        return True
    low, high = sorted((a, b))
    return bool(low > 0 and high / low <= ROUND)


def _how(a: Any, b: Any, unit: str) -> str:
    if not _number(a) or not _number(b):
        return ""
    if unit in ("ns", "time"):
        return ("+" if b >= a else "") + (f"{seconds_text(round(b - a))} s")
    if unit == "bytes":
        return ("+" if b >= a else "-") + bytes_text(abs(round(b - a)))
    if unit == "rate":
        return f"x{b / a:.2f}" if a else ""
    return f"{b - a:+,}" if isinstance(a, int) and isinstance(b, int) else f"{b - a:+.2f}"


def shown(value: Any, unit: str = "", *, utc: bool = False) -> str:
    """A value as text, safe for a terminal."""
    if value is None or value == "" or value == ():
        return UNKNOWN_TEXT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, bytes):
        return shorten(printable(value[:LONGEST]), LONGEST)
    if isinstance(value, tuple):
        return shorten("; ".join(shown(one) for one in value), LONGEST)
    if not _number(value):
        return shorten(printable(str(value)[:LONGEST]), LONGEST)
    if unit == "ns":
        return duration_text(round(value))
    if unit == "time":
        return clock_text(round(value), utc=utc, digits=6)
    if unit == "bytes":
        return bytes_text(round(value))
    if unit == "rate":
        return f"{rate_text(round(value), 1_000_000_000)} MB/s"
    return count_text(value) if isinstance(value, int) else f"{value:.2f}"


def _rate(item: Any) -> float | None:
    ns = span_ns(item)
    return item.payload_bytes * 1e9 / ns if ns > 0 else None


def _first_byte(exchange: Exchange) -> int | None:
    return None if exchange.first_byte_ns is None else exchange.first_byte_ns - exchange.start_ns


def _field(name: str) -> Callable[[Any], Any]:
    return lambda item: getattr(item, name)


EXCHANGE: Final = (
    Fact("exchange", lambda e: str(e.id), own=True),
    Fact("started", _field("start_ns"), "time"),
    Fact("client", lambda e: e.client.host),
    Fact("client port", lambda e: str(e.client.port), own=True),
    Fact("server", lambda e: str(e.server)),
    Fact("method", _field("method")),
    Fact("path", _field("path")),
    Fact("step", step_word),
    Fact("status", lambda e: None if e.status is None else f"{e.status} {e.reason or ''}".strip()),
    Fact("outcome", lambda e: e.outcome.value),
    Fact("segment", _field("segment")),
    Fact("segments of the cluster", _field("segment_count")),
    Fact("XID", _field("xid")),
    Fact("CID", _field("cid")),
    Fact("SN", _field("sn")),
    Fact("sequence", _field("seq")),
    Fact("done", _field("done")),
    Fact("protocol asked", _field("proto")),
    Fact("protocol given", _field("response_proto")),
    Fact("gpfdist", _field("server_version")),
    Fact("csvopt", _field("csvopt")),
    Fact("line delimiter", _field("line_delimiter")),
    Fact("transform", _field("transform")),
    Fact("zstd", _field("zstd")),
    Fact("database", _field("database")),
    Fact("user", _field("user")),
    Fact("payload", _field("payload_bytes"), "bytes"),
    Fact("packages", lambda e: len(e.packages)),
    Fact("files", lambda e: tuple(e.packages.files)),
    Fact("not captured", _field("missing_bytes"), "bytes"),
    Fact("error texts", _field("errors")),
    Fact("time", span_ns, "ns"),
    Fact("first byte after", _first_byte, "ns"),
    Fact("rate", _rate, "rate"),
    Fact("ended first by", _field("closed_by")),
    Fact("reset by", _field("reset_by")),
    Fact("frames", lambda e: f"{e.frames[0]:,}-{e.frames[1]:,}", own=True),
)


def _stalled(cause: str) -> Callable[[Flow], int | None]:
    return lambda flow: None if flow.stall_ns is None else getattr(flow.stall_ns, cause)


FLOW: Final = (
    Fact("session", _field("session"), own=True),
    Fact("segment", _field("segment"), own=True),
    Fact("host", _field("host")),
    Fact("started", _field("start_ns"), "time"),
    Fact("outcome", lambda f: f.outcome.value),
    Fact("exchanges", _field("exchanges")),
    Fact("packages", _field("packages")),
    Fact("payload", _field("payload_bytes"), "bytes"),
    Fact("rows", _field("rows")),
    Fact("time", span_ns, "ns"),
    Fact("rate", _rate, "rate"),
    *(Fact(f"held up by {cause}", _stalled(cause), "ns") for cause in ("server", "network", "segment", "capture", "unknown")),
)


def _package(name: str) -> Callable[[PackageLine], Any]:
    def value(line: PackageLine) -> Any:
        found = getattr(line.package, name)
        return None if found == UNKNOWN else found

    return value


def _took(line: PackageLine) -> int | None:
    package: Package = line.package
    return None if UNKNOWN in (package.ns, package.end_ns) else package.end_ns - package.ns


PACKAGE: Final = (
    Fact("package", lambda line: f"{line.index:,} of exchange {line.exchange.id}", own=True),
    Fact("kind", lambda line: line.package.kind_name),
    Fact("file", lambda line: line.exchange.packages.file_name(line.package)),
    Fact("offset", _package("offset"), own=True),
    Fact("line", _package("line"), own=True),
    Fact("bytes", _package("length")),
    Fact("whole", lambda line: line.package.complete),
    Fact("began", _package("ns"), "time"),
    Fact("took", _took, "ns"),
    Fact("frames", lambda line: f"{line.package.frame:,}-{line.package.end_frame:,}", own=True),
)


def content_pairs(a: bytes, b: bytes) -> Iterator[Pair]:
    """Where the contents of two packages differ first, and the rows that hold the place."""
    if a == b:
        yield Pair("content", "the same", "the same", False, "")
        return
    size = min(len(a), len(b))
    at = next((place for place in range(0, size, 4096) if a[place : place + 4096] != b[place : place + 4096]), size)
    at = next((place for place in range(at, min(at + 4096, size)) if a[place] != b[place]), size)
    yield Pair("content differs from byte", f"{at:,}", f"{at:,}", True, "warn")
    rows = [data.count(b"\n", 0, at) for data in (a, b)]
    yield Pair(f"row {rows[0] + 1:,} of it", _row(a, at), _row(b, at), True, "warn")
    yield pair("rows", a.count(b"\n"), b.count(b"\n"))


def _row(data: bytes, at: int) -> str:
    start = data.rfind(b"\n", 0, at) + 1
    end = data.find(b"\n", at)
    row = data[start : end if end >= 0 else len(data)]
    return shorten(printable(row[:LONGEST]), LONGEST) if row else "(nothing)"


def pair_listing(found: Sequence[Pair], context: Context) -> Listing[Pair]:
    """Both sides as a table; `differs` as a word, so that it needs no colour."""
    columns: tuple[Column[Pair], ...] = (
        state_column(lambda one: one.tone or ("" if one.differs else "good")),
        Column("What", lambda one, c: one.what, least=10),
        Column("A", lambda one, c: one.a, least=18, keep="both"),
        Column("B", lambda one, c: one.b, least=18, keep="both"),
        Column("Differs", lambda one, c: (one.how or "differs") if one.differs else "", "right"),
    )
    return Listing(columns, found, lambda one: one.what, "facts", context)
