"""Many scenarios at a time, each in namespaces of its own, and the manifest that grows with them."""

import fcntl
import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .certificate import make_certificate
from .plan import Scenario
from .record import record
from .space import NoNamespacesError, check

TRIES = 3


def run(
    scenarios: Iterable[Scenario], folder: Path, jobs: int = 5, say: Callable[[str], object] = lambda _: None
) -> dict[str, str]:
    """Record scenarios into `folder` and put their truth into its manifest.json; gives name -> trouble of those that failed twice.

    Raises:
        NoNamespacesError: No rights, no namespaces, or a program is missing.
    """
    check()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = list(scenarios)
    certificate = make_certificate(folder) if any(one.tls for one in chosen) else None
    failed: dict[str, str] = {}

    def one(number: int, scenario: Scenario) -> None:
        begun = time.monotonic()
        for turn in range(TRIES):
            try:
                entry = record(scenario, number, folder, certificate)
            except NoNamespacesError:
                raise
            except Exception as trouble:
                failed[scenario.name] = f"{type(trouble).__name__}: {trouble}"
                say(f"{scenario.name}: try {turn + 1}: {failed[scenario.name]}")
                continue
            failed.pop(scenario.name, None)
            keep(folder, entry)
            say(f"{scenario.name}: {entry['frames']} frames, {entry['file_bytes']} bytes, {time.monotonic() - begun:.1f} s")
            return

    with ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(one, number, scenario) for number, scenario in enumerate(chosen)]:
            done.result()
    return failed


def keep(folder: Path, entry: dict[str, Any]) -> None:
    """Put one entry into the manifest in place of the one with the same file; readers see the old or the new one, never half."""
    path = folder / "manifest.json"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = json.loads(path.read_text()) if path.exists() else []
        entries = sorted([*(old for old in entries if old["file"] != entry["file"]), entry], key=lambda each: each["file"])
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(entries, indent=1) + "\n")
        fresh.replace(path)
