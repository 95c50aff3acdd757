"""What a Greenplum segment says when a load fails: the SQL errors, each made in one place.

`gpinspect why SENTENCE` explains them; a test holds that it knows every one.
"""

import os
from dataclasses import dataclass

from gpinspect.peers.client.place import Place


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a segment's part of the load failed."""

    gp_segment: int
    sentence: str  # the SQL error
    detail: str = ""


CLOSED = "gpfdist error: server closed connection"
CLOSED_IN_ROWS = "gpfdist server closed connection"
NO_TEXT = "gpfdist error: please check gpfdist log messages."
CUT_FRAME = "connection to gpfdist error: stream ends unexpectedly"
SILENT = "segment has not received data from gpfdist for long time, cancelling the query."
CONNECTION_HINT = (
    "The gpfdist server closed the connection unexpectedly: it may be overloaded or stopped, or the network between is broken."
)


def connecting(place: Place, address: str | None, errno: int, words: str) -> str:
    """No HTTP answer came."""
    return (
        f'connection with gpfdist failed for "{place.url}", effective url: "{place.effective(address)}": '
        f"error code = {errno} ({os.strerror(errno)}); ({words})"
    )


def refused(place: Place, status: int, status_line: str) -> str:
    return f"http response code {status} from gpfdist ({place.url}): {status_line}"


def not_opened(place: Place) -> str:
    """408 to a read."""
    return f'could not open "{place.url}" for reading'


def quit_after(place: Place, tries: int) -> str:
    return f"error when connecting to gpfdist {place.effective()}, quit after {tries} tries"


def incomplete(length: int) -> str:
    return f"gpfdist error: incomplete packet - packet len {length}"


def bad_length(letter: int, length: int) -> str:
    """`length` as the signed number that a segment reads."""
    return f"gpfdist error: bad packet type {letter} len {length}"


def unknown_letter(letter: int) -> str:
    return f"gpfdist error: unknown meta type {letter}"


def long_name(length: int) -> str:
    return f"gpfdist error: filename too long ({length})"


def wrong_number(what: str, length: int) -> str:
    return f"gpfdist error: {what} not of length 8 ({length})"


def told(text: str) -> str:
    """What an E says."""
    return f"gpfdist error - {text}" if text else NO_TEXT


def bad_frame(problem: str) -> str:
    return f"ZSTD_decompressStream failed, error is {problem}"
