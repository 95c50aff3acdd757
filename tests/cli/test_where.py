"""Where bytes, lines and texts of a file went, against sessions whose truth was known before a byte was written."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from craft import END, Capture, Conversation, ReadTruth, ok_head, package, post, read_session, request

from gpinspect.cli.group import gpinspect

ROWS = [f"{number},{'x' * (number % 37)}\n" for number in range(2000)]
CONTENT = "".join(ROWS).encode()


@pytest.fixture(autouse=True)
def no_key_log_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)


def where(*arguments: Any) -> Result:
    return CliRunner().invoke(gpinspect, ["where", *map(str, arguments)])


def places(*arguments: Any) -> list[dict[str, Any]]:
    result = where(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def load(tmp_path: Path) -> tuple[Path, ReadTruth]:
    capture = Capture()
    truth = read_session(capture, {"/d/a.csv": CONTENT}, 4, package_size=4096)
    return capture.write(tmp_path / "in.pcap"), truth


def owner(truth: ReadTruth, offset: int) -> tuple[int, int]:
    """Greenplum segment and package index that got a byte, as they were dealt."""
    for exchange in truth.exchanges:
        for index, (_, start, _, length) in enumerate(exchange.packages):
            if start <= offset < start + length:
                return exchange.segment, index
    raise AssertionError(offset)


def frame_holds(path: Path, frame: int, text: bytes) -> bool:
    """Whether the frame, walked to in the plain pcap file, holds these bytes."""
    data, at = path.read_bytes(), 24
    for _ in range(frame - 1):
        at += 16 + int.from_bytes(data[at + 8 : at + 12], "little")
    return text in data[at + 16 : at + 16 + int.from_bytes(data[at + 8 : at + 12], "little")]


@pytest.mark.parametrize("offset", [0, 1, 4095, 20_000, len(CONTENT) - 1])
def test_a_byte_is_found_with_its_segment_package_line_and_frame(load: tuple[Path, ReadTruth], offset: int) -> None:
    path, truth = load
    (place,) = places(path, f"a.csv:{offset}")
    assert (place["segment"], place["package"]) == owner(truth, offset)
    assert place["schema"] == "gpinspect.place/1" and place["file"] == "/d/a.csv" and place["offset"] == offset
    assert place["line"] == CONTENT.count(b"\n", 0, offset) + 1
    assert place["captured"] and place["exact"] and frame_holds(path, place["frames"][0], CONTENT[offset : offset + 1])


@pytest.mark.parametrize("line", [1, 2, 777, 2000])
def test_a_line_is_found_by_counting_over_all_segments(load: tuple[Path, ReadTruth], line: int) -> None:
    path, truth = load
    (place,) = places(path, "--line", line)
    offset = sum(map(len, ROWS[: line - 1]))
    assert (place["offset"], place["length"], place["line"]) == (offset, len(ROWS[line - 1]), line)
    assert (place["segment"], place["package"]) == owner(truth, offset)


def test_every_row_that_holds_a_text_is_found_once(load: tuple[Path, ReadTruth]) -> None:
    path, _ = load
    found = places(path, "--text", "xxxxx,xxxxx"), places(path, "--text", "99,x")
    wanted = [number + 1 for number, row in enumerate(ROWS) if "99,x" in row]
    assert found[0] == [] and sorted(place["line"] for place in found[1]) == wanted
    assert sorted(place["line"] for place in places(path, "--text", "xx")) == [n + 1 for n, row in enumerate(ROWS) if "xx" in row]


def test_a_frame_leads_back_to_the_bytes_it_carries(load: tuple[Path, ReadTruth]) -> None:
    path, _ = load
    (place,) = places(path, "a.csv:20000")
    (back,) = places(path, "--frame", place["frames"][0])
    assert back["offset"] <= 20_000 < back["offset"] + back["length"]
    assert frame_holds(path, place["frames"][0], CONTENT[back["offset"] : back["offset"] + back["length"]])
    assert back["line"] == CONTENT.count(b"\n", 0, back["offset"]) + 1
    assert places(path, "--frame", 1) == []


def test_only_whole_components_of_a_name_fit(load: tuple[Path, ReadTruth]) -> None:
    path, _ = load
    assert len(places(path, "d/a.csv:5")) == len(places(path, "/d/a.csv:5")) == 1
    assert places(path, ".csv:5") == places(path, "b.csv:5") == places(path, "a.csv:99999999") == []


def test_lines_begin_behind_a_header_row_and_what_was_not_delivered_is_said(tmp_path: Path) -> None:
    capture = Capture()
    read_session(capture, {"/d/h.csv": b"name,x\n" + CONTENT}, 2, package_size=4096, header=True, csv=True, csvopt="m1x 34q 34n0h1")
    path = capture.write(tmp_path / "in.pcap")
    assert places(path, "--line", 2)[0]["offset"] == 7
    assert "line 2 is the first that is known of" in where(path, "--line", 1).stderr
    assert "line 2,002 is where the delivered bytes end" in where(path, "--line", 5000).stderr


def lossy(tmp_path: Path) -> Path:
    """Three packages of which the second is lost but for its head."""
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(segment=0))
    talk.server(ok_head())
    talk.server(package("/d/a.csv", 0, 1, b"1,a\n2,b\n"))
    second = package("/d/a.csv", 8, 0, b"3,c\n" * 10)
    talk.server(second[:-40])
    talk.gap("server", 40)
    talk.server(package("/d/a.csv", 48, 0, b"4,d\n"))
    talk.server(END)
    talk.close()
    return capture.write(tmp_path / "lossy.pcap")


def test_a_byte_that_was_not_captured_is_placed_and_said_to_be_missing(tmp_path: Path) -> None:
    (place,) = places(lossy(tmp_path), "a.csv:9")
    assert place["captured"] is False and place["exact"] is False
    assert place["segment"] == 0 and place["line"] is None


def test_lines_behind_a_gap_are_not_counted(tmp_path: Path) -> None:
    path = lossy(tmp_path)
    assert places(path, "--line", 2)[0]["offset"] == 4
    result = where(path, "--line", 4)
    assert result.stdout == "" and "bytes [8, 48) are not in the capture" in result.stderr
    (behind,) = places(path, "--text", "4,d")
    assert behind["offset"] == 48 and behind["line"] is None


def test_bytes_that_came_twice_are_found_twice_and_counted_once(tmp_path: Path) -> None:
    capture = Capture()
    talks = [Conversation(capture, ("10.0.0.1", 40000 + number)) for number in range(2)]
    for number, talk in enumerate(talks):
        talk.open()
        talk.client(request(segment=number))
        talk.server(ok_head())
    talks[0].server(package("/d/a.csv", 0, 1, b"1\n2\n3\n"))
    talks[1].server(package("/d/a.csv", 4, 0, b"3\n4\n5\n"))
    for talk in talks:
        talk.server(END)
        talk.close()
    path = capture.write(tmp_path / "in.pcap")
    assert [place["segment"] for place in places(path, "a.csv:4")] == [0, 1]
    assert [(p["segment"], p["offset"]) for p in places(path, "--line", 4)] == [(1, 6)]
    assert [(p["segment"], p["offset"]) for p in places(path, "--line", 5)] == [(1, 8)]


def test_text_in_a_write_is_found_in_its_request(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(post(2, b"1,a\n2,needle\n", segment=3))
    talk.server(ok_head(0))
    talk.close()
    (place,) = places(capture.write(tmp_path / "in.pcap"), "--text", "needle")
    assert (place["segment"], place["package"], place["offset"], place["position"]) == (3, None, None, 6)
    assert place["exact"] is False
    assert "only reads of protocol 1" in where(tmp_path / "in.pcap", "--line", 1).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["x.pcap"],
        ["x.pcap", "nonsense"],
        ["x.pcap", "a.csv:" + "9" * 5000],
        ["x.pcap", "--line", "0"],
        ["x.pcap", "--line", "1", "--frame", "2"],
        ["x.pcap", "--text", ""],
        ["x.pcap", "a:1", "--file", "a"],
    ],
)
def test_questions_that_are_none_end_with_the_status_of_a_wrong_call(arguments: list[str]) -> None:
    assert where(*arguments).exit_code == 2


def test_a_frame_that_is_not_in_the_capture_is_a_wrong_call(load: tuple[Path, ReadTruth]) -> None:
    assert where(load[0], "--frame", 10**6).exit_code == 2


def test_names_of_the_wire_are_harmless_on_the_terminal(tmp_path: Path) -> None:
    capture = Capture()
    read_session(capture, {"/d/a\x1b[31m.csv": CONTENT}, 1)
    result = where(capture.write(tmp_path / "in.pcap"), "--line", 1)
    assert result.exit_code == 0 and "\x1b" not in result.output
    assert "\x1b" not in where(tmp_path / "in.pcap", "--line", 10**6).output
