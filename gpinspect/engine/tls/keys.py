"""All key material of one analysis: key log lines, RSA keys of servers, and master secrets learnt for resumed sessions.

No secret leaves this room: messages, reports and `repr` speak of counts, file names and fingerprints of public keys.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from gpinspect.engine.tls.derive import MASTER_LENGTH
from gpinspect.errors import TlsKeyError

if TYPE_CHECKING:
    from gpinspect.engine.tls.report import Certificate

MASTER, PREMASTER = "CLIENT_RANDOM", "PMS_CLIENT_RANDOM"
EARLY = "CLIENT_EARLY_TRAFFIC_SECRET"
HANDSHAKE = ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET")
TRAFFIC = ("CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0")

_USED_LABELS = (MASTER, PREMASTER, EARLY, *HANDSHAKE, *TRAFFIC)
_LABELS = {label.encode(): number for number, label in enumerate(_USED_LABELS)}
_TRAFFIC_LENGTHS = (32, 48)
_LENGTHS = ((MASTER_LENGTH,), range(1, 256), *([_TRAFFIC_LENGTHS] * (len(_USED_LABELS) - 2)))
_ENTRIES_A_RANDOM = 32
_CACHE = 65536
_CHUNK = 1 << 20
_LARGEST_KEY_FILE = 1 << 20
_OTHER_PEM = ((b"-----BEGIN CERTIFICATE", "a certificate"), (b"PUBLIC KEY-----", "a public key"))
_PRIVATE_PEM = re.compile(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.+?-----END \1PRIVATE KEY-----", re.DOTALL)


class KeyLogCount(NamedTuple):
    """Lines of all key logs (comments and blank ones apart): all, those that opened something, those not understood."""

    lines: int
    used: int
    bad: int
    randoms: int  # different client randoms


@dataclass(frozen=True, slots=True)
class ServerKey:
    """An RSA private key. `fingerprint` is the SHA-256 of its public part, as in `Certificate.key_fingerprint`."""

    name: str
    fingerprint: str
    bits: int
    private: Any = field(repr=False)

    def decrypt(self, sealed: bytes) -> bytes | None:
        """The premaster secret, or bytes that only look like one: a key that does not fit raises no error (implicit rejection)."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        try:
            plain: bytes = self.private.decrypt(sealed, PKCS1v15())
        except ValueError:
            return None
        return plain


class KeyStore:
    """Key material may be added at any time; `revision` grows with it, so that a reader can tell whether to look again."""

    def __init__(self) -> None:
        self.revision = 0
        self.server_keys: list[ServerKey] = []
        self.has_dsb = False
        self.guesses_left = 200_000  # secrets that may still be tried on connections whose random is not known
        self._secrets: dict[bytes, bytes] = {}  # random -> entries of label number, length, value
        self._premasters: dict[bytes, bytes] = {}  # first 8 bytes of the encrypted premaster -> premaster
        self._tails: dict[str, bytes] = {}
        self._lines = 0
        self._bad = 0
        self._used: set[tuple[bytes, str, bytes]] = set()
        self._masters: OrderedDict[bytes, bytes] = OrderedDict()
        self._certificates: OrderedDict[bytes, tuple[bytes, Certificate | None]] = OrderedDict()

    def __repr__(self) -> str:
        return f"KeyStore({self.key_log_count()}, server keys: {len(self.server_keys)})"

    # key logs

    def add_keylog(self, text: bytes, source: str = "") -> None:
        """Take the next part of key log `source`: its lines so far, later what was appended.

        A line that is not understood costs that line. The last line may be cut; its rest comes with the next part.
        """
        text = self._tails.pop(source, b"") + text
        cut = text.rfind(b"\n") + 1
        tail = text[cut:]
        self._read(text[:cut])
        if tail:
            # kept for its continuation; used already, as it may be whole without a line end
            self._tails[source] = tail[-4096:]
            self._line(tail)
        self.revision += 1

    def add_dsb(self, secrets: bytes) -> None:
        """Take the key log text of one Decryption Secrets Block of a pcapng file."""
        self.has_dsb = True
        self._read(secrets)
        self.revision += 1

    def _read(self, text: bytes) -> None:
        lines = bad = at = 0
        while at < len(text):
            end = text.find(b"\n", at + _CHUNK) + 1 or len(text)
            for line in text[at:end].split(b"\n"):
                if not line or line[0] == 0x23 or line.isspace():  # "#"
                    continue
                lines += 1
                bad += not self._line(line)
            at = end
        self._lines += lines
        self._bad += bad

    def _line(self, line: bytes) -> bool:
        """Learn one line; False if it is not understood."""
        words = line.split()
        try:
            label, random, value = words
            # "RSA Session-ID:… Master-Key:…" has two values with a name in front
            if label == b"RSA":
                return self._rsa_line(random, value)
            random, value = unhexlify(random), unhexlify(value)
        except ValueError:
            return bool(words) and words[0].startswith(b"#")
        number = _LABELS.get(label)
        if len(random) != 32:
            return False
        if number is None:
            return label.isascii() and len(value) in (*_TRAFFIC_LENGTHS, MASTER_LENGTH) and label.replace(b"_", b"").isalnum()
        if len(value) not in _LENGTHS[number]:
            return False
        entry = bytes((number, len(value))) + value
        known = self._secrets.get(random)
        if known is None:
            self._secrets[random] = entry
        elif len(known) < _ENTRIES_A_RANDOM * 50 and entry not in known:
            self._secrets[random] = known + entry
        return True

    def _rsa_line(self, first: bytes, second: bytes) -> bool:
        if first.startswith(b"Session-ID:") and second.startswith(b"Master-Key:"):
            session, master = unhexlify(first[11:]), unhexlify(second[11:])
            if len(session) > 32 or len(master) != MASTER_LENGTH:
                return False
            self.remember_session(session, master)
            return True
        start, premaster = unhexlify(first), unhexlify(second)
        if len(start) != 8 or len(premaster) != MASTER_LENGTH:
            return False
        self._premasters[start] = premaster
        return True

    def key_log_count(self) -> KeyLogCount:
        return KeyLogCount(self._lines + len(self._tails), len(self._used), self._bad, len(self._secrets))

    @property
    def has_key_log(self) -> bool:
        return bool(self._secrets or self._premasters or self._lines or self._tails)

    @property
    def empty(self) -> bool:
        """True when there is nothing at all to open a connection with."""
        return not (self.has_key_log or self.server_keys)

    def secrets(self, random: bytes, label: str) -> list[bytes]:
        """Every value that the key logs give for a client random and label, in order."""
        entries, at, found = self._secrets.get(random, b""), 0, []
        number = _LABELS[label.encode()]
        while at < len(entries):
            end = at + 2 + entries[at + 1]
            if entries[at] == number:
                found.append(entries[at + 2 : end])
            at = end
        return found

    def knows(self, random: bytes) -> bool:
        return random in self._secrets

    def randoms(self) -> Iterator[bytes]:
        """Client randoms of the key logs, in order of their first line."""
        yield from list(self._secrets)

    def premaster(self, sealed: bytes) -> bytes | None:
        return self._premasters.get(sealed[:8])

    def mark_used(self, random: bytes, label: str, value: bytes) -> None:
        """A line opened something."""
        self._used.add((random, label, value[:8]))

    def used(self, random: bytes, label: str, value: bytes) -> bool:
        """Whether a line opened something."""
        return (random, label, value[:8]) in self._used

    # server keys

    def add_server_key(self, pem: bytes, password: bytes | None, name: str) -> None:
        """Take the RSA private key of a server: PEM (PKCS#1, PKCS#8, encrypted or not) or DER.

        Raises:
            TlsKeyError: No key, no RSA key, or a password that is missing or wrong. Says which; never shows key material.
        """
        private = _load_private_key(pem, password, name)
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

        if not isinstance(private, RSAPrivateKey):
            kind = type(private).__name__.removesuffix("PrivateKey").lstrip("_")
            raise TlsKeyError(f"{name}: holds a key of kind {kind}, wanted RSA; a key log opens connections of any kind")
        fingerprint = public_fingerprint(private.public_key())
        if all(key.fingerprint != fingerprint for key in self.server_keys):
            self.server_keys.append(ServerKey(name, fingerprint, private.key_size, private))
        self.revision += 1

    # resumption

    def remember_session(self, session_id: bytes, master: bytes) -> None:
        if session_id:
            self._remember(b"i" + session_id, master)

    def remember_ticket(self, ticket: bytes, master: bytes) -> None:
        self._remember(b"t" + _digest(ticket), master)

    def resumed_master(self, session_id: bytes, ticket: bytes | None) -> bytes | None:
        """Master secret of the session that an abbreviated handshake continues, if its first handshake was opened."""
        return (self._masters.get(b"t" + _digest(ticket)) if ticket else None) or (
            self._masters.get(b"i" + session_id) if session_id else None
        )

    def _remember(self, key: bytes, master: bytes) -> None:
        self._masters[key] = master
        self._masters.move_to_end(key)
        if len(self._masters) > _CACHE:
            self._masters.popitem(last=False)

    # certificates

    def certificate(self, der: bytes) -> Certificate | None:
        """A certificate read, each one once; None when it cannot be read."""
        from gpinspect.engine.tls.certificates import read_certificate

        key = _digest(der)
        known = self._certificates.get(key)
        if known is None:
            known = self._certificates[key] = der, read_certificate(der)
            if len(self._certificates) > 1024:
                self._certificates.popitem(last=False)
        return known[1]


def _digest(data: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(data).digest()


def public_fingerprint(public_key: Any) -> str:
    """SHA-256 of a public key's SubjectPublicKeyInfo, in hex."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return _digest(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hex()


def _load_private_key(data: bytes, password: bytes | None, name: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    block = _PRIVATE_PEM.search(data[:_LARGEST_KEY_FILE])
    if block is None and not data.startswith(b"\x30"):
        what = next((words for mark, words in _OTHER_PEM if mark in data), "something else" if data.strip() else "nothing")
        raise TlsKeyError(f"{name}: holds {what}, wanted a private key in PEM form (BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY)")
    encrypted = block is not None and b"ENCRYPTED" in block[0]
    try:
        if block is not None:
            return load_pem_private_key(block[0] + b"\n", password if encrypted else None)
        try:
            return load_der_private_key(data, None)
        except TypeError:
            encrypted = True
            return load_der_private_key(data, password)
    except TypeError as error:
        raise TlsKeyError(
            f"{name}: the key is protected; give its passphrase (--passphrase-file FILE, or at the prompt of a terminal)"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        if encrypted and password is not None:
            raise TlsKeyError(
                f"{name}: the passphrase does not open this key; give the right one (--passphrase-file FILE, or at the prompt)"
            ) from error
        raise TlsKeyError(f"{name}: the private key cannot be read; it is damaged or of an unknown kind") from error
