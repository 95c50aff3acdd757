"""Did every row of a session arrive exactly once? The answer follows from what its findings bear on it.

A proof needs the whole session in the capture. What it cannot know is whether a Greenplum segment took part that is not in it at
all: with segments missing (GPI206) it holds on condition that they did not.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gpinspect.analysis.case import Case
from gpinspect.analysis.draft import Bearing, Draft
from gpinspect.model import Delivery, Exchange, Outcome

PROVING = frozenset({Outcome.COMPLETE, Outcome.LATE})
"""Ends of a read after which nothing is left to give."""
PROVING_WRITE = frozenset({Outcome.ACCEPTED, Outcome.DUPLICATE})


class Verdict(NamedTuple):
    delivery: Delivery
    reasons: tuple[str, ...]  # finding codes, the deciding ones; empty for a proof


def verdict(case: Case, drafts: Sequence[Draft]) -> Verdict:
    """Weigh the findings of a session.

    Refuted by one that says so; proven if nothing stands against it and every member ended as it should.
    """
    for bearing, delivery in ((Bearing.REFUTES, Delivery.REFUTED), (Bearing.HINDERS, Delivery.UNPROVABLE)):
        reasons = tuple(sorted({draft.code for draft in drafts if draft.bearing is bearing}))
        if reasons:
            return Verdict(delivery, reasons)
    if not case.members or not all(map(_proves, case.members)):
        return Verdict(Delivery.UNPROVABLE, ())
    return Verdict(Delivery.PROVEN, ())


def _proves(member: Exchange) -> bool:
    return member.outcome in (PROVING_WRITE if member.method == "POST" else PROVING)
