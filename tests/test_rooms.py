"""What the rooms load, in a process of their own: import contracts see names, this sees what really happens."""

import json
import pkgutil
import subprocess
import sys

import pytest

import gpinspect

PURE = ("model", "grammar", "engine", "analysis", "views")
HEAVY = {"scapy", "textual", "pyshark", "asyncio", "numpy", "rich", "click"}


def modules_of(room: str) -> list[str]:
    package = __import__(f"gpinspect.{room}", fromlist=["_"])
    return [f"gpinspect.{room}"] + [found.name for found in pkgutil.walk_packages(package.__path__, f"gpinspect.{room}.")]


def loaded_by(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize("room", PURE)
def test_pure_room_loads_no_terminal_network_or_packet_library(room: str) -> None:
    modules = modules_of(room)
    assert len(modules) > 1
    assert not HEAVY & loaded_by(f"import {', '.join(modules)}")


def test_package_by_itself_loads_next_to_nothing() -> None:
    assert not (HEAVY | {"construct", "cryptography", "dataclasses"}) & loaded_by("import gpinspect")
    assert gpinspect.__version__


def test_reading_a_capture_without_tls_loads_no_cryptography_and_no_construct() -> None:
    program = "import gpinspect.inspection, gpinspect.cli.sessions"
    assert not {"cryptography", "construct", "rich", "textual", "scapy", "pyshark", "zstandard"} & loaded_by(program)
