"""From a sentence of Greenplum, gpfdist or gpload to what causes it, the findings that prove each cause, and what to capture.

gpload repeats the sentences of the SQL session and of gpfdist, so its log is read the same way. A sentence may have several causes;
a capture tells them apart.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gpinspect.grammar import findings as catalogue
from gpinspect.grammar import sentences, statuses
from gpinspect.grammar.finding_kind import Kind
from gpinspect.model import Finding
from gpinspect.views.explain import page, statuses_named, visible
from gpinspect.views.objects import Object, wire_text
from gpinspect.views.tables import place_text
from gpinspect.views.text import plural, printable

LONGEST: Final = sentences.LONGEST
"""Characters of a sentence that are looked at."""
_SHOWN: Final = 3  # findings of one code that are told in full

_REFUSED: Final = "GPI203"
_STATUS_FINDINGS: Final = {
    "forbidden": ("GPI110",),
    "invalid request (no gp-proto)": ("GPI111", "GPI213"),
    "invalid request due to relative path": ("GPI117",),
    "invalid request, escape character backslash '\\' is not allowed.": ("GPI117",),
    "bad request, csvopt doesn't match the format": ("GPI112", "GPI119"),
    "can't write to and read from the same gpfdist server simultaneously": ("GPI416",),
    "invalid request due to missing sequence number": ("GPI407", "GPI401"),
    "invalid request due to wrong sequence number": ("GPI401", "GPI406"),
    "time out": ("GPI411", "GPI561"),
    "internal error": ("GPI408", "GPI412"),
    "session error": ("GPI412", "GPI201", "GPI220"),
    "cannot write into file": ("GPI415",),
    "zstd decompression error, error is TEXT": ("GPI108",),
}
"""What the wire shows of a refusal beside the refusal itself."""

_CAPTURE: Final = (
    "On gpfdist's host, from before the load to its end, whole frames: tcpdump -s 0 -w load.pcap 'tcp port 8080' (the port that "
    "gpfdist serves). Then `gpinspect why --in load.pcap` with this sentence."
)
_CAPTURE_ANYWAY: Final = "No finding proves it; a capture rules the other causes out."


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that a sentence can mean.

    `proof`: findings of which any one in a capture proves it; of a refusal only those whose message `refusal` finds. `look`: where
    to see it when there is no proof.
    """

    sentence: str  # as it reads, capitals for what changes
    wire: str
    cause: str
    advice: str
    proof: tuple[Kind, ...]
    look: str = ""
    refusal: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Findings of one kind in a capture, those of the Greenplum segment that the sentence names in front."""

    kind: Kind
    findings: tuple[Finding, ...]


def causes(sentence: str) -> tuple[Cause, ...]:
    """What a sentence can mean, the most likely first; nothing when nobody is known to say it.

    Args:
        sentence: A line of psql, of a segment's, gpfdist's or gpload's log, or a part of it.

    Raises:
        Nothing.
    """
    text = " ".join(sentence[:LONGEST].split())
    code = re.search(r"http response code (\d{3})\b", text, re.IGNORECASE)
    found = [_of_sentence(entry, code[1] if code else None) for entry in sentences.matching(text)]
    refusals = statuses_named(text)
    if not found:
        bare = statuses.lookup(None, text) if text else None
        refusals = [bare] if bare else list(statuses.within(text))
    found += [_of_status(status) for status in refusals if status.code >= 400]
    if not found:
        kind = catalogue.lookup(text)
        found = [_of_kind(kind)] if kind is not None else []
    return tuple(found)


def segment_named(sentence: str) -> int | None:
    """The Greenplum segment that reports, from `(seg3 slice1 10.0.0.1:6003 pid=812)`."""
    found = re.search(r"\(seg(\d{1,6})\b", sentence[:LONGEST])
    return None if found is None else int(found[1])


def seen(cause: Cause, findings: Iterable[Finding], segment: int | None = None) -> tuple[Seen, ...]:
    """The proof of a cause that is in a capture, kind by kind."""
    every = list(findings)
    groups = []
    for kind in cause.proof:
        own = [finding for finding in every if finding.code == kind.code and _fits(cause, finding)]
        if own:
            own.sort(key=lambda finding: segment is not None and finding.segment != segment)
            groups.append(Seen(kind, tuple(own)))
    return tuple(groups)


def _fits(cause: Cause, finding: Finding) -> bool:
    """Whether a refusal is the one that the sentence speaks of; anything else is."""
    return finding.code != _REFUSED or cause.refusal is None or cause.refusal.search(finding.message) is not None


def _of_sentence(entry: sentences.Sentence, code: str | None) -> Cause:
    codes = dict.fromkeys(entry.findings)
    codes |= dict.fromkeys(kind.code for kind in catalogue.ALL if kind.sql == entry.text)
    refusal = re.compile(rf"\b{code}\b") if code is not None else None
    return Cause(entry.text, entry.event, entry.cause, entry.advice, tuple(map(catalogue.kind, codes)), entry.look, refusal)


def _of_status(status: statuses.Status) -> Cause:
    codes = (_REFUSED, *_STATUS_FINDINGS.get(status.text, ()))
    return Cause(
        f"HTTP/1.0 {status.code} {status.text}",
        f"gpfdist answers {status.code} {status.text} ({status.where}).",
        status.cause,
        status.advice,
        tuple(map(catalogue.kind, codes)),
        refusal=status.told,
    )


def _of_kind(kind: Kind) -> Cause:
    return Cause(kind.sql or kind.name, kind.explanation, kind.cause, kind.advice, (kind,))


def why_text(found: Sequence[Cause], findings: Sequence[Finding] | None = None, segment: int | None = None) -> str:
    """The causes as text of at most 100 columns.

    Args:
        findings: Those of a capture; None: none was given.
        segment: As `segment_named`.
    """
    pages = []
    for cause in found:
        proof = "; ".join(f"{kind.code} {kind.name}" for kind in cause.proof)
        rows = [
            ("on the wire", cause.wire),
            ("cause", cause.cause),
            ("do", cause.advice),
            ("proof", proof or _CAPTURE_ANYWAY),
            ("look", cause.look),
        ]
        if findings is None:
            rows.append(("capture", _CAPTURE if cause.proof else ""))
        else:
            rows += _capture_rows(cause, findings, segment)
        pages.append(page(visible(cause.sentence), rows))
    return "\n".join(pages)


def _capture_rows(cause: Cause, findings: Sequence[Finding], segment: int | None) -> list[tuple[str, str]]:
    groups = seen(cause, findings, segment)
    if not cause.proof:
        return []
    if not groups:
        return [("capture", "none of these findings is in it: another cause, another time, or another place to capture")]
    rows = []
    for group in groups:
        rows.append(("capture", f"{group.kind.code} {group.kind.name}, {plural(len(group.findings), 'time')}"))
        rows += [("", _told(finding)) for finding in group.findings[:_SHOWN]]
        if len(group.findings) > _SHOWN:
            rows.append(
                ("", f"and {len(group.findings) - _SHOWN:,} more: gpinspect findings INPUT --filter 'code == {group.kind.code}'")
            )
    return rows


def _told(finding: Finding) -> str:
    frames = "" if finding.frames is None else f", frames {finding.frames[0]:,}-{finding.frames[1]:,}"
    return f"  {place_text(finding)}{frames}: {printable(finding.message)}"


def why_object(cause: Cause, findings: Sequence[Finding] | None = None, segment: int | None = None) -> Object:
    """Schema gpinspect.cause/1. `in_capture` is null without a capture; else by code the ids of its findings, counted from 1."""
    in_capture = None
    if findings is not None:
        place = {id(finding): number for number, finding in enumerate(findings, 1)}
        in_capture = {group.kind.code: [place[id(one)] for one in group.findings] for group in seen(cause, findings, segment)}
    return {
        "schema": "gpinspect.cause/1",
        "sentence": wire_text(cause.sentence),
        "wire": cause.wire,
        "cause": cause.cause,
        "advice": cause.advice,
        "findings": [kind.code for kind in cause.proof],
        "look": cause.look or None,
        "segment": segment,
        "in_capture": in_capture,
    }
