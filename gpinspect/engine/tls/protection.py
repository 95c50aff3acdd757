"""Opening one record: cipher, authentication, padding. Nothing leaves here that was not authenticated.

An opener belongs to one direction under one key. The record number is given by the caller, so that numbers can be tried
after records were lost; only the chained initialisation vector of TLS 1.0 is state.
The one exception to authentication is `OpenNull` without a key: a NULL suite hides nothing, so there is something to show.
"""

import hashlib
import hmac
import struct
from typing import Any, Protocol

from gpinspect.engine.tls import suites
from gpinspect.engine.tls.derive import expand_label, prf
from gpinspect.engine.tls.suites import Suite

Fragment = bytes | memoryview

_ADDITIONAL = struct.Struct(">QBBBH").pack  # record number, type, version (two bytes), length
_HEADER = struct.Struct(">BBBH").pack
_PADDING = [bytes((length,)) * (length + 1) for length in range(256)]


class Opener(Protocol):
    def open(self, number: int, kind: int, minor: int, fragment: Fragment) -> bytes | None:
        """Plaintext of record `number`, or None when it does not authenticate."""

    def skip(self, tail: bytes) -> None:
        """A record was lost or did not open; `tail` are the last bytes of it that were seen."""

    def length(self, size: int) -> int | None:
        """Plaintext length of a fragment of `size` bytes where the length alone tells it, else None."""


class _Sealed:
    """The common part of authenticated ciphers."""

    overhead = 0

    def __init__(self, aead: Any, iv: bytes) -> None:
        from cryptography.exceptions import InvalidTag

        self._decrypt = aead.decrypt
        self._iv = iv
        self._failures = (InvalidTag, ValueError)

    def skip(self, tail: bytes) -> None:
        pass

    def length(self, size: int) -> int | None:
        return size - self.overhead if size >= self.overhead else None


class OpenExplicit(_Sealed):
    """GCM and CCM of TLS 1.2: eight bytes of the nonce stand in front of the ciphertext (RFC 5288, RFC 6655)."""

    def __init__(self, aead: Any, iv: bytes, tag: int) -> None:
        super().__init__(aead, iv)
        self.overhead = 8 + tag

    def open(self, number: int, kind: int, minor: int, fragment: Fragment) -> bytes | None:
        size = len(fragment) - self.overhead
        if size < 0:
            return None
        additional = _ADDITIONAL(number, kind, 3, minor, size)
        try:
            plain: bytes = self._decrypt(self._iv + fragment[:8], fragment[8:], additional)
        except self._failures:
            return None
        return plain


class OpenChaCha(_Sealed):
    """ChaCha20-Poly1305 of TLS 1.2 (RFC 7905)."""

    overhead = 16

    def __init__(self, aead: Any, iv: bytes) -> None:
        super().__init__(aead, iv)
        self._base = int.from_bytes(iv, "big")

    def open(self, number: int, kind: int, minor: int, fragment: Fragment) -> bytes | None:
        size = len(fragment) - 16
        if size < 0:
            return None
        nonce = (self._base ^ number).to_bytes(12, "big")
        try:
            plain: bytes = self._decrypt(nonce, fragment, _ADDITIONAL(number, kind, 3, minor, size))
        except self._failures:
            return None
        return plain


class OpenModern(_Sealed):
    """Any cipher of TLS 1.3: the plaintext still ends with the true type and zero padding. Its length is never known beforehand."""

    def __init__(self, aead: Any, iv: bytes, tag: int) -> None:
        super().__init__(aead, iv)
        self.overhead = tag
        self._base = int.from_bytes(iv, "big")

    def open(self, number: int, kind: int, minor: int, fragment: Fragment) -> bytes | None:
        size = len(fragment)
        if size <= self.overhead:
            return None
        nonce = (self._base ^ number).to_bytes(12, "big")
        try:
            plain: bytes = self._decrypt(nonce, fragment, _HEADER(kind, 3, minor, size))
        except self._failures:
            return None
        return plain

    def length(self, size: int) -> int | None:
        return None


class _Mac:
    """HMAC with the key worked in once, so that a record costs two copies of a hash state."""

    def __init__(self, name: str, key: bytes) -> None:
        self.size = hashlib.new(name).digest_size
        block = hashlib.new(name).block_size
        padded = key.ljust(block, b"\0")
        self._inner = hashlib.new(name, bytes(b ^ 0x36 for b in padded))
        self._outer = hashlib.new(name, bytes(b ^ 0x5C for b in padded))

    def fits(self, header: bytes, content: Fragment, mac: Fragment) -> bool:
        inner = self._inner.copy()
        inner.update(header)
        inner.update(content)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return hmac.compare_digest(outer.digest(), mac)


class OpenCbc:
    """Block ciphers of TLS 1.0 to 1.2, the MAC inside (RFC 5246) or outside of the encryption (RFC 7366).

    One decryptor serves all records: what it gives for the block in front of the ciphertext is thrown away, and after that
    block it is chained as the record wants it.
    """

    def __init__(self, algorithm: Any, iv: bytes, mac: _Mac, minor: int, mac_outside: bool) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, modes

        self._block = len(iv)
        self._update = Cipher(algorithm, modes.CBC(bytes(len(iv)))).decryptor().update
        self._iv: bytes | None = iv  # TLS 1.0: None while the last block of the record before is not known
        self._mac = mac
        self._implicit = minor <= 1
        self._outside = mac_outside
        self._vouched: bool | None = None  # MAC outside: did it fit the record that is being tried, under any number

    def open(self, number: int, kind: int, minor: int, fragment: Fragment) -> bytes | None:
        block, mac = self._block, self._mac
        sealed = len(fragment) - (mac.size if self._outside else 0)
        start = 0 if self._implicit else block
        if sealed < start + block or sealed % block:
            return None
        content = fragment
        if self._outside:
            content = fragment[:sealed]
            if not mac.fits(_ADDITIONAL(number, kind, 3, minor, sealed), content, fragment[sealed:]):
                self._vouched = self._vouched or False
                return None
            self._vouched = True
        if self._implicit:
            if self._iv is None:
                return None
            self._update(self._iv)
        plain = self._update(content)
        pad = plain[-1]
        end = sealed - pad - 1 - (0 if self._outside else mac.size)
        if end < start or not plain.endswith(_PADDING[pad]):
            return None
        if not self._outside:
            view = memoryview(plain)
            if not mac.fits(_ADDITIONAL(number, kind, 3, minor, end - start), view[start:end], view[end : end + mac.size]):
                return None
        if self._implicit:
            self._iv = bytes(fragment[sealed - block : sealed])
            self._vouched = None
        return plain[start:end]

    def skip(self, tail: bytes) -> None:
        if not self._implicit:
            return
        end = len(tail) - (self._mac.size if self._outside else 0)
        # with the MAC outside, nothing but the record before vouches for the block that the next one is chained to: of a
        # record with a hole its last bytes are believed, of one that is not what the peer sent they are not
        self._iv = tail[end - self._block : end] if end >= self._block and self._vouched is not False else None
        self._vouched = None

    def length(self, size: int) -> int | None:
        return None


class OpenNull:
    """A NULL suite: content and MAC. Without a key (`mac` None) the MAC is cut off unchecked."""

    def __init__(self, mac_length: int, mac: _Mac | None) -> None:
        self._length = mac_length
        self._mac = mac

    def open(self, number: int, kind: int, minor: int, fragment: Fragment) -> bytes | None:
        size = len(fragment) - self._length
        if size < 0:
            return None
        if self._mac and not self._mac.fits(_ADDITIONAL(number, kind, 3, minor, size), fragment[:size], fragment[size:]):
            return None
        return bytes(fragment[:size])

    def skip(self, tail: bytes) -> None:
        pass

    def length(self, size: int) -> int | None:
        return size - self._length if size >= self._length else None


TAIL = 16 + 48
"""Bytes at the end of a lost record that are worth keeping: a block, and the longest MAC behind it."""


def _aead(suite: Suite, key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers import aead

    if suite.mode == suites.GCM:
        return aead.AESGCM(key)
    if suite.mode == suites.CCM:
        return aead.AESCCM(key, tag_length=suite.tag)
    return aead.ChaCha20Poly1305(key)


def _block_cipher(suite: Suite, key: bytes) -> Any:
    if suite.cipher == "AES":
        from cryptography.hazmat.primitives.ciphers.algorithms import AES

        return AES(key)
    from cryptography.hazmat.decrepit.ciphers import algorithms

    return algorithms.Camellia(key) if suite.cipher == "CAMELLIA" else algorithms.TripleDES(key)


def classic_openers(
    suite: Suite, minor: int, master: bytes, client_random: bytes, server_random: bytes, mac_outside: bool
) -> tuple[Opener, Opener]:
    """Openers of client and server for TLS 1.0 to 1.2, out of the master secret and both randoms (RFC 5246, section 6.3)."""
    iv_length = {suites.GCM: 4, suites.CCM: 4, suites.CHACHA20: 12, suites.CBC: suite.block, suites.NULL: 0}[suite.mode]
    sizes = (suite.mac_length, suite.mac_length, suite.key_length, suite.key_length, iv_length, iv_length)
    block = prf(minor, suite.prf, master, b"key expansion", server_random + client_random, sum(sizes))
    parts, at = [], 0
    for size in sizes:
        parts.append(block[at : at + size])
        at += size
    client, server = parts[0::2], parts[1::2]
    return (
        _classic(suite, minor, mac_outside, client[0], client[1], client[2]),
        _classic(suite, minor, mac_outside, server[0], server[1], server[2]),
    )


def _classic(suite: Suite, minor: int, mac_outside: bool, mac_key: bytes, key: bytes, iv: bytes) -> Opener:
    if suite.mode == suites.NULL:
        return OpenNull(suite.mac_length, _Mac(suite.mac, mac_key))
    if suite.mode == suites.CBC:
        return OpenCbc(_block_cipher(suite, key), iv, _Mac(suite.mac, mac_key), minor, mac_outside)
    if suite.mode == suites.CHACHA20:
        return OpenChaCha(_aead(suite, key), iv)
    return OpenExplicit(_aead(suite, key), iv, suite.tag)


def modern_opener(suite: Suite, secret: bytes) -> Opener:
    """Opener of one direction for TLS 1.3, out of a traffic secret."""
    key = expand_label(suite.prf, secret, b"key", suite.key_length)
    return OpenModern(_aead(suite, key), expand_label(suite.prf, secret, b"iv", 12), suite.tag)
