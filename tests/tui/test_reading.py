"""The reader in its thread, and how leaving becomes an exit status."""

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gpinspect import tui
from gpinspect.cli.tui import command
from gpinspect.errors import CaptureError, SourceError
from gpinspect.inspection import open_inspection
from gpinspect.tui import Left
from gpinspect.tui.crash import state_folder, written_report
from gpinspect.tui.reading import GIVE_WAY, Ended, FileReader, News, Snapshot, base_names, total_size
from tui.support import ROWS, read_capture


def told(reader: FileReader) -> list[News]:
    """All that a reader says."""
    news: list[News] = []
    over = threading.Event()

    def tell(word: News) -> None:
        news.append(word)
        if isinstance(word, Ended):
            over.set()

    reader.start(tell)
    assert over.wait(30)
    return news


def test_the_last_snapshot_is_complete_and_comes_before_the_end(tmp_path: Path) -> None:
    path = read_capture(tmp_path)
    reader = FileReader(open_inspection([str(path)], again=True))
    *_, last, end = told(reader)
    assert isinstance(last, Snapshot) and last.complete and end == Ended()
    assert last.bytes == last.total == path.stat().st_size
    assert sum(flow.payload_bytes for flow in last.flows) == len(ROWS)
    reader.close()


def test_what_was_read_before_a_cancel_is_kept_and_not_called_complete(tmp_path: Path) -> None:
    reader = FileReader(open_inspection([str(read_capture(tmp_path))], again=True))
    reader.cancel()
    *_, last, end = told(reader)
    assert isinstance(last, Snapshot) and not last.complete and end == Ended(cancelled=True)
    reader.close()


def test_a_package_of_an_earlier_snapshot_is_still_found(tmp_path: Path) -> None:
    reader = FileReader(open_inspection([str(read_capture(tmp_path))], again=True))
    *_, last, _ = told(reader)
    assert isinstance(last, Snapshot)
    exchange = next(exchange for exchange in last.exchanges if len(exchange.packages) > 1)
    package = exchange.packages[0]
    found = reader.fetch(exchange, 0)
    assert found.data[package.head :] == ROWS[package.offset : package.offset + package.length]
    with pytest.raises(IndexError):
        reader.fetch(exchange, 999)
    reader.close()


def test_an_error_while_reading_is_told_with_what_came_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inspection = open_inspection([str(read_capture(tmp_path))], again=True)

    def broken() -> Any:
        raise CaptureError("read.pcap", "damaged", 24)
        yield

    monkeypatch.setattr(inspection, "steps", broken)
    *_, last, end = told(FileReader(inspection))
    assert isinstance(last, Snapshot) and not last.complete
    assert isinstance(end, Ended) and isinstance(end.error, CaptureError)


def test_sizes_are_known_of_files_alone(tmp_path: Path) -> None:
    path = read_capture(tmp_path)
    assert total_size((str(path), str(path))) == 2 * path.stat().st_size
    assert total_size((str(path), "/dev/null")) is None and total_size(("/not/there",)) is None


def test_inputs_are_named_shortly() -> None:
    assert base_names(("/a/b.pcap", "/c.pcap")) == "b.pcap and 1 more"
    assert base_names(()) == "-"


def test_without_a_terminal_it_says_what_to_use_instead(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="terminal"):
        tui.run([str(read_capture(tmp_path))])


def test_standard_input_that_is_a_terminal_carries_no_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda fd: True)
    with pytest.raises(SourceError, match="pipe a capture into it"):
        tui.run(["-"])


def test_a_pipe_that_goes_quiet_shows_what_came_and_its_packages_can_be_read(tmp_path: Path) -> None:
    whole = read_capture(tmp_path).read_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    news: list[News] = []
    shown, over = threading.Event(), threading.Event()

    def tell(word: News) -> None:
        news.append(word)
        if isinstance(word, Snapshot) and any(len(exchange.packages) > 1 for exchange in word.exchanges):
            shown.set()
        if isinstance(word, Ended):
            over.set()

    reader = FileReader(open_inspection([str(pipe)], again=True))
    assert reader.growing
    reader.start(tell)
    with pipe.open("wb", buffering=0) as writer:
        writer.write(whole[: len(whole) * 2 // 3])
        assert shown.wait(10), "nothing was shown while the pipe was quiet"
        found = next(word for word in reversed(news) if isinstance(word, Snapshot))
        exchange = next(exchange for exchange in found.exchanges if len(exchange.packages) > 1)
        begun = time.monotonic()
        assert reader.fetch(exchange, 0).data.endswith(b"\n")
        assert time.monotonic() - begun < 1.0
        reader.cancel()
        assert over.wait(10), "a cancel waits for more to come"
    *_, last, end = news
    assert isinstance(last, Snapshot) and not last.complete and end == Ended(cancelled=True)
    reader.close()


def test_a_defect_in_the_thread_is_told_and_not_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inspection = open_inspection([str(read_capture(tmp_path))], again=True)

    def broken() -> Any:
        raise ZeroDivisionError("secret")
        yield

    monkeypatch.setattr(inspection, "steps", broken)
    end = told(FileReader(inspection))[-1]
    assert isinstance(end, Ended) and isinstance(end.defect, ZeroDivisionError)


def test_the_report_of_a_defect_names_the_place_and_no_data(tmp_path: Path) -> None:
    payload = "row of somebody"
    try:
        raise ValueError(payload)
    except ValueError as defect:
        error = written_report(defect, tmp_path / "state")
    (report,) = (tmp_path / "state").iterdir()
    text = report.read_text()
    assert str(report) in str(error) and "test_reading.py" in str(error)
    assert "ValueError" in text and payload not in text and payload not in str(error)
    assert report.stat().st_mode & 0o077 == 0


def test_without_a_home_a_defect_is_told_all_the_same(tmp_path: Path) -> None:
    assert state_folder({}) is None
    assert state_folder({"XDG_STATE_HOME": "/s"}) == Path("/s/gpinspect")
    assert "no report was written" in str(written_report(ValueError("x"), None))


OURS = Snapshot(sources=("a.pcap",), complete=True)


@pytest.mark.parametrize(
    ("left", "status", "says"),
    [
        (Left(OURS, None, False), 4, "neither gpfdist nor TLS"),
        (Left(Snapshot(sources=("a.pcap",)), None, False), 0, ""),
        (Left(OURS, None, True), 130, ""),
    ],
)
def test_how_a_person_left_becomes_the_exit_status(left: Left, status: int, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tui, "run", lambda *inputs, **options: left)
    result = CliRunner().invoke(command, ["a.pcap"], standalone_mode=False)
    assert int(result.return_value) == status and says in result.output


def test_an_error_of_reading_is_raised_for_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = CaptureError("a.pcap", "damaged", 24)
    monkeypatch.setattr(tui, "run", lambda *inputs, **options: Left(OURS, problem, False))
    assert CliRunner().invoke(command, ["a.pcap"], standalone_mode=False).exception is problem


def test_reading_stands_still_for_a_moment_after_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    reader = FileReader(open_inspection([str(read_capture(tmp_path))], again=True))
    monkeypatch.setattr(time, "sleep", slept.append)
    reader.give_way()
    *_, last, end = told(reader)
    assert isinstance(last, Snapshot) and last.complete and end == Ended()
    assert slept and all(0 < pause <= GIVE_WAY for pause in slept)
    reader.close()
