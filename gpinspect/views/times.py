"""Three ways to tell when something was."""

import enum
from collections.abc import Callable
from typing import Any

from gpinspect.views.tables import Column, Context
from gpinspect.views.text import UNKNOWN_TEXT, clock_text


class TimeMode(enum.Enum):
    """How times are told; `value` is what a person reads."""

    SINCE = "since start"
    CLOCK = "time of day"
    DELTA = "since the one before"

    @property
    def following(self) -> "TimeMode":
        modes = list(TimeMode)
        return modes[(modes.index(self) + 1) % len(modes)]


HEADINGS = {TimeMode.SINCE: "Since start", TimeMode.CLOCK: "Started", TimeMode.DELTA: "Since last"}


def seconds_text(ns: int) -> str:
    """Nanoseconds as seconds with six digits, cut: `0.026123`."""
    sign = "-" if ns < 0 else ""
    seconds, rest = divmod(abs(ns), 1_000_000_000)
    return f"{sign}{seconds}.{rest // 1000:06d}"


def time_column(
    mode: TimeMode,
    time_of: Callable[[Any], int | None],
    origin_ns: int | None,
    before_of: Callable[[Any], int | None],
    *,
    priority: int = 2,
    digits: int = 3,
    clock_heading: str = HEADINGS[TimeMode.CLOCK],
) -> Column[Any]:
    """A column that tells time in one of the ways.

    Args:
        origin_ns: What `SINCE` counts from.
        before_of: Time of the item before.
    """

    def value(item: Any, context: Context) -> str:
        ns = time_of(item)
        if mode is TimeMode.CLOCK:
            return clock_text(ns, utc=context.utc, digits=digits)
        start = origin_ns if mode is TimeMode.SINCE else before_of(item)
        return UNKNOWN_TEXT if ns is None or start is None else seconds_text(ns - start)

    heading = clock_heading if mode is TimeMode.CLOCK else HEADINGS[mode]
    return Column(heading, value, "left" if mode is TimeMode.CLOCK and digits == 3 else "right", priority=priority)
