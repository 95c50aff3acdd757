"""A Wireshark display filter chooses the frames that are read."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gpinspect.capture import open_captures
from gpinspect.cli.group import gpinspect
from gpinspect.errors import CaptureError, SourceError
from gpinspect.inspection import inspect

from .build import drain

CAPTURES = Path(__file__).resolve().parent.parent.parent / "captures"
FOUR = str(CAPTURES / "gp-get-csv-header-4seg.pcapng")


def test_only_the_connection_that_the_filter_shows_is_read() -> None:
    with inspect([FOUR]) as everything:
        port = next(one.client.port for one in everything.exchanges if one.segment == 2)
        assert len(everything.exchanges) == 4
    with inspect([FOUR], display_filter=f"tcp.port == {port}") as chosen:
        assert [exchange.segment for exchange in chosen.exchanges] == [2]
        assert chosen.exchanges[0].outcome == "complete"
        assert chosen.connections[0].frames[0] == 1, "frames are numbered as they are read"


def test_chosen_frames_can_be_read_again_when_a_copy_is_kept() -> None:
    with inspect([FOUR], display_filter="tcp", again=True) as chosen, inspect([FOUR]) as everything:
        exchange = next(one for one in chosen.exchanges if one.segment == 2)
        assert chosen.read_package(exchange.id, 0).data == everything.read_package(exchange.id, 0).data


def test_a_filter_that_shows_nothing_leaves_nothing() -> None:
    with open_captures([FOUR], display_filter="udp") as capture:
        assert drain(capture).frames == []


def test_a_filter_that_is_none_is_refused_in_the_words_of_tshark() -> None:
    with pytest.raises(CaptureError, match=r"no\.such"):
        open_captures([FOUR], display_filter="no.such == 1")


def test_a_filter_wants_a_file_and_tshark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CaptureError, match="display filter is for files"):
        open_captures(["-"], display_filter="tcp")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="display-filter"):
        open_captures([FOUR], display_filter="tcp")


def test_the_option_works_for_every_verb_that_reads() -> None:
    for verb in ("sessions", "flows", "exchanges", "packages", "findings"):
        result = CliRunner().invoke(gpinspect, [verb, FOUR, "--json", "-q", "--display-filter", "tcp.port == 1"])
        assert (result.exit_code, result.stdout) == (4, ""), verb
    result = CliRunner().invoke(gpinspect, ["exchanges", FOUR, "--json", "-q", "--display-filter", 'http contains "SEGMENT-ID: 2"'])
    assert result.stdout.count("\n") == 1
