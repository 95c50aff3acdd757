"""Regular expressions whose cost is bounded, whatever the pattern and the text: both may come from somebody else.

Python's `re` decides what a pattern means and whether it is one. It also searches where it cannot run away: with one choice at most
and a text of moderate length. Everything else goes through a simulation of all choices at once, whose steps are at most characters
times instructions. Left out are references back, look-around, possessive and atomic parts, which no such simulation can do.
"""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

LONGEST_PATTERN: Final = 200
"""Characters of a pattern."""
LONGEST_TEXT: Final = 10_000
"""Characters of a text that are searched; what stands behind is not looked at."""
LARGEST_PROGRAM: Final = 2_000
"""Instructions that a pattern may become; counted repeats are written out."""
DEEPEST: Final = 40
_PLAIN_TEXT: Final = 1_000  # with one open repeat the search takes the square of this at most
_REMEMBERED: Final = 1_024

CHAR, SPLIT, JUMP, AT, MATCH = range(5)
_ANCHORS: Final = {"^", "$", r"\A", r"\Z", r"\b", r"\B"}
_REPEAT: Final = re.compile(r"[*+?]|\{(\d*)(?:(,)(\d*))?\}")


class PatternError(ValueError):
    """A pattern cannot be used; `position` is the character of it where that shows."""

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.position = position


@dataclass(slots=True)
class _Atom:
    """One character, by the source that says which; what it was asked before is remembered."""

    test: re.Pattern[str]
    known: dict[str, bool] = field(default_factory=dict)

    def takes(self, character: str) -> bool:
        answer = self.known.get(character)
        if answer is None:
            answer = self.test.fullmatch(character) is not None
            if len(self.known) < _REMEMBERED:
                self.known[character] = answer
        return answer


Instruction = tuple[int, int, int, _Atom | None]  # what, next, other next, character or anchor


def searcher(pattern: str) -> Callable[[str], bool]:
    """A function that says whether the pattern is found anywhere in a text. `(?i)` in front: in either case.

    Raises:
        PatternError: It is no pattern, too long, or has a part that is not offered.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise PatternError(f"a pattern of {len(pattern):,} characters; at most {LONGEST_PATTERN} are taken", 0)
    reader = _Reader(pattern)
    reader.refuse()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what later releases of Python may read differently
            plain = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as problem:
        raise PatternError(f"no regular expression: {problem}", getattr(problem, "pos", None) or 0) from problem
    program = reader.read()
    simple = reader.choices <= 1
    remembered: dict[str, bool] = {}

    def search(text: str) -> bool:
        answer = remembered.get(text)
        if answer is None:
            answer = plain.search(text) is not None if simple and len(text) <= _PLAIN_TEXT else run(program, text)
            if len(remembered) >= _REMEMBERED:
                remembered.clear()
            if len(text) <= _PLAIN_TEXT:
                remembered[text] = answer
        return answer

    return search


def program_of(pattern: str) -> list[Instruction]:
    """The instructions of a pattern that `re` takes.

    Raises:
        PatternError: As `searcher`.
    """
    reader = _Reader(pattern)
    reader.refuse()
    return reader.read()


def run(program: list[Instruction], text: str) -> bool:
    """Whether the program matches anywhere in the first `LONGEST_TEXT` characters: one pass, all choices side by side."""
    active: set[int] = set()
    end = min(len(text), LONGEST_TEXT)
    for position in range(end + 1):
        if _follow(program, [*active, 0], active, text, position):
            return True
        if position < end:
            active = _step(program, active, text[position])
    return False


def _step(program: list[Instruction], active: set[int], character: str) -> set[int]:
    """Where the character leads."""
    return {
        following
        for what, following, _, atom in map(program.__getitem__, active)
        if what == CHAR and atom and atom.takes(character)
    }


def _follow(program: list[Instruction], pending: list[int], active: set[int], text: str, position: int) -> bool:
    """Everything that is reached without taking a character; True when that is the end."""
    active.clear()
    while pending:
        at = pending.pop()
        if at in active:
            continue
        active.add(at)
        what, following, other, atom = program[at]
        if what == MATCH:
            return True
        if what == SPLIT:
            pending += (following, other)
        elif what == JUMP or (what == AT and atom and atom.test.match(text, position)):
            pending.append(following)
    return False


class _Reader:
    """Reads a pattern into instructions."""

    def __init__(self, pattern: str) -> None:
        self._fold = pattern.startswith("(?i)")
        self._pattern = pattern
        self._at = 4 if self._fold else 0
        self._program: list[Instruction] = []
        self.choices = 0

    def refuse(self) -> None:
        """Parts that are fine for `re` and not offered."""
        at, inside = self._at, False
        while at < len(self._pattern):
            two = self._pattern[at : at + 2]
            if two[0] == "\\":
                if len(two) == 2 and not inside and (two[1] in "123456789NuUx0"):
                    raise PatternError("no references back or numbered characters in a pattern here", at)
                at += 2
                continue
            if inside:
                inside = two[0] != "]"
            elif two[0] == "[":
                inside = True
                at += 1 if self._pattern[at + 1 : at + 2] != "^" else 2
                at += self._pattern[at : at + 1] == "]"
                continue
            elif two == "(?" and self._pattern[at + 2 : at + 3] != ":":
                raise PatternError("of groups that begin with (? only (?: is offered, and (?i) in front of the pattern", at)
            at += 1

    def read(self) -> list[Instruction]:
        self._either(0)
        self._emit(MATCH)
        return self._program

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _emit(self, what: int, atom: _Atom | None = None) -> int:
        if len(self._program) >= LARGEST_PROGRAM:
            raise PatternError("its counted repeats become too long; write smaller numbers", 0)
        self._program.append((what, len(self._program) + 1, 0, atom))
        return len(self._program) - 1

    def _aim(self, at: int, following: int, other: int = 0) -> None:
        what, _, _, atom = self._program[at]
        self._program[at] = (what, following, other, atom)

    def _either(self, depth: int) -> None:
        if depth > DEEPEST:
            raise PatternError(f"groups within groups, more than {DEEPEST} deep", self._at)
        begin = len(self._program)
        self._row(depth)
        leaving = []
        while self._peek() == "|":
            self.choices += 1
            self._at += 1
            jump = self._emit(JUMP)
            self._move(begin)
            leaving.append(jump + 1)
            self._aim(begin, begin + 1, len(self._program))
            begin = len(self._program)
            self._row(depth)
        for at in leaving:
            self._aim(at, len(self._program))

    def _move(self, begin: int) -> None:
        """Make room for a split at `begin`."""
        block = self._program[begin:]
        del self._program[begin:]
        self._emit(SPLIT)
        self._copy(block, begin)

    def _copy(self, block: list[Instruction], begin: int) -> None:
        """Write a block that stood at `begin` here."""
        shift = len(self._program) - begin
        for what, following, other, atom in block:
            at = self._emit(what, atom)
            self._aim(at, following + shift, other + shift if what == SPLIT else 0)

    def _row(self, depth: int) -> None:
        while (character := self._peek()) and character not in "|)":
            begin = len(self._program)
            self._one(depth)
            while (repeat := _REPEAT.match(self._pattern, self._at)) and not _literal_braces(repeat):
                self._at = repeat.end()
                follower = self._peek()
                if follower == "+":
                    raise PatternError("possessive repeats are not offered", self._at)
                self._at += follower == "?"  # lazy or not, it is found or it is not
                self._repeat(begin, *_bounds(repeat))

    def _one(self, depth: int) -> None:
        start, character = self._at, self._peek()
        if character == "(":
            self._at += 3 if self._pattern.startswith("(?:", start) else 1
            self._either(depth + 1)
            self._at += 1
            return
        if character == "\\":
            self._at += 2
        elif character == "[":
            self._at += 2 if self._pattern[start + 1] == "^" else 1
            first = True  # a bracket that comes first belongs to the class
            while first or self._peek() != "]":
                self._at += 2 if self._peek() == "\\" else 1
                first = False
            self._at += 1
        else:
            self._at += 1
        source = self._pattern[start : self._at]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            test = re.compile(source, re.IGNORECASE if self._fold else 0)
        self._emit(AT if source in _ANCHORS else CHAR, _Atom(test))

    def _repeat(self, begin: int, least: int, most: int | None) -> None:
        """Replace what was written since `begin` by so many of it."""
        if max(least, most or 0) > LARGEST_PROGRAM:
            raise PatternError(f"a counted repeat of more than {LARGEST_PROGRAM:,}", self._at - 1)
        if least != most:
            self.choices += 1
        block = self._program[begin:]
        del self._program[begin:]
        for _ in range(least):
            self._copy(block, begin)
        if most is None:
            split = self._emit(SPLIT)
            self._copy(block, begin)
            again = self._emit(JUMP)
            self._aim(again, split)
            self._aim(split, split + 1, len(self._program))
            return
        splits = []
        for _ in range(most - least):
            splits.append(self._emit(SPLIT))
            self._copy(block, begin)
        for split in splits:
            self._aim(split, split + 1, len(self._program))


def _literal_braces(repeat: re.Match[str]) -> bool:
    """Empty braces are two characters to `re`."""
    return repeat[0] == "{}"


def _bounds(repeat: re.Match[str]) -> tuple[int, int | None]:
    if repeat[0] in ("*", "+", "?"):
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[repeat[0]]
    least = int(repeat[1] or 0)
    if repeat[2] is None:
        return least, least
    return least, int(repeat[3]) if repeat[3] else None
