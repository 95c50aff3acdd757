"""The application: what is shared by the screens, and what the reader tells them."""

from collections.abc import Callable

from textual.app import App
from textual.message import Message

from gpinspect.errors import GpinspectError
from gpinspect.model import Finding, Session
from gpinspect.tui.commands import Command, CommandTable, Keys
from gpinspect.tui.exporting import Exporter
from gpinspect.tui.head import alert_parts, head_parts
from gpinspect.tui.look import Look, Part
from gpinspect.tui.reading import Ended, News, Progress, Reader, Snapshot
from gpinspect.tui.saving import Saver
from gpinspect.tui.screens import SCREENS
from gpinspect.tui.screens.base import WalkScreen
from gpinspect.tui.screens.exchanges import ExchangesScreen
from gpinspect.tui.screens.flows import FlowsScreen
from gpinspect.tui.screens.help import HelpScreen
from gpinspect.tui.screens.leads import open_exchange
from gpinspect.tui.screens.palette import PaletteScreen
from gpinspect.tui.screens.picture import view_screen
from gpinspect.tui.screens.sessions import SessionsScreen
from gpinspect.tui.tops import Tops
from gpinspect.tui.wishes import Wishes
from gpinspect.tui.working import Work
from gpinspect.views.filter import Around
from gpinspect.views.finding_list import Selection
from gpinspect.views.spots import Spot, stall_spots
from gpinspect.views.tables import Context
from gpinspect.views.timeline import MANY
from gpinspect.views.times import TimeMode


class Told(Message):
    """News of the reader. Of several that wait only the last of a kind matters."""

    def __init__(self, news: News) -> None:
        super().__init__()
        self.news = news

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Told) and type(message.news) is type(self.news)


class InspectApp(Tops, App[None], inherit_bindings=False):
    """Args:
    reader: Where everything comes from.
    look: How it is drawn.
    utc: Times of day in universal time.
    session: Id of the session to open when it is there.
    table: The commands with the keys of this person.
    """

    CSS_PATH = "gpinspect.tcss"
    ENABLE_COMMAND_PALETTE = False
    TITLE = "gpinspect"

    def __init__(
        self,
        reader: Reader,
        *,
        look: Look | None = None,
        utc: bool = False,
        session: int | None = None,
        table: CommandTable | None = None,
    ) -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"  # the terminal's own colours, light or dark
        self.reader = reader
        self.look = look or Look()
        self.table = table or CommandTable(SCREENS)
        self.context = Context(utc=utc)
        self.keys = Keys()
        self.words = ""  # a word to the person, until the next key
        self.snapshot = Snapshot(sources=reader.sources)
        self.progress: Progress | None = None
        self.ended: Ended | None = None
        self.interrupted = False
        self.wishes = Wishes()
        self.time_modes: dict[str, TimeMode] = {}
        self.selection = Selection()  # of findings
        self.folded = False  # sessions of one query are one row
        self.following = False
        self.paused = False
        self._working: Work | None = None
        self._around: tuple[Snapshot, Around] | None = None
        self._wanted = session

    def get_default_screen(self) -> SessionsScreen:
        return SessionsScreen()

    def on_mount(self) -> None:
        self.reader.start(lambda news: self.post_message(Told(news)))

    @property
    def error(self) -> GpinspectError | None:
        """Why reading could not go on."""
        return self.ended.error if self.ended is not None else None

    @property
    def defect(self) -> BaseException | None:
        """What of ours went wrong."""
        if self.ended is not None and self.ended.defect is not None:
            return self.ended.defect
        return getattr(self._exception, "error", self._exception)

    @property
    def growing(self) -> bool:
        """More may still come, and nobody knows how much."""
        return self.ended is None and self.reader.growing

    # news -----------------------------------------------------------------------------------------------------------------

    def on_told(self, event: Told) -> None:
        news = event.news
        if isinstance(news, Progress):
            self.progress = news
        elif isinstance(news, Ended):
            self.ended = news
            if news.defect is not None:
                self.exit()
            self.following = False
            self._unpause()
            if self._wanted is not None:
                self.say(f"there is no session {self._wanted}: the capture has {len(self.snapshot.sessions):,}, numbered from 1")
        else:
            self.snapshot = news
            if not self.paused:
                self._show()
            self._open_wanted()
        if isinstance(self.screen, WalkScreen):
            self.screen.surround()

    def _show(self) -> None:
        if isinstance(self.screen, WalkScreen):
            self.screen.show(self.snapshot)

    def _open_wanted(self) -> None:
        if self._wanted is not None and self.snapshot.complete and self._wanted <= len(self.snapshot.sessions):
            self.open_session(self.snapshot.sessions[self._wanted - 1])
            self._wanted = None

    def look_at(self, reader: Reader, found: Snapshot) -> None:
        """Another reading of the same inputs takes the place of this one."""
        before, self.reader = self.reader, reader
        self.snapshot = found
        self._show()
        before.close()

    def head(self, width: int) -> list[Part]:
        return head_parts(self.snapshot, self.progress, self.ended is not None, self.look, width)

    def alert(self) -> Part:
        return alert_parts(self.snapshot, self.ended, self.look)

    def say(self, words: str) -> None:
        """Tell the person something, on the last line, until the next key."""
        self.words = words
        if isinstance(self.screen, WalkScreen):
            self.screen.surround()

    def busy(self, task: Work) -> None:
        """Long work that ^C stops."""
        self._working = task

    def around_of(self, found: Snapshot, make: Callable[[], Around]) -> Around:
        """What filters look at beside the items, made once a snapshot."""
        if self._around is None or self._around[0] is not found:
            self._around = (found, make())
        return self._around[1]

    def stalls(self) -> list[Spot]:
        return stall_spots(self.snapshot.stalls)

    # ways -----------------------------------------------------------------------------------------------------------------

    def enter(self, command: Command, screen: WalkScreen) -> None:
        """Open the screen that a command leads to."""
        kind = self.table.entries[command.name]
        opened = kind.opened_from(screen)
        if isinstance(opened, str):
            self.say(opened)
        else:
            self.push_screen(opened)

    def open_session(self, session: Session) -> None:
        """Its flows: as a table, or all on one screen where there are many."""
        many = len(session.segments) >= MANY
        self.push_screen(view_screen("matrix" if many else "flows", session))

    def go_back(self) -> None:
        """One level up; at the top a word about how to leave."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.say("Q leaves")

    def go_to(self, finding: Finding) -> None:
        """Open what a finding is about."""
        found = self.snapshot
        if finding.exchange is not None and finding.exchange <= len(found.exchanges):
            exchange = found.exchanges[finding.exchange - 1]
            session = found.sessions[exchange.session - 1] if exchange.session is not None else None
            origin = exchange.start_ns if session is None else session.start_ns
            if len(exchange.packages):
                frame = finding.frames[0] if finding.frames else None
                open_exchange(self, exchange, origin, f"exchange {exchange.id}", frame)
            elif session is not None:
                screen = ExchangesScreen(session, exchange.segment)
                self.push_screen(screen)
                self.call_later(lambda: screen.reveal(lambda one: one.id == exchange.id))
            else:
                self.say("this exchange belongs to no session and has no packages")
        elif finding.session is not None and finding.session <= len(found.sessions):
            flows = FlowsScreen(found.sessions[finding.session - 1])
            self.push_screen(flows)
            if finding.segment is not None:
                self.call_later(lambda: flows.reveal(lambda row: row.segment == finding.segment))
        else:
            self.say("this is about the capture or a connection as a whole")

    def _fatal_error(self) -> None:
        """Leave without a traceback, whose locals are payload: who started the application says what went wrong."""
        self._close_messages_no_wait()

    # commands that work everywhere ------------------------------------------------------------------------------------------

    def do_help(self, count: int | None) -> None:
        if isinstance(self.screen, WalkScreen) and not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def do_palette(self, count: int | None) -> None:
        if isinstance(self.screen, WalkScreen):
            self.push_screen(PaletteScreen(self.screen))

    def do_redraw(self, count: int | None) -> None:
        self.refresh(repaint=True, layout=True)
        self.screen.refresh(repaint=True, layout=True)

    def do_suspend(self, count: int | None) -> None:
        self.action_suspend_process()

    def do_export(self, count: int | None) -> None:
        if isinstance(self.screen, WalkScreen):
            Exporter(self.screen).ask()

    def do_save(self, count: int | None) -> None:
        if isinstance(self.screen, WalkScreen):
            Saver(self.screen).ask()

    def do_follow(self, count: int | None) -> None:
        self.following = not self.following
        if self.following and isinstance(self.screen, WalkScreen):
            self.screen.pane().move("bottom", None)
        self.say("following: the cursor stays on the newest row" if self.following else "not following any more")

    def do_pause(self, count: int | None) -> None:
        if self.paused:
            self._unpause()
            self.say("going on")
        else:
            self.paused = True
            self.say("the picture stands still; reading goes on")

    def _unpause(self) -> None:
        if self.paused:
            self.paused = False
            self._show()

    def do_interrupt(self, count: int | None) -> None:
        if self._working is not None and self._working.running:
            self._working.stop()
            self.say(f"{self._working.word} was stopped")
            return
        if self.ended is None and not self.interrupted:
            self.interrupted = True
            self.reader.cancel()
            self.say("reading is being stopped; ^C again leaves")
            return
        self.interrupted = True
        self.exit()

    def do_quit(self, count: int | None) -> None:
        self.interrupted = False
        self.exit()
