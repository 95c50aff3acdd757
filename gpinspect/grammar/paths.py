"""What a request target means to gpfdist: files under its directory, a transform, or the status page."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

STATUS_PAGE: Final = "/gpfdist/status"
RELATIVE: Final = "invalid request due to relative path"
BACKSLASH: Final = "invalid request, escape character backslash '\\' is not allowed."
NOTHING: Final = "invalid request (unable to set path)"

_MARK = "#transform="
_HEX = frozenset("0123456789abcdefABCDEF")
_SPECIAL = frozenset("%#\\\"' \t\0")


@dataclass(frozen=True, slots=True)
class ServerPath:
    """A target as the server reads it."""

    parts: tuple[str, ...]  # file names or glob patterns, relative to the served directory, without leading slashes
    transform: str | None  # of `#transform=NAME`; a header X-GP-TRANSFORM goes before it
    key: str  # equal for targets that the server takes for the same; part of the session's name
    problems: tuple[str, ...]  # reasons for which the server answers 400, in the order it would meet them
    status_page: bool


@lru_cache(maxsize=1024)
def server_path(target: str, release: str = "6") -> ServerPath:
    """Read a target as it stands on the request line, escapes and all.

    One pass of `%xx` decoding (`+` is no blank, a broken escape stays), then the decoded text is split at blanks into several
    files. A NUL ends it. There is no query string: `?`, `*` and `[…]` are patterns.

    Args:
        release: "4.3" knows no rule against backslashes.

    Raises:
        Nothing.

    Source: gpfdist.c, percent_encoding_to_char, request_path_validate, request_set_path, request_set_transform (6.24.3).
    """
    if not _SPECIAL.intersection(target) and ".." not in target:
        key = target.lstrip("/")
        return ServerPath((key,) if key else (), None, key, () if key else (NOTHING,), target == STATUS_PAGE)
    from gpinspect.grammar.http import server_tokens

    tokens = server_tokens(target)
    path = _decode(tokens[0] if len(tokens) == 1 else target).partition("\0")[0]
    if path == STATUS_PAGE:
        return ServerPath(("gpfdist/status",), None, "gpfdist/status", (), True)
    problems = []
    if "\\" in path and release != "4.3":
        problems.append(BACKSLASH)
    if ".." in path:
        problems.append(RELATIVE)
    names = " ".join(name for part in path.split(" ") if (name := part.lstrip("/")))
    if not names:
        problems.append(NOTHING)
    key, mark, transform = names.partition(_MARK)
    parts = tuple(part for part in key.split(" ") if part)
    return ServerPath(parts, transform if mark else None, key, tuple(problems), False)


def _decode(text: str) -> str:
    if "%" not in text:
        return text
    first, *rest = text.split("%")
    decoded = [first]
    for piece in rest:
        if len(piece) >= 2 and piece[0] in _HEX and piece[1] in _HEX:
            decoded.append(chr(int(piece[:2], 16)) + piece[2:])
        else:
            decoded.append("%" + piece)
    return "".join(decoded)
