"""A reader that stands still, captures by hand, and the screen as text."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from craft import Capture, Conversation, error_message, ok_head, package, read_session, request, write_session
from textual.events import Key
from textual.keys import _character_to_key
from textual.pilot import Pilot

from gpinspect.capture.source import Record
from gpinspect.errors import TlsKeyError
from gpinspect.inspection import HeadBytes, MessageBytes, open_inspection
from gpinspect.model import Exchange
from gpinspect.tui.app import InspectApp
from gpinspect.tui.reading import Ended, FileReader, News, Snapshot

ROWS = b"".join(b"%d,word %d\n" % (number, number) for number in range(3000))


@dataclass
class Still:
    """Gives one snapshot, and the bytes of packages out of a table."""

    found: Snapshot
    packages: dict[tuple[int, int], MessageBytes] = field(default_factory=dict)
    ended: Ended | None = field(default_factory=Ended)
    cancelled: bool = False
    tell: Callable[[News], object] | None = None
    heads_of: dict[int, HeadBytes] = field(default_factory=dict)

    growing: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        return self.found.sources

    def start(self, tell: Callable[[News], object]) -> None:
        self.tell = tell
        tell(self.found)
        if self.ended is not None:
            tell(self.ended)

    def cancel(self) -> None:
        self.cancelled = True
        if self.tell is not None:
            self.tell(Ended(cancelled=True))

    def give_way(self) -> None: ...

    def fetch(self, exchange: Exchange, index: int) -> MessageBytes:
        return self.packages[exchange.id, index]

    def heads(self, exchange: Exchange) -> HeadBytes:
        return self.heads_of.get(exchange.id, HeadBytes(None, None))

    def with_key(self, name: str, password: bytes | None = None) -> "Still":
        raise TlsKeyError(f"{name}: nothing is opened here")

    def frames(self, connections: object) -> Iterator[Record]:
        return iter(())

    def close(self) -> None: ...


def read_capture(folder: Path) -> Path:
    """A read of two Greenplum segments: a file of 3,000 rows in packages of at most 4,096 bytes."""
    capture = Capture()
    read_session(capture, {"/data/rows.csv": ROWS}, 2, package_size=4096, path="/rows.csv")
    return capture.write(folder / "read.pcap")


def both_capture(folder: Path) -> Path:
    """A read of two Greenplum segments, then a write of two."""
    capture = Capture()
    read_session(capture, {"/data/rows.csv": ROWS}, 2, package_size=4096, path="/rows.csv")
    write_session(capture, [[b"1,a\n", b"2,b\n"], [b"3,c\n"]], path="/out.csv")
    return capture.write(folder / "both.pcap")


def write_capture(folder: Path) -> Path:
    """A write: segment 0 sends two bodies, segment 1 one."""
    capture = Capture()
    write_session(capture, [[b"1,a\n", b"2,b\n"], [b"3,c\n"]], path="/out.csv")
    return capture.write(folder / "write.pcap")


def hostile_capture(folder: Path, name: bytes, error: bytes) -> Path:
    """A read whose file name and error text are what the sender liked."""
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(segment=0, count=1, path="/x.csv"))
    talk.server(ok_head(1))
    talk.server(package(name, 0, 1, b"1,x\n"))
    talk.server(error_message(error))
    talk.close()
    return capture.write(folder / "hostile.pcap")


def app_on(*paths: Path, **options: object) -> InspectApp:
    """The application on real files."""
    return InspectApp(FileReader(open_inspection([str(path) for path in paths], again=True)), **options)  # type: ignore[arg-type]


async def settled(pilot: Pilot[None]) -> None:
    """Everything is read, fetched and drawn."""
    app = pilot.app
    assert isinstance(app, InspectApp)
    for _ in range(200):
        await pilot.pause(0.01)
        if app.ended is not None:
            break
    await app.workers.wait_for_complete()
    await pilot.pause()


_CHARACTERS = {"space": " ", "tab": "\t", "enter": "\r"}


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Keys, each after the one before has had its effect."""
    for key in keys:
        name = _character_to_key(key) if len(key) == 1 else key
        pilot.app.post_message(Key(name, key if len(key) == 1 else _CHARACTERS.get(key)))
        await pilot.pause()
        if pilot.app.workers:
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()


def lines(app: InspectApp) -> list[str]:
    """What is on the screen."""
    return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]


def text(app: InspectApp) -> str:
    return "\n".join(line.rstrip() for line in lines(app))
