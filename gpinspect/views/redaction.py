"""Names and addresses under a mask: the same one for the same original wherever it stands, and of the same length.

A mask is drawn from a key, so that nobody without the key finds the way back by trying names. What is written here:

    word      a run of letters and digits becomes another of the same length; letters stay letters, capitals capitals, digits digits
    name      user, database, transform: its words are masked, what stands between them stays
    path      the same word by word, so a path on the request line and the file it opens still belong together; endings that tell a
              format (`.csv`, `.gz`), patterns, `..`, percent escapes and the status page keep their meaning
    host      an address becomes an address that is as long as text; equal beginnings stay equal, octet by octet
    sentence  a text of gpfdist or PostgreSQL keeps the words that those programs use and loses all others

Two different originals never get the same mask. Pure: nothing is read or written; memory grows with the number of different names.
"""

import errno
import os
import re
import string
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from gpinspect.grammar.paths import server_path
from gpinspect.grammar.statuses import STATUSES
from gpinspect.model import Address

FORMATS: Final = frozenset(
    ("bz2", "csv", "dat", "gz", "log", "lz4", "out", "sql", "tbl", "tsv", "txt", "xml", "xz", "z", "zip", "zst")
)
"""Endings of file names that stay: they say how a file is read, not what it is."""

_PHRASES: Final = """
gpfdist error line too long in file near bytes byte header row defective escape character quote cannot read from write into
unable to open close create find found missing incomplete unexpected end of data eof is not a no such directory permission denied
bad multiple matching reader pipe forbidden unsupported type operation for writing reading more than the was at on by with and or
connection closed reset peer server client host entry pg hba database user password authentication failed does exist fatal severity
role ssl off required requires only supports protocol version invalid value zstd decompression unknown frame descriptor corruption
detected transform stderr exit status code subprocess killed signal
"""
_TOKEN: Final = re.compile(r"[0-9A-Za-z\x80-\U0010ffff]+")
_IPV4: Final = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])", re.ASCII)
_IPV6: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]*:[0-9A-Fa-f]*:[0-9A-Fa-f:]*(?![\w:.])", re.ASCII)
_AUTHORITY: Final = re.compile(r"(?:\[([^\[\]]*)\]|([^\[\]:]*))((?::\d{0,5})?)", re.ASCII)
_ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_TRIES: Final = 400
_MOST_COUNTED: Final = 1 << 12
_PLAIN: Final = 127


@lru_cache(maxsize=1)
def vocabulary() -> frozenset[str]:
    """Words of gpfdist, PostgreSQL and the operating system, in small letters: those that a sentence keeps."""
    texts = [_PHRASES, *(status.text for status in STATUSES), *(os.strerror(number) for number in errno.errorcode)]
    return frozenset(word.lower() for text in texts for word in _TOKEN.findall(text))


class Mask:
    """One set of masks. Everything that is to fit together (a capture and a report on it) is made with the same one.

    Args:
        key: At least 16 secret bytes. The same key and the same names in the same order give the same masks.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._words: dict[str, str] = {}
        self._taken: set[str] = set()
        self._groups: dict[tuple[bytes, int], int] = {}
        self._groups_taken: set[tuple[bytes, int]] = set()
        self._packed: dict[bytes, bytes] = {}
        self._macs: dict[bytes, bytes] = {}
        self._macs_taken: set[bytes] = set()
        self._texts: dict[tuple[str, bytes], bytes] = {}

    # addresses --------------------------------------------------------------------------------------------------------

    def packed(self, address: bytes) -> bytes:
        """An IPv4 or IPv6 address of four or sixteen bytes, as on the wire."""
        known = self._packed.get(address)
        if known is None:
            known = self._packed[address] = self._mask_packed(address)
        return known

    def _mask_packed(self, address: bytes) -> bytes:
        size, most = (1, _octet_class) if len(address) == 4 else (2, _hextet_class)
        out = b""
        for at in range(0, len(address), size):
            value = int.from_bytes(address[at : at + size], "big")
            out += self._group(address[:at], value, most, first=at == 0, size=size).to_bytes(size, "big")
        return out

    def _group(self, prefix: bytes, value: int, class_of: Callable[[int, bool], range], *, first: bool, size: int) -> int:
        known = self._groups.get((prefix, value))
        if known is not None:
            return known
        choices = class_of(value, first)
        found = value
        for number in range(_TRIES * 4):
            found = choices[int.from_bytes(self._draw(b"a%d" % size, prefix, value.to_bytes(2, "big"), number)) % len(choices)]
            if (prefix, found) not in self._groups_taken and (found != value or number > _TRIES):
                break
        else:
            found = next((one for one in choices if (prefix, one) not in self._groups_taken), value)
        self._groups_taken.add((prefix, found))
        self._groups[(prefix, value)] = found
        return found

    def mac(self, address: bytes) -> bytes:
        """A hardware address; that of everybody and the empty one stay, a group address stays one."""
        known = self._macs.get(address)
        if known is not None:
            return known
        found, number = address, 0
        while address.strip(address[:1]) or address[:1] not in (b"\xff", b"\0", b""):
            drawn = self._draw(b"m", address, b"", number)[: len(address)]
            found = bytes((drawn[0] & 0xFC | 2 | address[0] & 1,)) + drawn[1:]
            number += 1
            if (found not in self._macs_taken and found != address) or number > _TRIES:
                break
        self._macs[address] = found
        self._macs_taken.add(found)
        return found

    def host(self, text: str) -> str:
        """An address in its usual form, or the name of a host."""
        try:
            address = ip_address(text)
        except ValueError:
            return self.name(text)
        masked = str((IPv4Address if address.version == 4 else IPv6Address)(self.packed(address.packed)))
        return masked if len(masked) == len(text) and text == str(address) else self.name(text)

    def address(self, address: Address) -> Address:
        """Host and port; ports stay."""
        return Address(self.host(address.host), address.port)

    def authority(self, text: str) -> str:
        """`host`, `host:port` or `[address]:port`; ports stay."""
        found = _AUTHORITY.fullmatch(text)
        if found is None:
            return self.host(text)
        return f"[{self.host(found[1])}]{found[3]}" if found[1] else self.host(found[2]) + found[3]

    # names ------------------------------------------------------------------------------------------------------------

    def name(self, text: str) -> str:
        """Anything that names somebody or something; addresses in it are masked as addresses."""
        return self._pieces(text, self._word)

    def user(self, text: str) -> str:
        """A database user."""
        return self.name(text)

    def database(self, text: str) -> str:
        """A database."""
        return self.name(text)

    def path(self, text: str) -> str:
        """A file name, or the target of a request with its escapes and patterns."""
        if "gpfdist" in text and (server_path(text).status_page or text.strip("/") == "gpfdist/status"):
            return text
        parts = re.split(r"(/|(?:%[0-9A-Fa-f]{2})+| |#transform=)", text)
        return "".join(self._path_part(part) for part in parts)

    def _path_part(self, part: str) -> str:
        if part in ("/", " ", "#transform="):
            return part
        if part.startswith("%") and _ESCAPES.fullmatch(part):
            return self._escapes(part)
        stem, kept = part, ""
        while "." in stem.lstrip(".") and stem.rpartition(".")[2].lower() in FORMATS:
            stem, dot, ending = stem.rpartition(".")
            kept = dot + ending + kept
        return self.name(stem) + kept

    def _escapes(self, text: str) -> str:
        """`%xx` of letters becomes that of other letters; of `/`, `.`, `\\` and the like it says something and stays."""
        drawn = self._draw(b"e", text.lower().encode(), b"", 0) * (len(text) // 96 + 1)
        parts = []
        for at in range(0, len(text), 3):
            value = int(text[at + 1 : at + 3], 16)
            named = value > _PLAIN or chr(value).isalnum()
            parts.append(f"%{0x61 + drawn[at // 3] % 26:02x}" if named else text[at : at + 3])
        return "".join(parts)

    def sentence(self, text: str) -> str:
        """What a program says of an error: its own words stay, files and all other words are masked."""
        known = vocabulary()

        def word(token: str) -> str:
            return token if token.lower() in known else self._word(token)

        return "".join(self.path(part) if "/" in part else self._pieces(part, word) for part in re.split(r"([\s\"'(),;]+)", text))

    def _pieces(self, text: str, word: Callable[[str], str]) -> str:
        out, at = [], 0
        for found in (*_IPV4.finditer(text),) or (*_IPV6.finditer(text),):
            masked = self._literal(found[0])
            if masked is not None:
                out += [_TOKEN.sub(lambda token: word(token[0]), text[at : found.start()]), masked]
                at = found.end()
        out.append(_TOKEN.sub(lambda token: word(token[0]), text[at:]))
        return "".join(out)

    def _literal(self, text: str) -> str | None:
        try:
            address = ip_address(text)
        except ValueError:
            return None
        masked = str((IPv4Address if address.version == 4 else IPv6Address)(self.packed(address.packed)))
        return masked if len(masked) == len(text) else None

    def encoded(self, kind: str, data: bytes) -> bytes:
        """The bytes of a text on the wire, masked by the method `kind`; as many bytes as before."""
        known = self._texts.get((kind, data))
        if known is None:
            text = data.decode("utf-8", "surrogateescape")
            known = getattr(self, kind)(text).encode("utf-8", "surrogateescape")
            if len(known) != len(data):
                known = bytes(0x78 if chr(byte).isalnum() or byte > _PLAIN else byte for byte in data)
            if len(self._texts) < 1 << 16:
                self._texts[(kind, data)] = known
        return known

    # words ------------------------------------------------------------------------------------------------------------

    def _word(self, token: str) -> str:
        small = _small(token)
        found = self._words.get(small)
        if found is None:
            found = self._choose(small)
            self._words[small] = found
            self._taken.add(found)
        return "".join(new.upper() if old in string.ascii_uppercase else new for old, new in zip(token, found, strict=True))

    def _choose(self, word: str) -> str:
        found = word
        raw = word.encode("utf-8", "surrogateescape")
        for number in range(_TRIES):
            drawn = b""
            while len(drawn) < 2 * len(word):
                drawn += self._draw(b"w", raw, len(drawn).to_bytes(8, "big"), number)
            found = "".join(_alike(old, drawn[2 * at] << 8 | drawn[2 * at + 1]) for at, old in enumerate(word))
            if found not in self._taken and found != word and (found not in self._words or number > _TRIES // 2):
                return found
        for number in range(min(_room(word), _MOST_COUNTED)):
            found = _counted(word, number)
            if found not in self._taken:
                return found
        return found  # there are no more of this kind; only bytes that are no text can be so many

    def _draw(self, what: bytes, name: bytes, more: bytes, number: int) -> bytes:
        whole = b"".join((what, len(name).to_bytes(4, "big"), name, more, number.to_bytes(4, "big")))
        return blake2b(whole, key=self._key[:64], digest_size=32).digest()


_SMALL: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_LETTERS: Final[Mapping[int, int]] = {2: 0x100, 3: 0x4E00, 4: 0x20000}
"""First character of a stretch of letters that take so many bytes in UTF-8."""


def _small(text: str) -> str:
    return text.translate(_SMALL)


def _alike(old: str, drawn: int) -> str:
    """Another character of the same kind that takes as many bytes in UTF-8."""
    if old in string.digits:
        return string.digits[drawn % 10]
    if old in string.ascii_lowercase:
        return string.ascii_lowercase[drawn % 26]
    if "\udc80" <= old <= "\udcff":  # a byte that is no UTF-8: one that never is
        return chr(0xDCF8 + drawn % 8)
    size = len(old.encode("utf-8", "surrogatepass"))
    return chr(_LETTERS.get(size, 0x100) + drawn % (0x80 if size == 2 else 0x4000))


def _base(old: str) -> int:
    """How many characters are alike, but for those of three and four bytes, of which there are enough."""
    if old in string.digits:
        return 10
    return 8 if "\udc80" <= old <= "\udcff" else 26


def _room(word: str) -> int:
    room = 1
    for old in word[:8]:
        room *= _base(old)
    return room


def _counted(word: str, number: int) -> str:
    """The word number `number` of those that are like this one."""
    out = []
    for old in reversed(word):
        base = _base(old)
        out.append(_alike(old, number % base))
        number //= base
    return "".join(reversed(out))


_OCTETS: Final = (range(10), range(10, 100), range(100, 256))
_FIRST: Final = (range(1, 10), range(10, 100), range(128, 224))
_MULTICAST: Final = 224


def _octet_class(value: int, first: bool) -> range:
    """Octets that are as long as text."""
    if value == 0 and first:
        return range(1)
    if first and value >= _MULTICAST:
        return range(_MULTICAST, 240) if value < 240 else range(240, 256)
    return (_FIRST if first else _OCTETS)[len(str(value)) - 1]


def _hextet_class(value: int, first: bool) -> range:
    """Groups of IPv6 that are as long as text; an empty one stays, so that `::` stands where it stood."""
    if not value:
        return range(1)
    if first and value >= 0xFE00:
        return range(value, value + 1)  # link-local, unique local and multicast say what kind of address it is
    digits = len(f"{value:x}")
    return range(max(1, 16 ** (digits - 1)), 0xFE00 if first and digits == 4 else 16**digits)
