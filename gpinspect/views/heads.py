"""The heads of a request and of its answer, line by line, each with what it means and what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass

from gpinspect.grammar import csvopt, statuses
from gpinspect.grammar.header_values import line_delimiter_problem, number, proto_number
from gpinspect.grammar.headers import HeaderField, lookup
from gpinspect.grammar.http import Head, RequestHead, ResponseHead, parse_request_head, parse_response_head
from gpinspect.views.browse import STATES
from gpinspect.views.report import Line
from gpinspect.views.tables import Tone
from gpinspect.views.text import UNKNOWN_TEXT, plural, printable

METHODS = {"GET": "a read: the server answers with rows", "POST": "a write: rows are in the body of the request"}
ORDINARY = "no header of gpfdist: it never looks at it"
"""What is said of a header that the table does not have."""
_ORDINARY = {
    "host": "server and port as the URL has them; gpfdist never looks at it",
    "accept": "libcurl sends it with every request; gpfdist never looks at it",
    "user-agent": "the program that asks; gpfdist never looks at it",
}


@dataclass(frozen=True, slots=True)
class HeadLine:
    """One line of a head. Text is printable.

    Attributes:
        problem: What is wrong with it, "" for nothing.
        meaning: One sentence.
        more: All that is known of it, for who wants to read on: label and text.
    """

    name: str
    value: str
    meaning: str
    problem: str
    tone: Tone
    more: tuple[tuple[str, str], ...] = ()

    @property
    def state(self) -> str:
        """`o` known and right, `!` doubtful, `x` wrong, `.` nothing to judge."""
        return STATES[self.tone]


@dataclass(frozen=True, slots=True)
class HeadView:
    """A head as lines. `title` says whose it is and where; without lines it says why there are none."""

    title: str
    lines: tuple[HeadLine, ...]


def request_view(raw: bytes | None, frame: int = 0) -> HeadView:
    """Args:
    raw: As it came, perhaps cut; None: it was not captured.
    frame: In which it began, 0 = not known.
    """
    if raw is None:
        return HeadView("request: not captured", ())
    head = parse_request_head(raw)
    first = HeadLine(
        "request line",
        printable(head.request_line) if head.request_line is not None else UNKNOWN_TEXT,
        METHODS.get(head.method or "", "no method that a Greenplum segment sends"),
        "" if head.complete_line else "its end did not come",
        "good" if head.complete_line and head.method in METHODS else "warn",
    )
    return HeadView(_title("request", head, frame), (first, *_header_lines(head, False), *_absent(head), *_cut(head)))


def answer_view(raw: bytes | None, frame: int = 0) -> HeadView:
    """Args: as `request_view`; `frame`: in which it ended."""
    if raw is None:
        return HeadView("answer: none was captured", ())
    head = parse_response_head(raw)
    return HeadView(_title("answer", head, frame), (_status_line(head), *_header_lines(head, True), *_cut(head)))


def _title(name: str, head: Head, frame: int) -> str:
    where = f"  frame {frame:,}" if frame else ""
    return f"{name}  {plural(len(head.headers), 'header')}, {plural(len(head.raw), 'byte')}{where}"


def _status_line(head: ResponseHead) -> HeadLine:
    shown = " ".join(filter(None, (head.version, str(head.status) if head.status is not None else "", head.reason)))
    if head.status is None:
        return HeadLine("status line", printable(shown) or UNKNOWN_TEXT, "", "no status line that can be read", "bad")
    status = statuses.lookup(head.status, head.reason or "")
    refused = head.status >= 400
    if status is None:
        meaning = "no answer that gpfdist is known to give" if refused else "the request was taken"
        return HeadLine("status line", printable(shown), meaning, "", "bad" if refused else "good")
    more = (("do", status.advice), ("known from", status.where))
    return HeadLine("status line", printable(shown), status.cause, "", "bad" if refused else "good", _told(more))


def _header_lines(head: Head, answer: bool) -> Iterator[HeadLine]:
    misspelt, twice = frozenset(head.misspelt), frozenset(head.duplicates)
    left: dict[str, int] = {}
    for name, _ in head.headers:
        left[name.lower()] = left.get(name.lower(), 0) + 1
    for name, value in head.headers:
        lower = name.lower()
        left[lower] -= 1
        field = _field(name, answer)
        problem, tone = _problem(head, field, name, value)
        if not problem and name in misspelt:
            exact = field.name if field is not None else name
            problem, tone = f"spelt {printable(name)}, wanted {exact}: who compares case does not see it", "warn"
        elif not problem and lower in twice and left[lower]:
            problem, tone = "comes again further down, and the last one counts", "warn"
        if field is None:
            meaning = _ORDINARY.get(lower, ORDINARY)
            yield HeadLine(printable(name), printable(value) or UNKNOWN_TEXT, meaning, problem, tone)
            continue
        shown = printable(value) or UNKNOWN_TEXT
        yield HeadLine(printable(name), shown, field.meaning, problem, tone or "good", _more(field, value))


def _field(name: str, answer: bool) -> HeaderField | None:
    """What is known of a header that goes this way."""
    return next((field for field in lookup(name) if (field.direction == "answer") == answer), None)


def _more(field: HeaderField, value: str) -> tuple[tuple[str, str], ...]:
    rows = [("example", f"{field.name}: {field.example}"), ("without", field.required), ("when wrong", field.wrong)]
    options = csvopt.parse(value) if field.type == "csvopt" else None
    if options is not None:
        newline = "not said" if options.newline is None else csvopt.NEWLINES.get(options.newline, "unknown")
        form = "CSV" if options.csv else "text, or a custom format"
        header = "a header row" if options.header else "no header row"
        bytes_ = f"quote {_byte(options.quote)}, escape {_byte(options.escape)}"
        rows.insert(0, ("says", f"{form}, {bytes_}, row end {newline}, {header}"))
    return _told((*rows, ("releases", field.releases), ("known from", field.source)))


def _byte(value: int) -> str:
    return "none" if not value else chr(value) if 32 < value < 127 else str(value)


def _told(rows: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((label, printable(text)) for label, text in rows if text)


def _problem(head: Head, field: HeaderField | None, name: str, value: str) -> tuple[str, Tone]:
    """What is wrong with a value."""
    if "\0" in name or "\0" in value:
        return "a NUL byte: gpfdist stops looking there", "bad"
    if field is None:
        return "", ""
    if field.name in ("X-GP-LINE-DELIM-STR", "X-GP-LINE-DELIM-LENGTH") and isinstance(head, RequestHead):
        problem = line_delimiter_problem(head.get("X-GP-LINE-DELIM-STR"), head.get("X-GP-LINE-DELIM-LENGTH"))
        return (f"gpfdist answers 400 {problem}", "bad") if problem else ("", "good")
    if field.type == "decimal" and number(value) is None:
        return "wanted a decimal number", "bad"
    if field.type == "number" and proto_number(value) not in (0, 1):
        return "wanted 0 or 1", "bad"
    if field.type == "csvopt":
        problem = csvopt.problem(value)
        return (problem, "bad") if problem else ("", "good")
    return "", "good"


IDENTITY = ("X-GP-XID", "X-GP-CID", "X-GP-SN")


def _absent(head: RequestHead) -> Iterator[HeadLine]:
    """Headers that a request of a Greenplum segment needs and that this one has not."""
    if not head.complete or not head.from_gpfdist:
        return
    some = any(head.get(name) is not None for name in IDENTITY)
    for name in (*(IDENTITY if some else ()), "X-GP-PROTO", *(("Content-Length",) if head.method == "POST" else ())):
        field = _field(name, False)
        if head.get(name) is None and field is not None:
            yield HeadLine(f"({name})", UNKNOWN_TEXT, field.meaning, f"missing: {field.required}", "bad", _more(field, ""))


def _cut(head: Head) -> Iterator[HeadLine]:
    if not head.complete:
        yield HeadLine("(cut)", "", "the empty line that ends a head did not come", "the head is not whole", "warn")


def line_details(line: HeadLine) -> Iterator[Line]:
    """All that is known of one line, a paragraph a line; made to be wrapped."""
    yield Line(f"{line.name}: {line.value}" if line.value else line.name)
    if line.problem:
        yield Line(f"wrong: {line.problem}", line.tone)
    if line.meaning:
        yield Line(line.meaning)
    for label, text in line.more:
        yield Line(f"{label}: {text}")
