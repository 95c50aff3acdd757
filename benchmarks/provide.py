"""Which tools are there, how a missing one is installed, and what stands on this machine."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.tools import Tool, program


def present(tool: Tool) -> bool:
    if tool.program.startswith("python:"):
        return importlib.util.find_spec(tool.program.removeprefix("python:")) is not None
    return shutil.which(program(tool.program)) is not None


def provide(wanted: list[Tool], install: bool) -> list[str]:
    """Install what is missing, as far as this user may. Gives one line for everything that was done or left undone."""
    said = []
    missing = {tool.program: tool for tool in wanted if not present(tool)}
    for name, tool in missing.items():
        command = recipe(name)
        if not install or not command:
            said.append(f"{name} is missing: {tool.install}")
            continue
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        importlib.invalidate_caches()
        ended = "installed" if done.returncode == 0 and present(tool) else f"could not be installed: {last_line(done.stderr)}"
        said.append(f"{name} {ended} ({' '.join(command)})")
    return said


def recipe(name: str) -> list[str]:
    """The command that installs it; empty when this user may not."""
    root = Path(__file__).resolve().parent.parent
    if name == "gpinspect" or name.startswith("python:"):
        return [sys.executable, "-m", "pip", "install", "--quiet", "-e", f"{root}[dev]"]
    if name == "tshark" and os.geteuid() == 0 and shutil.which("apt-get"):
        return ["apt-get", "install", "--yes", "--no-install-recommends", "tshark"]
    return []


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def versions() -> list[str]:
    """Python, processor, and each tool, one line each."""
    lines = [
        f"processor   {processor()}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}",
        f"Python      {platform.python_version()}",
    ]
    for name, command in (("gpinspect", ["--version"]), ("tshark", ["--version"]), ("dd", ["--version"])):
        where = shutil.which(program(name))
        told = subprocess.run([where, *command], capture_output=True, text=True) if where else None
        failed = told is None or told.returncode
        lines.append(f"{name:<11} {'not runnable' if failed else (told.stdout.splitlines() or ['?'])[0]}")  # type: ignore[union-attr]
    for name in ("dpkt", "scapy"):
        try:
            lines.append(f"{name:<11} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"{name:<11} missing")
    return lines


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
