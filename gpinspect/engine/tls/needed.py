"""Which key log lines open a connection: those that did, or what a private key or a resumed session led to, put as such lines."""

from collections.abc import Iterator

from gpinspect.engine.tls import keys as labels
from gpinspect.engine.tls.facts import Facts

_MODERN = (labels.EARLY, *labels.HANDSHAKE, *labels.TRAFFIC)


def needed_lines(facts: Facts) -> list[str]:
    """Lines of an NSS key log without line ends, each once, in order of handshake; secrets, so nothing for eyes or logs.

    They open all that was opened of the connection, with no other key. Empty where nothing was.
    """
    return list(dict.fromkeys(_lines(facts)))


def _lines(facts: Facts) -> Iterator[str]:
    randoms = []
    for negotiation in facts.negotiations:
        if negotiation.proven:
            yield f"{labels.MASTER} {negotiation.proven.random.hex()} {negotiation.proven.master.hex()}"
        elif negotiation.modern and negotiation.client_hello:
            randoms.append(negotiation.client_hello.random)
    for random, master in facts.earlier_masters:
        yield f"{labels.MASTER} {random.hex()} {master.hex()}"
    if facts.located:
        randoms.append(facts.located.random)
    for random in randoms:
        for label in _MODERN:
            for secret in facts.keys.secrets(random, label):
                if facts.keys.used(random, label, secret):
                    yield f"{label} {random.hex()} {secret.hex()}"
