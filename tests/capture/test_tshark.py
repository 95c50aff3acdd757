"""Formats that only tshark reads come in through it."""

import os
import stat
import struct
import threading
from pathlib import Path

import pytest

from gpinspect.capture import open_captures
from gpinspect.capture import tshark as tshark_module
from gpinspect.capture.tshark import tshark_path
from gpinspect.errors import CaptureError, SourceError

from .build import drain, enhanced, frame, interface, pcap, section

ETHERNET_IN_SNOOP = 4


def snoop(frames: list[tuple[int, bytes]]) -> bytes:
    """A snoop capture (RFC 1761) of frames at whole microseconds."""
    data = b"snoop\0\0\0" + struct.pack(">II", 2, ETHERNET_IN_SNOOP)
    for ns, content in frames:
        padding = -len(content) % 4
        length = 24 + len(content) + padding
        data += struct.pack(">IIIIII", len(content), len(content), length, 0, ns // 10**9, ns % 10**9 // 1000)
        data += content + bytes(padding)
    return data


FRAMES = [(1_600_000_000_000_001_000 + i * 1000, bytes([i]) * 61) for i in range(30)]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for tshark that writes out.pcapng, then says words.txt and fails if there is one."""
    path = tmp_path / "tool"
    path.write_text(
        f'#!/bin/sh\nif [ "$1" = -v ]; then echo "TShark (Wireshark) 4.0.17 (stand-in)"; exit; fi\n'
        f"cat {tmp_path}/out.pcapng\nif [ -e {tmp_path}/words.txt ]; then cat {tmp_path}/words.txt >&2; exit 2; fi\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(tshark_module, "tshark_path", lambda: str(path))
    (tmp_path / "out.pcapng").write_bytes(section() + interface() + enhanced(0, 1, b"abc") + enhanced(0, 2, b"def"))
    (tmp_path / "some.snoop").write_bytes(snoop(FRAMES))
    return path


def test_a_snoop_capture_is_read_through_the_real_tshark(tmp_path: Path) -> None:
    path = tmp_path / "-a.snoop"
    path.write_bytes(snoop(FRAMES))
    with open_captures([str(path)], via_tshark=True, again=True) as capture:
        result = drain(capture)
        assert [(one.ns, one.data) for one in result.frames] == FRAMES
        assert [record.captured for record in capture.records_at(result.positions[7])] == [data for _, data in FRAMES[7:]]


def test_what_is_read_here_never_goes_through_tshark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "a"
    path.write_bytes(pcap([frame(0, b"abc")]))
    with open_captures([str(path)], via_tshark=True) as capture:
        assert drain(capture).frames == [frame(0, b"abc")]


def test_missing_tshark_is_an_error_that_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "a.snoop"
    path.write_bytes(snoop(FRAMES))
    with pytest.raises(SourceError, match="apt install tshark") as caught:
        open_captures([str(path)], via_tshark=True)
    assert caught.value.exit_status == 5


def test_a_tshark_that_is_none_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    fake = tmp_path / "tshark"
    fake.write_text("#!/bin/sh\necho nonsense\n")
    fake.chmod(0o755)
    with pytest.raises(SourceError, match="does not tell its version"):
        tshark_path()
    fake.write_text("#!/bin/sh\necho 'TShark 1.10.14 (old)'\n")
    with pytest.raises(SourceError, match=r"1\.10\.14, wanted 2\.0"):
        tshark_path()


def test_tshark_that_gives_up_is_quoted_behind_what_it_wrote(tool: Path) -> None:
    (tool.parent / "words.txt").write_text('Some notice\ntshark: The file "x\x1b[31m" appears to be damaged.\n')
    with open_captures([str(tool.parent / "some.snoop")], via_tshark=True) as capture:
        result = drain(capture)
    assert [one.data for one in result.frames] == [b"abc", b"def"]
    ((code, values),) = result.notices
    assert (code, values["problem"]) == ("GPI002", 'tshark: The file "x?[31m" appears to be damaged.')


def test_tshark_that_gives_nothing_is_an_error_in_its_words(tool: Path) -> None:
    (tool.parent / "words.txt").write_text("tshark: no idea what this is\n")
    (tool.parent / "out.pcapng").write_bytes(b"")
    with (
        open_captures([str(tool.parent / "some.snoop")], via_tshark=True) as capture,
        pytest.raises(CaptureError, match="tshark: no idea what this is"),
    ):
        drain(capture)


def test_tshark_is_one_of_several_inputs(tool: Path) -> None:
    path = tool.parent / "a.pcap"
    path.write_bytes(pcap([frame(1500, b"mid")], nano=True))
    with open_captures([str(tool.parent / "some.snoop"), str(path)], via_tshark=True) as capture:
        assert [one.data for one in drain(capture).frames] == [b"abc", b"mid", b"def"]


def test_a_foreign_format_on_a_pipe_asks_for_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(snoop(FRAMES),))
    writer.start()
    with open_captures([str(path)], via_tshark=True) as capture, pytest.raises(CaptureError, match="Save it to a file"):
        drain(capture)
    writer.join()
