"""The heads of recorded sessions, made again from one statement a session: byte for byte what real segments sent."""

from pathlib import Path

import pytest

from gpinspect.grammar.http import parse_request_head
from gpinspect.grammar.paths import STATUS_PAGE
from gpinspect.inspection import inspect

from .heads import built_again, place_of, release_of, statement_of

CAPTURES = Path(__file__).resolve().parents[3] / "captures"
DECLARED = {
    "curl-bad-requests.pcapng": "made wrong by hand, from a raw socket",
}
"""Captures whose requests no segment sends."""

RECORDED = sorted(path.name for path in CAPTURES.glob("*.pcap*") if path.suffix != ".json" and path.name not in DECLARED)


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_head_comes_from_the_statement_of_its_session(name: str) -> None:
    found = inspect([str(CAPTURES / name)])
    statements = {}
    compared = 0
    for exchange in found.exchanges:
        raw = found.read_head(exchange.id).request
        assert raw is not None
        head = parse_request_head(raw)
        if exchange.session not in statements:
            statements[exchange.session] = statement_of(head, release_of(head))
        assert built_again(raw, statements[exchange.session]) == raw
        compared += 1
    assert compared == len(found.exchanges) > 0


def test_the_status_request_has_nothing_but_host_and_accept() -> None:
    from gpinspect.peers.client.statement import status_head

    raw = b"GET /gpfdist/status HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: */*\r\n\r\n"  # as gp-get-readable-timeout-status has it
    head = parse_request_head(raw)
    assert head.target == STATUS_PAGE and status_head(place_of(head)) == raw
