"""Every status line of gpfdist: what causes it, where in the server it arises, and what to do."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Status:
    """One status line. Words in capitals within `text` stand for what changes (PATH, STRERROR, TEXT, NAME)."""

    code: int
    text: str
    cause: str
    where: str  # file and function of gpfdist (6.24.3 where nothing else is said)
    advice: str

    def matches(self, reason: str) -> bool:
        """Whether a reason as sent is this one."""
        return _pattern(self.text).fullmatch(reason) is not None

    @property
    def told(self) -> re.Pattern[str]:
        """Finds this status line, code and text, within a longer line."""
        return re.compile(rf"\b{self.code} {_pattern(self.text).pattern}", re.IGNORECASE)


_SHORT = re.compile(r"time out|internal error|invalid request|session error", re.IGNORECASE)  # words that also stand elsewhere
_HOLE = re.compile(r"\b(?:PATH|STRERROR|TEXT)\b")
_PATTERNS: dict[str, re.Pattern[str]] = {}


def _pattern(text: str) -> re.Pattern[str]:
    found = _PATTERNS.get(text)
    if found is None:
        found = _PATTERNS[text] = re.compile("(?s:.*)".join(re.escape(part) for part in _HOLE.split(text)), re.IGNORECASE)
    return found


_READ = "gpfdist.c, do_read_request"
_VALID = "gpfdist.c, request_validate"
_HEADERS = "gpfdist.c, request_parse_gp_headers"
_PATH = "gpfdist.c, request_path_validate"
_ATTACH = "gpfdist.c, session_attach"
_POST = "gpfdist.c, handle_post_request"
_TRANSFORM = "gpfdist.c, request_set_transform"
_OPEN = "gfile.c, gfile_open"
_FILES = "fstream.c, fstream_open"
_WRITE = "fstream.c, fstream_write"
_CLIENT = "Correct the client, or the proxy in front of it."

STATUSES: Final = (
    Status(
        100,
        "Continue",
        "The request asked with `Expect: 100-continue`; the body may come now.",
        "gpfdist.c, http_continue",
        "Nothing: the final answer follows.",
    ),
    Status(
        200,
        "ok",
        "Success; also the empty answer to a segment whose session is over, and to DONE.",
        "gpfdist.c, http_ok and http_empty",
        "Nothing. On a GET with `Content-length: 0` the segment was late: normal when files are small.",
    ),
    Status(
        400,
        "forbidden",
        "Request line and headers are larger than 4096 bytes.",
        _READ,
        "Shorten what goes into headers: the path of the data directory, database and role names, the list of files.",
    ),
    Status(
        400,
        "invalid request",
        "The request line has not exactly three words, the version is not HTTP/1.x, or the method is neither GET nor POST.",
        _VALID,
        f"{_CLIENT} Write blanks in a path as %20.",
    ),
    Status(
        400,
        "invalid request (no gp-proto)",
        "No X-GP-PROTO. Browsers and health checks are answered so, and segments whose headers a proxy removed or re-cased.",
        _HEADERS,
        "Ignore probes. Else let the proxy keep X-GP-PROTO in exact case.",
    ),
    Status(400, "invalid request (invalid gp-proto)", "X-GP-PROTO is neither 0 nor 1.", _HEADERS, _CLIENT),
    Status(
        400,
        "invalid request (missing X-GP-* header)",
        "One or two of X-GP-XID, X-GP-CID and X-GP-SN are there; all or none must be.",
        _HEADERS,
        _CLIENT,
    ),
    Status(400, "invalid EOL encoding", "X-GP-LINE-DELIM-STR has an odd number of digits or is no hex.", _HEADERS, _CLIENT),
    Status(
        400, "invalid EOL length", "X-GP-LINE-DELIM-LENGTH does not say how many bytes X-GP-LINE-DELIM-STR has.", _HEADERS, _CLIENT
    ),
    Status(400, "invalid sequence number", "X-GP-SEQ is 0, negative or no number.", _HEADERS, _CLIENT),
    Status(
        400,
        "invalid request due to relative path",
        "`..` stands in the path, even within a name.",
        _PATH,
        "Name the file from the served directory (`-d`). From an unknown peer it is an attempt to leave it: block the peer.",
    ),
    Status(
        400,
        "invalid request, escape character backslash '\\' is not allowed.",
        "A backslash stands in the decoded path (6 and later).",
        _PATH,
        "Use `/` in paths.",
    ),
    Status(
        400,
        "invalid request (unable to set path)",
        "The path is empty, as in `GET /`; gppinggpfdist asks so.",
        "gpfdist.c, request_set_path",
        "Name a file in LOCATION. Ignore it from liveness probes.",
    ),
    Status(
        400,
        "path too long",
        "Session name and full path have 1023 characters or more.",
        _ATTACH,
        "Serve a directory nearer to the files, or use a pattern in place of a list.",
    ),
    Status(
        400,
        "bad request, csvopt doesn't match the format",
        "X-GP-CSVOPT has not the fields of this server: a 4.3 client with a newer server.",
        _ATTACH,
        "Use the gpfdist of the same major release as the cluster.",
    ),
    Status(
        400,
        "can't write to and read from the same gpfdist server simultaneously",
        "GET and POST with the same session name; only hand-made clients or `-g` come here.",
        _ATTACH,
        "Write to another target than the one that is read.",
    ),
    Status(
        400, "invalid request due to missing sequence number", "A write without X-GP-SEQ after one that had it.", _POST, _CLIENT
    ),
    Status(
        400,
        "invalid request due to wrong sequence number",
        "X-GP-SEQ jumped or stepped back: a request was lost, replayed by a proxy, or the server was started again in between.",
        _POST,
        "Look for the lost request and for a restart of gpfdist; load the target anew.",
    ),
    Status(
        400,
        "invalid request (unsupported input #transform)",
        "The transform is not in the `-c` file, or is no input transform.",
        _TRANSFORM,
        "Add the transform with `TYPE: input` to the file that `-c` names.",
    ),
    Status(
        400,
        "invalid request (unsupported output #transform)",
        "The transform is not in the `-c` file, or is no output transform.",
        _TRANSFORM,
        "Add the transform with `TYPE: output` to the file that `-c` names.",
    ),
    Status(
        400,
        "invalid request (path does not match safe regex)",
        "The full path does not match `SAFE` of the transform.",
        _TRANSFORM,
        "Correct the path, or `SAFE` in the file that `-c` names.",
    ),
    Status(
        403,
        "Reading a directory is forbidden.",
        "The path is a directory among files, or a directory within one.",
        _OPEN,
        "Use a pattern that matches files only.",
    ),
    Status(
        404,
        "file not found",
        "No such file, or a pattern without match.",
        _OPEN,
        "Check the path on the server's host, below the directory given with `-d`.",
    ),
    Status(
        404,
        "file open failure PATH: STRERROR",
        "The operating system refused to open the file; it says why.",
        _OPEN,
        "Check rights and owner of the file; gpfdist opens it as the user who started it. One bad file fails a whole pattern.",
    ),
    Status(
        404,
        "Multiple reader to a pipe is forbidden.",
        "A second session reads a named pipe.",
        _OPEN,
        "Let one query at a time read a pipe, once. Releases of 5 and 6 before pull request 11442 of greenplum-db/gpdb can say it "
        "falsely: upgrade.",
    ),
    Status(404, "No matching file(s) found", "Only empty directories match.", _FILES, "Check the path on the server's host."),
    Status(
        404,
        "More than 1 file found for writing. Unsupported operation.",
        "A pattern as target of a write.",
        _FILES,
        "Name one file in LOCATION of the writable table.",
    ),
    Status(
        408,
        "time out",
        "The head of the request did not come within `-t` seconds: overload, lost frames, a slow proxy, or a TLS client "
        "on a plain port.",
        _READ,
        "Raise `-t` (gpload: --gpfdist_timeout); use gpfdists:// only with `--ssl`. Writes are tried again, reads are not.",
    ),
    Status(
        415,
        "Unsupported File Type",
        "`.z`, `.zip`, a `.bz2` as target, or a codec that was not compiled in.",
        "gfile.c",
        "Use .gz, or no compression.",
    ),
    Status(500, "Internal Server Error", "A file could not be opened and nothing better is known.", _FILES, "Read gpfdist's log."),
    Status(
        500,
        "internal error",
        "The connection broke while the body of a POST was read, or the server could not set up an event.",
        _POST,
        "Look for a reset on the connection; raise `gpfdist_retry_timeout`; releases before 6.25 (pull request 15722 of "
        "greenplum-db/gpdb) do not take the retry: upgrade.",
    ),
    Status(
        500,
        "internal error - out of memory",
        "gpfdist got no memory.",
        "gpfdist.c",
        "Lower `-m`; look at memory on the server's host.",
    ),
    Status(
        500,
        "session error",
        "An earlier request of the same session failed; every later one is answered so.",
        _ATTACH,
        "Find the first failure of the session: that is the cause.",
    ),
    Status(
        500,
        "no complete data row found for writing",
        "A body, or `-m` bytes of it, without a row end.",
        _WRITE,
        "Raise `-m` above the longest row.",
    ),
    Status(
        500,
        "cannot write into file",
        "The disk is full, or the reader of the pipe left.",
        _WRITE,
        "Free space on the server's host; keep the reader running.",
    ),
    Status(
        500,
        "subprocess_open: TEXT",
        "The command of a transform could not be started.",
        "gfile.c, subprocess_open",
        "Run the COMMAND of the transform by hand as gpfdist's user.",
    ),
    Status(
        500,
        "failed to get temporary directory for paths file",
        "A transform with `CONTENT: paths` found no place for its list.",
        _FILES,
        "Set TMPDIR to a directory that gpfdist may write.",
    ),
    Status(
        500,
        "zstd decompression error, error is TEXT",
        "The body of a POST is no sound zstd frame. The session goes on, and the same X-GP-SEQ may be sent again.",
        "gpfdist.c, decompress_zstd (6.27, 7, Cloudberry)",
        "Check what compresses between segment and server; start gpfdist without `--compress` to compare.",
    ),
    Status(
        500,
        "could not connect to pipe",
        "Windows named pipe: nobody serves it.",
        "gfile.c",
        "Start the program behind the pipe first.",
    ),
    Status(501, "pipe is busy, close the pipe and try again", "Windows named pipe in use.", "gfile.c", "Close the other reader."),
)


def lookup(code: int | None, reason: str = "") -> Status | None:
    """The status line with this code and reason.

    Args:
        code: As sent; it does not choose, because no two codes share a text. None for a reason that stands alone in a log.
        reason: As sent; case and a full stop at the end do not matter.

    Returns:
        The entry, or None when no server is known to send this text.
    """
    wanted = reason.strip().removesuffix(".")
    return next((status for status in STATUSES if status.matches(wanted) or status.matches(wanted + ".")), None)


def of_code(code: int) -> Iterator[Status]:
    """Every status line with this code."""
    return (status for status in STATUSES if status.code == code)


def within(line: str) -> Iterator[Status]:
    """The status lines that a longer line holds, such as one of gpfdist's log; texts of one word are found with their code only."""
    for status in STATUSES:
        if status.told.search(line) or (
            " " in status.text and _SHORT.fullmatch(status.text) is None and _pattern(status.text).search(line)
        ):
            yield status
