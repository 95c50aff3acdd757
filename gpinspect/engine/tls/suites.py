"""What a cipher suite means: key exchange, cipher, sizes and hashes, worked out of its registered name.

Names follow a grammar (key exchange, WITH, cipher, hash), so one small table of ciphers and one of hashes describe them all.
"""

from dataclasses import dataclass
from functools import cache

from gpinspect.engine.tls.suite_names import ROWS

NULL, CBC, GCM, CCM, CHACHA20, UNSUPPORTED = "NULL", "CBC", "GCM", "CCM", "CHACHA20", "unsupported"


@dataclass(frozen=True, slots=True)
class Suite:
    """One cipher suite. Lengths in bytes; hash names as hashlib has them."""

    id: int
    iana: str | None  # None: a number that is not in the registry we know
    openssl: str | None
    key_exchange: str  # "RSA", "ECDHE_RSA", …; "any" in TLS 1.3
    mode: str  # NULL, CBC, GCM, CCM, CHACHA20, or UNSUPPORTED
    cipher: str  # "AES", "CAMELLIA", "3DES", "CHACHA20", "NULL"
    key_length: int
    block: int  # of CBC, else 0
    mac: str  # hash of the record MAC, "" for an authenticated cipher
    mac_length: int
    prf: str  # hash of the key derivation of TLS 1.2 and 1.3
    tag: int  # length of the tag of an authenticated cipher

    @property
    def name(self) -> str:
        return self.iana or f"0x{self.id:04x}"

    @property
    def forward_secret(self) -> bool:
        """Whether the server's long-term key cannot open a recording."""
        return self.key_exchange == "any" or self.key_exchange.startswith(
            ("DHE", "ECDHE", "DH_anon", "ECDH_anon", "PSK_DHE", "ECCPWD", "ECJPAKE")
        )


# cipher words of a name: cipher, key length, block length
_CIPHERS = {
    "NULL": ("NULL", 0, 0),
    "AES_128": ("AES", 16, 16),
    "AES_256": ("AES", 32, 16),
    "CAMELLIA_128": ("CAMELLIA", 16, 16),
    "CAMELLIA_256": ("CAMELLIA", 32, 16),
    "3DES_EDE": ("3DES", 24, 8),
    "CHACHA20": ("CHACHA20", 32, 0),
}
# what stands between cipher and hash: mode, tag length
_MODES = {
    "": (NULL, 0),
    "_CBC": (CBC, 0),
    "_GCM": (GCM, 16),
    "_CCM": (CCM, 16),
    "_CCM_8": (CCM, 8),
    "_POLY1305": (CHACHA20, 16),
}
# hash word: hash, length. No word: CCM, which leaves SHA-256 unsaid (RFC 6655, section 3).
_HASHES = {"MD5": ("md5", 16), "SHA": ("sha1", 20), "SHA256": ("sha256", 32), "SHA384": ("sha384", 48), "": ("sha256", 32)}


@cache
def _names() -> dict[int, tuple[str, str | None]]:
    names: dict[int, tuple[str, str | None]] = {}
    for row in ROWS.splitlines():
        number, name, *openssl = row.split()
        iana = f"TLS_{name}"
        names[int(number, 16)] = iana, (iana if openssl[0] == "=" else openssl[0]) if openssl else None
    return names


@cache
def suite(number: int) -> Suite:
    """The suite of a number (two bytes of the ServerHello); one that is not known or not handled has mode UNSUPPORTED."""
    iana, openssl = _names().get(number, (None, None))
    exchange, _, words = (iana or "")[4:].rpartition("_WITH_")
    if iana and not exchange:
        exchange = "any"
    meaning = _meaning(words, exchange == "any")
    if meaning is None:
        return Suite(number, iana, openssl, exchange or "unknown", UNSUPPORTED, "", 0, 0, "", 0, "sha256", 0)
    cipher, key_length, block, mode, tag, hash_name, hash_length = meaning
    with_mac = mode in (NULL, CBC)
    return Suite(
        number,
        iana,
        openssl,
        exchange,
        mode,
        cipher,
        key_length,
        block,
        mac=hash_name if with_mac else "",
        mac_length=hash_length if with_mac else 0,
        prf="sha384" if hash_name == "sha384" else "sha256",
        tag=tag,
    )


def _meaning(words: str, modern: bool) -> tuple[str, int, int, str, int, str, int] | None:
    for start, (cipher, key_length, block) in _CIPHERS.items():
        if not words.startswith(start):
            continue
        rest = words[len(start) :]
        for hash_word, (hash_name, hash_length) in _HASHES.items():
            between = rest.removesuffix(f"_{hash_word}") if hash_word else rest
            if hash_word and between == rest:
                continue
            found = _MODES.get(between)
            if found is None or (cipher == "NULL") != (found[0] == NULL):
                continue
            mode, tag = found
            # only AES has these modes in the library that does the arithmetic
            if (mode in (GCM, CCM) and cipher != "AES") or (modern and mode in (NULL, CBC)):
                continue
            return cipher, key_length, block, mode, tag, hash_name, hash_length
    return None


def find(text: str) -> Suite | None:
    """The suite of a registered or OpenSSL name, in any case, or of a number such as `0x002F` or `0xC0,0x2F`."""
    wanted = text.strip().upper()
    number = "".join(part.strip().removeprefix("0X") for part in wanted.split(","))
    if wanted.startswith("0X") and 0 < len(number) <= 4 and all(digit in "0123456789ABCDEF" for digit in number):
        return suite(int(number, 16))
    for identity, (iana, openssl) in _names().items():
        if wanted in (iana, iana[4:], (openssl or "").upper()):
            return suite(identity)
    return None
