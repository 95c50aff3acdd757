"""Headers in the order in which segments and gpfdist write them, for generators that build heads."""

from collections.abc import Sequence
from typing import Final

from gpinspect.grammar.headers import HEADERS, HeaderField
from gpinspect.grammar.http import parse_request_head, parse_response_head
from gpinspect.grammar.httpbuild import RELEASES, SegmentRequest, build_request, build_response

_TEXTS: Final = (
    "host xid cid sn csvopt master_host master_port seg_pg_conf seg_datadir seg_logdir database user seg_port gp_session_id "
    "transform"
)


def request_headers() -> list[str]:
    """Every header of a request, reads and writes of all releases merged; Host and Accept, which are HTTP's, are first."""
    texts = dict.fromkeys(_TEXTS.split(), "x")
    heads = []
    for method in ("GET", "POST"):
        full = SegmentRequest(method=method, line_delimiter=b"\n", zstd=1, seq=1, done=True, expect=True, **texts)  # type: ignore[arg-type]
        heads += [[name for name, _ in parse_request_head(build_request(full, release)).headers] for release in RELEASES]
    return _merged(heads, [field for field in HEADERS if field.direction != "answer"])


def response_headers() -> list[str]:
    """Every header of an answer, all kinds merged."""
    heads = [build_response("ok", proto=1, zstd=1), build_response("empty"), build_response("error", status=404, reason="x")]
    named = [[name for name, _ in parse_response_head(head).headers] for head in heads]
    return _merged(named, [field for field in HEADERS if field.direction == "answer"])


def _merged(heads: Sequence[Sequence[str]], known: Sequence[HeaderField]) -> list[str]:
    """One order that has every name of every head, each behind what stands before it in the first head that has it."""
    merged: list[str] = []
    for head in heads:
        place = 0
        for name in head:
            if name in merged:
                place = merged.index(name) + 1
            else:
                merged.insert(place, name)
                place += 1
    return merged + [field.name for field in known if field.name not in merged]
