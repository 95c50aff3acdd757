"""Rows about heads, refusals, numbers of segments, reachability, exposure and releases."""

import struct

from craft import END, Block, Capture, Conversation, checksum, head, ok_head, request

from .row import Recorded, Row
from .stories import BLOCKS, KEYLESS, ROWS, Writes, ask, begin, finish, healthy, refuse, serve

NOT_FOUND = Recorded("gp-get-404.pcapng")
SHARED = Recorded("gp-get-csv-header-4seg.pcapng")
BAD_REQUESTS = Recorded("curl-bad-requests.pcapng")
OLD_OPTIONS = "m0x92q0h0"


# 14: framing of answers --------------------------------------------------------------------------------------------------


def answered_with(capture: Capture, *headers: tuple[str, str], version: str = "HTTP/1.0", chunked: bool = False) -> None:
    talk = ask(capture)
    talk.server(head(f"{version} 200 ok", [("X-GPFDIST-VERSION", "Spring XD"), ("X-GP-PROTO", "1"), *headers]))
    body = b"".join(block.bytes for block in BLOCKS) + END
    talk.server(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body)
    talk.close()


def chunked(capture: Capture) -> None:
    answered_with(capture, ("Transfer-Encoding", "chunked"), ("Connection", "close"), version="HTTP/1.1", chunked=True)


def length_too_small(capture: Capture) -> None:
    answered_with(capture, ("Content-Length", "1000"), ("Connection", "close"))


def length_that_fits(capture: Capture) -> None:
    whole = sum(len(block.bytes) for block in BLOCKS) + len(END)
    answered_with(capture, ("Content-Length", str(whole)), ("Connection", "close"), version="HTTP/1.1")


def kept_alive(capture: Capture) -> None:
    answered_with(capture, ("Connection", "keep-alive"), version="HTTP/1.1")


def answered_in_1_1(capture: Capture) -> None:
    answered_with(capture, ("Connection", "close"), version="HTTP/1.1")


# 15, 16, 18: heads of requests -------------------------------------------------------------------------------------------


def recased(capture: Capture) -> None:
    talk = begin(capture)
    talk.client(request(count=1).replace(b"X-GP-PROTO", b"x-gp-proto"))
    talk.server(head("HTTP/1.0 400 invalid request (no gp-proto)", [("Content-length", "0"), ("X-GPFDIST-VERSION", "6.24.3")]))
    talk.close()


def browser(capture: Capture) -> None:
    """A liveness probe: its 400 is no alarm."""
    healthy(capture)
    talk = begin(capture, 5)
    talk.client(head("GET / HTTP/1.1", [("Host", "10.0.0.9:8080"), ("User-Agent", "probe")]))
    talk.server(head("HTTP/1.0 400 invalid request (no gp-proto)", [("Content-length", "0"), ("X-GPFDIST-VERSION", "6.24.3")]))
    talk.close()


def old_client(capture: Capture) -> None:
    refuse(capture, 400, "bad request, csvopt doesn't match the format", csvopt=OLD_OPTIONS)


def long_head(capture: Capture, size: int, *, taken: bool) -> None:
    asked = request("/rows.txt", count=1)
    padded = request("/rows.txt", count=1, extra=[("X-GP-NOTE", "x" * (size - len(asked) - 13))])
    assert len(padded) == size
    talk = begin(capture)
    talk.client(padded)
    if taken:
        talk.server(ok_head(1))
        finish(talk, *BLOCKS)
    else:
        talk.server(head("HTTP/1.0 400 forbidden", [("Content-length", "0"), ("X-GPFDIST-VERSION", "6.24.3")]))
        talk.close()


# 23: poisoned session ----------------------------------------------------------------------------------------------------


def poisoned(capture: Capture) -> None:
    talk = serve(capture, 0, count=2)
    talk.server(BLOCKS[0].head)
    talk.server(BLOCKS[0].data[:100])
    talk.rst("client")
    refuse(capture, 500, "session error", 1, count=2)


# 34, 35: numbers of segments ---------------------------------------------------------------------------------------------


def counts_differ(capture: Capture) -> None:
    first, second = serve(capture, 0, count=2), serve(capture, 1, count=4)
    finish(first, *BLOCKS[:2])
    finish(second, *BLOCKS[2:])


def members(capture: Capture, segments: int, count: int) -> None:
    talks = [serve(capture, number, count=count) for number in range(segments)]
    for number, talk in enumerate(talks):
        finish(talk, *BLOCKS[number::segments])


# 40, 44: reachability ----------------------------------------------------------------------------------------------------


def first_port_taken(capture: Capture) -> None:
    """gpfdist serves 8081; the table names 8080."""
    healthy(capture, server=("10.0.0.9", 8081))
    refused_syn(capture, 1, ("10.0.0.9", 8080))


def refused_elsewhere(capture: Capture) -> None:
    healthy(capture)
    refused_syn(capture, 1, ("192.0.2.77", 9999))


def nobody_listens(capture: Capture) -> None:
    """No gpfdist in the whole capture: only what a segment's connect meets."""
    for number in range(2):
        refused_syn(capture, number, ("10.0.0.9", 8080))


def refused_syn(capture: Capture, number: int, server: tuple[str, int]) -> None:
    talk = Conversation(capture, ("10.0.0.1", 50000 + number), server)
    talk.syn("client")
    talk.rst("server")


def icmp(capture: Capture, kind: int, code: int) -> None:
    """A router's answer to the last frame, which it quotes with 8 bytes of TCP (RFC 792)."""
    quoted = capture.records[-1].data[14:][:28]
    bare = struct.pack("!BBHI", kind, code, 0, 0) + quoted
    body = bare[:2] + struct.pack("!H", checksum(bare)) + bare[4:]
    addresses = bytes((10, 0, 0, 254, 10, 0, 0, 1))
    bare = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0, 64, 1, 0) + addresses
    capture.wait(1e-3)
    capture.frame(capture.records[-1].data[:14] + bare[:10] + struct.pack("!H", checksum(bare)) + bare[12:] + body)


def unreachable(capture: Capture, *, heals: bool) -> None:
    for number, wait in enumerate((1, 2, 4)):
        talk = Conversation(capture, ("10.0.0.1", 50000 + number), ("10.0.0.9", 8080))
        talk.syn("client")
        icmp(capture, 3, 1)
        capture.wait(wait + 0.01)
    if heals:
        healthy(capture)


def packet_too_large(capture: Capture) -> None:
    """ICMP, but only a hint about the size of frames; and two reads a second apart."""
    healthy(capture)
    icmp(capture, 3, 4)
    capture.wait(1)
    healthy(capture, number=1, count=1, xid="1700000000-0000000043")


# 51 to 55: exposure and releases -----------------------------------------------------------------------------------------


def traversal(capture: Capture, path: str, reason: str) -> None:
    refuse(capture, 400, reason, path=path)


def dots_in_a_name(capture: Capture) -> None:
    """Refused by gpfdist, yet it leads nowhere."""
    refuse(capture, 400, "invalid request due to relative path", path="/rows..2024%20b.txt")


def served_from(capture: Capture, *names: str, path: str = "/*.txt") -> None:
    blocks = [Block(name, 0, 1, b"1,x\n") for name in names]
    finish(serve(capture, path=path), *blocks)


def without_names(capture: Capture) -> None:
    finish(serve(capture, drop=KEYLESS), *BLOCKS)


def read_and_written(capture: Capture, *, pause: bool) -> None:
    talk = serve(capture, path="/out.txt")
    if pause:
        finish(talk, Block("/data/out.txt", 0, 1, ROWS))
    writes = Writes(capture, path="/out.txt")
    writes.taken(1)
    writes.taken(2, b"a\n")
    writes.taken(2, done=True)
    if not pause:
        finish(talk, Block("/data/out.txt", 0, 1, ROWS))


def header_served(capture: Capture, options: str, version: str) -> None:
    finish(serve(capture, csvopt=options, version=version), *BLOCKS)


COORDINATOR = [("X-GP-COORDINATOR_HOST", "10.0.0.1"), ("X-GP-COORDINATOR_PORT", "5432")]
OFFER = [("X-GP-ZSTD", "1")]


def seven_on(capture: Capture, version: str) -> None:
    finish(serve(capture, extra=COORDINATOR, version=version), *BLOCKS)


def two_servers(capture: Capture, *, second: bool) -> None:
    """One query, two gpfdists that were started with and without `--compress`."""
    finish(serve(capture, 0, count=2, zstd=1, extra=OFFER, version="7.1.0"))
    finish(serve(capture, 1, count=2, server=("10.0.0.8", 8080), zstd=1 if second else None, extra=OFFER, version="7.1.0"))


ROWS_REQUESTS = (
    Row("14a", "chunked answer", "W", ("GPI115",), chunked, answered_in_1_1, ("Transfer-Encoding",)),
    Row("14b", "Content-Length is not that of the body", "W", ("GPI115",), length_too_small, length_that_fits, ("1000",)),
    Row("14c", "keep-alive", "W", ("GPI115",), kept_alive, answered_in_1_1, ("kept open",)),
    Row("15a", "a proxy re-cased X-GP-PROTO", "W", ("GPI111",), recased, browser, ("x-gp-proto", "HTTP/2")),
    Row("15b", "400 no gp-proto to a probe", "I", ("GPI213",), browser, healthy),
    Row("16", "400 csvopt", "E", ("GPI203",), old_client, healthy, ("csvopt", "same major release")),
    Row(
        "17",
        "header row that a 4.3 server serves",
        "W",
        ("GPI222",),
        lambda c: header_served(c, "m1x 34q 34n0h1", '"4.3.99.0 build 1"'),
        lambda c: header_served(c, "m1x 34q 34n0h1", "6.24.3"),
        ("same major release",),
    ),
    Row(
        "18",
        "400 forbidden",
        "E",
        ("GPI203",),
        lambda c: long_head(c, 4200, taken=False),
        lambda c: long_head(c, 4096, taken=True),
        ("forbidden", "data directory"),
    ),
    Row(
        "18b",
        "head of more than 4096 bytes",
        "W",
        ("GPI110",),
        lambda c: long_head(c, 4200, taken=False),
        lambda c: long_head(c, 4096, taken=True),
        ("4,200",),
    ),
    Row("19", "404 file not found", "E", ("GPI203",), NOT_FOUND, SHARED, ("404 file not found", "`-d`")),
    Row(
        "19b",
        "404 open failure",
        "E",
        ("GPI203",),
        lambda c: refuse(c, 404, "file open failure /data/rows.txt: Permission denied"),
        SHARED,
        ("Permission denied", "rights"),
    ),
    Row(
        "20",
        "404 multiple readers of a pipe",
        "E",
        ("GPI203",),
        lambda c: refuse(c, 404, "Multiple reader to a pipe is forbidden."),
        healthy,
        ("Multiple reader", "11442"),
    ),
    Row(
        "21", "408 to a read", "E", ("GPI203",), lambda c: refuse(c, 408, "time out"), healthy, ("408", "`-t`", "--gpfdist_timeout")
    ),
    Row(
        "23",
        "500 session error, with what came first",
        "E",
        ("GPI203",),
        poisoned,
        NOT_FOUND,
        ("session error", "the first failure: segment 0", "the segment left"),
    ),
    Row(
        "34a",
        "SEGMENT-ID beyond SEGMENT-COUNT",
        "E",
        ("GPI116",),
        lambda c: healthy(c, segment=4, count=4),
        lambda c: members(c, 2, 4),
    ),
    Row("34b", "negative SEGMENT-ID", "E", ("GPI116",), lambda c: healthy(c, segment=-2, count=4), lambda c: members(c, 1, 1)),
    Row("34c", "SEGMENT-COUNT differs within a session", "E", ("GPI116",), counts_differ, lambda c: members(c, 2, 4), ("2 and 4",)),
    Row(
        "35",
        "fewer members than the cluster has segments",
        "I",
        ("GPI206",),
        lambda c: members(c, 2, 4),
        lambda c: members(c, 4, 4),
        ("gp_external_max_segs",),
    ),
    Row(
        "40a",
        "SYN refused, gpfdist took another port",
        "W",
        ("GPI027",),
        first_port_taken,
        refused_elsewhere,
        ("port 8080", "port 8081", "Serving HTTP on port"),
    ),
    Row("40b", "SYN refused, no gpfdist anywhere", "W", ("GPI027",), nobody_listens, refused_elsewhere, ("Serving HTTP on port",)),
    Row(
        "44",
        "unreachable, then tried again after 1, 2, 4 s",
        "I",
        ("GPI028",),
        lambda c: unreachable(c, heals=True),
        packet_too_large,
        ("1.0, 2.0, 4.0 s", "succeeded"),
    ),
    Row(
        "44b", "unreachable for good", "W", ("GPI029",), lambda c: unreachable(c, heals=False), lambda c: unreachable(c, heals=True)
    ),
    Row(
        "51a",
        "path with %2e%2e",
        "W",
        ("GPI117",),
        lambda c: traversal(c, "/%2e%2E/etc/passwd", "invalid request due to relative path"),
        dots_in_a_name,
        ("%2e%2E", "Block the peer"),
    ),
    Row(
        "51b",
        "path with %5c",
        "W",
        ("GPI117",),
        lambda c: traversal(c, "/..%5cboot.ini", "invalid request due to relative path"),
        dots_in_a_name,
        ("%5c",),
    ),
    Row("51c", "recorded requests with `..`", "W", ("GPI117",), BAD_REQUESTS, NOT_FOUND, ("/../etc/passwd",)),
    Row(
        "51d",
        "F outside of what the others are served from",
        "W",
        ("GPI117",),
        lambda c: served_from(c, "/data/a.txt", "/etc/passwd"),
        lambda c: served_from(c, "/data/a.txt", "/data/b.txt"),
        ("/etc/passwd",),
    ),
    Row(
        "51e",
        "F with `..`",
        "W",
        ("GPI117",),
        lambda c: served_from(c, "/data/../etc/a.txt"),
        lambda c: served_from(c, "/gpload/made/this/a.txt", path="/other.txt"),
    ),
    Row("52", "names in clear text", "I", ("GPI118",), SHARED, without_names, ("X-GP_SEG_DATADIR", "X-GP-USER", "X-GP-DATABASE")),
    Row(
        "53",
        "one path read and written at once",
        "W",
        ("GPI416",),
        lambda c: read_and_written(c, pause=False),
        lambda c: read_and_written(c, pause=True),
        ("/out.txt",),
    ),
    Row("54a", "segments of 4.3 and a server of 6", "W", ("GPI119",), old_client, healthy, ("4.3", "6.24.3")),
    Row(
        "54b",
        "segments of 7 and a server of 6",
        "W",
        ("GPI119",),
        lambda c: seven_on(c, "6.24.3"),
        lambda c: seven_on(c, "7.0.0"),
        ("segments of 7",),
    ),
    Row(
        "54c",
        "segments of 7 and Cloudberry",
        "W",
        ("GPI119",),
        lambda c: seven_on(c, "5.29.1"),
        lambda c: seven_on(c, "2.1.0-incubating build dev"),
    ),
    Row(
        "55",
        "zstd offered and not taken by all servers",
        "I",
        ("GPI223",),
        lambda c: two_servers(c, second=False),
        lambda c: two_servers(c, second=True),
        ("10.0.0.8:8080", "--compress"),
    ),
)
