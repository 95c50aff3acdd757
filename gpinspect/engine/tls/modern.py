"""Protection of one direction in TLS 1.3: early, handshake and application secrets in turn, and the generations after KeyUpdate."""

from collections.abc import Iterator
from itertools import islice

from gpinspect.engine.tls import keys as key_labels
from gpinspect.engine.tls.classic import LARGEST_WINDOW, Budget
from gpinspect.engine.tls.derive import next_generation
from gpinspect.engine.tls.keys import KeyStore
from gpinspect.engine.tls.protection import Opener, modern_opener
from gpinspect.engine.tls.suites import Suite, suite

EARLY, HANDSHAKE, APPLICATION = range(3)

_GUESSED_SUITES = {32: (0x1301, 0x1303, 0x1304), 48: (0x1302,)}
_GUESSED_NUMBERS = 24
_PATIENCE = 8


def labels(side: int) -> tuple[str, str, str]:
    """Key log labels of a direction by stage."""
    return key_labels.EARLY, key_labels.HANDSHAKE[side], key_labels.TRAFFIC[side]


class Modern:
    """One direction. `early`: the client offered early data and the server did not refuse it; only then is its secret tried."""

    modern = True

    def __init__(self, keys: KeyStore, cipher: Suite, side: int, random: bytes, budget: Budget, early: bool = False) -> None:
        self._keys = keys
        self.suite = cipher
        self.side = side
        self.random = random
        self.stage = EARLY if early else HANDSHAKE
        self.number = 0
        self.window = 0
        self.opened = 0
        self.failures = 0
        self.skipping = False  # refused early data may come first: what does not open is none of our records
        self.seen_stages: set[int] = set()
        self._budget = budget
        self._secret = b""
        self._opener: Opener | None = None
        self._made: dict[bytes, Opener] = {}

    @property
    def locked(self) -> bool:
        return not self.opened

    def has_secret(self, stage: int) -> bool:
        return bool(self._keys.secrets(self.random, labels(self.side)[stage]))

    def open(self, kind: int, minor: int, fragment: memoryview) -> tuple[int, bytes] | None:
        """True type and content of the next record, padding cut off; None when it does not open."""
        opener = self._opener
        plain = opener.open(self.number, kind, minor, fragment) if opener else None
        if plain is None:
            plain = self._elsewhere(kind, minor, fragment)
        if plain is None:
            self.failures += 1
            if not self.skipping:
                self.number += 1
            return None
        self.number += 1
        self.opened += 1
        self.failures = 0
        self.skipping = False
        self.seen_stages.add(self.stage)
        if plain[-1]:
            return plain[-1], plain[:-1]
        content = plain.rstrip(b"\0")
        return (content[-1], content[:-1]) if content else None

    def lost(self, tail: bytes) -> None:
        self.number += 1
        self.failures += 1

    def gap(self, count: int, tail: bytes) -> None:
        self.window = min(LARGEST_WINDOW, self.window + count // 22 + 1)

    def length(self, kind: int, size: int) -> int | None:
        return None

    def enter(self, stage: int) -> None:
        """The peer goes on with the secret of `stage` from its next record on."""
        self.stage, self.number, self.window, self._opener, self.failures = stage, 0, 0, None, 0

    def update(self) -> None:
        """The peer sent KeyUpdate: the next generation begins with its next record."""
        if self._secret:
            self._take(next_generation(self.suite.prf, self._secret), self.stage)
            self.number = self.window = 0

    def adopt(self, secret: bytes, stage: int, number: int) -> None:
        """Go on from a secret and record number found by trial."""
        self._take(secret, stage)
        self.number = number

    def _take(self, secret: bytes, stage: int) -> None:
        self._secret, self._opener, self.stage = secret, modern_opener(self.suite, secret), stage
        self._made.clear()

    def _elsewhere(self, kind: int, minor: int, fragment: memoryview) -> bytes | None:
        """The record may be a later one than thought, or under a later key: records were lost, or a secret is missing."""
        if self._opener and self.window:
            for number in range(self.number + 1, self.number + self.window + 1):
                plain = self._opener.open(number, kind, minor, fragment)
                if plain is not None:
                    self.number, self.window = number, 0
                    return plain
                if not self._budget.spend(len(fragment)):
                    return None
        first_numbers = max(self.window, min(self.failures, _PATIENCE)) + 1
        for secret, stage in self._later():
            opener = self._made.get(secret)
            if opener is None:
                opener = self._made[secret] = modern_opener(self.suite, secret)
            for number in range(first_numbers):
                plain = opener.open(number, kind, minor, fragment)
                if plain is not None:
                    self._take(secret, stage)
                    self.number, self.window = number, 0
                    self.mark(secret, stage)
                    return plain
                if not self._budget.spend(len(fragment)):
                    return None
        return None

    def _later(self) -> Iterator[tuple[bytes, int]]:
        start = self.stage + 1 if self._opener else self.stage
        for stage in range(start, APPLICATION + 1):
            for secret in self._keys.secrets(self.random, labels(self.side)[stage]):
                yield secret, stage
        if self._opener and self.stage == APPLICATION:
            yield next_generation(self.suite.prf, self._secret), APPLICATION

    def mark(self, secret: bytes, stage: int) -> None:
        """Count the key log line of a secret as used."""
        label = labels(self.side)[stage]
        if secret in self._keys.secrets(self.random, label):
            self._keys.mark_used(self.random, label, secret)


def locate(keys: KeyStore, side: int, random: bytes | None, minor: int, fragment: memoryview, budget: Budget) -> Modern | None:
    """Find the secret of a record whose handshake was not captured: every traffic secret with small numbers, the tag decides.

    Args:
        random: The client random, if the ClientHello at least was seen.
    """
    modern_labels = labels(side)
    for candidate in (random,) if random else islice(keys.randoms(), max(0, keys.guesses_left)):
        for stage, label in ((APPLICATION, modern_labels[APPLICATION]), (HANDSHAKE, modern_labels[HANDSHAKE])):
            for secret in keys.secrets(candidate, label):
                for number in _GUESSED_SUITES[len(secret)]:
                    keys.guesses_left -= 1
                    if keys.guesses_left < 0:
                        return None
                    found = _numbered(modern_opener(suite(number), secret), minor, fragment, budget)
                    if found is not None:
                        protection = Modern(keys, suite(number), side, candidate, budget)
                        protection.adopt(secret, stage, found)
                        protection.mark(secret, stage)
                        return protection
    return None


def _numbered(opener: Opener, minor: int, fragment: memoryview, budget: Budget) -> int | None:
    for number in range(_GUESSED_NUMBERS):
        if opener.open(number, 23, minor, fragment) is not None:
            return number
        if not budget.spend(len(fragment)):
            break
    return None
