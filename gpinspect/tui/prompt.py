"""The line at the bottom in which a person writes: a filter, a text to search for, a file name, an answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gpinspect.tui.look import BOLD, DIM, PLAIN, REVERSE, Look, Part
from gpinspect.tui.virtual import Drawn
from gpinspect.views.editing import Line
from gpinspect.views.filter_help import Completion
from gpinspect.views.tables import Tone
from gpinspect.views.text import cells, printable, shorten

HISTORY = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said about a text while it is written: a word, and characters [start, end) that are wrong."""

    word: str = ""
    tone: Tone = ""
    mistake: tuple[int, int] | None = None


@dataclass(slots=True)
class Question:
    """What is asked for.

    Args:
        judge: Told the text at every change; says what is to be thought of it.
        done: Told the text at Enter; False: go on asking.
        dropped: Called when the person takes it back.
        complete: What may stand at the caret of a text.
        single: One key is the answer.
        hidden: What is written is shown as stars, and forgotten.
    """

    label: str
    done: Callable[[str], bool | None]
    text: str = ""
    judge: Callable[[str], Verdict] = field(default=lambda text: Verdict())
    dropped: Callable[[], None] = field(default=lambda: None)
    complete: Callable[[str, int], Completion] | None = None
    single: bool = False
    hidden: bool = False


class Prompt(Drawn):
    """Label and text; below, a caret under a mistake with what is wrong, and what may stand there (Tab)."""

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self.question: Question | None = None
        self.line = Line()
        self.verdict = Verdict()
        self.completion: Completion | None = None
        self.chosen = -1
        self._history: dict[str, list[str]] = {}
        self._back = 0
        self.display = False

    @property
    def active(self) -> bool:
        return self.question is not None

    def ask(self, question: Question) -> None:
        self.question = question
        self._back = 0
        self._change(Line.of(question.text))
        self.display = True

    def close(self) -> None:
        self.question = None
        self.display = False

    def paste(self, text: str) -> None:
        if self.question is not None and not self.question.single:
            self._change(self.line.insert(text))

    def feed(self, key: str, character: str | None) -> None:
        """Take a key; all of them are taken while something is asked for."""
        question = self.question
        if question is None:
            return
        if key in ("escape", "ctrl+c"):
            self.close()
            question.dropped()
        elif question.single:
            self.close()
            question.done(character or key)
        elif key == "enter":
            if not question.hidden:
                self._remember(question.label, self.line.text)
            if question.done(self.line.text) is False:
                self._judge()
            elif self.question is question:
                self.close()
        elif key in ("tab", "shift+tab"):
            self._complete(1 if key == "tab" else -1)
        elif key in ("up", "down", "ctrl+p", "ctrl+n"):
            self._recall(question.label, 1 if key in ("up", "ctrl+p") else -1)
        else:
            edited = self.line.key(key)
            if edited is None and character is not None and character.isprintable():
                edited = self.line.insert(character)
            if edited is not None:
                self._change(edited)

    def _change(self, line: Line) -> None:
        changed = line.text != self.line.text
        self.line = line
        self.chosen = -1
        question = self.question
        if question is not None and question.complete is not None:
            self.completion = question.complete(line.text, line.caret)
        else:
            self.completion = None
        if changed or not line.text:
            self._judge()
        else:
            self._draw()

    def _judge(self) -> None:
        if self.question is not None:
            self.verdict = self.question.judge(self.line.text)
        self._draw()

    def tell(self, verdict: Verdict) -> None:
        """Another thought about the same text."""
        self.verdict = verdict
        self._draw()

    def _complete(self, step: int) -> None:
        offered = self.completion
        if offered is None or not offered.candidates:
            return
        chosen = (self.chosen + step) % len(offered.candidates) if self.chosen >= 0 or step < 0 else 0
        self._change(self.line.replace(offered.start, offered.candidates[chosen]))
        if len(offered.candidates) > 1:
            self.completion, self.chosen = offered, chosen
            self._draw()

    def _remember(self, label: str, text: str) -> None:
        known = self._history.setdefault(label, [])
        if text and (not known or known[-1] != text):
            known.append(text)
            del known[:-HISTORY]

    def _recall(self, label: str, step: int) -> None:
        known = self._history.get(label, [])
        back = min(max(self._back + step, 0), len(known))
        if back != self._back:
            self._back = back
            self._change(Line.of(known[-back] if back else ""))

    # drawing --------------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self.question is None:
            return
        lines = self._lines(max(self.size.width, 20))
        self.styles.height = len(lines)
        self.set_lines(lines)

    def on_resize(self) -> None:
        self._draw()

    def _lines(self, width: int) -> Sequence[Sequence[Part]]:
        assert self.question is not None
        label = f"{self.question.label} "
        word = self.look.text(self.verdict.word)
        mistake = self.verdict.mistake
        side = "" if mistake is not None else word
        room = max(8, width - cells(label) - (cells(side) + 2 if side else 0) - 1)
        text, caret = self.line.text, self.line.caret
        if self.question.hidden:
            text = "*" * len(text)
        first = max(0, caret - room + 1)
        while first < caret and cells(printable(text[first:caret])) >= room:
            first += 1
        before, at, after = printable(text[first:caret]), printable(text[caret : caret + 1]) or " ", printable(text[caret + 1 :])
        style = self.look.style(self.verdict.tone)
        used = cells(before) + cells(at)
        after = after[: max(0, room - used)]
        blanks = " " * max(1, width - cells(label) - used - cells(after) - cells(side))
        top: list[Part] = [(label, BOLD), (before, style), (at, style + REVERSE), (after, style), (blanks, PLAIN), (side, style)]
        lines = [top]
        if mistake is not None:
            lines.append(self._pointed(width, cells(label), first, mistake, word))
        elif self.question.complete is not None:
            lines.append([])  # the list does not jump with every key
        if self.question.complete is not None:
            lines.append(self._candidates())
        return lines

    def _pointed(self, width: int, label: int, first: int, mistake: tuple[int, int], word: str) -> list[Part]:
        """What is wrong beside a caret below it, on the side where there is more room."""
        start, end = mistake
        bad = self.look.style("bad")
        place = label + cells(printable(self.line.text[first : max(start, first)]))
        carets = "^" * max(1, cells(printable(self.line.text[max(start, first) : end])))
        right = width - place - len(carets) - 1
        if right >= min(cells(word), place):
            return [(" " * place, PLAIN), (carets, bad), (f" {word}", bad)]
        return [(shorten(word, place - 1).rjust(place - 1), bad), (" ", PLAIN), (carets, bad)]

    def _candidates(self) -> list[Part]:
        parts: list[Part] = []
        if self.completion is not None and self.completion.candidates:
            parts.append(("Tab: ", DIM))
            begin = max(0, self.chosen - 3)
            for number, candidate in enumerate(self.completion.candidates[begin : begin + 30], begin):
                parts.append((self.look.text(printable(candidate)), REVERSE if number == self.chosen else PLAIN))
                parts.append(("  ", PLAIN))
        return parts
