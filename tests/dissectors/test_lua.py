"""The Wireshark dissector in a real tshark: it is what the grammar says, and it sees what gpinspect sees."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import gpinspect as package
from gpinspect.cli.group import gpinspect
from gpinspect.model import UNKNOWN
from gpinspect.model.packages import DATA

ROOT = Path(__file__).resolve().parent.parent.parent
LUA = ROOT / "dissectors" / "wireshark" / "gpfdist.lua"
READS = (
    "gp-get-csv-header-4seg.pcapng",
    "gp-get-csv-loss.pcapng",
    "gp-get-csv-mtu1500.pcapng",
    "gp-get-two-servers.pcapng",
    "gp-get-killed-server.pcapng",
    "gp-get-cursor-close.pcapng",
    "gp-get-cooked.pcap",
    "curl-get-p1-wildcard-2seg.pcapng",
    "gp-post-cancelled-s.pcapng",
    "curl-bad-requests.pcapng",
)


def tshark(capture: Path, *arguments: str) -> str:
    """What tshark prints with the dissector; nothing of Lua may have failed."""
    settings = ["-o", "tcp.reassemble_out_of_order:TRUE", "-X", f"lua_script:{LUA}"]
    done = subprocess.run(
        ["tshark", *settings, "-r", str(capture), *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Lua Error" not in done.stdout and "lua" not in done.stderr.lower()
    return done.stdout


def test_shipped_dissector_is_what_the_grammar_says() -> None:
    done = CliRunner().invoke(gpinspect, ["export", "lua", "--check", str(LUA)])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", READS)
def test_tshark_sees_the_packages_that_gpinspect_sees(name: str) -> None:
    capture = ROOT / "captures" / name
    with package.inspect([str(capture)]) as found:
        wanted = sorted(
            (one.offset, one.length)
            for exchange in found.exchanges
            for one in exchange.packages
            if one.kind == DATA and one.offset != UNKNOWN
        )
    fields = ["-e", "gpfdist.package.offset", "-e", "gpfdist.package.length"]
    seen = []
    for line in tshark(capture, "-Y", "gpfdist.package.offset", "-T", "fields", *fields).splitlines():
        offsets, lengths = ([int(one) for one in column.split(",")] for column in line.split("\t"))
        seen += zip(offsets, filter(None, lengths), strict=True)  # the end of data has a length of 0 and no offset
    assert sorted(seen) == wanted


@pytest.mark.parametrize("name", READS)
def test_tshark_sees_the_paths_and_segments_of_the_requests(name: str) -> None:
    capture = ROOT / "captures" / name
    with package.inspect([str(capture)]) as found:
        wanted = sorted((one.path, one.segment) for one in found.exchanges if one.path and one.segment is not None)
    fields = ["-e", "gpfdist.path", "-e", "gpfdist.segment_id"]
    lines = tshark(capture, "-Y", "gpfdist.path && gpfdist.segment_id", "-T", "fields", *fields).splitlines()
    assert sorted((path, int(segment)) for path, segment in (line.split("\t") for line in lines)) == wanted
