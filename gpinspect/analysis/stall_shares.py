"""Of the time of each flow, how much of it was whose fault."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from gpinspect.analysis.intervals import Interval, length, without
from gpinspect.model import Cause, Exchange, Flow, Stall, StallShares

FIRST: Final = (Cause.CAPTURE, Cause.NETWORK, Cause.SEGMENT, Cause.SERVER, Cause.UNKNOWN)
"""Where stalls of a flow overlap, the earlier one here counts: what was not recorded is nobody's, and a shut window or a dead path
holds a flow up whatever the server does."""


def shares(
    flows: Iterable[Flow], exchanges: Sequence[Exchange], stalls: Sequence[Stall], unknowable: Collection[int]
) -> list[StallShares | None]:
    """What to put beside each flow, in their order.

    No moment counts twice, so what the five leave of the time from the first SYN or request to the last byte is time in which the
    flow moved, or waited for its turn.

    Args:
        unknowable: Connections of which one direction was recorded; a flow that has no others, and no stall, gets None.
    """
    spans: dict[tuple[int | None, int | None], dict[Cause, list[Interval]]] = {}
    for stall in stalls:
        for one in stall.flows:
            spans.setdefault((stall.session, one.segment), {}).setdefault(stall.cause, []).append((one.start_ns, one.end_ns))
    carried: dict[tuple[int | None, int | None], set[int]] = {}
    for exchange in exchanges:
        carried.setdefault((exchange.session, exchange.segment), set()).add(exchange.connection)
    found: list[StallShares | None] = []
    for flow in flows:
        name = (flow.session, flow.segment)
        own = spans.get(name)
        if own is None:
            found.append(None if carried.get(name, set()) <= set(unknowable) else StallShares())
            continue
        taken: list[Interval] = []
        values = dict.fromkeys(FIRST, 0)
        for cause in FIRST:
            mine = without([(start, min(end, flow.end_ns)) for start, end in own.get(cause, ())], taken)
            values[cause] = length(mine)
            taken += mine
        found.append(StallShares(**{cause.value: ns for cause, ns in values.items()}))
    return found
