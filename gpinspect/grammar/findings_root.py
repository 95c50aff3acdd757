"""Findings about the ends of files, and about the files on the server (GPI230 to GPI239)."""

from typing import Final

from gpinspect.grammar.finding_kind import Kind
from gpinspect.model.finding import Severity

NOTE, WARNING, ERROR = Severity.NOTE, Severity.WARNING, Severity.ERROR

_COMPARED = "the files below the folder of `--root`"

ROOT: Final = (
    Kind(
        code="GPI230",
        name="root-file-missing",
        severity=WARNING,
        message="{file} is not below the folder given by --root",
        explanation="The session read or wrote this file on the server, and the folder has no file where it should be.",
        rules_out="A comparison of this file.",
        cause="Another folder than that of gpfdist's `-d`, or the file was moved or deleted since.",
        advice="Give the folder that gpfdist was started with (`-d`), or a copy of it from the time of the load.",
        source=_COMPARED,
        values=("file",),
    ),
    Kind(
        code="GPI231",
        name="root-file-longer",
        severity=ERROR,
        message="{file}: {bytes} bytes from offset {first} to {last} of the file on the server reached nobody",
        explanation="The file is longer than what the session gave out; the rows behind the last delivered byte are in no "
        "package. gpfdist ends the read for all members when one of them leaves, and gives the others a clean end.",
        rules_out="That every row of the file was delivered.",
        cause="A member that left early, an error, or a file that has grown since.",
        advice="Compare the row count of the table with that of the file; load the rest of the file, or all of it again.",
        source=_COMPARED,
        values=("file", "bytes", "first", "last"),
    ),
    Kind(
        code="GPI232",
        name="root-file-shorter",
        severity=WARNING,
        message="{file}: {length} bytes on the server, but the session gave out bytes up to offset {last}",
        explanation="The session read bytes that the file below the folder does not have.",
        rules_out="That this is the file as it was during the load.",
        cause="The file was replaced or cut since, or the folder holds another copy.",
        advice="Compare with a copy from the time of the load.",
        source=_COMPARED,
        values=("file", "length", "last"),
    ),
    Kind(
        code="GPI233",
        name="root-content-differs",
        severity=ERROR,
        message="{file}: what was delivered differs from the file on the server from offset {first} on",
        explanation="The bytes of the packages and those of the file at the same offsets are not the same.",
        rules_out="That this is the file as it was during the load, or that the segments got its rows.",
        cause="The file was changed during or after the load.",
        advice="Leave files alone while they are read; compare with a copy from the time of the load, and load again.",
        source=_COMPARED,
        values=("file", "first"),
    ),
    Kind(
        code="GPI234",
        name="root-target-differs",
        severity=ERROR,
        message="{file}: {what}",
        explanation="gpfdist answered the writes with success, and the target does not hold each accepted body just once.",
        rules_out="That the target holds every row exactly once.",
        cause="The target was changed since, the disk lost it, or a server of June to August 2023 (6.24.5) that wrote a repeated "
        "body twice.",
        advice="Compare row counts; empty the target and unload again; upgrade gpfdist if bodies are there twice.",
        source=_COMPARED,
        values=("file", "what"),
    ),
    Kind(
        code="GPI235",
        name="root-not-compared",
        severity=NOTE,
        message="{file} was not compared with the file on the server: {why}",
        explanation="Nothing was concluded from the file below the folder.",
        rules_out="Nothing.",
        cause="As it says.",
        advice="Compare row counts instead.",
        source=_COMPARED,
        values=("file", "why"),
    ),
    Kind(
        code="GPI236",
        name="root-file-unread",
        severity=ERROR,
        message="{file}: {bytes} bytes of a file that the path names, and no package of the session is of it",
        explanation="The request's path, or its pattern, names this file below the folder; the session gave out nothing of it.",
        rules_out="That every row of the named files was delivered.",
        cause="The session ended early, or the file was put there after the load.",
        advice="Look whether the file is older than the load; if so, load it.",
        source=_COMPARED,
        values=("file", "bytes"),
    ),
    Kind(
        code="GPI237",
        name="root-agrees",
        severity=NOTE,
        message="held against the files on the server, {what}: {count} without a difference",
        explanation="What the session gave out reaches from the first row to the last byte of each file, or the target holds what "
        "was written.",
        rules_out="Rows that reached nobody.",
        cause="The load went as it should.",
        advice="Nothing.",
        source=_COMPARED,
        values=("count", "what"),
    ),
    Kind(
        code="GPI238",
        name="end-not-shown",
        severity=NOTE,
        message="whether rows follow the last package is not to be seen: {missing} segments are not in the capture",
        explanation="The packages of the capture leave no gap, but the last one is no shorter than the others, or the path may "
        "name more files; what follows may have gone to segments that the capture does not have. A last block that is clearly "
        "shorter than a full one shows the end of the file.",
        rules_out="A proof that the files were read to their ends by these segments alone.",
        cause="A capture that does not have all segments; or fewer segments took part than the cluster has.",
        advice="Record all segments, or compare with the files: `--root DIR`.",
        source="fstream.c, fstream_read; gpfdist.c, session_get_block",
        values=("missing",),
    ),
    Kind(
        code="GPI239",
        name="end-not-acknowledged",
        severity=NOTE,
        message="the last {bytes} bytes of the answer were never acknowledged",
        explanation="They were sent, and nothing in the capture shows that the segment's host received them.",
        rules_out="A proof that the segment got its last rows.",
        cause="The segment's host or the network to it failed, or the recorder was stopped at that moment.",
        advice="See whether the query ended well; record until the connections are closed.",
        source="RFC 9293, section 3.4",
        values=("bytes",),
    ),
)
