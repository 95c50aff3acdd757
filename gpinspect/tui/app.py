"""The application: what is shared by the screens, and what the reader tells them."""

from textual.app import App
from textual.message import Message

from gpinspect.errors import GpinspectError
from gpinspect.model import Finding
from gpinspect.tui.commands import Keys
from gpinspect.tui.findings import FindingsScreen
from gpinspect.tui.head import alert_parts, head_parts
from gpinspect.tui.help import HelpScreen
from gpinspect.tui.lists import ExchangesScreen, FlowsScreen, PackagesScreen, SessionsScreen
from gpinspect.tui.look import Look, Part
from gpinspect.tui.reading import Ended, News, Progress, Reader, Snapshot
from gpinspect.tui.screen import WalkScreen
from gpinspect.views.package_list import TimeMode
from gpinspect.views.tables import Context


class Told(Message):
    """News of the reader. Of several that wait only the last of a kind matters."""

    def __init__(self, news: News) -> None:
        super().__init__()
        self.news = news

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Told) and type(message.news) is type(self.news)


class InspectApp(App[None], inherit_bindings=False):
    """Args:
    reader: Where everything comes from.
    look: How it is drawn.
    utc: Times of day in universal time.
    session: Id of the session to open when it is there.
    """

    CSS_PATH = "gpinspect.tcss"
    ENABLE_COMMAND_PALETTE = False
    TITLE = "gpinspect"

    def __init__(self, reader: Reader, *, look: Look | None = None, utc: bool = False, session: int | None = None) -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"  # the terminal's own colours, light or dark
        self.reader = reader
        self.look = look or Look()
        self.context = Context(utc=utc)
        self.time_mode = TimeMode.SINCE
        self.keys = Keys()
        self.words = ""  # a word to the person, until the next key
        self.snapshot = Snapshot(sources=reader.sources)
        self.progress: Progress | None = None
        self.ended: Ended | None = None
        self.interrupted = False
        self._wanted = session

    def get_default_screen(self) -> SessionsScreen:
        return SessionsScreen()

    def on_mount(self) -> None:
        self.reader.start(lambda news: self.post_message(Told(news)))

    @property
    def error(self) -> GpinspectError | None:
        """Why reading could not go on."""
        return self.ended.error if self.ended is not None else None

    # news -----------------------------------------------------------------------------------------------------------------

    def on_told(self, event: Told) -> None:
        news = event.news
        if isinstance(news, Progress):
            self.progress = news
        elif isinstance(news, Ended):
            self.ended = news
            if self._wanted is not None:
                self.say(f"there is no session {self._wanted}: the capture has {len(self.snapshot.sessions):,}, numbered from 1")
        else:
            self.snapshot = news
            if isinstance(self.screen, WalkScreen):
                self.screen.show(news)
            self._open_wanted()
        if isinstance(self.screen, WalkScreen):
            self.screen.surround()

    def _open_wanted(self) -> None:
        if self._wanted is not None and self.snapshot.complete and self._wanted <= len(self.snapshot.sessions):
            self.push_screen(FlowsScreen(self.snapshot.sessions[self._wanted - 1]))
            self._wanted = None

    def head(self, width: int) -> list[Part]:
        return head_parts(self.snapshot, self.progress, self.ended is not None, self.look, width)

    def alert(self) -> Part:
        return alert_parts(self.snapshot, self.ended, self.look)

    def say(self, words: str) -> None:
        """Tell the person something, on the last line, until the next key."""
        self.words = words
        if isinstance(self.screen, WalkScreen):
            self.screen.surround()

    # ways -----------------------------------------------------------------------------------------------------------------

    def go_back(self) -> None:
        """One level up; at the top a word about how to leave."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.say("Q leaves")

    def open_findings(self, session: int | None) -> None:
        self.push_screen(FindingsScreen(session))

    def go_to(self, finding: Finding) -> None:
        """Open what a finding is about."""
        found = self.snapshot
        if finding.exchange is not None:
            exchange = found.exchanges[finding.exchange - 1]
            session = found.sessions[exchange.session - 1] if exchange.session is not None else None
            origin = exchange.start_ns if session is None else session.start_ns
            if len(exchange.packages):
                frame = finding.frames[0] if finding.frames else None
                self.push_screen(PackagesScreen(exchange, origin, f"exchange {exchange.id}", frame))
            elif session is not None:
                self.push_screen(ExchangesScreen(session, exchange.segment))
            else:
                self.say("this exchange belongs to no session and has no packages")
        elif finding.session is not None:
            self.push_screen(FlowsScreen(found.sessions[finding.session - 1]))
        else:
            self.say("this is about the capture or a connection as a whole")

    def _fatal_error(self) -> None:
        """Leave without a traceback, whose locals are payload: who started the application says what went wrong."""
        self._close_messages_no_wait()

    # commands that work everywhere ------------------------------------------------------------------------------------------

    def do_help(self, count: int | None) -> None:
        if isinstance(self.screen, WalkScreen):
            self.push_screen(HelpScreen(self.screen.place))

    def do_redraw(self, count: int | None) -> None:
        self.refresh(repaint=True, layout=True)
        self.screen.refresh(repaint=True, layout=True)

    def do_suspend(self, count: int | None) -> None:
        self.action_suspend_process()

    def do_interrupt(self, count: int | None) -> None:
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
