"""Key derivation: the PRF of TLS 1.0 to 1.2 and HKDF-Expand-Label of TLS 1.3, out of hmac and hashlib.

Source: RFC 2246 section 5, RFC 5246 section 5, RFC 7627 section 4, RFC 8446 section 7.
"""

import hashlib
import hmac
import struct

MASTER_LENGTH = 48


def _expand(name: str, secret: bytes, seed: bytes, length: int) -> bytes:
    out, a = b"", seed
    while len(out) < length:
        a = hmac.digest(secret, a, name)
        out += hmac.digest(secret, a + seed, name)
    return out[:length]


def prf(minor: int, name: str, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """`length` bytes out of a secret. `minor` is that of the version (1 = TLS 1.0, 3 = TLS 1.2), `name` the hash that 1.2 uses."""
    if minor >= 3:
        return _expand(name, secret, label + seed, length)
    half = (len(secret) + 1) // 2
    left = _expand("md5", secret[:half], label + seed, length)
    right = _expand("sha1", secret[len(secret) - half :], label + seed, length)
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def transcript_hash(minor: int, name: str, messages: bytes) -> bytes:
    """The session hash of the extended master secret."""
    if minor >= 3:
        return hashlib.new(name, messages).digest()
    return hashlib.md5(messages).digest() + hashlib.sha1(messages).digest()


def expand_label(name: str, secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label with an empty context."""
    full = b"tls13 " + label
    info = struct.pack(">HB", length, len(full)) + full + b"\0"
    out, block, count = b"", b"", 0
    while len(out) < length:
        count += 1
        block = hmac.digest(secret, block + info + bytes([count]), name)
        out += block
    return out[:length]


def next_generation(name: str, secret: bytes) -> bytes:
    """The traffic secret after a KeyUpdate."""
    return expand_label(name, secret, b"traffic upd", hashlib.new(name).digest_size)
