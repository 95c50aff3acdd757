"""The source files of a session: what of each was delivered, and how often."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import ClassVar

from gpinspect.model import FileCoverage, Session
from gpinspect.tui.commands import JUMPS, WALK, Command
from gpinspect.tui.prompt import Question, Verdict
from gpinspect.tui.reading import Snapshot
from gpinspect.tui.screens.base import WalkScreen
from gpinspect.tui.screens.flows import OfSession
from gpinspect.tui.screens.lists import ListScreen
from gpinspect.views.browse import Listing
from gpinspect.views.file_list import file_facts, file_listing, file_name
from gpinspect.views.report import Line
from gpinspect.views.text import bytes_text, plural

WHO: tuple[Command, ...] = (
    Command("who-offset", ("O",), "who got offset N of this file: asks for N", hint="who: offset"),
    Command("who-line", ("L",), "who got line N of this file (as the server counts lines): asks for N", hint="who: line"),
)


def number_asked(text: str) -> int | None:
    """A number as a person writes it: `211,288`, `1_000`; None when it is none."""
    digits = text.strip().replace(",", "").replace("_", "").replace(" ", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def ask_number(screen: WalkScreen, kind: str, done: Callable[[str, int], object]) -> None:
    """Ask for an offset or a line; `done` is told which of both, and the number."""

    def judge(text: str) -> Verdict:
        wrong = text.strip() and number_asked(text) is None
        return Verdict("wanted a number, such as 211,288", "bad") if wrong else Verdict()

    def answered(text: str) -> bool:
        number = number_asked(text)
        if number is None or (kind == "line" and not number):
            return False
        done(kind, number)
        return True

    screen.ask(Question(f"who got {kind}:", answered, judge=judge))


class FilesScreen(OfSession):
    """The files of one session."""

    place = "files"
    groups: ClassVar[tuple[str, ...]] = tuple(group for group in ListScreen.groups if group != JUMPS)
    own: ClassVar[tuple[Command, ...]] = WHO
    entry = Command("files", ("W",), "files of this session: what was delivered, and who got what", WALK)

    @classmethod
    def opened_from(cls, screen: WalkScreen) -> "WalkScreen | str":
        return of_session(screen, cls)

    def crumb(self) -> str:
        return f"files of session {self.session.id}"

    def listing(self, found: Snapshot) -> Listing[FileCoverage]:
        return file_listing(self.session.files, self.context)

    def strip_title(self, item: FileCoverage) -> str:
        return file_name(item)

    def strip_lines(self, item: FileCoverage) -> Iterable[Line]:
        yield from list(file_facts(item))[1:]
        files: Sequence[FileCoverage] = self.session.files
        yield Line(f"{plural(len(files), 'file')} in this session, {bytes_text(sum(file.bytes for file in files))}")
        yield Line("Enter: which Greenplum segment got which part")

    def names(self, item: FileCoverage) -> Iterable[Hashable]:
        return ()

    def open_item(self, item: FileCoverage) -> None:
        from gpinspect.tui.screens.file import FileScreen

        self.app.push_screen(FileScreen(self.session, item.name))

    def _ask(self, kind: str) -> None:
        item: FileCoverage | None = self.item()
        if item is None:
            return
        from gpinspect.tui.screens.file import FileScreen

        session = self.session
        ask_number(self, kind, lambda kind, number: self.app.push_screen(FileScreen(session, item.name, (kind, number))))

    def do_who_offset(self, count: int | None) -> None:
        self._ask("offset")

    def do_who_line(self, count: int | None) -> None:
        self._ask("line")


def of_session(screen: WalkScreen, kind: type[FilesScreen]) -> "WalkScreen | str":
    """The files of the session that a screen is about; or why there are none."""
    session = session_of(screen)
    if session is None:
        return "this belongs to no session"
    if not session.files:
        return why_without_files(session)
    return kind(session)


def session_of(screen: WalkScreen) -> Session | None:
    """The session that a screen is about."""
    number, sessions = screen.session_id(), screen.walk.snapshot.sessions
    return None if number is None or number > len(sessions) else sessions[number - 1]


def why_without_files(session: Session) -> str:
    if session.method == "POST":
        return "a write names no files: its rows go to the path of the request"
    if session.proto == 0:
        return "protocol 0 sends rows as they are, without names of files and offsets"
    return "no package of this session names a file"
