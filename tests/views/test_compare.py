import json
from pathlib import Path

from craft import Capture, read_session
from inspection.wires import derive, load

from gpinspect.inspection import inspect
from gpinspect.inspection.compare import compare_loads
from gpinspect.inspection.compare_ends import compare_ends, find_clock
from gpinspect.model import Severity
from gpinspect.model.comparison import Clock, Difference
from gpinspect.views.compare import (
    clock_line,
    ends_lines,
    ends_objects,
    ends_severity,
    inputs_lines,
    load_lines,
    load_objects,
    loads_severity,
    value_text,
    what_text,
    worst,
)
from views import samples

ROWS = b"".join(b"%06d,abcdefghij\n" % number for number in range(4000))


def test_values_have_their_units_and_stay_short_and_safe() -> None:
    assert value_text(1_500_000_000, "ns") == "1.50 s"
    assert value_text(220_000_000, "bytes") == "220 MB"
    assert value_text(41_000_000.0, "rate") == "41.0 MB/s"
    assert value_text(2.4142, "ratio") == "2.41"
    assert value_text(12_345, "") == "12,345"
    assert value_text(None, "") == "-"
    assert len(value_text("x" * 500, "")) == 30
    assert value_text(samples.NASTY, "").isprintable()


def test_a_code_is_told_with_its_name() -> None:
    assert what_text(Difference("GPI205", 0, 1, Severity.NOTE)) == "GPI205 late-segment"
    assert what_text(Difference("bytes", 0, 1, Severity.NOTE)) == "bytes"


def test_the_clock_is_told_with_its_bound_or_why_there_is_none() -> None:
    assert clock_line(Clock(37_500_000, 400_000, True, "a", 9)) == "clock of B is 37.5 ms ahead of A, give or take 0.40 ms"
    slow = clock_line(Clock(-2_000_000_000, 50_000, True, "b", 9, 50_000))
    assert slow == "clock of B is 2.00 s behind A, give or take 0.05 ms, drifting +50.0 us/s"
    assert "one direction alone" in clock_line(Clock(5, None, True, "", 9))
    assert "unevenly" in clock_line(Clock(5, None, False, "a", 9))
    assert clock_line(Clock(0, 0, True, "", 9)).startswith("the clocks agree")


def test_the_gravest_difference_counts() -> None:
    one, other = Difference("x", 1, 2, Severity.NOTE), Difference("y", 1, 2, Severity.ERROR)
    assert worst([one, other]) is Severity.ERROR
    assert worst([]) is None


def test_lines_of_two_loads_name_the_sides_the_pair_and_what_differs(tmp_path: Path) -> None:
    paths = []
    for name, rows in (("a", ROWS), ("b", ROWS[: 18 * 3000])):
        capture = Capture()
        read_session(capture, {"/data/a.txt": rows}, 2, path="/a.txt")
        paths.append(str(capture.write(tmp_path / f"{name}.pcap")))
    a, b = inspect([paths[0]]), inspect([paths[1]])
    loads = compare_loads(a, b)
    text = "\n".join(line.text for line in (*inputs_lines(a, b), *load_lines(loads)))
    assert "a.pcap: " in text and "1 session" in text
    assert "A 1  B 1  GET /a.txt  (same server and path)" in text
    assert "72.0 kB -> 54.0 kB" in text and "error    bytes" in text
    assert loads_severity(loads) is Severity.ERROR
    objects = [json.loads(json.dumps(one)) for one in load_objects(a, b, loads)]
    assert [one["schema"] for one in objects] == ["gpinspect.compare/1"] * 2
    assert [one["kind"] for one in objects] == ["load", "session"]
    assert objects[0]["severity"] == "error" and objects[0]["pairs"] == 1
    size = next(one for one in objects[1]["differences"] if one["what"] == "bytes")
    assert (size["a"], size["b"], size["severity"], size["unit"]) == (72_000, 54_000, "error", "bytes")


def test_lines_and_objects_of_two_ends_tell_offset_loss_and_delay(tmp_path: Path) -> None:
    capture = Capture()
    load(capture)
    near, far = derive(capture, tmp_path)
    a, b = inspect([str(near)]), inspect([str(far)])
    clock = find_clock(a, b)
    assert clock is not None
    ends = compare_ends(a, b, clock)
    text = "\n".join(line.text for line in ends_lines(ends))
    assert "2 connections at both; A is nearer to the client" in text
    assert "clock of B is 37.5 ms ahead of A, give or take 0.40 ms" in text
    assert "none lost" in text and "packages took 0.40 ms p50, 0.40 ms p95, 0.40 ms max from end to end (12 packages)" in text
    assert "nobody stalled" in text and ends_severity(ends) is None
    first, *ways = [json.loads(json.dumps(one)) for one in ends_objects(a, b, ends)]
    assert (first["kind"], first["clock"]["offset_ns"], first["clock"]["bound_ns"]) == ("ends", 37_500_000, 400_000)
    assert [(one["kind"], one["way"], one["lost_frames"]) for one in ways] == [
        ("way", "client_to_server", 0),
        ("way", "server_to_client", 0),
    ]
