"""The options that the verbs on captures share, as one decorator and one value."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from gpinspect.model import Severity

SEVERITIES = {severity.word: severity for severity in Severity}


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for. `progress` and `color` None mean: as the terminal allows."""

    inputs: tuple[str, ...] = ()
    keylogs: tuple[str, ...] = ()
    server_keys: tuple[str, ...] = ()
    passphrase_file: str | None = None
    session: int | None = None
    json: bool = False
    hashes: bool = False
    quiet: bool = False
    color: bool = True
    progress: bool = True
    fail_on: Severity | None = None
    via_tshark: bool = False
    display_filter: str | None = None
    utc: bool = False
    root: str | None = None
    vantage: str | None = None

    @property
    def converted(self) -> bool:
        """Whether tshark may stand between the inputs and us, so that they cannot be read twice in place."""
        return self.via_tshark or bool(self.display_filter)


_SHARED: dict[str, Callable[[Any], Any]] = {
    "inputs": click.argument("inputs", nargs=-1, required=True, metavar="INPUT..."),
    "keylogs": click.option(
        "--keylog", "keylogs", multiple=True, metavar="FILE", help="TLS key log; repeatable. Default: $SSLKEYLOGFILE."
    ),
    "server_keys": click.option(
        "--server-key", "server_keys", multiple=True, metavar="FILE", help="RSA private key of a server (PEM); repeatable."
    ),
    "passphrase_file": click.option(
        "--passphrase-file", metavar="FILE", help="Its first line opens protected keys; else the terminal is asked."
    ),
    "session": click.option("--session", type=click.IntRange(min=1), metavar="N", help="Only this session."),
    "json": click.option("--json", "json", is_flag=True, help="JSON Lines, one object a line."),
    "hashes": click.option("--hash", "hashes", is_flag=True, help="Add SHA-256 values of the payload."),
    "quiet": click.option("-q", "--quiet", "quiet", is_flag=True, help="Nothing on stderr but errors."),
    "color": click.option(
        "--no-color", "color", flag_value=False, default=True, help="No colours (also: NO_COLOR in the environment)."
    ),
    "progress": click.option(
        "--progress/--no-progress", "progress", default=True, help="A bar on stderr for long work, on a terminal only."
    ),
    "fail_on": click.option(
        "--fail-on", type=click.Choice(list(SEVERITIES)), help="End with status 1 if there is a finding of this level or above."
    ),
    "via_tshark": click.option(
        "--via", "via_tshark", type=click.Choice(["tshark"]), help="Let tshark read the input (formats that only it knows)."
    ),
    "display_filter": click.option(
        "--display-filter",
        metavar="FILTER",
        help="Read only the frames that Wireshark shows with this filter: tshark chooses them, from files.",
    ),
    "utc": click.option("--utc", is_flag=True, help="Times of day in universal time."),
}


def common(*without: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a verb the shared options; it gets them as one `Options` in its first parameter.

    Args:
        without: Names of `Options` that mean nothing to the verb and are not offered.
    """

    def decorate(verb: Callable[..., Any]) -> Callable[..., Any]:
        offered = [name for name in _SHARED if name not in without]

        @functools.wraps(verb)
        def call(**given: Any) -> Any:
            shared = {name: given.pop(name) for name in offered}
            return verb(_options(shared), **given)

        wrapped: Callable[..., Any] = call
        for name in reversed(offered):
            wrapped = _SHARED[name](wrapped)
        return wrapped

    return decorate


def _options(shared: dict[str, Any]) -> Options:
    if "fail_on" in shared:
        shared["fail_on"] = SEVERITIES.get(shared["fail_on"])
    if "via_tshark" in shared:
        shared["via_tshark"] = shared["via_tshark"] == "tshark"
    if not shared.get("keylogs"):
        shared["keylogs"] = _keylog_of_environment(bool(shared.get("quiet")))
    return Options(**shared)


def _keylog_of_environment(quiet: bool) -> tuple[str, ...]:
    """$SSLKEYLOGFILE where it can be read: nobody named it for this run, so its absence stops nothing."""
    path = os.environ.get("SSLKEYLOGFILE", "")
    if not path:
        return ()
    if os.access(path, os.R_OK):
        return (path,)
    if not quiet:
        from gpinspect.cli.talk import say

        say(f"$SSLKEYLOGFILE {path} cannot be read; going on without it")
    return ()
