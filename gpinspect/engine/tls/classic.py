"""Protection of one direction in TLS 1.0 to 1.2: which master secret fits, which record number is next."""

from gpinspect.engine.tls import suites
from gpinspect.engine.tls.negotiation import Negotiation
from gpinspect.engine.tls.protection import TAIL, Opener, OpenNull


class Budget:
    """Bytes that may still be worked on in vain, so that a hostile stream cannot buy endless trial decryption."""

    def __init__(self, left: int = 1 << 29) -> None:
        self.left = left

    def spend(self, count: int) -> bool:
        self.left -= count + 256
        return self.left > 0


LARGEST_WINDOW = 4096
_PATIENCE = 8  # records that are tried in vain before only new key material starts another try


class Classic:
    """Protection of one direction up to TLS 1.2, from one ChangeCipherSpec to the next."""

    modern = False

    def __init__(self, negotiation: Negotiation, side: int, budget: Budget) -> None:
        self.negotiation = negotiation
        self.side = side
        self.number = 0
        self.window = 0  # records that may be missing unseen before the next one
        self.opened = 0
        self.failures = 0  # in a row
        self._opener: Opener | None = None
        self._budget = budget
        self._tried_revision = -1

    @property
    def locked(self) -> bool:
        """No secret was found yet that fits."""
        return self._opener is None

    def open(self, kind: int, minor: int, fragment: memoryview) -> tuple[int, bytes] | None:
        """Type and plaintext of the next record; None when it does not open."""
        opener = self._opener
        if opener is not None and not self.window:
            plain = opener.open(self.number, kind, minor, fragment)
        elif opener is not None:
            plain = self._search(opener, kind, minor, fragment)
        else:
            plain = self._unlock(kind, minor, fragment)
        if plain is None:
            self.failures += 1
            self.lost(bytes(fragment[-TAIL:]))
            return None
        self.number += 1
        self.opened += 1
        self.failures = 0
        return kind, plain

    def lost(self, tail: bytes) -> None:
        """A record is missing, cut or did not open; its number is used up."""
        self.number += 1
        for opener in self._openers():
            opener.skip(tail)

    def gap(self, count: int, tail: bytes) -> None:
        """An unknown number of records is missing, in `count` bytes whose last ones are `tail`."""
        self.window = min(LARGEST_WINDOW, self.window + count // 22 + 1)
        for opener in self._openers():
            opener.skip(tail)

    def length(self, kind: int, size: int) -> int | None:
        """Plaintext length of a record of `size` bytes, where it can be told."""
        return self._opener.length(size) if self._opener else None

    def _openers(self) -> list[Opener]:
        if self._opener:
            return [self._opener]
        return [candidate.openers[self.side] for candidate in self.negotiation.candidates()]

    def _search(self, opener: Opener, kind: int, minor: int, fragment: memoryview) -> bytes | None:
        for number in range(self.number, self.number + self.window + 1):
            plain = opener.open(number, kind, minor, fragment)
            if plain is not None:
                self.number, self.window = number, 0
                return plain
            if not self._budget.spend(len(fragment)):
                break
        return None

    def _unlock(self, kind: int, minor: int, fragment: memoryview) -> bytes | None:
        negotiation = self.negotiation
        candidates = negotiation.candidates()
        if negotiation.proven is None and self.failures >= _PATIENCE and self._tried_revision == negotiation.keys.revision:
            negotiation.drop_guesses()
            return None
        self._tried_revision = negotiation.keys.revision
        for candidate in candidates:
            opener = candidate.openers[self.side]
            plain = self._search(opener, kind, minor, fragment)
            if plain is not None:
                negotiation.prove(candidate)
                self._opener = opener
                return plain
        suite = negotiation.suite
        if suite and suite.mode == suites.NULL and negotiation.proven is None and negotiation.unsupported() is None:
            negotiation.unverified = True
            self._opener = OpenNull(suite.mac_length, None)
            return self._opener.open(self.number, kind, minor, fragment)
        return None
