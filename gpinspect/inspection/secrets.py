"""Key material from files. Neither messages nor logs ever hold any of it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gpinspect.errors import TlsKeyError
from gpinspect.model import Notice

if TYPE_CHECKING:
    from gpinspect.engine.tls.keys import KeyStore

__all__ = ["KeyMaterial", "Passphrase"]

Passphrase = Callable[[str], bytes | None]
"""Gives the passphrase of the key in a file of this name, None to do without it."""

LARGEST_KEY = 1 << 20
"""Bytes of a file that may be a private key."""
LARGEST_LOG = 1 << 28
"""Bytes of a key log that is added while one looks on."""


class KeyMaterial:
    """All key material of one analysis: files that are read once, and key logs that their writers may still append to.

    Raises:
        TlsKeyError: A file cannot be read, or is no private key.
    """

    def __init__(self, keylogs: Sequence[str], server_keys: Sequence[str], passphrase: Passphrase | None = None) -> None:
        self._keys: KeyStore | None = None
        self._known: dict[str, int] = {}  # key log -> bytes of it that were read
        for name in keylogs:
            text = _read(name, None)
            self.keys.add_keylog(text, name)
            self._known[name] = len(text)
        for name in server_keys:
            pem = _read(name, LARGEST_KEY)
            password = passphrase(name) if passphrase is not None and b"ENCRYPTED" in pem else None
            self.keys.add_server_key(pem, password, name)

    @property
    def keys(self) -> "KeyStore":
        """Where all of it is; made when it is first asked for, because most captures need none."""
        if self._keys is None:
            from gpinspect.engine.tls.keys import KeyStore

            self._keys = KeyStore()
        return self._keys

    def add(self, name: str, password: bytes | None = None) -> None:
        """Take one more file: a private key in PEM form, or a key log. Nothing is taken of a file that is neither.

        Args:
            password: Of a protected key.

        Raises:
            TlsKeyError: It cannot be read, is no private key, or holds no line of a key log.
        """
        if is_pem(name):
            self.keys.add_server_key(_read(name, LARGEST_KEY), password, name)
            return
        text = _read(name, LARGEST_LOG)
        from gpinspect.engine.tls.keys import KeyStore

        tried = KeyStore()
        tried.add_keylog(text, name)
        count = tried.key_log_count()
        if count.lines <= count.bad:
            raise TlsKeyError(f"{name}: neither a key log nor a private key in PEM form")
        self.keys.add_keylog(text, name)
        self._known[name] = len(text)

    @property
    def revision(self) -> int:
        """Grows with the material."""
        return 0 if self._keys is None else self._keys.revision

    def notices(self) -> list[Notice]:
        """What is odd about it: lines of key logs, in files or in the capture, that are not understood."""
        if self._keys is None:
            return []
        count = self._keys.key_log_count()
        return [Notice("GPI509", "", {"bad": count.bad, "lines": count.lines})] if count.bad else []

    def learn(self) -> None:
        """Take over what was appended to key logs. One that has gone, or became shorter, is left alone."""
        for name, known in self._known.items():
            try:
                if Path(name).stat().st_size <= known:
                    continue
                with Path(name).open("rb") as file:
                    file.seek(known)
                    appended = file.read()
            except OSError:
                continue
            self._known[name] = known + len(appended)
            self.keys.add_keylog(appended, name)


def is_pem(name: str) -> bool:
    """Whether a file is in PEM form, protected or not.

    Raises:
        TlsKeyError: It cannot be read.
    """
    if not Path(name).is_file():
        raise TlsKeyError(f"{name}: no ordinary file; wanted a key log, or a private key in PEM form")
    return b"-----BEGIN " in _start(name)


def is_protected(name: str) -> bool:
    """Whether a file is a private key that wants a passphrase.

    Raises:
        TlsKeyError: It cannot be read.
    """
    return is_pem(name) and b"ENCRYPTED" in _start(name)


def _start(name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            return file.read(LARGEST_KEY)
    except OSError as error:
        raise TlsKeyError(f"{name}: {error.strerror}; wanted a key file that this user may read") from error


def _read(name: str, most: int | None) -> bytes:
    try:
        with Path(name).open("rb") as file:
            data = file.read() if most is None else file.read(most + 1)
    except OSError as error:
        raise TlsKeyError(f"{name}: {error.strerror}; wanted a key file that this user may read") from error
    if most is not None and len(data) > most:
        raise TlsKeyError(f"{name}: more than {most:,} bytes; wanted a private key in PEM form, or a key log")
    return data
