"""scapy finds the layer where people have it: installed from a wheel, in a checkout, or as one file."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LOAD = (
    "from scapy.config import conf; conf.exts.load('gpinspect'); from scapy.contrib.gpfdist import *;"
    "import scapy.contrib.gpfdist as m;"
    "print(m.__file__); print(bytes(gpfdist_end()).hex()); assert 'scapy.contrib.gpfdist' in repr(conf.exts)"
)


def run(code: str, folder: Path, *paths: Path) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """gpinspect as pip installs it from a wheel that was just built."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    for path in (ROOT / "gpinspect").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            target = source / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = [*pip, "wheel", "--no-deps", "-w", str(folder), str(source)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(folder / "installed"), str(built)], check=True)
    return folder / "installed"


def test_the_installed_wheel_is_an_extension_of_scapy(wheel: Path, tmp_path: Path) -> None:
    file, end = run(LOAD, tmp_path, wheel)
    assert file == str(wheel / "gpinspect/export/scapy/gpfdist.py")
    assert end == "4400000000"


def test_load_contrib_finds_the_layer_of_the_wheel(wheel: Path, tmp_path: Path) -> None:
    code = "from scapy.all import *; conf.exts.load('gpinspect'); load_contrib('gpfdist'); print(bytes(GpfdistL(line=7)).hex())"
    assert run(code, tmp_path, wheel) == ["4c000000080000000000000007"]


def test_the_wheel_makes_the_artefacts_too(wheel: Path, tmp_path: Path) -> None:
    code = "from gpinspect.cli import main; import sys; sys.argv = ['gpinspect', 'export', 'scapy']; main()"
    assert "\n".join(run(code, tmp_path, wheel)) + "\n" == (ROOT / "dissectors/scapy/gpfdist.py").read_text(encoding="utf-8")


def test_a_checkout_that_was_installed_is_an_extension_of_scapy(tmp_path: Path) -> None:
    file, end = run(LOAD, tmp_path)
    assert file == str(ROOT / "gpinspect/export/scapy/gpfdist.py")
    assert end == "4400000000"


def test_the_one_file_needs_nothing_but_scapy(tmp_path: Path) -> None:
    code = (
        "import sys; from gpfdist import *; import gpfdist; print(gpfdist.__file__); print(bytes(gpfdist_end()).hex());"
        "print([name for name in sys.modules if name.startswith(('gpinspect', 'construct', 'zstandard'))])"
    )
    folder = ROOT / "dissectors/scapy"
    assert run(code, tmp_path, folder)[-3:] == [str(folder / "gpfdist.py"), "4400000000", "[]"]


def test_the_programs_of_the_guide_run_as_they_stand_there() -> None:
    guide = (ROOT / "docs" / "scapy.md").read_text(encoding="utf-8")
    reading, building = re.findall(r"^```python\n(.*?)^```", guide, re.M | re.S)
    shown = run(reading, ROOT)
    assert sum("segment" in line and "of 4" in line for line in shown) == 4
    assert sum(line.startswith("rows from byte 20 ") for line in shown) == 1, "the header row of the file has 20 bytes"
    load = "from scapy.config import conf; conf.exts.load('gpinspect')\n"
    first, *shown = run(load + building, ROOT)
    assert first.startswith("b'HTTP/1.0 200 ok") and first.endswith(r"1,x\n2,y\nD\x00\x00\x00\x00'")
    assert any(line.split() == ["X_GP_PROTO=", "1"] or line.split() == ["X_GP_PROTO", "=", "1"] for line in shown)
