"""Every command and program that the README and the guides show is run, as they show it."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
ELSEWHERE = ("make ", "git ", "cd ")  # run by continuous integration itself


def blocks(language: str) -> list[str]:
    return [body for page in PAGES for kind, body in BLOCK.findall(page.read_text()) if kind == language]


def commands() -> list[str]:
    lines = [line.removeprefix("$ ") for body in blocks("sh") for line in body.replace("\\\n", "").splitlines()]
    return [line for line in lines if line and not line.startswith(("#", *ELSEWHERE))]


def environment(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "TMPDIR": str(folder), "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}


def copy_of_the_checkout(folder: Path) -> Path:
    """Commands write where they stand; they shall not stand in the checkout."""
    (folder / "captures").symlink_to(ROOT / "captures")
    (folder / "dissectors").symlink_to(ROOT / "dissectors")
    return folder


@pytest.mark.parametrize("command", [line for line in commands() if " tui " not in line])
def test_command_of_the_readme_works(command: str, tmp_path: Path) -> None:
    folder = copy_of_the_checkout(tmp_path)
    done = subprocess.run(command, shell=True, cwd=folder, env=environment(tmp_path), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "a command worth showing prints something"


@pytest.mark.parametrize("command", [line for line in commands() if " tui " in line])
def test_terminal_interface_of_the_readme_opens_and_leaves(command: str, tmp_path: Path) -> None:
    copy_of_the_checkout(tmp_path)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.execvpe("sh", ["sh", "-c", f"exec {command}"], environment(tmp_path))
    seen = b""
    end = time.monotonic() + 30
    asked = False
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:  # the other end is closed: the program left
                break
        if b"GET" in seen and not asked:
            os.write(terminal, b"Q")
            asked = True
    assert asked, seen[-2000:]
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("program", blocks("python"))
def test_program_of_the_readme_runs(program: str, tmp_path: Path) -> None:
    folder = copy_of_the_checkout(tmp_path)
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_pages_show_commands_at_all() -> None:
    assert len(commands()) > 5 and blocks("python")
