"""The recordings that the tests look at: made now where the machine allows it, else those kept beside this file.

`python -m tests.lab.shipped FOLDER` makes the kept ones out of a folder of recordings.
"""

import fcntl
import gzip
import json
import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

from .run import run
from .scenarios import SCENARIOS
from .space import NoNamespacesError

KEPT = Path(__file__).resolve().parent / "recorded"
Entry = dict[str, Any]


def shared_folder(factory: Any) -> Path:
    """One folder for all test processes of a run; `factory` is pytest's tmp_path_factory."""
    base: Path = factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "lab"


def recordings(folder: Path) -> tuple[Path, list[Entry]]:
    """Folder and manifest of the quick scenarios; `folder` is filled by the first process that asks, the others wait for it."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "done.json"
    with (folder / ".turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not done.exists():
            done.write_text(json.dumps(_make(folder)))
    told = json.loads(done.read_text())
    if told["unavailable"]:
        warnings.warn(f"{told['unavailable']}; the tests look at the recordings kept in {KEPT.name}/", stacklevel=2)
    where = Path(told["folder"])
    return where, json.loads((where / "manifest.json").read_text())


def _make(folder: Path) -> dict[str, str]:
    try:
        failed = run([one for one in SCENARIOS if one.quick], folder, jobs=6)
    except NoNamespacesError as why:
        return {"folder": str(KEPT), "unavailable": str(why)}
    if failed:
        raise RuntimeError("the laboratory could not record: " + "; ".join(f"{name}: {why}" for name, why in failed.items()))
    return {"folder": str(folder), "unavailable": ""}


def keep(source: Path) -> None:
    """Compress the quick recordings of `source` into the kept ones."""
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir()
    quick = {f"{one.name}.pcap" for one in SCENARIOS if one.quick}
    entries = [entry for entry in json.loads((source / "manifest.json").read_text()) if entry["file"] in quick]
    for entry in entries:
        packed = gzip.compress((source / entry["file"]).read_bytes(), 9, mtime=0)
        (KEPT / f"{entry['file']}.gz").write_bytes(packed)
        if entry["keylog"]:
            shutil.copyfile(source / entry["keylog"], KEPT / entry["keylog"])
        entry["file"] += ".gz"
    (KEPT / "manifest.json").write_text(json.dumps(entries, separators=(",", ":")) + "\n")
    print(f"{len(entries)} recordings, {sum(each.stat().st_size for each in KEPT.iterdir())} bytes")


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
