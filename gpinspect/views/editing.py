"""One line of text that is being written: what each key makes of it. Knows no screen."""

from dataclasses import dataclass

LONGEST = 4_096
"""Characters that are taken; more is dropped."""


@dataclass(frozen=True, slots=True)
class Line:
    """Text with a caret: `caret` characters stand in front of it."""

    text: str = ""
    caret: int = 0

    @classmethod
    def of(cls, text: str) -> "Line":
        """A text with the caret behind it."""
        return cls(text[:LONGEST], len(text[:LONGEST]))

    def insert(self, text: str) -> "Line":
        """Put in what can be printed of a text, at the caret."""
        text = "".join(one if one.isprintable() else " " for one in text)[: LONGEST - len(self.text)]
        return Line(self.text[: self.caret] + text + self.text[self.caret :], self.caret + len(text))

    def replace(self, start: int, text: str) -> "Line":
        """Put a text in place of what stands between `start` and the caret."""
        return Line((self.text[:start] + text + self.text[self.caret :])[:LONGEST], min(start + len(text), LONGEST))

    def _cut(self, start: int, end: int) -> "Line":
        return Line(self.text[:start] + self.text[end:], start)

    def _word_start(self) -> int:
        at = self.caret
        while at and self.text[at - 1].isspace():
            at -= 1
        while at and not self.text[at - 1].isspace():
            at -= 1
        return at

    def key(self, key: str) -> "Line | None":
        """What a key of editing leaves; None when it is none."""
        caret, size = self.caret, len(self.text)
        places = {
            "left": max(caret - 1, 0),
            "right": min(caret + 1, size),
            "home": 0,
            "ctrl+a": 0,
            "end": size,
            "ctrl+e": size,
            "ctrl+left": self._word_start(),
        }
        if key in places:
            return Line(self.text, places[key])
        cuts = {
            "backspace": (max(caret - 1, 0), caret),
            "ctrl+h": (max(caret - 1, 0), caret),
            "delete": (caret, min(caret + 1, size)),
            "ctrl+u": (0, caret),
            "ctrl+k": (caret, size),
            "ctrl+w": (self._word_start(), caret),
        }
        return self._cut(*cuts[key]) if key in cuts else None
