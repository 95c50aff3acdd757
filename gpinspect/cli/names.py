"""Names out of the wire as paths that cannot leave the folder they are meant for. Pure: no file is touched.

A server names its files as it likes: absolute, with `..`, with bytes that no file system or terminal should meet. The rules here
are one-way safe and tell different names apart: what is not plainly a letter of a name is written `%XX`, and so is `%` itself.
"""

import hashlib
from collections.abc import Sequence

Path = tuple[str, ...]

LONGEST_PART = 200
"""Bytes of one component; file systems take 255, and something may be appended."""

DEEPEST = 24
LONGEST_PATH = 1500
"""Bytes of a whole path below the folder; POSIX systems take 4,096 in all."""

UNNAMED = "unnamed"
_REPLACED = frozenset('%\\:*?"<>|')


def safe_part(part: bytes) -> str:
    """One component of a path: never empty, `.`, `..`, nor with a separator, control character or leading dash."""
    if part in (b"", b".", b".."):
        text = "".join(f"%{byte:02X}" for byte in part) or UNNAMED
    else:
        decoded = part.decode("utf-8", "surrogateescape")
        text = "".join(_safe_character(character) for character in decoded)
        if text[0] in "-~ ":
            text = f"%{ord(text[0]):02X}{text[1:]}"
    encoded = text.encode()
    if len(encoded) <= LONGEST_PART:
        return text
    return f"{encoded[: LONGEST_PART - 20].decode('utf-8', 'ignore')}~{_digest(part)}"


def _safe_character(character: str) -> str:
    if character.isprintable() and character not in _REPLACED and character != "/":
        return character
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def safe_path(name: bytes) -> Path:
    """A name of the wire as components below a folder; the leading slash, empty components and `.` mean nothing and go."""
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    path = tuple(safe_part(part) for part in parts)
    if not path:
        return (UNNAMED,)
    if len(path) > DEEPEST or sum(len(part.encode()) + 1 for part in path) > LONGEST_PATH:
        return (f"{safe_part(parts[-1][:64])}~{_digest(name)}",)
    return path


class Names:
    """Gives each name a path of its own: no two the same, and none that would need a file to be a folder."""

    def __init__(self) -> None:
        self._files: set[Path] = set()
        self._folders: set[Path] = set()

    def take(self, folder: Sequence[str], name: Path) -> Path:
        """`folder` and `name` as one path; numbered (`~2`) where another name came to the same path before."""
        path = wanted = (*folder, *name)
        flat = (*folder, "%2F".join(name))
        number = 1
        while self._taken(path):
            number += 1
            base = wanted if self._free_above(wanted) else flat
            path = (*base[:-1], f"{base[-1][:LONGEST_PART]}~{number}")
        self._files.add(path)
        self._folders.update(path[:depth] for depth in range(1, len(path)))
        return path

    def _taken(self, path: Path) -> bool:
        return path in self._files or path in self._folders or not self._free_above(path)

    def _free_above(self, path: Path) -> bool:
        return not any(path[:depth] in self._files for depth in range(1, len(path)))
