"""Did every row of a session arrive exactly once? The answer follows from what its findings bear on it.

A proof needs the whole session in the capture: each file from its first row to its end, every byte once and acknowledged, and
nobody who left before the end. Segments that are not in the capture do no harm where the end of the file is to be seen (`ending`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from gpinspect.analysis.case import Case
from gpinspect.analysis.draft import Bearing, Draft
from gpinspect.analysis.rooted import settled
from gpinspect.model import Delivery, Exchange, Outcome

PROVING = frozenset({Outcome.COMPLETE, Outcome.LATE})
"""Ends of a read after which nothing is left to give."""
PROVING_WRITE = frozenset({Outcome.ACCEPTED, Outcome.DUPLICATE})


TIMED_OUT = 408


class Verdict(NamedTuple):
    delivery: Delivery
    reasons: tuple[str, ...]  # finding codes, the deciding ones; empty for a proof


def verdict(case: Case, drafts: Sequence[Draft]) -> Verdict:
    """Weigh the findings of a session.

    Refuted by one that says so; proven if nothing stands against it and every member ended as it should.
    """
    harmless = settled(case, drafts)
    for bearing, delivery in ((Bearing.REFUTES, Delivery.REFUTED), (Bearing.HINDERS, Delivery.UNPROVABLE)):
        reasons = tuple(sorted({draft.code for draft in drafts if draft.bearing is bearing and draft.code not in harmless}))
        if reasons:
            return Verdict(delivery, reasons)
    proving = PROVING | {Outcome.OPEN} if "GPI211" in harmless else PROVING
    if not case.members or not all(_proves(member, proving) for member in case.members):
        return Verdict(Delivery.UNPROVABLE, ())
    return Verdict(Delivery.PROVEN, ())


def _proves(member: Exchange, proving: frozenset[Outcome]) -> bool:
    if member.method == "POST" and member.status == TIMED_OUT:
        return True  # nothing of it was read; where it did not come again, its refusal refutes
    return member.outcome in (PROVING_WRITE if member.method == "POST" else proving)
