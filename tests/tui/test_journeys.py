"""Somebody who has never seen it finds what holds a load up or spoils it, from the start screen in at most three keys."""

import json
from pathlib import Path

from craft import Capture, Conversation, error_head, ok_head, post

from tui.support import app_on, press, settled, text

TOP = Path(__file__).parents[2]
LAB = TOP / "tests/lab/recorded"


async def walk(path: Path, *keys: str) -> list[str]:
    """The screens from the start on, one a key."""
    assert len(keys) <= 3
    app = app_on(path, utc=True)
    shown: list[str] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown.append(text(app))
        for key in keys:
            await press(pilot, key)
            shown.append(text(app))
    return shown


def line_of_cursor(screen: str) -> str:
    return next(line for line in screen.splitlines() if line.startswith(">"))


def stopped_segment(name: str) -> int:
    """The Greenplum segment that the laboratory stopped."""
    (entry,) = [one for one in json.loads((LAB / "manifest.json").read_text()) if one["file"] == name]
    (flow,) = entry["flows"]
    return int(flow["segment"])


async def test_a_stopped_segment_is_named_at_once_and_two_keys_stand_on_it() -> None:
    name = "seg-sigstop.pcap.gz"
    segment = stopped_segment(name)
    (start, _, found) = await walk(LAB / name, "enter", "]")
    assert line_of_cursor(start).split()[-1] == "stalled" and f"(seg {segment})" in start
    row = line_of_cursor(found)
    assert row.split()[1] == str(segment) and "segment" in row
    assert f"-- segment {segment} --" in found and "held up by segment" in found


async def test_three_keys_show_when_a_stopped_segment_stood_still() -> None:
    name = "seg-sigstop.pcap.gz"
    segment = stopped_segment(name)
    (*_, timeline) = await walk(LAB / name, "enter", "v", "v")
    lanes = [line for line in timeline.splitlines() if line[1:].split()[:1] and line[1:].split()[0] in {"00", "01", "02", "03"}]
    assert len(lanes) == 4
    assert ["GGG" in lane for lane in lanes] == [number == segment for number in range(4)]


async def test_what_a_killed_server_did_not_send_is_told_on_the_start_screen_and_one_key_tells_why() -> None:
    path = TOP / "captures/gp-get-killed-server.pcapng"
    truth = json.loads(path.with_suffix(".pcapng.json").read_text())["payload_bytes"]
    (start, findings, session) = await walk(path, "d", "enter")
    assert line_of_cursor(start).split()[-1] == "refuted" and f"nothing came behind byte {truth:,}" in start
    assert "GPI210" in line_of_cursor(findings) and "the empty D that ends every" in findings
    assert session.count("broken") >= 4


async def test_the_rows_of_a_killed_server_end_with_the_last_package_of_the_segment_that_got_them() -> None:
    path = TOP / "captures/gp-get-killed-server.pcapng"
    (_, _, flows, packages) = await walk(path, "enter", "G", "enter")
    assert line_of_cursor(flows).split()[1] == "3" and "segment 3" in packages and "of 8" in packages


def refused_write(folder: Path) -> Path:
    """Segment 1 of a write gets 500 for its second body."""
    capture = Capture()
    for number, (segment, seq, body, done) in enumerate(
        [(0, 1, b"", False), (0, 2, b"1,a\n", False), (1, 1, b"", False), (1, 2, b"2,b\n", False), (1, 3, b"3,c\n", False)]
    ):
        talk = Conversation(capture, ("10.0.0.1", 40000 + number), ("10.0.0.9", 8080))
        talk.open()
        talk.client(post(seq, body, done, path="/out.csv", segment=segment, count=2))
        talk.server(error_head(500, "gpfdist: no space left") if seq == 3 else ok_head(0))
        talk.close()
    return capture.write(folder / "refused.pcap")


async def test_a_refused_write_is_named_at_once_and_two_keys_stand_on_the_request(tmp_path: Path) -> None:
    (start, findings, found) = await walk(refused_write(tmp_path), "d", "enter")
    assert line_of_cursor(start).startswith(">✖") and "500 gpfdist: no space left" in start
    assert "GPI203" in line_of_cursor(findings)
    row = line_of_cursor(found).split()
    assert row[row.index("DATA") :][:3] == ["DATA", "3", "500"] and row[-1] == "refused"
    assert "segment 1" in found.splitlines()[1]
