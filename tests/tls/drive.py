"""Drives the TLS stage: events of a reassembled stream in, what came out as plain values."""

import random
from dataclasses import dataclass, field

from gpinspect.engine.tls.connection import TlsConnection
from gpinspect.engine.tls.keys import KeyStore
from gpinspect.engine.tls.report import TlsReport


@dataclass
class Outcome:
    report: TlsReport
    plain: tuple[bytes, bytes]
    calls: list[tuple] = field(default_factory=list)  # ("data" | "lost", side, length or None), in order

    @property
    def lost(self) -> list[tuple]:
        return [call for call in self.calls if call[0] == "lost"]


def drive(events, keys: KeyStore | None = None, cut: int | None = None, seed: int | None = None, hashed: bool = False) -> Outcome:
    """Feed events whole, in pieces of `cut` bytes, or in random pieces."""
    plain, calls = (bytearray(), bytearray()), []

    def deliver(side, data, ns, frame, capture):
        assert type(data) is bytes and data
        plain[side].extend(data)
        calls.append(("data", side, len(data)))

    def lost(side, length, ns, frame, capture):
        calls.append(("lost", side, length))

    connection = TlsConnection(keys or KeyStore(), deliver, lost, hashed=hashed)
    chance = random.Random(seed)
    for what, side, value, ns, frame in events:
        if what == "hole":
            connection.lose(side, value)
            continue
        at = 0
        while at < len(value):
            step = cut or (chance.randint(1, 700) if seed is not None else len(value))
            connection.feed(side, value[at : at + step], ns, frame, frame * 1000)
            at += step
    connection.close(0)
    connection.close(1)
    return Outcome(connection.report(), (bytes(plain[0]), bytes(plain[1])), calls)
