"""What names stand for, and what is said of things that are no captures."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gpinspect.capture import open_captures
from gpinspect.capture import source as source_module
from gpinspect.errors import CaptureError

from .build import Frame, drain, enhanced, frame, interface, pcap, read, section, simple

ONE, TWO, THREE = ([frame(n * 10**9, bytes([n]) * 10)] for n in (1, 2, 3))

COUNT = """
import sys
from gpinspect.capture import open_captures
frames = 0
with open_captures(["-"]) as capture:
    for window in capture.windows():
        while window.start < window.end:
            captured = window.layout.head.unpack_from(window.buffer, window.start)[5]
            if window.start + 16 + captured > window.end:
                break
            window.start += 16 + captured
            frames += 1
    print(frames, capture.bytes_read, capture.bytes_total)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b.pcap").write_bytes(pcap(ONE))
    (tmp_path / "a.dump").write_bytes(pcap(TWO))
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "c.pcap").write_bytes(pcap(THREE))
    return tmp_path


def error_of(*names: object) -> CaptureError:
    with pytest.raises(CaptureError) as caught, open_captures([str(name) for name in names]) as capture:
        drain(capture)
    return caught.value


def test_a_directory_gives_its_captures_by_name_and_none_deeper(folder: Path) -> None:
    with open_captures([str(folder)]) as capture:
        assert capture.sources == (str(folder / "a.dump"), str(folder / "b.pcap"))
        assert drain(capture).frames == ONE + TWO
        assert capture.bytes_read == capture.bytes_total == 2 * (24 + 16 + 10)


def test_what_is_no_capture_in_a_directory_is_skipped_with_a_word(folder: Path) -> None:
    (folder / "notes.md").write_text("# about these\n")
    (folder / "zero").touch()
    (folder / "damaged").write_bytes(pcap([]) + bytes(100))
    result = read(folder)
    assert result.frames == ONE + TWO
    assert [code for code, _ in result.notices] == ["GPI007", "GPI007", "GPI007"]
    problems = " ".join(str(values["problem"]) for _, values in result.notices)
    assert "text" in problems
    assert "empty" in problems
    assert "without bytes" in problems


def test_a_directory_without_captures_is_an_error(tmp_path: Path) -> None:
    assert "no files" in error_of(tmp_path).problem
    (tmp_path / "notes.md").write_text("# about these\n")
    assert "no capture in this directory" in error_of(tmp_path).problem
    (tmp_path / "damaged").write_bytes(pcap([]) + bytes(100))
    assert "no capture can be read here" in error_of(tmp_path).problem


def test_a_glob_gives_what_matches_by_name(folder: Path) -> None:
    with open_captures([str(folder / "*.[dp]*")]) as capture:
        assert [Path(name).name for name in capture.sources] == ["a.dump", "b.pcap"]
    assert "no file matches" in error_of(folder / "*.nothing").problem


def test_a_name_with_glob_letters_that_exists_is_that_file(folder: Path) -> None:
    (folder / "[b].pcap").write_bytes(pcap(THREE))
    assert read(folder / "[b].pcap").frames == THREE


def test_a_file_named_twice_is_read_once(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "b.pcap")
    result = read(folder / "b.pcap", folder / "link")
    assert result.frames == ONE
    assert [code for code, _ in result.notices] == ["GPI007"]


def test_missing_things_are_named(tmp_path: Path) -> None:
    missing = error_of(tmp_path / "nothing.pcap")
    assert "no such file" in missing.problem
    assert missing.path == str(tmp_path / "nothing.pcap")
    assert "no directory" in error_of(tmp_path / "no" / "nothing.pcap").problem
    (tmp_path / "file").touch()
    assert "no such file" in error_of(tmp_path / "file" / "below").problem
    assert "no name of a file" in error_of("a\0b").problem
    assert "can not be looked at" in error_of("a" * 5000).problem
    assert "Name a capture" in error_of().problem


def test_a_file_that_may_not_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, flags: int) -> int:
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(source_module.os, "open", refuse)
    assert "may not read" in error_of(folder / "b.pcap").problem


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "zero.pcap").touch()
    assert "0 bytes" in error_of(tmp_path / "zero.pcap").problem


NO_CAPTURES = {
    b"hello\n": ("text", "tcpdump -w"),
    b"CLIENT_RANDOM 0011 2233\n": ("a TLS key log", "--keylog"),
    b"# made by curl\nSERVER_HANDSHAKE_TRAFFIC_SECRET 0011 2233\n": ("a TLS key log", "--keylog"),
    b"-----BEGIN RSA PRIVATE KEY-----\nMII": ("a private key", "--server-key"),
    b"-----BEGIN CERTIFICATE-----\nMII": ("a certificate", "--server-key"),
    b'{"_index": "packets"}': ("JSON", "capture"),
    b'[\n  {"_index": 1}]': ("JSON", "capture"),
    b"<?xml version='1.0'?><pdml/>": ("XML", "capture"),
    b"-- load\nSELECT * FROM ext;": ("SQL", "recorded"),
    b"create external table t (a int) location": ("SQL", "recorded"),
    b"12:01:02.123456 IP 10.0.0.1.8080 > 10.0.0.2.5000: Flags [S]": ("what tcpdump prints", "-w"),
    b"snoop\0\0\0\0\0\0\2": ("a snoop capture", "--via tshark"),
    b"\x00\x00\x02\x00\x12\x05\x00\x10": ("K12", "--via tshark"),
    b"GMBU\0\2": ("Network Monitor", "--via tshark"),
    bytes.fromhex("a1b2cd34") + bytes(40): ("modified record headers", "--via tshark"),
    bytes.fromhex("34cdb2a1") + bytes(40): ("modified record headers", "--via tshark"),
    b"BZh91AY&SY": ("bzip2", "Unpack"),
    b"\xfd7zXZ\0": ("xz", "Unpack"),
    b"PK\x03\x04": ("zip", "Unpack"),
    b"\x02\x21\x4c\x18": ("legacy", "Unpack"),
    b"\x7fELF\2\1\1\0": ("program", "tcpdump"),
    b"\n\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a": ("line ends were changed", "binary"),
    b"\0\1\2\3": ("nothing known", "--via tshark"),
    bytes(3): ("nothing known", "--via tshark"),
}


@pytest.mark.parametrize("content", NO_CAPTURES, ids=lambda content: repr(content[:16]))
def test_what_is_no_capture_is_told_by_its_looks_with_the_next_step(tmp_path: Path, content: bytes) -> None:
    what, advice = NO_CAPTURES[content]
    path = tmp_path / "thing"
    path.write_bytes(content)
    problem = error_of(path).problem
    assert what in problem
    assert advice in problem
    assert "wanted a capture" in problem


def test_a_pipe_is_read_as_it_fills(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    data = section() + interface() + enhanced(0, 1, b"abc") + simple(b"def")
    arrived = threading.Event()

    def write() -> None:
        with path.open("wb", buffering=0) as pipe:
            pipe.write(data[:-20])
            arrived.wait(10)  # the rest comes only when the first frame was handed out
            pipe.write(data[-20:])

    writer = threading.Thread(target=write)
    writer.start()
    lengths = []
    with open_captures([str(path)]) as capture:
        assert capture.bytes_total is None
        for window in capture.windows():
            lengths.append(window.layout.head.unpack_from(window.buffer, window.start)[5])
            window.start += window.layout.head.unpack_from(window.buffer, window.start)[1] or window.end - window.start
            arrived.set()
        assert capture.bytes_read == len(data)
    writer.join()
    assert lengths == [3, 3]


def test_standard_input_is_a_capture() -> None:
    data = pcap([frame(0, bytes(50))] * 30)
    done = subprocess.run([sys.executable, "-c", COUNT], input=data, stdout=subprocess.PIPE, check=True, timeout=60)
    assert done.stdout.split() == [b"30", str(len(data)).encode(), b"None"]


def test_closed_standard_input_is_an_error() -> None:
    code = f"import os; os.close(0)\n{COUNT}"
    done = subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
    assert b"CaptureError: -: " in done.stderr


def test_no_more_than_the_sample_is_read_of_a_file_before_windows(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(pcap([Frame(0, bytes(1000), 1000)] * 100))
    with open_captures([str(path)]) as capture:
        assert capture.bytes_read == 0
