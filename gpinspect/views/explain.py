"""What a word of the protocol means, as plain text: headers, messages, statuses, SQL errors, finding codes, words of TLS."""

import difflib
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence

from gpinspect.grammar import csvopt, findings, headers, sentences, statuses
from gpinspect.grammar.finding_kind import Kind

WIDTH = 100
_LONGEST = 4096  # characters of a subject that are looked at

Rows = Iterable[tuple[str, str]]


def explain(subject: Sequence[str]) -> str | None:
    """Explain a header, message letter, status, X-GP-CSVOPT value, SQL error, finding, TLS alert or suite, or `SSLRequest`.

    Args:
        subject: Words as the user gave them: `["404", "file", "not", "found"]`, `["csvopt", "m1x 34q 34n0h1"]`.

    Returns:
        Text of at most 100 columns ending with a line end, or None when nothing is known: see `suggestions`. Control characters of
        the subject are shown as escapes.

    Raises:
        Nothing.
    """
    text = " ".join(subject)[:_LONGEST].strip()
    if not text:
        return None
    for reader in _READERS:
        found = reader(text)
        if found is not None:
            return found
    return None


def suggestions(subject: Sequence[str]) -> tuple[str, ...]:
    """Up to five subjects that `explain` knows and that look like this one."""
    text = " ".join(subject)[:200].strip().lower()
    known = {name.lower(): name for name in subjects()}
    close = difflib.get_close_matches(text, known, n=5, cutoff=0.5)
    words = [word for word in re.findall(r"[a-z0-9]{4,}", text) if word not in ("gpfdist", "error")]
    holding = [name for name in known if any(word in name for word in words)]
    return tuple(known[name] for name in dict.fromkeys([*close, *holding]))[:5]


def subjects() -> tuple[str, ...]:
    """Everything that can be asked for by name, for completion and for the help of the command."""
    from gpinspect.engine.tls.alerts import NAMES

    return (
        *dict.fromkeys(field.name for field in headers.HEADERS),
        *"FOLDE",
        *dict.fromkeys(f"{status.code} {status.text}" for status in statuses.STATUSES),
        *(kind.code for kind in findings.ALL),
        *(kind.name for kind in findings.ALL),
        *(sentence.text for sentence in sentences.SENTENCES),
        "csvopt",
        "SSLRequest",
        "GSSENCRequest",
        "StartupMessage",
        *NAMES.values(),
    )


def visible(text: str) -> str:
    """Text from outside with control characters, and what steers a terminal, as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def page(title: str, rows: Rows) -> str:
    """A title and labelled paragraphs, at most `WIDTH` columns wide; rows without text are left out."""
    blocks = [textwrap.fill(title, WIDTH, subsequent_indent="  "), ""]
    for label, text in rows:
        if not text:
            continue
        lead = f"{label + ':':<13}" if label else ""
        blocks.append(textwrap.fill(text, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_on_hyphens=False))
    return "\n".join(blocks) + "\n"


def _finding(text: str) -> str | None:
    kind = findings.lookup(text)
    return None if kind is None else _finding_page(kind)


def _finding_page(kind: Kind) -> str:
    names = {name: f"<{name}>" for name in kind.values}
    rows = (
        ("says", kind.message.replace("!r", "").format_map(names)),
        ("means", kind.explanation),
        ("cause", kind.cause),
        ("do", kind.advice),
        ("rules out", kind.rules_out),
        *(("says also" if number else "sentence", text) for number, text in enumerate(sentences_of(kind))),
        ("known from", kind.source),
    )
    return page(f"{kind.code} {kind.name} ({kind.severity.word})", rows)


def sentences_of(kind: Kind) -> tuple[str, ...]:
    """What psql, gpload or gpfdist's log says when a finding of this kind is there; each can be given to `gpinspect why`."""
    own = () if kind.sql is None else (kind.sql,)
    return tuple(dict.fromkeys((*own, *sentences.of_finding(kind.code))))


_DIRECTIONS = {"read": "GET", "write": "POST", "both": "GET and POST", "answer": "gpfdist's answer"}


def _header(text: str) -> str | None:
    name, _, value = text.partition(":")
    pages = []
    for field in headers.lookup(name):
        rows = (
            ("means", field.meaning),
            ("type", field.type),
            ("example", f"{field.name}: {field.example}"),
            ("without", field.required),
            ("when wrong", field.wrong),
            ("releases", field.releases),
            ("known from", field.source),
        )
        pages.append(page(f"{field.name} (header of {_DIRECTIONS[field.direction]})", rows))
    if pages and field.type == "csvopt" and value.strip():
        pages.append(_csvopt_page(value.strip()))
    return "\n".join(pages) or None


def _csvopt(text: str) -> str | None:
    word, _, value = text.partition(" ")
    if word.lower() in ("csvopt", "x-gp-csvopt"):
        return _csvopt_page(value.strip(" \"'")) if value.strip() else _header("X-GP-CSVOPT")
    return _csvopt_page(text) if csvopt.parse(text) is not None else None


_FORMS = {
    "padded": "padded: 6, 7, Cloudberry",
    "plain": "unpadded: 5, early 6",
    "old": "without n: 4.3; servers from 5 on refuse it",
    "swapped": "h before n: no known sender; servers from 5 on take it",
}


def _csvopt_page(value: str) -> str:
    options = csvopt.parse(value)
    problem = csvopt.problem(value) or ""
    title = f"X-GP-CSVOPT {visible(value)}"
    if options is None:
        return page(title, (("problem", problem),))
    newline = "not in this form" if options.newline is None else csvopt.NEWLINES.get(options.newline, "unknown")
    rows = (
        ("m", "CSV" if options.csv else "text, or a custom format"),
        ("x", f"escape {_byte(options.escape)}"),
        ("q", f"quote {_byte(options.quote)}"),
        ("n", f"row end {newline}"),
        ("h", "the first row of every file is a header and is dropped" if options.header else "no header row"),
        ("form", _FORMS[options.form]),
        ("problem", problem),
    )
    return page(title, rows)


def _byte(value: int) -> str:
    if value == 0:
        return "0, none"
    return f"{value}, the character {chr(value)}" if 32 < value < 127 else str(value)


def _message(text: str) -> str | None:
    from gpinspect.grammar import messages
    from gpinspect.grammar.outline import walk

    forms = {
        "F": messages.F_MESSAGE,
        "O": messages.O_MESSAGE,
        "L": messages.L_MESSAGE,
        "D": messages.D_MESSAGE,
        "E": messages.E_MESSAGE,
    }
    letter = text.upper().removeprefix("MESSAGE ").strip(" '\"")
    if letter in forms:
        return _form_page(f"Message {letter} (protocol 1, byte 0x{messages.LETTERS[letter]:02x})", walk(forms[letter]))
    return None


_POSTGRES = {
    "sslrequest": ("SSLRequest (PostgreSQL, 00 00 00 08 04 d2 16 2f)", "NEGOTIATION"),
    "gssencrequest": ("GSSENCRequest (PostgreSQL, 00 00 00 08 04 d2 16 30)", "NEGOTIATION"),
    "startupmessage": ("StartupMessage (PostgreSQL)", "STARTUP"),
}


def _postgres(text: str) -> str | None:
    if text.lower() not in _POSTGRES:
        return None
    from gpinspect.grammar import postgres
    from gpinspect.grammar.outline import walk

    title, form = _POSTGRES[text.lower()]
    told = _form_page(title, walk(getattr(postgres, form)))
    if form == "NEGOTIATION":
        told += "\n" + page("The server answers with one byte.", postgres.REPLIES.values())
    return told


def _form_page(title: str, fields: Iterable[object]) -> str:
    from gpinspect.grammar.notes import Note
    from gpinspect.grammar.outline import Field

    pages = []
    for field in fields:
        assert isinstance(field, Field)
        size = f"{field.size} bytes" if field.size is not None else f"as many bytes as {field.sized_by} says"
        note = field.doc
        rows = [("means", str(note))]
        if isinstance(note, Note):
            rows += [
                ("unit", note.unit),
                ("server", note.server),
                ("client", note.client),
                ("releases", note.releases),
                ("known from", note.source),
            ]
        pages.append(page(f"{field.path}: {field.kind}, {size}", rows))
    return f"{title}\n\n" + "\n".join(pages)


def _status(text: str) -> str | None:
    found = re.fullmatch(r"(?:HTTP/\S+ +)?(\d{3})(?: +(.*))?", text, re.DOTALL)
    if found is None:
        status = statuses.lookup(None, text)
        return None if status is None else _status_page([status])
    code, reason = int(found[1]), (found[2] or "").strip()
    if reason:
        status = statuses.lookup(code, reason)
        if status is not None:
            return _status_page([status])
    return _status_page(list(statuses.of_code(code))) if any(statuses.of_code(code)) else None


def _status_page(found: list[statuses.Status]) -> str:
    return "\n".join(
        page(
            f"{status.code} {status.text}",
            (("cause", status.cause), ("do", status.advice), ("known from", status.where)),
        )
        for status in found
    )


def _sentence(text: str) -> str | None:
    sentence = sentences.lookup(text)
    if sentence is None:
        return None
    pages = [
        page(
            sentence.text,
            (
                ("on the wire", sentence.event),
                ("cause", sentence.cause),
                ("do", sentence.advice),
                ("findings", ", ".join(f"{code} {findings.kind(code).name}" for code in sentence.findings)),
            ),
        )
    ]
    named = statuses_named(text)
    if named:
        pages.append(_status_page(named))
    return "\n".join(pages)


def statuses_named(text: str) -> list[statuses.Status]:
    """The status lines that an SQL error about a refusal speaks of: the one whose text it has, else all with its code."""
    code = re.search(r"http response code (\d{3}) from gpfdist", text, re.IGNORECASE)
    if code is None:
        return []
    reason = re.search(rf"HTTP/1\.\d {code[1]} (.+?)(?:  .*| +\(seg.*)?$", text)
    known = statuses.lookup(int(code[1]), reason[1]) if reason else None
    return [known] if known else list(statuses.of_code(int(code[1])))


def _tls(text: str) -> str | None:
    from gpinspect.views.explain_tls import alert_pages, suite_pages

    return "\n".join(page(*one) for one in (*alert_pages(text), *suite_pages(text))) or None


_READERS: tuple[Callable[[str], str | None], ...] = (
    _finding,
    _csvopt,
    _header,
    _message,
    _postgres,
    _tls,
    _status,
    _sentence,
)
