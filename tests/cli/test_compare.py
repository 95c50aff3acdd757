import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from craft import Capture, Conversation, read_session
from inspection.wires import derive, load

from gpinspect.cli.group import gpinspect

ROWS = b"".join(b"%06d,abcdefghij\n" % number for number in range(4000))


def compare(*arguments: str | Path) -> Result:
    return CliRunner().invoke(gpinspect, ["compare", *map(str, arguments)])


@pytest.fixture
def loads(tmp_path: Path) -> tuple[Path, Path]:
    """A load, and the same with other options of the format."""
    made = []
    for name, csvopt in (("before", "m0x 92q  0n0h0"), ("after", "m1x 34q 34n0h0")):
        capture = Capture()
        read_session(capture, {"/data/a.txt": ROWS}, 2, path="/a.txt", csvopt=csvopt)
        made.append(capture.write(tmp_path / f"{name}.pcap"))
    return made[0], made[1]


def test_two_loads_are_compared_and_the_exit_status_is_0_unless_asked(loads: tuple[Path, Path]) -> None:
    found = compare(*loads)
    assert found.exit_code == 0
    assert "warning  csvopt" in found.stdout
    assert compare("--fail-on", "error", *loads).exit_code == 0
    assert compare("--fail-on", "warning", *loads).exit_code == 1
    assert compare("--fail-on", "note", loads[0], loads[0]).exit_code == 0


def test_json_is_one_object_a_line(loads: tuple[Path, Path]) -> None:
    objects = [json.loads(line) for line in compare("--json", *loads).stdout.splitlines()]
    assert [one["kind"] for one in objects] == ["load", "session"]
    assert objects[1]["a"]["skew"]["expected_segments"] == 2
    assert sum(objects[1]["b"]["pace"]["rate"]["bytes"]) == 72_000


def test_both_ends_of_a_wire_are_recognised(tmp_path: Path) -> None:
    capture = Capture()
    load(capture)
    near, far = derive(capture, tmp_path)
    found = compare("--json", near, far)
    first = json.loads(found.stdout.splitlines()[0])
    assert (found.exit_code, first["kind"], first["clock"]["offset_ns"]) == (0, "ends", 37_500_000)
    assert json.loads(compare("--json", "--two-loads", near, far).stdout.splitlines()[0])["kind"] == "load"


def test_frames_lost_between_both_ends_are_a_warning(tmp_path: Path) -> None:
    capture = Capture()
    (talk, *_) = load(capture, segments=1)
    extra = Conversation(capture, ("10.0.0.1", 45000), dt=0.002)
    extra.open()
    lost = len(capture.records)
    piece = extra.segment("client", b"GET /a.txt HTTP/1.1\r\n")
    extra.sides["client"].sent += len(piece.data)
    extra.retransmit(piece, dt=0.1)
    extra.close()
    near, far = derive(capture, tmp_path, lost=[lost])
    assert compare("--fail-on", "warning", near, far).exit_code == 1
    assert talk.sides["server"].sent > 0


def test_a_copy_is_compared_as_a_load_and_that_is_said(loads: tuple[Path, Path]) -> None:
    found = compare(loads[0], loads[0])
    assert "no difference" in found.stdout and "taken at the same point" in found.stderr
    assert "both ends of one wire" in compare("--two-ends", loads[0], loads[0]).stdout


def test_what_is_no_wire_cannot_be_compared_as_one(loads: tuple[Path, Path], tmp_path: Path) -> None:
    capture = Capture()
    read_session(capture, {"/data/a.txt": ROWS}, 2, path="/a.txt", first_port=50000)
    found = compare("--two-ends", loads[0], capture.write(tmp_path / "other.pcap"))
    assert found.exit_code == 2 and "--two-ends" in found.stderr


def test_sessions_can_be_chosen_and_wrong_ones_are_refused(loads: tuple[Path, Path]) -> None:
    assert "(as chosen)" in compare("--a-session", "1", "--b-session", "1", *loads).stdout
    found = compare("--b-session", "7", *loads)
    assert found.exit_code == 2 and "--b-session 7" in found.stderr


def test_what_is_no_gpfdist_and_what_is_no_capture_end_as_everywhere(loads: tuple[Path, Path], tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture, server=("10.0.0.9", 25))
    talk.open()
    talk.server(b"220 mail\r\n")
    assert compare(loads[0], capture.write(tmp_path / "mail.pcap")).exit_code == 4
    assert compare(loads[0], tmp_path / "nothing.pcap").exit_code == 3


def test_a_directory_is_one_side(loads: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "one.pcap").write_bytes(loads[1].read_bytes())
    assert "warning  csvopt" in compare(loads[0], folder).stdout
