"""Says what came out: a table a capture, ratios of CPU time, and how they stand to what we hold ourselves to."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.contest import Series
from benchmarks.generate import Made
from benchmarks.tools import GPINSPECT, LESS, LIMIT, SAME

FRAMES_1500 = {"mtu1500", "mtu1500-m32k", "lossy"}
FRAMES_64K = {"offload64k"}
INSIDE_TLS = {"tls-gcm", "tls-cbc"}


@dataclass(frozen=True)
class Target:
    """A ratio of CPU time, for frames of MTU 1500 and of 64 KiB, and by shape inside TLS; None where none is set."""

    mtu1500: float | None
    offload: float | None
    at_most: bool = False
    tls: Mapping[str, float] = field(default_factory=dict)

    def of(self, shape: str) -> float | None:
        if shape in INSIDE_TLS:
            return self.tls.get(shape)
        return self.mtu1500 if shape in FRAMES_1500 else self.offload if shape in FRAMES_64K else None


TARGETS = {
    "tshark conv,tcp": Target(8, 2),
    "tshark, our Lua": Target(15, 5),
    "dpkt, package parse": Target(10, 5),
    "tshark, decrypts only": Target(None, None, tls={"tls-gcm": 4, "tls-cbc": 3}),
    "scapy PcapReader": Target(100, None),
    "dd": Target(14, 3, at_most=True),
}
STAND_IN = {"tshark, minimal Lua": "tshark, our Lua"}  # takes the target over as long as the other is not there
MEMORY = ((1 << 30, 40.0), (10 << 30, 80.0))  # captures up to so many bytes, MiB
VERSION_MS, FIRST_TABLE_MS = 60.0, 200.0
BLOCKS = (
    (GPINSPECT, "gpinspect"),
    (SAME, "the same work"),
    (LESS, "does less: no ratio of equals"),
    (LIMIT, "the limit: gpinspect to it"),
)
COLUMNS = f"{'':<22}{'CPU s':>9}{'from - to':>17}{'peak MiB':>10}{'ratio':>9}{'from - to':>16}  "


def standing(value: float, target: float, at_most: bool) -> str:
    """ "reached" or "missed by 12 %" of the target."""
    sign = "≤" if at_most else "≥"
    short = (value - target if at_most else target - value) / target
    return f"{sign} {target:g}: {'reached' if short <= 0 else f'missed by {short:.0%}'}"


def table(made: Made, series: list[Series], reference: Series | None, rounds: int) -> list[str]:
    """The lines for one capture."""
    truth = made.truth
    shape = truth["made_from"]["shape"]
    lines = [
        "",
        f"{shape}: {truth['about']}",
        f"  {truth['capture_bytes'] / 1e6:,.0f} MB, {truth['frames']:,} frames, {truth['messages']:,} messages, "
        f"{truth['payload_bytes']:,} bytes of payload, {truth['connections']:,} connections, "
        f"{truth['lost_frames']:,} frames lost and sent again; seed {truth['made_from']['seed']}, n = {rounds}",
        "  " + COLUMNS,
    ]
    names = {one.tool.name for one in series}
    for kind, title in BLOCKS:
        block = [one for one in series if one.tool.kind == kind]
        if block:
            lines.append(f"  -- {title}")
            lines += ["  " + row(one, reference, shape, truth["capture_bytes"], names) for one in block]
    return lines


def row(one: Series, reference: Series | None, shape: str, size: int, names: set[str]) -> str:
    cells = f"{one.tool.name:<22}"
    times = list(one.cpu_s.values())
    if times:
        cells += f"{statistics.median(times):>9.3f}{f'{min(times):.3f} - {max(times):.3f}':>17}{max(one.peak_mib):>10.1f}"
    else:
        cells += f"{'-':>9}{'-':>17}{'-':>10}"
    ratios = one.ratios(reference) if reference else []
    notes = [one.verdict] if one.verdict else []
    if ratios:
        middle = statistics.median(ratios)
        cells += f"{f'{middle:.1f}x':>9}{f'{min(ratios):.1f} - {max(ratios):.1f}':>16}"
        taken = STAND_IN.get(one.tool.name, "")
        target = TARGETS.get(one.tool.name) or (TARGETS[taken] if taken and taken not in names else None)
        goal = target.of(shape) if target else None
        if target and goal is not None:
            notes.append(standing(middle, goal, target.at_most) + (f" (in place of {taken})" if taken else ""))
    else:
        cells += f"{'-':>9}{'-':>16}"
    bounded = shape in FRAMES_1500 | FRAMES_64K | INSIDE_TLS
    limit = next((mib for most, mib in MEMORY if size <= most + (most >> 6)), None) if bounded else None
    if one.tool.kind == GPINSPECT and one.peak_mib and not one.verdict and limit:
        notes.append(f"memory {standing(max(one.peak_mib), limit, True)}")
    return f"{cells}  {'; '.join([*notes, one.tool.settings])}"


def starts(series: list[Series]) -> list[str]:
    """What starting alone costs: an empty capture."""
    lines = ["", "empty capture (24 bytes): what starting costs, median CPU ms"]
    for one in series:
        shown = "-" if one.median_s is None else f"{one.median_s * 1000:.0f}"
        lines.append(f"  {one.tool.name:<22}{shown:>9}  {one.verdict}".rstrip())
    return lines
