"""Pages of documentation that are made from the grammar: the findings and the protocol tables."""

from collections.abc import Callable

from gpinspect.grammar import findings
from gpinspect.grammar.headers import HEADERS
from gpinspect.grammar.sentences import of_finding
from gpinspect.grammar.statuses import STATUSES

MADE = "<!-- Made by: gpinspect export docs {name}. Change the grammar, not this page. -->\n"


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _table(heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[str]:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return lines + ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]


def findings_page() -> str:
    """One section a finding code."""
    lines = [
        "# Findings",
        "",
        "What `gpinspect findings` and `gpinspect report` may say, by code. Codes are never reused. A load in which nothing went",
        "wrong gives notes only. The same text is shown by `gpinspect explain CODE`.",
        "",
        *_table(("code", "name", "severity"), [(kind.code, kind.name, kind.severity.word) for kind in findings.ALL]),
    ]
    for kind in findings.ALL:
        lines += ["", f"## {kind.code} {kind.name}", "", f"*{kind.severity.word}* · `{kind.message}`", "", kind.explanation, ""]
        lines += [f"- Cause: {kind.cause}", f"- What to do: {kind.advice}", f"- What can be concluded: {kind.rules_out}"]
        told = dict.fromkeys((*([kind.sql] if kind.sql else []), *of_finding(kind.code)))
        if told:
            lines.append("- What psql, gpload or gpfdist's log says: " + "; ".join(f"`{text}`" for text in told))
        lines.append(f"- Source: {kind.source}")
    return "\n".join(lines) + "\n"


def protocol_page() -> str:
    """Headers and status texts of gpfdist."""
    lines = ["# gpfdist on the wire: headers and status texts", "", "## Headers", ""]
    heads = ("header", "sent in", "type", "releases", "without it", "when it is wrong", "meaning")
    lines += _table(heads, [(f"`{h.name}`", h.direction, h.type, h.releases, h.required, h.wrong, h.meaning) for h in HEADERS])
    lines += ["", "## Status texts", ""]
    lines += _table(("code", "text", "cause", "what to do"), [(s.code, f"`{s.text}`", s.cause, s.advice) for s in STATUSES])
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {"findings": findings_page, "protocol": protocol_page}


def page(name: str) -> str:
    """A page of `PAGES`, with a first line that says what made it."""
    return MADE.format(name=name) + PAGES[name]()
