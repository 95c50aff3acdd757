"""Findings about pace and skew (GPI330 to GPI349): who carried how much of a large load, and the setting that would change it.

Small loads have none of them: where a few blocks are dealt out, chance decides who gets one.
"""

from typing import Final

from gpinspect.grammar.finding_kind import Kind
from gpinspect.model.finding import Severity

NOTE, WARNING = Severity.NOTE, Severity.WARNING

PACE: Final = (
    Kind(
        code="GPI330",
        name="segments-idle",
        severity=NOTE,
        message="{count} of {expected} segments carried this load of {megabytes} MB; the others never asked",
        explanation="A scan is handed to as many segments as there are URLs times gp_external_max_segs, chosen anew for every "
        "plan. Those without a URL wait for the others.",
        rules_out="Nothing about completeness: the rows went to the segments that took part.",
        cause="`gp_external_max_segs` (64 unless set) times the number of URLs in LOCATION is below the number of primaries.",
        advice="Raise `gp_external_max_segs`, or name more URLs (one gpfdist each) in LOCATION, until their product reaches the "
        "number of primaries.",
        source="createplan.c, create_external_scan_uri_list",
        values=("count", "expected", "megabytes"),
    ),
    Kind(
        code="GPI331",
        name="uneven-share",
        severity=WARNING,
        message="segment {number} on {host} took {percent} % of the rows, {fold} times the mean, though the others had asked in "
        "time",
        explanation="gpfdist gives blocks to whichever connection can take more, so even a long load shares evenly while all "
        "read equally fast. Here the server had rows to give nearly all the time, and most members took few.",
        rules_out="A slow source and late joiners as the reason.",
        cause="The other segments read slowly (busy hosts, a slow join or function above the scan, a full disk), or their path "
        "to the server is slower.",
        advice="Compare the hosts of the segments with small shares: CPU, disk, network path. See `gpinspect flows` for the "
        "shares; more gpfdists (one per network path) separate fast from slow hosts.",
        source="gpfdist.c, do_write: up to three blocks for a socket that is ready",
        values=("number", "host", "percent", "fold"),
    ),
    Kind(
        code="GPI332",
        name="joined-late",
        severity=WARNING,
        message="asked {seconds} s after rows had begun to flow, when {percent} % of them were gone",
        explanation="All segments of a scan are told to begin at the same moment; in a long load one that comes so late has "
        "missed its share of the work.",
        rules_out="Nothing about completeness: its rows went to other members.",
        cause="The connection was hard to get (SYN lost, backlog full), the segment was busy, or its slice began late behind "
        "another part of the plan.",
        advice="Look for repeated SYNs to the server, for load on that host, and at the plan. A full backlog: `-z` of gpfdist, "
        "or fewer segments with `gp_external_max_segs`.",
        values=("seconds", "percent"),
    ),
    Kind(
        code="GPI333",
        name="one-server",
        severity=NOTE,
        message="one gpfdist gave {megabytes} MB to {count} segments in {seconds} s, {rate} MB/s",
        explanation="gpfdist reads and sends in one thread: what a single one can give is the limit of the load, however many "
        "segments wait for it.",
        rules_out="Nothing.",
        cause="LOCATION names one server.",
        advice="If the segments wait for rows: start more gpfdists (other hosts, disks or network cards), name each in "
        "LOCATION, and spread the files over them.",
        source="gpfdist.c, the event loop",
        values=("megabytes", "count", "seconds", "rate"),
    ),
    Kind(
        code="GPI334",
        name="small-files",
        severity=NOTE,
        message="{count} files of {bytes} bytes on average: most blocks end with their file",
        explanation="A block never spans two files, so small files are sent in small blocks, each with its own head, read and "
        "turn.",
        rules_out="Nothing.",
        cause="The data was written in many small files.",
        advice="Join small files before the load, or let whoever writes them write fewer; `-m` does not help here.",
        source="gpfdist.c, session_get_block",
        values=("count", "bytes"),
    ),
    Kind(
        code="GPI335",
        name="small-blocks",
        severity=NOTE,
        message="{megabytes} MB went in {count} blocks of {bytes} bytes on average",
        explanation="Every block costs a read, a head and a turn in the server and a round in the segment. The largest block is "
        "what `-m` says, 32,768 bytes unless set.",
        rules_out="Nothing.",
        cause="gpfdist runs with its default of `-m`.",
        advice="For large loads start gpfdist with `-m 1048576`; it also allows longer rows.",
        source="gpfdist.c, option m",
        values=("megabytes", "count", "bytes"),
    ),
    Kind(
        code="GPI336",
        name="small-posts",
        severity=NOTE,
        message="{count} requests brought {bytes} bytes on average",
        explanation="A segment sends its rows in bodies of one buffer, and each is a connection of its own with its round trips.",
        rules_out="Nothing.",
        cause="`writable_external_table_bufsize` has its default (64 kB up to 6.24), or a lower value.",
        advice="Raise `writable_external_table_bufsize`, say to 1 MB or more, in the session that unloads.",
        source="fileam.c, external_insert_init",
        values=("count", "bytes"),
    ),
    Kind(
        code="GPI337",
        name="uneven-write",
        severity=NOTE,
        message="segment {number} on {host} brought {percent} % of the rows, {fold} times the mean",
        explanation="In an unload every segment sends what it holds, so the statement takes as long as the one that holds most.",
        rules_out="The network and gpfdist as the reason.",
        cause="The table, or the result of the query, is distributed unevenly.",
        advice="Look at the distribution key: `SELECT gp_segment_id, count(*) FROM … GROUP BY 1`; choose one with more even "
        "values.",
        values=("number", "host", "percent", "fold"),
    ),
)
