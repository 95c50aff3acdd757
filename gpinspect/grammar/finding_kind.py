"""What an entry of the catalogue of findings holds."""

from dataclasses import dataclass

from gpinspect.model.finding import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is always true of findings with one code."""

    code: str
    name: str
    severity: Severity
    message: str  # for str.format with the values of the finding
    explanation: str  # what it means
    rules_out: str  # what can be concluded from it, or no longer be
    cause: str
    advice: str
    sql: str | None = None  # sentence that the SQL user sees, None when there is none
    source: str = "the capture itself"
    values: tuple[str, ...] = ()  # names that `message` needs

    def render(self, values: dict[str, str | int]) -> str:
        """The message with `values` filled in; one that is missing shows as `?`, so a finding never fails to speak."""
        return self.message.format_map(_Known(values))


class _Known(dict[str, str | int]):
    def __missing__(self, key: str) -> "_Unknown":
        return _Unknown()


class _Unknown:
    def __repr__(self) -> str:
        return "?"

    def __format__(self, spec: str) -> str:
        return "?"
