"""Key material from files. Neither messages nor logs ever hold any of it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from gpinspect.engine.tls.keys import KeyStore
from gpinspect.errors import TlsKeyError
from gpinspect.model import Notice

__all__ = ["KeyStore", "Passphrase", "key_notices", "read_keys"]

Passphrase = Callable[[str], bytes | None]
"""Gives the passphrase of the key in a file of this name, None to do without it."""

LARGEST_KEY = 1 << 20
"""Bytes of a file that may be a private key."""


def read_keys(keylogs: Sequence[str], server_keys: Sequence[str], passphrase: Passphrase | None = None) -> KeyStore:
    """All key material of one analysis.

    Raises:
        TlsKeyError: A file cannot be read, or is no private key.
    """
    keys = KeyStore()
    for name in keylogs:
        keys.add_keylog(_read(name, None), name)
    for name in server_keys:
        pem = _read(name, LARGEST_KEY)
        password = passphrase(name) if passphrase is not None and b"ENCRYPTED" in pem else None
        keys.add_server_key(pem, password, name)
    return keys


def key_notices(keys: KeyStore) -> list[Notice]:
    """What is odd about the key material itself: lines of key logs, in files or in the capture, that are not understood."""
    count = keys.key_log_count()
    return [Notice("GPI509", "", {"bad": count.bad, "lines": count.lines})] if count.bad else []


def _read(name: str, most: int | None) -> bytes:
    try:
        with Path(name).open("rb") as file:
            data = file.read() if most is None else file.read(most + 1)
    except OSError as error:
        raise TlsKeyError(f"{name}: {error.strerror}; wanted a key file that this user may read") from error
    if most is not None and len(data) > most:
        raise TlsKeyError(f"{name}: more than {most:,} bytes; wanted a private key in PEM form")
    return data
