"""The first lines of every screen: what is being looked at, how far reading has come, and what stands in its way."""

from gpinspect.tui.look import BOLD, PLAIN, Look, Part
from gpinspect.tui.reading import Ended, Progress, Snapshot, base_names
from gpinspect.views.fitting import packed
from gpinspect.views.inspected import is_ours
from gpinspect.views.report import connections_text
from gpinspect.views.strips import totals_text
from gpinspect.views.text import bytes_text, cells, duration_text, plural, printable, rate_text, shorten


def head_parts(found: Snapshot, progress: Progress | None, over: bool, look: Look, width: int) -> list[Part]:
    """The capture in one line; while it is being read also how far, how fast, and how to stop."""
    name = shorten(f"gpinspect  {look.text(printable(base_names(found.sources)))}", max(width // 2, 24)) + "  "
    room = width - cells(name)
    if not over:
        return [(name, BOLD), (packed(_progress_facts(progress, found), room), PLAIN)]
    span = duration_text(found.last_ns - found.first_ns) if found.first_ns is not None and found.last_ns is not None else "-"
    counts = totals_text(found.findings)
    facts = [plural(len(found.sessions), "session"), "" if counts == "-" else counts]
    facts += [bytes_text(found.bytes), plural(found.frames, "frame"), span]
    return [(name, BOLD), (packed(facts, room), PLAIN)]


def _progress_facts(progress: Progress | None, found: Snapshot) -> list[str]:
    if progress is None:
        return ["reading ..."]
    of = f" of {bytes_text(progress.total)}" if progress.total is not None else ""
    percent = f"{min(progress.bytes * 100 // progress.total, 100)}% " if progress.total else ""
    rate = rate_text(round(progress.rate), 1_000_000_000)
    return [
        f"reading {percent}{bytes_text(progress.bytes)}{of}",
        "^C stops",
        f"{rate} MB/s",
        plural(len(found.sessions), "session"),
        plural(progress.frames, "frame"),
    ]


def alert_parts(found: Snapshot, ended: Ended | None, look: Look) -> Part:
    """What a person has to know whatever is on the screen; empty when there is nothing."""
    if ended is None:
        return "", PLAIN
    if ended.error is not None:
        return look.text(printable(f"x {ended.error}; below is what was read before")), look.style("bad")
    if ended.cancelled:
        part = f" at {found.bytes * 100 // found.total}%" if found.total else ""
        return f"! reading was stopped{part}; what came later is not here", look.style("warn")
    if not is_ours(found):
        told = f"! neither gpfdist nor TLS in it, but {plural(found.frames, 'frame')}, {connections_text(found)}"
        return told, look.style("warn")
    return "", PLAIN
