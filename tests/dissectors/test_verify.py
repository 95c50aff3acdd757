"""gpinspect and tshark with the dissector read the same captures, and what differs is named."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from gpinspect.cli.group import gpinspect
from gpinspect.export import lua
from gpinspect.export.lua.tables import CODES
from gpinspect.inspection.verify import LOST_IN_TLS, Verified
from gpinspect.inspection.verify import verify as verify_with

from .lua_running import CAPTURES, SHIPPED, rewritten, thinned, without_ends

KEYS = CAPTURES / "tls" / "keys"
OVER_TLS = sorted(path.stem for path in (CAPTURES / "tls").glob("*.pcap*") if (KEYS / f"{path.stem}.keylog").exists())
HOLES_IN_TLS = ["gap_tls12_rsa", "snap3000_tls12_rsa"]
ON_ETHERNET = [name for name in SHIPPED if name != "gp-get-cooked.pcap"]


def verify(path: str, keylogs: Sequence[str] = ()) -> Verified:
    return verify_with(path, lua.dissector(), CODES, keylogs=keylogs)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_capture_is_read_alike(name: str) -> None:
    found = verify(str(CAPTURES / name))
    assert [str(difference) for difference in found.differences] == []
    assert found.connections > 0
    assert found.left_out == ()


@pytest.mark.parametrize("name", OVER_TLS)
def test_a_capture_over_tls_is_read_alike_with_its_key_log(name: str) -> None:
    path = next((CAPTURES / "tls").glob(f"{name}.pcap*"))
    found = verify(str(path), keylogs=[str(KEYS / f"{name}.keylog")])
    assert [str(difference) for difference in found.differences] == []
    assert (found.left_out != ()) == (name in HOLES_IN_TLS)
    assert all(LOST_IN_TLS in words for words in found.left_out)


@pytest.mark.parametrize("name", ON_ETHERNET)
def test_a_capture_without_its_ends_is_read_alike(name: str, tmp_path: Path) -> None:
    path = rewritten(CAPTURES / name, tmp_path / "endless.pcapng", without_ends)
    assert [str(difference) for difference in verify(str(path)).differences] == []


@pytest.mark.parametrize(
    "name", ["gp-get-csv-mtu1500.pcapng", "gp-get-csv-loss.pcapng", "curl-post-2seg.pcapng", "gp-get-two-servers.pcapng"]
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_miss_the_same_where_the_recorder_lost_frames(name: str, seed: int, tmp_path: Path) -> None:
    path = rewritten(CAPTURES / name, tmp_path / "thinned.pcapng", thinned(seed, 0.05))
    assert [str(difference) for difference in verify(str(path)).differences] == []


def spoilt(monkeypatch: pytest.MonkeyPatch, before: str, after: str) -> list[str]:
    """What is said of a dissector with a fault in it."""
    text = lua.dissector()
    assert text.count(before) == 1
    monkeypatch.setattr(lua, "dissector", lambda: text.replace(before, after))
    return [str(difference) for difference in verify(str(CAPTURES / "gp-get-csv-header-4seg.pcapng")).differences]


def test_a_wrong_line_is_named_for_each_package(monkeypatch: pytest.MonkeyPatch) -> None:
    said = spoilt(monkeypatch, "state.line = record.line", "state.line = {high = 0, low = 7}")
    assert "connection 1, exchange 1: package 0 line: gpinspect 2, tshark 7" in said
    assert len(said) == 11


def test_a_byte_of_payload_that_is_not_shown_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = spoilt(monkeypatch, "if range and owner.rows then item:add(F.rows, range) end", "")
    assert [words.split(": ")[1] for words in said] == ["payload SHA-256", "payload SHA-256"]


def test_a_header_with_another_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = spoilt(monkeypatch, "if head.path then item:add(F.path, printable(head.path)) end", 'item:add(F.path, "/x")')
    assert said == [
        f"connection {n}, exchange 1: request path: gpinspect /gp-get-csv-header-4seg.csv, tshark /x" for n in range(1, 5)
    ]


def test_the_command_says_what_was_compared_and_ends_with_0() -> None:
    path = CAPTURES / "gp-get-csv-header-4seg.pcapng"
    result = CliRunner().invoke(gpinspect, ["verify", str(path)])
    assert result.exit_code == 0
    assert (
        "4 connections, 4 exchanges, 48 messages, 15 packages, 354,697 payload bytes, 0 findings: the same in both" in result.output
    )


def test_the_command_ends_with_1_and_gives_json_where_something_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    text = lua.dissector()
    monkeypatch.setattr(lua, "dissector", lambda: text.replace("state.offset = record.offset", "state.offset = nil"))
    result = CliRunner().invoke(gpinspect, ["verify", "--json", str(CAPTURES / "gp-get-csv-header-4seg.pcapng")])
    assert result.exit_code == 1
    first = json.loads(result.output.splitlines()[0])
    assert first["schema"] == "gpinspect.difference/1"
    assert (first["what"], first["ours"], first["tshark"]) == ("package 0 offset", "20", "nothing")


def test_what_is_no_capture_is_told_as_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "no.pcap"
    path.write_bytes(b"hello")
    result = CliRunner().invoke(gpinspect, ["verify", str(path)])
    assert result.exit_code == 3
