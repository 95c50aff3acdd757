"""Sessions of the capture as a capture of their own, for others to look at."""

from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from gpinspect import __version__
from gpinspect.errors import GpinspectError
from gpinspect.tui.files import ask_for_file, written
from gpinspect.views.text import bytes_text, plural, printable

if TYPE_CHECKING:
    from gpinspect.tui.screens.base import WalkScreen


class Saver:
    """Args:
    screen: Whose sessions.
    """

    def __init__(self, screen: "WalkScreen") -> None:
        self._screen = screen

    def ask(self) -> None:
        sessions = self._screen.chosen_sessions()
        walk = self._screen.walk
        if not sessions:
            walk.say("no session is chosen here")
            return
        if walk.ended is None:
            walk.say("the capture is still being read; save when it is done")
            return
        wanted = {session.id for session in sessions}
        connections = frozenset(exchange.connection for exchange in walk.snapshot.exchanges if exchange.session in wanted)
        names = plural(len(sessions), "session")
        proposed = f"session-{'-'.join(map(str, sorted(wanted)))}.pcapng" if len(wanted) <= 4 else f"{len(wanted)}-sessions.pcapng"
        ask_for_file(self._screen, f"save {names} without secrets to:", proposed, _wrong, partial(self._begin, connections))

    def _begin(self, connections: frozenset[int], path: Path, replace: bool) -> None:
        self._screen.run_worker(partial(self._write, connections, path, replace), thread=True, group="save")
        self._screen.walk.say(f"writing {path} ...")

    def _write(self, connections: frozenset[int], path: Path, replace: bool) -> None:
        from gpinspect.capture.write import PcapngWriter

        try:
            records = self._screen.walk.reader.frames(connections)
            begun = list(islice(records, 1))  # the inputs are open again before a new file appears among them
            with written(path, replace=replace) as file:
                writer = PcapngWriter(file, f"gpinspect {__version__}")
                for record in chain(begun, records):
                    writer.frame(record.link, record.ns, record.captured, record.original)
            told = f"{plural(len(connections), 'connection')}, {plural(writer.frames, 'frame')}, {bytes_text(writer.bytes)}"
            words = f"{path} written: {told}"
        except GpinspectError as problem:
            words = str(problem)
        self._screen.app.call_from_thread(self._screen.walk.say, printable(words))


def _wrong(path: Path) -> str:
    return "" if path.suffix == ".pcapng" else f"{path.name}: the name of a capture ends with .pcapng"
