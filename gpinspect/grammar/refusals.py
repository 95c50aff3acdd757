"""Which rules of gpfdist a request head breaks, and what it would be answered with.

Only what the head alone shows: whether a file exists, a transform is configured or a sequence number fits is for
who has the server.
"""

from typing import Final, NamedTuple

from gpinspect.grammar import csvopt, paths
from gpinspect.grammar.headers import line_delimiter_problem, number, proto_number
from gpinspect.grammar.http import HEAD_LIMIT, HEADER_LIMIT, RequestHead

FOLDING: Final = frozenset({"7"})
"""Releases that take X-GP-* names in any case. Cloudberry counts as 7."""

_KEY = ("X-GP-XID", "X-GP-CID", "X-GP-SN")


class Refusal(NamedTuple):
    """One broken rule."""

    status: int
    reason: str  # text of the status line
    rule: str  # what was wanted, in words


def seen_by_server(head: RequestHead, release: str = "6") -> dict[str, str]:
    """The headers that a gpfdist of `release` keeps: the first 50, by exact name (7: X-GP-* in any case); of several the last."""
    kept: dict[str, str] = {}
    for name, value in head.headers[:HEADER_LIMIT]:
        folded = name.upper() if release in FOLDING and name[:5].upper() in ("X-GP-", "X-GP_") else name
        kept[folded] = value
    return kept


def refusal(head: RequestHead, release: str = "6") -> list[Refusal]:
    """Every rule that the head breaks, in the order a server meets them: the first is what it answers.

    Args:
        release: "4.3", "5", "6" or "7".

    Returns:
        An empty list for a head that is taken. X-GP-CSVOPT counts although only the request that opens a session is refused for it.
        Among X-GP-* headers the order is not known for certain.

    Raises:
        Nothing.

    Source: gpfdist.c, do_read_request, request_validate, request_path_validate, request_set_path, request_parse_gp_headers,
    session_attach (6.24.3).
    """
    if not head.complete or head.nul >= 0:
        if len(head.raw) >= HEAD_LIMIT:
            return [_too_large(head)]
        return [Refusal(408, "time out", "the head must end with an empty line; a NUL byte hides it")]
    if len(head.raw) > HEAD_LIMIT:
        return [_too_large(head)]
    found = _line(head)
    if found:
        return found
    target = paths.server_path(head.tokens[1], release)
    if target.status_page:
        return []
    found = [Refusal(400, reason, "the path names files below the served directory") for reason in target.problems]
    return found + _headers(seen_by_server(head, release), head.method or "", release)


def _too_large(head: RequestHead) -> Refusal:
    return Refusal(400, "forbidden", f"request line and headers must fit in {HEAD_LIMIT} bytes; these have {len(head.raw)}")


def _line(head: RequestHead) -> list[Refusal]:
    tokens = head.tokens
    if len(tokens) != 3:
        return [Refusal(400, "invalid request", f"the request line must have 3 words; it has {len(tokens)}")]
    found = []
    if not tokens[2].startswith("HTTP/1."):
        found.append(Refusal(400, "invalid request", "the version must start with HTTP/1."))
    if tokens[0] not in ("GET", "POST"):
        found.append(Refusal(400, "invalid request", "the method must be GET or POST, in capitals"))
    return found


def _headers(headers: dict[str, str], method: str, release: str) -> list[Refusal]:
    found = []
    delimiter = line_delimiter_problem(headers.get("X-GP-LINE-DELIM-STR"), headers.get("X-GP-LINE-DELIM-LENGTH"))
    if delimiter is not None:
        found.append(Refusal(400, delimiter, "the row end is pairs of hex digits, as many as its length says"))
    sequence = headers.get("X-GP-SEQ")
    if sequence is not None and (number(sequence) or 0) <= 0:
        found.append(Refusal(400, "invalid sequence number", "X-GP-SEQ counts from 1"))
    proto = proto_number(headers.get("X-GP-PROTO"))
    if proto is None and release != "4.3":
        found.append(Refusal(400, "invalid request (no gp-proto)", "X-GP-PROTO must be there, spelled so"))
    elif proto not in (None, 0, 1):
        found.append(Refusal(400, "invalid request (invalid gp-proto)", "X-GP-PROTO must be 0 or 1"))
    if 0 < sum(name in headers for name in _KEY) < len(_KEY):
        found.append(Refusal(400, "invalid request (missing X-GP-* header)", "X-GP-XID, X-GP-CID and X-GP-SN go together"))
    options = headers.get("X-GP-CSVOPT")
    if options and method == "GET" and not _csvopt_taken(options, release):
        found.append(
            Refusal(400, "bad request, csvopt doesn't match the format", "X-GP-CSVOPT must have the fields of this release")
        )
    return found


def _csvopt_taken(text: str, release: str) -> bool:
    options = csvopt.parse(text)
    # an older server reads the fields that it knows and stops at the first it does not
    return options is not None and (options.form != "old" or release == "4.3")
