"""`python -m tests.lab -o DIRECTORY [NAME...]`: record scenarios, all or those named, and keep DIRECTORY/manifest.json in step."""

import argparse
import sys
from pathlib import Path

from .run import run
from .scenarios import BY_NAME, SCENARIOS
from .space import NoNamespacesError


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab", description="Arranged slowness, recorded with the truth beside it."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios; all when none is named")
    parser.add_argument("-o", "--output", type=Path, default=Path("lab"), help="directory for captures and manifest.json")
    parser.add_argument("-j", "--jobs", type=int, default=5, help="scenarios at a time (default 5; they mostly sleep)")
    parser.add_argument("--quick", action="store_true", help="those that the test records")
    parser.add_argument("--list", action="store_true", help="say which there are")
    told = parser.parse_args()
    if unknown := [name for name in told.names if name not in BY_NAME]:
        parser.error(f"no such scenario: {', '.join(unknown)}; --list names them")
    chosen = [one for one in SCENARIOS if (one.name in told.names if told.names else one.quick or not told.quick)]
    if told.list:
        for one in chosen:
            print(f"{one.name:32} {one.cause:8} {one.arranged}")
        return 0
    try:
        failed = run(chosen, told.output, told.jobs, print)
    except NoNamespacesError as trouble:
        print(f"tests.lab: {trouble}", file=sys.stderr)
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
