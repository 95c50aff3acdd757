"""What `fetch` and `send` share: the options that say whose heads are sent, those of TLS, the bar, and the summary at the end."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from gpinspect.cli.status import Status
from gpinspect.cli.talk import say
from gpinspect.views.text import bytes_text, count_text, duration_text, plural, printable, rate_text

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from gpinspect.peers.client.results import Result
    from gpinspect.peers.client.statement import Statement
    from gpinspect.peers.tls import ClientTls

SCHEMA = "gpinspect.load/1"
FLOWS_TOLD = 16
"""Segments that get a line of their own in the summary; --json has all."""

NANO = 1_000_000_000

_STATEMENT = (
    click.option(
        "--segments", type=click.IntRange(1, 1024), default=1, show_default=True, metavar="N", help="Primaries, ids 0 to N-1."
    ),
    click.option(
        "--release", type=click.Choice(["4.3", "5", "6", "7"]), default="6", show_default=True, help="Whose heads are sent."
    ),
    click.option(
        "--format", "form", type=click.Choice(["text", "csv"]), default="text", show_default=True, help="FORMAT of the table."
    ),
    click.option("--quote", metavar="C", help='QUOTE of CSV. Default: ".'),
    click.option("--escape", metavar="C", help="ESCAPE; OFF for none. Default: the quote, in text a backslash."),
    click.option("--newline", type=click.Choice(["LF", "CR", "CRLF"], case_sensitive=False), help="NEWLINE of the table."),
    click.option("--user", default="gpadmin", show_default=True, help="X-GP-USER."),
    click.option("--database", default="gpadmin", show_default=True, help="X-GP-DATABASE."),
    click.option("--xid", help="X-GP-XID. Default: one that nobody had."),
    click.option("--cid", default="1", show_default=True, help="X-GP-CID, hexadecimal."),
    click.option("--sn", default="0", show_default=True, help="X-GP-SN, hexadecimal."),
    click.option("--session-id", default="1", show_default=True, help="X-GP-SESSION-ID."),
    click.option("--zstd/--no-zstd", default=None, help="Offer compression. Default: with release 7."),
    click.option(
        "--retry-timeout",
        type=click.FloatRange(min=0),
        default=300.0,
        show_default=True,
        metavar="S",
        help="gpfdist_retry_timeout, in seconds.",
    ),
)
_TLS = (
    click.option("--certs", metavar="DIR", help="client.crt, client.key and root.crt for gpfdists://. Default: $PGDATA/gpfdists."),
    click.option(
        "--verify-gpfdists-cert",
        "verify",
        type=click.Choice(["on", "off"]),
        default="on",
        show_default=True,
        help="As the setting.",
    ),
    click.option("--tls-min", type=click.Choice(["1.0", "1.1", "1.2", "1.3"]), help="Lowest TLS version. Default: 1.2."),
    click.option("--tls-max", type=click.Choice(["1.0", "1.1", "1.2", "1.3"]), help="Highest TLS version."),
    click.option("--ciphers", metavar="LIST", help="Suites of TLS 1.2 and below, as OpenSSL names them."),
    click.option("--crl", metavar="FILE", help="Revoked certificates (PEM)."),
    click.option(
        "--libpq", is_flag=True, help="Take PGSSLMODE, PGSSLCERT, PGSSLKEY, PGSSLROOTCERT and PGSSLCRL, as openGauss does."
    ),
    click.option("--keylog", metavar="FILE", help="Write the TLS secrets here, so that a capture can be opened later."),
)
_TALK = (
    click.option(
        "--json", "as_json", is_flag=True, help="The summary as a JSON object: on stdout unless rows go there, then on stderr."
    ),
    click.option("-q", "--quiet", is_flag=True, help="Nothing on stderr but errors."),
    click.option("--progress/--no-progress", default=True, help="A bar on stderr, on a terminal only."),
)


def segment_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options of statements, TLS and talk, in this order behind its own."""
    for option in reversed((*_STATEMENT, *_TLS, *_TALK)):
        verb = option(verb)
    return verb


def make_statement(given: dict[str, Any], **more: Any) -> "Statement":
    """The statement that the options describe; they are taken out of `given`.

    Raises:
        click.UsageError: A quote or escape that is no single byte.
        EncodeError: A value that no head can carry.
    """
    from gpinspect.peers.client.statement import CSV_QUOTE, OFFERS_ZSTD, Statement, fresh_xid

    take = given.pop
    release, zstd = take("release"), take("zstd")
    quote, escape = _byte("--quote", take("quote")), _byte("--escape", take("escape"))
    return Statement(
        release=release,
        xid=take("xid") or fresh_xid(),
        cid=take("cid"),
        sn=take("sn"),
        segment_count=take("segments"),
        csv=take("form") == "csv",
        quote=CSV_QUOTE if quote is None else quote,
        escape=escape,
        newline=(take("newline") or "").upper(),
        zstd=1 if (release in OFFERS_ZSTD if zstd is None else zstd) else None,
        user=take("user"),
        database=take("database"),
        gp_session_id=take("session_id"),
        **more,
    )


def _byte(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    if option == "--escape" and text.upper() == "OFF":
        return 0
    data = os.fsencode(text)
    if len(data) != 1:
        raise click.UsageError(f"{option} {text}: wanted one character of one byte")
    return data[0]


def make_tls(given: dict[str, Any], urls: tuple[str, ...]) -> "ClientTls | None":
    """TLS as the options or libpq's variables say; None where no URL needs it. Says when a certificate ends soon.

    Raises:
        TlsKeyError: A file is missing or does not fit.
    """
    certs, verify, libpq = given.pop("certs"), given.pop("verify"), given.pop("libpq")
    more = {"least": given.pop("tls_min"), "most": given.pop("tls_max"), "ciphers": given.pop("ciphers"), "crl": given.pop("crl")}
    more["keylog"] = given.pop("keylog")
    if not any(url.startswith("gpfdists:") for url in urls):
        return None
    from gpinspect.peers.tls import ClientTls

    chosen = {name: value for name, value in more.items() if value is not None}
    tls: ClientTls | None
    if libpq:
        tls = ClientTls.of_environment(os.environ, **chosen)
        if tls is None:
            raise click.UsageError("PGSSLMODE=disable and a gpfdists:// URL: write gpfdist:// for a connection without TLS")
    else:
        if certs is None:
            if not os.environ.get("PGDATA"):
                raise click.UsageError("gpfdists:// needs --certs DIR, with client.crt, client.key and root.crt in it")
            certs = os.path.join(os.environ["PGDATA"], "gpfdists")  # noqa: PTH118 - text
        tls = ClientTls.of_segment(certs, verify_cert=verify == "on", **chosen)
    for sentence in tls.check():
        say(f"WARNING: {sentence}")
    return tls


class RowsBar:
    """Bytes and rows on stderr while they move; only on a terminal, only when it takes a while."""

    def __init__(self, wanted: bool, what: str, total: int | None = None) -> None:
        from gpinspect.cli.progress import PATIENCE

        self._wanted = wanted and sys.stderr.isatty()
        self._what = what
        self._total = total
        self._patience = PATIENCE
        self._next: float | None = None
        self._drawn: tuple[RichProgress, TaskID] | None = None

    def __call__(self, done: int, rows: int) -> None:
        import time

        if not self._wanted:
            return
        now = time.monotonic()
        if self._next is None:
            self._next = now + self._patience
        if now < self._next:
            return
        self._next = now + 0.1
        bar, task = self._drawn or self._draw()
        bar.update(task, completed=done, rows=f"{rows:,} rows")
        bar.refresh()

    def _draw(self) -> "tuple[RichProgress, TaskID]":
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TextColumn("{task.fields[rows]}"))
        bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
        bar.start()
        self._drawn = bar, bar.add_task(self._what, total=self._total, rows="")
        return self._drawn

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._drawn is not None:
            self._drawn[0].stop()


def conclude(result: "Result", *, verb: str, quiet: bool, as_json: bool, rows_on_stdout: bool) -> int:
    """Tell what it came to, and give the exit status: 0 every row once, 1 a segment failed or rows are missing."""
    for failure in result.failures:
        say(f"segment {failure.gp_segment}: ERROR: {failure.sentence}" + (f" ({failure.detail})" if failure.detail else ""))
    for problem in result.problems:
        say(f"ERROR: {problem}")
    if not quiet:
        for note in result.notes:
            say(note)
    if as_json:
        from gpinspect.views.objects import json_line

        stream = sys.stderr if rows_on_stdout else sys.stdout
        stream.write(json_line(load_object(result, verb)) + "\n")
    elif not quiet:
        _say_summary(result, verb)
    return Status.FINE if result.ok else Status.FINDINGS


def _say_summary(result: "Result", verb: str) -> None:
    ns = round(result.seconds * NANO)
    done = "read" if verb == "fetch" else "written"
    limit = ", then there were enough" if result.limited else ""
    say(
        f"{plural(result.rows, 'row')}, {bytes_text(result.payload_bytes)} {done} in {duration_text(ns)}, "
        f"{rate_text(result.payload_bytes, ns)} MB/s, by {plural(len(result.flows), 'segment')}{limit}"
    )
    if len(result.flows) == 1:
        return
    for flow in result.flows[:FLOWS_TOLD]:
        say(f"  segment {flow.gp_segment}: {flow.outcome}, {plural(flow.rows, 'row')}, {bytes_text(flow.payload_bytes)}")
    if len(result.flows) > FLOWS_TOLD:
        say(f"  and {count_text(len(result.flows) - FLOWS_TOLD)} more segments")


def load_object(result: "Result", verb: str) -> dict[str, Any]:
    """Schema gpinspect.load/1: times in nanoseconds, sizes in bytes."""
    return {
        "schema": SCHEMA,
        "verb": verb,
        "ok": result.ok,
        "rows": result.rows,
        "payload_bytes": result.payload_bytes,
        "duration_ns": round(result.seconds * NANO),
        "limited": result.limited,
        "segments": [
            {
                "segment": flow.gp_segment,
                "url": printable(flow.url),
                "outcome": flow.outcome,
                "rows": flow.rows,
                "payload_bytes": flow.payload_bytes,
                "packages": flow.packages,
                "connections": flow.connections,
                "duration_ns": round(flow.seconds * NANO),
            }
            for flow in result.flows
        ],
        "errors": [{"segment": one.gp_segment, "message": one.sentence, "detail": one.detail} for one in result.failures],
        "problems": list(result.problems),
        "notes": list(result.notes),
    }
