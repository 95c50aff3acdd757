"""HTTP heads as gpfdist and its clients write them: lines, with the exact spelling kept.

Readers here are total: whatever bytes come, an answer comes back and nothing is raised. Bare LF, folded lines and blanks before
the colon are taken as gpfdist takes them; a head that was cut is read up to its last whole line. What a server refuses is in
`gpinspect.grammar.refusals`, and the bytes of a head to send are made in `gpinspect.grammar.httpbuild`.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from gpinspect.grammar.headers import EXACT
from gpinspect.grammar.httpbuild import SegmentRequest as SegmentRequest
from gpinspect.grammar.httpbuild import build_request as build_request
from gpinspect.grammar.httpbuild import build_response as build_response

HEAD_LIMIT: Final = 4096
"""Bytes of request line and headers that gpfdist takes; more is `400 forbidden`."""

HEADER_LIMIT: Final = 50
"""Headers of a request that gpfdist keeps; later ones are ignored."""

_EXACT: Final = {lower: exact for lower, exact in EXACT.items() if exact.startswith("X-GP")}
_EXACT_REQUEST: Final = {**_EXACT, "content-length": "Content-Length", "expect": "Expect"}
_USUAL_NAMES: Final = frozenset({*_EXACT_REQUEST.values(), "Host", "Accept", "Content-Type"})
_BLANKS: Final = " \t\r"
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Head:
    """Header lines of a request or response.

    Text is decoded as Latin-1, so every byte is one character and `raw` can always be found again.
    """

    raw: bytes = field(repr=False)
    headers: tuple[tuple[str, str], ...]  # name as spelled, value without blanks around it and with folds joined
    complete: bool  # the empty line at its end is there
    complete_line: bool  # the end of the first line is there
    _last: dict[str, tuple[str, str]] = field(repr=False, compare=False)

    def get(self, name: str) -> str | None:
        """Value of a header, whatever the case of its name; of several the last counts, as with gpfdist. None when absent."""
        found = self._last.get(name.lower())
        return None if found is None else found[1]

    def spelling(self, name: str) -> str | None:
        """The name of a header as it was sent, whatever case `name` has."""
        found = self._last.get(name.lower())
        return None if found is None else found[0]

    def line(self, name: str) -> str | None:
        """The whole header as it was sent, folds included, without its line end; the last one of several."""
        wanted, taking = name.lower(), False
        found: list[str] = []
        for line in self.raw.decode("latin-1").split("\n")[1:]:
            line = line.removesuffix("\r")
            if not line:
                break
            if line[0] in " \t":
                if taking:
                    found.append(line)
                continue
            taking = line.partition(":")[0].strip(_BLANKS).lower() == wanted
            if taking:
                found = [line]
        return "\n".join(found) if found else None

    @property
    def misspelt(self) -> tuple[str, ...]:
        """Names of headers that a peer which compares case does not recognise, as sent, each once.

        X-GP-* count, in requests also Content-Length and Expect; no release asks for the others.
        """
        if _USUAL_NAMES.issuperset([name for name, _ in self.headers]):
            return ()
        exact = _EXACT_REQUEST if isinstance(self, RequestHead) else _EXACT
        wrong = {name: None for name, _ in self.headers if name != exact.get(name.lower(), name)}
        return tuple(wrong)

    @property
    def duplicates(self) -> tuple[str, ...]:
        """Names (lower case) that are there more than once, in order."""
        seen: set[str] = set()
        twice: dict[str, None] = {}
        for name, _ in self.headers:
            lower = name.lower()
            if lower in seen:
                twice[lower] = None
            seen.add(lower)
        return tuple(twice)

    @property
    def nul(self) -> int:
        """Position of the first NUL byte, where gpfdist stops looking; -1 without one."""
        return self.raw.find(b"\0")

    @property
    def from_gpfdist(self) -> bool:
        """Whether a header says that a Greenplum segment or a gpfdist wrote this."""
        return any(name.startswith("x-gp") for name in self._last)


@dataclass(frozen=True, slots=True)
class RequestHead(Head):
    """A request. `method`, `target` and `version` are None where the line does not have them or its end was not captured."""

    method: str | None
    target: str | None  # as on the request line, escapes and all
    version: str | None
    request_line: str | None

    @property
    def tokens(self) -> tuple[str, ...]:
        """The request line as gpfdist cuts it; see `server_tokens`."""
        return server_tokens(self.request_line or "")


@dataclass(frozen=True, slots=True)
class ResponseHead(Head):
    """A response. Without a status line `version` and `status` are None."""

    version: str | None
    status: int | None
    reason: str | None  # the rest of the status line exactly as sent; "" when there is none


def head_end(buffer: bytes | bytearray, searched_from: int = 0) -> int:
    """Find where a head ends.

    Args:
        buffer: The stream so far, from the first byte of the head.
        searched_from: How many bytes earlier calls have searched already; what they held is not looked at again, so many small
            calls cost as much as one.

    Returns:
        Position behind the empty line (CR LF CR LF, LF LF or LF CR LF), or -1 while it has not come.
    """
    start = max(0, searched_from - 2)
    with_cr = buffer.find(b"\n\r\n", start)
    bare = buffer.find(b"\n\n", start) if with_cr < 0 else buffer.find(b"\n\n", start, with_cr + 1)
    if bare >= 0:
        return bare + 2
    return with_cr + 3 if with_cr >= 0 else -1


def parse_request_head(raw: bytes) -> RequestHead:
    """Read a request head, whole or cut; bytes behind its empty line are left alone."""
    raw = bytes(raw)
    first, headers, last, complete = _read(raw)
    method = target = version = None
    if first is not None:
        parts = first.split(" ")
        if len(parts) == 3 and parts[0] and parts[1] and parts[2]:
            method, target, version = parts
        else:
            method, target, version = _request_line(first)
    return RequestHead(raw, headers, complete, first is not None, last, method, target, version, first)


def parse_response_head(raw: bytes) -> ResponseHead:
    """Read a response head, whole or cut; bytes behind its empty line are left alone."""
    raw = bytes(raw)
    first, headers, last, complete = _read(raw)
    version = reason = None
    status = None
    if first is not None and first.startswith("HTTP/"):
        version, _, rest = first.partition(" ")
        code, _, reason = rest.partition(" ")
        if len(code) == 3 and code.isascii() and code.isdigit():
            status = int(code)
        else:
            reason = rest
    return ResponseHead(raw, headers, complete, first is not None, last, version, status, reason)


def server_tokens(line: str) -> tuple[str, ...]:
    """Cut a request line as gpfdist does: like a shell.

    Blanks part tokens, a token that opens with a quote goes on to the same quote, and a backslash is dropped and takes the next
    character as it is: `/a\\b` arrives as `/ab`.

    Source: gpfdist_helper.c, gnet_parse_request; seen with 6.24.3.
    """
    tokens: list[str] = []
    position, size = 0, len(line)
    while True:
        while position < size and line[position] in " \t\r\n":
            position += 1
        if position >= size:
            return tuple(tokens)
        closing = " \t\r\n"
        if line[position] in "\"'":
            closing = line[position]
            position += 1
        start = position
        while position < size and line[position] not in closing:
            position += 2 if line[position] == "\\" else 1
        tokens.append(_ESCAPED.sub(r"\1", line[start:position]))
        position += 1


def _read(raw: bytes) -> tuple[str | None, tuple[tuple[str, str], ...], dict[str, tuple[str, str]], bool]:
    """First line (None while its end is missing), headers, the last of each name, and whether the empty line was met."""
    lines = raw.decode("latin-1").split("\n")
    del lines[-1]  # what stands behind the last line end is no whole line
    if not lines:
        return None, (), {}, False
    first = lines[0].removesuffix("\r")
    headers: list[tuple[str, str]] = []
    last: dict[str, tuple[str, str]] = {}
    complete = False
    position, count = 1, len(lines)
    while position < count:
        line = lines[position]
        position += 1
        if not line or line == "\r":
            complete = True
            break
        name, colon, value = line.partition(":")
        if line[0] in " \t":
            if headers:
                # folds are collected first: joining one at a time would cost the square of their number
                folds = [headers[-1][1], line.strip(_BLANKS)]
                while position < count and lines[position][:1] in (" ", "\t"):
                    folds.append(lines[position].strip(_BLANKS))
                    position += 1
                header = (headers[-1][0], " ".join(folds).strip(_BLANKS))
                headers[-1] = last[header[0].lower()] = header
            continue
        name = name.strip(_BLANKS)
        if not colon or not name:
            continue  # a line without a name says nothing; it stays in `raw`
        header = (name, value.strip(_BLANKS))
        headers.append(header)
        last[name.lower()] = header
    return first, tuple(headers), last, complete


def _request_line(line: str) -> tuple[str | None, str | None, str | None]:
    """A request line that is not three words: what is between the first word and a version is the target, blanks and all."""
    method, _, rest = line.strip(" \t").replace("\t", " ").partition(" ")
    rest = rest.strip(" ")
    target, blank, version = rest.rpartition(" ")
    if blank and version.startswith("HTTP/"):
        return method or None, target.rstrip(" ") or None, version
    if rest.startswith("HTTP/"):
        return method or None, None, rest
    return method or None, rest or None, None
