"""What is compared: each tool's command line, and how its answer is read."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.generate import Made

HERE = Path(__file__).resolve().parent
OUR_LUA = HERE.parent / "dissectors" / "wireshark" / "gpfdist.lua"
SCAPY_FRAMES = 10_000

GPINSPECT, SAME, LESS, LIMIT = "gpinspect", "same work", "does less", "the limit"
# For which captures a tool is meant: is gpfdist inside TLS?
CLEAR, TLS, BOTH = frozenset({False}), frozenset({True}), frozenset({False, True})
NUMBERS = {
    "messages": "messages",
    "payload_bytes": "payload bytes",
    "connections": "connections",
    "sealed_bytes": "decrypted bytes",
}


@dataclass(frozen=True)
class Answer:
    """What a tool said is in the capture; None where it does not say."""

    messages: int | None = None
    payload_bytes: int | None = None
    connections: int | None = None
    sealed_bytes: int | None = None  # application data that was inside TLS
    scaled: float | None = None  # CPU seconds for the whole capture, from the rate over its first frames

    def wrong(self, truth: dict[str, Any]) -> str:
        """The first number that is not the truth, as "wrong (12,051 of 12,872 messages)"; else nothing."""
        for what, words in NUMBERS.items():
            said = getattr(self, what)
            if said is not None and said != truth[what]:
                return f"wrong ({said:,} of {truth[what]:,} {words})"
        return ""


@dataclass(frozen=True)
class Tool:
    """One row of the table.

    `answer` reads (stdout, truth) and raises ValueError, KeyError or IndexError when it is not what was expected.
    """

    name: str
    kind: str
    settings: str
    command: Callable[[Made], list[str]]
    answer: Callable[[str, dict[str, Any]], Answer]
    program: str  # what has to be there
    install: str  # how to get it
    where: frozenset[bool] = CLEAR

    def fits(self, made: Made) -> bool:
        """It can do something with this capture."""
        return (made.keylog is not None) in self.where


def program(name: str) -> str:
    """The command beside this Python first, else the one on PATH, else the bare name."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or name


def ports(made: Made) -> list[str]:
    return [str(port) for port in made.truth["ports"]]


# Answers


def lines_of(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def from_sessions(stdout: str, truth: dict[str, Any]) -> Answer:
    rows = lines_of(stdout)
    return Answer(None, sum(row["payload_bytes"] for row in rows), sum(row["connections"] for row in rows))


def from_exchanges(stdout: str, truth: dict[str, Any]) -> Answer:
    rows = lines_of(stdout)
    messages = sum(sum(row["message_counts"].values()) for row in rows if row["message_counts"])
    return Answer(messages, sum(row["payload_bytes"] for row in rows), len({row["connection"] for row in rows}))


def from_sums(stdout: str, truth: dict[str, Any]) -> Answer:
    """One line of JSON with sums; letters that are unknown are in the sum of messages."""
    said = json.loads(stdout)
    return Answer(sum(said["message_counts"].values()), said["payload_bytes"], said["connections"])


def from_conversations(stdout: str, truth: dict[str, Any]) -> Answer:
    return Answer(connections=len(re.findall(r"^\S+:\d+ +<-> ", stdout, re.MULTILINE)))


def from_decrypted(stdout: str, truth: dict[str, Any]) -> Answer:
    """The one row of `io,stat` over the whole capture; what tshark opened and nobody dissects further is `data` to it."""
    found = re.search(r"<> +[\d.]+ +\| +(\d+) +\|", stdout)
    if not found:
        raise ValueError("no sum in the table")
    return Answer(sealed_bytes=int(found[1]))


def from_rate(stdout: str, truth: dict[str, Any]) -> Answer:
    said = json.loads(stdout)
    share = truth["frames"] / said["frames"] if said["frames"] else 1.0
    return Answer(scaled=said["start_s"] + said["loop_s"] * share)


def nothing(stdout: str, truth: dict[str, Any]) -> Answer:
    return Answer()


# Commands

IN_ORDER = ["-o", "tcp.reassemble_out_of_order:TRUE"]
NO_HTTP = ["--disable-protocol", "http"]


def gpinspect(verb: str) -> Callable[[Made], list[str]]:
    def command(made: Made) -> list[str]:
        opened = ["--keylog", str(made.keylog)] if made.keylog else []
        return [program("gpinspect"), verb, str(made.path), *opened, "--json", "--no-progress"]

    return command


def with_lua(script: Path, *settings: str) -> Callable[[Made], list[str]]:
    def command(made: Made) -> list[str]:
        given = [word for port in ports(made) for word in ("-X", f"lua_script1:{port}")]
        return ["tshark", "-n", "-q", "-X", f"lua_script:{script}", *given, *settings, *opening(made), "-r", str(made.path)]

    return command


def opening(made: Made) -> list[str]:
    """What makes tshark open TLS; nothing for other captures."""
    if made.keylog is None:
        return []
    spoken = [word for port in ports(made) for word in ("-d", f"tcp.port=={port},tls")]
    return ["-o", f"tls.keylog_file:{made.keylog}", *spoken]


def decrypting(made: Made) -> list[str]:
    return ["tshark", "-n", "-q", "-z", "io,stat,0,SUM(data.len)data.len", *NO_HTTP, *opening(made), "-r", str(made.path)]


def script(name: str, *more: str) -> Callable[[Made], list[str]]:
    return lambda made: [sys.executable, str(HERE / name), str(made.path), *(more or ports(made)[:1])]


def conversations(*settings: str) -> Callable[[Made], list[str]]:
    return lambda made: ["tshark", "-n", "-q", "-z", "conv,tcp", *settings, "-r", str(made.path)]


def copied(made: Made) -> list[str]:
    return ["dd", "bs=4M", "of=/dev/null", f"if={made.path}", "status=none"]


def with_our_lua(*settings: str) -> Callable[[Made], list[str]]:
    """Our dissector prints the sums of what it found; it looks for gpfdist on every port itself."""

    def command(made: Made) -> list[str]:
        summed = ["-X", f"lua_script:{OUR_LUA}", "-o", "gpfdist.statistics:sums"]
        return ["tshark", "-n", "-q", *summed, *settings, *opening(made), "-r", str(made.path)]

    return command


APT, DEV = "apt-get install tshark", "pip install -e '.[dev]'"
PLAIN = "--json --no-progress"


def tools() -> list[Tool]:
    """All that can be compared here, in the order of the table."""
    return [
        Tool("gpinspect sessions", GPINSPECT, PLAIN, gpinspect("sessions"), from_sessions, "gpinspect", DEV, BOTH),
        Tool("gpinspect exchanges", GPINSPECT, PLAIN, gpinspect("exchanges"), from_exchanges, "gpinspect", DEV, BOTH),
        Tool(
            "tshark, our Lua",
            SAME,
            "-n, as it comes (HTTP on, reassemble_out_of_order off), any port; prints sums",
            with_our_lua(),
            from_sums,
            "tshark",
            APT,
        ),
        Tool(
            "tshark, minimal Lua",
            SAME,
            "-n, HTTP off, reassemble_out_of_order on, ports given; prints sums",
            with_lua(HERE / "minimal.lua", *IN_ORDER, *NO_HTTP),
            from_sums,
            "tshark",
            APT,
            BOTH,
        ),
        Tool(
            "tshark, Lua, defaults",
            SAME,
            "-n, as it comes (HTTP on, reassemble_out_of_order off), ports given; prints sums",
            with_lua(HERE / "minimal.lua"),
            from_sums,
            "tshark",
            APT,
        ),
        Tool(
            "dpkt, package parse", SAME, "streams in order, content let go", script("with_dpkt.py"), from_sums, "python:dpkt", DEV
        ),
        Tool(
            "tshark, decrypts only",
            LESS,
            "-n, HTTP off, keylog_file; sums the decrypted bytes, knows no message",
            decrypting,
            from_decrypted,
            "tshark",
            APT,
            TLS,
        ),
        Tool(
            "tshark conv,tcp",
            LESS,
            "-n, HTTP off; counts connections alone",
            conversations(*NO_HTTP),
            from_conversations,
            "tshark",
            APT,
        ),
        Tool(
            "tshark conv, defaults",
            LESS,
            "-n, as it comes (HTTP on); counts connections alone",
            conversations(),
            from_conversations,
            "tshark",
            APT,
        ),
        Tool(
            "scapy PcapReader",
            LESS,
            f"scaled from the rate over {SCAPY_FRAMES:,} frames; knows no stream",
            script("with_scapy.py", str(SCAPY_FRAMES)),
            from_rate,
            "python:scapy",
            DEV,
        ),
        Tool("dd", LIMIT, "bs=4M of=/dev/null", copied, nothing, "dd", "install coreutils", BOTH),
    ]
