"""What went well gives notes and nothing else, recorded or built, whatever its shape."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from craft import END, Block, Capture, Conversation, blocks, head, post, read_session, write_session

from gpinspect.inspection import inspect
from gpinspect.model import Severity

from .row import MUSEUM, look
from .rows_peers import HARMLESS
from .rows_reads import joined_at_the_end, late_by_minutes, quoted_line_ends, rows_of_carriage_returns, web_table
from .rows_requests import answered_in_1_1, browser, length_that_fits, members, seven_on, two_servers
from .rows_writes import done_to_nobody, rows_of_their_own_delimiter, side_by_side
from .stories import BLOCKS, FILE, ROWS, Writes, begin, finish, healthy, late, serve, written
from .tls_wire import secured

COMPLETE = (
    "curl-get-p0-text-1seg",
    "curl-get-p1-wildcard-2seg",
    "curl-late-segments-2",
    "curl-post-2seg",
    "gp-get-cooked",
    "gp-get-csv-header-4seg",
    "gp-get-csv-loss",
    "gp-get-csv-mtu1500",
    "gp-get-cursor-close",
    "gp-get-nanosecond",
    "gp-get-two-servers",
    "m7-get-zstd-csv-mtu1500-3seg",
    "m7-post-zstd-2seg",
)
"""Loads of the museum that went well, LIMIT and repaired losses among them."""
FAILED = {
    "curl-bad-requests",
    "gp-cut-file-s",
    "gp-get-404",
    "gp-get-killed-server",
    "gp-get-line-too-long-s",
    "gp-post-cancelled-s",
}


def alarms(inspection):
    return [(finding.code, finding.message) for finding in inspection.findings if finding.severity > Severity.NOTE]


def test_every_recording_of_the_museum_is_either_healthy_or_known_to_have_failed() -> None:
    assert {path.name.split(".")[0] for path in MUSEUM.glob("*.json")} == {*COMPLETE, *FAILED}


@pytest.mark.parametrize("name", COMPLETE)
def test_recorded_load_that_went_well_gives_notes_only(name: str) -> None:
    sidecar = json.loads(next(MUSEUM.glob(f"{name}.*.json")).read_text())
    with inspect([str(MUSEUM / sidecar["file"])]) as found:
        assert found.sessions and alarms(found) == []


# built -------------------------------------------------------------------------------------------------------------------


def small_file(capture: Capture) -> None:
    """One block for four segments: the others get an end, or come too late."""
    talks = [serve(capture, number, count=4) for number in range(3)]
    finish(talks[0], Block(FILE, 0, 1, b"1,x\n"))
    for talk in talks[1:]:
        finish(talk)
    late(capture, 3, count=4)


def empty_file(capture: Capture) -> None:
    finish(serve(capture))


def header_rows(capture: Capture) -> None:
    read_session(
        capture, {"/d/a": ROWS, "/d/b": ROWS}, 2, package_size=512, header=True, csv=True, csvopt="m1x 34q 34n0h1", path="/*"
    )


def file_without_last_line_end(capture: Capture) -> None:
    finish(serve(capture), *blocks(FILE, ROWS[:-1], 1024))


def two_line_ends(capture: Capture) -> None:
    """CR LF declared for CSV."""
    rows = ROWS.replace(b"\n", b"\r\n")
    cut = rows.index(b"\r\n", 900) + 2
    finish(serve(capture, csvopt="m1x 34q 34n3h0"), Block(FILE, 0, 1, rows[:cut]), Block(FILE, cut, 50, rows[cut:]))


def limited(capture: Capture) -> None:
    """LIMIT, and the others get a clean end."""
    first, second = serve(capture, 0, count=2), serve(capture, 1, count=2)
    first.server(BLOCKS[0].bytes)
    first.rst("client")
    finish(second)


def closed_with_fin_and_reset(capture: Capture) -> None:
    talk = serve(capture)
    talk.server(BLOCKS[0].bytes)
    talk.fin("client")
    talk.rst("client")


def reset_after_the_end(capture: Capture) -> None:
    """The end had been sent; a segment that does not read it resets."""
    talk = serve(capture)
    for block in BLOCKS:
        talk.server(block.bytes)
    talk.server(END)
    talk.rst("client")


def many_writes(capture: Capture) -> None:
    write_session(capture, [[b"a\n", b"b\n"], [b"c\n"], []], path="/out.txt")


def expect_continue(capture: Capture) -> None:
    writes = Writes(capture)
    writes.taken(1)
    talk = begin(capture, 50)
    body = b"row\n" * 1000
    whole = post(2, body, count=1, extra=[("Expect", "100-continue")])
    talk.client(whole[: -len(body)])
    talk.server(b"HTTP/1.1 100 Continue\r\n\r\n")
    talk.client(body)
    talk.server(head("HTTP/1.0 200 ok", [("X-GPFDIST-VERSION", "6.24.3"), ("X-GP-PROTO", "0"), ("Connection", "close")]))
    talk.close()
    writes.taken(2, done=True)


def statement_repeated_after_minutes(capture: Capture) -> None:
    """The same file by another query: another session, no rows twice."""
    healthy(capture)
    capture.wait(400)
    healthy(capture, number=1, segment=0, xid="1700000000-0000000099")


def lost_and_repaired(capture: Capture) -> None:
    talk = serve(capture)
    talk.server(BLOCKS[0].bytes)
    piece = talk.lose("server", BLOCKS[1].bytes)
    talk.server(BLOCKS[2].bytes, ack=False)
    talk.retransmit(piece)
    finish(talk, BLOCKS[3])


def one_scan_after_another(capture: Capture) -> None:
    """Self join: the same XID and CID, another SN."""
    healthy(capture)
    healthy(capture, number=1, segment=0, sn="1")


def silent_probe(capture: Capture) -> None:
    """A port that is only opened and closed, as load balancers do, without TLS."""
    healthy(capture)
    talk = Conversation(capture, ("10.0.0.77", 33333), ("10.0.0.9", 8080))
    talk.open()
    talk.close("client")


def seven_with_seven(capture: Capture) -> None:
    seven_on(capture, "7.1.0 build commit:abc")


def compressed_by_both(capture: Capture) -> None:
    two_servers(capture, second=True)


def compressed_by_one(capture: Capture) -> None:
    two_servers(capture, second=False)


def one_of_two_urls(capture: Capture) -> None:
    members(capture, 2, 4)


def written_side_by_side(capture: Capture) -> None:
    side_by_side(capture, "/out.txt")


def reset_by_bystander(capture: Capture) -> None:
    """Connections of other programs are nobody's business here."""
    healthy(capture)
    talk = Conversation(capture, ("10.0.0.1", 45000), ("192.0.2.7", 5432))
    talk.syn("client")
    talk.rst("server")


BUILT: tuple[Callable[[Capture], None], ...] = (
    *(healthy, small_file, empty_file, header_rows, file_without_last_line_end, two_line_ends, quoted_line_ends),
    *(rows_of_carriage_returns, joined_at_the_end, late_by_minutes, limited, closed_with_fin_and_reset, reset_after_the_end),
    *(written, many_writes, written_side_by_side, rows_of_their_own_delimiter),
    *(done_to_nobody, expect_continue, statement_repeated_after_minutes, lost_and_repaired, one_scan_after_another),
    *(silent_probe, browser, web_table, seven_with_seven, compressed_by_both, compressed_by_one, one_of_two_urls),
    *(reset_by_bystander, secured, *HARMLESS),
)


@pytest.mark.parametrize("build", BUILT, ids=lambda build: build.__name__)
def test_built_load_that_went_well_gives_notes_only(build: Callable[[Capture], None], tmp_path: Path) -> None:
    found = look(build, tmp_path)
    assert found.connections and alarms(found) == []


@pytest.mark.parametrize("build", [length_that_fits, answered_in_1_1], ids=lambda build: build.__name__)
def test_foreign_server_that_keeps_to_the_protocol_gives_notes_only(build: Callable[[Capture], None], tmp_path: Path) -> None:
    assert alarms(look(build, tmp_path)) == []
