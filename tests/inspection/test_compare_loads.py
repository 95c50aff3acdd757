"""The same load twice: what was changed on purpose is what is told."""

from pathlib import Path

import pytest
from craft import Capture, Conversation, ok_head, package, read_session, request, write_session
from views import samples

from gpinspect.inspection import inspect
from gpinspect.inspection.compare import compare_loads, pair_sessions
from gpinspect.model import Severity
from gpinspect.model.comparison import Difference, Loads
from gpinspect.model.exchange import Address

ROWS = b"".join(b"%06d,abcdefghij\n" % number for number in range(8000))


def capture_of(folder: Path, name: str, content: bytes = ROWS, **changed: object) -> Path:
    capture = Capture()
    read_session(capture, {"/data/a.txt": content}, path="/a.txt", **{"segments": 3, **changed})  # type: ignore[arg-type]
    return capture.write(folder / f"{name}.pcap")


def compared(a: Path, b: Path, **choice: int) -> Loads:
    return compare_loads(inspect([str(a)]), inspect([str(b)]), **choice)


def told(loads: Loads) -> dict[str, Difference]:
    (pair,) = loads.pairs
    return {one.what: one for one in pair.differences}


def test_the_same_load_has_no_difference(tmp_path: Path) -> None:
    a, b = capture_of(tmp_path, "a"), capture_of(tmp_path, "b")
    (pair,) = compared(a, b).pairs
    assert pair.differences == () and pair.paired_by == "server and path" and pair.same_segment == 1.0
    assert [(flows.segment, flows.a and flows.a.payload_bytes) for flows in pair.flows] == [
        (flows.segment, flows.b and flows.b.payload_bytes) for flows in pair.flows
    ]


def test_fewer_rows_are_an_error_and_name_both_sizes(tmp_path: Path) -> None:
    found = told(compared(capture_of(tmp_path, "a"), capture_of(tmp_path, "b", ROWS[: 18 * 7000])))
    assert found["bytes"] == Difference("bytes", 18 * 8000, 18 * 7000, Severity.ERROR, "bytes")


def test_other_settings_are_warnings(tmp_path: Path) -> None:
    a = capture_of(tmp_path, "a")
    b = capture_of(tmp_path, "b", csvopt="m1x 34q 34n0h0", segments=4)
    found = told(compared(a, b))
    assert (found["csvopt"].a, found["csvopt"].b) == ("m0x 92q  0n0h0", "m1x 34q 34n0h0")
    assert (found["segments of the cluster"].a, found["segments of the cluster"].b) == (3, 4)
    assert (found["segments"].a, found["segments"].b) == (3, 4)
    assert all(found[what].severity is Severity.WARNING for what in ("csvopt", "segments of the cluster", "segments"))


def test_smaller_blocks_go_to_other_segments_and_are_a_note(tmp_path: Path) -> None:
    a, b = capture_of(tmp_path, "a", ROWS * 3), capture_of(tmp_path, "b", ROWS * 3, package_size=16384)
    (pair,) = compared(a, b).pairs
    found = {one.what: one for one in pair.differences}
    assert found["bytes a package"].severity is Severity.NOTE
    assert "bytes" not in found and pair.same_segment is not None and 0.1 < pair.same_segment < 0.9


def test_who_got_the_same_bytes_is_worked_out_by_offset(tmp_path: Path) -> None:
    """600 bytes: before, segment 0 has the first 400; after, the first 300. 500 of 600 went the same way."""
    paths = []
    for name, cut in (("a", 400), ("b", 300)):
        capture = Capture()
        for segment, (start, stop) in enumerate(((0, cut), (cut, 600))):
            talk = Conversation(capture, ("10.0.0.1", 40000 + segment))
            talk.open()
            talk.client(request("/a.txt", segment=segment, count=2))
            talk.server(ok_head(1) + package("/data/a.txt", start, 1, b"x" * (stop - start)) + b"D\0\0\0\0")
            talk.close()
        paths.append(capture.write(tmp_path / f"{name}.pcap"))
    (pair,) = compared(*paths).pairs
    assert pair.same_segment == pytest.approx(500 / 600)


def test_a_load_that_takes_twice_as_long_and_a_second_more_is_a_warning(tmp_path: Path) -> None:
    a = capture_of(tmp_path, "a", conversation={"dt": 0.001})
    b = capture_of(tmp_path, "b", conversation={"dt": 0.02})
    time = told(compared(a, b))["time"]
    assert time.severity is Severity.WARNING and time.unit == "ns"
    assert isinstance(time.a, int) and isinstance(time.b, int) and time.b > 10 * time.a
    assert told(compared(b, a))["time"].severity is Severity.NOTE


def test_a_verdict_that_got_worse_is_an_error_and_one_that_got_better_is_a_note(tmp_path: Path) -> None:
    whole = capture_of(tmp_path, "whole")
    capture = Capture()
    read_session(capture, {"/data/a.txt": ROWS}, 3, path="/a.txt")
    capture.records = capture.records[: len(capture.records) // 2]
    cut = capture.write(tmp_path / "cut.pcap")
    worse, better = told(compared(whole, cut)), told(compared(cut, whole))
    assert (worse["verdict"].a, worse["verdict"].b, worse["verdict"].severity) == ("proven", "unprovable", Severity.ERROR)
    assert better["verdict"].severity is Severity.NOTE
    assert worse["bad ends"].severity is Severity.WARNING and worse["bad ends"].a == 0


def test_content_is_compared_where_it_was_hashed(tmp_path: Path) -> None:
    a, b = capture_of(tmp_path, "a"), capture_of(tmp_path, "b", ROWS.replace(b"000777", b"000778"))
    assert told(compared(a, b)) == {}
    loads = compare_loads(inspect([str(a)], hashes=True), inspect([str(b)], hashes=True))
    found = told(loads)
    assert found["content (SHA-256)"].severity is Severity.ERROR and "bytes" not in found


def test_sessions_are_paired_by_server_and_path_then_by_path_then_by_order() -> None:
    here, there = Address("10.0.0.5", 8080), Address("10.0.0.6", 8080)
    a = [samples.session(n, path=path, server=here) for n, path in ((1, "/x"), (2, "/y"), (3, "/z"), (4, "/x"))]
    b = [
        samples.session(1, path="/y", server=there),
        samples.session(2, path="/x", server=here),
        samples.session(3, path="//x", server=here),
        samples.session(4, path="/new", server=here),
        samples.session(5, path="/more", server=here),
        samples.session(6, path="/z", server=here, method="POST"),
    ]
    pairs = [(one and one.id, other and other.id, how) for one, other, how in pair_sessions(a, b)]
    assert pairs == [
        (1, 2, "server and path"),
        (2, 1, "path"),
        (3, 4, "order"),
        (4, 3, "server and path"),
        (None, 5, ""),
        (None, 6, ""),
    ]


def test_a_session_that_is_gone_is_an_error_and_a_new_one_a_warning(tmp_path: Path) -> None:
    capture = Capture()
    write_session(capture, [[b"a\n"], [b"b\n"]])
    loads = compared(capture_of(tmp_path, "a"), capture.write(tmp_path / "b.pcap"))
    assert [(pair.a is None, pair.b is None, pair.differences[0].severity) for pair in loads.pairs] == [
        (False, True, Severity.ERROR),
        (True, False, Severity.WARNING),
    ]


def test_two_chosen_sessions_are_a_pair_whatever_they_read(tmp_path: Path) -> None:
    paths = []
    for name in ("a", "b"):
        capture = Capture()
        read_session(capture, {"/data/a.txt": ROWS}, 2, path="/a.txt", cid="1")
        read_session(capture, {"/data/b.txt": ROWS}, 2, path="/b.txt", cid="2", first_port=41000)
        paths.append(capture.write(tmp_path / f"{name}.pcap"))
    (pair,) = compared(*paths, a_session=1, b_session=2).pairs
    assert pair.paired_by == "choice" and pair.a is not None and pair.b is not None
    assert (pair.a.session.path, pair.b.session.path) == ("/a.txt", "/b.txt")
    assert len(compared(*paths).pairs) == 2
    assert len(compared(*paths, a_session=2).pairs) == 2  # session 2 of A, and session 1 of B that has no counterpart


def test_rows_of_another_path_that_differ_are_no_error(tmp_path: Path) -> None:
    capture = Capture()
    read_session(capture, {"/data/b.txt": ROWS * 2}, 3, path="/b.txt")
    found = told(compared(capture_of(tmp_path, "a"), capture.write(tmp_path / "b.pcap")))
    assert found["bytes"].severity is Severity.WARNING and found["path"].severity is Severity.NOTE


def test_findings_that_are_new_have_their_own_severity_and_gone_ones_are_notes(tmp_path: Path) -> None:
    a = capture_of(tmp_path, "a")
    b = capture_of(tmp_path, "b", late=1)
    assert told(compared(a, b))["GPI205"] == Difference("GPI205", 0, 1, Severity.NOTE)
    capture = Capture()
    read_session(capture, {"/data/a.txt": ROWS}, 3, path="/a.txt")
    capture.records = capture.records[:-40]
    cut = told(compared(a, capture.write(tmp_path / "cut.pcap")))
    assert all(one.severity is Severity.NOTE for what, one in told(compared(b, a)).items() if what.startswith("GPI"))
    assert any(what.startswith("GPI") for what in cut)
