"""Tables on screens of any width; and a real terminal."""

import os
import pty
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from views import samples

from gpinspect.cli.layout import table_lines
from gpinspect.views import tables
from gpinspect.views.text import cells

from .test_endings import ENVIRONMENT


def lines(path: str, screen: int | None) -> list[str]:
    rows = tables.SESSIONS.rows([samples.session(path=path)])
    return ["".join(text for text, _ in line) for line in table_lines(tables.SESSIONS, rows, screen)]


@given(st.text(max_size=150), st.integers(1, 250))
def test_no_line_is_wider_than_the_screen(path: str, screen: int) -> None:
    assert all(cells(line) <= screen for line in lines(path, screen))


def test_columns_give_way_by_priority_and_the_essential_ones_stay_at_80() -> None:
    header, row = lines("/data/" + "x" * 100 + "/orders.tbl", 80)
    assert "Server" not in header and "Conns" not in header
    assert {"Id", "Op", "Path", "Segs", "Bytes", "Delivery"} <= set(header.split())
    assert "orders.tbl" in row and "proven" in row


def test_without_a_screen_every_column_is_there_and_whole() -> None:
    header, row = lines("/data/" + "x" * 300, None)
    assert all(name in header for name in tables.SESSIONS.header)
    assert "x" * 300 in row


def test_rows_are_made_as_they_are_asked_for() -> None:
    made = 0

    def rows() -> object:
        nonlocal made
        while True:
            made += 1
            yield ["1"] * len(tables.SESSIONS.columns)

    stream = table_lines(tables.SESSIONS, rows(), 80)  # type: ignore[arg-type]
    for _ in range(601):
        next(stream)
    assert made <= 700


ON_A_TERMINAL = """
import gpinspect.inspection
from views import samples
from gpinspect.cli import main
sessions = [samples.session(path="/" + samples.NASTY, delivery=samples.Delivery.REFUTED)]
found = samples.Found(sessions=sessions, findings=[samples.finding()])
gpinspect.inspection.inspect = lambda inputs, **options: found
main({arguments})
"""


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """What a terminal of 80x24 gets."""
    master, slave = pty.openpty()
    env = {**ENVIRONMENT, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", **environment}
    code = ON_A_TERMINAL.format(arguments=list(arguments))
    with subprocess.Popen([sys.executable, "-c", code], stdout=slave, stderr=subprocess.DEVNULL, stdin=slave, env=env) as child:
        os.close(slave)
        output = b""
        while True:
            try:
                data = os.read(master, 4096)
            except OSError:  # Linux says so when the other end is closed
                break
            if not data:
                break
            output += data
        os.close(master)
        assert child.wait(timeout=60) == 0
    return output.decode()


@pytest.mark.parametrize("verb", ["sessions", "findings", "report"])
def test_a_terminal_gets_colours_and_no_control_of_the_wire(verb: str) -> None:
    output = on_a_terminal(verb, "x.pcap")
    assert "\x1b[" in output
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output).replace("\r\n", "\n")
    assert all(line.isprintable() and cells(line) <= 80 for line in plain.splitlines())
    assert len(plain.splitlines()) < 24


@pytest.mark.parametrize(("arguments", "environment"), [(("--no-color",), {}), ((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"})])
def test_colours_can_be_declined(arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    output = on_a_terminal("sessions", "x.pcap", *arguments, **environment)
    assert "refuted" in output and "\x1b" not in output
