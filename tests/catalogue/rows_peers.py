"""Abnormal endings that were seen with the real gpfdist and real segments."""

from craft import Capture, head

from .row import Recorded, Row
from .rows_reads import KILLED, LIMITED, TOO_LONG, killed_inside, reset_inside, stderr_of_transform
from .stories import BLOCKS, Writes, begin, finish, healthy, refuse, serve, written

NOT_FOUND = Recorded("gp-get-404.pcapng")
BAD_REQUESTS = Recorded("curl-bad-requests.pcapng")
CANCELLED = Recorded("gp-post-cancelled-s.pcapng")


def status_page(capture: Capture) -> None:
    """What a segment asks when readable_external_table_timeout strikes."""
    healthy(capture)
    talk = begin(capture, 5)
    talk.client(head("GET /gpfdist/status HTTP/1.1", [("Host", "10.0.0.9:8080"), ("Accept", "*/*")]))
    talk.server(head("HTTP/1.0 200 ok", [("X-GPFDIST-VERSION", "6.24.3"), ("Connection", "close")]) + b"read_bytes 5\r\n")
    talk.close()


def never_answered_second_request(capture: Capture) -> None:
    """Bytes of a client behind its request, which gpfdist throws away."""
    talk = serve(capture)
    talk.client(head("GET /second HTTP/1.1", [("Host", "10.0.0.9:8080")]))
    finish(talk, *BLOCKS)


def limited_beside_another(capture: Capture) -> None:
    """One segment leaves; the other gets a clean end and the file was not read to its end."""
    first, second = serve(capture, 0, count=2), serve(capture, 1, count=2)
    first.server(BLOCKS[0].bytes)
    second.server(BLOCKS[1].bytes)
    first.rst("client")
    finish(second)


def unreadable_options(capture: Capture) -> None:
    refuse(capture, 400, "bad request, csvopt doesn't match the format", csvopt="m1,x34,q34")


def restarted_between(capture: Capture) -> None:
    writes = Writes(capture)
    writes.taken(1)
    writes.taken(2, b"a\n")
    writes.broken(3, b"b\n", by="server")
    capture.wait(2)
    writes.refused(400, "invalid request due to wrong sequence number", 3, b"b\n")


def step(reason: str, status: int = 400) -> Row:
    """A status line of its own."""
    return Row(
        f"peer {status} {reason}", reason, "E", ("GPI203",), lambda c: refuse(c, status, reason), healthy, (f"{status} {reason}",)
    )


ROWS_PEERS = (
    Row("peer a", "file missing", "E", ("GPI203",), NOT_FOUND, healthy, ("404 file not found",)),
    step("file open failure /data/x.csv: Permission denied", 404),
    Row("peer b", "requests with a wrong protocol", "E", ("GPI203",), BAD_REQUESTS, healthy, ("invalid gp-proto",)),
    Row("peer c", "requests without a protocol", "E", ("GPI203",), BAD_REQUESTS, healthy, ("no gp-proto",)),
    step("invalid request"),
    step("invalid request due to relative path"),
    step("invalid request, escape character backslash '\\' is not allowed."),
    Row("peer d", "odd CSVOPT", "E", ("GPI112",), unreadable_options, healthy, ("m1,x34,q34",)),
    step("time out", 408),
    Row("peer e", "line longer than -m", "E", ("GPI201",), TOO_LONG, healthy, ("line too long",)),
    Row(
        "peer f",
        "who comes after it is refused",
        "E",
        ("GPI203",),
        TOO_LONG,
        healthy,
        ("session error", "the first failure", "line too long"),
    ),
    Row("peer g", "stderr of a transform and the end", "E", ("GPI202",), stderr_of_transform, healthy),
    Row("peer h", "LIMIT, cursor close, cancel", "I", ("GPI204",), LIMITED, healthy),
    Row("peer i", "a clean end beside a segment that left", "I", ("GPI204",), limited_beside_another, healthy, ("left",)),
    Row("peer j", "gpfdist killed", "E", ("GPI210",), KILLED, lambda c: reset_inside(c, "client")),
    Row("peer k", "gpfdist killed within a D", "E", ("GPI210",), killed_inside, lambda c: reset_inside(c, "client")),
    Row("peer l", "status page of a segment that waited too long", "I", ("GPI213",), status_page, healthy),
    Row("peer m", "write cancelled", "W", ("GPI404",), CANCELLED, written),
    Row("peer n", "server restarted between writes", "E", ("GPI401",), restarted_between, written),
    Row(
        "peer o",
        "rows without a row end",
        "E",
        ("GPI203",),
        lambda c: refuse(c, 500, "no complete data row found for writing"),
        healthy,
        ("`-m`",),
    ),
)

HARMLESS = (never_answered_second_request,)
"""Odd, and yet nothing is wrong."""
