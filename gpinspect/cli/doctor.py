"""`gpinspect doctor`: what this machine can do."""

import locale
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

import click

from gpinspect import __version__
from gpinspect.cli.options import Options, common
from gpinspect.cli.output import listing
from gpinspect.cli.status import Status
from gpinspect.views.objects import Object, wire_text
from gpinspect.views.tables import Column, Table, Tone
from gpinspect.views.text import printable

PACKAGES = ("click", "construct", "cryptography", "jinja2", "lz4", "pyshark", "pyyaml", "rich", "scapy", "textual", "zstandard")
TOOLS = {"tshark": "reads formats that we do not", "dumpcap": "captures live", "tcpdump": "captures live"}
PATIENCE = 5
"""Seconds that a tool has to say its version."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `state` is `ok`, `limited` or `missing`; `advice` is empty when nothing needs doing."""

    name: str
    state: str
    value: str
    advice: str = ""


_TONES: dict[str, Tone] = {"ok": "good", "limited": "warn", "missing": "warn"}

DOCTOR: Table[Check] = Table(
    "checks",
    (
        Column("Check", lambda k, c: k.name),
        Column("State", lambda k, c: k.state, tones=_TONES),
        Column("Value", lambda k, c: printable(k.value), least=20),
        Column("Advice", lambda k, c: printable(k.advice) or "-", priority=2, least=20),
    ),
)


def check_object(check: Check) -> Object:
    """Schema gpinspect.doctor/1."""
    return {
        "schema": "gpinspect.doctor/1",
        "check": check.name,
        "state": check.state,
        "value": wire_text(check.value),
        "advice": wire_text(check.advice) or None,
    }


@click.command("doctor")
@common("inputs", "keylogs", "server_keys", "session", "hashes", "progress", "fail_on", "via_tshark", "display_filter", "utc")
def command(options: Options) -> int:
    """What this machine can do: packages, tshark, capture rights, terminal, TLS key log."""
    listing(options, DOCTOR, checks(), check_object)
    return Status.FINE


def checks() -> Iterator[Check]:
    """Look at everything, one thing at a time; nothing here fails."""
    yield Check("gpinspect", "ok", __version__)
    yield Check("python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield from map(_package, PACKAGES)
    for tool in TOOLS:
        yield _tool(tool)
    yield _capture_rights()
    yield from _terminal()
    yield _key_log()


def _package(name: str) -> Check:
    try:
        return Check(f"package {name}", "ok", metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(f"package {name}", "missing", "-", f"pip install {name}")


def _said(*command: str) -> str:
    """What a tool prints, empty where it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() or done.stderr.strip()


def _tool(name: str) -> Check:
    path = shutil.which(name)
    if path is None:
        return Check(name, "missing", "-", f"install it: {TOOLS[name]}")
    version = next(iter(_said(path, "--version").splitlines()), "")
    return Check(name, "ok" if version else "limited", f"{version or 'says no version'} at {path}")


def _capture_rights() -> Check:
    name = "capture rights"
    if os.geteuid() == 0:
        return Check(name, "ok", "root")
    dumpcap = shutil.which("dumpcap")
    if dumpcap is None:
        return Check(name, "missing", "neither root nor dumpcap", "install dumpcap (wireshark-common), or capture as root")
    getcap = shutil.which("getcap") or shutil.which("getcap", path="/sbin:/usr/sbin")
    granted = _said(getcap, dumpcap) if getcap else ""
    if "cap_net_raw" in granted and os.access(dumpcap, os.X_OK):
        return Check(name, "ok", granted)
    advice = f"setcap cap_net_raw,cap_net_admin=ep {dumpcap}, and join the group that may run it"
    return Check(name, "missing", "dumpcap has no cap_net_raw" if getcap else "getcap is not there to ask", advice)


def _terminal() -> Iterator[Check]:
    kind = os.environ.get("TERM", "")
    if not sys.stdout.isatty():
        yield Check("terminal", "limited", "stdout is no terminal", "the interface wants one; tables and JSON do not")
    else:
        size = shutil.get_terminal_size()
        small = size.columns < 80 or size.lines < 24
        advice = "80x24 is the least that shows everything" if small else ""
        yield Check("terminal", "limited" if small else "ok", f"{kind or '-'} {size.columns}x{size.lines}", advice)
    many = os.environ.get("COLORTERM") in ("truecolor", "24bit")
    if os.environ.get("NO_COLOR"):
        yield Check("colour", "limited", "NO_COLOR is set")
    else:
        plain = kind in ("", "dumb")
        yield Check("colour", "limited" if plain else "ok", "none" if plain else "16 million" if many else "those of the theme")
    encoding = locale.getpreferredencoding(False)
    utf8 = encoding.lower().replace("-", "") == "utf8"
    yield Check("locale", "ok" if utf8 else "limited", encoding, "" if utf8 else "LANG=C.UTF-8 shows names as they are")


def _key_log() -> Check:
    path = os.environ.get("SSLKEYLOGFILE")
    if not path:
        return Check("SSLKEYLOGFILE", "missing", "not set", "give --keylog FILE with captures of gpfdists")
    if not os.access(path, os.R_OK):
        return Check("SSLKEYLOGFILE", "limited", path, "it cannot be read")
    return Check("SSLKEYLOGFILE", "ok", path)
