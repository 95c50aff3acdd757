"""Loads put on the wire frame by frame at chosen times, for stall attribution.

`Load` collects what happens, in any order; `write` plays it by time. Seconds count from the beginning of the capture. Near the
server its own answers are quick (10 µs) and those of the clients take 200 µs; near the clients it is the other way round.
"""

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from craft import END, Capture, Conversation, Piece, ok_head, package, post, request
from craft.files import START_NS

QUICK, SLOW = 10e-6, 200e-6
ROWS = b"0123456,abcdefgh\n" * 500  # 8,500 bytes, six frames
FILE = "/data/a.txt"
Span = tuple[float, float]


def ns(seconds: float) -> int:
    return START_NS + round(seconds * 1e9)


class Load:
    """Several flows of one session of a server.

    Args:
        near: Where the recorder stands, "server" or "client".
    """

    def __init__(self, flows: int = 3, *, near: str = "server", timestamps: bool = True, only: str | None = None) -> None:
        self.capture = Capture()
        self.near = near
        self.flows = range(flows)
        self.talks = [self.talk(number, timestamps=timestamps, only=only) for number in self.flows]
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._offset = 0
        self._ports = 50_000

    def talk(self, number: int, *, timestamps: bool = True, only: str | None = None) -> Conversation:
        client = (f"10.0.0.{number + 1}", 40_000 + number)
        return Conversation(self.capture, client, scale=7, timestamps=timestamps, only=only)  # type: ignore[arg-type]

    def at(self, seconds: float, what: Callable[[], object]) -> None:
        self._events.append((seconds, len(self._events), what))

    @property
    def pace(self) -> tuple[float, float]:
        """Seconds until the server reacts, and until a client does."""
        return (QUICK, SLOW) if self.near == "server" else (SLOW, QUICK)

    def opened(self, talk: Conversation) -> None:
        """A handshake."""
        server, client = self.pace
        talk.syn("client", dt=0)
        talk.syn("server", dt=server)
        talk.shift = 7
        talk.ack("client", dt=client)

    def asked(self, talk: Conversation, segment: int) -> None:
        talk.client(request(segment=segment, count=len(self.flows)), ack=False, dt=QUICK)
        talk.ack("server", dt=self.pace[0])
        talk.server(ok_head(), ack=False, dt=self.pace[0])
        talk.ack("client", dt=self.pace[1])

    def begin(self, *segments: int) -> None:
        """Handshake, request and head of the answer at once."""
        for number in segments or self.flows:
            talk = self.talks[number]
            self.at(0.001 * number, lambda talk=talk: self.opened(talk))
            self.at(0.001 * number + 0.0005, lambda talk=talk, number=number: self.asked(talk, number))

    def rows(self) -> bytes:
        """The next package of the file."""
        made = package(FILE, self._offset, 1 if not self._offset else 0, ROWS)
        self._offset += len(ROWS)
        return made

    def block(self, number: int, *, acked: bool = True) -> list[Piece]:
        talk = self.talks[number]
        pieces = talk.server(self.rows(), ack=False, dt=QUICK)
        if acked:
            talk.ack("client", dt=self.pace[1])
        return pieces

    def served(
        self, start: float, end: float, every: float, *segments: int, without: tuple[Span, ...] = (), turns: int = 1
    ) -> None:
        """Packages in turn (`turns` to one flow before the next), none within `without`."""
        who = self._in_turn(segments or tuple(self.flows), turns)
        step = 0
        while (now := start + step * every) < end:
            step += 1
            if not any(first <= now < last for first, last in without):
                number = next(who)
                self.at(now, lambda number=number: self.block(number))

    @staticmethod
    def _in_turn(segments: tuple[int, ...], turns: int) -> Iterator[int]:
        while True:
            for number in segments:
                yield from [number] * turns

    def ended(self, seconds: float, *segments: int) -> None:
        def end(talk: Conversation) -> None:
            talk.server(END, ack=False, dt=QUICK)
            talk.ack("client", dt=self.pace[1])
            talk.close(dt=QUICK)

        for number in segments or self.flows:
            self.at(seconds + 0.0001 * number, lambda talk=self.talks[number]: end(talk))

    def steady(self, seconds: float, every: float = 0.08, without: tuple[Span, ...] = (), turns: int = 1) -> "Load":
        """A whole even read of all flows."""
        self.begin()
        self.served(0.05, seconds, every, without=without, turns=turns)
        self.ended(seconds + 0.01)
        return self

    # writes

    def post(
        self,
        seconds: float,
        segment: int,
        seq: int,
        body: bytes = b"",
        *,
        done: bool = False,
        half: float = 0,
        answer: float = 0,
        window: bool = False,
        taken: bool = True,
    ) -> Conversation:
        """One post on a connection of its own.

        Args:
            half: Seconds that the client rests in the middle of the body.
            answer: Seconds that the server takes to answer.
            window: The server's window is shut meanwhile, after the first half of the body.
            taken: It is answered at all.
        """
        self._ports += 1
        talk = Conversation(self.capture, (f"10.0.0.{segment + 1}", self._ports), scale=7, timestamps=True)
        whole = post(seq, body, done, segment=segment)
        middle = len(whole) // 2 if half or window else len(whole)

        def first() -> None:
            self.opened(talk)
            talk.client(whole[:middle], ack=False, dt=QUICK)
            talk.ack("server", dt=self.pace[0])
            if window:
                talk.zero_window("server", dt=QUICK)

        def second() -> None:
            if window:
                talk.window_update("server", dt=QUICK)
            if middle < len(whole):
                talk.client(whole[middle:], ack=False, dt=QUICK)
                talk.ack("server", dt=self.pace[0])

        def third() -> None:
            talk.server(ok_head(0), ack=False, dt=QUICK)
            talk.ack("client", dt=self.pace[1])
            talk.close(dt=QUICK)

        self.at(seconds, first)
        self.at(seconds + max(half, answer if window else 0) + 0.001, second)
        if taken:
            self.at(seconds + max(half, answer) + 0.002, third)
        return talk

    def posting(self, seconds: float, every: float = 0.2, without: tuple[Span, ...] = ()) -> "Load":
        """Each segment opens, posts a body now and then, and says that it is done."""
        for segment in self.flows:
            now, seq = 0.01 * segment, 1
            self.post(now, segment, seq)
            while now + every < seconds:
                now += every
                if not any(first <= now < last for first, last in without):
                    seq += 1
                    self.post(now, segment, seq, ROWS)
            self.post(seconds + 0.01 * segment, segment, seq, done=True)
        return self

    def write(self, folder: Path) -> Path:
        for seconds, _, what in sorted(self._events, key=lambda event: event[:2]):
            self.capture.now_ns = max(ns(seconds), self.capture.now_ns)
            what()
        return self.capture.write(folder / "load.pcap")


RECORDED = Path(__file__).parent.parent / "lab" / "recorded"


def recorded(name: str, folder: Path) -> tuple[Path, Path | None, dict[str, object]]:
    """A kept recording of the laboratory unpacked, its key log, and its truth."""
    truth = {entry["file"].split(".")[0]: entry for entry in json.loads((RECORDED / "manifest.json").read_text())}[name]
    path = folder / f"{name}.pcap"
    with gzip.open(RECORDED / f"{name}.pcap.gz") as packed, path.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    keys = RECORDED / truth["keylog"] if truth["keylog"] else None
    return path, keys, truth
