"""All judgements on an inspection."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from gpinspect.analysis import attempts, capture, connections, exposure, framing, pace_rules, reads, releases, rooted, writes
from gpinspect.analysis.case import Case, Scene, sort_out
from gpinspect.analysis.delivery import verdict
from gpinspect.analysis.draft import Draft, finish
from gpinspect.analysis.queries import joined
from gpinspect.model import Connection, Exchange, Finding, Notice, Session, Weird
from gpinspect.model.root import RootSession

if TYPE_CHECKING:
    from gpinspect.engine.secure import Secured

SESSION_RULES: Final[tuple[Callable[[Case], Iterator[Draft]], ...]] = (
    *framing.SESSION_RULES,
    *connections.SESSION_RULES,
    *reads.RULES,
    writes.rule,
    rooted.rule,
    *pace_rules.SESSION_RULES,
)
SCENE_RULES: Final[tuple[Callable[[Scene], Iterator[Draft]], ...]] = (
    *capture.RULES,
    *framing.SCENE_RULES,
    *connections.SCENE_RULES,
    *attempts.SCENE_RULES,
    *releases.SCENE_RULES,
    *exposure.SCENE_RULES,
    *pace_rules.SCENE_RULES,
)


class Judged(NamedTuple):
    """Sessions with their verdict, and findings in order of time."""

    sessions: list[Session]
    findings: list[Finding]


def judge(
    sessions: Sequence[Session],
    exchanges: Sequence[Exchange],
    connections: Sequence[Connection],
    weirds: Sequence[Weird],
    notices: Sequence[Notice],
    secured: "Sequence[Secured]" = (),
    roots: Mapping[int, RootSession] | None = None,
) -> Judged:
    """Say what is wrong or worth knowing, and of each session whether every row arrived exactly once.

    Work grows with exchanges, not with packages; those are looked at only where a file has a hole or lacks its beginning.

    Args:
        secured: Connections that speak TLS or asked for it; without them nothing is told about TLS.
        roots: What the files on the server are, by session.

    Returns:
        The sessions in their order with `delivery` and `delivery_reasons`; findings by time, then session (without a time first).
    """
    scene = sort_out(sessions, exchanges, connections, weirds, notices)
    drafts = [draft for rule in SCENE_RULES for draft in rule(scene)]
    if secured:
        from gpinspect.analysis.tls import tls_findings

        drafts += tls_findings(scene, secured)
    judged = []
    for case in scene.cases:
        case.root = roots.get(case.session.id) if roots else None
        own = [draft for rule in SESSION_RULES for draft in rule(case)]
        delivery, reasons = verdict(case, own)
        session = case.session
        if (delivery, reasons) != (session.delivery, session.delivery_reasons):
            session = replace(session, delivery=delivery, delivery_reasons=reasons)
        judged.append(session)
        drafts += own
    shown = [draft for draft in drafts if not draft.silent]
    shown.sort(key=lambda draft: (draft.time_ns or 0, draft.session or 0, draft.code))
    return Judged(joined(judged), [finish(draft) for draft in shown])
