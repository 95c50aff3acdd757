"""The fields of each kind of object: named as in its JSON, typed, and read from the value itself, so that no object is made."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Final

from gpinspect.model import UNKNOWN, Delivery, Finding, Flow, Outcome, Session, Severity, StallShares
from gpinspect.model.packages import KINDS
from gpinspect.views.filter.values import Type
from gpinspect.views.objects import wire_text


@dataclass(frozen=True)
class Around:
    """What an item is looked at with: sessions by id, counts of findings by session, when the capture begins, and all flows."""

    sessions: Mapping[int, Session] = field(default_factory=dict)
    counts: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    first_ns: int | None = None
    flows: Sequence[Flow] = ()

    @cached_property
    def stalled(self) -> Mapping[int, Sequence[Flow]]:
        """The flows of each session of which it is known how long they were held up."""
        found: dict[int, list[Flow]] = {}
        for flow in self.flows:
            if flow.stall_ns is not None:
                found.setdefault(flow.session, []).append(flow)
        return found


Getter = Callable[[Any, Around], Any]
"""Value of a field of an item: None where it is not known; a sequence for a field with several values."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `words`: all that it can be, least first where `ordered`; `letters`: other spellings of them.

    `several`: a list of which any one may fit.
    """

    name: str
    type: Type
    get: Getter
    words: tuple[str, ...] = ()
    ordered: bool = False
    several: bool = False
    letters: Mapping[str, str] = field(default_factory=dict)


Fields = Mapping[str, Field]

OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)
DELIVERIES: Final = tuple(delivery.value for delivery in Delivery)
SEVERITIES: Final = tuple(severity.word for severity in sorted(Severity))
SIDES: Final = ("client", "server")


def _attribute(name: str) -> Getter:
    return lambda item, around: getattr(item, name)


def _several(kind: Type, *names: str) -> Iterable[Field]:
    for name in names:
        yield Field(name, kind, _wire(name) if kind is Type.TEXT else _attribute(name))


def _wire(name: str) -> Getter:
    return lambda item, around: wire_text(getattr(item, name))


def _texts(name: str) -> Getter:
    return lambda item, around: [wire_text(text) for text in getattr(item, name)]


def _address(name: str) -> Iterable[Field]:
    yield Field(name, Type.TEXT, lambda item, around: str(getattr(item, name)))
    yield Field(f"{name}.host", Type.TEXT, lambda item, around: getattr(item, name).host)
    yield Field(f"{name}.port", Type.NUMBER, lambda item, around: getattr(item, name).port)


def _duration() -> Field:
    return Field("duration", Type.DURATION, lambda item, around: item.end_ns - item.start_ns)


def _table(fields: Iterable[Field], aliases: Mapping[str, str]) -> dict[str, Field]:
    table = {one.name: one for one in fields}
    return table | {alias: table[name] for alias, name in aliases.items()}


def _message_count(letter: str) -> Getter:
    return lambda item, around: None if item.message_counts is None else getattr(item.message_counts, letter)


def _finding_count(word: str) -> Getter:
    return lambda item, around: around.counts.get(item.id, {}).get(word, 0)


def _held_up(name: str | None) -> Callable[[Flow], int | None]:
    """How long a flow was held up: by one cause, or in all (frames that were not recorded held up nobody)."""

    def get(flow: Flow) -> int | None:
        shares = flow.stall_ns
        if shares is None:
            return None
        return sum(shares) - shares.capture if name is None else int(getattr(shares, name))

    return get


def _most(get: Callable[[Flow], int | None]) -> Getter:
    """The longest of the flows of a session."""
    return lambda session, around: max((get(flow) or 0 for flow in around.stalled.get(session.id, ())), default=None)


def _stalls(reach: Callable[[Callable[[Flow], int | None]], Getter]) -> Iterable[Field]:
    yield Field("stall", Type.DURATION, reach(_held_up(None)))
    for cause in StallShares._fields:
        yield Field(f"stall_ns.{cause}", Type.DURATION, reach(_held_up(cause)))


_STALLS: Final = {f"stall.{cause}": f"stall_ns.{cause}" for cause in StallShares._fields}

_TIMES: Final = {"start": "start_ns", "end": "end_ns"}

_SESSION = _table(
    (
        *_several(Type.NUMBER, "id", "proto", "segment_count", "connections", "connections_reset", "exchanges", "rows"),
        *_several(Type.NUMBER, "query_sessions"),
        *_address("server"),
        *_several(
            Type.TEXT, "tid", "query", "xid", "cid", "sn", "path", "method", "server_version", "payload_sha256", "database", "user"
        ),
        Field("segments", Type.NUMBER, _attribute("segments"), several=True),
        Field("segments_with_data", Type.NUMBER, _attribute("segments_with_data"), several=True),
        *_several(Type.SIZE, "payload_bytes"),
        Field("files.name", Type.TEXT, lambda s, around: [wire_text(file.name) for file in s.files], several=True),
        Field("files.bytes", Type.SIZE, lambda s, around: [file.bytes for file in s.files], several=True),
        Field("files.gaps", Type.NUMBER, lambda s, around: [len(file.gaps) for file in s.files], several=True),
        Field("files.overlaps", Type.NUMBER, lambda s, around: [len(file.overlaps) for file in s.files], several=True),
        Field("errors", Type.TEXT, _texts("errors"), several=True),
        Field("delivery", Type.WORD, lambda s, around: s.delivery.value, DELIVERIES),
        Field("delivery_reasons", Type.TEXT, _texts("delivery_reasons"), several=True),
        Field("query_delivery", Type.WORD, lambda s, around: s.query_delivery.value, DELIVERIES),
        *_several(Type.TIME, "start_ns", "end_ns"),
        _duration(),
        *_stalls(_most),
        *(Field(f"findings.{word}", Type.NUMBER, _finding_count(word)) for word in reversed(SEVERITIES)),
    ),
    {
        "seg": "segments",
        "segment": "segments",
        "bytes": "payload_bytes",
        "verdict": "delivery",
        "file": "files.name",
        **_STALLS,
        **_TIMES,
    },
)


def _of_session(session_id: Callable[[Any], int | None]) -> dict[str, Field]:
    """The fields of the session that an item belongs to, as `session.NAME`."""

    def reach(get: Getter) -> Getter:
        def through(item: Any, around: Around) -> Any:
            number = session_id(item)
            session = None if number is None else around.sessions.get(number)
            return None if session is None else get(session, around)

        return through

    found = {f"session.{name}": replace(one, name=f"session.{one.name}", get=reach(one.get)) for name, one in _SESSION.items()}
    return found | {name: found[f"session.{name}"] for name in ("path", "verdict")}


_FLOW = _table(
    (
        *_several(Type.NUMBER, "session", "segment", "exchanges", "packages", "rows"),
        *_several(Type.TEXT, "host", "payload_sha256"),
        *_several(Type.SIZE, "payload_bytes"),
        Field("outcome", Type.WORD, lambda f, around: f.outcome.value, OUTCOMES),
        *_several(Type.TIME, "start_ns", "end_ns"),
        _duration(),
        *_stalls(lambda get: lambda flow, around: get(flow)),
    ),
    {"seg": "segment", "bytes": "payload_bytes", **_STALLS, **_TIMES},
)

_EXCHANGE = _table(
    (
        *_several(
            Type.NUMBER, "id", "session", "connection", "segment", "segment_count", "proto", "response_proto", "seq", "status"
        ),
        *_address("client"),
        *_address("server"),
        *_several(Type.TEXT, "method", "path", "xid", "cid", "sn", "reason", "http_version", "payload_sha256", "database", "user"),
        *_several(Type.FLAG, "done", "ended", "zstd"),
        *(Field(f"message_counts.{letter}", Type.NUMBER, _message_count(letter)) for letter in "FOLDE"),
        Field("packages", Type.NUMBER, lambda e, around: len(e.packages)),
        *_several(Type.SIZE, "payload_bytes"),
        Field("errors", Type.TEXT, _texts("errors"), several=True),
        Field("outcome", Type.WORD, lambda e, around: e.outcome.value, OUTCOMES),
        Field("reset_by", Type.WORD, _attribute("reset_by"), SIDES),
        *_several(Type.TIME, "start_ns", "first_byte_ns", "end_ns"),
        _duration(),
        *_several(Type.FRAMES, "frames"),
    ),
    {"seg": "segment", "bytes": "payload_bytes", "frame": "frames", **_TIMES},
)


@lru_cache(maxsize=256)
def _file_text(name: bytes | None) -> str | None:
    return wire_text(name)


def _of_package(name: str) -> Getter:
    def get(row: Any, around: Around) -> Any:
        value = getattr(row.package, name)
        return None if value == UNKNOWN else value

    return get


def _through_exchange(get: Getter) -> Getter:
    return lambda row, around: get(row.exchange, around)


_PACKAGE = _table(
    (
        Field("exchange", Type.NUMBER, lambda row, around: row.exchange.id),
        Field("session", Type.NUMBER, lambda row, around: row.exchange.session),
        Field("segment", Type.NUMBER, lambda row, around: row.exchange.segment),
        Field("index", Type.NUMBER, lambda row, around: row.number),
        Field("position", Type.SIZE, _of_package("position")),
        Field("file", Type.TEXT, lambda row, around: _file_text(row.exchange.packages.file_name(row.package))),
        Field("offset", Type.SIZE, _of_package("offset")),
        Field("line", Type.NUMBER, _of_package("line")),
        Field("length", Type.SIZE, _of_package("length")),
        Field("kind", Type.WORD, lambda row, around: row.package.kind_name, KINDS, letters={"D": "data", "E": "error"}),
        Field("complete", Type.FLAG, lambda row, around: row.package.complete),
        Field("time_ns", Type.TIME, _of_package("ns")),
        Field("frames", Type.FRAMES, lambda row, around: (row.package.frame, row.package.end_frame)),
    ),
    {"seg": "segment", "bytes": "length", "time": "time_ns", "frame": "frames"},
) | {
    f"exchange.{name}": replace(one, name=f"exchange.{one.name}", get=_through_exchange(one.get)) for name, one in _EXCHANGE.items()
}


def _finding_session(finding: Finding) -> int | None:
    return finding.session


_FINDING = _table(
    (
        *_several(Type.NUMBER, "session", "segment", "exchange", "connection"),
        *_several(Type.TEXT, "code", "name", "message", "advice"),
        Field("severity", Type.WORD, lambda f, around: f.severity.word, SEVERITIES, ordered=True),
        *_several(Type.TIME, "time_ns"),
        *_several(Type.FRAMES, "frames"),
    ),
    {"seg": "segment", "level": "severity", "time": "time_ns", "frame": "frames", "conn": "connection"},
)


def _of(part: str, get: Getter) -> Getter:
    """A getter on a part of a TLS connection that may not be there."""

    def through(item: Any, around: Around) -> Any:
        inner = item
        for name in part.split("."):
            inner = getattr(inner, name)
            if inner is None:
                return None
        return get(inner, around)

    return through


def _part(part: str, fields: Iterable[Field], prefix: str = "") -> Iterable[Field]:
    for one in fields:
        yield replace(one, name=prefix + one.name, get=_of(part, one.get))


def _certificate(name: str) -> Iterable[Field]:
    texts = _several(
        Type.TEXT, "subject", "issuer", "serial", "not_before", "not_after", "key_type", "signature_hash", "fingerprint"
    )
    yield from _part(
        f"report.{name}",
        (
            *texts,
            *_several(Type.NUMBER, "days_left", "key_bits"),
            *_several(Type.FLAG, "self_signed"),
            Field("san", Type.TEXT, _texts("san"), several=True),
        ),
        f"{name}.",
    )


_TLS = _table(
    (
        Field("connection", Type.NUMBER, _of("connection", _attribute("id"))),
        *_part("connection", (*_address("client"), *_address("server"))),
        *_part("preface", _several(Type.TEXT, "preface")),
        *_part("preface", _several(Type.TEXT, "reply"), "preface_"),
        *_part(
            "report",
            _several(Type.TEXT, "version", "suite", "suite_openssl", "key_exchange", "sni", "alpn", "resumption", "reason"),
        ),
        *_part(
            "report", _several(Type.FLAG, "forward_secret", "resumed", "client_certificate_requested", "client_certificate_empty")
        ),
        *_part("report", _several(Type.NUMBER, "renegotiations")),
        *_part("report", (Field("decrypted", Type.WORD, _attribute("decrypted"), ("none", "partial", "full"), ordered=True),)),
        *_part("report", _several(Type.SIZE, "c2s_bytes", "s2c_bytes")),
        *_part("report", _several(Type.TEXT, "c2s_sha256", "s2c_sha256")),
        Field("versions_offered", Type.TEXT, lambda one, around: list(one.report.versions_offered), several=True),
        Field("alerts.from", Type.WORD, lambda one, around: [alert.sender for alert in one.report.alerts], SIDES, several=True),
        Field("alerts.level", Type.TEXT, lambda one, around: [alert.level for alert in one.report.alerts], several=True),
        Field(
            "alerts.description", Type.TEXT, lambda one, around: [alert.description for alert in one.report.alerts], several=True
        ),
        Field("negotiation", Type.NUMBER, lambda one, around: one.negotiation, several=True),
        *_certificate("server_certificate"),
        *_certificate("client_certificate"),
        Field("start_ns", Type.TIME, _of("connection", _attribute("start_ns"))),
        Field("end_ns", Type.TIME, _of("connection", _attribute("end_ns"))),
        Field("duration", Type.DURATION, lambda one, around: one.connection.end_ns - one.connection.start_ns),
        Field("frames", Type.FRAMES, _of("connection", _attribute("frames"))),
    ),
    {"conn": "connection", "frame": "frames", "alert": "alerts.description", **_TIMES},
)

FIELDS: Final[Mapping[str, Fields]] = MappingProxyType(
    {
        "sessions": _SESSION,
        "flows": _of_session(lambda flow: flow.session) | _FLOW,
        "exchanges": _of_session(lambda exchange: exchange.session) | _EXCHANGE,
        "packages": _of_session(lambda row: row.exchange.session) | _PACKAGE,
        "findings": _of_session(_finding_session) | _FINDING,
        "tls": _TLS,
    }
)
"""Verb to fields by name; an alias stands beside the name it means."""


def aliases(fields: Fields) -> dict[str, str]:
    """Short name to the name it stands for."""
    return {name: one.name for name, one in fields.items() if name != one.name}


def names(fields: Fields) -> Sequence[str]:
    """All names without the short ones."""
    return [name for name, one in fields.items() if name == one.name]
