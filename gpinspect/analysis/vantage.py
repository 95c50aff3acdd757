"""Where the recorder stood, from how soon each side answers in the capture."""

from collections.abc import Iterable, Sequence
from typing import Final

from gpinspect.engine.silences import TracedConnection
from gpinspect.model import Vantage, VantageEstimate

CLEAR: Final = 1.5
"""How many times sooner one side has to answer than the other before that says something."""
SURE: Final = 2


def estimate(lines: Iterable[tuple[TracedConnection, int]], given: Vantage | None = None) -> VantageEstimate:
    """Compare how soon server and client react: the nearer one seems to answer at once.

    Args:
        lines: Connections with the side of their client.
        given: What somebody knows; it is kept.
    """
    syn: tuple[list[int], list[int]] = ([], [])
    ack: tuple[list[int], list[int]] = ([], [])
    for traced, client in lines:
        if client == traced.opener and len(traced.syns) == 1 == len(traced.answers):
            syn[0].append(traced.answers[0][0] - traced.syns[0][0])
            if traced.established_ns:
                syn[1].append(traced.established_ns - traced.answers[0][0])
        ack[0].extend(traced.sides[client].delays)
        ack[1].extend(traced.sides[1 - client].delays)
    values = [_middle(samples) for samples in (*syn, *ack)]
    votes = sum(_vote(server, client) for server, client in (values[:2], values[2:]))
    vantage = given or (Vantage.NEAR_SERVER if votes > 0 else Vantage.NEAR_CLIENT if votes < 0 else Vantage.UNKNOWN)
    return VantageEstimate(vantage, given is not None, *values)


def _middle(samples: Sequence[int]) -> int | None:
    good = sorted(sample for sample in samples if sample >= 0)
    return good[len(good) // 2] if good else None


def _vote(server: int | None, client: int | None) -> int:
    """Positive where the server reacts clearly sooner; twice as much for ten times the difference."""
    if server is None or client is None:
        return 0
    server, client = max(server, 1), max(client, 1)
    if client >= CLEAR * server:
        return 1 + (client >= 10 * server)
    if server >= CLEAR * client:
        return -1 - (server >= 10 * client)
    return 0
