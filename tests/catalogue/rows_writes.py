"""Rows about writes."""

from craft import Capture, late_reply

from .row import Recorded, Row
from .stories import Writes, refuse, written

CANCELLED = Recorded("gp-post-cancelled-s.pcapng")
POSTED = Recorded("curl-post-2seg.pcapng")
FIFO = "/load.fifo"


def timed_out(capture: Capture, *, again: bool) -> None:
    writes = Writes(capture)
    writes.taken(1)
    writes.refused(408, "time out", 2, b"a\n")
    if again:
        capture.wait(1)
        writes.taken(2, b"a\n")
        writes.taken(2, done=True)


def cut_off(capture: Capture, answer: str, version: str = "6.24.3") -> None:
    """The first try of SEQ 2 is reset before its answer; then it is sent again."""
    writes = Writes(capture, version=version)
    writes.taken(1)
    writes.broken(2, b"a\n")
    capture.wait(1)
    if answer == "200":
        writes.taken(2, b"a\n")
        writes.taken(2, done=True)
    else:
        writes.refused(500, answer, 2, b"a\n")


def refused(capture: Capture, status: int, reason: str) -> None:
    writes = Writes(capture)
    writes.taken(1)
    writes.refused(status, reason, 2, b"some rows\n")


def repeated(capture: Capture) -> None:
    """The answer to SEQ 2 was lost behind the recorder."""
    writes = Writes(capture)
    writes.taken(1)
    writes.taken(2, b"a\n")
    writes.taken(2, b"a\n")
    writes.taken(2, done=True)


def discarded(capture: Capture) -> None:
    writes = Writes(capture)
    writes.taken(1)
    talk = writes.send(2, b"a\n")
    talk.server(late_reply(0))
    talk.close()


def done_to_nobody(capture: Capture) -> None:
    """The session is gone when DONE comes: the same empty answer, and nothing is lost."""
    writes = Writes(capture)
    writes.taken(1)
    writes.taken(2, b"a\n")
    talk = writes.send(2, done=True)
    talk.server(late_reply(0))
    talk.close()


def tail_of_a_row(capture: Capture) -> None:
    writes = Writes(capture)
    writes.taken(1)
    writes.taken(2, b"whole row\nhalf a r")
    writes.taken(2, done=True)


def rows_of_their_own_delimiter(capture: Capture) -> None:
    writes = Writes(capture, delimiter=b"\r")
    writes.taken(1)
    writes.taken(2, b"one\rtwo\r")
    writes.taken(2, done=True)


def one_after_the_other(capture: Capture, path: str) -> None:
    writes = Writes(capture, count=2, path=path)
    for segment in range(2):
        writes.taken(1, segment=segment)
        writes.taken(2, b"a\n", segment=segment)
        writes.taken(2, done=True, segment=segment)
        capture.wait(0.5)


def side_by_side(capture: Capture, path: str) -> None:
    writes = Writes(capture, count=2, path=path)
    for step in ("open", "data", "done"):
        for segment in range(2):
            writes.taken(1 if step == "open" else 2, b"a\n" if step == "data" else b"", done=step == "done", segment=segment)


def unsequenced(capture: Capture) -> None:
    writes = Writes(capture)
    writes.taken(1)
    writes.refused(400, "invalid request due to missing sequence number", 2, b"a\n", drop=("X-GP-SEQ",))


ROWS_WRITES = (
    Row(
        "22",
        "408 to a write that came again",
        "W",
        ("GPI411",),
        lambda c: timed_out(c, again=True),
        lambda c: timed_out(c, again=False),
        ("`-t`",),
    ),
    Row(
        "24a",
        "session error to the repeat of a write",
        "E",
        ("GPI412",),
        lambda c: cut_off(c, "session error"),
        lambda c: cut_off(c, "200"),
        ("6.25", "gpfdist_retry_timeout"),
    ),
    Row(
        "24b",
        "internal error to the repeat of a write",
        "E",
        ("GPI412",),
        lambda c: cut_off(c, "internal error"),
        lambda c: refuse(c, 500, "internal error"),
        ("6.25",),
    ),
    Row(
        "25",
        "500 no complete data row",
        "E",
        ("GPI203",),
        lambda c: refused(c, 500, "no complete data row found for writing"),
        written,
        ("no complete data row", "`-m`"),
    ),
    Row(
        "26",
        "500 cannot write into file",
        "E",
        ("GPI203",),
        lambda c: refused(c, 500, "cannot write into file"),
        written,
        ("cannot write into file", "Free space"),
    ),
    Row(
        "27a",
        "400 wrong sequence number",
        "E",
        ("GPI401",),
        lambda c: refused(c, 400, "invalid request due to wrong sequence number"),
        POSTED,
        ("upgrade",),
    ),
    Row("27b", "400 missing sequence number", "E", ("GPI401",), unsequenced, written),
    Row("28", "repeated SEQ with 200", "I", ("GPI402",), repeated, lambda c: cut_off(c, "200")),
    Row(
        "29",
        "repeat after a broken answer, on 6.24.5",
        "E",
        ("GPI413",),
        lambda c: cut_off(c, "200", "6.24.5 build commit:abc"),
        lambda c: cut_off(c, "200", "6.25.3 build commit:abc"),
        ("6.24.5", "6.25"),
    ),
    Row("30", "empty 200 to rows", "E", ("GPI403",), discarded, done_to_nobody, ("Upgrade",)),
    Row("31", "OPEN without DONE", "W", ("GPI404",), CANCELLED, POSTED, ("Delete the target",)),
    Row("32", "body without a row end", "E", ("GPI410",), tail_of_a_row, rows_of_their_own_delimiter),
    Row(
        "33a",
        "all done before the next opens: a file",
        "I",
        ("GPI414",),
        lambda c: one_after_the_other(c, "/out.txt"),
        lambda c: side_by_side(c, "/out.txt"),
        ("segment 1", "`-w`"),
    ),
    Row(
        "33b",
        "all done before the next opens: a pipe",
        "W",
        ("GPI415",),
        lambda c: one_after_the_other(c, FIFO),
        lambda c: side_by_side(c, FIFO),
        ("segment 1", "`-w`"),
    ),
)
