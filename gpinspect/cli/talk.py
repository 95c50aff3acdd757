"""What is said on stderr."""

import sys
from collections.abc import Sequence

from gpinspect.grammar import findings as findings_catalogue
from gpinspect.model import Finding, Notice, Severity
from gpinspect.views.objects import severity_counts
from gpinspect.views.text import plural, printable

LINES = 5
"""Notices that are said in full; the others are counted."""


def say(text: str) -> None:
    """One line on stderr, after what stdout still holds, without anything that a terminal could take for a command."""
    sys.stdout.flush()
    sys.stderr.write(f"gpinspect: {printable(text)}\n")
    sys.stderr.flush()


def say_about_inputs(notices: Sequence[Notice], findings: Sequence[Finding]) -> None:
    """What is wrong with the inputs as a whole: a cut file, frames that the recorder dropped."""
    whole = [finding for finding in findings if finding.session is finding.exchange is finding.connection is None]
    texts = [finding.message for finding in whole if finding.severity > Severity.NOTE]
    judged = {finding.code for finding in findings}
    texts += [f"{notice.source}: {_words(notice)}" for notice in notices if notice.code not in judged]
    for text in texts[:LINES]:
        say(text)
    if len(texts) > LINES:
        say(f"and {len(texts) - LINES:,} more about the inputs")


def _words(notice: Notice) -> str:
    kind = findings_catalogue.lookup(notice.code)
    return notice.code if kind is None else kind.render(notice.values)


def say_findings(findings: Sequence[Finding]) -> None:
    """How many findings there are and which verb shows them; nothing when there is none above a note."""
    counts = severity_counts(findings)
    if counts["error"] or counts["warning"]:
        told = ", ".join(plural(number, word) for word, number in counts.items() if number)
        say(f"{told}: see `gpinspect findings`")
