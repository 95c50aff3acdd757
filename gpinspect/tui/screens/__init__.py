"""The screens, one a file. `SCREENS` is all of them: what the table of commands, the configuration and the tests go through."""

from gpinspect.tui.screens.base import WalkScreen
from gpinspect.tui.screens.compare import CompareScreen
from gpinspect.tui.screens.exchanges import ExchangesScreen
from gpinspect.tui.screens.file import FileScreen
from gpinspect.tui.screens.files import FilesScreen
from gpinspect.tui.screens.findings import FindingsScreen
from gpinspect.tui.screens.flows import FlowsScreen
from gpinspect.tui.screens.heads import HeadsScreen
from gpinspect.tui.screens.help import HelpScreen
from gpinspect.tui.screens.ladder import LadderScreen
from gpinspect.tui.screens.package import PackageScreen
from gpinspect.tui.screens.packages import PackagesScreen
from gpinspect.tui.screens.palette import PaletteScreen
from gpinspect.tui.screens.pick import PickScreen
from gpinspect.tui.screens.sessions import SessionsScreen
from gpinspect.tui.screens.statistics import StatisticsScreen
from gpinspect.tui.screens.timeline import MatrixScreen, TimelineScreen
from gpinspect.tui.screens.tls import TlsScreen

SCREENS: tuple[type[WalkScreen], ...] = (
    SessionsScreen,
    FlowsScreen,
    LadderScreen,
    TimelineScreen,
    MatrixScreen,
    ExchangesScreen,
    PackagesScreen,
    PackageScreen,
    FindingsScreen,
    FilesScreen,
    FileScreen,
    TlsScreen,
    StatisticsScreen,
    HeadsScreen,
    CompareScreen,
    HelpScreen,
    PaletteScreen,
    PickScreen,
)
