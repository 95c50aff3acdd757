"""Whether what somebody found in a recording agrees with what was arranged.

Works on any manifest of the shape of ours. `python -m tests.lab.verdict FOLDER [NAME...]` prints the table for gpinspect.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CAUSES = ("server", "segment", "network", "capture")
ENOUGH = 0.5  # of what an event shows, a right answer covers this share
LEAST = 400_000_000  # ns of visible silence that a right answer must not miss
Span = tuple[int, int]


@dataclass(frozen=True)
class Answer:
    """One stall that somebody found; flows as Greenplum segment ids."""

    cause: str
    pattern: str
    start: int
    end: int
    segments: frozenset[int | None] = field(default_factory=frozenset)


def union(spans: Iterable[Span]) -> list[Span]:
    out: list[Span] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        elif end > start:
            out.append((start, end))
    return out


def shared(a: list[Span], b: list[Span]) -> list[Span]:
    return union((max(x[0], y[0]), min(x[1], y[1])) for x in a for y in b if max(x[0], y[0]) < min(x[1], y[1]))


def total(spans: list[Span]) -> int:
    return sum(end - start for start, end in spans)


def shown(stall: dict[str, Any]) -> list[Span]:
    """What an arranged event shows in the file while it lasts: silences and shut windows of the flows hit.

    A segment that reads nothing is seen by its shut window; before that its flow may just wait for its turn.
    """
    shut = [tuple(span) for flow in stall["visible"] for span in flow.get("zero_window_of_client", ())]
    if stall["cause"] == "segment" and all(flow["client_port"] for flow in stall["visible"]):
        return shared(union(shut), [tuple(stall["interval"])])
    spans = [
        tuple(span) for flow in stall["visible"] for key in flow if key not in ("segment", "client_port") for span in flow[key]
    ]
    if stall.get("scope") == "all" and stall["all_silent"]:
        spans = [tuple(span) for span in stall["all_silent"]]
    return shared(union(spans), [tuple(stall["interval"])])


def not_to_blame(entry: dict[str, Any]) -> set[str]:
    words = entry["must_not_be_blamed"]
    named = set(CAUSES) if "anything" in words or (entry["cause"] == "none" and not words) else {c for c in CAUSES if c in words}
    return named - set(entry["also_right"]) - {stall["cause"] for stall in entry["stalls"]}


def judge(entry: dict[str, Any], answers: list[Answer]) -> list[str]:
    """What is wrong with the answers; empty when all is right."""
    wrong = []
    innocent = not_to_blame(entry)
    for answer in answers:
        if answer.cause in innocent:
            wrong.append(f"blames {answer.cause} for {(answer.end - answer.start) / 1e9:.2f} s ({answer.pattern})")
        elif entry["cause"] == "none" and answer.cause not in entry["also_right"]:
            wrong.append(f"finds a stall ({answer.cause}, {answer.pattern}) in a healthy load")
    for stall in entry["stalls"]:
        right = [a for a in answers if a.cause in {stall["cause"], *entry["also_right"]}]
        seen = shown(stall)
        if not stall["silence_visible"] or total(seen) < LEAST or (entry["throughout"] and stall["cause"] == "network"):
            continue
        found = shared(union((a.start, a.end) for a in right), seen)
        if entry["throughout"]:
            if not found:
                wrong.append(f"misses {stall['cause']} throughout")
            continue
        if total(found) < ENOUGH * total(seen):
            wrong.append(f"covers {total(found) / 1e9:.2f} s of {total(seen) / 1e9:.2f} s of {stall['cause']}")
        elif stall.get("scope") != "all" and stall["cause"] != "capture":
            meant = {flow["segment"] for flow in stall["flows"]}
            met = {s for a in right if a.cause == stall["cause"] and shared([(a.start, a.end)], seen) for s in a.segments} - {None}
            if not met <= meant:
                wrong.append(f"names segments {sorted(met)}, not {sorted(meant)}")
    return wrong


def answers_of(path: Path, keylog: Path | None) -> list[Answer]:
    """What gpinspect finds."""
    import gpinspect

    inspection = gpinspect.inspect([str(path)], keylogs=[str(keylog)] if keylog else [])
    return [
        Answer(str(s.cause), s.pattern, s.start_ns, s.end_ns, frozenset(flow.segment for flow in s.flows))
        for s in inspection.stalls
    ]


def main() -> int:
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    bad = 0
    for entry in json.loads((folder / "manifest.json").read_text()):
        if names and not any(name in entry["file"] for name in names):
            continue
        answers = answers_of(folder / entry["file"], folder / entry["keylog"] if entry["keylog"] else None)
        wrong = judge(entry, answers)
        bad += bool(wrong)
        print(f"{'wrong' if wrong else 'right':5}  {entry['file']:38} {entry['cause']:8} {'; '.join(wrong)}")
        for a in answers if wrong else ():
            zero = entry["capture_start_ns"]
            who = sorted(s for s in a.segments if s is not None)
            print(f"         {a.cause:8} {a.pattern:36} {(a.start - zero) / 1e9:.3f}-{(a.end - zero) / 1e9:.3f} {who}")
    print(f"{bad} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
