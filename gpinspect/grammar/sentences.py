"""Error sentences that the SQL user sees when a load fails, and what on the wire stands behind each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Sentence:
    """One SQL error. `text` is how it reads, with capitals for what changes; `pattern` finds it within a longer log line."""

    text: str
    pattern: str
    event: str  # on the wire
    cause: str
    advice: str
    findings: tuple[str, ...]  # codes that the same event gives
    look: str = ""  # what to look at where no finding can prove it


_CONNECT = r"connection with gpfdist failed\b"

SENTENCES: Final = (
    Sentence(
        "connection with gpfdist failed for URL, …: error code = 111 (Connection refused)",
        rf"{_CONNECT}.*(?:error code = 111|connection refused)",
        "RST answers the SYN.",
        "No gpfdist on this host and port: not started, another port of its range, or the wrong host.",
        "Read the line `Serving HTTP on port N` of gpfdist and compare with LOCATION; gpload: check LOCAL_HOSTNAME.",
        ("GPI027",),
    ),
    Sentence(
        "connection with gpfdist failed for URL, …: error code = 110 (Connection timed out)",
        rf"{_CONNECT}.*(?:error code = 110|connection timed out)",
        "SYN without answer, sent again and again.",
        "A firewall, or gpfdist's queue of new connections is full.",
        "Open the port for every segment host; raise `-z`, use fewer segments.",
        (),
        "Capture on gpfdist's host: a SYN that does not come there was dropped on the way; one that comes and gets no answer met a "
        "full queue or a local firewall.",
    ),
    Sentence(
        "connection with gpfdist failed for URL, …: error code = 113 (No route to host)",
        rf"{_CONNECT}.*(?:error code = 113|no route to host)",
        "ICMP says that the host is not reachable.",
        "Routing, or a firewall that rejects.",
        "Check the route from each segment host; segments try again after 1, 2, 4 … seconds.",
        ("GPI029", "GPI028"),
        "Capture `icmp` as well, on the segment's host: the sender of the message is who rejects.",
    ),
    Sentence(
        "connection with gpfdist failed for URL, …: error code = 104 (Connection reset by peer)",
        rf"{_CONNECT}.*(?:error code = 104|connection reset by peer)",
        "A plain request, then RST without an answer.",
        "gpfdist:// was used for a server with `--ssl`.",
        "Use gpfdists:// exactly with servers that were started with `--ssl`.",
        ("GPI560", "GPI405"),
    ),
    Sentence(
        'connection with gpfdist failed for "gpfdists://…", effective url "https://…"',
        rf"{_CONNECT}.*https://",
        "ClientHello, then silence, an alert, or clear text `408 time out`.",
        "TLS does not come about: a plain server behind gpfdists://, or certificates that do not fit.",
        "Start gpfdist with `--ssl`; check client.crt, client.key and root.crt of each segment and server.crt and root.crt "
        "of the server.",
        (
            *("GPI510", "GPI511", "GPI512", "GPI513", "GPI514", "GPI515", "GPI516", "GPI517", "GPI518"),
            *("GPI520", "GPI521", "GPI523", "GPI561", "GPI563"),
        ),
    ),
    Sentence(
        "http response code CODE from gpfdist (URL): STATUSLINE",
        r"http response code \S+ from gpfdist",
        "An answer with a status of 400 or more.",
        "gpfdist refused the request. Up to 6.24 the status line in the sentence may be an older one, such as `HTTP/1.0 200 "
        "ok`: only the code is right.",
        "See the status line on the wire, and `gpinspect explain CODE`.",
        ("GPI203", "GPI401", "GPI412"),
    ),
    Sentence(
        'could not open "URL" for reading',
        r"could not open .{1,2000} for reading",
        "A GET is answered with 408, or with another refusal.",
        "The server did not get the head of the request within `-t` seconds.",
        "Raise `-t` (gpload: --gpfdist_timeout); look for lost frames.",
        ("GPI203",),
    ),
    Sentence(
        "error when connecting to gpfdist URL, quit after N tries",
        r"error when connecting to gpfdist .{0,2000}quit after \S+ tries",
        "POSTs, or connections, that fail again and again with waits of 1, 2, 4 … seconds.",
        "The server was not reachable, or answered 408, until `gpfdist_retry_timeout` was over.",
        "Check that gpfdist runs; raise `gpfdist_retry_timeout`.",
        ("GPI027", "GPI405", "GPI411", "GPI028", "GPI029"),
    ),
    Sentence(
        "gpfdist error: server closed connection",
        r"gpfdist error: server closed connection",
        "FIN between messages, without an empty D before it.",
        "gpfdist was killed or crashed, or a proxy cut the connection.",
        "Read gpfdist's log around this time; load again.",
        ("GPI210", "GPI219"),
    ),
    Sentence(
        "gpfdist server closed connection",
        r"gpfdist server closed connection",
        "FIN or RST within the content of a D.",
        "gpfdist went away in mid transfer, or a firewall dropped the connection.",
        "Read gpfdist's log; look for middle boxes with an idle time-out; load again.",
        ("GPI210", "GPI219", "GPI120"),
    ),
    Sentence(
        "gpfdist error: incomplete packet - packet len N",
        r"gpfdist error: incomplete packet",
        "FIN within the five bytes of letter and length.",
        "gpfdist was killed or crashed.",
        "Read gpfdist's log; load again.",
        ("GPI210",),
    ),
    Sentence(
        "gpfdist error: bad packet type T len N",
        r"gpfdist error: bad packet type",
        "A length of 2 GiB or more, which a segment reads as negative.",
        "Framing is lost, or a server that is not gpfdist counts wrongly.",
        "Check the server program; with compression, that both sides agree on X-GP-ZSTD.",
        ("GPI107",),
    ),
    Sentence(
        "gpfdist error: unknown meta type N",
        r"gpfdist error: unknown meta type",
        "A byte where a letter is due that is none of F O L D E; N is its decimal value.",
        "Framing is lost: wrong D length, compressed content taken for plain, or raw rows announced as protocol 1. N = 108 "
        "was a fault of segments after an E with SEGMENT REJECT LIMIT.",
        "Check server, proxy and X-GP-ZSTD; upgrade for N = 108.",
        ("GPI103",),
    ),
    Sentence(
        "gpfdist error: filename too long (N)",
        r"gpfdist error: filename too long",
        "An F of more than 256 bytes.",
        "A server that is not gpfdist: gpfdist cuts names at 255.",
        "Shorten the path on the server.",
        ("GPI106",),
    ),
    Sentence(
        "gpfdist error: … not of length 8 (N)",
        r"not of length 8",
        "An O or L of another size than 8 bytes.",
        "A server that is not gpfdist.",
        "Correct the server.",
        ("GPI105",),
    ),
    Sentence(
        "gpfdist error: please check gpfdist log messages.",
        r"gpfdist error: please check gpfdist log",
        "An E without text.",
        "gpfdist met an error that it has no text for.",
        "Read gpfdist's log.",
        ("GPI201",),
    ),
    Sentence(
        "gpfdist error - TEXT",
        r"gpfdist error\s*-\s",
        "An E with this text.",
        "As the text says. `line too long`: a row does not fit a block. `unable to open file`: a file was replaced during "
        "the scan. What a transform writes to its standard error comes the same way.",
        "`line too long`: raise `-m`. Transform: silence it, or `STDERR: console`.",
        ("GPI201", "GPI202", "GPI220"),
    ),
    Sentence(
        "connection to gpfdist error: stream ends unexpectedly",
        r"stream ends unexpectedly|ZSTD_decompressStream failed",
        "A zstd frame that is cut or damaged.",
        "gpfdist went away within a frame, or something between changed bytes.",
        "Read gpfdist's log; start it without `--compress` to compare.",
        ("GPI108", "GPI210"),
    ),
    Sentence(
        "segment has not received data from gpfdist for long time, cancelling the query.",
        r"has not received data from gpfdist for (?:a )?long time",
        "Silence longer than `readable_external_table_timeout`, then `GET /gpfdist/status` on a new connection.",
        "The one thread of gpfdist is blocked: an idle pipe, a slow disk or transform, a TLS handshake that does not go on.",
        "Give pipes a gpfdist of their own; raise `readable_external_table_timeout`.",
        ("GPI204", "GPI213", "GPI315"),
    ),
    Sentence(
        "could not open certificate file / private key file",
        r"could not open (?:certificate|private key) file",
        "Nothing: the segment fails before it connects.",
        "client.crt, client.key or root.crt is missing below `gpfdists` of the data "
        "directory. The sentence about the private key is also used for root.crt.",
        "Put all three files on every segment, readable by the database user.",
        (),
        "Nothing reaches the wire: look at the files on the segment that the sentence names.",
    ),
    Sentence(
        "missing data for column / extra data after last expected column",
        r"missing data for column|extra data after last expected column",
        "Rows that do not begin or end where the table expects it: half a row at the end of a package, a header row among the "
        "rows, or letters and lengths of messages taken for rows.",
        "The file itself, most often. On the wire: a server that splits rows, a 4.3 gpfdist that does not drop the header, or an "
        "answer without X-GP-PROTO.",
        "Look at the row that the sentence names; `gpinspect where --text` shows who got it. Check DELIMITER, NEWLINE and HEADER.",
        ("GPI221", "GPI222", "GPI114"),
    ),
    Sentence(
        "External scan … will utilize N out of M segment databases",
        r"will utilize \S+ out of \S+ segment databases",
        "Fewer Greenplum segments than X-GP-SEGMENT-COUNT ask for rows.",
        "gp_external_max_segs times the number of URLs is below the number of primaries.",
        "Nothing, or name more URLs or raise gp_external_max_segs.",
        ("GPI206",),
    ),
    Sentence(
        "line too long in file PATH near (N bytes)",
        r"^(?!.*gpfdist error).*line too long in file",
        "An E with this text, then the close without an empty D; other members get a clean end.",
        "A row, or a header row, is longer than `-m`.",
        "Raise `-m` above the longest row; a quote that is never closed makes one row of the rest of the file.",
        ("GPI201", "GPI220"),
    ),
    Sentence(
        "unable to open file PATH / cannot read file - PATH",
        r"^(?!.*gpfdist error).*(?:unable to open file|cannot read file)",
        "An E with this text in the middle of a read.",
        "A file of the pattern was removed or replaced during the scan, or a compressed file is damaged.",
        "Leave files alone during a load; test compressed files; load again.",
        ("GPI201", "GPI220"),
    ),
    Sentence(
        "gpfdist_send failed - the connection was terminated by the client",
        r"connection was terminated by the client",
        "FIN or RST of a segment while rows are on their way.",
        "LIMIT, a cursor that was closed, a cancelled query, or an error of the query.",
        "Nothing for LIMIT; else look for the error of the query.",
        ("GPI204", "GPI216"),
    ),
    Sentence(
        "session already ended. return empty response (OK)",
        r"session already ended|HTTP EMPTY",
        "200 with `Content-length: 0` and without X-GP-PROTO.",
        "A segment came after the end of its session: normal for a read of small files, lost rows for a write.",
        "For reads nothing. For writes upgrade gpfdist and load again.",
        ("GPI205", "GPI215", "GPI403"),
    ),
    Sentence(
        "remove out-dated session KEY",
        r"remove out-dated session",
        "Nothing at once; a segment that comes later gets all files from the start.",
        "gpfdist forgot a session that had ended more than `-k` seconds (300) ago.",
        "Raise `-k` when segments come that late.",
        ("GPI209", "GPI208"),
    ),
    Sentence(
        "request failure resulting in session failure",
        r"request failure resulting in session failure",
        "500 `session error` to every later request of the session.",
        "The connection of one segment broke while a block or a body was on its way.",
        "Find the first failure; upgrade to 6.25 or 7 when writes are refused after it.",
        ("GPI203", "GPI412", "GPI220"),
    ),
    Sentence(
        "do_read_request time out",
        r"do_read_request time out",
        "`408 time out` to a request whose head is not complete.",
        "The head did not come within `-t` seconds: overload, lost frames, or a TLS client on a plain port.",
        "Raise `-t` (gpload: --gpfdist_timeout); use gpfdists:// only with `--ssl`.",
        ("GPI203", "GPI411", "GPI561"),
    ),
    Sentence(
        "SSL accept failed",
        r"SSL accept failed",
        "An alert, or a plain request, in place of a handshake.",
        "Certificates that do not fit, no version or suite in common, a plain client, or a probe.",
        "Compare client.crt and root.crt of the segments with root.crt in the directory of `--ssl`; gpfdists:// in LOCATION.",
        ("GPI510", "GPI511", "GPI512", "GPI513", "GPI514", "GPI515", "GPI517", "GPI560", "GPI562"),
    ),
    Sentence(
        "signal N received. gpfdist exits",
        r"signal \S+ received\. gpfdist exits",
        "FIN on every connection, without an empty D; later SYNs are answered by RST.",
        "Somebody, or gpload at its end, stopped gpfdist.",
        "Find out who sent the signal; load again.",
        ("GPI210", "GPI405", "GPI027"),
    ),
    Sentence(
        "intermittent network connectivity issues",
        r"intermittent network connectivity",
        "None: no program says this.",
        "Manuals use these words for a load that hangs.",
        "Look for the real sentence in the segment's log.",
        (),
        "Ask again with the sentence from the segment's log.",
    ),
)

_COMPILED: Final = tuple((re.compile(sentence.pattern, re.IGNORECASE | re.DOTALL), sentence) for sentence in SENTENCES)
LONGEST: Final = 4096
"""Characters of a log line that are looked at."""


def matching(sentence: str) -> Iterator[Sentence]:
    """Every entry that a line of a log or of psql can be, the most likely first."""
    text = " ".join(sentence[:LONGEST].split())
    return (entry for pattern, entry in _COMPILED if pattern.search(text))


def lookup(sentence: str) -> Sentence | None:
    """The entry for an SQL error, found anywhere in a line of a log or of psql; None when it is none that is known.

    A sentence that names the connection but no known reason gives the entry for a refused TLS or None.
    """
    return next(matching(sentence), None)


def of_finding(code: str) -> Iterator[str]:
    """The sentences of segments and servers that the event of a finding leads to, in the order of the table."""
    return (entry.text for entry in SENTENCES if code in entry.findings)
