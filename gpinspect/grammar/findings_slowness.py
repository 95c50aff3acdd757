"""Catalogue of findings: time in which nothing came, and whose fault that was."""

from typing import Final

from gpinspect.grammar.finding_kind import Kind
from gpinspect.model.finding import Severity

NOTE, WARNING, ERROR = Severity.NOTE, Severity.WARNING, Severity.ERROR

_VALUES: Final = ("seconds", "flows", "evidence")

SLOWNESS: Final = (
    Kind(
        code="GPI301",
        name="server-source-blocked",
        severity=WARNING,
        message="the server sent nothing to anybody for {seconds} s ({flows}): {evidence}",
        explanation="All open requests of this server were silent at the same time. Their windows were open, nothing was on its "
        "way, and what ended the silence was new data of the server.",
        rules_out="The network and the segments: bytes were acknowledged at once, and nothing was sent again.",
        cause="gpfdist is one thread, and a read of its source blocks it: a pipe whose writer rests, a slow disk or network file "
        "system, a transform that computes. A gpfdist that is stopped or starved of CPU looks the same.",
        advice="Look at the source and its disk at that time. Give each pipe a gpfdist of its own (`-p`), so that it blocks nobody "
        "else; with several files use several gpfdists.",
        source="gpfdist.c, session_get_block (6.24.3): reads and opens of a pipe block the whole server",
        values=_VALUES,
    ),
    Kind(
        code="GPI302",
        name="server-does-not-answer",
        severity=WARNING,
        message="posts waited {seconds} s for the server ({flows}): {evidence}",
        explanation="Requests had come to the server's system, which acknowledged them, but gpfdist neither read on nor answered. "
        "When its window is full too, nothing more can be sent.",
        rules_out="The network: what was sent was acknowledged. The segments: they had sent all they could.",
        cause="gpfdist was stopped, starved of CPU, or waited for its disk while it wrote (`-S` makes every write synchronous).",
        advice="Look at disk, CPU and state of the gpfdist process at that time; leave `-S` away if nobody needs it.",
        source="gpfdist.c, handle_post_request (6.24.3)",
        values=_VALUES,
    ),
    Kind(
        code="GPI303",
        name="slow-post-body",
        severity=WARNING,
        message="a POST body that stopped half way held the server up for {seconds} s ({flows}): {evidence}",
        explanation="gpfdist reads a body that has begun to its end before it looks at anybody else. While this one rested, all "
        "other requests waited.",
        rules_out="The server's disk: it had taken all that came. The network, as long as everything was acknowledged.",
        cause="A slow or stopped segment, or another client that posts slowly.",
        advice="Look at the host of the segment that is named. Smaller bodies (`writable_external_table_bufsize`) are over sooner.",
        source="gpfdist.c, handle_post_request (6.24.3): loop on one body",
        values=_VALUES,
    ),
    Kind(
        code="GPI304",
        name="silent-tls-client",
        severity=WARNING,
        message="a connection that never began its TLS handshake held the server up for {seconds} s ({flows}): {evidence}",
        explanation="The server waits for the ClientHello of a new connection before it does anything else. While a client said "
        "nothing, all flows stood still.",
        rules_out="The source, the network and the segments of the load.",
        cause="A port scanner, or the health check of a load balancer, that connects without speaking TLS.",
        advice="Keep TCP probes and scanners away from a port that is served with `--ssl`.",
        source="gpfdist.c, do_accept (6.24.3): SSL_accept blocks",
        values=_VALUES,
    ),
    Kind(
        code="GPI305",
        name="segment-window-shut",
        severity=WARNING,
        message="the segment took nothing for {seconds} s: {evidence}",
        explanation="The receive window of the segment's host was full: it did not read what had come. Before a window is "
        "advertised as 0 it is open but smaller than one frame for about a quarter of a second.",
        rules_out="The network, and the server, which had more to send.",
        cause="The segment was slower than its share: its host is overloaded, its disk or its motion is slow, or its process was "
        "stopped.",
        advice="Look at the host of this segment at that time. gpfdist serves whoever is ready, so the others take over what it "
        "can not; `gp_external_max_segs` limits how many read at once.",
        source="RFC 9293, 3.8.6 (windows, probes)",
        values=("seconds", "evidence"),
    ),
    Kind(
        code="GPI306",
        name="all-windows-shut",
        severity=WARNING,
        message="all segments took nothing for {seconds} s ({flows}): {evidence}",
        explanation="The windows of (nearly) all flows of the statement were full at the same time.",
        rules_out="The server and the network: both had more for everybody.",
        cause="The statement did not read: it waited for a lock, slept, wrote slowly, or one segment held all others up behind a "
        "motion.",
        advice="Look at the statement in pg_stat_activity and at the segment that lags; the load itself is not what is slow.",
        source="RFC 9293, 3.8.6",
        values=_VALUES,
    ),
    Kind(
        code="GPI307",
        name="nobody-posts",
        severity=WARNING,
        message="no segment posted anything for {seconds} s ({flows}): {evidence}",
        explanation="Every request had been answered, and no segment began another one, although the statement was not at its end.",
        rules_out="The server: nothing was asked of it. The network near this recorder; further away a lost SYN looks the same.",
        cause="The statement made no rows: one stopped or overloaded segment lets all others wait, and a slow or sleeping query "
        "does too.",
        advice="Compare the segments' hosts and look at the statement's plan; nothing in gpfdist will help.",
        values=_VALUES,
    ),
    Kind(
        code="GPI308",
        name="path-blackout",
        severity=WARNING,
        message="the path between server and segments was dead for {seconds} s ({flows}): {evidence}",
        explanation="Bytes were on their way and not acknowledged, or sent again. Afterwards flows return one by one, up to 1.6 s "
        "and more later, when their retransmission timers fire; that time is the network's too.",
        rules_out="The server's source and the segments.",
        cause="A switch, a firewall, a virtual machine that moved, or a link that went down for a moment.",
        advice="Look at the counters of the path at that time: interfaces of both hosts, switch, firewall.",
        source="RFC 6298 (retransmission timers)",
        values=_VALUES,
    ),
    Kind(
        code="GPI309",
        name="loss-stops-flow",
        severity=WARNING,
        message="loss stopped the flow for {seconds} s: {evidence}",
        explanation="The flow went on when its retransmission timer had fired, while others moved.",
        rules_out="The server and the segment.",
        cause="Frames lost on the path: a full queue, a bad cable, a wrong duplex setting.",
        advice="Look at the drop and error counters of both hosts and of what lies between them.",
        source="RFC 6298",
        values=("seconds", "evidence"),
    ),
    Kind(
        code="GPI310",
        name="opening-lost",
        severity=WARNING,
        message="the opening of the connection, or its request, was lost and came through after {seconds} s: {evidence}",
        explanation="A SYN, its answer or the first bytes of the request had to be sent again. Near the server, a lost SYN only "
        "looks like a segment that comes late.",
        rules_out="That gpfdist was slow to answer what it had got.",
        cause="Loss on the path, a firewall that drops, or a full backlog of the server (`-z`, 256) when very many segments come "
        "at once.",
        advice="Check the firewall between segments and server; let fewer segments come at once (`gp_external_max_segs`) or raise "
        "`-z`.",
        source="RFC 6298, 5.7; gpfdist.c, listen",
        values=("seconds", "evidence"),
    ),
    Kind(
        code="GPI311",
        name="recording-interrupted",
        severity=NOTE,
        message="the recorder missed frames for {seconds} s ({flows}): {evidence}",
        explanation="The receiver acknowledged bytes that are not in the capture, so the load was not disturbed: this time is "
        "nobody's stall.",
        rules_out="A stall in this time; whatever looks like one is the recorder's.",
        cause="The recorder, or the mirror port, dropped frames.",
        advice="Record on one of the two hosts with a larger buffer (`tcpdump -B`), or with a short snap length (`-s 128`).",
        values=_VALUES,
    ),
    Kind(
        code="GPI312",
        name="silence-unexplained",
        severity=NOTE,
        message="nothing came for {seconds} s and the capture does not say why ({flows}): {evidence}",
        explanation="All flows were silent at once, but what would tell server, segment and network apart was not recorded.",
        rules_out="Nothing.",
        cause="Only one direction was recorded, or several causes hide each other.",
        advice="Record both directions, with their acknowledgments, on the server's host.",
        values=_VALUES,
    ),
    Kind(
        code="GPI313",
        name="clock-jumped-ahead",
        severity=NOTE,
        message="the recorder's clock jumped ahead by {seconds} s",
        explanation="The time stamps that the senders put into their frames did not go along: no time passed for them.",
        rules_out="A stall in this time.",
        cause="The clock of the recording host was set while it recorded.",
        advice="Subtract the jump from durations across it; keep the clock in step by slewing (NTP, chrony).",
        source="RFC 7323, 4 (time stamps)",
        values=("seconds",),
    ),
    Kind(
        code="GPI314",
        name="close-unanswered",
        severity=WARNING,
        message="the server closed, and the segment did not answer for {seconds} s",
        explanation="The FIN of the server, behind all it had to send, was followed by nothing of the segment for a minute or "
        "more.",
        rules_out="That the segment has ended its side; the query may still wait.",
        cause="The segment hangs, or its host or the path is gone; before keep-alives were set (6.25, 7) such a query can hang for "
        "ever.",
        advice="Look at the segment's process. Set tcp_keepalives_idle, tcp_keepalives_interval and tcp_keepalives_count; upgrade "
        "to 6.25 or later.",
        source="issue 15987 of greenplum-db/gpdb",
        values=("seconds",),
    ),
    Kind(
        code="GPI315",
        name="segments-gave-up-waiting",
        severity=ERROR,
        message="segments asked for the status page after {seconds} s without data, and closed ({flows})",
        explanation="A segment that has waited longer than `readable_external_table_timeout` fetches `/gpfdist/status` on a "
        "connection of its own and ends the query.",
        rules_out="A dead network, if the status request was acknowledged.",
        cause="The server was held up; other findings of this session say by what.",
        advice="Remove what holds the server up, or raise `readable_external_table_timeout` (0: wait for ever).",
        sql="segment has not received data from gpfdist for long time, cancelling the query.",
        source="url_curl.c, fill_buffer (6.24.3)",
        values=("seconds", "flows"),
    ),
)
