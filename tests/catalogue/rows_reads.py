"""Rows 1 to 13: how reads end, what is missing of files, what the bytes are."""

from itertools import pairwise

from craft import END, Block, Capture, error_message, head, message, ok_head, package_head

from .row import Recorded, Row
from .stories import BLOCKS, FILE, ROWS, ask, finish, healthy, late, serve

KILLED = Recorded("gp-get-killed-server.pcapng")
LIMITED = Recorded("gp-get-cursor-close.pcapng")
TOO_LONG = Recorded("gp-get-line-too-long-s.pcapng")
LATE = Recorded("curl-late-segments-2.pcapng")
ZSTD = Recorded("m7-get-zstd-csv-mtu1500-3seg.pcap")


def reset_inside(capture: Capture, side: str) -> None:
    talk = serve(capture)
    talk.server(BLOCKS[0].head)
    talk.server(BLOCKS[0].data[:200])
    talk.rst(side)  # type: ignore[arg-type]


def stderr_of_transform(capture: Capture) -> None:
    finish(serve(capture), *BLOCKS, error_message("sed: warning"))


def stderr_beside_another(capture: Capture) -> None:
    finish(serve(capture, 0, count=2), *BLOCKS[:2], error_message("sed: warning"))
    finish(serve(capture, 1, count=2), *BLOCKS[2:])


def failed_alone(capture: Capture) -> None:
    talk = serve(capture)
    talk.server(error_message("line too long in file /data/rows.txt near (7 bytes)"))
    talk.close()


def failed_beside_another(capture: Capture) -> None:
    first, second = serve(capture, 0, count=2), serve(capture, 1, count=2)
    first.server(BLOCKS[0].bytes + error_message("line too long in file /data/rows.txt near (1024 bytes)"))
    first.close()
    finish(second, BLOCKS[1])


def joined_at_the_end(capture: Capture) -> None:
    first, second = serve(capture, 0, count=2), serve(capture, 1, count=2)
    finish(first, *BLOCKS)
    finish(second)


def reopened(capture: Capture) -> None:
    healthy(capture, count=2)
    capture.wait(301)
    finish(serve(capture, 1, count=2), *BLOCKS)


def late_by_minutes(capture: Capture) -> None:
    healthy(capture, count=2)
    capture.wait(301)
    late(capture, 1, count=2)


def block_lost(capture: Capture) -> None:
    finish(serve(capture), BLOCKS[0], *BLOCKS[2:])


def block_twice(capture: Capture) -> None:
    first, second = serve(capture, 0, count=2), serve(capture, 1, count=2)
    finish(first, BLOCKS[0], BLOCKS[1])
    finish(second, *BLOCKS[1:])


def dealt_to_two(capture: Capture) -> None:
    first, second = serve(capture, 0, count=2), serve(capture, 1, count=2)
    finish(first, *BLOCKS[::2])
    finish(second, *BLOCKS[1::2])


def cut_by_size(capture: Capture) -> None:
    finish(serve(capture), *(Block(FILE, at, int(not at), ROWS[at : at + 1000]) for at in range(0, len(ROWS), 1000)))


def bare_and_cut_by_size(capture: Capture) -> None:
    finish(serve(capture), *(message("D", ROWS[at : at + 1000]) for at in range(0, len(ROWS), 1000)))


CSV = b"".join(b'%d,"two\nlines ""quoted"""\n' % number for number in range(100)) + b'100,"no line end"'


def quoted_line_ends(capture: Capture) -> None:
    """Records of two lines; the last block of the file has no line end."""
    cuts = [0, *(i for i in range(1, len(CSV)) if CSV[:i].endswith(b'"""\n') and i % 7 == 0), len(CSV)]
    parts = [Block(FILE, a, 1 + CSV[:a].count(b'"""\n'), CSV[a:b]) for a, b in pairwise(cuts)]
    finish(serve(capture, csvopt="m1x 34q 34n0h0"), *parts)


def cut_within_quotes(capture: Capture) -> None:
    cut = CSV.index(b"\n") + 1  # behind the line end inside the first record
    finish(serve(capture, csvopt="m1x 34q 34n0h0"), Block(FILE, 0, 1, CSV[:cut]), Block(FILE, cut, 2, CSV[cut:]))


def rows_of_carriage_returns(capture: Capture) -> None:
    """NEWLINE 'CR' of a text table: the row end travels in a header of its own."""
    text = ROWS.replace(b"\n", b"\r")
    parts = [Block(FILE, at, int(not at), text[at : at + 1600]) for at in range(0, len(text), 1600)]
    assert len(ROWS) % 16 == 0 and 1600 % 16 == 0
    finish(serve(capture, delimiter=b"\r"), *parts)


def capacity_for_length(capture: Capture) -> None:
    """A codec that announces its buffer: what it sends next is taken for rows."""
    talk = serve(capture)
    talk.server(message("D", b"1,x\n2,y\n", 8192) + message("D", b"3,z\n", 8192) + END)
    talk.close()


def killed_inside(capture: Capture) -> None:
    talk = serve(capture)
    talk.server(BLOCKS[0].head)
    talk.server(BLOCKS[0].data[:100])
    talk.close()


def raw_rows_announced_as_messages(capture: Capture) -> None:
    talk = serve(capture)
    talk.server(ROWS)
    talk.close()


def header_in_lower_case(capture: Capture) -> None:
    talk = ask(capture)
    talk.server(ok_head(1).replace(b"X-GP-PROTO", b"x-gp-proto"))
    finish(talk, *BLOCKS)


def header_dropped(capture: Capture) -> None:
    talk = ask(capture)
    talk.server(head("HTTP/1.0 200 ok", [("Content-type", "text/plain"), ("X-GPFDIST-VERSION", "6.24.3"), ("Connection", "close")]))
    finish(talk, *BLOCKS)


def header_dropped_by_a_small_server(capture: Capture) -> None:
    """Only D messages, the first of 64 KiB."""
    talk = ask(capture)
    talk.server(head("HTTP/1.0 200 OK", [("X-GPFDIST-VERSION", "Spring XD"), ("Connection", "close")]))
    finish(talk, message("D", ROWS[:16] * 4096))


def utf_16(capture: Capture) -> None:
    """Rows in another encoding, whose first bytes look like a letter and a length."""
    talk = ask(capture)
    talk.server(
        head("HTTP/1.1 200 OK", [("Content-Type", "text/csv"), ("Connection", "close")]) + "Data,1\n".encode("utf-16-le") * 50
    )
    talk.close()


def web_table(capture: Capture) -> None:
    """A plain web server: no header of gpfdist, and rows as they are."""
    talk = ask(capture)
    talk.server(head("HTTP/1.1 200 OK", [("Content-Type", "text/csv"), ("Content-Length", str(len(ROWS)))]) + ROWS)
    talk.close()


def only_late(capture: Capture) -> None:
    late(capture)


def zstd_without_its_header(capture: Capture) -> None:
    """Frames of zstd in an answer that does not say so: a D that announces rows and holds less."""
    frame = bytes.fromhex("28b52ffd0048") + b"\x25\x01\x00" + b"some compressed text of rows, thirty-six"
    talk = serve(capture)
    for number in range(4):
        talk.server(package_head(FILE, number * 20, int(not number), 20) + frame)
    talk.server(END)
    talk.close()


ROWS_READS = (
    Row("1", "read ends with FIN and without the end of data", "E", ("GPI210",), KILLED, LIMITED),
    Row(
        "2",
        "RST of the server inside a D",
        "E",
        ("GPI219",),
        lambda c: reset_inside(c, "server"),
        lambda c: reset_inside(c, "client"),
    ),
    Row("3", "RST or FIN of the segment inside data", "I", ("GPI204",), LIMITED, KILLED),
    Row("4", "E", "E", ("GPI201",), TOO_LONG, stderr_of_transform, ("line too long", "`-m`")),
    Row("5", "E after data, then the end", "E", ("GPI202",), stderr_of_transform, failed_alone, ("STDERR: console",)),
    Row(
        "6",
        "one member got E, the others a clean end",
        "E",
        ("GPI220",),
        failed_beside_another,
        stderr_beside_another,
        ("segment 1",),
    ),
    Row("7", "empty 200 to a read", "I", ("GPI205",), LATE, joined_at_the_end),
    Row("8", "the first of its session was late", "W", ("GPI215",), only_late, LATE),
    Row("9", "ended session opened again", "E", ("GPI209", "GPI208"), reopened, late_by_minutes),
    Row(
        "10a",
        "offsets leave a gap",
        "E",
        ("GPI207",),
        block_lost,
        dealt_to_two,
        ("1,024 bytes",),
    ),
    Row("10b", "offsets overlap", "E", ("GPI208",), block_twice, dealt_to_two),
    Row("11a", "rows cut by size", "W", ("GPI221",), cut_by_size, quoted_line_ends),
    Row("11b", "bare D cut by size", "W", ("GPI221",), bare_and_cut_by_size, rows_of_carriage_returns),
    Row("11c", "cut at a line end within quotes", "W", ("GPI221",), cut_within_quotes, quoted_line_ends),
    Row("12a", "D longer than what came", "E", ("GPI120",), capacity_for_length, killed_inside, ("8,192",)),
    Row("12b", "unknown letter", "E", ("GPI103",), raw_rows_announced_as_messages, web_table, ("X-GP-ZSTD",)),
    Row("12c", "zstd without X-GP-ZSTD", "E", ("GPI103",), zstd_without_its_header, ZSTD, ("X-GP-ZSTD",)),
    Row("13a", "X-GP-PROTO in other case", "E", ("GPI114",), header_in_lower_case, web_table, ("exactly this case",)),
    Row("13b", "no X-GP-PROTO before messages", "E", ("GPI114",), header_dropped, web_table, ("exactly this case",)),
    Row("13c", "no X-GP-PROTO before a large D", "E", ("GPI114",), header_dropped_by_a_small_server, utf_16),
)
