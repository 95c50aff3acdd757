"""The command in a real terminal, from its first picture to its exit status."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from craft import Capture, Conversation

from tui.support import read_capture

PATIENCE = 20.0
LEAVE_ALTERNATE_SCREEN = b"\x1b[?1049l"


def walked(
    path: Path,
    wanted: bytes,
    keys: bytes,
    *,
    piped: bool = False,
    program: Sequence[str] = ("-m", "gpinspect.cli"),
    state: Path | None = None,
) -> tuple[int, bytes]:
    """Start, wait for a word on the screen, press keys; gives the exit status and all that was written.

    Args:
        piped: The capture comes through standard input.
        state: Where reports of defects go.
    """
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24", "LC_ALL": "C.UTF-8", "XDG_STATE_HOME": str(state)}
    command = [sys.executable, *program, "tui", "-" if piped else str(path)]
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", "sh", "-c", 'cat "$CAPTURE" | "$0" "$@"', *command] if piped else command,
        stdin=theirs, stdout=theirs, stderr=theirs, env={**environment, "CAPTURE": str(path)}, start_new_session=not piped,
    )  # fmt: skip
    os.close(theirs)
    written = b""
    pressed = False
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                some = os.read(ours, 65536)
            except OSError:
                break
            if not some:
                break
            written += some
        if not pressed and wanted in written:
            pressed = True
            os.write(ours, keys)
    process.kill() if process.poll() is None and time.monotonic() >= end else None
    os.close(ours)
    return process.wait(5), written


def test_a_capture_on_standard_input_leaves_the_keys_to_the_terminal(tmp_path: Path) -> None:
    status, written = walked(read_capture(tmp_path), b"/rows.csv", b"Q", piped=True)
    assert status == 0 and b"standard input" in written and LEAVE_ALTERNATE_SCREEN in written


def test_a_defect_gives_the_terminal_back_and_says_where_its_report_lies(tmp_path: Path) -> None:
    breaking = "import gpinspect.views.strips as s; s.entry_title = None; from gpinspect.cli import main; main()"
    status, written = walked(read_capture(tmp_path), b"never", b"", program=["-c", breaking], state=tmp_path)
    after = written.rpartition(LEAVE_ALTERNATE_SCREEN)[2]
    assert status == 70 and b"a report without any captured data lies in" in after and b"Traceback" not in written
    assert len(list((tmp_path / "gpinspect").iterdir())) == 1


def test_leaving_gives_the_terminal_back_and_status_0(tmp_path: Path) -> None:
    status, written = walked(read_capture(tmp_path), b"/rows.csv", b"Q")
    assert status == 0 and LEAVE_ALTERNATE_SCREEN in written and b"Traceback" not in written


def test_interrupting_gives_status_130(tmp_path: Path) -> None:
    status, written = walked(read_capture(tmp_path), b"proven", b"\x03\x03")
    assert status == 130 and LEAVE_ALTERNATE_SCREEN in written


def test_a_capture_of_something_else_gives_status_4_and_says_so_afterwards(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture, server=("10.0.0.9", 5353))
    talk.open()
    talk.client(b"\x00\x01\x02 nothing that is known")
    talk.close()
    path = capture.write(tmp_path / "other.pcap")
    status, written = walked(path, b"neither gpfdist nor TLS", b"Q")
    after = written.rpartition(LEAVE_ALTERNATE_SCREEN)[2]
    assert status == 4 and b"neither gpfdist nor TLS" in after


def test_a_file_that_is_no_capture_gives_status_3_before_anything_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a capture\n")
    status, written = walked(path, b"never", b"")
    assert status == 3 and b"\x1b" not in written and b"notes.txt" in written
