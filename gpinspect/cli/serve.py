"""`gpinspect serve`: a gpfdist."""

import asyncio
import logging
import os
import signal
import sys
from typing import IO, TYPE_CHECKING, Any

import click

from gpinspect.cli.status import Status
from gpinspect.cli.talk import say
from gpinspect.errors import EncodeError, SourceError
from gpinspect.views.text import printable

if TYPE_CHECKING:
    from gpinspect.peers.server import ServerSettings
    from gpinspect.peers.server.gpload import GploadInput

PORT = click.IntRange(0, 65535)
VERSIONS = ("1.0", "1.1", "1.2", "1.3")
_LINE = "%(asctime)s %(process)d %(levelname)s %(message)s"


def _timeout(context: click.Context, option: click.Parameter, value: int) -> int:
    if value == 1:
        raise click.BadParameter("1 is too short; 0 waits for ever, else 2 to 7200")
    return value


@click.command("serve")
@click.argument("folder", required=False, metavar="[DIR]")
@click.option("-d", "directory", metavar="DIR", help="The same as DIR. Default: the current directory.")
@click.option("-p", "port", type=PORT, metavar="PORT", help="Port; 0 takes any that is free.  [default: 8080]")
@click.option("-P", "last_port", type=PORT, metavar="PORT", help="Last port to try; the first free one from -p on is taken.")
@click.option(
    "--host", "-b", "hosts", multiple=True, metavar="ADDRESS", help="Listen there; repeatable. Default: the loopback addresses."
)
@click.option("-l", "log", metavar="FILE", help="Write the log there, appended. Default: stderr.")
@click.option(
    "-t", "head_timeout", type=click.IntRange(0, 7200), callback=_timeout, default=5, show_default=True, metavar="SECONDS",
    help="Patience with a request that does not come; 0 is endless.",
)  # fmt: skip
@click.option(
    "-m", "block", type=click.IntRange(32768, 256 << 20), metavar="BYTES", help="Longest row and largest block.  [default: 32768]"
)
@click.option(
    "-k", "keep", type=click.IntRange(300, 86400), default=300, show_default=True, metavar="SECONDS",
    help="How long ended sessions are remembered.",
)  # fmt: skip
@click.option(
    "-w", "close_delay", type=click.IntRange(0, 7200), default=0, show_default=True, metavar="SECONDS",
    help="Wait before the target of a write is closed.",
)  # fmt: skip
@click.option("-z", "backlog", type=click.IntRange(16, 512), default=256, hidden=True)
@click.option("-c", "transforms", metavar="FILE", help="Transforms, in YAML.")
@click.option("-f", "forced", metavar="FILE", help="Answer every request with these files below DIR.")
@click.option("-g", "forced_proto", type=click.Choice(["0", "1"]), help="Use this protocol, whatever is asked for.")
@click.option("-S", "synchronous", is_flag=True, help="Write with O_SYNC.")
@click.option("-v", "verbose", is_flag=True, help="A line in the log for each request, and its answer where it is an error.")
@click.option("-V", "very_verbose", is_flag=True, help="The same as -v.")
@click.option("-s", "silent", is_flag=True, help="Nothing in the log but warnings.")
@click.option("--ssl", "ssl", metavar="DIR", help="Only TLS: server.crt, server.key and root.crt are in DIR.")
@click.option(
    "--ssl_verify_peer", "verify_peer", type=click.Choice(["on", "off"]), default="on", help="Ask clients for a certificate."
)
@click.option("--tls-min", type=click.Choice(VERSIONS), default="1.2", show_default=True, help="Lowest version of TLS.")
@click.option("--tls-max", type=click.Choice(VERSIONS), help="Highest version of TLS.")
@click.option("--ciphers", metavar="LIST", help="Suites of TLS 1.2 and below, as OpenSSL names them.")
@click.option("--crl", metavar="FILE", help="Revoked client certificates (PEM).")
@click.option("--keylog", metavar="FILE", help="Append the secrets of every TLS connection: captures of it can be opened.")
@click.option("--compress", is_flag=True, help="Take offers of zstd.")
@click.option("--compress-level", type=click.IntRange(1, 9), default=1, show_default=True, help="Effort of zstd.")
@click.option(
    "--multi_thread", type=click.IntRange(min=1), metavar="N", help="One block a turn, and --compress, as with N threads."
)
@click.option("--release", type=click.Choice(["6", "7", "cloudberry"]), default="6", show_default=True, help="Whose habits it has.")
@click.option("--version-text", metavar="TEXT", help="What X-GPFDIST-VERSION says.")
@click.option("--shown-dir", metavar="DIR", help="What file names start with when clients are told. Default: DIR, absolute.")
@click.option("--gpload", metavar="FILE", help="Serve what INPUT of this gpload control file names.")
def command(**given: Any) -> int:
    """Serve the files of DIR to Greenplum segments, as gpfdist does.

    It listens on the loopback addresses, serves nothing outside of DIR, and one slow client, pipe or transform does not stop the
    others. stdout says the port; the log is on stderr.
    """
    settings = _settings(given)
    stream = _log(given["log"], quiet=given["silent"], verbose=given["verbose"] or given["very_verbose"])
    try:
        return asyncio.run(_serve(settings))
    finally:
        if stream is not None:
            stream.close()


def _settings(given: dict[str, Any]) -> "ServerSettings":
    from gpinspect.grammar.httpbuild import build_response
    from gpinspect.peers.server import ServerSettings
    from gpinspect.peers.server.settings import BLOCK, VERSION

    load = None
    if given["gpload"] is not None:
        from gpinspect.peers.server.gpload import read_gpload

        load = read_gpload(given["gpload"])
    if given["folder"] is not None and given["directory"] is not None and given["folder"] != given["directory"]:
        raise click.UsageError(f"DIR is {given['folder']} and -d is {given['directory']}; name the directory once")
    folder = given["folder"] or given["directory"] or (load.folder() if load else ".")
    files = tuple(name.lstrip("/") for name in (given["forced"] or "").split())
    first, last = given["port"], given["last_port"]
    if load is not None:
        _tell(given["gpload"], load)
        files = tuple(_below(folder, name) for name in load.files)
        if first is None:
            first, last = load.first_port, last or load.last_port
    first = 8080 if first is None else first
    if last is not None and last < first:
        raise click.UsageError(f"-P {last} is below -p {first}; -P is the last port that is tried")
    certificates = given["ssl"] or (load.certificates if load else None)
    version = given["version_text"] or VERSION
    try:
        build_response("status", server_version=version)
    except EncodeError as problem:
        raise click.UsageError(f"--version-text: {problem}") from problem
    more: dict[str, Any] = {"hosts": tuple(given["hosts"])} if given["hosts"] else {}
    if given["transforms"]:
        from gpinspect.peers.server.transforms import read_transforms

        more["transforms"] = read_transforms(given["transforms"])
    return ServerSettings(
        directory=folder,
        shown_directory=given["shown_dir"],
        port=first,
        last_port=last,
        head_timeout=given["head_timeout"],
        block=given["block"] or max(load.max_line_length or 0 if load else 0, BLOCK),
        keep=given["keep"],
        close_delay=given["close_delay"],
        synchronous=given["synchronous"],
        backlog=given["backlog"],
        forced_proto=None if given["forced_proto"] is None else int(given["forced_proto"]),
        files=tuple(os.fsencode(name).decode("latin-1") for name in files),
        compress=given["compress"] or given["multi_thread"] is not None,
        compress_level=given["compress_level"],
        blocks_a_turn=3 if given["multi_thread"] is None else 1,
        release=given["release"],
        version=version,
        tls=None if certificates is None else _tls(certificates, given),
        **more,
    )


def _tls(directory: str, given: dict[str, Any]) -> Any:
    from gpinspect.peers.tls import ServerTls

    if os.path.abspath(directory) == "/":  # noqa: PTH100
        raise click.UsageError("--ssl /: may not be /; name the folder with server.crt, server.key and root.crt")
    tls = ServerTls(
        directory=directory,
        verify_peer=given["verify_peer"] == "on",
        least=given["tls_min"],
        most=given["tls_max"],
        ciphers=given["ciphers"],
        keylog=given["keylog"],
        crl=given["crl"],
    )
    for sentence in tls.check():
        say(sentence)
    return tls


def _tell(path: str, load: "GploadInput") -> None:
    if load.columns:
        say(f"{path}: columns {', '.join(f'{name} {kind}'.strip() for name, kind in load.columns)}")
    if load.ignored:
        say(f"{path}: left alone: {', '.join(load.ignored)}")


def _below(folder: str, name: str) -> str:
    """A path of a control file as one below the served directory."""
    inner = os.path.relpath(os.path.abspath(name), os.path.abspath(folder))  # noqa: PTH100
    if inner == ".." or inner.startswith("../"):
        raise SourceError(f"{name}: lies outside of {folder}; serve a directory that holds all files of INPUT")
    return inner


def _log(path: str | None, *, quiet: bool, verbose: bool) -> IO[str] | None:
    """Where the lines of the server go; the file to close."""
    stream: IO[str] | None = None
    if path is not None:
        try:
            stream = open(path, "a", encoding="utf-8", errors="backslashreplace")  # noqa: PTH123, SIM115
        except OSError as problem:
            raise SourceError(f"{path}: {problem.strerror}; -l wants a file that may be written") from problem
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Printable(_LINE, "%Y-%m-%d %H:%M:%S"))
    logger = logging.getLogger("gpinspect.peers")
    logger.handlers[:] = [handler]
    logger.propagate = False
    wanted = verbose or (path is not None and not quiet)
    logger.setLevel(logging.INFO if wanted else logging.WARNING)
    return stream


class _Printable(logging.Formatter):
    """Lines without what a terminal could take for a command: names come from the wire."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


async def _serve(settings: "ServerSettings") -> int:
    from gpinspect.peers.server import ReferenceServer

    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    caught: list[int] = []

    def stop(number: int) -> None:
        caught.append(number)
        over.set()

    async with ReferenceServer(settings) as server:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, number)
        scheme = "HTTP" if settings.tls is None else "HTTPS"
        click.echo(f"Serving {scheme} on port {server.port}, directory {printable(settings.absolute)}")
        sys.stdout.flush()
        await over.wait()
    return Status.INTERRUPTED if signal.SIGINT in caught else Status.FINE
