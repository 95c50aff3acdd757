"""Sessions held against the files on the server."""

import bz2
import gzip
import os
from pathlib import Path

import pytest
import zstandard
from craft import END, Capture, Conversation, blocks, late_reply, ok_head, post, read_session, request, write_session

from gpinspect.errors import SourceError
from gpinspect.inspection import Inspection, inspect
from gpinspect.inspection.root import NotComparedError, Root
from gpinspect.model import Delivery, Severity

PROVEN, REFUTED, UNPROVABLE = Delivery.PROVEN, Delivery.REFUTED, Delivery.UNPROVABLE
ROWS = b"".join(b"%05d,some text\n" % number for number in range(4000))
COMPRESSORS = {".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstandard.ZstdCompressor().compress}


def look(capture: Capture, folder: Path, root: Path, *, hashes: bool = False) -> Inspection:
    inspection = inspect([str(capture.write(folder / "made.pcap"))], root=str(root), hashes=hashes)
    inspection.close()
    return inspection


def codes(found: Inspection) -> set[str]:
    """Codes of the comparison."""
    return {finding.code for finding in found.findings if "GPI230" <= finding.code <= "GPI239"}


def message(found: Inspection, code: str) -> str:
    (text,) = (finding.message for finding in found.findings if finding.code == code)
    return text


def verdict(found: Inspection) -> tuple[Delivery, tuple[str, ...]]:
    (session,) = found.sessions
    return session.delivery, session.delivery_reasons


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


def read(path: str = "/data.txt", name: str = "/srv/etl/data.txt", rows: bytes = ROWS, segments: int = 2, **how: object) -> Capture:
    capture = Capture()
    read_session(capture, {name: rows}, segments, path=path, **how)  # type: ignore[arg-type]
    return capture


@pytest.mark.parametrize("hashes", [False, True])
@pytest.mark.parametrize("suffix", ["", *COMPRESSORS])
def test_file_that_was_read_whole_agrees(tmp_path: Path, root: Path, hashes: bool, suffix: str) -> None:
    name = f"data.txt{suffix}"
    (root / name).write_bytes(COMPRESSORS[suffix](ROWS) if suffix else ROWS)
    found = look(read(f"/{name}", f"/srv/etl/{name}"), tmp_path, root, hashes=hashes)
    assert verdict(found) == (PROVEN, ())
    assert codes(found) == {"GPI237"}
    assert ("content" in message(found, "GPI237")) is hashes


@pytest.mark.parametrize("suffix", ["", *COMPRESSORS])
def test_rows_behind_the_last_delivered_byte_reached_nobody(tmp_path: Path, root: Path, suffix: str) -> None:
    name = f"data.txt{suffix}"
    longer = ROWS + b"one more,row\n"
    (root / name).write_bytes(COMPRESSORS[suffix](longer) if suffix else longer)
    found = look(read(f"/{name}", f"/srv/etl/{name}"), tmp_path, root)
    assert verdict(found) == (REFUTED, ("GPI231",))
    assert "13 bytes from offset 64,000 to 64,012" in message(found, "GPI231")  # 4,000 rows of 16 bytes


def test_rows_that_nobody_got_after_a_segment_left_refute(tmp_path: Path, root: Path) -> None:
    """A LIMIT: gpfdist ends the session for all, and the others get a clean end."""
    (root / "data.txt").write_bytes(ROWS)
    first, second, *_ = blocks("/srv/etl/data.txt", ROWS)
    capture = Capture()
    talks = []
    for number in range(2):
        talk = Conversation(capture, ("10.0.0.1", 40000 + number))
        talk.open()
        talk.client(request(segment=number, count=2))
        talk.server(ok_head(1))
        talks.append(talk)
    talks[0].server(first.bytes)
    talks[1].server(second.bytes[:-1000])
    talks[0].rst("client")
    talks[1].close("client")
    alone = inspect([str(capture.write(tmp_path / "alone.pcap"))])
    assert verdict(alone)[0] is UNPROVABLE
    alone.close()
    found = look(capture, tmp_path, root)
    assert verdict(found) == (REFUTED, ("GPI231",))
    end = len(first.data) + len(second.data) - 1000
    assert f"{len(ROWS) - end:,} bytes from offset {end:,} to 63,999" in message(found, "GPI231")


def test_tail_may_have_gone_to_segments_that_are_not_in_the_capture(tmp_path: Path, root: Path) -> None:
    (root / "data.txt").write_bytes(ROWS + b"x\n")
    found = look(_half(), tmp_path, root)
    assert verdict(found)[0] is UNPROVABLE
    assert "GPI231" not in codes(found) and "GPI235" in codes(found)


def _half() -> Capture:
    """One of four segments reads all that is there."""
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(segment=0, count=4))
    talk.server(ok_head(1) + b"".join(block.bytes for block in blocks("/srv/etl/data.txt", ROWS, 32000)) + END)
    talk.close()
    return capture


def test_file_that_is_covered_proves_what_missing_segments_left_open(tmp_path: Path, root: Path) -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(segment=0, count=4))
    full = ROWS[:64000]
    talk.server(ok_head(1) + b"".join(block.bytes for block in blocks("/srv/etl/data.txt", full, 32000)) + END)
    talk.close()
    with inspect([str(capture.write(tmp_path / "alone.pcap"))]) as alone:
        assert verdict(alone) == (UNPROVABLE, ("GPI238",))
    (root / "data.txt").write_bytes(full)
    assert verdict(look(capture, tmp_path, root)) == (PROVEN, ())


def test_capture_that_ends_before_the_connection_is_proven_by_the_file(tmp_path: Path, root: Path) -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(count=1))
    talk.server(ok_head(1) + b"".join(block.bytes for block in blocks("/srv/etl/data.txt", ROWS)))
    (root / "data.txt").write_bytes(ROWS)
    assert verdict(look(capture, tmp_path, root)) == (PROVEN, ())


def test_gap_stays_a_gap_whatever_the_size_of_the_file(tmp_path: Path, root: Path) -> None:
    one, _, three, *_ = blocks("/srv/etl/data.txt", ROWS, 20000)
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(count=1))
    talk.server(ok_head(1) + one.bytes + three.bytes + END)
    talk.close()
    (root / "data.txt").write_bytes(ROWS[: three.offset + len(three.data)])
    assert verdict(look(capture, tmp_path, root)) == (REFUTED, ("GPI207",))


def test_file_that_is_shorter_was_changed(tmp_path: Path, root: Path) -> None:
    (root / "data.txt").write_bytes(ROWS[:1000])
    found = look(read(), tmp_path, root, hashes=True)
    assert verdict(found) == (UNPROVABLE, ("GPI232",))
    assert "1,000 bytes on the server" in message(found, "GPI232")


@pytest.mark.parametrize("at", [0, 32767, 50_000, 63_999])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_first_byte_that_differs_is_named(tmp_path: Path, root: Path, at: int, suffix: str) -> None:
    changed = bytearray(ROWS)
    changed[at] ^= 1
    name = f"data.txt{suffix}"
    (root / name).write_bytes(COMPRESSORS[suffix](bytes(changed)) if suffix else changed)
    capture = read(f"/{name}", f"/srv/etl/{name}")
    found = look(capture, tmp_path, root, hashes=True)
    assert verdict(found) == (UNPROVABLE, ("GPI233",))
    assert message(found, "GPI233").endswith(f"from offset {at:,} on")
    assert verdict(look(capture, tmp_path, root)) == (PROVEN, ())  # sizes alone agree


def test_files_of_a_pattern_are_found_with_their_headers(tmp_path: Path, root: Path) -> None:
    files = {f"/srv/etl/in/part-{number}.csv": b"a,b\n" + ROWS[: 1600 * number] for number in range(1, 4)}
    capture = Capture()
    read_session(capture, files, 2, path="/in/part-*.csv", header=True, csv=True, csvopt="m1x 34q 34n0h1")
    (root / "in").mkdir()
    for name, content in files.items():
        (root / "in" / Path(name).name).write_bytes(content)
    (root / "in" / "part-0.csv").write_bytes(b"a,b\n")  # nothing but its header
    (root / "in" / "other.csv").write_bytes(ROWS)
    found = look(capture, tmp_path, root, hashes=True)
    assert verdict(found) == (PROVEN, ())
    assert "3 files" in message(found, "GPI237")
    (root / "in" / "part-9.csv").write_bytes(b"a,b\n" + ROWS[:160])
    found = look(capture, tmp_path, root)
    assert verdict(found) == (REFUTED, ("GPI236",))
    assert "in/part-9.csv: 160 bytes" in message(found, "GPI236")


def test_folder_is_read_one_level_deep(tmp_path: Path, root: Path) -> None:
    files = {f"/srv/etl/in/{number}.txt": ROWS[:1600] for number in range(2)}
    capture = Capture()
    read_session(capture, files, 2, path="/in/")
    (root / "in").mkdir()
    for name, content in files.items():
        (root / "in" / Path(name).name).write_bytes(content)
    assert verdict(look(capture, tmp_path, root)) == (PROVEN, ())


def test_folder_may_be_that_of_the_server_itself(tmp_path: Path, root: Path) -> None:
    (root / "deep").mkdir()
    (root / "deep" / "x.txt").write_bytes(ROWS)
    name = str(root / "deep" / "x.txt")
    assert "GPI237" in codes(look(read("/x.txt", name), tmp_path, root))


def test_session_that_ended_before_the_capture_began_left_nothing_unread(tmp_path: Path, root: Path) -> None:
    (root / "data.txt").write_bytes(ROWS)
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(count=1))
    talk.server(late_reply(1))
    talk.close()
    assert verdict(look(capture, tmp_path, root))[0] is UNPROVABLE


def test_file_that_gpfdist_was_told_to_serve_instead_is_no_unread_one(tmp_path: Path, root: Path) -> None:
    """With the hidden option -f, which gpload uses, the path means nothing."""
    (root / "data.txt").write_bytes(ROWS)
    found = look(read("/data.txt", "/elsewhere/other.csv"), tmp_path, root)
    assert codes(found) == {"GPI230"} and verdict(found) == (PROVEN, ())


def test_file_that_is_not_there_is_told(tmp_path: Path, root: Path) -> None:
    found = look(read(), tmp_path, root)
    assert codes(found) == {"GPI230"} and verdict(found) == (PROVEN, ())


def test_transform_and_protocol_0_are_not_compared(tmp_path: Path, root: Path) -> None:
    (root / "data.txt").write_bytes(ROWS * 2)
    transformed = read(extra=[("X-GP-TRANSFORM", "up")])
    assert "a transform" in message(look(transformed, tmp_path, root), "GPI235")
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(count=1, proto=0))
    talk.server(ok_head(0) + ROWS)
    talk.close()
    assert "protocol 0" in message(look(capture, tmp_path, root), "GPI235")


# what must not be touched ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/../secret", "/srv/../secret"),
        ("/link", "/srv/etl/link"),
        ("/inner/secret", "/srv/etl/inner/secret"),
        ("/fifo", "/srv/etl/fifo"),
        ("/long", "/srv/" + "x" * 250),
    ],
)
def test_folder_is_never_left_and_nothing_but_files_is_opened(tmp_path: Path, root: Path, path: str, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(ROWS + b"more\n")
    (tmp_path / "secret").write_bytes(ROWS + b"more\n")
    (root / "link").symlink_to(outside / "secret")
    (root / "inner").symlink_to(outside)
    os.mkfifo(root / "fifo")
    found = look(read(path, name), tmp_path, root, hashes=True)
    assert codes(found) <= {"GPI230", "GPI235"} and codes(found)
    assert not [finding for finding in found.findings if finding.severity > Severity.WARNING]


def test_link_inside_the_folder_is_followed(tmp_path: Path, root: Path) -> None:
    (root / "real.txt").write_bytes(ROWS)
    (root / "data.txt").symlink_to("real.txt")
    assert "GPI237" in codes(look(read(), tmp_path, root))


def test_damaged_source_is_not_compared(tmp_path: Path, root: Path) -> None:
    for suffix in COMPRESSORS:
        name = f"data.txt{suffix}"
        (root / name).write_bytes(COMPRESSORS[suffix](ROWS)[:-20] + b"\0" * 20)
        assert codes(look(read(f"/{name}", f"/srv/{name}"), tmp_path, root)) == {"GPI235"}


def test_names_of_any_bytes_find_nothing(root: Path) -> None:
    folder = Root(str(root))
    assert folder.find(b"") is None
    assert folder.find(b"\xff\xfe/x") is None
    for name in (b"..", b"a/../b", b"a\0b"):
        with pytest.raises(NotComparedError):
            folder.find(name)


def test_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no folder there"):
        look(read(), tmp_path, tmp_path / "nowhere")


# writes ------------------------------------------------------------------------------------------------------------------


def written(*parts: list[bytes]) -> Capture:
    capture = Capture()
    write_session(capture, parts, path="/out.txt")
    return capture


A, B, C = b"1,a\n2,b\n", b"3,c\n", b"4,d\n5,e\n6,f\n"


@pytest.mark.parametrize("hashes", [False, True])
def test_target_that_holds_every_body_agrees_in_any_order_and_behind_older_rows(tmp_path: Path, root: Path, hashes: bool) -> None:
    (root / "out.txt").write_bytes(b"0,older\n" + C + A + B)
    found = look(written([A, B], [C]), tmp_path, root, hashes=hashes)
    assert verdict(found) == (PROVEN, ()) and codes(found) == {"GPI237"}


def test_target_without_one_body_refutes(tmp_path: Path, root: Path) -> None:
    (root / "out.txt").write_bytes(b"0,a row that is older than that\n" + A + C)
    found = look(written([A, B], [C]), tmp_path, root, hashes=True)
    assert verdict(found) == (REFUTED, ("GPI234",))
    assert "does not hold what segment 0 wrote with X-GP-SEQ 3 (4 bytes)" in message(found, "GPI234")


def test_target_with_one_body_twice_refutes(tmp_path: Path, root: Path) -> None:
    (root / "out.txt").write_bytes(A + B + B + C)
    found = look(written([A, B], [C]), tmp_path, root, hashes=True)
    assert verdict(found) == (REFUTED, ("GPI234",))
    assert "holds twice what segment 0 wrote with X-GP-SEQ 3" in message(found, "GPI234")


def test_same_rows_from_two_statements_are_no_repeat(tmp_path: Path, root: Path) -> None:
    (root / "out.txt").write_bytes((A + B + C) * 2)
    assert verdict(look(written([A, B], [C]), tmp_path, root, hashes=True)) == (PROVEN, ())


def test_equal_bodies_must_be_there_as_often_as_they_were_sent(tmp_path: Path, root: Path) -> None:
    (root / "out.txt").write_bytes(A + A + B)
    assert verdict(look(written([A, A, B]), tmp_path, root, hashes=True)) == (PROVEN, ())
    (root / "out.txt").write_bytes(A + B + b"9,x\n" * 9)
    assert verdict(look(written([A, A, B]), tmp_path, root, hashes=True)) == (REFUTED, ("GPI234",))


def test_target_that_is_too_short_refutes_by_its_size(tmp_path: Path, root: Path) -> None:
    (root / "out.txt").write_bytes(A)
    assert verdict(look(written([A, B]), tmp_path, root)) == (REFUTED, ("GPI234",))


def test_compressed_target_is_measured_decompressed(tmp_path: Path, root: Path) -> None:
    capture = Capture()
    write_session(capture, [[A, B]], path="/out.gz")
    (root / "out.gz").write_bytes(gzip.compress(A + B))
    assert verdict(look(capture, tmp_path, root, hashes=True)) == (PROVEN, ())
    (root / "out.gz").write_bytes(gzip.compress(A))
    assert verdict(look(capture, tmp_path, root)) == (REFUTED, ("GPI234",))


def test_bodies_that_were_thrown_away_are_not_looked_for(tmp_path: Path, root: Path) -> None:
    capture = written([A])
    talk = Conversation(capture, ("10.0.0.1", 50000))
    talk.open()
    talk.client(post(2, A, segment=0, count=1))  # the answer was late; gpfdist knows the number
    talk.server(ok_head(0))
    talk.close()
    (root / "out.txt").write_bytes(A)
    found = look(capture, tmp_path, root, hashes=True)
    assert "GPI234" not in codes(found)
