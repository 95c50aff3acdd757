"""One judgement, with its evidence."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Severity(enum.IntEnum):
    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` and `name` stand in the catalogue (gpinspect.grammar.findings); numbers are ids of the inspection, from 1."""

    code: str
    name: str
    severity: Severity
    message: str
    advice: str
    session: int | None = None
    segment: int | None = None
    exchange: int | None = None
    connection: int | None = None
    time_ns: int | None = None
    frames: tuple[int, int] | None = None  # first and last
    values: Mapping[str, str | int] = field(default_factory=dict, repr=False, compare=False)  # what the message was filled with
    suffix: str = field(default="", repr=False, compare=False)  # what follows the message in parentheses: ours, not the wire's
