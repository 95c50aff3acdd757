"""Recorded requests as statements: what a session's first request says goes into a `Statement`, which must give all the others."""

from dataclasses import replace

from gpinspect.grammar import csvopt
from gpinspect.grammar.http import RequestHead, parse_request_head
from gpinspect.peers.client.place import Place
from gpinspect.peers.client.statement import Statement

RELEASES = {"plain": "5", "old": "4.3"}
EXPLICIT = {0: "", 1: "LF", 2: "CR", 3: "CRLF"}


def statement_of(head: RequestHead, release: str) -> Statement:
    """What a user would have given `fetch` or `send` for this session."""
    get = lambda name: head.get(name) or ""  # noqa: E731
    options = csvopt.parse(get("X-GP-CSVOPT"))
    gp_segment = int(get("X-GP-SEGMENT-ID"))
    own = lambda text: text.replace(f"gpseg{gp_segment}", "gpseg{segment}")  # noqa: E731
    port = get("X-GP-SEG-PORT")
    statement = Statement(
        release=release,
        xid=get("X-GP-XID"),
        cid=get("X-GP-CID"),
        sn=get("X-GP-SN"),
        segment_count=int(get("X-GP-SEGMENT-COUNT")),
        line_delimiter=bytes.fromhex(get("X-GP-LINE-DELIM-STR")),
        proto=int(get("X-GP-PROTO")),
        zstd=int(head.get("X-GP-ZSTD") or 0) or None,
        master_host=get("X-GP-MASTER_HOST"),
        master_port=get("X-GP-MASTER_PORT"),
        seg_pg_conf=own(get("X-GP_SEG_PG_CONF")),
        seg_datadir=own(get("X-GP_SEG_DATADIR")),
        seg_logdir=get("X-GP_SEG_LOGDIR"),
        database=get("X-GP-DATABASE"),
        user=get("X-GP-USER"),
        seg_port=int(port) - gp_segment if port else None,
        gp_session_id=get("X-GP-SESSION-ID"),
    )
    if options is None:
        return statement
    return replace(
        statement,
        csv=options.csv,
        quote=options.quote if options.csv else 34,
        escape=options.escape,
        header=options.header,
        newline=EXPLICIT[options.newline or 0],
    )


def place_of(head: RequestHead) -> Place:
    """Where it went: the authority stands in Host, and the transform in its header."""
    host, _, port = (head.get("Host") or "").rpartition(":")
    transform = head.get("X-GP-TRANSFORM") or ""
    target = head.target or "/"
    return Place(f"gpfdist://{host}:{port}{target}", "gpfdist", host.strip("[]"), int(port), target, transform)


def release_of(head: RequestHead) -> str:
    """Whose head this can be, by the form of its options and the headers that only 7 has."""
    options = csvopt.parse(head.get("X-GP-CSVOPT") or "")
    if head.get("X-GP-COORDINATOR_HOST") is not None or (head.method == "POST" and head.get("X-GP-ZSTD") is not None):
        return "7"
    return RELEASES.get(options.form, "6") if options is not None else "6"


def built_again(raw: bytes, statement: Statement) -> bytes:
    """The head that the client sends at this place of the session."""
    head = parse_request_head(raw)
    place, gp_segment = place_of(head), int(head.get("X-GP-SEGMENT-ID") or 0)
    if head.method == "GET":
        return statement.read_head(place, gp_segment)
    return statement.write_head(
        place,
        gp_segment,
        None,
        seq=int(head.get("X-GP-SEQ") or 0),
        done=head.get("X-GP-DONE") is not None,
        length=int(head.get("Content-Length") or 0),
        expect=int(head.get("Content-Length") or 0) > 1 << 20,
    )
